"""Group commit: what arrives while a sync is running shares the next one.

A sync costs the same for one record as for a hundred, so the batch, not a faster sync, carries the speed.
Each committer has one thread, since a sync blocks; the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

#: Items that are still committed at once.
_FEW = 4


class GroupCommit(Generic[Item, Answer]):
    """Hands items, in the order they came, in batches to ``commit``.

    ``commit`` runs on the committer's thread and returns one answer or exception per item. If it raises,
    every item of the batch fails with that error.

    Under load, which is when more than a few items have come during a commit, the next one waits for
    ``pause_seconds``: for whom nobody waits, fewer and larger batches cost less.
    """

    def __init__(
        self,
        name: str,
        commit: Callable[[list[Item]], Sequence[Answer | Exception]],
        *,
        pause_seconds: float = 0.0,
    ) -> None:
        self._pause_seconds = pause_seconds
        self._commit = commit
        self._loop = asyncio.get_running_loop()
        self._pending: list[tuple[Item, asyncio.Future[Answer]]] = []
        # No executor: what that does for each piece of work costs as much as a small commit.
        self._work: SimpleQueue[list[tuple[Item, asyncio.Future[Answer]]] | None] = SimpleQueue()
        # Batches that the thread was given, and those that it has committed.
        self._given = self._committed = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self._is_busy = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, item: Item) -> asyncio.Future[Answer]:
        """Take an item into the next batch. The future is done when the batch is committed."""
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._pending.append((item, future))
        if not self._is_busy:
            self._is_busy = True
            self._idle.clear()
            # Not at once: what the same turn of the loop adds next belongs to this batch.
            self._loop.call_soon(self._start)
        return future

    def _start(self) -> None:
        batch, self._pending = self._pending, []
        self._given += 1
        self._work.put(batch)

    def _run(self) -> None:
        """The thread: one batch after another, until None comes."""
        while (batch := self._work.get()) is not None:
            self._work_off(batch)
            del batch  # or the last one would be kept in memory until there is another

    def _work_off(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        answers: Sequence[Answer | Exception]
        try:
            answers = self._commit([item for item, _ in batch])
        except Exception as error:
            answers = [error] * len(batch)
        # A loop that was closed in between has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._finish, batch, answers)
        self._committed += 1

    @property
    def is_writing(self) -> bool:
        """Whether the thread has something to do still."""
        return self._given != self._committed

    def _finish(
        self, batch: list[tuple[Item, asyncio.Future[Answer]]], answers: Sequence[Answer | Exception]
    ) -> None:
        # The next sync starts before the answers are acted upon: disk and processor work side by side.
        if len(self._pending) > _FEW and self._pause_seconds:
            self._loop.call_later(self._pause_seconds, self._start)
        elif self._pending:
            self._start()
        else:
            self._is_busy = False
            self._idle.set()
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.cancelled():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
                future.exception()  # whoever does not wait is not owed a warning
            else:
                future.set_result(answer)

    async def close(self) -> None:
        """Commit what is pending, then end the thread."""
        await self._idle.wait()
        self._work.put(None)
        self._thread.join()
