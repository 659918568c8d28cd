"""Group commit: what arrives while a sync is running shares the next one.

A sync costs the same for one record as for a hundred, so the batch, not a faster sync, carries the speed.
Each committer has one thread, since a sync blocks; the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._loop = asyncio.get_running_loop()
        self._pending: list[tuple[Item, asyncio.Future[Answer]]] = []
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
        work = self._loop.run_in_executor(self._thread, self._commit, [item for item, _ in batch])
        work.add_done_callback(lambda done: self._finish(batch, done))

    def _finish(
        self,
        batch: list[tuple[Item, asyncio.Future[Answer]]],
        done: asyncio.Future[Sequence[Answer | Exception]],
    ) -> None:
        error = done.exception()
        answers = [error] * len(batch) if error else done.result()
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
                future.set_result(answer)  # type: ignore[arg-type]

    async def close(self) -> None:
        """Commit what is pending, then end the thread."""
        await self._idle.wait()
        self._thread.shutdown()
