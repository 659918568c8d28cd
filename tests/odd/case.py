"""A row of the tables: a function, and all that is to be seen of an asynchronous call of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fun_local.model.execution import Status
from fun_local.model.names import queue_arn
from fun_local.model.resources import AsyncConfig, Function
from tests.conftest import ROOT

FUNCTIONS = ROOT / "tests" / "functions"

SERVICE = "odd"

GOOD, BAD = "good", "bad"

#: An error of the platform's own, with nothing but a message.
EXIT = re.compile(
    r"Process exited unexpectedly before completing request "
    r"\(duration: \d+ms, maxMemoryUsage: \d+\.\d\dMB\)"
)

#: What a runtime that lives on says of a result that nobody can take.
TOO_LARGE = re.compile(r"response payload size exceeds maximum allowed size \(33554432 bytes\)")

#: Times in logs: of Python and of Node.js up to 16, and of newer ones.
TIME = r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d\.\d{3}Z| \d\d:\d\d:\d\d\.\d{3})"


def timed_out(seconds):
    text = rf"Function timed out after {seconds} seconds \(maxMemoryUsage: \d+\.\d\dMB\)"
    return re.compile(text)


def logged(level, text, *, is_pattern=False):
    """A line of a logger; the request's id is shown as ID."""
    return re.compile(rf"{TIME} ID \[{level}\] {text if is_pattern else re.escape(text)}")


@dataclass(frozen=True)
class Case:
    """A function and what is to be seen of a call.

    ``error`` is its payload as data, or the pattern of its only message; a stack may be a list with an
    ellipsis for whatever is there. ``log`` are the lines between the markers of the last attempt, without
    the error that the runtime logs.
    """

    code: str
    handler: str = "index.handler"
    event: bytes = b""
    result: bytes | None = None
    error: object = None
    condition: str = ""
    log: tuple = ()
    attempts: int = 1
    status: Status | None = None
    runtime: str = ""
    retries: int = 0
    stateful: bool = True
    marker: str = "Invoke"
    stop_at: str = ""
    is_delivered: bool = True
    is_handled: bool = False  # by the log's words, where the condition is another
    files: dict | None = None
    function: dict = field(default_factory=dict)
    config: dict = field(default_factory=dict)

    @property
    def is_success(self):
        return self.error is None

    @property
    def is_node(self):
        return self.runtime.startswith("nodejs")

    def deployed(self, name, digest):
        config = AsyncConfig(
            self.retries,
            stateful=self.stateful,
            on_success=queue_arn(GOOD),
            on_failure=queue_arn(BAD),
            **self.config,
        )
        options = {"timeout_seconds": 20, **self.function}
        return Function(SERVICE, name, self.runtime, self.handler, digest, async_config=config, **options)


def frame(code, text, where, file="index.py"):
    """A frame of a Python stack: where a line of a test function's source is."""
    lines = (FUNCTIONS / code / file).read_text().splitlines()
    [number] = [n for n, line in enumerate(lines, 1) if line.strip() == text and is_in(lines, n, where)]
    return [f'File "/code/{file}"', f"line {number}", f"in {where}", text]


def is_in(lines, number, where):
    """Whether a line of a module is in a function of that name."""
    above = [line for line in lines[:number] if re.match(r"(async )?def ", line)]
    return bool(above) and re.match(rf"(async )?def {where}\(", above[-1]) is not None
