"""What a function sees and what its caller gets, from every implementation of ports.Runtime.

The functions are folders under tests/functions. Section numbers are those of the runtime contract.
"""

import asyncio
import glob
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from contextlib import asynccontextmanager

import pytest

from fun_local.errors import CorruptState, InvalidRequest, Unavailable
from fun_local.model.outcome import INITIALIZATION, UNHANDLED, Ending
from fun_local.model.resources import Function
from fun_local.runtime import exits, interpreters, process, processes
from fun_local.runtime.process import ProcessRuntime

FUNCTIONS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "functions")

#: The runtime that our own interpreter is the right one for.
OWN = f"python3.{sys.version_info[1]}"

linux = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc")

EXIT_TEXT = re.compile(
    rb'{"errorMessage":"Process exited unexpectedly before completing request '
    rb'\(duration: (\d+)ms, maxMemoryUsage: (\d+\.\d\d)MB\)"}'
)


class Lab:
    """A runtime with folders of its own, and short ways to use it."""

    def __init__(self, folder):
        self.log_dir = str(folder / "logs")
        self.run_dir = str(folder / "run")
        self.grace_seconds = 5.0
        self.extra_environment = {}
        self.look = None
        self.instances = []

    def runtime(self):
        return ProcessRuntime(
            code_path=lambda code: os.path.join(FUNCTIONS, code),
            log_dir=self.log_dir,
            run_dir=self.run_dir,
            account_id="1234567890123456",
            region="cn-shanghai",
            stop_grace_seconds=self.grace_seconds,
            extra_environment=self.extra_environment,
            look=self.look,
        )

    @asynccontextmanager
    async def instance(self, code, handler="index.handler", **configuration):
        """A started instance, stopped in the end."""
        configuration.setdefault("runtime", OWN)
        configuration.setdefault("timeout_seconds", 30)
        function = Function("shop", "order", handler=handler, code=str(code), **configuration)
        instance = await self.runtime().start(function)
        self.instances.append(instance)
        try:
            yield instance
        finally:
            await instance.stop()

    def invoke(self, code, handler="index.handler", payload=b"", **configuration):
        """The result of the first invocation of a new instance; its log is in ``self.log``."""

        async def run():
            async with self.instance(code, handler, **configuration) as instance:
                result = await instance.invoke("request-1", payload, attempts=1)
                self.is_alive = instance.is_alive
                self.log = read(instance)
                return result

        return asyncio.run(run())


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    for instance in lab.instances:
        assert processes.bearers(instance.id) == []
    assert not os.path.isdir(lab.run_dir) or not [n for n in os.listdir(lab.run_dir) if n.endswith(".json")]


def read(instance):
    with open(instance.log_path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


async def log_shows(instance, text):
    """Wait until the function has said something."""
    deadline = time.monotonic() + 20
    while text not in read(instance):
        assert time.monotonic() < deadline, f"{text!r} is not in the log: {read(instance)}"
        await asyncio.sleep(0.005)


def error_of(result):
    assert result.error_type == UNHANDLED
    return json.loads(result.payload)


# --- results (2.3, 2.4) -----------------------------------------------------------------------------------


def test_the_event_is_bytes_and_bytes_come_back_as_they_are(lab):
    event = b'\x00\xff {"not": parsed}'
    result = lab.invoke("echo", payload=event)
    assert (result.ending, result.payload, result.error_type) == (Ending.RETURNED, event, "")
    assert result.is_success
    assert lab.is_alive
    assert result.instance_id == lab.instances[0].id
    assert 0 < result.duration_ms < 30_000
    assert 1 < result.memory_mb < 100


def test_an_empty_payload_is_empty_bytes(lab):
    assert lab.invoke("returns_types", "index.describe").payload == b"bytes:b''"


@pytest.mark.parametrize(
    ("expression", "body"),
    [
        ("b'\\x00\\xff'", b"\x00\xff"),
        ("'text \\u00e9'", "text é".encode()),
        ("''", b""),
        ("None", b"null"),
        ("True", b"true"),
        ("42", b"42"),
        ("1.5", b"1.5"),
        ("[1, 'two']", b'[\n    1,\n    "two"\n]'),
        ("(1,)", b"[\n    1\n]"),
        ("{}", b"{}"),
        (
            "{'b': 1, 'a': {'\\u00e9': None}}",
            b'{\n    "a": {\n        "\\u00e9": null\n    },\n    "b": 1\n}',
        ),
        ("[decimal.Decimal('1.25')]", b"[\n    1.25\n]"),
        ("datetime.date(2024, 2, 29)", b'"2024-02-29"'),
        ("datetime.datetime(2024, 2, 29, 1, 2, 3)", b'"2024-02-29T01:02:03"'),
        ("Shown()", b'{\n    "shown": true\n}'),
    ],
)
def test_return_values_become_bytes(lab, expression, body):
    result = lab.invoke("returns_types", payload=expression.encode())
    assert (result.payload, result.error_type) == (body, "")


@pytest.mark.parametrize(
    ("expression", "kind", "message"),
    [
        ("bytearray(b'x')", "TypeError", "bytearray(b'x') is not JSON serializable"),
        ("{'a': b'x'}", "TypeError", "b'x' is not JSON serializable"),
        ("{1}", "TypeError", "{1} is not JSON serializable"),
        ("Hidden()", "TypeError", "<hidden> is not JSON serializable"),
        ("memoryview(b'x')", "TypeError", None),
        ("(n for n in [])", "TypeError", None),
        ("{1: 1, 'a': 2}", "TypeError", None),
        ("circle", "ValueError", "Circular reference detected"),
        ("'\\ud800'", "UnicodeEncodeError", None),
    ],
)
def test_return_values_that_cannot_be_shown_are_errors(lab, expression, kind, message):
    result = lab.invoke("returns_types", payload=expression.encode())
    error = error_of(result)
    assert result.ending is Ending.RAISED
    assert error["errorType"] == kind
    assert message is None or error["errorMessage"] == message
    assert "python_worker.py" in error["stackTrace"][0][0]  # serialisation keeps the runtime's frames
    assert lab.is_alive


def test_a_result_over_the_limit_is_an_error_and_the_instance_lives_on(lab):
    limit = 33_554_432

    async def run():
        async with lab.instance("big_result") as instance:
            return [await instance.invoke("r", b"%d" % size, attempts=1) for size in (limit + 1, limit, 1)]

    over, at, small = asyncio.run(run())
    assert over.ending is Ending.RAISED
    assert over.error_type == UNHANDLED
    text = b'{"errorMessage":"response payload size exceeds maximum allowed size (33554432 bytes)"}'
    assert over.payload == text
    assert at.payload == b"x" * limit
    assert small.payload == b"x"


def test_a_large_payload_arrives_whole(lab):
    event = os.urandom(1 << 20) * 8
    assert lab.invoke("echo", payload=event).payload == event


# --- the handler can't be had (2.2) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "handler", "kind", "message", "trace"),
    [
        (
            "echo",
            "handler",
            "InvalidHandleName",
            "Invalid handler 'handler'",
            ["ValueError: not enough values to unpack (expected 2", "got 1)"],
        ),
        (
            "echo",
            "nowhere.handler",
            "ImportModuleError",
            "Unable to import module 'nowhere'",
            ["ModuleNotFoundError: No module named 'nowhere'"],
        ),
        (
            "echo",
            "wave.open",  # the standard library is not searched
            "ImportModuleError",
            "Unable to import module 'wave'",
            ["ModuleNotFoundError: No module named 'wave'"],
        ),
        (
            "bad_import",
            "index.handler",
            "ImportModuleError",
            "Unable to import module 'index'",
            ["ModuleNotFoundError: No module named 'no_such_package_anywhere'"],
        ),
        (
            "bad_import",
            "wrong_name.handler",
            "ImportModuleError",
            "Unable to import module 'wrong_name'",
            ["ImportError: cannot import name 'nothing' from 'other' (/code/other.py)"],
        ),
        (
            "bad_import",
            "value.handler",
            "InvalidHandleName",
            "Invalid handler 'value'",
            ["ValueError: invalid literal for int() with base 10: 'many'"],
        ),
        (
            "bad_import",
            "other_error.handler",
            "UserCodeError",
            "Module initialization error: 'not in the mood'",
            ["RuntimeError: not in the mood"],
        ),
        (
            "echo",
            "index.handle",
            "HandlerNotFound",
            "Handler 'handle' is missing on module 'index'",
            ["AttributeError: module 'index' has no attribute 'handle'"],
        ),
    ],
)
def test_a_handler_that_cannot_be_had_is_an_unhandled_error(lab, code, handler, kind, message, trace):
    result = lab.invoke(code, handler)
    assert error_of(result) == {"errorType": kind, "errorMessage": message, "stackTrace": trace}
    assert result.ending is Ending.RAISED
    assert lab.is_alive
    # The same text is in the log before the end marker.
    assert lab.log.endswith(
        f" request-1 [ERROR] {result.payload.decode()}\n"
        "FC Invoke End RequestId: request-1, Error: Unhandled function error\n"
    )


def test_a_syntax_error_shows_the_line(lab, tmp_path):
    (tmp_path / "index.py").write_text("def handler(event, context):\n    pass\nx = = 1\n")
    assert error_of(lab.invoke(tmp_path)) == {
        "errorType": "UserCodeSyntaxError",
        "errorMessage": "Syntax error in module 'index'",
        "stackTrace": ['File "/code/index.py"', "line 3", "x = = 1", "SyntaxError: invalid syntax"],
    }


def test_a_failed_import_is_tried_again_by_the_next_request(lab):
    async def run():
        async with lab.instance("bad_import", "second_time.handler") as instance:
            return [await instance.invoke("r", b"", attempts=1) for _ in range(2)]

    first, second = asyncio.run(run())
    assert error_of(first)["errorType"] == "UserCodeError"
    assert second.payload == b"at last"


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        ("deep/er/pack.mod.handler", b"deep/er/pack.mod"),
        ("deep/single.handler", b"deep/single"),
    ],
)
def test_handlers_may_lie_in_folders_and_packages(lab, handler, name):
    assert lab.invoke("packages", handler).payload == name


def test_a_class_may_be_the_handler(lab):
    assert lab.invoke("packages", "plain.Handler", b"made").payload == b'"made"'


def test_what_cannot_be_called_fails_like_any_handler(lab):
    error = error_of(lab.invoke("packages", "plain.not_callable"))
    assert error == {"errorMessage": "'int' object is not callable", "errorType": "TypeError"}


def test_files_named_like_the_standard_library_do_not_harm_the_worker(lab):
    """In the cloud json, logging and what they use are loaded before the function's code."""

    async def run():
        async with lab.instance("shadows", "index.structured") as instance:
            return await instance.invoke("r", b'{"a": 1}', attempts=1), read(instance)

    error = error_of(lab.invoke("shadows"))
    assert error["errorMessage"] == "shown"
    assert error["stackTrace"][0][-1] == 'raise ValueError("shown")'
    result, log = asyncio.run(run())
    assert result.payload == b'{\n    "a": 1\n}'
    assert " r [INFO] logged\n" in log


# --- exceptions (2.5) -------------------------------------------------------------------------------------


def test_an_exception_is_reported_with_its_frames(lab):
    result = lab.invoke("raises")
    expected = {
        "errorMessage": "not today",
        "errorType": "Refused",
        "stackTrace": [
            ['File "/code/index.py"', "line 11", "in handler", 'raise Refused("not today")'],
        ],
    }
    assert result.payload.decode() == json.dumps(expected, indent=4, sort_keys=True)
    assert (result.ending, result.error_type) == (Ending.RAISED, UNHANDLED)
    assert lab.is_alive


def test_frames_are_outermost_first_and_causes_are_not_told(lab):
    error = error_of(lab.invoke("raises", "index.nested", b"many"))
    assert (error["errorType"], error["errorMessage"]) == ("RuntimeError", "no number: many")
    assert error["stackTrace"] == [
        ['File "/code/index.py"', "line 15", "in nested", "return inner(event.decode())"],
        [
            'File "/code/index.py"',
            "line 22",
            "in inner",
            'raise RuntimeError("no number: " + text) from error',
        ],
    ]


def test_an_exception_without_frames_has_no_trace(lab):
    error = error_of(lab.invoke("raises", "index.no_arguments"))
    assert error["errorType"] == "TypeError"
    assert "no_arguments() takes 0 positional arguments but 2 were given" in error["errorMessage"]
    assert "stackTrace" not in error


def test_an_exception_that_cannot_be_printed_is_reported_all_the_same(lab):
    error = error_of(lab.invoke("raises", "index.unprintable"))
    assert (error["errorType"], error["errorMessage"]) == ("Unprintable", "<unprintable Unprintable object>")


def test_endless_recursion_is_an_exception(lab):
    error = error_of(lab.invoke("raises", "index.recursive"))
    assert error["errorType"] == "RecursionError"
    assert len(error["stackTrace"]) < 20  # repeated frames are told once


# --- exits (2.6) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["sys.exit", "SystemExit", "KeyboardInterrupt", "os._exit", "kill", "close"])
def test_a_process_that_ends_ends_the_invocation(lab, way):
    result = lab.invoke("exits", payload=way.encode())
    assert (result.ending, result.error_type) == (Ending.EXITED, UNHANDLED)
    match = EXIT_TEXT.fullmatch(result.payload)
    assert int(match[1]) == int(result.duration_ms) < 20_000
    assert float(match[2]) == round(result.memory_mb, 2) > 1
    assert not lab.is_alive
    text = json.loads(result.payload)["errorMessage"]
    assert lab.log.endswith(f"\nFC Invoke End RequestId: request-1, Error: {text}\n")
    assert "going\n" in lab.log


def test_an_exit_while_importing_is_an_exit(lab):
    assert lab.invoke("exits", "on_import.handler").ending is Ending.EXITED


def test_memory_of_a_process_that_died_is_known_where_it_exceeds_ours(lab):
    held = exits.own_peak_kb() // 1024 + 150
    held_by = {"HELD_MB": f"{held}"}
    result = lab.invoke("exits", payload=b"os._exit", environment=held_by, memory_mb=32768)
    assert held < result.memory_mb < held + 100


def test_a_dead_instance_answers_that_it_has_exited(lab):
    async def run():
        async with lab.instance("exits") as instance:
            await instance.invoke("r", b"os._exit", attempts=1)
            return await instance.invoke("r", b"os._exit", attempts=1)

    assert asyncio.run(run()).ending is Ending.EXITED


def test_an_idle_instance_that_dies_is_seen_to_be_dead(lab):
    async def run():
        async with lab.instance("echo") as instance:
            os.kill(instance.pid, signal.SIGKILL)
            deadline = time.monotonic() + 10
            while instance.is_alive:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.005)

    asyncio.run(run())


# --- time-outs (5.2) --------------------------------------------------------------------------------------


def test_a_function_that_runs_too_long_is_ended(lab):
    result = lab.invoke("sleeps", payload=b"60", timeout_seconds=1)
    assert (result.ending, result.error_type) == (Ending.TIMED_OUT, UNHANDLED)
    pattern = rb'{"errorMessage":"Function timed out after 1 seconds \(maxMemoryUsage: (\d+\.\d\d)MB\)"}'
    assert float(re.fullmatch(pattern, result.payload)[1]) == round(result.memory_mb, 2) > 1
    assert 1000 <= result.duration_ms < 2000
    assert not lab.is_alive
    text = json.loads(result.payload)["errorMessage"]
    assert lab.log.endswith(f"\nFC Invoke End RequestId: request-1, Error: {text}\n")


def test_a_function_that_runs_too_long_shows_where_it_was(lab):
    lab.invoke("sleeps", payload=b"60", timeout_seconds=1)
    assert lab.instances[0].exit_code == 143
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z request-1 \[ERROR\] "
    assert re.search(
        stamp + "Dumping stack trace after function timeout\n" + stamp + r"request id = request-1, "
        r"thread id = \d+\n" + stamp + r'  File "/code/index.py", line 7, in handler\n    time.sleep',
        lab.log,
    ), lab.log


def test_a_function_that_ignores_the_end_of_its_time_is_killed(lab):
    lab.grace_seconds = 0.3
    result = lab.invoke("ignores_sigterm", payload=b"60", timeout_seconds=1)
    assert result.ending is Ending.TIMED_OUT
    assert lab.instances[0].exit_code == -signal.SIGKILL


def test_a_result_after_the_deadline_does_not_count(lab):
    result = lab.invoke("ignores_sigterm", payload=b"1.2", timeout_seconds=1)
    assert result.ending is Ending.TIMED_OUT


@linux
def test_memory_of_a_killed_function_is_that_of_its_whole_tree(lab):
    alone = lab.invoke("sleeps", "index.holds_memory", b"50", timeout_seconds=1)
    assert 50 < alone.memory_mb < 100
    with_child = lab.invoke("spawns_children", "index.memory", timeout_seconds=2)
    assert 60 < with_child.memory_mb < 120
    assert f"maxMemoryUsage: {with_child.memory_mb:.2f}MB" in with_child.payload.decode()


def test_the_end_marker_starts_a_line_of_its_own(lab):
    lab.invoke("sleeps", "index.torn_line", timeout_seconds=1)
    assert "\nFC Invoke End RequestId: request-1, Error: Function timed out" in lab.log


# --- stop (5.6) -------------------------------------------------------------------------------------------


def stop_while_running(lab, code, handler="index.handler", payload=b"60", *, shows):
    """Stop an instance once its function has said ``shows``: (result, seconds that the stop took)."""

    async def run():
        async with lab.instance(code, handler) as instance:
            running = asyncio.create_task(instance.invoke("request-1", payload, attempts=1))
            await log_shows(instance, shows)
            started = time.perf_counter()
            await instance.stop()
            seconds = time.perf_counter() - started
            assert not instance.is_alive
            assert processes.bearers(instance.id) == []
            result = await running
            lab.log = read(instance)
            return result, seconds

    return asyncio.run(run())


def test_a_stopped_invocation_ends_like_a_process_that_exited(lab):
    result, seconds = stop_while_running(lab, "sleeps", shows="asleep")
    assert (result.ending, result.error_type) == (Ending.STOPPED, UNHANDLED)
    assert int(EXIT_TEXT.fullmatch(result.payload)[1]) == int(result.duration_ms)
    assert result.memory_mb > 1
    assert seconds < lab.grace_seconds / 2  # it does not ignore SIGTERM, so nobody waits
    text = json.loads(result.payload)["errorMessage"]
    assert lab.log.endswith(f"\nFC Invoke End RequestId: request-1, Error: {text}\n")


@pytest.mark.parametrize("handler", ["index.handler", "index.catches", "index.blocks"])
def test_what_does_not_heed_the_stop_is_killed_after_the_grace_period(lab, handler):
    lab.grace_seconds = 0.5
    result, seconds = stop_while_running(lab, "ignores_sigterm", handler, b"600", shows="ready to be stopped")
    assert result.ending is Ending.STOPPED
    assert result.duration_ms >= 500
    assert 0.5 <= seconds < 3


@pytest.mark.parametrize("handler", ["index.handler", "index.catches"])
def test_a_result_within_the_grace_period_counts(lab, handler):
    result, seconds = stop_while_running(lab, "ignores_sigterm", handler, b"0.5", shows="ready to be stopped")
    assert (result.ending, result.payload) == (Ending.RETURNED, b"finished all the same")
    assert seconds < lab.grace_seconds / 2  # idle again, it goes at once


@linux
def test_stop_ends_children_grandchildren_and_those_that_left_the_group(lab):
    result, seconds = stop_while_running(lab, "spawns_children", shows="children are there")
    assert result.ending is Ending.STOPPED
    assert seconds < lab.grace_seconds / 2


@linux
def test_an_idle_instance_takes_the_children_it_left_with_it(lab):
    async def run():
        async with lab.instance("spawns_children", "index.returns") as instance:
            result = await instance.invoke("r", b"", attempts=1)
            assert len(processes.bearers(instance.id)) >= 5
            await instance.stop()
            assert processes.bearers(instance.id) == []
            return result

    assert asyncio.run(run()).payload == b"children left"


@linux
def test_a_process_that_exits_takes_its_children_with_it(lab):
    async def run():
        async with lab.instance("spawns_children", "index.exits") as instance:
            result = await instance.invoke("r", b"", attempts=1)
            assert processes.bearers(instance.id) == []
            return result

    assert asyncio.run(run()).ending is Ending.EXITED


def test_stop_may_be_called_again_and_by_many(lab):
    async def run():
        async with lab.instance("echo") as instance:
            await asyncio.gather(instance.stop(), instance.stop())
            await instance.stop()
            assert instance.exit_code == 143
            result = await instance.invoke("r", b"", attempts=1)
            assert result.ending is Ending.STOPPED

    asyncio.run(run())


def test_an_idle_instance_that_ignores_sigterm_goes_at_once(lab):
    async def run():
        async with lab.instance("ignores_sigterm") as instance:
            await instance.invoke("r", b"0", attempts=1)
            started = time.perf_counter()
            await instance.stop()
            return time.perf_counter() - started

    assert asyncio.run(run()) < lab.grace_seconds / 2


def test_a_cancelled_invocation_costs_the_instance(lab):
    """Its handler still runs: nobody else may be given this process."""

    async def run():
        async with lab.instance("sleeps") as instance:
            running = asyncio.create_task(instance.invoke("r", b"60", attempts=1))
            await log_shows(instance, "asleep")
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert not instance.is_alive

    asyncio.run(run())


def test_one_invocation_at_a_time(lab):
    async def run():
        async with lab.instance("sleeps") as instance:
            running = asyncio.create_task(instance.invoke("r", b"60", attempts=1))
            await log_shows(instance, "asleep")
            with pytest.raises(RuntimeError, match="one invocation at a time"):
                await instance.invoke("r", b"60", attempts=1)
            await instance.stop()
            await running

    asyncio.run(run())


# --- the initializer (2.7) --------------------------------------------------------------------------------


def test_the_initializer_runs_once_before_the_first_invocation(lab):
    async def run():
        async with lab.instance("initializer", initializer="index.initialize") as instance:
            assert "Initialize" not in read(instance)
            results = [await instance.invoke(f"r{n}", b"", attempts=1) for n in (1, 2)]
            return results, read(instance)

    (first, second), log = asyncio.run(run())
    assert first.payload == second.payload
    # During the hook, the handler's name is the hook's own.
    assert json.loads(first.payload)[:2] == ["index.initialize", "index.handler"]
    assert log.splitlines() == [
        "FunctionCompute python3 runtime inited.",
        "FC Initialize Start RequestId: r1",
        "FC Initialize End RequestId: r1",
        "FC Invoke Start RequestId: r1",
        "FC Invoke End RequestId: r1",
        "FC Invoke Start RequestId: r2",
        "FC Invoke End RequestId: r2",
    ]


@pytest.mark.parametrize(
    ("initializer", "ending", "message"),
    [
        ("index.fails", Ending.RAISED, "not ready"),
        ("index.missing", Ending.RAISED, "Handler 'missing' is missing on module 'index'"),
        ("index.sleeps", Ending.TIMED_OUT, "Function timed out after 1 seconds"),
        ("index.exits", Ending.EXITED, "Process exited unexpectedly before completing request"),
    ],
)
def test_a_failed_initializer_fails_the_invocation_and_costs_the_instance(lab, initializer, ending, message):
    result = lab.invoke("initializer", initializer=initializer, initialization_timeout_seconds=1)
    assert (result.ending, result.error_type) == (ending, INITIALIZATION)
    assert json.loads(result.payload)["errorMessage"].startswith(message)
    assert not lab.is_alive
    assert "FC Initialize End RequestId: request-1, Error: " in lab.log
    assert "FC Invoke" not in lab.log


# --- context, environment, process (2.1, 2.8, 2.11) -------------------------------------------------------


def test_the_context_says_who_is_called(lab):
    lab.extra_environment = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "key",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "token",
    }
    result = lab.invoke("context_dump", memory_mb=256, timeout_seconds=20)
    assert json.loads(result.payload) == {
        "request_id": "request-1",
        "credentials": {"access_key_id": "key", "access_key_secret": "secret", "security_token": "token"},
        "function": {"name": "order", "handler": "index.handler", "memory": 256, "timeout": 20},
        "service": {
            "name": "shop",
            "log_project": "",
            "log_store": "",
            "qualifier": "LATEST",
            "version_id": "",
        },
        "region": "cn-shanghai",
        "account_id": "1234567890123456",
        "retry_count": 0,
        "tracing": {"span_context": "", "jaeger_endpoint": "", "span_baggages": {}},
        "logger": None,
    }
    aliases = lab.invoke("context_dump", "index.aliases")
    assert json.loads(aliases.payload) == ["request-1", "key", "secret", "token"]


def test_the_context_of_newer_runtimes_has_no_credentials_and_no_service(lab):
    shown = json.loads(lab.invoke("context_dump", runtime="python3.12").payload)
    assert "credentials" not in shown
    assert "service" not in shown
    assert shown["log_project"] == ""
    assert shown["function"]["qualifier"] == "LATEST"


def test_the_context_as_json_has_camel_case_keys(lab):
    assert json.loads(lab.invoke("context_dump", "index.as_json", memory_mb=256).payload) == {
        "requestId": "request-1",
        "credentials": {"accessKeyId": "", "accessKeySecret": "", "securityToken": ""},
        "function": {"name": "order", "handler": "index.as_json", "memory": 256, "timeout": 30},
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
        "tracing": {
            "openTracingSpanContext": "",
            "openTracingSpanBaggages": {},
            "jaegerEndpoint": "",
        },
    }


def test_the_retry_count_is_one_less_than_the_attempts(lab):
    async def run():
        async with lab.instance("context_dump") as instance:
            results = [await instance.invoke("r", b"", attempts=n) for n in (0, 1, 4)]
            return [json.loads(result.payload)["retry_count"] for result in results]

    assert asyncio.run(run()) == [0, 0, 3]


def test_the_process_looks_as_the_code_expects(lab, monkeypatch):
    monkeypatch.setenv("PRIVATE_TO_THE_DAEMON", "x")
    lab.extra_environment = {"GIVEN": "by us", "CHOSEN": "by us"}
    user = {"CHOSEN": "by the user", "FC_SECRET": "x", "_FC_SECRET": "x", "TZ": "Asia/Shanghai"}
    seen = json.loads(lab.invoke("context_dump", "index.process", environment=user).payload)
    code = os.path.join(FUNCTIONS, "context_dump")
    environment = seen["environment"]
    expected = {
        "FC_FUNC_CODE_PATH": code,
        "FC_ACCOUNT_ID": "1234567890123456",
        "FC_REGION": "cn-shanghai",
        "FC_SERVICE_NAME": "shop",
        "FC_FUNCTION_NAME": "order",
        "FC_FUNCTION_HANDLER": "index.process",
        "FC_FUNCTION_MEMORY_SIZE": "128",
        "FC_QUALIFIER": "LATEST",
        "FC_VER_ID": "",
        "FC_INSTANCE_ID": lab.instances[0].id,
        "GIVEN": "by us",
        "CHOSEN": "by the user",
        "TZ": "Asia/Shanghai",
        "accessKeyID": "",
        "local": "true",
        "PATH": os.environ["PATH"],
    }
    assert expected.items() <= environment.items()
    assert not {"FC_SECRET", "_FC_SECRET", "PRIVATE_TO_THE_DAEMON", "PYTHONPATH"} & environment.keys()
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID" not in environment
    minor = sys.version_info[1]
    layers = [f"/opt/python/lib/python3.{minor}/site-packages", "/opt/python"]
    assert seen["path"][:3] == [code, *layers]
    assert not [path for path in seen["path"] if path.endswith("fun_local/runtime") or path == lab.run_dir]
    assert seen["cwd"] == os.path.realpath(code)
    assert seen["encoding"] == ["utf-8", "surrogateescape"]
    assert seen["argv"] == 1
    assert seen["here"] == os.path.join(code, "index.py")
    # The function's children must get none of our descriptors.
    assert seen["inherited"] == [0, 1, 2]


def test_starting_loads_no_module_that_takes_long(lab):
    loaded = json.loads(lab.invoke("context_dump", "index.process").payload)["modules"]
    slow = {"asyncio", "logging", "threading", "traceback", "socket", "subprocess", "ctypes", "typing"}
    in_any_case = subprocess.run(
        [sys.executable, "-c", "import json, sys; print(*sys.modules)"], capture_output=True, text=True
    ).stdout.split()
    assert slow & set(loaded) <= set(in_any_case)


def test_ids_and_files_look_as_documented(lab):
    lab.invoke("echo")
    instance = lab.instances[0]
    assert re.fullmatch(r"c-[0-9a-f]{8}-[0-9a-f]{20}", instance.id)
    assert abs(int(instance.id[2:10], 16) - time.time()) < 60
    name, length = instance.log_position()
    assert name == f"{instance.id}.log"
    path = os.path.join(lab.log_dir, name)
    assert length == os.path.getsize(path) > 0
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_log_that_somebody_removed_is_empty(lab):
    lab.invoke("echo")
    instance = lab.instances[0]
    os.remove(instance.log_path)
    assert instance.log_position() == (f"{instance.id}.log", 0)


# --- warm instances (5.5) ---------------------------------------------------------------------------------


def test_a_warm_instance_keeps_its_process_and_its_globals(lab):
    async def run():
        async with lab.instance("global_state") as instance:
            results = [await instance.invoke("r", b"", attempts=1) for _ in range(3)]
            return instance.pid, [result.payload.decode() for result in results]

    pid, payloads = asyncio.run(run())
    assert payloads == [f"{pid} 1", f"{pid} 2", f"{pid} 3"]


def test_an_instance_that_raised_serves_on(lab):
    async def run():
        async with lab.instance("raises", "index.nested") as instance:
            results = [await instance.invoke("r", b"many", attempts=1) for _ in range(3)]
            return [result.ending for result in results], instance.is_alive

    assert asyncio.run(run()) == ([Ending.RAISED] * 3, True)


@pytest.mark.parametrize("handler", ["index.handler", "index.child_raises"])
def test_only_the_parent_of_a_forked_handler_answers(lab, handler):
    async def run():
        async with lab.instance("forks", handler) as instance:
            results = [await instance.invoke("r", b"", attempts=1) for _ in range(2)]
            return [result.payload for result in results], read(instance)

    payloads, log = asyncio.run(run())
    assert payloads == [b"parent", b"parent"]
    assert log.count("FC Invoke End RequestId: r\n") == 2


def test_sigterm_means_to_a_forked_child_what_it_means_to_anybody(lab):
    assert lab.invoke("forks", "index.terminates").payload == b"-15"
    assert "Dumping stack trace" not in lab.log


# --- dependencies in the code folder ----------------------------------------------------------------------


@pytest.mark.parametrize("version", ["own", "python3.4"])
def test_what_fun_install_has_left_can_be_imported(lab, tmp_path, version):
    """Of our version or, when there is nothing for it, of another; and before other installed packages."""
    version = f"python3.{sys.version_info[1]}" if version == "own" else version
    packages = tmp_path / ".fun" / "python" / "lib" / version / "site-packages"
    for folder in (packages, tmp_path / "more"):
        folder.mkdir(parents=True)
    (packages / "installed.py").write_text("name = 'installed'\n")
    (packages / "more.pth").write_text(str(tmp_path / "more") + "\n")
    (packages / "click.py").write_text("name = 'of the function'\n")
    (tmp_path / "more" / "by_path_file.py").write_text("name = 'by path file'\n")
    (tmp_path / "index.py").write_text(
        "import os, sys\n"
        "import by_path_file, click, installed\n"
        "def handler(event, context):\n"
        "    names = [installed.name, by_path_file.name, click.name]\n"
        "    return [names, sys.path[0], os.environ['PATH'].split(':'), os.environ['PYTHONUSERBASE']]\n"
    )
    names, first, programs, base = json.loads(lab.invoke(tmp_path).payload)
    assert names == ["installed", "by path file", "of the function"]
    assert first == str(tmp_path)
    assert str(tmp_path / ".fun" / "python" / "bin") in programs
    assert base == str(tmp_path / ".fun" / "python")


# --- logs (2.9, 5.7) --------------------------------------------------------------------------------------


def test_what_is_printed_is_in_the_log_unchanged_and_in_order(lab):
    assert lab.invoke("prints").payload == b"printed"
    assert lab.log.splitlines() == [
        "FunctionCompute python3 runtime inited.",
        "FC Invoke Start RequestId: request-1",
        "to stdout",
        "to stderr",
        "from a child",
        "raw bytes",
        "binary",
        "你好",
        "FC Invoke End RequestId: request-1",
    ]


def test_log_records_have_the_documented_form(lab):
    assert lab.invoke("logs").payload == b"1 20 None"
    lines = lab.log.splitlines()
    stamp = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{3}Z request-1 "
    expected = [
        r"\[INFO\] while importing",
        r"\[INFO\] to the root",
        r"\[WARNING\] from a part: 7",
        r"\[ERROR\] from the context",
    ]
    assert len(lines) == 7
    for line, pattern in zip(lines[2:-1], expected, strict=True):
        told = time.strptime(re.fullmatch(stamp + pattern, line)[1], "%Y-%m-%dT%H:%M:%S")
        assert abs(time.mktime(told) - time.mktime(time.gmtime())) < 60  # UTC


def test_the_error_is_in_the_log_before_the_end_marker(lab):
    result = lab.invoke("logs", "index.fails")
    assert re.search(
        r"Z request-1 \[ERROR\] " + re.escape(result.payload.decode()) + "\n"
        "FC Invoke End RequestId: request-1, Error: Unhandled function error\n$",
        lab.log,
    )


def test_an_error_goes_where_the_function_has_sent_its_log(lab):
    result = lab.invoke("logs", "index.silent")
    assert f"\n{result.payload.decode()}\nFC Invoke End" in lab.log


def test_long_writes_and_long_records_are_cut(lab):
    lab.invoke("prints", "index.long_write")
    assert lab.log.splitlines()[2] == "x" * (128 * 1024)
    lab.invoke("logs", "index.long_record")
    assert len(lab.log.splitlines()[3]) == 128 * 1024 - 1


def test_a_function_may_do_what_it_likes_to_its_streams(lab):
    assert lab.invoke("prints", "index.replaced").payload == b"still here"
    assert lab.log.endswith("FC Invoke End RequestId: request-1\n")


def test_the_log_is_live_and_its_positions_enclose_an_invocation(lab):
    async def run():
        async with lab.instance("sleeps") as instance:
            await instance.invoke("first", b"0", attempts=1)
            name, start = instance.log_position()
            running = asyncio.create_task(instance.invoke("second", b"60", attempts=1))
            await log_shows(instance, "FC Invoke Start RequestId: second\nasleep\n")
            await instance.stop()
            await running
            with open(os.path.join(lab.log_dir, name), "rb") as file:
                return file.read()[start : instance.log_position()[1]].decode()

    lines = asyncio.run(run()).splitlines()
    assert lines[0] == "FC Invoke Start RequestId: second"
    assert lines[-1].startswith("FC Invoke End RequestId: second, Error: ")


# --- functions that forge answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forged", "ending"),
    [
        (b"\x00\x00\x00\x02\x80\x00\x00\x00{}", Ending.RAISED),  # a body of two gigabytes
        (b"\x7f\x00\x00\x00\x00\x00\x00\x00", Ending.EXITED),  # a header of as much
        (b"\x00\x00\x00\x02\x00\x00\x00\x00{]", Ending.EXITED),
        (b"\x00\x00\x00\x02\x00\x00\x00\x00[]", Ending.EXITED),
        (b"\x00\x00\x00\x02\x00\x00\x00\x00{}", Ending.EXITED),
        (b'\x00\x00\x00\x1c\x00\x00\x00\x00{"kind":"ok","max_rss_kb":""}', Ending.EXITED),
        (b'\x00\x00\x00\x1c\x00\x00\x00\x00{"kind":"no","max_rss_kb":1 }', Ending.EXITED),
        (b'\x00\x00\x00\x1c\x00\x00\x00\x00{"kind":"ok","max_rss_kb":1 }more', Ending.EXITED),
    ],
)
def test_a_forged_answer_costs_the_function_its_process(lab, forged, ending):
    result = lab.invoke("big_result", "index.forges", forged.hex().encode())
    assert (result.ending, result.error_type) == (ending, UNHANDLED)
    assert not lab.is_alive


# --- starting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runtime", ["python2.7", "java11", ""])
def test_runtimes_that_cannot_run_here_are_refused(lab, runtime):
    async def run():
        async with lab.instance("echo", runtime=runtime):
            pass

    with pytest.raises(InvalidRequest) as caught:
        asyncio.run(run())
    assert caught.value.code == "RuntimeNotSupported"
    assert "python3" in caught.value.hint


@pytest.mark.parametrize("runtime", ["python3", "python3.6", "python3.9", "python3.10", "python3.12"])
def test_all_python_3_runtimes_run_here(lab, runtime):
    assert lab.invoke("echo", payload=b"x", runtime=runtime).payload == b"x"
    lines = lab.log.splitlines()
    declared = (3, 6) if runtime == "python3" else (3, int(runtime[8:]))
    found = interpreters.find(runtime, os.environ, worker=process.__file__, byte_code_dir=lab.run_dir)
    assert lines[0].startswith("fun-local: Python 3.") == (found.version != declared)


def test_an_interpreter_of_another_version_is_told_in_the_first_line_of_the_log(lab, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PYENV_ROOT", "/nowhere")
    lab.invoke("echo", runtime="python3.99")
    first, second = lab.log.splitlines()[:2]
    assert first == f"fun-local: {interpreters.notice('python3.99', interpreters.OWN)}"
    assert second == "FunctionCompute python3 runtime inited."
    lab.invoke("echo")
    assert lab.log.startswith("FunctionCompute")


def test_a_name_that_says_no_version_is_refused(lab):
    with pytest.raises(InvalidRequest, match=r"'python3\.x' says no version") as caught:
        lab.invoke("echo", runtime="python3.x")
    assert "python3.10" in caught.value.hint


def test_an_interpreter_that_has_gone_is_looked_for_anew(lab, monkeypatch):
    runtime = lab.runtime()
    runtime._interpreters[OWN] = interpreters.Interpreter("/no/such/python", interpreters.OWN, "worker")
    monkeypatch.setattr(lab, "runtime", lambda: runtime)
    with pytest.raises(Unavailable, match="/no/such/python could not be started"):
        lab.invoke("echo")
    assert lab.invoke("echo", payload=b"x").payload == b"x"


def test_code_that_is_gone_is_told(lab):
    with pytest.raises(CorruptState):
        lab.invoke("no_such_folder")


@pytest.mark.parametrize("program", ["/no/such/program", sys.executable])
def test_a_process_that_does_not_get_ready_is_told(lab, monkeypatch, program):
    monkeypatch.setitem(process.RUNTIMES, "python3", ((program, "-c", "pass"), "python_worker.py"))
    with pytest.raises(Unavailable) as caught:
        lab.invoke("echo")
    is_run = program == sys.executable
    assert ("ended while it started" if is_run else "could not be started") in caught.value.message


def test_a_process_that_takes_too_long_to_get_ready_is_ended(lab, monkeypatch):
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    monkeypatch.setitem(process.RUNTIMES, "python3", (command, "python_worker.py"))
    monkeypatch.setattr(process, "START_SECONDS", 0.2)
    with pytest.raises(Unavailable) as caught:
        lab.invoke("echo")
    assert "did not start within" in caught.value.message
    assert ".log" in caught.value.hint


def test_without_process_descriptors_a_thread_waits(lab, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert lab.invoke("echo", payload=b"x").payload == b"x"
    assert lab.invoke("exits", payload=b"sys.exit").ending is Ending.EXITED


# --- a daemon that dies -----------------------------------------------------------------------------------

DAEMON = """
    import asyncio, os, sys
    sys.path[:0] = {path!r}
    from test_runtime import Lab
    from pathlib import Path

    if {without_leash}:
        from fun_local.runtime import process
        start = "import fcntl, runpy, sys; del fcntl.F_SETSIG, sys.argv[0]; "
        start += "runpy.run_path(sys.argv[0], None, '__main__')"
        process.RUNTIMES["python3"] = ((sys.executable, "-c", start), "python_worker.py")

    async def main():
        lab = Lab(Path(sys.argv[1]))
        async with lab.instance(sys.argv[2], sys.argv[3], **{configuration}) as instance:
            running = asyncio.create_task(instance.invoke("r", b"600", attempts=1))
            if {busy}:
                await asyncio.sleep(0)
            else:
                await running
            print(instance.id, instance.log_path, flush=True)
            await asyncio.sleep(600)

    asyncio.run(main())
"""


def killed_daemon(
    tmp_path, code, handler="index.handler", *, shows, busy=True, without_leash=False, **configuration
):
    """Kill a process that has started an instance; the instance's id."""
    here = [os.path.dirname(os.path.abspath(__file__))]
    script = textwrap.dedent(DAEMON).format(
        path=here, busy=busy, without_leash=without_leash, configuration=configuration
    )
    command = [sys.executable, "-c", script, str(tmp_path), code, handler]
    # Nobody may come after it to remove the scratch folder.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as daemon:
        instance_id, log_path = daemon.stdout.readline().split()
        deadline = time.monotonic() + 20
        while True:
            with open(log_path) as file:
                if shows in file.read():
                    break
            assert time.monotonic() < deadline
            time.sleep(0.005)
        daemon.kill()
    return instance_id


def all_gone(instance_id):
    deadline = time.monotonic() + 10
    while found := processes.bearers(instance_id):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.005)
    return []


@linux
@pytest.mark.parametrize(
    ("code", "handler", "shows", "busy"),
    [
        ("sleeps", "index.handler", "asleep", True),
        ("ignores_sigterm", "index.handler", "ready", True),
        ("ignores_sigterm", "index.blocks", "ready", True),
        ("echo", "index.handler", "FC Invoke End", False),
    ],
)
def test_a_killed_daemon_leaves_no_process(tmp_path, code, handler, shows, busy):
    assert all_gone(killed_daemon(tmp_path, code, handler, shows=shows, busy=busy)) == []


@linux
def test_where_the_system_does_not_end_orphans_a_thread_does(tmp_path):
    instance_id = killed_daemon(tmp_path, "ignores_sigterm", shows="ready", without_leash=True)
    assert all_gone(instance_id) == []


@linux
@pytest.mark.parametrize(
    ("code", "handler", "shows", "busy"),
    [
        ("spawns_children", "index.handler", "children are there", True),
        ("spawns_children", "index.returns", "children are there", False),
    ],
)
def test_the_next_daemon_finds_what_the_killed_one_left(tmp_path, code, handler, shows, busy):
    """Only what moved to another session outlives the daemon; its note leads to it."""
    instance_id = killed_daemon(tmp_path, code, handler, shows=shows, busy=busy)
    run_dir = str(tmp_path / "run")
    assert processes.kill_leftovers(run_dir) == [instance_id]
    assert processes.bearers(instance_id) == []
    assert processes.kill_leftovers(run_dir) == []


# --- other interpreters -----------------------------------------------------------------------------------

INTERPRETERS = ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]


@pytest.fixture(params=INTERPRETERS)
def interpreter(request, monkeypatch):
    """Instances run on this Python instead of our own."""
    pattern = os.path.expanduser(f"~/.pyenv/versions/{request.param}.*/bin/python")
    path = next(iter(sorted(glob.glob(pattern))), None) or shutil.which(f"python{request.param}")
    if not path:
        pytest.skip(f"Python {request.param} is not installed")
    monkeypatch.setitem(process.RUNTIMES, "python3", ((path, "-W", "ignore"), "python_worker.py"))
    return request.param


def test_the_worker_runs_on_other_interpreters(lab, interpreter, tmp_path):
    assert lab.invoke("returns_types", "index.handler", b"{'b': 1, 'a': None}").payload == (
        b'{\n    "a": null,\n    "b": 1\n}'
    )
    error = error_of(lab.invoke("raises", "index.nested", b"many"))
    assert [frame[2] for frame in error["stackTrace"]] == ["in nested", "in inner"]
    assert all(len(frame) == 4 and "^" not in frame[3] for frame in error["stackTrace"])
    assert lab.invoke("logs").payload == b"1 20 None"
    assert "request-1 [INFO] while importing" in lab.log
    missing = error_of(lab.invoke("echo", "index.handle"))
    assert missing["stackTrace"] == ["AttributeError: module 'index' has no attribute 'handle'"]
    assert lab.invoke("packages", "deep/er/pack.mod.handler").payload == b"deep/er/pack.mod"
    assert lab.invoke("forks").payload == b"parent"
    assert lab.invoke("exits", payload=b"sys.exit").ending is Ending.EXITED
    (tmp_path / "index.py").write_text("def handler(event, context):\n    pass\nx = = 1\n")
    assert error_of(lab.invoke(tmp_path))["stackTrace"] == [
        'File "/code/index.py"',
        "line 3",
        "x = = 1",
        "SyntaxError: invalid syntax",
    ]
    assert error_of(lab.invoke("shadows"))["errorMessage"] == "shown"
    result, _ = stop_while_running(lab, "sleeps", shows="asleep")
    assert result.ending is Ending.STOPPED
    assert 'File "/code/index.py", line 7, in handler' in lab.log
