"""What an attempt came to, made safe: recorded, delivered, acknowledged; each synced before the next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fun_local.dispatcher.delivery import DELIVERED, Delivery
from fun_local.dispatcher.runs import Run
from fun_local.errors import FunLocalError
from fun_local.faults import Faults
from fun_local.model.faults import DELIVERING
from fun_local.model.outcome import target_of
from fun_local.model.retry import Backoff
from fun_local.ports import Clock, ExecutionStore, Queue

log = logging.getLogger(__name__)

#: Between two tries to write what is owed.
_BACKOFF = Backoff(first_seconds=0.1, cap_seconds=5.0)

#: How often a stop is tried to be written before its caller hears that it can't be: about three seconds.
_STOP_TRIES = 6


class Settling:
    """The writing of what happened, and the last steps of a message."""

    def __init__(
        self, queue: Queue, store: ExecutionStore, delivery: Delivery, clock: Clock, faults: Faults
    ) -> None:
        self._queue = queue
        self._store = store
        self._delivery = delivery
        self._clock = clock
        self._faults = faults

    def note(self, run: Run) -> None:
        """Write a run's record soon."""
        if run.message.stateful:
            self._store.save(run.execution)

    async def promise_stop(self, run: Run) -> None:
        """Record a stop: after a crash, too, no result may win.

        Raises:
            FunLocalError: the disk goes on refusing. The stop goes on all the same, but can't be promised.
        """
        await self._record(run, tries=_STOP_TRIES)

    async def put_back(self, run: Run, due_ms: int) -> None:
        """Keep a message for another attempt."""
        seq, attempts = run.message.seq, run.execution.attempts
        # The record first: a message that is due later, with a record that says Running, would look
        # like one more crashed attempt.
        await self._record(run)
        await self._keep(lambda: self._queue.postpone(seq, due_ms=due_ms, attempts=attempts))

    async def settle(self, run: Run) -> None:
        """Record the end, deliver it, acknowledge."""
        seq = run.message.seq
        # A record that knows how its delivery went was written before a crash: only the last step is owed.
        if not (run.is_over or run.execution.destination_status):
            await self._record(run)
            if target_of(run.execution):
                await self._deliver(run)
                await self._record(run)
        await self._keep(lambda: self._queue.ack(seq))

    async def _deliver(self, run: Run) -> None:
        seq = run.message.seq
        status = DELIVERED
        if not run.message.is_delivered:
            status, is_settled = await self._delivery.deliver(run.execution, lambda n: self._is_down(run, n))
            if status == DELIVERED and not is_settled:
                await self._keep(lambda: self._queue.mark_delivered(seq))
        run.execution = run.execution.having(destination_status=status)

    def _is_down(self, run: Run, tries: int) -> bool:
        fault = self._faults.of_message(run.message, tries, DELIVERING)
        if fault is not None:
            run.mark(fault, tries)
        return fault is not None

    async def _record(self, run: Run, *, tries: int | None = None) -> None:
        if run.message.stateful:
            await self._keep(lambda: self._store.save_durably(run.execution), tries=tries)

    async def _keep(self, write: Callable[[], Any], *, tries: int | None = None) -> None:
        """Write, and go on trying: what is owed to an accepted invocation can't be given up.

        With ``tries`` the last failure is raised instead.
        """
        attempt = 0
        while True:
            try:
                await write()
                return
            except FunLocalError as error:
                attempt += 1
                if attempt == tries:
                    raise
                log.error("%s; trying again", error, extra={"action": "write-failed"})
                await self._clock.sleep(_BACKOFF.delay_ms(attempt) / 1000)
