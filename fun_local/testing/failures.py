"""What goes wrong in a test, and what its reader is shown of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fun_local.testing.values import from_bytes

if TYPE_CHECKING:
    from fun_local.testing.executions import Execution

#: Of a log its end says most; of a result its beginning.
_LOG_LINES = 15
_RESULT_CHARACTERS = 2000


class FunctionError(Exception):
    """A synchronous call whose function failed."""

    def __init__(self, function: str, error_type: str, body: bytes, log: str) -> None:
        self.function = function
        self.type = error_type
        #: What a caller is told: most often a dict with ``errorMessage``.
        self.payload: Any = from_bytes(body)
        self.log = log
        super().__init__(
            f"{function} failed ({error_type}): {_short(self.payload)}\n{_indented('log', last_lines(log))}"
        )


class UnexpectedEnd(AssertionError):
    """An execution that ended otherwise than expected."""

    def __init__(self, execution: Execution, expected: str) -> None:
        self.execution = execution
        super().__init__(f"{title(execution)} is {execution.status}, not {expected}\n{story(execution)}")


class NotInTime(AssertionError):
    """What was waited for did not happen in time."""


def unfinished(execution: Execution, seconds: float, expected: str) -> NotInTime:
    """The failure of a wait for an execution."""
    what = f"{title(execution)} is {execution.status} after {seconds:g} s of waiting for {expected}"
    return NotInTime(f"{what}\n{story(execution)}")


def story(execution: Execution) -> str:
    """What a person wants to know of an execution that surprised them."""
    events = execution.events
    start_ms = events[0].time_ms if events else 0
    steps = ", ".join(f"{event.status} +{event.time_ms - start_ms} ms" for event in events)
    lines = [f"  events:   {steps}", f"  attempts: {execution.attempts}"]
    if execution.error:
        lines.append(f"  error:    {execution.error}")
    if execution.faults:
        lines.append(f"  on purpose: {', '.join(execution.faults)}")
    if execution.has_result:
        lines.append(f"  result:   {_short(execution.result)}")
    if execution.destination_status:
        lines.append(f"  outcome delivered: {execution.destination_status}")
    lines.append(_indented("log", last_lines(execution.log)))
    return "\n".join(lines)


def last_lines(log: str) -> list[str]:
    lines = log.splitlines()
    left_out = len(lines) - _LOG_LINES
    return [f"… {left_out} lines before", *lines[-_LOG_LINES:]] if left_out > 0 else lines


def title(execution: Execution) -> str:
    """What an execution is called."""
    return f"execution {execution.id} of {execution.function}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _RESULT_CHARACTERS else text[:_RESULT_CHARACTERS] + "…"


def _indented(title: str, lines: list[str]) -> str:
    if not lines:
        return f"  {title}: (empty)"
    return "\n".join([f"  {title}:", *(f"    {line}" for line in lines)])
