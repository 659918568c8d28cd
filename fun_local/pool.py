"""Warm instances: taken for one invocation at a time, kept while they are used, renewed after a deploy."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from fun_local.model.resources import Function
from fun_local.ports import Instance, Runtime

log = logging.getLogger(__name__)


class Slot:
    """The right to run one invocation of a function at a time, with or without an instance yet."""

    def __init__(self, pool: Pool, function: Function, revision: str, instance: Instance | None) -> None:
        self._pool = pool
        self._instance = instance
        self.function = function
        self.revision = revision

    async def ready(self) -> Instance:
        """The instance; started first when there is none.

        Raises what ports.Runtime.start raises.
        """
        if self._instance is None:
            self._instance = await self._pool.start(self.function)
        return self._instance

    def release(self) -> None:
        """Give the slot back. The instance stays warm if it can take another invocation."""
        self._pool.release(self, self._instance)


@dataclass(slots=True)
class _Idle:
    instance: Instance
    until: float  # on the loop's clock


@dataclass(slots=True)
class _Group:
    """The instances of one function, qualifier and version: all three are in their environment."""

    function: Function
    revision: str
    busy: int = 0
    idle: list[_Idle] = field(default_factory=list)
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
        self._groups: dict[tuple[str, str, str], _Group] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False
        self._sweep: asyncio.TimerHandle | None = None

    def try_take(self, function: Function) -> Slot | None:
        """A slot, or None when the function has as many busy instances as it may have."""
        group = self._group(function)
        # Who waits has come first.
        if group.waiters or group.busy >= self._max:
            return None
        return self._take(group)

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

    def _take(self, group: _Group) -> Slot:
        group.busy += 1
        instance = None
        # The last one used is the warmest.
        while group.idle and instance is None:
            idle = group.idle.pop()
            if idle.instance.is_alive:
                instance = idle.instance
            else:
                self._stop(idle.instance)
        return Slot(self, group.function, group.revision, instance)

    async def start(self, function: Function) -> Instance:
        return await self._runtime.start(function)

    def release(self, slot: Slot, instance: Instance | None) -> None:
        group = self._groups[slot.function.key]
        group.busy -= 1
        if instance is not None:
            if instance.is_alive and slot.revision == group.revision and not self._is_closed:
                loop = asyncio.get_running_loop()
                group.idle.append(_Idle(instance, loop.time() + self._idle_seconds))
                if self._sweep is None:
                    self._sweep = loop.call_later(self._idle_seconds, self._end_idle)
            else:
                self._stop(instance)
        self._next(group)

    def refresh(self, renewed: Callable[[Function], Function | None]) -> None:
        """After a deploy: idle instances of what has changed or gone are ended, busy ones afterwards.

        ``renewed`` gives a function as it is deployed now.
        """
        for group in self._groups.values():
            self._renew(group, renewed(group.function))

    def _renew(self, group: _Group, function: Function | None) -> None:
        group.function = function or group.function
        revision = function.revision if function else ""
        if revision == group.revision:
            return
        group.revision = revision
        idle, group.idle = group.idle, []
        for entry in idle:
            self._stop(entry.instance)

    def counts(self) -> tuple[int, int]:
        """How many instances are busy (or starting), and how many idle."""
        groups = self._groups.values()
        return sum(group.busy for group in groups), sum(len(group.idle) for group in groups)

    async def close(self) -> None:
        """End every idle instance, and every busy one when it is released."""
        self._is_closed = True
        for group in self._groups.values():
            for entry in group.idle:
                self._stop(entry.instance)
            group.idle.clear()
        if self._sweep is not None:
            self._sweep.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _group(self, function: Function) -> _Group:
        group = self._groups.get(function.key)
        if group is None:
            group = self._groups[function.key] = _Group(function, function.revision)
        elif group.function is not function and group.function != function:
            self._renew(group, function)
        return group

    def _next(self, group: _Group) -> None:
        while group.waiters:
            turn = group.waiters.popleft()
            if not turn.done():
                # Taken for it here and now: a moment later somebody else might have it.
                turn.set_result(self._take(group))
                return
        self.on_free(group.function.path)

    def _end_idle(self) -> None:
        """End what has been idle for too long. One alarm for all: setting one at each release would cost."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for group in self._groups.values():
            # The warmest are at the end, so the longest idle ones are in front.
            while group.idle and group.idle[0].until <= now:
                self._stop(group.idle.pop(0).instance)
        waiting = [group.idle[0].until for group in self._groups.values() if group.idle]
        self._sweep = loop.call_at(min(waiting), self._end_idle) if waiting else None

    def _stop(self, instance: Instance) -> None:
        self._spawn(instance.stop())

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("an instance could not be ended: %s", error, extra={"action": "instance-stop"})
