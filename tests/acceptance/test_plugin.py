"""The pytest plugin, in pytest runs of its own; and what the fixture ``fc`` gives, in this one."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

from fun_local.cli.client import Client
from fun_local.errors import Conflict, InvalidRequest, InvalidTemplate, NotFound
from fun_local.testing import FunctionCompute, FunctionError, NotInTime, UnexpectedEnd
from tests.acceptance.templates import template
from tests.conftest import ROOT, wait_for

SHOP = """
    import json, time

    def handler(event, context):
        order = json.loads(event)
        print("order", order)
        if "seconds" in order:
            time.sleep(order["seconds"])
        if order.get("bad"):
            raise ValueError("no money")
        return {"paid": order["id"]}
"""


class Project:
    """A folder with a template and tests, and pytest runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: Where homes are made: nothing of them may be left there.
        self.homes = Path(tempfile.mkdtemp(prefix="fp-"))
        self.write("template.yml", template(SHOP, service="shop", function="pay", retries=1, queue="dlq"))

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def start(self, *options: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *options],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.homes), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *options: str, code: int = 0, **environment: str) -> str:
        """Run the tests; what they print. ``code`` is how the run must end."""
        process = self.start(*options, **environment)
        out, _ = process.communicate(timeout=120)
        assert process.returncode == code, out
        return out

    @property
    def left(self) -> list[str]:
        """The homes that are there."""
        return [name for name in os.listdir(self.homes) if name.startswith("fc-")]


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    yield project
    for name in project.left:
        subprocess.run(
            [Path(sys.executable).with_name("fun"), "daemon", "stop"],
            env={**os.environ, "FUN_LOCAL_HOME": str(project.homes / name / "home")},
            capture_output=True,
        )
    subprocess.run(["rm", "-rf", project.homes])


def files_of(document: str) -> dict[str, str]:
    """The files that a document shows, each under its name."""
    text = (ROOT / "docs" / document).read_text()
    return dict(re.findall(r"^`([\w./-]+)`(?: \([^\n]*\))?:\n\n```\w+\n(.*?)^```", text, re.S | re.M))


# --- runs of their own


def test_the_documents_project_passes_its_tests(project):
    for name, text in files_of("testing.md").items():
        project.write(name, text)
    assert "5 passed" in project.run("-q")
    assert project.left == []


def test_the_documents_lines_without_pytest_work(project):
    for name, text in files_of("testing.md").items():
        project.write(name, text)
    text = (ROOT / "docs" / "testing.md").read_text().partition("## Without pytest")[2]
    (script,) = re.findall(r"```python\n(.*?)```", text, re.S)
    subprocess.run([sys.executable, "-c", script], cwd=project.folder, check=True, timeout=60)


def test_a_wait_that_fails_shows_what_the_execution_did_in_the_junit_report_too(project):
    project.write(
        "test_it.py",
        """
        def test_it(fc):
            fc.deploy("template.yml")
            fc.invoke_async("pay", {"id": 1, "bad": True}).wait()

        def test_other(fc):
            fc.invoke_async("pay", {"id": 2}).wait()
            assert 1 == 2
        """,
    )
    out = project.run("--junitxml=report.xml", code=1)
    report = ElementTree.parse(project.folder / "report.xml")
    waited, compared = report.findall(".//failure")
    for said in (waited.text, out):
        assert "of shop/pay is Failed, not Succeeded" in said
        assert "Enqueued +0 ms, Dequeued" in said and "Retrying" in said
        assert "attempts: 2" in said
        assert "UnhandledInvocationError" in said and "no money" in said
        assert "order {'id': 1, 'bad': True}" in said
    # The frames are the test's own.
    assert "until_final" not in waited.text
    assert "assert 1 == 2" in compared.text
    story = out[out.index("assert 1 == 2") :]
    assert "of shop/pay is Succeeded" in story and "order {'id': 2}" in story


def test_every_worker_has_a_home_of_its_own(project):
    project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(fc, number, worker_id):
            fc.deploy("template.yml")
            # The id would be refused a second time in one home.
            execution = fc.invoke_async("pay", {"id": number}, invocation_id=f"order-{number}")
            assert execution.wait().result == {"paid": number}
            print(f"\\n{worker_id} {fc.home}")
        """,
    )
    out = project.run("-n", "2", "--dist=each", "-rP")
    homes = set(re.findall(r"^(gw\d) (\S+)$", out, re.M))
    assert len(homes) == len({home for _, home in homes}) == 2
    assert project.left == []


WAITS = """
    def test_it(fc):
        fc.deploy("template.yml")
        execution = fc.invoke_async("pay", {"id": 1, "seconds": 600})
        fc.wait_for(lambda: "order" in execution.log)
        print("\\nHOME", fc.home, flush=True)
        execution.wait(timeout=600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_tests_are_interrupted(project, number):
    project.write("test_it.py", WAITS)
    process = project.start("-s")
    home = next(line.split()[1] for line in process.stdout if line.startswith("HOME"))
    assert running(home)
    process.send_signal(number)
    process.communicate(timeout=60)
    wait_for(lambda: not Path(home).exists())
    wait_for(lambda: not running(home))


def running(home: str) -> list[str]:
    """Processes whose command line names a home, or its folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if os.path.dirname(home) in words:
            found.append(words)
    return found


def test_who_does_not_use_it_imports_nothing_of_ours(project):
    project.write(
        "test_it.py",
        """
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.startswith("fun_local")}
            assert ours == {"fun_local", "fun_local.pytest_plugin"}
        """,
    )
    project.run()


def test_settings_come_from_a_fixture_and_neither_home_nor_port_from_the_user(project):
    project.write("conftest.py", "import pytest\n\n@pytest.fixture(scope='session')\ndef fc_settings():\n")
    with (project.folder / "conftest.py").open("a") as file:
        file.write("    return {'region': 'cn-beijing', 'retry_first_seconds': 0.25}\n")
    project.write(
        "test_it.py",
        """
        from fun_local import settings

        def test_it(fc):
            fc.deploy("template.yml")
            assert fc.environment["REGION"] == "cn-beijing"
            assert not fc.environment["FC_ENDPOINT"].endswith(":1")
            execution = fc.invoke_async("pay", {"id": 1, "bad": True}).wait(expect="Failed")
            times = {event.status: event.time_ms for event in execution.events}
            assert times["Failed"] - times["Retrying"] >= 250
        """,
    )
    project.run(
        FUN_LOCAL_HOME=str(project.folder / "mine"), FUN_LOCAL_PORT="1", FUN_LOCAL_REGION="cn-hangzhou"
    )
    assert not (project.folder / "mine").exists()


def test_a_setting_that_there_is_not_is_named(project):
    project.write("conftest.py", "import pytest\n\n@pytest.fixture(scope='session')\ndef fc_settings():\n")
    with (project.folder / "conftest.py").open("a") as file:
        file.write("    return {'retries': 1}\n")
    project.write("test_it.py", "def test_it(fc):\n    pass\n")
    assert "no setting is called 'retries'" in project.run(code=1)
    assert project.left == []


def test_the_home_is_kept_when_asked(project):
    project.write("test_it.py", WAITS.replace('"seconds": 600', '"bad": True').replace("600", "30"))
    out = project.run("--fc-keep", code=1)
    (kept,) = project.left
    home = str(project.homes / kept / "home")
    assert f"HOME {home}" in out
    shown = subprocess.run(
        [Path(sys.executable).with_name("fun"), "executions", "list", "--json"],
        env={**os.environ, "FUN_LOCAL_HOME": home},
        capture_output=True,
        check=True,
    )
    assert [one["status"] for one in json.loads(shown.stdout)["invocations"]] == ["Failed"]


# --- what there is in a test


@pytest.fixture(scope="module")
def shop(fc, tmp_path_factory):
    """The fixture's home with the shop in it."""
    path = tmp_path_factory.mktemp("shop") / "template.yml"
    path.write_text(template(SHOP, service="shop", function="pay", retries=1, queue="dlq"))
    assert fc.deploy(path) == ["shop/pay"]
    fc.queue("dlq").purge()
    return fc


def test_a_call_gives_the_result_or_raises_what_the_function_did(shop):
    assert shop.invoke("pay", {"id": 1}) == {"paid": 1}
    assert shop.invoke("shop/pay", '{"id": "x"}') == {"paid": "x"}
    with pytest.raises(FunctionError, match="no money") as caught:
        shop.invoke("pay", {"id": 1, "bad": True})
    assert caught.value.type == "UnhandledInvocationError"
    assert caught.value.payload["errorType"] == "ValueError"
    assert "order {'id': 1, 'bad': True}" in caught.value.log


def test_a_call_that_raises_nothing_tells_all(shop):
    answer = shop.call("pay", b'{"id": 1, "bad": true}')
    assert answer.error_type == "UnhandledInvocationError"
    assert answer.value["errorMessage"] == "no money"
    assert "Duration:" in answer.log and answer.memory_mb > 1


def test_what_is_no_json_is_text_and_what_is_no_text_is_bytes(fc, tmp_path):
    echo = "def handler(event, context):\n    return event\n"
    (tmp_path / "template.yml").write_text(template(echo, service="echo", function="echo"))
    fc.deploy(tmp_path / "template.yml")
    for event in ("plain text", b"\xff\x00", [1, "ü"], 7):
        assert fc.invoke("echo/echo", event) == event
        assert fc.invoke_async("echo/echo", event).wait().result == event
    assert fc.invoke("echo/echo") == ""


def test_an_execution_tells_what_it_did(shop):
    execution = shop.invoke_async("pay", {"id": 3}, invocation_id="order-3")
    assert execution.id == "order-3"
    assert execution.wait() is execution
    assert (execution.status, execution.result, execution.error) == ("Succeeded", {"paid": 3}, "")
    assert execution.event == {"id": 3}
    assert execution.function == "shop/pay"
    assert [event.status for event in execution.events] == ["Enqueued", "Dequeued", "Running", "Succeeded"]
    assert execution.attempts == 1 and execution.destination_status == "Succeeded"
    assert "order {'id': 3}" in execution.log
    assert execution.record["serviceName"] == "shop"
    assert shop.execution("order-3").result == {"paid": 3}
    assert execution.id in [one.id for one in shop.executions("pay", status="Succeeded")]
    letters = [message.value["requestPayload"] for message in shop.queue("dlq").peek()]
    assert '{"id": 3}' in letters


def test_a_failed_execution_is_expected_or_a_failure_of_the_test(shop):
    execution = shop.invoke_async("pay", {"id": 4, "bad": True})
    execution.wait(expect="Failed")
    execution.wait(expect=None)
    assert execution.events[-1].detail == {"Error": "UnhandledInvocationError"}
    with pytest.raises(UnexpectedEnd, match="is Failed, not Succeeded") as caught:
        execution.wait()
    assert caught.value.execution is execution
    with pytest.raises(ValueError, match="Sucess"):
        execution.wait(expect="Sucess")


def test_an_execution_is_stopped_and_run_again(shop):
    execution = shop.invoke_async("pay", {"id": 5, "seconds": 600})
    shop.wait_for(lambda: "order" in execution.log)
    with pytest.raises(
        NotInTime, match=r"is Running after 0\.1 s of waiting for Succeeded(.|\n)*'seconds': 600"
    ):
        execution.wait(timeout=0.1)
    assert execution.stop().status == "Stopped"
    with pytest.raises(Conflict):
        execution.stop()
    again = execution.retry({"id": 6}).wait()
    assert (again.result, again.rerun_of) == ({"paid": 6}, execution.id)
    assert again.retry().wait().event == {"id": 6}


def test_a_delayed_execution_waits(shop):
    execution = shop.invoke_async("pay", {"id": 1}, delay_seconds=3600)
    assert execution.status == "Enqueued" and execution.result is None and execution.log == ""
    execution.stop()


def test_a_queue_is_sent_to_received_from_and_looked_at(fc):
    queue = fc.queue("parcels").create(visibility_seconds=60)
    queue.send({"k": 1})
    queue.send("text", priority=1)
    assert (queue.depth, len(queue.peek())) == (2, 2)
    assert queue.receive().value == "text"
    kept = queue.receive(delete=False)
    assert (kept.value, kept.dequeue_count, queue.depth) == ({"k": 1}, 1, 1)
    with pytest.raises(NotInTime, match="no message came to queue parcels"):
        queue.receive(timeout=0)
    queue.delete(kept)
    assert queue.depth == 0
    queue.send(b"\xff\x01")
    assert queue.peek()[0].body == b"\xff\x01"
    assert queue.purge() == 1
    with pytest.raises(NotFound, match="nowhere"):
        fc.queue("nowhere").receive()


class Server(http.server.ThreadingHTTPServer):
    """A web server that notes what is posted to it."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        super().__init__(("127.0.0.1", 0), Posted)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Posted(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_topic_reaches_a_queue_and_a_web_server(fc, server):
    topic = fc.topic("news").create()
    fc.queue("copies").create()
    topic.subscribe("queue", queue="copies", tag="good")
    topic.subscribe("web", endpoint=server.url)
    assert sorted(topic.subscriptions) == ["queue", "web"]
    topic.publish("bad news", tag="bad")
    topic.publish({"news": "good"}, tag="good")
    assert fc.queue("copies").receive().value == {"news": "good"}
    fc.wait_for(lambda: len(server.bodies) == 2)
    assert sorted(server.bodies) == ["bad news", '{"news": "good"}']


def test_waiting_for_what_does_not_come_ends_in_time(fc):
    with pytest.raises(NotInTime, match=r"still \[\] after 0\.01 s"):
        fc.wait_for(list, timeout=0.01)


def test_a_template_with_mistakes_is_refused_with_all_of_them(fc, tmp_path):
    path = tmp_path / "template.yml"
    path.write_text(template("", runtime="cobol", Handler=7))
    with pytest.raises(InvalidTemplate) as caught:
        fc.deploy(path)
    assert caught.value.problems
    with pytest.raises(InvalidRequest, match=r"nowhere\.yml is not there"):
        fc.deploy("nowhere.yml")


def test_a_template_is_a_stack_of_its_own(fc, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yml").write_text(template(SHOP, service=name, function="f"))
        fc.deploy(tmp_path / f"{name}.yml")
    assert {"one/f", "two/f"} <= set(fc.functions)
    (tmp_path / "one.yml").write_text(template(SHOP, service="one", function="g"))
    fc.deploy(tmp_path / "one.yml")
    assert {"one/g", "two/f"} <= set(fc.functions) and "one/f" not in fc.functions
    fc.remove("one")
    assert "one/g" not in fc.functions


def test_a_fresh_one_is_empty_and_ends_with_its_block(shop):
    with shop.fresh(region="cn-beijing") as alone:
        assert isinstance(alone, FunctionCompute)
        assert alone.functions == [] and "shop/pay" in shop.functions
        assert alone.environment["REGION"] == "cn-beijing"
        home = alone.home
    assert not os.path.exists(home)


def test_a_daemon_that_died_is_started_again_and_ends_with_the_tests(shop, tmp_path):
    with shop.fresh() as alone:
        (tmp_path / "template.yml").write_text(template(SHOP, service="shop", function="pay"))
        alone.deploy(tmp_path / "template.yml")
        with open(os.path.join(alone.home, "daemon.lock")) as file:
            daemon = int(file.read().split()[0])
        os.kill(daemon, signal.SIGKILL)
        # Until then what is sent to its socket is lost with it.
        wait_for(lambda: not Client(alone.home).is_up())
        assert alone.invoke_async("pay", {"id": 1}).wait().result == {"paid": 1}
        home = alone.home
    assert not os.path.exists(home)
    wait_for(lambda: not running(home))


# --- docs/ci.md


def test_the_workflows_run_the_projects_tests(project):
    files = files_of("ci.md")
    github = yaml.safe_load(files[".github/workflows/test.yml"])
    gitlab = yaml.safe_load(files[".gitlab-ci.yml"])
    steps = [step["run"] for step in github["jobs"]["test"]["steps"] if "run" in step]
    lines = gitlab["test"]["before_script"] + gitlab["test"]["script"]
    text = (ROOT / "docs" / "ci.md").read_text()
    (shown,) = re.findall(r"```sh\n(pip.*?)```", text, re.S)
    assert steps == lines == shown.splitlines()
    for name, content in files_of("testing.md").items():
        project.write(name, content)
    words = steps[-1].split()
    assert words[:3] == ["python", "-m", "pytest"]
    project.run(*words[3:])
    (suite,) = ElementTree.parse(project.folder / "report.xml").iter("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("5", "0")


def test_the_lines_for_any_language_work(project):
    for name, content in files_of("testing.md").items():
        project.write(name, content)
    text = (ROOT / "docs" / "ci.md").read_text()
    (script,) = re.findall(r"```sh\n(set -eu.*?)```", text, re.S)
    programs = Path(sys.executable).parent
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=project.folder,
        env={**os.environ, "TMPDIR": str(project.homes), "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert '"condition":"UnhandledInvocationError"' in done.stdout.replace(" ", "")
    assert os.listdir(project.homes) == []


def test_the_container_runs_the_daemon_in_the_foreground(shell):
    lines = files_of("ci.md")["Containerfile"]
    (command,) = re.findall(r"^CMD (\[.*\])$", lines, re.M)
    (check,) = re.findall(r"^HEALTHCHECK [^\n]*?CMD (.*)$", lines, re.M)
    programs = Path(sys.executable).parent
    environment = {**shell.environment, "PATH": f"{programs}:{os.environ['PATH']}"}

    def is_healthy() -> bool:
        return subprocess.run(["sh", "-c", check], env=environment, capture_output=True).returncode == 0

    assert not is_healthy()
    daemon = shell.start(*json.loads(command))
    wait_for(is_healthy)
    daemon.terminate()
    daemon.communicate(timeout=30)
    assert daemon.returncode == 0
