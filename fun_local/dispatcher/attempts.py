"""One try to run an invocation: checked, given an instance, run; and what its result means.

Two kinds of failure, each with waits of its own (async-semantics 7): an error of the function uses up a
retry; where the system has no room for an instance the function is not to blame, and its try is repeated
for hours without costing a retry.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from fun_local.dispatcher.runs import Run
from fun_local.errors import NOT_READY, FunLocalError, is_for_lack_of_resources
from fun_local.faults import Faults, check_room, instead_of_running
from fun_local.model.execution import LogSegment, Status
from fun_local.model.faults import RUNNING, STARTING
from fun_local.model.names import FunctionRef
from fun_local.model.outcome import (
    EXHAUSTED,
    EXPIRED,
    INVALID,
    UNHANDLED,
    Result,
    error_payload,
    interrupted,
    stopped_payload,
)
from fun_local.model.resources import AsyncConfig, Function
from fun_local.model.retry import Backoff, Throttling, is_expired, retry_after_ms
from fun_local.pool import Slot
from fun_local.ports import Clock, Instance

log = logging.getLogger(__name__)

#: Starts that may break off, be it that somebody kills the process or that the machine is too busy, before
#: it counts as a reason: none of the function's code has run, so it is not to blame.
_START_TRIES = 3


class Attempts:
    """Makes attempts. ``find`` gives a function as deployed now, ``note`` writes a run's record soon."""

    def __init__(
        self,
        *,
        find: Callable[[FunctionRef], Function | None],
        note: Callable[[Run], None],
        clock: Clock,
        backoff: Backoff,
        throttling: Throttling,
        faults: Faults,
    ) -> None:
        self._find = find
        self._note = note
        self._clock = clock
        self._backoff = backoff
        self._throttling = throttling
        self._faults = faults

    async def make(self, run: Run, slot: Slot | None) -> int | None:
        """Bring an execution to the end of an attempt.

        The milliseconds until its next one, or None when there is none: its status says why.
        """
        status = run.execution.status
        if status.is_final or run.is_over:
            return None  # a crash came between its end and the acknowledgement
        if status is Status.RUNNING:
            return self._conclude(run, interrupted(run.execution, self._clock.now_ms()))
        if status is not Status.STOPPING:
            instance = await self._prepare(run, slot)
            if instance is not None and slot is not None:
                return self._conclude(run, await self._run_on(run, instance, slot.function))
        if run.is_stopping:
            self.stopped(run)
        return None

    def config(self, run: Run) -> AsyncConfig:
        """The configuration as deployed now; of a function that is gone, the one it had."""
        function = self._find(run.message.function)
        if function is not None:
            return function.async_config or AsyncConfig()
        if run.message.stateful and run.execution.status is not Status.ENQUEUED:
            return run.execution.config
        return AsyncConfig(on_failure=run.message.on_failure)

    def stopped(self, run: Run) -> None:
        """Carry out a stop of what is not running (any more)."""
        run.move(Status.STOPPED, error=UNHANDLED, result=stopped_payload(run.execution))

    async def _prepare(self, run: Run, slot: Slot | None) -> Instance | None:
        """The instance to run on; None when the execution may not run or is being stopped.

        Where there is no room for an instance the wait holds the slot, so of a function's backlog no more
        wait like this than could be running; the rest lies in the queue. A restart counts the hours anew.
        """
        run.config = self.config(run)
        if run.execution.status is Status.ENQUEUED:
            run.move(Status.DEQUEUED, config=run.config)
            self._note(run)
        else:
            run.execution = run.execution.having(config=run.config)
        if slot is None:
            run.move(Status.INVALID, error=INVALID)
            return None
        began_ms, tries = self._clock.now_ms(), 0
        while not run.is_stopping and not self._is_late(run):
            try:
                self._check_room(run)
                instance = await slot.ready()
                return None if run.is_stopping else instance
            except FunLocalError as error:
                tries += 1
                if run.is_stopping or not await self._wait_for_room(run, error, tries, began_ms):
                    break
        return None

    def _is_late(self, run: Run) -> bool:
        """The check between the queue and an instance (async-semantics 8); what is too old ends here."""
        if is_expired(run.execution.accepted_ms, self._clock.now_ms(), run.config.max_age_seconds):
            run.move(Status.EXPIRED, error=EXPIRED)
            return True
        return False

    async def _wait_for_room(self, run: Run, error: FunLocalError, tries: int, began_ms: int) -> bool:
        """After a start that failed: True when it is time for another one, False when there is none."""
        code, delay_ms = error.code, None
        if is_for_lack_of_resources(error):
            run.execution = run.execution.having(throttles=run.execution.throttles + 1)
            waited_ms = self._clock.now_ms() - began_ms
            code, delay_ms = EXHAUSTED, self._throttling.again_after_ms(tries, waited_ms)
        elif code == NOT_READY and tries < _START_TRIES:
            delay_ms = self._backoff.delay_ms(tries)
        if delay_ms is None:
            run.move(Status.INVALID, error=code, result=error_payload(error.message))
            return False
        log.error("%s; trying again", error, extra={"action": "start-failed"})
        await run.wait(delay_ms)
        if not run.is_stopping and self._find(run.message.function) is None:
            run.move(Status.INVALID, error=INVALID)
            return False
        return True

    def _check_room(self, run: Run) -> None:
        """Raise what a start raises for which there is no room, if that is to be rehearsed."""
        tries = run.execution.throttles + 1
        fault = self._faults.of_message(run.message, tries, STARTING)
        if fault is not None:
            run.mark(fault, tries)
            check_room(fault)

    async def _run_on(self, run: Run, instance: Instance, function: Function) -> Result:
        file, start = instance.log_position()
        run.instance = instance
        logs = run.execution.logs
        run.move(
            Status.RUNNING,
            config=run.config,
            instance_id=instance.id,
            logs=(*logs, LogSegment(file, start)),
        )
        attempts = run.execution.attempts
        fault = self._faults.of_message(run.message, attempts, RUNNING)
        if fault is not None:
            run.mark(fault, attempts)
        self._note(run)
        if fault is not None:
            result = await instead_of_running(fault, instance, function)
        else:
            result = await instance.invoke(run.message.request_id, run.message.payload, attempts=attempts)
        run.instance = None
        run.execution = run.execution.having(
            logs=(*logs, LogSegment(file, start, instance.log_position()[1])),
            duration_ms=result.duration_ms,
            memory_mb=result.memory_mb,
        )
        return result

    def _conclude(self, run: Run, result: Result) -> int | None:
        """What an attempt's result means: the milliseconds until a retry, or None at the end."""
        if run.is_stopping:
            # A result that came after the stop was accepted has lost.
            run.move(Status.STOPPED, error=UNHANDLED, result=stopped_payload(run.execution, result))
            return None
        if result.is_success:
            run.move(Status.SUCCEEDED, error="", result=result.payload)
            return None
        execution = run.execution
        delay_ms = retry_after_ms(execution.attempts, execution.config.max_retries, self._backoff)
        next_status = Status.FAILED if delay_ms is None else Status.RETRYING
        run.move(next_status, error=result.error_type, result=result.payload)
        return delay_ms
