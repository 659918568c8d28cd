"""An invocation while it is being worked on."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from fun_local.model.execution import Execution, Status
from fun_local.model.faults import Fault, marked
from fun_local.model.resources import AsyncConfig
from fun_local.ports import Clock, Instance, Message

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Run:
    """One message, from when it is taken up until it is settled or put back."""

    message: Message
    execution: Execution
    clock: Clock
    config: AsyncConfig = field(default_factory=AsyncConfig)  # in force for the present attempt
    instance: Instance | None = None
    task: asyncio.Task[None] | None = None
    #: A wait that a stop cuts short.
    pause: asyncio.Task[None] | None = None

    @property
    def is_stopping(self) -> bool:
        return self.execution.status is Status.STOPPING

    @property
    def is_over(self) -> bool:
        """Whether a message without a record has been delivered: it needs no more but acknowledging."""
        return self.message.is_delivered and not self.message.stateful

    def move(self, status: Status, **changes: Any) -> None:
        """Make a transition, now."""
        self.execution = self.execution.to(status, self.clock.now_ms(), **changes)
        if not log.isEnabledFor(logging.DEBUG):
            return
        log.debug(
            "execution %s is %s",
            self.message.invocation_id,
            status,
            extra={"action": "transition", "execution_id": self.message.invocation_id},
        )

    def mark(self, fault: Fault, attempt: int) -> None:
        """Note a failure that is rehearsed, so that nobody takes it for a real one."""
        self.execution = self.execution.having(faults=marked(self.execution.faults, fault, attempt))

    async def wait(self, milliseconds: int) -> None:
        """Let time pass; no longer than until ``wake``."""
        self.pause = asyncio.get_running_loop().create_task(self.clock.sleep(milliseconds / 1000))
        try:
            await asyncio.wait({self.pause})
        finally:
            self.wake()

    def wake(self) -> None:
        """End a wait, if there is one."""
        if self.pause is not None:
            self.pause.cancel()
            self.pause = None


def taken_up(message: Message) -> Execution:
    """The execution of a message that has no record."""
    execution = message.accepted()
    if message.attempts:
        # A retry of a plain asynchronous invocation: no record, so the message says how far it came.
        at_ms = message.accepted_ms
        execution = execution.to(Status.DEQUEUED, at_ms).to(Status.RUNNING, at_ms)
        execution = execution.to(Status.RETRYING, at_ms)
        execution = execution.having(attempts=message.attempts)
    return execution
