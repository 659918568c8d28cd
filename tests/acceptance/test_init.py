"""`fun init`: what it makes deploys and runs at once, and it never harms what is there."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance import readme
from tests.conftest import ROOT, wait_for

TEMPLATES = sorted(path.name for path in (ROOT / "templates").iterdir() if path.is_dir())


def start(shell, template: str, *options: str) -> dict:
    """A new project called demo, in which the shell then is."""
    made = shell.fun("init", template, "-n", "demo", *options, "--json").json
    shell.project = made["path"]
    return made


def tree(folder) -> dict[str, bytes]:
    """Every file below a folder, with its content; links as what they lead to."""
    root = Path(folder)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_readme_of_a_new_project_works_from_its_first_command_to_its_last(shell, template):
    start(shell, template)
    assert "fun deploy" in readme.commands(shell.project)[0]
    readme.run(shell)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_is_valid_and_what_is_suggested_next_works(shell, template):
    made = start(shell, template)
    assert shell.fun("validate").err == ""
    for step in made["next"]:
        shell.run(*step.split())


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_works_with_every_value_that_it_offers(shell, template):
    described = {t["name"]: t for t in shell.fun("init", "--json").json["templates"]}[template]
    for variable in described["variables"]:
        for choice in variable["choices"]:
            folder = f"{variable['name']}-{choice}"
            shell.fun("init", template, "-o", folder, "--var", f"{variable['name']}={choice}")
            shell.project, before = os.path.join(shell.project, folder), shell.project
            assert shell.fun("validate").err == ""
            shell.project = before


# What each template is about, beyond its README.


@pytest.mark.parametrize("template", ["event-python", "event-nodejs", "custom-runtime"])
def test_an_event_function_answers_with_what_its_event_asks_for(shell, template):
    start(shell, template)
    shell.fun("deploy")
    function = "server" if template == "custom-runtime" else "hello"
    assert json.loads(shell.invk(function, "-f", "event.json").out) == {"message": "Hello, Ada!"}


def test_a_custom_runtime_can_fail_an_invocation(shell):
    start(shell, "custom-runtime")
    shell.fun("deploy")
    failed = shell.invk("server", "-s", "no JSON", check=3)
    assert json.loads(failed.out) == {"errorMessage": 'send JSON such as {"name": "Ada"}'}


def fetch(url: str, body: bytes | None = None) -> tuple[int, dict]:
    """Status and JSON of what is at a URL."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("template", ["http-python", "http-nodejs"])
def test_an_http_function_answers_requests_with_responses(shell, template):
    start(shell, template)
    said = shell.fun("deploy").out
    url = next(line.removeprefix("url: ") for line in said.splitlines() if line.startswith("url: "))
    assert shell.fun("info", "--json").json["triggers"][0]["urlInternet"] == url
    assert fetch(f"{url}?name=Ada") == (200, {"message": "Hello, Ada!"})
    assert fetch(f"{url}greetings", b'{"name": "Grace"}') == (200, {"message": "Hello, Grace!"})
    assert fetch(f"{url}greetings", b"no JSON")[0] == 400

    def ask(*options: str) -> tuple[int, dict]:
        answer = json.loads(shell.fun("invoke", *options).out)
        assert answer["headers"] == {"Content-Type": "application/json"}
        return answer["statusCode"], json.loads(answer["body"])

    assert ask("--trigger", "web") == (200, {"message": "Hello, world!"})
    assert ask("demo", "-f", "post.json") == (200, {"message": "Hello, Ada!"})
    request = json.loads(Path(shell.project, "post.json").read_text())
    in_base64 = {**request, "body": "eyJuYW1lIjogIkdyYWNlIn0=", "isBase64Encoded": True}
    assert ask("demo", "-e", json.dumps(in_base64)) == (200, {"message": "Hello, Grace!"})
    for body in ("no JSON", "{}", "[]"):
        assert ask("demo", "-e", json.dumps({**request, "body": body}))[0] == 400


def test_a_stateful_job_that_fails_is_retried_and_leaves_one_dead_letter(shell):
    start(shell, "stateful-async", "--var", "queue=lost", "--var", "retries=2")
    shell.environment["FUN_LOCAL_RETRY_FIRST_SECONDS"] = "0.01"
    shell.fun("deploy", "--use-ros", "--stack-name", "demo")
    event = '{"steps": 2, "fail_at": 1}'
    record = shell.invk("job", "-t", "Async", "-s", event, "--wait", "--json", check=3).json
    assert (record["status"], record["alreadyRetriedTimes"]) == ("Failed", 2)
    letter = shell.letter("lost")
    assert json.loads(letter["responsePayload"])["errorMessage"] == "step 1 went wrong"
    assert shell.fun("mns", "queue", "info", "lost", "--json").json["activeMessages"] == 0


@pytest.mark.parametrize("template", ["stateful-async", "serverless-devs"])
def test_a_queue_may_be_called_by_a_number(shell, template):
    start(shell, template, "--var", "queue=007")
    deployed = shell.fun("deploy", "--use-ros", "--stack-name", "demo", "--create-queues", "--json").json
    assert deployed["warnings"] == []
    assert [q["queueName"] for q in shell.fun("mns", "queue", "list", "--json").json["queues"]] == ["007"]


def executions(shell, function: str) -> list[dict]:
    found = shell.fun("executions", "list", f"demo/{function}", "--json").json["invocations"]
    return [shell.record(one["invocationId"]) for one in found]


def test_an_order_goes_down_the_chain_and_a_wrong_one_aside(shell):
    start(shell, "destination-chain")
    shell.fun("deploy")
    shell.invk("check", "-t", "Async", "-f", "event.json", "--wait")
    (stored,) = wait_for(lambda: [r for r in executions(shell, "store") if r["status"] == "Succeeded"])
    assert json.loads(stored["returnPayload"]) == {"item": "apple", "pieces": 4, "total": 12}

    shell.invk("check", "-t", "Async", "-s", '{"item": "pear"}', "--wait", check=3)
    (rejected,) = wait_for(lambda: [r for r in executions(shell, "reject") if r["status"] == "Succeeded"])
    assert json.loads(rejected["returnPayload"]) == {
        "order": {"item": "pear"},
        "reason": "nobody orders 0 pieces",
    }
    assert [len(executions(shell, name)) for name in ("check", "price", "store", "reject")] == [2, 1, 1, 1]


def test_the_timer_of_the_serverless_devs_project_sends_what_its_function_understands(shell):
    start(shell, "serverless-devs", "--var", "queue=lost")
    deployed = shell.fun("deploy", "--create-queues", "--json").json
    assert [queue["queueName"] for queue in deployed["queues"]] == ["lost"]
    assert json.loads(shell.fun("invoke", "--trigger", "nightly").out) == {
        "table": "visits",
        "kept_days": 30,
    }


# The command itself.


def test_without_a_template_ours_are_listed(shell):
    listed = shell.fun("init")
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == TEMPLATES
    described = shell.fun("init", "--json").json["templates"]
    assert [template["name"] for template in described] == TEMPLATES
    assert all(template["description"] for template in described)
    assert {v["name"] for v in described[-1]["variables"]} == {"name", "runtime", "queue", "retries"}
    assert os.listdir(shell.project) == []


def test_the_path_of_the_new_project_is_all_there_is_on_stdout(shell):
    assert shell.fun("init", "event-python", "-n", "shop").out == "shop\n"
    assert shell.fun("init", "event-python", "-o", "apps/deep", "-n", "shop").out == "apps/deep/shop\n"
    assert tree(f"{shell.project}/shop") == tree(f"{shell.project}/apps/deep/shop")


def test_without_a_name_the_output_folder_is_the_project_and_lends_it_its_name(shell):
    made = shell.fun("init", "event-python", "-o", "2 My Shop!", "--json").json
    assert made["name"] == "My-Shop"
    assert "  My-Shop:" in Path(made["path"], "template.yml").read_text()


def test_a_project_moves_in_beside_what_is_there(shell):
    shell.write("notes.txt", "mine")
    shell.write("code/other.py", "mine")
    shell.fun("init", "event-python", "--no-input")
    assert {"notes.txt", "code/other.py", "code/index.py", "template.yml"} <= tree(shell.project).keys()


def test_what_is_there_is_never_overwritten_and_all_of_it_is_named(shell):
    shell.write("README.md", "mine")
    shell.write("code/index.py", "mine")
    before = tree(shell.project)
    refused = shell.fun("init", "event-python", check=1)
    assert "README.md, code/index.py" in refused.err
    assert "-n NAME" in refused.err
    assert tree(shell.project) == before
    assert shell.fun("init", "event-python", "--json", check=1).json["error"]["code"] == "FileExists"


def test_a_link_on_the_way_is_not_followed(shell, tmp_path):
    os.symlink(tmp_path, os.path.join(shell.project, "code"))
    assert "already holds code;" in shell.fun("init", "event-python", check=1).err
    assert os.listdir(tmp_path) == []
    assert os.listdir(shell.project) == ["code"]


def test_a_file_where_the_folder_should_be_is_named(shell):
    shell.write("shop", "mine")
    assert "shop is there and no folder" in shell.fun("init", "event-python", "-n", "shop", check=1).err


@pytest.mark.parametrize(
    "address",
    [
        "gh:somebody/template",
        "gl:somebody/template",
        "https://example.com/template.git",
        "git+https://example.com/template.git",
        "git@example.com:somebody/template.git",
        "ssh://git@example.com/template",
    ],
)
def test_an_address_is_not_fetched_and_that_is_said(shell, address):
    refused = shell.fun("init", address, check=1)
    assert f"{address} is a network address: templates are not fetched from the network" in refused.err
    assert "git clone" in refused.err


MISTAKES = [
    (("event-pyton",), 1, "Did you mean event-python?"),
    (("http-trigger-nodejs12",), 1, "Did you mean http-nodejs?"),
    (("event-python", "-n", "../up"), 1, "'../up' is not good for name"),
    (("event-python", "-n", "a.b"), 1, "1 to 40 letters, digits and '-'"),
    (("event-python", "-n", "on"), 1, "no word that YAML reads as a value"),
    (("event-python", "--var", "runtime=python4"), 1, "one of python3, python3.9"),
    (("event-python", "--var", "runtme=python3"), 1, "Did you mean runtime?"),
    (("event-python", "--var", "runtime"), 2, "write it as NAME=VALUE"),
    (("event-python", "-n", "a", "--var", "name=b"), 2, "not both"),
    (("-n", "shop"), 2, "name a template"),
    (("stateful-async", "--var", "queue=a/b"), 1, "'a/b' is not good for queue"),
    ((".",), 1, "it has no template.toml"),
]


@pytest.mark.parametrize(("arguments", "code", "text"), MISTAKES, ids=[" ".join(row[0]) for row in MISTAKES])
def test_a_mistake_is_named_and_nothing_is_left_behind(shell, arguments, code, text):
    assert text in shell.fun("init", *arguments, check=code).err
    assert os.listdir(shell.project) == []


def own_template(shell, metadata: str = 'description = "Ours"\n') -> Path:
    shell.write("ours/template.toml", metadata)
    shell.write("ours/files/{{ name }}.txt", "This is {{name}}, and ${{ name }} is not ours.\n")
    return Path(shell.project, "ours")


def test_a_folder_can_be_a_template(shell):
    ours = own_template(shell)
    (ours / "files" / "picture.bin").write_bytes(b"\0{{ name }}\xff")
    (ours / "files" / "run.sh").write_text("#!/bin/sh\n")
    (ours / "files" / "run.sh").chmod(0o755)
    (ours / "files" / "__pycache__").mkdir()
    (ours / "files" / "__pycache__" / "x.pyc").write_bytes(b"")
    for name in ("./ours", "ours", str(ours)):
        made = shell.fun("init", name, "-n", "shop", "-o", f"out{len(name)}", "--json").json
        assert tree(made["path"]) == {
            "shop.txt": b"This is shop, and ${{ name }} is not ours.\n",
            "picture.bin": b"\0{{ name }}\xff",
            "run.sh": b"#!/bin/sh\n",
        }
        assert os.access(os.path.join(made["path"], "run.sh"), os.X_OK)
        assert not os.access(os.path.join(made["path"], "shop.txt"), os.X_OK)


def test_a_variable_without_a_default_has_to_be_given(shell):
    own_template(shell, 'description = "Ours"\n[variables.colour]\nprompt = "Which colour"\n')
    assert "Give it with --var colour=VALUE." in shell.fun("init", "ours", "-n", "shop", check=1).err
    shell.fun("init", "ours", "-n", "shop", "--var", "colour=red")


def test_a_failure_half_way_leaves_nothing(shell):
    ours = own_template(shell)
    (ours / "files" / ("n" * 200)).write_text("fits")
    long = "{{ name }}" * 20
    (ours / "files" / f"z{long}").write_text("too long a name for any file system, once it is filled in")
    os.mkdir(os.path.join(shell.project, "out"))
    refused = shell.fun("init", "ours", "-o", "out", "--var", f"name={'a' * 40}", check=1)
    assert "can't write" in refused.err
    assert os.listdir(os.path.join(shell.project, "out")) == []
    shell.fun("init", "ours", "-o", "out/new", "--var", f"name={'a' * 40}", check=1)
    assert os.listdir(os.path.join(shell.project, "out")) == []


class Terminal:
    """A command on a terminal: what it says is waited for, then answered."""

    def __init__(self, shell, *arguments: str) -> None:
        pid, self._fd = pty.fork()
        if not pid:  # the child
            os.chdir(shell.project)
            program = str(Path(sys.executable).with_name("fun"))
            os.execve(program, ["fun", *arguments], {**shell.environment, "TERM": "dumb"})
        self._pid = pid
        self.said = ""

    def answer(self, question: str, answer: str) -> None:
        def is_asked() -> bool:
            if select.select([self._fd], [], [], 0.1)[0]:
                self.said += os.read(self._fd, 4096).decode()
            return question in self.said

        wait_for(is_asked)
        self.said = self.said.split(question, 1)[1]
        os.write(self._fd, f"{answer}\n".encode())

    def end(self) -> int:
        """Its exit code; ``said`` then holds all that it said since the last answer."""
        while True:
            try:
                data = os.read(self._fd, 4096)
            except OSError:  # Linux' way to say that nobody is at the other end
                data = b""
            if not data:
                break
            self.said += data.decode()
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def test_on_a_terminal_a_template_can_be_chosen_and_each_variable_is_asked_for(shell):
    terminal = Terminal(shell, "init", "-n", "films")
    terminal.answer("Which one?:", "stateful")
    terminal.answer("Which one?:", "stateful-async")
    terminal.answer("Version of Python in the cloud (python3, python3.9, python3.10, python3.12)", "")
    terminal.answer("Queue for what fails or is stopped [films-dead-letters]:", "no good")
    terminal.answer("Queue for what fails or is stopped [films-dead-letters]:", "lost")
    terminal.answer("How often a failed run is repeated", "3")
    assert terminal.end() == 0
    assert "fun deploy --use-ros --stack-name films" in terminal.said
    text = Path(shell.project, "films", "template.yml").read_text()
    assert "Runtime: python3.10" in text
    assert "QueueName: 'lost'" in text
    assert "MaxAsyncRetryAttempts: 3" in text


def test_on_a_terminal_a_folder_that_is_in_use_is_asked_about(shell):
    shell.write("notes.txt", "mine")
    terminal = Terminal(shell, "init", "event-python")
    terminal.answer("This folder is not empty. Put the project into it? [y/N]:", "n")
    assert terminal.end() == 130
    assert os.listdir(shell.project) == ["notes.txt"]


def test_no_input_asks_nothing_on_a_terminal(shell):
    terminal = Terminal(shell, "init", "event-python", "-n", "shop", "--no-input")
    assert terminal.end() == 0
    assert "+ shop/template.yml" in terminal.said.replace("\r", "")
    assert "cd shop" in terminal.said


def test_the_templates_are_part_of_what_is_installed():
    text = (ROOT / "pyproject.toml").read_text()
    included = re.search(r"force-include\]\n((?:\".*\n)+)", text)
    assert included
    assert '"templates" = "fun_local/templates"' in included[1]
    assert '"examples" = "fun_local/examples"' in included[1]
