"""What Node.js functions do. Section numbers are those of the runtime contract."""

from __future__ import annotations

import re

from fun_local.model.execution import Status
from fun_local.model.outcome import HANDLED, INITIALIZATION
from tests.odd.case import EXIT, TOO_LARGE, Case, logged, timed_out


def node(handler, major=20, **changes):
    handler = handler if "." in handler else f"index.{handler}"
    return Case(**{"code": "odd_node", "handler": handler, "runtime": f"nodejs{major}", **changes})


def thrown(name, message, *stack):
    """The payload of an error in Node.js (3.5)."""
    return {"errorMessage": message, "errorType": name, "stackTrace": list(stack)}


OOPS = ["MyError: oops", ...]

ROWS = {
    # --- errors (3.5)
    "calls_with_an_error": node(
        "callsWithError", error=thrown("MyError", "oops", *OOPS), condition=HANDLED, retries=1, attempts=2
    ),
    "calls_with_text": node(
        "callsWithText",
        error={"errorMessage": "just text", "errorType": "FunctionHandledError"},
        condition=HANDLED,
    ),
    "calls_with_an_object": node(
        "callsWithObject",
        error={"errorMessage": '{"code":7}', "errorType": "FunctionHandledError"},
        condition=HANDLED,
    ),
    "throws_up_to_16": node(
        "throws", 16, error=thrown("FunctionUnhandledError: MyError", "oops", "MyError: oops", ...)
    ),
    "throws_from_18_on": node("throws", 18, error=thrown("MyError", "oops", *OOPS)),
    "throws_text": node(
        "throwsText", error={"errorMessage": "just text", "errorType": "FunctionUnhandledError"}
    ),
    "rejects_up_to_16": node(
        "rejects", 14, error=thrown("FunctionUnhandledError: MyError", "oops", "MyError: oops", ...)
    ),
    "rejects_from_18_on": node("rejects", error=thrown("MyError", "oops", *OOPS)),
    "uncaught_up_to_16": node(
        "later",
        16,
        error={
            "errorMessage": "FunctionUnhandledError: uncaughtException",
            "errorType": "FunctionHandledError",
        },
        log=(logged("error", "MyError: in a timer.*", is_pattern=True),),
    ),
    "uncaught_from_18_on": node("later", error=thrown("MyError", "in a timer", "MyError: in a timer", ...)),
    "floating_rejection_up_to_14": node(
        "floats",
        14,
        result=b"survived",
        log=(logged("warn", "UnhandledPromiseRejection.*", is_pattern=True),),
    ),
    "floating_rejection_from_18_on": node(
        "floats", error=thrown("MyError", "nobody awaits this", "MyError: nobody awaits this", ...)
    ),
    "fails_twice_then_calls_back": node(
        "failsFirst",
        event=b"2",
        result=b"at last",
        retries=3,
        attempts=3,
        log=(logged("info", "attempt 2"),),
    ),
    # --- how it ends
    "exits": node("exits", event=b"3", error=EXIT, log=(logged("info", "going"),)),
    "exits_with_0": node("exits", event=b"0", error=EXIT, log=(logged("info", "going"),)),
    "aborts": node("aborts", error=EXIT, log=(...,)),
    "killed": node("kills", error=EXIT),
    "memory_hog": node("hungry", error=EXIT, log=(re.compile(r"fun-local: killed: .* 128 MB.*"),)),
    # --- answers (3.3)
    "resolves_up_to_16": node(
        "resolves", 16, event=b"1", error=timed_out(1), log=(...,), function={"timeout_seconds": 1}
    ),
    "resolves_from_18_on": node("resolves", event=b"1", result=b"resolved 1"),
    "returns": node("returns", error=timed_out(1), log=(...,), function={"timeout_seconds": 1}),
    "answers_never": node(
        "silent",
        error=timed_out(1),
        log=(re.compile("fun-local: the handler has not answered.*"),),
        function={"timeout_seconds": 1},
    ),
    "blocks": node(
        "blocks", error=timed_out(1), log=(logged("info", "blocking"),), function={"timeout_seconds": 1}
    ),
    "calls_twice": node("callsTwice", result=b"first"),
    # --- results (3.4)
    "buffer": node("buffer", result=b"\xff\x00A"),
    "object": node("object", result='{"b":1,"a":[null,null,"é"]}'.encode()),
    "undefined": node("nothing", result=b""),
    "number": node("number", result=b"0.1"),
    "false": node("truth", result=b"false"),
    "circular": node(
        "circular",
        error=thrown("TypeError", re.compile("Converting circular structure to JSON.*", re.S), ...),
    ),
    "bigint": node("bigint", error=thrown("TypeError", "Do not know how to serialize a BigInt", ...)),
    "a_result_over_the_limit": node("big", event=b"33554433", error=TOO_LARGE),
    # --- logs (3.7)
    "levels_up_to_16": node(
        "levels",
        16,
        result=b"",
        log=(
            logged("verbose", "plain 7"),
            logged("debug", "debug"),
            logged("info", "info"),
            logged("warn", "two\rlines"),
            logged("error", "error"),
            "as it is",
        ),
    ),
    "levels_from_18_on": node(
        "levels",
        result=b"",
        log=(
            logged("info", "plain 7"),
            logged("debug", "debug"),
            logged("info", "info"),
            logged("warn", "two"),
            "lines",
            logged("error", "error"),
            "as it is",
        ),
    ),
    # --- loading (3.2)
    "es_module": node("module.handler", event=b"1", result=b"module 1"),
    "es_module_throws": node(
        "module.throws",
        error=thrown(
            "TypeError",
            "oops",
            "TypeError: oops",
            re.compile(r" {4}at .*file:///code/module.mjs:4:9\)?"),
            ...,
        ),
    ),
    "es_module_up_to_16": node(
        "module.handler",
        16,
        error=thrown(
            "FunctionUnhandledError: ImportModuleError", "Module '/code/module.js' is missing.", ...
        ),
    ),
    "bad_syntax": Case(
        "node_loading",
        "bad_syntax.handler",
        runtime="nodejs20",
        error=thrown("UserCodeSyntaxError", "Unexpected token '='", "/code/bad_syntax.js:1", ...),
    ),
    "bad_require": Case(
        "node_loading",
        "bad_require.handler",
        runtime="nodejs20",
        error=thrown(
            "ImportModuleError", re.compile("Cannot find module 'no-such-package-anywhere'.*", re.S), ...
        ),
    ),
    "handler_missing": node(
        "notCallable",
        error=thrown("HandlerNotFound", "Handler 'notCallable' is missing on module 'index'", ...),
    ),
    "no_dot": Case(
        "odd_node",
        "handler",
        runtime="nodejs20",
        error=thrown("InvalidHandlerName", "Invalid handler 'handler'", ...),
    ),
    # --- what it leaves, and what it is given
    "timer_left": node("leavesTimer", result=b"left"),
    "child_left": node("leavesChild", result=b"left"),
    "reads_stdin": node("reads", result=b"<>"),
    # --- hooks (3.9) and stops (5.6)
    "initializer_fails": node(
        "nothing",
        error=thrown("MyError", "not ready", "MyError: not ready", ...),
        condition=INITIALIZATION,
        marker="Initialize",
        is_handled=True,
        retries=1,
        attempts=2,
        function={"initializer": "index.initFails"},
    ),
    "initializer_takes_too_long": node(
        "nothing",
        error=timed_out(1),
        condition=INITIALIZATION,
        marker="Initialize",
        log=(...,),
        function={"initializer": "index.initSleeps", "initialization_timeout_seconds": 1},
    ),
    "stopped_with_pre_stop": node(
        "waits",
        error=EXIT,
        status=Status.STOPPED,
        stop_at="at work",
        log=(
            logged("info", "at work"),
            re.compile("FC PreStop Start RequestId: .*"),
            "load code for handler:index.preStop",
            re.compile(".* goodbye"),
            re.compile("FC PreStop End RequestId: .*"),
        ),
        function={"pre_stop": "index.preStop"},
    ),
}
