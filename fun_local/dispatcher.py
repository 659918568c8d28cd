"""The loop that moves accepted invocations along, one story each:

    queue -> instance -> transition -> destination -> acknowledgement (always last)

What is due waits per function, so one function's backlog does not hold up another's calls. Only a short
stretch of each backlog is in memory; what is delayed or waits for a retry lies in the queue and costs
nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fun_local.delivery import DELIVERED, Delivery, target_of
from fun_local.errors import STORAGE_FULL, Conflict, FunLocalError, Unavailable
from fun_local.model.execution import Execution, LogSegment, Status
from fun_local.model.names import FunctionRef
from fun_local.model.outcome import UNHANDLED, Ending, Result, error_payload, exit_payload
from fun_local.model.resources import AsyncConfig, Function
from fun_local.model.retry import Backoff, is_expired, retry_after_ms
from fun_local.pool import Pool, Slot
from fun_local.ports import Clock, Destination, ExecutionStore, Instance, Message, Queue

log = logging.getLogger(__name__)

#: Messages of one function read from disk at a time, and kept in memory at most.
_STRETCH = 100
_MEMORY = 1000

#: Messages worked on at a time, those included whose end is being written.
_MAX_RUNS = 1000

#: Between two tries to write what is owed.
_WRITE_BACKOFF = Backoff(first_seconds=0.1, cap_seconds=5.0)

#: How often a stop is tried to be written before its caller hears that it can't be: about three seconds.
_STOP_TRIES = 6

#: What destinations are told of invocations that never ran; the vendor's words are not documented.
EXPIRED = "EventAgeExceeded"
INVALID = "FunctionNotFound"


@dataclass(slots=True)
class _Backlog:
    """What is due of one function: the oldest in memory, the rest on disk."""

    ready: deque[Message] = field(default_factory=deque)
    has_more_on_disk: bool = True


@dataclass(slots=True)
class _Run:
    """One message while it is being worked on."""

    message: Message
    execution: Execution
    config: AsyncConfig = field(default_factory=AsyncConfig)  # in force for the present attempt
    instance: Instance | None = None
    task: asyncio.Task[None] | None = None

    @property
    def is_stopping(self) -> bool:
        return self.execution.status is Status.STOPPING


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
    ) -> None:
        self._queue = queue
        self._store = store
        self._pool = pool
        self._find = find
        self._delivery = Delivery(destinations, clock, backoff)
        self._clock = clock
        self._backoff = backoff
        self._backlogs: dict[FunctionRef, _Backlog] = {}
        self._runs: dict[int, _Run] = {}
        # The messages in memory that are not being worked on: what lies in the backlogs.
        self._ready: set[int] = set()
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
        if message.seq in self._runs or message.seq in self._ready:
            return  # put a second time, or already found on disk
        if message.due_ms > self._clock.now_ms():
            self._set_alarm(message.due_ms)
            return
        backlog = self._backlogs.get(message.function)
        if backlog is None:
            # Nothing else of that function is due, or ``look`` would have found it.
            self._backlogs[message.function] = _Backlog(deque([message]), has_more_on_disk=False)
            self._ready.add(message.seq)
        elif not backlog.has_more_on_disk and len(backlog.ready) < _MEMORY:
            backlog.ready.append(message)
            self._ready.add(message.seq)
        else:
            backlog.has_more_on_disk = True
        self._pump(message.function)

    def look(self) -> None:
        """Another process may have put messages: read what is there."""
        now_ms = self._clock.now_ms()  # once: what becomes due while we look must not be missed
        for function in self._queue.functions():
            self._backlogs.setdefault(function, _Backlog()).has_more_on_disk = True
            self._pump(function)
        self._plan_alarm(now_ms)

    def _on_free(self, path: str) -> None:
        for function in list(self._backlogs):
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
        backlog = self._backlogs[function]
        while not self._is_stopping and len(self._runs) < _MAX_RUNS:
            if not backlog.ready and not self._load(function, backlog):
                self._backlogs.pop(function, None)
                return
            deployed = self._find(function)
            slot = self._pool.try_take(deployed) if deployed else None
            if deployed and slot is None:
                return
            message = backlog.ready.popleft()
            self._ready.discard(message.seq)
            try:
                execution = self._store.get(message.seq) if message.seq in self._begun else None
            except FunLocalError as error:
                # A damaged bucket. The message stays in the queue for the next start, others go on.
                log.error("%s", error, extra={"action": "unreadable"})
                if slot is not None:
                    slot.release()
                continue
            self._spawn(message, execution or _accepted(message), slot)

    def _load(self, function: FunctionRef, backlog: _Backlog) -> bool:
        if not backlog.has_more_on_disk:
            return False
        now_ms = self._clock.now_ms()
        found = self._queue.due(function, now_ms, skip=self._runs.keys(), limit=_STRETCH)
        backlog.ready.extend(found)
        self._ready.update(message.seq for message in found)
        backlog.has_more_on_disk = len(found) == _STRETCH
        return bool(found)

    def _spawn(self, message: Message, execution: Execution, slot: Slot | None) -> _Run:
        run = _Run(message, execution)
        self._runs[message.seq] = run
        run.task = asyncio.get_running_loop().create_task(self._run(run, slot))
        return run

    # --- one story

    async def _run(self, run: _Run, slot: Slot | None) -> None:
        """One message until it is settled or put back for a retry."""
        try:
            try:
                result = await self._attempt(run, slot)
            finally:
                # Before the end is written: the instance serves the next message meanwhile.
                if slot is not None:
                    slot.release()
            delay_ms = self._conclude(run, result) if result else None
            if self._is_over(run.message):
                await self._keep(lambda: self._queue.ack(run.message.seq))
            elif delay_ms is None or not await self._put_back(run, delay_ms):
                await self._settle(run)
        except Exception:
            # A defect of ours. The message stays in the queue: the next start takes it up again.
            log.exception("execution %s is stuck", run.message.invocation_id, extra={"action": "stuck"})
            return
        del self._runs[run.message.seq]
        if len(self._runs) == _MAX_RUNS - 1:
            for function in list(self._backlogs):
                self._pump(function)

    @staticmethod
    def _is_over(message: Message) -> bool:
        """Whether a message without a record has been delivered: it needs no more but acknowledging."""
        return message.is_delivered and not message.stateful

    async def _attempt(self, run: _Run, slot: Slot | None) -> Result | None:
        """Bring an execution to the end of an attempt; None when nothing ran (its status says why)."""
        status = run.execution.status
        if status.is_final or self._is_over(run.message):
            return None  # a crash came between its end and the acknowledgement
        if status is Status.RUNNING:
            return _interrupted(run.execution, self._clock.now_ms())
        if status is not Status.STOPPING:
            instance = await self._prepare(run, slot)
            if instance is not None:
                return await self._run_on(run, instance)
        if run.is_stopping:
            self._move(run, Status.STOPPED, error=UNHANDLED, result=exit_payload(0, 0))
        return None

    async def _prepare(self, run: _Run, slot: Slot | None) -> Instance | None:
        """The instance to run on; None when the execution may not run or is being stopped."""
        config = run.config = self._config(run)
        now_ms = self._clock.now_ms()
        if run.execution.status is Status.ENQUEUED:
            self._move(run, Status.DEQUEUED, config=config)
            self._note(run)
        if slot is None:
            self._move(run, Status.INVALID, error=INVALID)
            return None
        if is_expired(run.execution.accepted_ms, now_ms, config.max_age_seconds):
            self._move(run, Status.EXPIRED, error=EXPIRED)
            return None
        try:
            instance = await self._instance_for(run, slot)
        except FunLocalError as error:
            if not run.is_stopping:
                self._move(run, Status.INVALID, error=error.code, result=error_payload(error.message))
            return None
        return None if run.is_stopping else instance

    async def _instance_for(self, run: _Run, slot: Slot) -> Instance | None:
        """The slot's instance; on a full disk, once there is room to start one (None: stopped meanwhile)."""
        attempt = 0
        while not run.is_stopping:
            try:
                return await slot.ready()
            except Unavailable as error:
                if error.code != STORAGE_FULL:
                    raise
                attempt += 1
                log.error("%s; trying again", error, extra={"action": "start-failed"})
                await self._clock.sleep(_WRITE_BACKOFF.delay_ms(attempt) / 1000)
        return None

    async def _run_on(self, run: _Run, instance: Instance) -> Result:
        file, start = instance.log_position()
        run.instance = instance
        logs = run.execution.logs
        self._move(
            run,
            Status.RUNNING,
            config=run.config,
            instance_id=instance.id,
            logs=(*logs, LogSegment(file, start)),
        )
        self._note(run)
        result = await instance.invoke(
            run.message.request_id, run.message.payload, attempts=run.execution.attempts
        )
        run.instance = None
        run.execution = run.execution.having(
            logs=(*logs, LogSegment(file, start, instance.log_position()[1])),
            duration_ms=result.duration_ms,
            memory_mb=result.memory_mb,
        )
        return result

    def _conclude(self, run: _Run, result: Result) -> int | None:
        """What an attempt's result means: the milliseconds until a retry, or None at the end."""
        if run.is_stopping:
            # A result that came after the stop was accepted has lost.
            payload = exit_payload(result.duration_ms, result.memory_mb)
            self._move(run, Status.STOPPED, error=UNHANDLED, result=payload)
            return None
        if result.is_success:
            self._move(run, Status.SUCCEEDED, error="", result=result.payload)
            return None
        execution = run.execution
        delay_ms = retry_after_ms(execution.attempts, execution.config.max_retries, self._backoff)
        next_status = Status.FAILED if delay_ms is None else Status.RETRYING
        self._move(run, next_status, error=result.error_type, result=result.payload)
        return delay_ms

    async def _put_back(self, run: _Run, delay_ms: int) -> bool:
        """Keep a message for another attempt; False when it was stopped meanwhile."""
        seq = run.message.seq
        due_ms = self._clock.now_ms() + delay_ms
        attempts = run.execution.attempts
        # The record first: a message that is due later, with a record that says Running, would look
        # like one more crashed attempt.
        await self._record(run)
        await self._keep(lambda: self._queue.postpone(seq, due_ms=due_ms, attempts=attempts))
        if run.is_stopping:
            self._move(run, Status.STOPPED, result=run.execution.result)
            return False
        self._begun.add(seq)
        self._set_alarm(due_ms)
        return True

    async def _settle(self, run: _Run) -> None:
        """Record the end, deliver it, acknowledge: in this order, each synced before the next."""
        seq = run.message.seq
        await self._record(run)
        if target_of(run.execution):
            is_delivered = run.message.is_delivered
            status = DELIVERED if is_delivered else await self._delivery.deliver(run.execution)
            run.execution = run.execution.having(destination_status=status)
            await self._record(run)
        await self._keep(lambda: self._queue.ack(seq))
        self._begun.discard(seq)

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
            self._move(run, Status.STOPPING, config=self._config(run))
            if run.task is None:
                run = self._spawn(run.message, run.execution, None)
            if run.instance is not None:
                kill = asyncio.get_running_loop().create_task(run.instance.stop())
                self._kills.add(kill)
                kill.add_done_callback(self._kills.discard)
        # The answer is a promise: after a crash, too, no result may win. Where the disk goes on refusing,
        # the stop goes on all the same, but can't be promised.
        await self._record(run, tries=_STOP_TRIES)

    def _waiting(self, seq: int) -> _Run | None:
        """A message that is in the queue and not worked on, taken out of the backlog."""
        message = self._queue.get(seq)
        if message is None:
            return None
        backlog = self._backlogs.get(message.function)
        if backlog:
            backlog.ready = deque(other for other in backlog.ready if other.seq != seq)
            self._ready.discard(seq)
        return _Run(message, self._store.get(seq) or _accepted(message))

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

    # --- small steps

    def _move(self, run: _Run, status: Status, **changes: Any) -> None:
        run.execution = run.execution.to(status, self._clock.now_ms(), **changes)
        if not log.isEnabledFor(logging.DEBUG):
            return
        log.debug(
            "execution %s is %s",
            run.message.invocation_id,
            status,
            extra={"action": "transition", "execution_id": run.message.invocation_id},
        )

    def _note(self, run: _Run) -> None:
        if run.message.stateful:
            self._store.save(run.execution)

    async def _record(self, run: _Run, *, tries: int | None = None) -> None:
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
                await self._clock.sleep(_WRITE_BACKOFF.delay_ms(attempt) / 1000)

    def _config(self, run: _Run) -> AsyncConfig:
        """The configuration as deployed now; of a function that is gone, the one it had."""
        function = self._find(run.message.function)
        if function is None:
            return run.execution.config
        return function.async_config or AsyncConfig()


#: Left behind by a crash: these are taken up at once, whatever room there is.
_UNDERWAY = frozenset({Status.RUNNING, Status.STOPPING})


def _accepted(message: Message) -> Execution:
    execution = message.accepted()
    if message.attempts:
        # A retry of a plain asynchronous invocation: no record, so the message says how far it came.
        at_ms = message.accepted_ms
        execution = execution.to(Status.DEQUEUED, at_ms).to(Status.RUNNING, at_ms)
        execution = execution.to(Status.RETRYING, at_ms)
        execution = execution.having(attempts=message.attempts)
    return execution


def _interrupted(execution: Execution, now_ms: int) -> Result:
    """An attempt that ended with the daemon that ran it."""
    duration_ms = now_ms - execution.events[-1].time_ms
    return Result(
        Ending.EXITED,
        exit_payload(duration_ms, 0),
        UNHANDLED,
        duration_ms=duration_ms,
        instance_id=execution.instance_id,
    )


def _finished(invocation_id: str, status: str) -> Conflict:
    return Conflict(
        "StatefulAsyncInvocationAlreadyCompleted",
        f"execution {invocation_id} can't be stopped: it is {status}",
    )
