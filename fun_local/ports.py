"""The seams: what the use cases need from disk, processes and network.

To add a backend: one module in store/, runtime/ or beside destinations.py; one line in wiring.py; one
entry in the fixture of its suite in tests/contract/, which is the proof. Nothing above this file may
know which implementation it has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from fun_local.model.execution import Execution
from fun_local.model.names import DestinationAddress, FunctionRef
from fun_local.model.outcome import Result
from fun_local.model.resources import Function
from fun_local.model.web import WebRequest, WebResult


@dataclass(frozen=True, slots=True)
class Draft:
    """An asynchronous invocation on its way into the queue. ``due_ms`` is later than now for a delay.

    ``depth`` counts the outcomes that led to it: 0 for a caller's own invocation. ``on_failure`` is where its
    outcome goes should its function be gone when its turn comes. ``fault`` is to be rehearsed on it.
    """

    invocation_id: str
    request_id: str
    function: FunctionRef
    accepted_ms: int
    due_ms: int
    payload: bytes
    stateful: bool
    rerun_of: str = ""
    depth: int = 0
    on_failure: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """An accepted invocation. It stays in the queue, whatever happens to it, until it is acknowledged."""

    seq: int
    invocation_id: str
    request_id: str
    function: FunctionRef
    accepted_ms: int
    due_ms: int
    payload: bytes
    stateful: bool
    attempts: int = 0
    is_delivered: bool = False
    rerun_of: str = ""
    depth: int = 0
    on_failure: str = ""
    fault: str = ""

    def accepted(self) -> Execution:
        """The execution at its first moment: its message says it all."""
        return Execution.accepted(
            seq=self.seq,
            invocation_id=self.invocation_id,
            request_id=self.request_id,
            function=self.function,
            accepted_ms=self.accepted_ms,
            payload=self.payload,
            rerun_of=self.rerun_of,
        )


class Queue(Protocol):
    """Accepted invocations, until they are settled. One daemon takes from it; many processes put."""

    def put(self, draft: Draft) -> Awaitable[Message]:
        """Accept. When it returns a crash can't undo it. Raises Conflict if the id is in use."""

    def hand_on(self, draft: Draft, *, settles: int) -> Awaitable[Message | None]:
        """Accept an outcome as an invocation and note that message ``settles`` is delivered: both or neither.

        None: it had been delivered, or is gone; nothing is accepted then.
        """

    def due(
        self, function: FunctionRef, now_ms: int, *, skip: Collection[int], limit: int
    ) -> Sequence[Message]:
        """What may run now, oldest first, without the ones in ``skip`` (they are being run)."""

    def get(self, seq: int) -> Message | None:
        """One message, or None when it has been acknowledged."""

    def functions(self) -> Sequence[FunctionRef]:
        """Those with at least one message."""

    def next_due_ms(self, after_ms: int) -> int | None:
        """When the earliest message that is not due yet will be."""

    def postpone(self, seq: int, *, due_ms: int, attempts: int) -> Awaitable[None]:
        """Keep for another attempt, not before ``due_ms``."""

    def mark_delivered(self, seq: int) -> Awaitable[None]:
        """Note that the destination has its message, so that a crash does not send it twice."""

    def ack(self, seq: int) -> Awaitable[None]:
        """Forget it. The last thing that happens to a message."""


class ExecutionStore(Protocol):
    """What happened to stateful invocations."""

    def get(self, seq: int) -> Execution | None:
        """The record, or None when there is none (yet)."""

    def save(self, execution: Execution) -> None:
        """Write soon: seen by other processes within milliseconds, safe from a kill then."""

    def save_durably(self, execution: Execution) -> Awaitable[None]:
        """Write now. When it returns, not even a power cut can undo it."""


class Instance(Protocol):
    """One warm process of one function. Runs up to ``Function.concurrency`` invocations at a time."""

    id: str

    @property
    def is_alive(self) -> bool:
        """Whether it can take another invocation."""

    async def invoke(self, request_id: str, payload: bytes, *, attempts: int) -> Result:
        """Run the handler. Never raises for what the function does: that is in the result."""

    async def request(self, request_id: str, request: WebRequest, *, attempts: int) -> WebResult:
        """Have the function answer a request of an HTTP trigger. Raises as little as ``invoke``.

        Not for built-in runtimes of FC 3.0: to those a request is an event.
        """

    async def stop(self) -> None:
        """End the process and all its children: asked first, killed after the grace period."""

    def log_position(self) -> tuple[str, int]:
        """The log file's name and its present length in bytes."""


class Runtime(Protocol):
    """Starts instances."""

    async def start(self, function: Function) -> Instance:
        """A ready instance.

        Raises InvalidRequest when this runtime can't run here, Conflict when the function's program does not
        start, Unavailable when the system can't start it now.
        """

    def most(self, function: Function) -> int:
        """How many instances of a function there may be at a time, as far as is known."""


class Destination(Protocol):
    """Delivers outcomes to one kind of address."""

    @property
    def settles(self) -> bool:
        """Whether a delivery also notes in the queue that it is done, both in one transaction."""

    async def deliver(self, address: DestinationAddress, body: bytes, *, seq: int) -> None:
        """Deliver the outcome of message ``seq``. Raises NotFound, InvalidRequest or Unavailable.

        One that does not ``settle`` is asked again after a crash between its delivery and the note: it
        should know what it has (by ``seq``), or delivers at least once.
        """


class Clock(Protocol):
    """Milliseconds since the epoch, and alarms."""

    def now_ms(self) -> int: ...

    async def sleep(self, seconds: float) -> None: ...
