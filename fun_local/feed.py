"""What has just happened to executions, for whoever watches: frames of the newest versions.

    note(execution) ─▶ changed, by seq ─▶ (a tick) ─▶ a frame in a short ring ─▶ any number of readers

Nobody reads: a change costs one comparison. Many change at once: a frame holds those that are watched and
the newest, and says how many it leaves out. Readers have no buffers, only a place in the ring; who falls out
of it is told to begin anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter, deque
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from heapq import nlargest

from fun_local.model.execution import Execution
from fun_local.ports import ExecutionStore, Message

#: Seconds from the first change to its frame, so that what happens together is told together.
_LAG_SECONDS = 0.03

#: Seconds between two frames. People see no difference below.
_GAP_SECONDS = 0.25

#: And where one could not hold all: nobody reads a list that is another one four times a second, but every
#: reader has to draw it, on the machine that has so much to do already.
_BUSY_GAP_SECONDS = 1.0

#: Executions of one frame, those that are watched aside.
_FRAME_ROWS = 100

#: Frames kept: what a reader may miss before it has to begin anew.
_FRAMES = 64

#: How long changes are noted after the last reader has left: a page that is loaded anew finds its place.
_LINGER_SECONDS = 30.0


@dataclass(slots=True)
class Frame:
    """Changed executions, newest first, and how many more there were.

    ``texts`` is for readers that show them alike: made once, whoever comes first.
    """

    number: int
    executions: tuple[Execution, ...]
    left_out: int
    texts: dict[str, bytes] = field(default_factory=dict)


class Feed:
    """One per daemon, on its event loop. ``epoch`` tells the numbers of its frames from another daemon's."""

    def __init__(
        self,
        *,
        lag_seconds: float = _LAG_SECONDS,
        gap_seconds: float = _GAP_SECONDS,
        busy_gap_seconds: float = _BUSY_GAP_SECONDS,
        linger_seconds: float = _LINGER_SECONDS,
    ) -> None:
        self.epoch = secrets.token_hex(4)
        self._lag_seconds = lag_seconds
        self._gap_seconds = self._usual_gap_seconds = gap_seconds
        self._busy_gap_seconds = busy_gap_seconds
        self._linger_seconds = linger_seconds
        self._frames: deque[Frame] = deque(maxlen=_FRAMES)
        self._changed: dict[int, Execution] = {}
        self._watched: Counter[int] = Counter()
        self._readers = 0
        self._is_on = False
        self._is_closed = False
        self._last = 0
        self._last_tick = 0.0
        self._tick: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()

    # --- what happens

    def note(self, execution: Execution) -> None:
        """An execution has a new state. Called for every one: cheap."""
        if self._is_on:
            self._changed[execution.seq] = execution
            if self._tick is None:
                self._plan()

    def accepted(self, message: Message) -> None:
        """An invocation was put into the queue. If it leaves no record there will be nothing to see."""
        if self._is_on and message.stateful and message.seq not in self._changed:
            self.note(message.accepted())

    def _plan(self) -> None:
        loop = asyncio.get_running_loop()
        at = max(loop.time() + self._lag_seconds, self._last_tick + self._gap_seconds)
        self._tick = loop.call_at(at, self._flush)

    def _flush(self) -> None:
        changed, self._changed = self._changed, {}
        self._tick = None
        self._last_tick = asyncio.get_running_loop().time()
        chosen = nlargest(_FRAME_ROWS, changed)
        shown = {seq: changed[seq] for seq in (*chosen, *(self._watched.keys() & changed.keys()))}
        self._last += 1
        left_out = len(changed) - len(shown)
        self._frames.append(Frame(self._last, tuple(shown.values()), left_out))
        self._gap_seconds = self._busy_gap_seconds if left_out else self._usual_gap_seconds
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # --- who reads

    @property
    def newest(self) -> int:
        """The number of the last frame."""
        return self._last

    @property
    def readers(self) -> int:
        return self._readers

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    @contextlib.contextmanager
    def reading(self, watched: int | None = None) -> Iterator[None]:
        """Changes are noted while the block runs; those of the execution ``watched`` are in every frame."""
        self._readers += 1
        if watched is not None:
            self._watched[watched] += 1
        self._is_on = not self._is_closed
        if self._end is not None:
            self._end.cancel()
            self._end = None
        try:
            yield
        finally:
            self._readers -= 1
            if watched is not None:
                self._watched[watched] -= 1
                self._watched += Counter()  # without those nobody watches any more
            if not self._readers and not self._is_closed:
                loop = asyncio.get_running_loop()
                self._end = loop.call_later(self._linger_seconds, self._switch_off)

    def _switch_off(self) -> None:
        self._is_on = False
        self._frames.clear()
        # What follows is not noted: whoever comes back with an old number has missed something.
        self._last += 1

    def since(self, number: int) -> list[Frame] | None:
        """The frames after ``number``; None where some of them are gone."""
        if number > self._last or number < self._last - len(self._frames):
            return None
        return [frame for frame in self._frames if frame.number > number]

    async def wait(self, number: int, timeout_seconds: float) -> None:
        """Wait for a frame after ``number``, not longer than told."""
        if self._last > number or self._is_closed:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._news.wait()

    def close(self) -> None:
        """The daemon ends: nobody waits any longer."""
        self._is_closed = True
        self._is_on = False
        for timer in (self._tick, self._end):
            if timer is not None:
                timer.cancel()
        self._wake()


class ToldStore:
    """A store of executions that tells the feed of every change."""

    def __init__(self, store: ExecutionStore, feed: Feed) -> None:
        self._note = feed.note
        self._save = store.save
        self._save_durably = store.save_durably
        self.get = store.get

    def save(self, execution: Execution) -> None:
        self._note(execution)
        self._save(execution)

    def save_durably(self, execution: Execution) -> Awaitable[None]:
        self._note(execution)
        return self._save_durably(execution)
