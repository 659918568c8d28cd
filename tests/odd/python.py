"""What Python functions do. Section numbers are those of the runtime contract."""

from __future__ import annotations

import re
import sys

from fun_local.model.execution import Status
from fun_local.model.outcome import INITIALIZATION
from tests.odd.case import EXIT, TOO_LARGE, Case, frame, logged, timed_out

OWN = f"python3.{sys.version_info[1]}"


def python(handler, **changes):
    return Case(**{"code": "odd_python", "handler": f"index.{handler}", "runtime": OWN, **changes})


def raised(name, message, *frames):
    """The payload of an exception in Python; frames are lines of index.py with their functions (2.5)."""
    stack = [frame("odd_python", text, where) for text, where in frames]
    return {"errorMessage": message, "errorType": name, "stackTrace": stack}


def unshown(name, message):
    """The payload of a result that can't be shown: its frames are the runtime's own (2.4)."""
    return {"errorMessage": message, "errorType": name, "stackTrace": [...]}


def not_had(name, message, *stack):
    """The payload of a handler that can't be had (2.2)."""
    return {"errorMessage": message, "errorType": name, "stackTrace": list(stack)}


MY_ERROR = raised("MyError", "oops", ('raise MyError("oops")', "at_once"))

STACKS = [logged("ERROR", "Dumping stack trace after function timeout"), ...]

PRETTY = b'{\n    "a": [\n        1,\n        2\n    ],\n    "b": "\\u5f71"\n}'

ROWS = {
    # --- what is raised (2.5)
    "sibling": python(
        "at_once",
        error=MY_ERROR,
        retries=1,
        attempts=2,
        stateful=False,
        config={"max_age_seconds": 20},
    ),
    "raises": python("at_once", error=MY_ERROR),
    "raises_from": python(
        "nested", error=raised("MyError", "outer", ('raise MyError("outer") from error', "nested"))
    ),
    "raises_what_cannot_be_printed": python(
        "unprintable",
        code="raises",
        error={
            "errorMessage": "<unprintable Unprintable object>",
            "errorType": "Unprintable",
            "stackTrace": [frame("raises", "raise Unprintable", "unprintable")],
        },
    ),
    "recurses": python(
        "recursive",
        code="raises",
        error={
            "errorMessage": "maximum recursion depth exceeded",
            "errorType": "RecursionError",
            "stackTrace": [frame("raises", "return recursive(event, context)", "recursive"), ...],
        },
    ),
    "fails_twice_then_succeeds": python(
        "fails_first", event=b"2", result=b"at last", retries=3, attempts=3, log=("attempt 2",)
    ),
    "uses_up_its_retries": python(
        "fails_first",
        event=b"9",
        error=raised("MyError", "not yet", ('raise MyError("not yet")', "fails_first")),
        retries=2,
        attempts=3,
        log=("attempt 2",),
    ),
    # --- how it ends (2.6)
    "sys_exit": python("handler", code="exits", event=b"sys.exit", error=EXIT, log=("going",)),
    "SystemExit": python("handler", code="exits", event=b"SystemExit", error=EXIT, log=("going", "gone")),
    "KeyboardInterrupt": python(
        "handler",
        code="exits",
        event=b"KeyboardInterrupt",
        error=EXIT,
        log=("going", "Traceback (most recent call last):", ..., "KeyboardInterrupt: gone"),
    ),
    "os_exit": python("handler", code="exits", event=b"os._exit", error=EXIT, log=("going",)),
    "os_exit_after_a_print": python("print_is_flushed", error=EXIT, log=("said",)),
    "killed": python("signals", event=b"SIGKILL", error=EXIT, log=("before the end",)),
    "segfault": python("touches_nowhere", error=EXIT),
    "abort": python("signals", event=b"SIGABRT", error=EXIT, log=("before the end",)),
    "alarm": python("alarm", error=EXIT),
    "terminates_itself": python(
        "signals", event=b"SIGTERM", error=EXIT, log=(re.compile("before the end.*"), ...)
    ),
    "exits_then_is_run_anew": python(
        "handler", code="exits", event=b"os._exit", error=EXIT, log=("going",), retries=1, attempts=2
    ),
    # The worker may or may not come to its own end marker before it is killed.
    "closes_our_socket": python("handler", code="exits", event=b"close", error=EXIT, log=("going", ...)),
    # --- how it is loaded (2.2)
    "bad_import": python(
        "handler",
        code="bad_import",
        error=not_had(
            "ImportModuleError",
            "Unable to import module 'index'",
            "ModuleNotFoundError: No module named 'no_such_package_anywhere'",
        ),
    ),
    "no_module": Case(
        "echo",
        "nowhere.handler",
        runtime=OWN,
        error=not_had(
            "ImportModuleError",
            "Unable to import module 'nowhere'",
            "ModuleNotFoundError: No module named 'nowhere'",
        ),
    ),
    "bad_syntax": Case(
        "bad_syntax",
        runtime=OWN,
        files={"index.py": b"\n\nx = = 1\n"},
        error=not_had(
            "UserCodeSyntaxError",
            "Syntax error in module 'index'",
            'File "/code/index.py"',
            "line 3",
            "x = = 1",
            "SyntaxError: invalid syntax",
        ),
    ),
    "handler_missing": python(
        "nowhere",
        error=not_had(
            "HandlerNotFound",
            "Handler 'nowhere' is missing on module 'index'",
            "AttributeError: module 'index' has no attribute 'nowhere'",
        ),
    ),
    "no_dot": Case(
        "echo",
        "handler",
        runtime=OWN,
        error=not_had("InvalidHandleName", "Invalid handler 'handler'", ...),
    ),
    "value_error_on_import": Case(
        "bad_import",
        "value.handler",
        runtime=OWN,
        error=not_had("InvalidHandleName", "Invalid handler 'value'", ...),
    ),
    "error_on_import": Case(
        "bad_import",
        "other_error.handler",
        runtime=OWN,
        error=not_had(
            "UserCodeError",
            "Module initialization error: 'not in the mood'",
            "RuntimeError: not in the mood",
        ),
    ),
    "exit_on_import": Case("exits", "on_import.handler", runtime=OWN, error=EXIT),
    "imports_at_the_second_attempt": Case(
        "bad_import", "second_time.handler", runtime=OWN, result=b"at last", retries=1, attempts=2
    ),
    "prints_on_import": python(
        "hello", result=b"hello", log=("imported",), function={"environment": {"AT_IMPORT": "prints"}}
    ),
    # --- what it returns (2.3, 2.4)
    "none": python("handler", code="returns_types", event=b"None", result=b"null"),
    "text": python("unicode", event="影".encode(), result="影片 影".encode(), log=("影",)),
    "bytes_that_are_no_text": Case("echo", event=b"\xff\x00A", runtime=OWN, result=b"\xff\x00A"),
    "a_document": python(
        "handler", code="returns_types", event=b"{'b': '\xe5\xbd\xb1', 'a': (1, 2)}", result=PRETTY
    ),
    "decimal": python(
        "handler", code="returns_types", event=b"[decimal.Decimal('1.5')]", result=b"[\n    1.5\n]"
    ),
    "datetime": python(
        "handler",
        code="returns_types",
        event=b"datetime.datetime(2026, 1, 2, 3, 4, 5)",
        result=b'"2026-01-02T03:04:05"',
    ),
    "to_json": python(
        "handler",
        code="returns_types",
        event=b"[Shown()]",
        result=b'[\n    {\n        "shown": true\n    }\n]',
    ),
    "not_a_number": python("not_a_number", result=b"[\n    NaN,\n    Infinity\n]"),
    "class_handler": python("Handler", event=b"me", result=b'{\n    "told": "me"\n}'),
    "set": python(
        "handler",
        code="returns_types",
        event=b"{1}",
        error=unshown("TypeError", "{1} is not JSON serializable"),
    ),
    "bytes_inside": python("nested_bytes", error=unshown("TypeError", "b'x' is not JSON serializable")),
    "bytearray": python(
        "handler",
        code="returns_types",
        event=b"bytearray(b'x')",
        error=unshown("TypeError", "bytearray(b'x') is not JSON serializable"),
    ),
    "circular": python(
        "handler",
        code="returns_types",
        event=b"circle",
        error=unshown("ValueError", "Circular reference detected"),
    ),
    "mixed_keys": python(
        "mixed_keys",
        error=unshown("TypeError", "'<' not supported between instances of 'int' and 'str'"),
    ),
    "half_a_character": python(
        "half_a_character",
        error=unshown(
            "UnicodeEncodeError",
            "'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed",
        ),
        log=("\udcff\udcfe",),
    ),
    "a_result_over_the_limit": Case("big_result", event=b"33554433", runtime=OWN, error=TOO_LARGE),
    "a_result_too_long_for_a_queue": Case(
        "big_result", event=b"70000", runtime=OWN, result=b"x" * 70000, is_delivered=False
    ),
    # --- what it leaves (2.3, 5.5)
    "thread_left": python("leaves_thread", result=b"true", log=("thread left",)),
    "thread_raises": python("thread_raises", result=b"unharmed", log=("thread: MyError",)),
    "thread_exits": python("thread_exits", result=b"unharmed"),
    "child_left": python("leaves_child", result=b"null", log=("child left",)),
    "children_left_at_exit": python("exits", code="spawns_children", error=EXIT, log=("children are there",)),
    "forked_and_returned": python("forks_and_returns", result=b"parent"),
    # --- what it prints and logs (2.9)
    "much_output": python(
        "writes_much", event=b"30000", result=b"written", log=tuple(f"line {n}" for n in range(30000))
    ),
    "print_without_end": python("prints_without_end", result=b"null", log=("no end",)),
    "one_long_write": python("long_write", code="prints", result=b"null", log=("x" * 131072,)),
    "one_long_record": python(
        "logs_much",
        event=b"200000",
        result=b"null",
        log=(re.compile(r".{24} ID \[INFO\] y+"),),
    ),
    "flood": python(
        "flood",
        code="greedy",
        event=b"0.6",
        result=b"dry",
        log=(..., re.compile("fun-local: an invocation may print 64 MB;.*"), ..., "the last line"),
    ),
    "levels": python(
        "levels",
        result=b"null",
        log=(
            logged("INFO", "info"),
            logged("WARNING", "warning"),
            logged("CRITICAL", "critical"),
            logged("DEBUG", "debug of its own"),
        ),
    ),
    "logged_exception": python(
        "logs_exception",
        result=b"went on",
        log=(logged("ERROR", "caught"), "Traceback (most recent call last):", ..., "KeyError: 'inner'"),
    ),
    "warning": python("warns", result=b"warned"),
    "prints_what_looks_like_a_result": python(
        "prints_json", result=b"mine", log=('{"__offline_payload__": 1}',)
    ),
    "replaces_output": python("replaces_output", result=b"silent"),
    # --- what it does to its process (2.1)
    "reads_stdin": python("reads_stdin", result=b'[\n    "",\n    ""\n]'),
    "changes_folder": python("changes_folder", result=b'[\n    "/",\n    "found"\n]'),
    "memory_hog": python(
        "hungry", error=EXIT, log=("eating", re.compile(r"fun-local: killed: .* the limit is 128 MB.*"))
    ),
    "bounded_bomb": python(
        "bomb", event=b"6", error=timed_out(1), log=(...,), function={"timeout_seconds": 1}
    ),
    "too_many_processes": python(
        "threads",
        code="greedy",
        event=b"1100",
        error=EXIT,
        log=(re.compile("fun-local: killed: more than 1024 processes and threads.*"),),
        function={"memory_mb": 1024},
    ),
    # --- time (5.2)
    "time_out": python(
        "waits", error=timed_out(1), log=("at work", *STACKS), function={"timeout_seconds": 1}
    ),
    "time_out_each_attempt": python(
        "waits",
        error=timed_out(1),
        log=("at work", *STACKS),
        retries=1,
        attempts=2,
        function={"timeout_seconds": 1},
    ),
    "time_out_in_c": python(
        "blocks",
        code="ignores_sigterm",
        error=timed_out(1),
        log=("ready to be stopped",),
        function={"timeout_seconds": 1},
    ),
    "time_out_ignoring_sigterm": python(
        "stubborn", error=timed_out(1), log=("ignoring",), function={"timeout_seconds": 1}
    ),
    # --- what is no handler of events (2.3)
    "async_def": python(
        "coroutine",
        error=unshown("TypeError", ...)
        | {"errorMessage": re.compile("<coroutine object .* is not JSON serializable")},
    ),
    "generator": python(
        "generator",
        error=unshown("TypeError", ...)
        | {"errorMessage": re.compile("<generator object .* is not JSON serializable")},
    ),
    "not_callable": Case(
        "packages",
        "plain.not_callable",
        runtime=OWN,
        error={"errorMessage": "'int' object is not callable", "errorType": "TypeError"},
    ),
    # --- hooks (2.7) and stops (5.6)
    "initializer": python(
        "hello",
        result=b"hello",
        marker="Initialize",
        log=("ready", "FC Initialize End RequestId: ID", "FC Invoke Start RequestId: ID"),
        function={"initializer": "index.init"},
    ),
    "initializer_fails": python(
        "hello",
        error=raised("MyError", "not ready", ('raise MyError("not ready")', "init_fails")),
        condition=INITIALIZATION,
        marker="Initialize",
        retries=1,
        attempts=2,
        function={"initializer": "index.init_fails"},
    ),
    "initializer_takes_too_long": python(
        "hello",
        error=timed_out(1),
        condition=INITIALIZATION,
        marker="Initialize",
        log=STACKS,
        function={"initializer": "index.init_sleeps", "initialization_timeout_seconds": 1},
    ),
    "initializer_exits": python(
        "hello",
        error=EXIT,
        condition=INITIALIZATION,
        marker="Initialize",
        function={"initializer": "index.init_exits"},
    ),
    "stopped": python(
        "waits", error=EXIT, retries=2, status=Status.STOPPED, stop_at="at work", log=("at work", *STACKS)
    ),
    "stopped_with_pre_stop": python(
        "waits",
        error=EXIT,
        status=Status.STOPPED,
        stop_at="at work",
        log=(
            "at work",
            re.compile("FC PreStop Start RequestId: .*"),
            "goodbye",
            re.compile("FC PreStop End RequestId: .*"),
            *STACKS,
        ),
        function={"pre_stop": "index.pre_stop"},
    ),
    "stopped_ignoring_sigterm": python(
        "stubborn", error=EXIT, status=Status.STOPPED, stop_at="ignoring", log=("ignoring",)
    ),
}
