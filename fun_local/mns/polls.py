"""Who waits for a message of which queue (mns section 9.3).

A place is taken by somebody who still listens. Those who went away are not counted, and are told nothing: at
their next wake-up they take nothing and leave.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: The service has a bound for each queue and names none; beyond it a poll is answered at once.
PLACES = 1000


@dataclass(eq=False, slots=True)
class Poll:
    """One long poll. ``is_wanted`` says whether its caller still listens."""

    is_wanted: Callable[[], bool]
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Polls:
    """The long polls of all queues of a home."""

    def __init__(self, places: int = PLACES) -> None:
        self.places = places
        self.is_ended = False
        self._polls: dict[str, set[Poll]] = {}

    def waiting(self, queue: str) -> int:
        """How many wait for a message of this queue, and still listen."""
        return sum(poll.is_wanted() for poll in self._polls.get(queue, ()))

    @contextlib.contextmanager
    def place(self, queue: str, is_wanted: Callable[[], bool]) -> Iterator[Poll | None]:
        """A place among those who wait; None when all are taken."""
        polls = self._polls.setdefault(queue, set())
        if len(polls) >= self.places and self.waiting(queue) >= self.places:
            yield None
            return
        poll = Poll(is_wanted)
        polls.add(poll)
        try:
            yield poll
        finally:
            polls.discard(poll)
            if not polls and self._polls.get(queue) is polls:
                del self._polls[queue]

    def arrived(self, queue: str) -> None:
        """Have everybody look who waits for this queue: a message came, or will sooner than they think."""
        for poll in self._polls.get(queue, ()):
            poll.wake.set()

    def end(self) -> None:
        """Nobody waits any more, from now on: the daemon stops."""
        self.is_ended = True
        for queue in self._polls:
            self.arrived(queue)
