"""Looks after running instances: one look at all that are busy, ten times a second.

Costs nothing when no instance is there, and next to nothing when none is busy: then one look in five
seconds, since what a function has left running may grow as well. An invocation that ends before the next
look is never looked at; the size of its own process is in its answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from os import stat
from typing import Protocol

from fun_local.runtime.census import Look, Root, Tree, default_look, look_with_ps

log = logging.getLogger(__name__)

#: Seconds between two looks at busy instances; where a look means a run of ps; and at idle ones.
BUSY_SECONDS = 0.1
BUSY_SECONDS_WITH_PS = 1.0
IDLE_SECONDS = 5.0


class Watched(Protocol):
    """An instance, as it is seen from here."""

    pid: int
    log_path: str

    @property
    def is_busy(self) -> bool: ...

    @property
    def memory_limit_mb(self) -> int: ...

    def heed(self, tree: Tree, log_size: int) -> None:
        """Learn what was seen."""


class Patrol:
    """On one event loop. Instances tell when they come, when they get busy, and when they go."""

    def __init__(self, look: Look | None = None) -> None:
        self._look = look or default_look()
        self._busy_seconds = BUSY_SECONDS_WITH_PS if self._look is look_with_ps else BUSY_SECONDS
        self._watched: list[Watched] = []
        self._timer: asyncio.TimerHandle | None = None
        self._round: asyncio.Task[None] | None = None
        self._all_due = 0.0
        #: Whether the next look is near. Read before each invocation, hence no method.
        self.is_awake = False

    def add(self, instance: Watched) -> None:
        self._watched.append(instance)
        self._arm()

    def remove(self, instance: Watched) -> None:
        self._watched.remove(instance)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def wake(self) -> None:
        """An instance got busy: look soon."""
        self.is_awake = True
        if self._round is None:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._busy_seconds if self.is_awake else IDLE_SECONDS, self._begin)

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        due = [instance for instance in self._watched if instance.is_busy]
        self.is_awake = bool(due)
        if loop.time() >= self._all_due:
            self._all_due = loop.time() + IDLE_SECONDS
            due = list(self._watched)
        if due:
            self._round = loop.create_task(self._go_round(due))
        elif self._watched:
            self._arm()

    async def _go_round(self, due: Sequence[Watched]) -> None:
        try:
            roots = [Root(instance.pid, instance.memory_limit_mb) for instance in due]
            paths = [instance.log_path for instance in due]
            # Reading files about processes is not for the event loop: a tree may have a thousand.
            trees, sizes = await asyncio.to_thread(
                lambda: (self._look(roots), [_size(path) for path in paths])
            )
            for instance, tree, size in zip(due, trees, sizes, strict=True):
                instance.heed(tree, size)
        except Exception:
            log.exception("instances could not be looked after", extra={"action": "patrol"})
        finally:
            self._round = None
        if self._watched:
            self._arm()


def _size(path: str) -> int:
    with suppress(OSError):
        return stat(path).st_size
    return 0
