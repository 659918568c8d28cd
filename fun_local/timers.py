"""Timer triggers: one alarm for the earliest, and an asynchronous invocation for each firing.

A firing is safe once it is accepted, like any other invocation. Nothing is kept about timers themselves: when
one fires follows from its expression and from when it was deployed, so a new daemon goes on where the old one
was. What falls due while no daemon runs is not made up for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fun_local.errors import FunLocalError
from fun_local.model.events import timer_event
from fun_local.model.resources import Trigger
from fun_local.model.schedule import next_firing_ms
from fun_local.ports import Clock

log = logging.getLogger(__name__)

#: Sleeps are measured in time that has passed, firings in the time of day: a machine that was suspended or a
#: clock that was set is noticed after so many seconds at the latest.
_LONGEST_SLEEP_SECONDS = 60.0

#: A clock that goes back by no more than this was corrected: what has been fired is not fired again.
#: By more, it was set: the new time counts.
_CORRECTION_MS = 60_000


@dataclass(slots=True)
class _Plan:
    """What is known of one timer. ``due_ms`` None: it never fires."""

    trigger: Trigger
    due_ms: int | None
    fired_ms: int = 0

    def is_for(self, trigger: Trigger) -> bool:
        # When it was deployed is no part of what equals, but anchors ``@every``.
        return self.trigger == trigger and self.trigger.modified_ms == trigger.modified_ms


class Timers:
    """The timers of one home. ``triggers`` gives those deployed now, ``fire`` accepts an invocation."""

    def __init__(
        self,
        *,
        triggers: Callable[[], Mapping[str, Trigger]],
        fire: Callable[[Trigger, bytes], Awaitable[object]],
        clock: Clock,
    ) -> None:
        self._triggers = triggers
        self._fire = fire
        self._clock = clock
        self._plans: dict[str, _Plan] = {}
        self._is_running = False
        self._seen_ms = 0
        self._alarm: asyncio.Task[None] | None = None
        self._firings: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin: what is due from now on fires."""
        self._is_running = True
        self.look()

    def look(self) -> None:
        """What is deployed may have changed, or a time may have come."""
        if not self._is_running:
            return
        now_ms = self._clock.now_ms()
        self._plan(now_ms)
        for plan in self._plans.values():
            if plan.due_ms is not None and plan.due_ms <= now_ms:
                self._start(plan.trigger, plan.due_ms)
                # Once, however many have been slept through: the next one is to come.
                plan.fired_ms, plan.due_ms = plan.due_ms, _due_ms(plan.trigger, now_ms)
        self._set_alarm(now_ms)

    def next(self) -> tuple[str, int] | None:
        """The timer that fires next, by its path, and when."""
        due = [(plan.due_ms, path) for path, plan in self._plans.items() if plan.due_ms is not None]
        return (min(due)[1], min(due)[0]) if due else None

    async def close(self) -> None:
        """Fire no more; what has been fired is accepted first."""
        self._is_running = False
        if self._alarm:
            self._alarm.cancel()
            await asyncio.gather(self._alarm, return_exceptions=True)
        await asyncio.gather(*self._firings, return_exceptions=True)

    def _plan(self, now_ms: int) -> None:
        """Know every timer that is deployed, and no other."""
        went_back = now_ms < self._seen_ms
        self._seen_ms = now_ms
        timers = {path: trigger for path, trigger in self._triggers().items() if trigger.type == "timer"}
        self._plans = {path: plan for path, plan in self._plans.items() if path in timers}
        for path, trigger in timers.items():
            plan = self._plans.get(path)
            if plan is None or not plan.is_for(trigger):
                self._plans[path] = _Plan(trigger, _due_ms(trigger, now_ms))
            elif went_back:
                was_corrected = now_ms <= plan.fired_ms <= now_ms + _CORRECTION_MS
                plan.due_ms = _due_ms(trigger, plan.fired_ms if was_corrected else now_ms)

    def _start(self, trigger: Trigger, at_ms: int) -> None:
        # A task of its own: a write that takes long must not hold up the other timers.
        firing = asyncio.get_running_loop().create_task(self._accept(trigger, at_ms))
        self._firings.add(firing)
        firing.add_done_callback(self._firings.discard)

    async def _accept(self, trigger: Trigger, at_ms: int) -> None:
        try:
            await self._fire(trigger, timer_event(trigger, at_ms))
        except FunLocalError as error:
            log.error("timer %s did not fire: %s", trigger.path, error, extra={"action": "timer-failed"})

    def _set_alarm(self, now_ms: int) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if earliest := self.next():
            seconds = min((earliest[1] - now_ms) / 1000, _LONGEST_SLEEP_SECONDS)
            self._alarm = asyncio.get_running_loop().create_task(self._ring(seconds))

    async def _ring(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._alarm = None  # or the next one would be set by cancelling this task
        try:
            self.look()
        except Exception:
            # A defect of ours. Whatever it was: it must not have been the last look.
            log.exception("can't see which timers are due", extra={"action": "timer-failed"})
            self._alarm = asyncio.get_running_loop().create_task(self._ring(_LONGEST_SLEEP_SECONDS))


def _due_ms(trigger: Trigger, after_ms: int) -> int | None:
    try:
        return next_firing_ms(trigger, after_ms)
    except FunLocalError as error:
        # Deploying refuses these, but an older version may have taken it.
        log.error("timer %s never fires: %s", trigger.path, error, extra={"action": "timer-failed"})
        return None
