"""Warm instances: shared out to invocations, kept while they are used, renewed after a deploy.

A new one is made only when all there are have as much to do as they may (runtime.md 5.4).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from fun_local.model.resources import Function
from fun_local.pool.places import Place, Places
from fun_local.ports import Instance, Runtime

log = logging.getLogger(__name__)


class Slot:
    """The right to run one invocation of a function at a time, with or without an instance yet."""

    def __init__(self, pool: Pool, function: Function, place: Place) -> None:
        self._pool = pool
        self._place = place
        self.function = function

    async def ready(self) -> Instance:
        """The instance; started first when there is none.

        Raises what ports.Runtime.start raises.
        """
        instance = self._place.instance
        if instance is None or not instance.is_alive:
            # Perhaps one has become free since the slot was taken, or since a start that failed; and
            # perhaps the one that it came with has died since.
            self._place = self._pool.better(self.function, self._place)
            instance = self._place.instance or await self._pool.start(self.function, self._place)
        return instance

    def release(self) -> None:
        """Give the slot back. The instance stays warm if it can take another invocation."""
        self._pool.release(self.function, self._place)


@dataclass(slots=True)
class _Group:
    """The instances of a function, and who waits for one."""

    places: Places
    waiters: deque[asyncio.Future[Slot]] = field(default_factory=deque)


class Pool:
    """Instances by function. On one event loop, so taking and releasing need no locks.

    ``on_free`` is called with a function's path when one of its slots has become free.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        max_instances: int,
        idle_seconds: float,
        on_free: Callable[[str], None] = lambda path: None,
    ) -> None:
        self._runtime = runtime
        self._max = max_instances
        self._idle_seconds = idle_seconds
        self.on_free = on_free
        #: How many instances of a function its owner allows; None: as many as there may be of any.
        self.limit: Callable[[Function], int | None] = lambda function: None
        self._groups: dict[tuple[str, str, str], _Group] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False
        self._sweep: asyncio.TimerHandle | None = None

    def try_take(self, function: Function) -> Slot | None:
        """A slot, or None when the function's instances are as many and as busy as they may be."""
        group = self._group(function)
        # Who waits has come first.
        return None if group.waiters else self._take(group.places)

    async def take(self, function: Function) -> Slot:
        """A slot, as soon as there is one; first come, first served."""
        slot = self.try_take(function)
        if slot is not None:
            return slot
        group = self._group(function)
        turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        group.waiters.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                turn.result().release()  # it came, but nobody is there any more
            raise

    def _take(self, places: Places) -> Slot | None:
        place = places.best()
        if place is None:
            if not self._has_room(places):
                return None
            place = places.add(places.revision)
        places.use(place)
        return Slot(self, places.function, place)

    def _has_room(self, places: Places) -> bool:
        if places.open:
            return True
        limit = self.limit(places.function)
        most = self._max if limit is None else min(self._max, limit)
        # The runtime last: to know, it may have to look at all that the function is.
        return places.count < most and len(places.current) < self._runtime.most(places.function)

    def better(self, function: Function, place: Place) -> Place:
        """For a slot without a living instance: a place that has one and room for it; else one of its own."""
        places = self._groups[function.key].places
        found = places.best() if place.revision == places.revision else None
        if found is None or found.instance is None:
            if place.instance is None:
                return place
            found = places.add(place.revision)
        places.use(found)
        self._leave(places, place)
        return found

    async def start(self, function: Function, place: Place) -> Instance:
        """The instance of a place that has none: all who share it wait for one and the same start."""
        if place.starting is None:
            place.starting = self._spawn(self._begin(function, place), self._started)
        # Shielded: others may wait for it. When the last one leaves, the start is given up.
        return await asyncio.shield(place.starting)

    async def _begin(self, function: Function, place: Place) -> Instance:
        most = self._runtime.most(function)
        try:
            place.instance = await self._runtime.start(function)
        finally:
            place.starting = None
        if self._runtime.most(function) > most:
            self._hand_on(self._groups[function.key])
        return place.instance

    def release(self, function: Function, place: Place) -> None:
        group = self._groups[function.key]
        self._leave(group.places, place)
        self._hand_on(group)

    def _leave(self, places: Places, place: Place) -> None:
        loop = asyncio.get_running_loop()
        is_idle = places.leave(place, idle_until=loop.time() + self._idle_seconds)
        if self._is_closed:
            places.clear()
        elif is_idle and self._sweep is None:
            self._sweep = loop.call_later(self._idle_seconds, self._end_idle)

    def _hand_on(self, group: _Group) -> None:
        """Give what has become free to who waits; tell when there is something left."""
        has_given = False
        while group.waiters:
            if group.waiters[0].done():  # given up
                group.waiters.popleft()
                continue
            # Taken for it here and now: a moment later somebody else might have it.
            slot = self._take(group.places)
            if slot is None:
                return
            group.waiters.popleft().set_result(slot)
            has_given = True
        if not has_given or self._has_room(group.places):
            self.on_free(group.places.function.path)

    def refresh(self, renewed: Callable[[Function], Function | None]) -> None:
        """After a deploy: idle instances of what has changed or gone are ended, busy ones afterwards.

        ``renewed`` gives a function as it is deployed now.
        """
        for group in self._groups.values():
            group.places.renew(renewed(group.places.function))

    def counts(self) -> tuple[int, int]:
        """How many instances are busy (or starting), and how many idle."""
        all_places = [group.places for group in self._groups.values()]
        idle = sum(len(places.idle) for places in all_places)
        return sum(places.count for places in all_places) - idle, idle

    async def close(self) -> None:
        """End every idle instance, and every busy one when it is released."""
        self._is_closed = True
        for group in self._groups.values():
            group.places.clear()
        if self._sweep is not None:
            self._sweep.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _group(self, function: Function) -> _Group:
        group = self._groups.get(function.key)
        if group is None:
            group = self._groups[function.key] = _Group(Places(function, self._end))
        elif group.places.function is not function and group.places.function != function:
            group.places.renew(function)
        return group

    def _end_idle(self) -> None:
        """End what has been idle for too long. One alarm for all: setting one at each release would cost."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for group in self._groups.values():
            group.places.end_idle(now)
        waiting = [place.idle_until for group in self._groups.values() for place in group.places.idle]
        self._sweep = loop.call_at(min(waiting), self._end_idle) if waiting else None

    def _end(self, place: Place) -> None:
        if place.starting is not None:
            place.starting.cancel()
        elif place.instance is not None:
            self._spawn(place.instance.stop(), self._ended)

    def _spawn(
        self, work: Coroutine[Any, Any, Any], on_end: Callable[[asyncio.Task[Any]], None]
    ) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(on_end)
        return task

    def _started(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # who waits for it is told; if nobody does any more, nobody needs to know

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("an instance could not be ended: %s", error, extra={"action": "instance-stop"})
