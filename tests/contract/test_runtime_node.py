"""What a Node.js function sees and what its caller gets. Section numbers are those of the runtime contract.

The functions are the folders node_* under tests/functions. What the declared version decides is tested for
each side of the line between nodejs16 and nodejs18; all of it runs on the Node.js that is installed.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from fun_local.errors import InvalidRequest
from fun_local.model.outcome import HANDLED, INITIALIZATION, UNHANDLED, Ending
from fun_local.runtime import frames, leash, process, processes
from tests.contract.test_runtime import Lab, all_gone, linux, log_shows, read

OLD, NEW = "nodejs16", "nodejs20"

both = pytest.mark.parametrize("runtime", [OLD, NEW])


class NodeLab(Lab):
    """The same short ways, for functions in Node.js."""

    def instance(self, code, handler="index.handler", **configuration):
        configuration.setdefault("runtime", NEW)
        return super().instance(code, handler, **configuration)

    def each(self, code, handler, payloads, **configuration):
        """The results of one instance for several payloads."""

        async def run():
            async with self.instance(code, handler, **configuration) as instance:
                results = [await instance.invoke("request-1", p, attempts=1) for p in payloads]
                self.log = read(instance)
                return results

        return asyncio.run(run())


@pytest.fixture(autouse=True)
def _needs_node():
    """A skip where Node.js is missing, a failure in CI."""
    if shutil.which("node") is None:
        if os.environ.get("CI"):
            pytest.fail("Node.js is missing")
        pytest.skip("needs Node.js")


@pytest.fixture
def lab(tmp_path):
    lab = NodeLab(tmp_path)
    yield lab
    for instance in lab.instances:
        assert processes.bearers(instance.id) == []


def error_of(result, error_type=UNHANDLED):
    assert (result.ending, result.error_type) == (Ending.RAISED, error_type)
    return json.loads(result.payload)


def own_lines(lab):
    """The log without what we say about versions, and without times."""
    # Carriage returns are part of a line, which reading text would hide.
    with open(lab.instances[-1].log_path, "rb") as file:
        log = file.read().decode()
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}", "TIME", log)
    return [line for line in text.split("\n") if line and not line.startswith("fun-local: Node.js")]


# --- results (3.3, 3.4) -----------------------------------------------------------------------------------


@both
def test_the_event_is_a_buffer_and_bytes_come_back_as_they_are(lab, runtime):
    event = b'\x00\xff {"not": parsed}'
    result = lab.invoke("node_results", "index.echo", event, runtime=runtime)
    assert (result.ending, result.payload, result.error_type) == (Ending.RETURNED, event, "")
    assert lab.is_alive
    assert 1 < result.memory_mb < 200
    assert lab.invoke("node_results", "index.describe", "é".encode()).payload == "true 2 é".encode()
    assert lab.invoke("node_results", "index.describe", b"").payload == b"true 0 "


RESULTS = {
    "undefined": b"",
    "null": b"",
    "Buffer.from([0, 255])": b"\x00\xff",
    "'text \\u00e9'": "text é".encode(),
    "''": b"",
    "true": b"true",
    "false": b"false",
    "0": b"0",
    "1.5": b"1.5",
    "[1, 'two']": b'[1,"two"]',
    "({b: 1, a: {c: undefined, d: null}})": b'{"b":1,"a":{"d":null}}',
    "new Date(0)": b'"1970-01-01T00:00:00.000Z"',
    "new Shown()": b'{"shown":true}',
    "Math.max": b"function Function() { [native code] }",
}


@pytest.mark.parametrize(("runtime", "handler"), [(OLD, "index.handler"), (NEW, "index.promise")])
def test_results_become_bytes(lab, runtime, handler):
    results = lab.each("node_results", handler, [text.encode() for text in RESULTS], runtime=runtime)
    assert {text: r.payload for text, r in zip(RESULTS, results, strict=True)} == RESULTS
    assert not any(result.error_type for result in results)


@both
def test_results_that_cannot_be_shown_are_errors(lab, runtime):
    error = error_of(lab.invoke("node_results", payload=b"circle", runtime=runtime))
    assert error["errorType"].endswith("TypeError")
    assert error["errorMessage"].startswith("Converting circular structure to JSON")


def test_a_result_over_the_limit_is_an_error_and_the_instance_lives_on(lab):
    limit = 33_554_432
    over, at, small = lab.each("node_results", "index.big", [b"%d" % n for n in (limit + 1, limit, 1)])
    text = b'{"errorMessage":"response payload size exceeds maximum allowed size (33554432 bytes)"}'
    assert (over.error_type, over.payload) == (UNHANDLED, text)
    assert at.payload == b"x" * limit
    assert small.payload == b"x"


def test_payloads_of_all_sizes_arrive_whole(lab):
    sizes = [1, 65_527, 65_528, 65_536, 200_000, 8 << 20]
    events = [os.urandom(size) for size in sizes]
    assert [result.payload for result in lab.each("node_results", "index.echo", events)] == events


# --- who answers (3.3) ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "runtime", "payload"),
    [
        ("returnsPromise", NEW, b"resolved"),
        ("returnsThenable", NEW, b"then"),
        ("callsLater", OLD, b"later"),
        ("callsLater", NEW, b"later"),
        ("callsTwice", OLD, b"first"),
        ("callsTwice", NEW, b"first"),
        ("callsAndResolves", OLD, b"called"),
        ("callsAndResolves", NEW, b"called"),
        ("callsAndThrows", OLD, b"called"),
        ("callsAndThrows", NEW, b"called"),
        ("callsWithUndefined", NEW, b"fine"),
        ("callsWithNothing", OLD, b""),
    ],
)
def test_the_first_answer_wins(lab, handler, runtime, payload):
    result = lab.invoke("node_calls", f"index.{handler}", runtime=runtime)
    assert (result.payload, result.error_type) == (payload, "")


@pytest.mark.parametrize(
    ("handler", "runtime"),
    [("returnsPromise", OLD), ("returnsThenable", OLD), ("returnsValue", OLD), ("returnsValue", NEW)],
)
def test_what_a_version_does_not_take_for_an_answer_runs_into_the_deadline(lab, handler, runtime):
    result = lab.invoke("node_calls", f"index.{handler}", runtime=runtime, timeout_seconds=1)
    assert result.ending is Ending.TIMED_OUT
    assert result.payload.startswith(b'{"errorMessage":"Function timed out after 1 seconds')
    assert lab.log.count("fun-local: the handler has not answered") == 1


def test_an_error_after_the_answer_is_in_the_log(lab):
    lab.each("node_calls", "index.callsAndThrows", [b"", b""])
    assert "[error] Error: too late\n    at exports.callsAndThrows (/code/index.js:" in lab.log


def test_what_is_left_behind_stands_still_until_the_next_request(lab):
    """As in a frozen instance: its timer is due at once when the next request comes (3.3, 5.5)."""

    async def run():
        async with lab.instance("node_calls", "index.leavesTimer") as instance:
            await instance.invoke("first", b"", attempts=1)
            async with lab.instance("node_calls", "index.callsLater") as other:
                await other.invoke("other", b"100", attempts=1)  # five times as long as the timer
            still = read(instance)
            for _ in range(2):  # handlers that answer at once do not starve it
                await instance.invoke("second", b"", attempts=1)
            return still, read(instance)

    still, log = asyncio.run(run())
    assert "timer of" not in still
    assert "second [info] timer of first in 1\n" in log


def test_a_function_may_have_the_next_request_wait_for_its_timers(lab):
    first, second = lab.each("node_calls", "index.drains", [b"", b""], runtime=OLD)
    assert (first.payload, second.payload) == (b"0 true", b"1 true")


def test_asynchronous_storage_does_not_reach_the_next_request(lab):
    results = lab.each("node_calls", "index.stores", [b"a", b"b", b"c"])
    assert [result.payload for result in results] == [b"undefined"] * 3


# --- errors (3.5) -----------------------------------------------------------------------------------------


@both
def test_an_error_given_to_the_callback_is_handled(lab, runtime):
    result = lab.invoke("node_errors", "index.calls", runtime=runtime)
    error = error_of(result, HANDLED)
    assert list(error) == ["errorMessage", "errorType", "stackTrace"]
    assert (error["errorMessage"], error["errorType"]) == ("oops", "Error")
    assert error["stackTrace"][0] == "Error: oops"
    assert error["stackTrace"][1].startswith("    at exports.calls (/code/index.js:9:")
    assert b", " not in result.payload.partition(b"stackTrace")[0]  # compact
    assert lab.is_alive
    assert own_lines(lab)[-2:] == [
        f"TIME{'Z' if runtime == OLD else ''} request-1 [error] {result.payload.decode()}",
        "FC Invoke End RequestId: request-1, Error: Handled function error",
    ]


@both
@pytest.mark.parametrize(
    ("handler", "message"), [("callsWithText", "just text"), ("callsWithObject", '{"code":7}')]
)
def test_what_is_no_error_has_no_stack(lab, runtime, handler, message):
    error = error_of(lab.invoke("node_errors", f"index.{handler}", runtime=runtime), HANDLED)
    assert error == {"errorMessage": message, "errorType": "FunctionHandledError"}


@pytest.mark.parametrize("handler", ["throws", "rejects"])
@pytest.mark.parametrize(("runtime", "kind"), [(OLD, "FunctionUnhandledError: Refused"), (NEW, "Refused")])
def test_an_exception_or_a_rejection_is_unhandled(lab, runtime, handler, kind):
    result = lab.invoke("node_errors", f"index.{handler}", runtime=runtime)
    error = error_of(result)
    assert (error["errorMessage"], error["errorType"]) == ("not today", kind)
    assert error["stackTrace"][1].startswith(f"    at exports.{handler} (/code/index.js:")
    assert lab.is_alive
    assert own_lines(lab)[-1] == "FC Invoke End RequestId: request-1, Error: Unhandled function error"
    assert f" request-1 [error] {result.payload.decode()}\n" in lab.log


def test_frames_of_the_runtime_are_shown_from_nodejs18_on(lab):
    old = error_of(lab.invoke("node_errors", "index.throws", runtime=OLD))
    new = error_of(lab.invoke("node_errors", "index.throws", runtime=NEW))
    assert len(old["stackTrace"]) == 2
    assert "node_worker.js" in new["stackTrace"][2]


@both
def test_thrown_text_and_unprintable_errors_are_reported(lab, runtime):
    error = error_of(lab.invoke("node_errors", "index.throwsText", runtime=runtime))
    assert error == {"errorMessage": "just text", "errorType": "FunctionUnhandledError"}
    error = error_of(lab.invoke("node_errors", "index.unprintable", runtime=runtime))
    assert error["errorMessage"] == "<unprintable>"


def test_a_long_error_is_cut_in_the_log_and_nowhere_else(lab):
    result = lab.invoke("node_errors", "index.long")
    line = next(line for line in lab.log.splitlines() if " [error] " in line)
    assert line.partition(" [error] ")[2] == (
        result.payload.decode()[: 256 * 1024] + "... Truncated by FunctionCompute"
    )
    assert len(error_of(result, HANDLED)["errorMessage"]) == 300 * 1024


def test_an_exception_outside_the_handler_fails_the_request_that_runs(lab):
    for runtime, expected in [
        (OLD, ("FunctionUnhandledError: uncaughtException", "FunctionHandledError")),
        (NEW, ("nobody catches this", "Refused")),
    ]:
        result, again = lab.each("node_errors", "index.later", [b"", b""], runtime=runtime)
        error = error_of(result)
        assert (error["errorMessage"], error["errorType"]) == expected
        assert ("stackTrace" in error) == (runtime == NEW)
        assert again.payload.split(b'"stackTrace"')[0] == result.payload.split(b'"stackTrace"')[0]  # survives
        assert "Refused: nobody catches this" in lab.log


@pytest.mark.parametrize(
    ("runtime", "payload", "said"),
    [
        ("nodejs12", b"survived", "[warn] UnhandledPromiseRejectionWarning: "),
        ("nodejs14", b"survived", "[warn] UnhandledPromiseRejectionWarning: "),
        (OLD, b"FunctionUnhandledError: uncaughtException", "[error] "),
        (NEW, b"nobody awaits this", "[error] "),
    ],
)
def test_a_rejection_that_nobody_awaits_is_what_its_version_makes_of_it(lab, runtime, payload, said):
    result = lab.invoke("node_errors", "index.floating", runtime=runtime)
    assert payload in result.payload
    assert bool(result.error_type) == (payload != b"survived")
    line = next(line for line in lab.log.splitlines() if said in line)
    assert "nobody awaits this" in line


@both
def test_an_exception_between_two_requests_is_in_the_log_and_harms_nobody(lab, runtime):
    results = lab.each("node_errors", "index.afterwards", [b"", b"", b""], runtime=runtime)
    assert [result.payload for result in results] == [b"answered"] * 3
    assert lab.log.count("[error] Refused: nobody is waiting") >= 1


# --- the handler can't be had (3.2) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("handler", "InvalidHandlerName", "Invalid handler 'handler'"),
        ("nowhere.handler", "ImportModuleError", "Module '/code/nowhere.js' is missing."),
        ("deep/nowhere.handler", "ImportModuleError", "Module '/code/deep/nowhere.js' is missing."),
        (
            "bad_require.handler",
            "ImportModuleError",
            "Cannot find module 'no-such-package-anywhere'\nRequire stack:\n- /code/bad_require.js",
        ),
        ("bad_syntax.handler", "UserCodeSyntaxError", "Unexpected token '='"),
        ("index.nothing", "HandlerNotFound", "Handler 'nothing' is missing on module 'index'"),
        ("index.value", "HandlerNotFound", "Handler 'value' is missing on module 'index'"),
        ("throws.handler", "TypeError", "not in the mood"),
    ],
)
def test_a_handler_that_cannot_be_had_is_an_unhandled_error(lab, handler, kind, message):
    for runtime, prefix in [(OLD, "FunctionUnhandledError: "), (NEW, "")]:
        error = error_of(lab.invoke("node_loading", handler, runtime=runtime))
        assert (error["errorMessage"], error["errorType"]) == (message, prefix + kind)
        assert f"{kind}: {message.splitlines()[0]}" in error["stackTrace"] or kind[:4] in ("Impo", "User")
        assert not any(lab.log_dir in line for line in error["stackTrace"])
        assert lab.is_alive


def test_a_syntax_error_shows_the_line(lab):
    trace = error_of(lab.invoke("node_loading", "bad_syntax.handler", runtime=OLD))["stackTrace"]
    assert trace[:3] == ["/code/bad_syntax.js:1", "const = 1;", "      ^"]
    assert "SyntaxError: Unexpected token '='" in trace


def test_a_failed_load_is_tried_again_by_the_next_request(lab):
    first, second = lab.each("node_loading", "second_time.handler", [b"", b""])
    assert error_of(first)["errorMessage"] == "not yet"
    assert second.payload == b"at last"


@both
def test_handlers_may_lie_in_folders_and_have_dots_in_their_names(lab, runtime):
    assert lab.invoke("node_loading", "deep/single.v2.handler", runtime=runtime).payload == b"42"


def test_loading_a_handler_is_told_once(lab):
    lab.each("node_results", "index.echo", [b"", b""])
    assert own_lines(lab)[:3] == [
        "FC Invoke Start RequestId: request-1",
        "load code for handler:index.echo",
        "FC Invoke End RequestId: request-1",
    ]
    assert lab.log.count("load code") == 1


# --- modules of both kinds (3.2) --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "payload"),
    [
        ("module.handler", b"function 42 undefined"),
        ("own_type/index.handler", b"own_type/index.js"),
        ("own_type/old.handler", b"common"),
        ("index.handler", b"index.js"),
    ],
)
def test_from_nodejs18_on_the_file_decides_what_kind_of_module_it_is(lab, handler, payload):
    assert lab.invoke("node_loading", handler, runtime="nodejs18").payload == payload


def test_up_to_nodejs16_there_are_no_es_modules(lab):
    error = error_of(lab.invoke("node_loading", "module.handler", runtime=OLD))
    assert error["errorMessage"] == "Module '/code/module.js' is missing."


def test_frames_of_es_modules_show_the_path_of_the_cloud(lab):
    error = error_of(lab.invoke("node_loading", "module.throws"))
    assert error["stackTrace"][1].startswith("    at throws (file:///code/module.mjs:7:")
    error = error_of(lab.invoke("node_loading", "missing_import.handler"))
    assert error["errorType"] == "ImportModuleError"
    assert error["errorMessage"].startswith("Cannot find module '/code/nowhere.mjs' imported from ")


# --- ends of the process (3.5) ----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["exit", "abort", "kill", "later"])
def test_a_process_that_ends_ends_the_invocation(lab, way):
    result = lab.invoke("node_process", "index.exits", way.encode())
    assert (result.ending, result.error_type) == (Ending.EXITED, UNHANDLED)
    assert result.payload.startswith(
        b'{"errorMessage":"Process exited unexpectedly before completing request'
    )
    assert not lab.is_alive
    assert " request-1 [info] going\n" in lab.log


@pytest.mark.parametrize("handler", ["waits", "blocks"])
def test_a_function_that_runs_too_long_is_ended_at_once(lab, handler):
    """Even one that blocks the event loop: nobody waits for the grace period."""
    result = lab.invoke("node_process", f"index.{handler}", timeout_seconds=1)
    assert result.ending is Ending.TIMED_OUT
    assert lab.instances[0].exit_code == -signal.SIGTERM


def stop_while_running(lab, handler, payload=b"", *, shows):
    async def run():
        async with lab.instance("node_process", handler) as instance:
            running = asyncio.create_task(instance.invoke("request-1", payload, attempts=1))
            await log_shows(instance, shows)
            started = time.perf_counter()
            await instance.stop()
            seconds = time.perf_counter() - started
            assert processes.bearers(instance.id) == []
            result = await running
            lab.log = read(instance)
            return result, seconds

    return asyncio.run(run())


@pytest.mark.parametrize("handler", ["index.waits", "index.blocks"])
def test_a_stop_ends_a_running_function(lab, handler):
    result, seconds = stop_while_running(lab, handler, shows="waiting")
    assert result.ending is Ending.STOPPED
    assert seconds < lab.grace_seconds / 2


def test_a_listener_for_sigterm_has_the_grace_period_to_answer(lab):
    result, seconds = stop_while_running(lab, "index.listens", shows="waiting")
    assert (result.ending, result.payload) == (Ending.RETURNED, b"finished all the same")
    assert " request-1 [info] caught\n" in lab.log
    assert seconds < lab.grace_seconds / 2


def test_an_idle_listener_for_sigterm_is_called_and_goes_at_once(lab):
    async def run():
        async with lab.instance("node_process", "index.leavesListener") as instance:
            await instance.invoke("r", b"", attempts=1)
            started = time.perf_counter()
            await instance.stop()
            return time.perf_counter() - started, read(instance)

    seconds, log = asyncio.run(run())
    assert seconds < lab.grace_seconds / 2
    assert "caught when idle" in log


@linux
@pytest.mark.parametrize("payload", [b"stay", b"return"])
def test_children_go_with_their_instance(lab, payload):
    async def run():
        async with lab.instance("node_process", "index.children") as instance:
            running = asyncio.create_task(instance.invoke("r", payload, attempts=1))
            await log_shows(instance, "children are there")
            if payload == b"return":
                await running
            assert len(processes.bearers(instance.id)) >= 3
            await instance.stop()
            assert processes.bearers(instance.id) == []
            await running

    asyncio.run(run())


@linux
def test_a_process_that_exits_is_seen_to_and_takes_its_children_with_it(lab):
    """Though they hold its descriptors."""
    result = lab.invoke("node_process", "index.children", b"exit", timeout_seconds=20)
    assert result.ending is Ending.EXITED
    assert processes.bearers(lab.instances[0].id) == []


def test_a_warm_instance_keeps_its_process_and_its_globals(lab):
    results = lab.each("node_process", "index.pid", [b""] * 3)
    pid = lab.instances[0].pid
    assert [result.payload.decode() for result in results] == [f"{pid} 1", f"{pid} 2", f"{pid} 3"]


@linux
def test_memory_is_the_peak_of_the_process(lab):
    small, large = lab.each("node_process", "index.holds", [b"1", b"100"], memory_mb=512)
    assert 100 < large.memory_mb < 250
    assert small.memory_mb < large.memory_mb - 50


# --- context, environment, process (3.1, 3.6, 2.11) -------------------------------------------------------


@both
def test_the_context_says_who_is_called(lab, runtime):
    lab.extra_environment = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "key",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "token",
    }
    result = lab.invoke("node_context", runtime=runtime, memory_mb=256, timeout_seconds=20)
    assert json.loads(result.payload) == {
        "requestId": "request-1",
        "credentials": {"accessKeyId": "key", "accessKeySecret": "secret", "securityToken": "token"},
        "function": {"name": "order", "handler": "index.handler", "memory": 256, "timeout": 20},
        "service": {
            "name": "shop",
            "logProject": "",
            "logStore": "",
            "qualifier": "LATEST",
            "versionId": "",
        },
        "region": "cn-shanghai",
        "accountId": "1234567890123456",
        "retryCount": 0,
        "logger": {},
        "tracing": {"openTracingSpanContext": "", "openTracingSpanBaggages": {}, "jaegerEndpoint": ""},
        "waitsForEmptyEventLoopBeforeCallback": False,
    }
    methods = json.loads(lab.invoke("node_context", "index.methods", runtime=runtime).payload)
    assert methods == ["debug", "error", "info", "log", "setLogLevel", "warn"]


def test_the_retry_count_is_one_less_than_the_attempts(lab):
    async def run():
        async with lab.instance("node_context") as instance:
            results = [await instance.invoke("r", b"", attempts=n) for n in (0, 1, 4)]
            return [json.loads(result.payload)["retryCount"] for result in results]

    assert asyncio.run(run()) == [0, 0, 3]


def test_the_process_looks_as_the_code_expects(lab, monkeypatch):
    monkeypatch.setenv("PRIVATE_TO_THE_DAEMON", "x")
    user = {"CHOSEN": "by the user", "FC_SECRET": "x", "_FC_SECRET": "x", "NODE_PATH": "/user/modules"}
    result = lab.invoke("node_context", "index.process", runtime=OLD, environment=user, memory_mb=512)
    seen = json.loads(result.payload)
    environment = seen["environment"]
    layers = ["/usr/local/lib/node_modules", "/opt/nodejs/node16/node_modules", "/opt/nodejs/node_modules"]
    assert environment["CHOSEN"] == "by the user"
    assert environment["FC_FUNCTION_HANDLER"] == "index.process"
    assert environment["NODE_PATH"].split(":")[-4:] == ["/user/modules", *layers]
    assert {"/user/modules", *layers} <= set(seen["paths"])
    assert not {"FC_SECRET", "_FC_SECRET", "PRIVATE_TO_THE_DAEMON"} & environment.keys()
    assert os.path.basename(seen["cwd"]) == "node_context"
    assert seen["arguments"] == 2
    assert seen["options"] == ["--max-old-space-size=460", "--max-http-header-size=16384", "--expose-gc"]
    assert seen["collects"] == "function"


# --- hooks (3.9, 2.7) -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runtime", "initializer"),
    [(OLD, "index.initialize"), (NEW, "index.initialize"), (NEW, "index.initializeLater")],
)
def test_the_initializer_runs_once_before_the_first_invocation(lab, runtime, initializer):
    first, second = lab.each(
        "node_context", "index.seen", [b"", b""], runtime=runtime, initializer=initializer
    )
    # During the hook, the handler's name is the hook's own.
    assert json.loads(first.payload) == json.loads(second.payload) == [initializer, "index.seen"]
    assert own_lines(lab)[:3] == [
        "FC Initialize Start RequestId: request-1",
        f"load code for handler:{initializer}",
        "FC Initialize End RequestId: request-1",
    ]
    assert lab.log.count("FC Initialize") == 2


def test_up_to_nodejs16_an_initializer_has_to_call_back(lab):
    result = lab.invoke(
        "node_context",
        "index.seen",
        runtime=OLD,
        initializer="index.initializeLater",
        initialization_timeout_seconds=1,
    )
    assert (result.ending, result.error_type) == (Ending.TIMED_OUT, INITIALIZATION)


@both
def test_a_failed_initializer_fails_the_invocation_and_costs_the_instance(lab, runtime):
    result = lab.invoke("node_context", runtime=runtime, initializer="index.fails")
    assert (result.ending, result.error_type) == (Ending.RAISED, INITIALIZATION)
    assert json.loads(result.payload)["errorMessage"] == "not ready"
    assert not lab.is_alive
    assert "FC Invoke" not in lab.log


class Worker:
    """The worker alone, asked in frames."""

    def __init__(self, tmp_path, code, **static):
        ours, theirs = socket.socketpair()
        leash, leash_end = os.pipe()
        self.leash = leash
        self.socket = ours
        ours.settimeout(20)
        self.log = tmp_path / "worker.log"
        script = os.path.join(os.path.dirname(frames.__file__), "node_worker.js")
        with theirs, open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["node", script, str(theirs.fileno()), str(leash_end)],
                stdout=log,
                stderr=log,
                pass_fds=(theirs.fileno(), leash_end),
                start_new_session=True,
            )
        os.close(leash_end)
        functions = os.path.join(os.path.dirname(os.path.dirname(__file__)), "functions")
        context = {
            "runtime": NEW,
            "code": os.path.join(functions, code),
            "handler": "index.handler",
            "initializer": "",
            "credentials": ["", "", ""],
        }
        assert self.ask({**context, **static}) == ({"kind": "ready"}, b"")

    def ask(self, header, body=b""):
        self.socket.sendall(frames.pack(json.dumps(header).encode(), body))
        data = b""
        while (frame := frames.unpack(data)) is None:
            data += self.socket.recv(65536)
        answer = json.loads(frame[0])
        assert answer.pop("max_rss_kb") > 1000
        return answer, frame[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.wait(20)
        os.close(self.leash)


@pytest.mark.parametrize(("kind", "marker"), [(2, "PreStop"), (3, "PreFreeze")])
def test_hooks_get_the_context_alone_and_give_nothing(tmp_path, kind, marker):
    with Worker(tmp_path, "node_context") as worker:
        request = {"kind": kind, "retry_count": 0, "request_id": "r", "handler": "index.hook"}
        assert worker.ask(request) == ({"kind": "ok"}, b"")
    lines = worker.log.read_text().splitlines()
    assert lines[0] == f"FC {marker} Start RequestId: r"
    assert lines[2].endswith(" r [info] r index.hook")
    assert lines[3] == f"FC {marker} End RequestId: r"


def test_pre_freeze_runs_after_a_result_and_before_the_next_invocation(lab):
    async def run():
        async with lab.instance("node_context", pre_freeze="index.hook") as instance:
            for request_id in ("one", "two"):
                await instance.invoke(request_id, b"", attempts=1)
            lab.log = read(instance)

    asyncio.run(run())
    lines = [re.sub(r"[0-9a-f-]{36}", "ID", line) for line in own_lines(lab)]
    start = lines.index("FC Invoke End RequestId: one")
    assert lines[start + 1 : start + 6] == [
        "FC PreFreeze Start RequestId: ID",
        "load code for handler:index.hook",
        "TIME ID [info] ID index.hook",
        "FC PreFreeze End RequestId: ID",
        "FC Invoke Start RequestId: two",
    ]


def test_an_idle_instance_runs_pre_stop_before_it_goes(lab):
    async def run():
        async with lab.instance("node_context", pre_stop="index.cleansUp") as instance:
            await instance.invoke("one", b"", attempts=1)
            await instance.stop()
            lab.log = read(instance)

    asyncio.run(run())
    assert [re.sub(r"[0-9a-f-]{36}", "ID", line) for line in own_lines(lab)][-2:] == [
        "TIME ID [info] cleaned up",
        "FC PreStop End RequestId: ID",
    ]


@pytest.mark.parametrize(
    ("hook", "said", "ending"),
    [
        ("index.answers", "goodbye from index.answers", Ending.RETURNED),
        ("index.cleansUp", "cleaned up", Ending.STOPPED),
    ],
)
def test_a_handler_that_waits_is_interrupted_for_pre_stop(lab, hook, said, ending):
    async def run():
        async with lab.instance("node_context", "index.works", pre_stop=hook) as instance:
            running = asyncio.create_task(instance.invoke("request-1", b"", attempts=1))
            await log_shows(instance, "at work")
            await instance.stop()
            lab.log = read(instance)
            return await running

    result = asyncio.run(run())
    assert result.ending is ending
    assert result.payload == b"met" or ending is Ending.STOPPED
    assert re.search(r" [0-9a-f-]{36} \[info\] " + said, lab.log)
    assert re.search(r"\nFC PreStop End RequestId: [0-9a-f-]{36}\n", lab.log)


def test_a_pre_stop_that_never_answers_has_its_time_and_no_more(lab):
    async def run():
        hook = {"pre_stop": "index.sleeps", "pre_stop_timeout_seconds": 1}
        async with lab.instance("node_context", **hook) as instance:
            await instance.invoke("request-1", b"", attempts=1)
            await instance.stop()
            return read(instance)

    assert re.search(
        r"\nFC PreStop End RequestId: \S+, Error: not done after 1 seconds\n", asyncio.run(run())
    )


def test_a_worker_whose_socket_closes_ends_its_group(tmp_path):
    with Worker(tmp_path, "node_context") as worker:
        pass
    assert worker.process.returncode == -signal.SIGKILL


# --- logs (3.7, 5.7) --------------------------------------------------------------------------------------


def test_console_lines_up_to_nodejs16_have_the_documented_form(lab):
    lab.invoke("node_logs", "index.levels", runtime=OLD)
    table, *rest = own_lines(lab)[2:-1][5:]
    assert own_lines(lab)[2:7] == [
        "TIMEZ request-1 [verbose] plain 7 { a: 1 }",
        "TIMEZ request-1 [debug] detail",
        "TIMEZ request-1 [info] note",
        "TIMEZ request-1 [warn] two\rlines",
        "TIMEZ request-1 [error] shown",
    ]
    assert table.startswith("TIMEZ request-1 [verbose] ┌")
    assert rest == ["TIMEZ request-1 [verbose] own", "TIMEZ request-1 [warn] own warning"]


def test_console_lines_from_nodejs18_on_have_the_documented_form(lab):
    lab.invoke("node_logs", "index.levels", runtime=NEW)
    assert own_lines(lab)[2:8] == [
        "TIME request-1 [info] plain 7 { a: 1 }",
        "TIME request-1 [debug] detail",
        "TIME request-1 [info] note",
        "TIME request-1 [warn] two",
        "lines",
        "TIME request-1 [error] shown",
    ]
    stamp = re.search(r"\n(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d{3} request-1", lab.log)[1]
    told = time.strptime(stamp, "%Y-%m-%d %H:%M:%S")
    assert abs(time.mktime(told) - time.mktime(time.gmtime())) < 60  # UTC


def test_what_is_written_to_the_streams_is_in_the_log_unchanged_and_in_order(lab):
    lab.invoke("node_logs", "index.raw")
    assert own_lines(lab)[2:-1] == ["to stdout", "to stderr", "from a child"]


def test_levels_below_the_chosen_one_are_not_shown(lab):
    assert lab.invoke("node_logs", "index.filtered", runtime=OLD).payload == b"function"
    assert own_lines(lab)[2:-1] == ["TIMEZ request-1 [warn] shown", "TIMEZ request-1 [error] shown"]
    level = {"ALIYUN_FC_LOG_LEVEL": "WARN"}
    assert lab.invoke("node_logs", "index.filtered", runtime=NEW, environment=level).payload == b"undefined"
    assert own_lines(lab)[2:-1] == ["TIME request-1 [warn] shown", "TIME request-1 [error] shown"]


def test_the_context_s_logger_keeps_its_request_and_the_console_has_the_latest(lab):
    async def run():
        async with lab.instance("node_logs", "index.shared") as instance:
            for request_id in ("one", "two"):
                await instance.invoke(request_id, b"", attempts=1)
            lab.log = read(instance)

    asyncio.run(run())
    second = own_lines(lab)[-3:-1]
    assert second == ["TIME one [info] of the first", "TIME two [info] of the latest"]


def test_a_function_may_do_what_it_likes_to_the_language(lab):
    results = lab.each("node_logs", "index.meddles", [b"", b""])
    assert [result.payload for result in results] == [b"still here"] * 2
    assert lab.log.endswith("FC Invoke End RequestId: request-1\n")


# --- which Node.js ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "runtime", ["nodejs4.4", "nodejs6", "nodejs8", "nodejs10", "nodejs12", "nodejs14", "nodejs18"]
)
def test_every_version_runs_on_the_one_that_is_installed(lab, runtime):
    assert lab.invoke("node_results", "index.echo", b"x", runtime=runtime).payload == b"x"
    installed = subprocess.check_output(["node", "-p", "process.versions.node"]).decode().partition(".")[0]
    is_other = not re.fullmatch(rf"nodejs{installed}(\..*)?", runtime)
    assert lab.log.startswith("fun-local: Node.js ") == is_other


def test_without_node_js_the_error_says_what_to_install(lab, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidRequest) as caught:
        lab.invoke("node_results", runtime="nodejs20")
    assert caught.value.code == "RuntimeNotSupported"
    assert "Install Node.js 20" in caught.value.hint


# --- a daemon that dies -----------------------------------------------------------------------------------

DAEMON = """
    import asyncio, sys
    sys.path[:0] = {path!r}
    from pathlib import Path
    from test_runtime_node import NodeLab
    from fun_local.runtime import process

    if {options!r}:
        process.RUNTIMES["nodejs"] = (("node", *{options!r}), "node_worker.js")
        process.tie = lambda leash_end, group: False

    async def main():
        lab = NodeLab(Path(sys.argv[1]))
        async with lab.instance("node_process", sys.argv[2]) as instance:
            running = asyncio.create_task(instance.invoke("r", b"return", attempts=1))
            await asyncio.sleep(0)
            print(instance.id, instance.log_path, flush=True)
            await asyncio.sleep(600)

    asyncio.run(main())
"""


def killed_daemon(tmp_path, handler, *, shows, options=()):
    """Kill a process that has started an instance; the instance's id."""
    here = os.path.dirname(os.path.abspath(__file__))
    script = textwrap.dedent(DAEMON).format(path=[here], options=tuple(options))
    command = [sys.executable, "-c", script, str(tmp_path), handler]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        try:
            instance_id, log_path = daemon.stdout.readline().split()
            deadline = time.monotonic() + 20
            while True:
                with open(log_path) as file:
                    if shows in file.read():
                        break
                assert time.monotonic() < deadline
                time.sleep(0.005)
        finally:
            daemon.kill()
    return instance_id


@linux
@pytest.mark.parametrize(
    ("handler", "shows"),
    [
        ("index.waits", "waiting"),
        ("index.blocks", "waiting"),
        ("index.pid", "FC Invoke End"),
        ("index.leavesListener", "FC Invoke End"),
    ],
)
def test_a_killed_daemon_leaves_no_process(tmp_path, handler, shows):
    assert all_gone(killed_daemon(tmp_path, handler, shows=shows)) == []


@linux
@pytest.mark.parametrize(("handler", "shows"), [("index.blocks", "waiting"), ("index.pid", "FC Invoke End")])
def test_where_the_system_does_not_end_orphans_a_shell_does(tmp_path, handler, shows):
    elsewhere = tmp_path / "elsewhere.js"
    elsewhere.write_text("Object.defineProperty(process, 'platform', {value: 'darwin'});")
    instance_id = killed_daemon(tmp_path, handler, shows=shows, options=["-r", str(elsewhere)])
    assert all_gone(instance_id) == []


@linux
def test_a_leash_is_tied_to_a_group_that_exists():
    other, end = os.pipe()
    try:
        assert leash.tie(end, os.getpgrp()) is True
        assert leash.tie(end, 2**22 + 1) is False
    finally:
        os.close(end)  # before the other: this one would end us
        os.close(other)


def test_a_row_may_name_its_own_program(lab, monkeypatch):
    monkeypatch.setitem(process.RUNTIMES, "nodejs", (("node", "--no-warnings"), "node_worker.js"))
    seen = json.loads(lab.invoke("node_context", "index.process").payload)
    assert seen["options"] == ["--no-warnings"]
