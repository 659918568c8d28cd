"""How an attempt ended, in the vendor's words, and the message its destination receives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from fun_local.model.names import FunctionRef

#: Everything a function does wrong but what Node.js hands to its callback (async-semantics 7).
UNHANDLED = "UnhandledInvocationError"
HANDLED = "HandledInvocationError"
INITIALIZATION = "InitializationError"


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
