"""The state machine: which states an execution has, and which may follow which.

    (accepted) -> Enqueued -> Dequeued -> Running -> Succeeded
                     |           |        |  ^  \\-> Failed
                     |           |        v  |
                     |           |      Retrying -> Expired | Invalid
                     |           \\-> Expired | Invalid
                     \\---- any of these four ----> Stopping -> Stopped

Facts: async-semantics section 4. An execution never changes; ``to`` gives a new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fun_local.errors import Conflict
from fun_local.model.names import FunctionRef

if TYPE_CHECKING:
    from fun_local.model.resources import AsyncConfig


class Status(StrEnum):
    """The vendor's ten words."""

    ENQUEUED = "Enqueued"
    DEQUEUED = "Dequeued"
    RUNNING = "Running"
    RETRYING = "Retrying"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    EXPIRED = "Expired"
    INVALID = "Invalid"

    @property
    def is_final(self) -> bool:
        return self not in TRANSITIONS


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.ENQUEUED: frozenset({Status.DEQUEUED, Status.STOPPING}),
    Status.DEQUEUED: frozenset({Status.RUNNING, Status.EXPIRED, Status.INVALID, Status.STOPPING}),
    Status.RUNNING: frozenset({Status.SUCCEEDED, Status.FAILED, Status.RETRYING, Status.STOPPING}),
    Status.RETRYING: frozenset({Status.RUNNING, Status.EXPIRED, Status.INVALID, Status.STOPPING}),
    # Once a stop is accepted nothing else can come: a result that arrives later is dropped.
    Status.STOPPING: frozenset({Status.STOPPED}),
}  # a status without a row is final

FINAL: frozenset[Status] = frozenset(status for status in Status if status.is_final)


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of an execution's history. ``detail`` is JSON text, or empty."""

    id: int
    status: Status
    time_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LogSegment:
    """Where an attempt's log lines are: bytes ``start`` to ``end`` of a file; ``end`` None while it runs."""

    file: str
    start: int
    end: int | None = None


def _defaults() -> AsyncConfig:
    # Its module costs a tenth of a whole `fun executions list`, which only needs the words above.
    from fun_local.model.resources import AsyncConfig

    return AsyncConfig()


@dataclass(frozen=True)
class Execution:
    """The record of one stateful asynchronous invocation.

    ``seq`` is its place in the order of acceptance, ``attempts`` how often it has entered Running,
    ``throttles`` how often there was no instance to be had for it, ``config`` the asynchronous configuration
    that was in force when it was taken off the queue.
    """

    seq: int
    invocation_id: str
    request_id: str
    function: FunctionRef
    accepted_ms: int
    payload: bytes
    status: Status = Status.ENQUEUED
    events: tuple[Event, ...] = ()
    attempts: int = 0
    throttles: int = 0
    config: AsyncConfig = field(default_factory=_defaults)
    ended_ms: int = 0
    duration_ms: float = 0.0
    memory_mb: float = 0.0
    error: str = ""
    result: bytes | None = None
    instance_id: str = ""
    destination_status: str = ""
    logs: tuple[LogSegment, ...] = ()
    rerun_of: str = ""
    #: The failures that were rehearsed on it: ``crash@2`` struck its second attempt.
    faults: tuple[str, ...] = ()

    @classmethod
    def accepted(
        cls,
        *,
        seq: int,
        invocation_id: str,
        request_id: str,
        function: FunctionRef,
        accepted_ms: int,
        payload: bytes,
        rerun_of: str = "",
    ) -> Execution:
        """A new execution with its first event."""
        return cls(
            seq=seq,
            invocation_id=invocation_id,
            request_id=request_id,
            function=function,
            accepted_ms=accepted_ms,
            payload=payload,
            rerun_of=rerun_of,
            events=(Event(1, Status.ENQUEUED, accepted_ms),),
        )

    def to(self, status: Status, at_ms: int, *, error: str | None = None, **changes: Any) -> Execution:
        """The execution after one transition: its event appended, ``changes`` applied.

        ``error`` is the error type; empty clears the one before, None leaves it.

        Raises:
            Conflict: the transition is not in TRANSITIONS.
        """
        if status not in TRANSITIONS.get(self.status, ()):
            raise Conflict(
                "InvalidTransition",
                f"execution {self.invocation_id} is {self.status} and can't become {status}",
            )
        # Clocks may step back; a history that does is no history.
        at_ms = max(at_ms, self.events[-1].time_ms) if self.events else at_ms
        detail = json.dumps({"Error": error}, separators=(",", ":")) if error else ""
        if status is Status.RUNNING:
            changes["attempts"] = self.attempts + 1
        if status.is_final:
            changes["ended_ms"] = at_ms
        if error is not None:
            changes["error"] = error
        changes["status"] = status
        changes["events"] = (*self.events, Event(len(self.events) + 1, status, at_ms, detail))
        return self.having(**changes)

    def having(self, **changes: Any) -> Execution:
        """The execution with other values, and no event: what dataclasses.replace gives, ten times faster."""
        new = object.__new__(Execution)
        new.__dict__.update(self.__dict__)
        new.__dict__.update(changes)
        return new

    @property
    def retries(self) -> int:
        """Attempts beyond the first."""
        return max(0, self.attempts - 1)
