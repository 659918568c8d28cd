"""`fun local start`: a template's functions at their URLs, live as they are saved, nothing deployed."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from fun_local.runtime.processes import bearers
from tests import signing
from tests.acceptance.templates import template
from tests.acceptance.test_local import files, running, said_by
from tests.acceptance.test_web import NODE, PAGE, SERVER, TEMPLATE, ask
from tests.conftest import wait_for
from tests.debugging import DebugAdapter

EVENT = """\
    order:
      Type: 'Aliyun::Serverless::Function'
      Properties: {Handler: index.handler, Runtime: python3, CodeUri: ./order}
"""


@pytest.fixture
def web(shell):
    """A project with functions of three kinds behind URLs, and one without."""
    shell.write("template.yml", TEMPLATE.replace("    node:\n", f"{EVENT}    node:\n"))
    shell.write("page/index.py", PAGE)
    shell.write("node/index.js", NODE)
    shell.write("server/bootstrap", SERVER).chmod(0o755)
    shell.write("order/index.py", "def handler(event, context):\n    return event\n")
    shell.temporary = shell.project + "-tmp"
    os.mkdir(shell.temporary)
    shell.environment["TMPDIR"] = shell.temporary
    return shell


class Served:
    """What a started process serves, as it says itself."""

    def __init__(self, process) -> None:
        self.process = process
        self.document = json.loads(process.stdout.readline())

    def url(self, function: str, kind: str = "trigger") -> str:
        """The first address of a function."""
        routes = self.document["routes"]
        return next(r["url"] for r in routes if (r["functionName"], r["kind"]) == (function, kind))

    def said(self, pattern: str):
        return said_by(self.process, pattern)

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Exit code, and what is left to read of stderr."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err.decode()


@contextmanager
def served(shell, *options):
    with running(shell, "fun", "local", "start", "-p", "0", "--json", *options) as process:
        yield Served(process)


def signed(start: Served, method: str, url: str, **more) -> dict[str, str]:
    key, secret = start.document["accessKeyId"], start.document["accessKeySecret"]
    return signing.fc(method, urlsplit(url).path, key=key, secret=secret, at=time.time(), **more)


def test_functions_of_every_kind_answer_and_nothing_is_left_of_it(web):
    before = files(web)
    with served(web) as start:
        status, headers, body = ask(start.url("page") + "a%20b?x=1", "POST", b"hello")
        assert (status, json.loads(body)) == (200, ["POST", "/a b", "hello"])
        assert headers["Set-Cookie"] == "a=1"
        path = urlsplit(start.url("server")).path
        status, _, body = ask(start.url("server") + "a?x")
        assert (status, body.decode()) == (203, f"{path}a?x {path}")
        url = start.url("node")
        assert ask(url)[0] == 403
        status, _, body = ask(url, headers=signed(start, "GET", url))
        assert (status, json.loads(body)) == (200, ["GET", "/", {}])
        status, _, body = ask(start.url("page", "domain").replace("*", "any/where"))
        assert (status, json.loads(body)) == (200, ["GET", "/any/where", ""])
        url = start.url("order", "event")
        assert ask(url, "POST", b"x")[0] == 403
        status, _, body = ask(url, "POST", b"hello", signed(start, "POST", url))
        assert (status, body) == (200, b"hello")
        assert start.end()[0] == 0
    assert not os.path.exists(web.home)
    assert files(web) == before
    assert os.listdir(web.temporary) == []


def test_the_routes_are_printed_and_a_line_for_each_request(web):
    with running(web, "fun", "local", "start", "-p", "0") as process:
        lines = [process.stdout.readline().decode() for _ in range(6)]
        url = re.search(
            r"^shop/page +GET, POST +anonymous +(http://127\.0\.0\.1:\d+/.*/page/)$", lines[0], re.M
        )
        assert url
        assert re.search(r"^shop/node +GET +signed +http://", "".join(lines), re.M)
        assert re.search(
            r"^shop/server .*http://shop\.example\.com\.localhost:\d+/server/\*$", "".join(lines), re.M
        )
        assert re.search(
            r"^shop/order +POST +signed .*/services/shop/functions/order/invocations$", lines[5], re.M
        )
        said_by(process, "Ctrl-C ends it")
        ask(url[1] + "a?secret=1", "POST", b"hello")
        ask(url[1] + "a", "PUT")
        _, err = Served.end(type("", (), {"process": process})())
    assert re.search(r"^POST /2016-08-15/proxy/shop/page/a 200 \d+ ms$", err, re.M)
    assert re.search(r"^PUT /2016-08-15/proxy/shop/page/a 405 \d+ ms$", err, re.M)
    assert "\nseen hello\n" in err
    assert "secret=1" not in err


def test_code_that_was_saved_is_live_at_the_next_request(web):
    with served(web) as start:
        # Of one size and of one second: nothing that goes by these would notice.
        for word in ("one", "two", "six"):
            web.write("page/index.py", PAGE.replace("a=1", word))
            assert ask(start.url("page"))[1]["Set-Cookie"] == word
            web.write("server/bootstrap", SERVER.replace("x-fc-base-path", word))
            assert ask(start.url("server"))[2].decode().endswith("None")
            web.write("order/index.py", f"def handler(event, context):\n    return '{word}'\n")
            url = start.url("order", "event")
            assert ask(url, "POST", b"", signed(start, "POST", url))[2] == word.encode()


def test_a_new_file_in_a_new_folder_is_live_too(web):
    web.write(
        "page/index.py",
        PAGE.replace("import json", "import json, os")
        .replace("a=1", "a={}")
        .replace('"a={}"', "repr(sorted(os.listdir()))"),
    )
    with served(web) as start:
        before = ask(start.url("page"))[1]["X-Fc-Instance-Id"]
        os.mkdir(f"{web.project}/page/deep")
        web.write("page/deep/more.py", "")
        answer = ask(start.url("page"))[1]
        assert "deep" in answer["Set-Cookie"]
        assert answer["X-Fc-Instance-Id"] != before


def test_what_is_not_code_renews_nothing(web):
    web.write(".funignore", "*.db\n")
    with served(web) as start:
        before = ask(start.url("page"))[1]["X-Fc-Instance-Id"]
        web.write("page/state.db", "1")
        web.write("order/index.py", "def handler(event, context):\n    return 2\n")
        assert ask(start.url("page"))[1]["X-Fc-Instance-Id"] == before


def test_a_template_that_was_saved_is_live_and_one_that_is_no_good_is_not(web):
    good = TEMPLATE.replace("Methods: [GET, POST]", "Methods: [GET, PUT]")
    with served(web) as start:
        assert ask(start.url("page"), "PUT")[0] == 405
        web.write("template.yml", good)
        assert ask(start.url("page"), "PUT")[0] == 200
        start.said("Modify shop/page/web: config")
        assert (
            ask(start.url("order", "event"), "POST", b"", signed(start, "POST", start.url("order", "event")))[
                0
            ]
            == 404
        )
        web.write("template.yml", good.replace("Runtime: custom", "Runtime: cobol"))
        start.said("template.yml:18:.*Runtime")  # also while nobody asks
        start.said("What was served before still is")
        assert ask(start.url("page"), "PUT")[0] == 200
        web.write("template.yml", good.replace("PUT", "DELETE"))
        assert ask(start.url("page"), "DELETE")[0] == 200
        os.remove(f"{web.project}/template.yml")
        start.said("no template in")
        assert ask(start.url("page"), "DELETE")[0] == 200
        web.write("template.yml", good)
        assert ask(start.url("page"), "PUT")[0] == 200


def test_one_function_can_be_served_alone(web):
    with served(web, "server") as start:
        assert {route["functionName"] for route in start.document["routes"]} == {"server"}
        assert ask(start.url("server"))[0] == 203
        assert ask(start.url("server").replace("/server/", "/page/"))[0] == 404
        domain = start.url("server", "domain")
        assert ask(domain.replace("*", "a"))[0] == 203
        assert ask(domain.replace("/server/*", "/a"))[0] == 404


def test_a_template_of_fc_3_is_served(web):
    os.remove(f"{web.project}/template.yml")
    web.fun("init", "http-python", "-n", "site", "--no-input")
    web.project += "/site"
    with served(web) as start:
        (route,) = start.document["routes"]
        assert (route["serviceName"], route["authType"]) == ("_default", "anonymous")
        assert ask(route["url"])[0] == 200


def test_code_in_the_template_and_its_placeholders_do(web):
    web.write(
        "template.yml", template("def handler(event, context):\n    return 1\n", queue="{please_replace_me}")
    )
    with served(web) as start:
        url = start.url("main", "event")
        assert ask(url, "POST", b"", signed(start, "POST", url))[2] == b"1"
        web.write("template.yml", template("def handler(event, context):\n    return 2\n"))
        assert ask(url, "POST", b"", signed(start, "POST", url))[2] == b"2"


def test_the_key_of_the_home_signs(web):
    web.fun("daemon", "start")
    key = web.fun("env", "--json").json
    with served(web) as start:
        assert start.document["accessKeyId"] == key["ACCESS_KEY_ID"]
        url = start.url("node")
        assert ask(url, headers=signed(start, "GET", url))[0] == 200
    assert web.fun("info", "--json").json["functions"] == []


#: Starts a process of its own, and answers when a file appears.
WAITS = """\
import os, subprocess, sys, time
def handler(environ, start_response):
    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)
    print('instance', os.environ['FC_INSTANCE_ID'], flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_everything_cleanly(web, number):
    web.write("page/index.py", WAITS)
    web.write("template.yml", TEMPLATE.replace("CodeUri: ./page}", "CodeUri: ./page, Timeout: 600}"))
    with served(web) as start:
        asking = threading.Thread(target=_ask_in_vain, args=(start.url("page"),))
        asking.start()
        instance = start.said("instance (.*)")[1]
        wait_for(lambda: len(bearers(instance)) == 2)
        code, err = start.end(number)
        asking.join(30)
    assert code == 0, err
    assert "Traceback" not in err
    assert bearers(instance) == []
    assert os.listdir(web.temporary) == []


def _ask_in_vain(url):
    with contextlib.suppress(OSError):
        ask(url)


def test_a_killed_one_leaves_no_function(web):
    web.write(
        "page/index.py",
        PAGE.replace(
            "def handler", "import os\nprint('instance', os.environ['FC_INSTANCE_ID'])\ndef handler"
        ),
    )
    with served(web) as start:
        ask(start.url("page"))
        instance = start.said("instance (.*)")[1]
        assert bearers(instance)
        start.process.kill()
        wait_for(lambda: not bearers(instance))


def test_a_debugger_is_waited_for_by_each_new_instance(web):
    path = str(web.write("page/index.py", PAGE))
    line = PAGE.splitlines().index('    print("seen", body)') + 1
    answers = queue.SimpleQueue()

    def send(body):
        answers.put(ask(start.url("page"), "POST", body.encode()))

    with running(web, "fun", "local", "start", "page", "-p", "0", "--json", "-d", "0") as process:
        port = int(said_by(process, r"waits for a debugger at 127\.0\.0\.1:(\d+)")[1])
        start = Served(process)
        for body in ("one", "two"):
            threading.Thread(target=send, args=(body,)).start()
            start.said("Debugger listening")
            editor = DebugAdapter(port)
            editor.attach(**{path: line})
            stopped = editor.event("stopped")
            top = editor.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
            assert editor.ask("evaluate", expression="body", frameId=top["id"])["result"] == repr(body)
            editor.send("continue", threadId=stopped["threadId"])
            assert json.loads(answers.get(timeout=30)[2]) == ["POST", "/", body]
            editor.close()
            web.write("page/index.py", PAGE + f"# {body}\n")  # a new instance, and a new wait
        assert start.end()[0] == 0


def test_a_port_that_is_taken_is_told(web):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = web.fun("local", "start", "--port", port, "--json", check=1)
    assert done.json["error"]["code"] == "PortInUse"
    assert port in done.json["error"]["message"] and "--port" in done.json["error"]["hint"]
    assert os.listdir(web.temporary) == []


@pytest.mark.parametrize(
    ("options", "code", "needle"),
    [
        (["gone"], 1, "the template has no function 'gone'"),
        (["-t", "gone.yml"], 1, "gone.yml"),
        (["-d", "0"], 1, "one function at a time can be debugged"),
        (["server", "-d", "0"], 1, "no debugger can be attached"),
        (["-p", "70000"], 2, "70000 is not in the range"),
        (["--config", "vscode"], 2, "--config goes with --debug-port"),
    ],
)
def test_what_can_not_be_served_is_told(web, options, code, needle):
    assert needle in web.fun("local", "start", *options, check=code).err


def test_a_template_without_functions_is_told(web):
    web.write(
        "template.yml",
        "ROSTemplateFormatVersion: '2015-09-01'\n"
        "Resources: {Topic: {Type: 'ALIYUN::MNS::Topic', Properties: {TopicName: news}}}\n",
    )
    assert "the template has no functions" in web.fun("local", "start", check=1).err
