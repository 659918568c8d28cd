"""The loop: which message is next, how many are worked on at a time, and which one is stopped.

What is due waits per function, so one function's backlog does not hold up another's calls.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping

from fun_local.dispatcher.attempts import Attempts
from fun_local.dispatcher.backlogs import Backlogs
from fun_local.dispatcher.delivery import Delivery
from fun_local.dispatcher.runs import Run, taken_up
from fun_local.dispatcher.settling import Settling
from fun_local.errors import Conflict, FunLocalError
from fun_local.faults import Faults
from fun_local.model.execution import Execution, Status
from fun_local.model.names import FunctionRef
from fun_local.model.resources import Function
from fun_local.model.retry import Backoff, Throttling
from fun_local.pool import Pool, Slot
from fun_local.ports import Clock, Destination, ExecutionStore, Message, Queue

log = logging.getLogger(__name__)

#: Messages worked on at a time, those included whose end is being written or delivered.
_MAX_RUNS = 1000

#: As many every function may have in any case: one whose destination hangs must not use up all of them.
_SHARE = 20

#: Left behind by a crash: these are taken up at once, whatever room there is.
_UNDERWAY = frozenset({Status.RUNNING, Status.STOPPING})


class Dispatcher:
    """Runs what is due, as far as the pool has room. ``find`` gives a function as deployed now."""

    def __init__(
        self,
        *,
        queue: Queue,
        store: ExecutionStore,
        pool: Pool,
        find: Callable[[FunctionRef], Function | None],
        destinations: Mapping[str, Destination],
        clock: Clock,
        backoff: Backoff,
        throttling: Throttling,
        faults: Faults | None = None,
    ) -> None:
        self._queue = queue
        self._store = store
        self._pool = pool
        self._find = find
        self._clock = clock
        self._runs: dict[int, Run] = {}
        self._working: Counter[FunctionRef] = Counter()
        self._backlogs = Backlogs(queue, clock, self._runs.keys())
        faults = faults or Faults()
        self._settling = Settling(queue, store, Delivery(destinations, clock, backoff), clock, faults)
        self._attempts = Attempts(
            find=find,
            note=self._settling.note,
            clock=clock,
            backoff=backoff,
            throttling=throttling,
            faults=faults,
        )
        # Messages whose record exists already: they were begun before (a retry, or before a restart).
        self._begun: set[int] = set()
        self._is_stopping = False
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_ms: int | None = None
        self._kills: set[asyncio.Task[None]] = set()
        pool.on_free = self._on_free

    # --- what wakes it

    def recover(self, begun: Mapping[int, Execution]) -> None:
        """Take up what a former daemon left: ``begun`` are the records of unsettled messages.

        What it was running, stopping or settling goes on at once; the rest waits its turn (``look``).
        """
        self._begun.update(begun)
        for seq, execution in begun.items():
            if execution.status.is_final or execution.status in _UNDERWAY:
                message = self._queue.get(seq)
                if message is not None:
                    self._spawn(message, execution, None)

    def offer(self, message: Message) -> None:
        """A message that was just accepted here; no need to read it from disk."""
        if message.seq in self._runs or message.seq in self._backlogs:
            return  # put a second time, or already found on disk
        if message.due_ms > self._clock.now_ms():
            self._set_alarm(message.due_ms)
            return
        self._backlogs.add(message)
        self._pump(message.function)

    def look(self) -> None:
        """Another process may have put messages: read what is there."""
        now_ms = self._clock.now_ms()  # once: what becomes due while we look must not be missed
        for function in self._queue.functions():
            self._backlogs.expect(function)
            self._pump(function)
        self._plan_alarm(now_ms)

    def _on_free(self, path: str) -> None:
        for function in self._backlogs.functions():
            if function.path == path:
                self._pump(function)

    def _set_alarm(self, due_ms: int) -> None:
        if self._is_stopping or (self._alarm_ms is not None and self._alarm_ms <= due_ms):
            return
        if self._alarm:
            self._alarm.cancel()
        self._alarm_ms = due_ms
        self._alarm = asyncio.get_running_loop().create_task(self._ring(due_ms))

    def _plan_alarm(self, after_ms: int) -> None:
        due_ms = self._queue.next_due_ms(after_ms)
        if due_ms is not None:
            self._set_alarm(due_ms)

    async def _ring(self, due_ms: int) -> None:
        while (wait_ms := due_ms - self._clock.now_ms()) > 0:
            await self._clock.sleep(wait_ms / 1000)
        self._alarm = self._alarm_ms = None
        self.look()

    # --- from the queue to a run

    def _pump(self, function: FunctionRef) -> None:
        """Start as many messages of a function as there is room for."""
        while not self._is_stopping and self._has_room(function):
            if self._backlogs.is_empty(function):
                return
            deployed = self._find(function)
            slot = self._pool.try_take(deployed) if deployed else None
            if deployed and slot is None:
                return
            message = self._backlogs.take(function)
            try:
                execution = self._store.get(message.seq) if message.seq in self._begun else None
            except FunLocalError as error:
                # A damaged bucket. The message stays in the queue for the next start, others go on.
                log.error("%s", error, extra={"action": "unreadable"})
                if slot is not None:
                    slot.release()
                continue
            self._spawn(message, execution or taken_up(message), slot)

    def _has_room(self, function: FunctionRef) -> bool:
        return len(self._runs) < _MAX_RUNS or self._working[function] < _SHARE

    def _spawn(self, message: Message, execution: Execution, slot: Slot | None) -> Run:
        run = Run(message, execution, self._clock)
        self._runs[message.seq] = run
        self._working[message.function] += 1
        run.task = asyncio.get_running_loop().create_task(self._run(run, slot))
        return run

    def _done(self, run: Run) -> None:
        function = run.message.function
        del self._runs[run.message.seq]
        self._working[function] -= 1
        if len(self._runs) == _MAX_RUNS - 1:
            for waiting in self._backlogs.functions():
                self._pump(waiting)
        elif len(self._runs) >= _MAX_RUNS and function in self._backlogs:
            self._pump(function)
        if not self._working[function]:
            del self._working[function]

    # --- one story

    async def _run(self, run: Run, slot: Slot | None) -> None:
        """One message until it is settled or put back for a retry."""
        try:
            try:
                delay_ms = await self._attempts.make(run, slot)
            finally:
                # Before the end is written: the instance serves the next message meanwhile.
                if slot is not None:
                    slot.release()
            if delay_ms is None or not await self._put_back(run, delay_ms):
                await self._settling.settle(run)
                self._begun.discard(run.message.seq)
        except Exception:
            # A defect of ours. The message stays in the queue: the next start takes it up again.
            log.exception("execution %s is stuck", run.message.invocation_id, extra={"action": "stuck"})
            return
        self._done(run)

    async def _put_back(self, run: Run, delay_ms: int) -> bool:
        """Keep a message for another attempt; False when it was stopped meanwhile."""
        due_ms = self._clock.now_ms() + delay_ms
        await self._settling.put_back(run, due_ms)
        if run.is_stopping:
            self._attempts.stopped(run)
            return False
        self._begun.add(run.message.seq)
        self._set_alarm(due_ms)
        return True

    # --- stopping

    async def stop(self, seq: int) -> None:
        """Stop an execution wherever it is. When it returns, no result can win any more.

        Raises:
            Conflict: it has finished already.
        """
        run = self._runs.get(seq) or self._waiting(seq)
        if run is None:
            raise _finished(str(seq), "finished")
        if run.execution.status.is_final:
            raise _finished(run.message.invocation_id, run.execution.status)
        if not run.is_stopping:
            run.move(Status.STOPPING, config=self._attempts.config(run))
            run.wake()
            if run.task is None:
                run = self._spawn(run.message, run.execution, None)
            if run.instance is not None:
                kill = asyncio.get_running_loop().create_task(run.instance.stop())
                self._kills.add(kill)
                kill.add_done_callback(self._kills.discard)
        await self._settling.promise_stop(run)

    def _waiting(self, seq: int) -> Run | None:
        """A message that is in the queue and not worked on, taken out of the backlog."""
        message = self._queue.get(seq)
        if message is None:
            return None
        self._backlogs.remove(message)
        return Run(message, self._store.get(seq) or taken_up(message), self._clock)

    @property
    def running(self) -> int:
        """How many messages are being worked on."""
        return len(self._runs)

    async def close(self) -> None:
        """Take nothing new; what runs is left as a crash would leave it, for the next start."""
        self._is_stopping = True
        tasks = [run.task for run in self._runs.values() if run.task]
        if self._alarm:
            tasks.append(self._alarm)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._kills, return_exceptions=True)


def _finished(invocation_id: str, status: str) -> Conflict:
    return Conflict(
        "StatefulAsyncInvocationAlreadyCompleted",
        f"execution {invocation_id} can't be stopped: it is {status}",
    )
