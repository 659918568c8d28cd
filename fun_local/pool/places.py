"""Where the invocations of one function can run: its instances, there or still to be started.

Starts and ends nothing itself. An instance runs as many invocations at a time as its function's concurrency
says, most often one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from fun_local.model.resources import Function
from fun_local.ports import Instance


@dataclass(slots=True, eq=False)
class Place:
    """An instance that is there or still to be started, and how many use it."""

    revision: str
    users: int = 0
    instance: Instance | None = None
    starting: asyncio.Task[Instance] | None = None
    idle_until: float = 0.0  # on the loop's clock; says nothing while somebody uses it


@dataclass(slots=True)
class Places:
    """Those of one function, qualifier and version: all three are in the instances' environment.

    ``end`` is given what nobody uses any more. ``count`` is how many are used or idle, those of an earlier
    revision too while they are used; ``current`` are those of the present one, and ``open`` the ones with
    room for another invocation, the one used last at the end.
    """

    function: Function
    end: Callable[[Place], None]
    revision: str = ""
    concurrency: int = 1
    count: int = 0
    current: set[Place] = field(default_factory=set)
    open: list[Place] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.revision = self.function.revision
        self.concurrency = self.function.concurrency

    @property
    def idle(self) -> list[Place]:
        return [place for place in self.open if not place.users]

    def add(self, revision: str) -> Place:
        """One more, still to be started."""
        place = Place(revision)
        self.count += 1
        if revision == self.revision:
            self.current.add(place)
            self.open.append(place)
        return place

    def best(self) -> Place | None:
        """Where there is room: where most is going on, so that others get idle and end; else the warmest."""
        while self.open:
            place = self.open[-1]
            if self.concurrency > 1:
                place = max(reversed(self.open), key=lambda other: other.users)
            if place.instance is None or place.instance.is_alive:
                return place
            self.open.remove(place)
            if not place.users:
                self._drop(place)
        return None

    def use(self, place: Place) -> None:
        """One more invocation runs there."""
        place.users += 1
        if place.users < self.concurrency:
            return
        if self.open and self.open[-1] is place:  # nearly always
            self.open.pop()
        elif place in self.open:
            self.open.remove(place)

    def leave(self, place: Place, *, idle_until: float) -> bool:
        """One invocation less runs there. Whether it is idle now."""
        place.users -= 1
        is_current = place.revision == self.revision
        is_living = place.instance is not None and place.instance.is_alive
        # Where the last one leaves before there is an instance, there will be none. A dead one that others
        # still use has room for nobody.
        if is_current and (is_living or (place.users and place.instance is None)):
            if place not in self.open:
                self.open.append(place)
            place.idle_until = idle_until
            return not place.users
        if not place.users:
            if place in self.open:
                self.open.remove(place)
            self._drop(place)
        return False

    def renew(self, function: Function | None) -> None:
        """The function as it is deployed now. What is idle is ended if it is out of date, the rest later."""
        self.function = function or self.function
        revision = function.revision if function else ""
        if revision == self.revision:
            return
        self.revision = revision
        self.concurrency = self.function.concurrency
        self.clear()
        self.current.clear()

    def clear(self) -> None:
        """End what is idle; the rest is ended when it is left."""
        self.end_idle(float("inf"))
        self.open.clear()

    def end_idle(self, now: float) -> None:
        """End what has been idle for too long."""
        for place in self.idle:
            if place.idle_until <= now:
                self.open.remove(place)
                self._drop(place)

    def _drop(self, place: Place) -> None:
        self.count -= 1
        self.current.discard(place)
        self.end(place)
