"""How an attempt ended, in the vendor's words, and the message its destination receives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from fun_local.model.execution import Execution, Status
from fun_local.model.names import FunctionRef

#: Everything a function does wrong but what Node.js hands to its callback (async-semantics 7).
UNHANDLED = "UnhandledInvocationError"
HANDLED = "HandledInvocationError"
INITIALIZATION = "InitializationError"

#: What the server of a custom runtime says itself (runtime.md 4.4).
INVOCATION = "InvocationError"

#: Of invocations that never got an instance (async-semantics 15). The vendor documents the last word only.
EXPIRED = "EventAgeExceeded"
INVALID = "FunctionNotFound"
EXHAUSTED = "FunctionResourceExhausted"


class Ending(StrEnum):
    """What made an attempt end."""

    RETURNED = "returned"
    RAISED = "raised"
    TIMED_OUT = "timed out"
    EXITED = "exited"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Result:
    """One attempt's end. ``payload`` is what the caller sees; ``error_type`` is empty on success."""

    ending: Ending
    payload: bytes
    error_type: str = ""
    duration_ms: float = 0.0
    memory_mb: float = 0.0
    instance_id: str = ""

    @property
    def is_success(self) -> bool:
        return not self.error_type


def log_summary(result: Result, memory_limit_mb: int) -> str:
    """The line that follows the log tail of a synchronous call (runtime 5.7): billed by the millisecond."""
    return (
        f"Duration: {result.duration_ms:.2f} ms, Billed Duration: {ceil(result.duration_ms)} ms,"
        f" Memory Size: {memory_limit_mb} MB, Max Memory Used: {result.memory_mb:.2f} MB"
    )


def exit_payload(duration_ms: float, memory_mb: float) -> bytes:
    """What a caller sees of a process that died or was stopped (async-semantics 20)."""
    return error_payload(
        "Process exited unexpectedly before completing request "
        f"(duration: {int(duration_ms)}ms, maxMemoryUsage: {memory_mb:.2f}MB)"
    )


def timeout_payload(timeout_seconds: int, memory_mb: float) -> bytes:
    """What a caller sees of a function that ran too long (async-semantics 20)."""
    return error_payload(
        f"Function timed out after {timeout_seconds} seconds (maxMemoryUsage: {memory_mb:.2f}MB)"
    )


def interrupted(execution: Execution, now_ms: int) -> Result:
    """An attempt that ended with the daemon that ran it."""
    duration_ms = now_ms - execution.events[-1].time_ms
    return Result(
        Ending.EXITED,
        exit_payload(duration_ms, 0),
        UNHANDLED,
        duration_ms=duration_ms,
        instance_id=execution.instance_id,
    )


def stopped_payload(execution: Execution, result: Result | None = None) -> bytes:
    """What a caller sees of an execution that is being stopped: a process that ended.

    Without a result it was not running, or was cut off by a crash: then its history has the duration.
    """
    if result is not None:
        return exit_payload(result.duration_ms, result.memory_mb)
    before, stopping = execution.events[-2:]
    was_running = before.status is Status.RUNNING
    return exit_payload(stopping.time_ms - before.time_ms if was_running else 0, 0)


def error_payload(message: str, error_type: str = "") -> bytes:
    """A function error with no stack: compact JSON, ``errorMessage`` first."""
    body = {"errorMessage": message}
    if error_type:
        body["errorType"] = error_type
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def envelope(
    *,
    timestamp_ms: int,
    request_id: str,
    function: FunctionRef,
    condition: str,
    attempts: int,
    request_payload: bytes,
    function_error: str,
    response_payload: bytes,
) -> bytes:
    """The message for a destination: keys in the order of async-semantics 15, compact JSON.

    Payloads are text there; what is not UTF-8 is shown with replacement characters, as the vendor's
    treatment is not documented.
    """
    message = {
        "timestamp": timestamp_ms,
        "requestContext": {
            "requestId": request_id,
            "functionArn": function.arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": request_payload.decode(errors="replace"),
        "responseContext": {"statusCode": 200, "functionError": function_error},
        "responsePayload": response_payload.decode(errors="replace"),
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def target_of(execution: Execution) -> str:
    """The address that an end is delivered to; empty when there is none."""
    if execution.status is Status.SUCCEEDED:
        return execution.config.on_success
    return execution.config.on_failure


def outcome_message(execution: Execution) -> bytes:
    """The message that the destination of an ended execution receives; always the same bytes.

    async-semantics 16: what never ran has a condition, but neither an error of the function nor a response.
    """
    never_ran = execution.status in (Status.EXPIRED, Status.INVALID)
    # The published message of an invocation that got no instance counts the tries to get one.
    throttles = execution.throttles if execution.error == EXHAUSTED else 0
    return envelope(
        timestamp_ms=execution.ended_ms,
        request_id=execution.request_id,
        function=execution.function,
        condition=execution.error,
        attempts=execution.attempts + throttles,
        request_payload=execution.payload,
        function_error="" if never_ran else execution.error,
        response_payload=b"" if never_ran else execution.result or b"",
    )
