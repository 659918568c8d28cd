"""Making the pushes that are owed to subscribers, again and again as their strategies say (mns section 14).

A push is forgotten only after it was made, so a crash in between makes it again: at least once, as in MNS.
Into a queue of this home it goes once, since there the push and the forgetting are one transaction.

                 what is due, a few at a time of each subscription
    pending rows ──────────────────────────────────────────────────▶ a task each ──▶ made: removed
         ▲                                                                └───────▶ failed: later, or dropped
         └── woken by a publish, by the end of a task and by the next due time, never by looking around
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from fun_local.errors import FunLocalError
from fun_local.mns import messages, pending
from fun_local.mns.pending import Push
from fun_local.mns.waiting import Write, woken
from fun_local.model.notification import notification, push_headers, retry_ms
from fun_local.model.topics import RETENTION_SECONDS, parse_endpoint
from fun_local.ports import Clock

log = logging.getLogger(__name__)

#: Pushes on their way at once, of all subscriptions and of one: a slow subscriber must not hold up others.
_AT_ONCE = 16
_AT_ONCE_EACH = 4

#: Seconds until a write is tried again that the disk had no room for, and a look that failed.
_PAUSE_SECONDS = 5.0


class Client(Protocol):
    """Sends a notification to an HTTP endpoint."""

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> str:
        """Post once; empty when the subscriber has taken it, else what went wrong."""

    async def close(self) -> None: ...


class Pushes:
    """The pushes of one home. ``start`` it once, ``close`` it at the end."""

    def __init__(
        self,
        reader: sqlite3.Connection,
        write: Write,
        clock: Clock,
        client: Client,
        *,
        account_id: str,
        arrived: Callable[[str], None],
    ) -> None:
        self._reader = reader
        self._write = write
        self._clock = clock
        self._client = client
        self._account_id = account_id
        self._arrived = arrived
        self._wake = asyncio.Event()
        self._at_work: dict[int, tuple[str, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin, with what an earlier process still owed."""
        self._tasks.add(asyncio.create_task(self._run()))

    def look(self) -> None:
        """Something may be owed that was not before."""
        self._wake.set()

    async def close(self) -> None:
        """Stop; what is on its way stays owed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            seconds: float | None = _PAUSE_SECONDS
            try:
                now_ms = self._clock.now_ms()
                self._start_due(now_ms)
                next_ms = pending.next_due_ms(self._reader, now_ms)
                seconds = None if next_ms is None else (next_ms - now_ms) / 1000
            except Exception:
                # Whatever it was: it must not have been the last look.
                log.exception("can't see which pushes are due")
            await woken(self._wake, self._clock, seconds)

    def _start_due(self, now_ms: int) -> None:
        busy = Counter(self._at_work.values())
        for subscription in pending.subscriptions_due(self._reader, now_ms):
            room = min(_AT_ONCE - len(self._at_work), _AT_ONCE_EACH - busy[subscription])
            if room <= 0:
                continue
            for seq in pending.due(self._reader, subscription, now_ms, skip=self._at_work, limit=room):
                self._at_work[seq] = subscription
                task = asyncio.create_task(self._make(seq))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _make(self, seq: int) -> None:
        try:
            if push := pending.find(self._reader, seq):
                await self._try(push)
        except Exception:
            # It stays owed. Not at once again, or one bad row would keep the machine busy.
            log.exception("push %d failed", seq)
            await self._clock.sleep(_PAUSE_SECONDS)
        finally:
            del self._at_work[seq]
            self._wake.set()

    async def _try(self, push: Push) -> None:
        endpoint = parse_endpoint(push.subscription.endpoint)
        if self._clock.now_ms() >= _end_ms(push):
            await self._fail(push, "its message is a day old")
        elif endpoint.kind == "queue":
            await self._copy(push, endpoint.target)
        elif endpoint.kind == "http" and (problem := await self._post(push, endpoint.target)):
            await self._fail(push, problem)
        else:
            await self._stored(lambda connection: pending.remove(connection, push.seq))

    async def _copy(self, push: Push, queue: str) -> None:
        body = notification(push.message, push.subscription, self._account_id)
        now_ms = self._clock.now_ms()

        def copy(connection: sqlite3.Connection) -> None:
            messages.copy(connection, queue, body, len(push.message.body), now_ms)
            pending.remove(connection, push.seq)

        try:
            await self._write(copy)
        except FunLocalError as error:
            await self._fail(push, str(error))
        else:
            self._arrived(queue)

    async def _post(self, push: Push, url: str) -> str:
        body = notification(push.message, push.subscription, self._account_id)
        headers = push_headers(
            push.message,
            push.subscription,
            body,
            request_id=secrets.token_hex(12).upper(),
            now_ms=self._clock.now_ms(),
        )
        return await self._client.post(url, headers, body)

    async def _fail(self, push: Push, problem: str) -> None:
        """Note that a try has failed: there is another one, or that was the last."""
        now_ms = self._clock.now_ms()
        wait_ms = retry_ms(push.subscription.strategy, push.tries + 1, random.random())  # noqa: S311
        name = push.subscription.path
        if wait_ms is None or now_ms + wait_ms >= _end_ms(push):
            log.error(
                "message %s is dropped for subscription %s: %s",
                push.message.message_id,
                name,
                problem,
                extra={"action": "push-dropped"},
            )
            await self._stored(lambda connection: pending.remove(connection, push.seq))
            return
        log.warning(
            "message %s: not pushed to subscription %s: %s",
            push.message.message_id,
            name,
            problem,
            extra={"action": "push-failed"},
        )
        await self._stored(lambda connection: pending.postpone(connection, push, now_ms + wait_ms))

    async def _stored(self, change: Callable[[sqlite3.Connection], None]) -> None:
        """Write, however long the disk has no room: to forget it would be to push once more."""
        while True:
            try:
                await self._write(change)
                return
            except FunLocalError as error:
                log.error("what became of a push can't be noted: %s", error)
                await self._clock.sleep(_PAUSE_SECONDS)


def _end_ms(push: Push) -> int:
    """When a topic gives a message up (mns section 6)."""
    return push.message.published_ms + RETENTION_SECONDS * 1000
