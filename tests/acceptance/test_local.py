"""`fun local invoke`: from the template in a folder to a result, nothing deployed; with a debugger, too."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from contextlib import contextmanager

import pytest

from fun_local.runtime.processes import bearers
from tests.acceptance.templates import template
from tests.conftest import wait_for
from tests.debugging import DebugAdapter, Inspector

PROJECT = """\
ROSTemplateFormatVersion: '2015-09-01'
Transform: Aliyun::Serverless-2018-04-03
Resources:
  depot:
    Type: Aliyun::Serverless::Service
    count:
      Type: Aliyun::Serverless::Function
      Properties: {Handler: index.handler, Runtime: python3, CodeUri: order}
  shop:
    Type: Aliyun::Serverless::Service
    order:
      Type: Aliyun::Serverless::Function
      Properties: {Handler: index.handler, Runtime: python3, CodeUri: order/,
                   EnvironmentVariables: {PRICE: 12}}
    count:
      Type: Aliyun::Serverless::Function
      Properties: {Handler: index.handler, Runtime: python3, CodeUri: order}
"""

ECHO = "def handler(event, context):\n    return event\n"

LOOK = """\
import json, os
def handler(event, context):
    print('working')
    own = {name: value for name, value in os.environ.items() if name in json.loads(event)}
    return json.dumps({'file': __file__, 'folder': os.getcwd(), 'environment': own,
                       'key': context.credentials.access_key_id, 'id': context.request_id})
"""

#: Says that it is there, then waits for a file to appear in the code folder. So does a child of its own.
WAITS = """\
import os, subprocess, sys, time
def handler(event, context):
    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)
    print('instance', os.environ['FC_INSTANCE_ID'], flush=True)
    while not os.path.exists('go'):
        time.sleep(0.01)
    child.kill()
    return 'gone'
"""


@pytest.fixture
def shop(shell):
    """A project whose home was never used, and where temporary files can be looked for."""
    shell.write("template.yml", PROJECT)
    shell.write("order/index.py", ECHO)
    shell.temporary = shell.project + "-tmp"
    os.mkdir(shell.temporary)
    shell.environment["TMPDIR"] = shell.temporary
    return shell


@contextmanager
def running(shell, *command):
    """A command that has been started, and is gone in the end, whatever happens."""
    process = shell.start(*command)
    with process:
        try:
            yield process
        finally:
            process.kill()


def files(shell):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(shell.project) for name in names)


# --- where it runs, and what it leaves


def test_a_function_runs_without_a_deploy_or_a_daemon(shop):
    done = shop.fun("local", "invoke", "shop/order", "-e", "hello")
    assert done.out == "hello"
    assert not os.path.exists(shop.home)


def test_code_runs_where_it_lies_and_nothing_is_left_there_or_elsewhere(shop):
    path = shop.write("order/index.py", LOOK)
    before = files(shop)
    seen = shop.fun("local", "invoke", "order", "-e", '["PRICE", "TMPDIR"]').json
    assert seen["file"] == os.path.realpath(path)
    assert seen["folder"] == os.path.dirname(seen["file"])
    assert seen["environment"]["PRICE"] == "12"
    assert seen["environment"]["TMPDIR"].startswith(shop.temporary)
    assert files(shop) == before
    assert os.listdir(shop.temporary) == []


def test_changed_code_is_picked_up_by_the_next_call(shop):
    # Of one size and of one second: nothing that goes by these would notice.
    for word in ("one", "two", "six"):
        shop.write("order/index.py", f"def handler(event, context):\n    return '{word}'\n")
        assert shop.fun("local", "invoke", "order").out == word


def test_an_archive_is_unpacked_for_the_time_of_the_call(shop):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", LOOK)
    (shop.write("code.zip", "")).write_bytes(archive.getvalue())
    shop.write("template.yml", PROJECT.replace("CodeUri: order/", "CodeUri: code.zip"))
    seen = shop.fun("local", "invoke", "order", "-e", "[]").json
    assert seen["file"].startswith(os.path.realpath(shop.temporary))
    assert os.listdir(shop.temporary) == []


def test_code_in_a_plain_template_runs_and_its_placeholders_do_not_matter(shop):
    os.remove(f"{shop.project}/template.yml")
    shop.write("template.yml", template(ECHO, queue="{please_replace_me}"))
    assert shop.fun("local", "invoke", "main", "-e", "hello").out == "hello"


def test_a_folder_of_the_users_can_be_the_temporary_one(shop):
    shop.write("order/index.py", LOOK)
    os.mkdir(f"{shop.project}/scratch")
    seen = shop.fun("local", "invoke", "order", "-e", '["TMPDIR"]', "--tmp-dir", "scratch", "--no-reuse").json
    assert seen["environment"] == {"TMPDIR": os.path.realpath(f"{shop.project}/scratch")}


def test_a_function_finds_the_key_of_the_home_and_nothing_else_of_ours(shop):
    shop.write("order/index.py", LOOK)
    shop.write(".env", "ACCESS_KEY_ID=dotenv\nSECRET=1\n")
    shop.environment |= {"FUN_LOCAL_IDLE_SECONDS": "9", "SECRET": "2"}
    event = '["FUN_LOCAL_HOME", "FUN_LOCAL_IDLE_SECONDS", "SECRET", "ACCESS_KEY_ID", "local"]'
    seen = shop.fun("local", "invoke", "order", "-e", event).json
    assert (seen["key"], seen["environment"]) == ("", {"local": "true"})
    shop.fun("daemon", "start")
    key = shop.fun("env", "--json").json["ACCESS_KEY_ID"]
    assert shop.fun("local", "invoke", "order", "-e", event).json["key"] == key


# --- what it prints


def test_the_log_and_a_summary_are_on_stderr(shop):
    shop.write("order/index.py", LOOK)
    done = shop.fun("local", "invoke", "order", "-e", "[]")
    request_id = done.json["id"]
    lines = done.err.splitlines()
    start = lines.index(f"FC Invoke Start RequestId: {request_id}")
    assert lines[start + 1 : start + 3] == ["working", f"FC Invoke End RequestId: {request_id}"]
    assert re.fullmatch(
        rf"RequestId: {request_id}\tBilled Duration: \d+ ms\tMemory Size: 128 MB"
        r"\tMax Memory Used: \d+\.\d\d MB",
        lines[-1],
    )


def test_the_log_is_shown_while_the_function_runs(shop):
    shop.write("order/index.py", WAITS)
    with running(shop, "fun", "local", "invoke", "order") as process:
        said_by(process, "instance (.*)")  # or it would never be told to go on
        shop.write("order/go", "")
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"gone")


def test_one_json_document_tells_the_result(shop):
    found = shop.fun("local", "invoke", "order", "-e", "hello", "--json").json
    assert found["payload"] == "hello"
    assert (found["statusCode"], found["errorType"]) == (200, "")
    assert found["durationMs"] >= 1 and found["maxMemoryUsageMb"] > 1
    assert len(found["requestId"]) == 36 and found["instanceId"].startswith("c-")


@pytest.mark.parametrize(
    ("code", "needle"),
    [
        ("def handler(event, context):\n    raise ValueError('no tea')\n", "no tea"),
        ("import nothing_like_that\n", "Unable to import module 'index'"),
        ("import os\ndef handler(event, context):\n    os._exit(1)\n", "Process exited unexpectedly"),
    ],
)
def test_an_error_of_the_function_is_the_result_and_the_exit_code(shop, code, needle):
    shop.write("order/index.py", code)
    done = shop.fun("local", "invoke", "order", check=3)
    assert needle in done.json["errorMessage"]


def test_a_function_has_its_time_and_no_more(shop):
    shop.write("order/index.py", "import time\ndef handler(event, context):\n    time.sleep(60)\n")
    shop.write("template.yml", PROJECT.replace("CodeUri: order/", "CodeUri: order/, Timeout: 1"))
    assert "timed out after 1 seconds" in shop.fun("local", "invoke", "order", check=3).out


# --- the event: fun-cli 3.4


@pytest.mark.parametrize(
    ("options", "stdin", "event"),
    [
        (["-e", "text", "-s", "-f", "event.json"], b"piped", "text"),
        (["-e", ""], b"piped", ""),
        (["-s", "-f", "event.json"], b"piped", "piped"),
        (["-f", "-"], b"piped", "piped"),
        (["-f", "event.json", "-e", "other.json"], b"", "a file\n"),
        (["-e", "event.json"], b"", "a file\n"),
        ([], b"piped", "piped"),
        ([], b"", ""),
    ],
)
def test_the_event_is_the_first_of_what_is_given(shop, options, stdin, event):
    shop.write("event.json", "a file\n")
    shop.write("other.json", "another file\n")
    done = shop.fun("local", "invoke", "order", *options, stdin=stdin)
    assert done.out == event
    assert ("use -f for files" in done.err) == (options == ["-e", "event.json"])


def test_a_file_and_something_piped_can_not_both_be_the_event(shop):
    shop.write("event.json", "a file")
    for option in ("-f", "-e"):
        done = shop.fun("local", "invoke", "order", option, "event.json", stdin=b"piped", check=2)
        assert "the event is in event.json, and another one is piped to us" in done.err


def test_an_event_that_can_not_be_had_is_an_error(shop):
    assert (
        "can't read the event file gone.json" in shop.fun("local", "invoke", "-f", "gone.json", check=1).err
    )
    with open(f"{shop.project}/large", "wb") as file:
        file.truncate(32 * 1024 * 1024 + 1)
    assert "payload size exceeds" in shop.fun("local", "invoke", "-f", "large", check=1).err


def test_who_is_silent_on_stdin_is_told_that_an_event_is_waited_for(shop):
    program = [os.path.join(os.path.dirname(sys.executable), "fun"), "local", "invoke", "order"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(program, cwd=shop.project, env=shop.environment, **pipes) as process:
        said_by(process, "Waiting for the event on standard input")
        out, _ = process.communicate(b"late", timeout=60)
    assert out == b"late"


# --- which function, which template


def test_without_a_name_it_is_the_first_function_of_the_last_service(shop):
    shop.write("order/index.py", "def handler(event, context):\n    return context.function.name\n")
    assert shop.fun("local", "invoke").out == "order"


@pytest.mark.parametrize(
    ("name", "needle"),
    [
        ("gone", "the template has no function 'gone'\n  It has: depot/count, shop/order, shop/count."),
        ("depot/order", "the template has no function 'depot/order'\n  It has: depot/count,"),
        ("count", "several functions are called 'count': depot/count, shop/count"),
        ("shop.prod/order", "a template has no version or alias 'prod' to run"),
        ("a/b/c", "'a/b/c' is not a function name"),
    ],
)
def test_a_name_of_no_function_or_several_is_refused(shop, name, needle):
    assert needle in shop.fun("local", "invoke", name, check=1).err


def test_further_templates_are_merged_over_the_first(shop):
    shop.write("order/index.py", LOOK)
    properties = "{Resources: {shop: {order: {Properties: {EnvironmentVariables: {PRICE: %s}}}}}}"
    shop.write("template.override.yml", properties % 13)
    shop.write("more.yml", properties % 14)

    def price(*options):
        seen = shop.fun("local", "invoke", "order", "-e", '["PRICE"]', *options).json
        return seen["environment"]["PRICE"]

    assert price() == "13"
    assert price("-t", "template.yml") == "12"
    assert price("-t", "template.yml", "-t", "more.yml") == "14"


def test_problems_of_the_template_are_told_together(shop):
    shop.write(
        "template.yml", PROJECT.replace("Runtime: python3, CodeUri: order/", "Rundime: x, CodeUri: gone/")
    )
    done = shop.fun("local", "invoke", "order", check=1)
    assert "Unexpected property Rundime" in done.err
    assert "Missing property Runtime" in done.err
    assert "the template has" in done.err


def test_missing_code_is_a_problem_with_its_place(shop):
    shop.write("template.yml", PROJECT.replace("CodeUri: order/", "CodeUri: gone/"))
    done = shop.fun("local", "invoke", "order", check=1)
    assert f"there is no file or folder {os.path.realpath(shop.project)}/gone" in done.err
    assert "template.yml:13" in done.err


def test_only_the_code_that_is_run_need_be_here(shop):
    shop.write("template.yml", PROJECT.replace("CodeUri: order/", "CodeUri: 'oss://bucket/key.zip'"))
    assert shop.fun("local", "invoke", "depot/count", "-e", "hello").out == "hello"
    done = shop.fun("local", "invoke", "order", check=1)
    assert "the code is in OSS (oss://bucket/key.zip)" in done.err


def test_a_folder_without_a_template_is_refused(shop):
    os.remove(f"{shop.project}/template.yml")
    assert f"no template in {os.path.realpath(shop.project)}" in shop.fun("local", "invoke", check=1).err


def test_a_runtime_that_can_not_run_here_is_refused(shop):
    shop.write("template.yml", PROJECT.replace("python3, CodeUri: order/", "php7.2, CodeUri: order/"))
    assert "php7.2" in shop.fun("local", "invoke", "order", check=1).err


# --- its end


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interrupt_ends_the_function_and_its_children(shop, number, code):
    shop.write("order/index.py", WAITS)
    with running(shop, "fun", "local", "invoke", "order") as process:
        instance = said_by(process, "instance (.*)")[1]
        assert len(bearers(instance)) == 2
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, b"")
    assert bearers(instance) == []
    assert os.listdir(shop.temporary) == []


# --- debuggers

#: One second for each, and both take longer.
SLOW = """\
import time
def initialize(context):
    time.sleep(1.1)
def handler(event, context):
    time.sleep(1.1)
    answer = event + b'!'
    return answer
"""

NODE = """\
exports.initialize = (context, callback) => setTimeout(callback, 1100);
exports.handler = (event, context, callback) => setTimeout(() => {
  const answer = event + '!';
  callback(null, answer);
}, 1100);
"""

IN_NO_TIME = "CodeUri: order/, Timeout: 1, Initializer: index.initialize, InitializationTimeout: 1"


def said_by(process, pattern):
    """The match in the first line of a process's stderr that has one."""
    for line in process.stderr:
        if match := re.search(pattern, line.decode()):
            return match
    raise AssertionError(f"{pattern} was never said")


def attached(process, client):
    """A client of the debugger that a process waits for."""
    port = int(said_by(process, r"waits for a debugger at 127\.0\.0\.1:(\d+)")[1])

    def connect():
        try:
            return client(port)
        except OSError:  # it does not listen yet
            return None

    return wait_for(connect)


def test_a_debugger_attaches_to_python_and_takes_its_time(shop):
    path = str(shop.write("order/index.py", SLOW))
    shop.write("template.yml", PROJECT.replace("CodeUri: order/", IN_NO_TIME))
    with running(shop, "fun", "local", "invoke", "order", "-e", "hello", "-d", "0") as process:
        editor = attached(process, DebugAdapter)
        editor.attach(**{path: 6})
        stopped = editor.event("stopped")
        assert stopped["reason"] == "breakpoint"
        top = editor.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
        assert (os.path.realpath(top["source"]["path"]), top["line"]) == (os.path.realpath(path), 6)
        assert editor.ask("evaluate", expression="event", frameId=top["id"])["result"] == "b'hello'"
        editor.ask("setExpression", expression="event", value="b'bye'", frameId=top["id"])
        editor.send("continue", threadId=stopped["threadId"])
        editor.event("terminated")
        editor.close()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"bye!"), err
    assert os.listdir(shop.temporary) == []


def test_a_debugger_attaches_to_nodejs_and_takes_its_time(shop):
    path = os.path.realpath(shop.write("order/index.js", NODE))
    shop.write("template.yml", PROJECT.replace("python3, CodeUri: order/", f"nodejs12, {IN_NO_TIME}"))
    with running(shop, "fun", "local", "invoke", "order", "-e", "hello", "-d", "0") as process:
        editor = attached(process, Inspector)
        assert editor.targets[0]["type"] == "node"
        editor.ask("Runtime.enable")
        editor.ask("Debugger.enable")
        editor.ask("Debugger.setBreakpointByUrl", lineNumber=3, url=f"file://{path}")
        editor.send("Runtime.runIfWaitingForDebugger")
        assert editor.event("Debugger.paused")["reason"] == "Break on start"
        editor.ask("Debugger.resume")
        top = editor.event("Debugger.paused")["callFrames"][0]
        assert top["location"]["lineNumber"] == 3
        found = editor.ask(
            "Debugger.evaluateOnCallFrame", callFrameId=top["callFrameId"], expression="answer"
        )
        assert found["result"]["value"] == "hello!"
        editor.send("Debugger.resume")
        out, err = process.communicate(timeout=60)
        editor.close()
    assert (process.returncode, out) == (0, b"hello!"), err


def test_what_a_debugged_function_forks_wants_no_debugger(shop):
    shop.write(
        "order/index.js",
        "if (!module.parent) process.send('from the child');\n"
        "exports.handler = (event, context, callback) =>\n"
        "  require('child_process').fork(__filename).on('message', (text) => callback(null, text));\n",
    )
    shop.write("template.yml", PROJECT.replace("python3, CodeUri: order/", "nodejs12, CodeUri: order/"))
    with running(shop, "fun", "local", "invoke", "order", "-d", "0") as process:
        editor = attached(process, Inspector)
        editor.send("Runtime.runIfWaitingForDebugger")
        out, err = process.communicate(timeout=60)
        editor.close()
    assert (process.returncode, out) == (0, b"from the child"), err
    assert b"address already in use" not in err


@pytest.mark.parametrize("runtime", ["python3", "nodejs12"])
def test_who_waits_for_a_debugger_can_give_up(shop, runtime):
    shop.write("order/index.js", NODE)
    shop.write("template.yml", PROJECT.replace("python3, CodeUri: order/", f"{runtime}, CodeUri: order/"))
    with running(shop, "fun", "local", "invoke", "order", "-d", "0") as process:
        said_by(process, "waits for a debugger")
        said_by(process, "--config pycharm")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert os.listdir(shop.temporary) == []


def test_a_port_that_is_taken_is_refused_before_anything_runs(shop):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = shop.fun("local", "invoke", "order", "-d", port, check=1)
    assert f"the debugger can't listen on port {port} of 127.0.0.1" in done.err
    assert "--debug-port" in done.err


def test_a_runtime_without_a_debugger_is_refused(shop):
    shop.write("template.yml", PROJECT.replace("python3, CodeUri: order/", "custom, CodeUri: order/"))
    done = shop.fun("local", "invoke", "order", "-d", "0", check=1)
    assert "function shop/order has runtime custom, to which no debugger can be attached" in done.err


@pytest.mark.parametrize(
    ("options", "needle"),
    [
        (["-c", "vscode"], "--config goes with --debug-port"),
        (["-d", "x"], "'x' is not a valid integer range"),
        (["-d", "70000"], "70000 is not in the range"),
        (["-d", "0", "-c", "emacs"], "'emacs' is not one of"),
    ],
)
def test_wrong_use_of_the_debugger_is_told(shop, options, needle):
    assert needle in shop.fun("local", "invoke", *options, check=2).err


# --- what is deployed


def test_a_new_deploy_is_for_the_next_call_and_not_for_the_one_that_runs(shop):
    go, begun = f"{shop.project}/go", f"{shop.project}/begun"
    shop.write(
        "order/index.py",
        "import os, time\n"
        "def handler(event, context):\n"
        f"    open({begun!r}, 'w').close()\n"
        f"    while not os.path.exists({go!r}):\n"
        "        time.sleep(0.01)\n"
        "    import part\n"
        "    return part.name\n",
    )
    shop.write("order/part.py", "name = 'old'\n")
    shop.fun("deploy")
    with running(shop, "invk", "order") as call:
        wait_for(lambda: os.path.exists(begun))
        shop.write("order/index.py", "def handler(event, context):\n    import part\n    return part.name\n")
        shop.write("order/part.py", "name = 'new'\n")
        shop.fun("deploy")
        assert shop.invk("order").out == "new"
        shop.write("go", "")
        out, _ = call.communicate(timeout=60)
    assert out == b"old"  # though it had not even loaded all of its code
    assert shop.invk("order").out == "new"
    assert json.loads(shop.fun("info", "--json").out)["functions"]
