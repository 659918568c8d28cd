"""MNS queues: delay, visibility, receipts, retention (mns sections 6, 9, 10). Kept in the home's database.

A message is visible when its ``visible_ms`` has come; receiving moves that into the future and gives a
receipt that is good until then.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model.names import DestinationAddress, check_queue_name
from fun_local.model.resources import MAX_BATCH, MAX_WAIT_SECONDS, Queue
from fun_local.ports import Clock

#: mns section 9.1: 1 is the highest of 16.
DEFAULT_PRIORITY = 8

Write = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message as a receiver or peeker sees it. Times in milliseconds."""

    message_id: str
    body: bytes
    priority: int
    sent_ms: int
    first_dequeue_ms: int
    dequeue_count: int
    receipt: str = ""
    next_visible_ms: int = 0


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """A queue's attributes and how many messages it holds in each state."""

    queue: Queue
    created_ms: int
    modified_ms: int
    active: int
    inactive: int
    delayed: int


class Mns:
    """All queues of a home. Reads at once, writes in groups."""

    def __init__(self, reader: sqlite3.Connection, write: Write, clock: Clock) -> None:
        self._reader = reader
        self._write = write
        self._clock = clock
        self._waiters: dict[str, set[asyncio.Event]] = {}

    # --- queues

    async def create(self, queue: Queue) -> bool:
        """Create a queue; False when it is there already, alike.

        Raises:
            InvalidRequest: the name is not valid.
            Conflict: it is there with other attributes.
        """
        check_queue_name(queue.name)
        now_ms = self._clock.now_ms()
        attributes = json.dumps(queue.to_dict())

        def create(connection: sqlite3.Connection) -> bool:
            if old := _attributes(connection, queue.name):
                if old == queue:
                    return False
                raise Conflict(
                    "QueueAlreadyExist",
                    f"queue '{queue.name}' exists with other attributes",
                    hint=f"See them with: fun mns queue info {queue.name}",
                )
            connection.execute(
                "INSERT INTO mns_queues VALUES (?, ?, ?, ?)", (queue.name, attributes, now_ms, now_ms)
            )
            return True

        return bool(await self._write(create))

    async def set_attributes(self, queue: Queue) -> None:
        """Replace a queue's attributes; its messages stay."""
        now_ms = self._clock.now_ms()
        attributes = json.dumps(queue.to_dict())

        def update(connection: sqlite3.Connection) -> None:
            _require(connection, queue.name)
            connection.execute(
                "UPDATE mns_queues SET attributes = ?, modified_ms = ? WHERE name = ?",
                (attributes, now_ms, queue.name),
            )

        await self._write(update)

    def find(self, name: str) -> Queue | None:
        """A queue's attributes, or None when there is no such queue."""
        return _attributes(self._reader, name)

    def names(self) -> list[str]:
        return [row[0] for row in self._reader.execute("SELECT name FROM mns_queues ORDER BY name")]

    def info(self, name: str) -> QueueInfo:
        """Attributes and counts. Raises NotFound."""
        queue = _require(self._reader, name)
        now_ms = self._clock.now_ms()
        created_ms, modified_ms = self._reader.execute(
            "SELECT created_ms, modified_ms FROM mns_queues WHERE name = ?", (name,)
        ).fetchone()
        active, inactive, delayed = self._reader.execute(
            "SELECT count(*) FILTER (WHERE visible_ms <= ?1),"
            " count(*) FILTER (WHERE visible_ms > ?1 AND dequeue_count > 0),"
            " count(*) FILTER (WHERE visible_ms > ?1 AND dequeue_count = 0)"
            " FROM mns_messages WHERE queue = ?2 AND expires_ms > ?1",
            (now_ms, name),
        ).fetchone()
        return QueueInfo(queue, created_ms, modified_ms, active, inactive, delayed)

    async def delete(self, name: str) -> None:
        """Delete a queue and all its messages. Raises NotFound."""

        def delete(connection: sqlite3.Connection) -> None:
            _require(connection, name)
            connection.execute("DELETE FROM mns_messages WHERE queue = ?", (name,))
            connection.execute("DELETE FROM mns_queues WHERE name = ?", (name,))

        await self._write(delete)

    async def purge(self, name: str) -> int:
        """Delete all messages of a queue; how many there were."""

        def purge(connection: sqlite3.Connection) -> int:
            _require(connection, name)
            return connection.execute("DELETE FROM mns_messages WHERE queue = ?", (name,)).rowcount

        return int(await self._write(purge))

    # --- messages

    async def send(
        self,
        name: str,
        body: bytes,
        *,
        delay_seconds: int | None = None,
        priority: int = DEFAULT_PRIORITY,
        settles: int | None = None,
    ) -> str:
        """Put a message into a queue; its id.

        With ``settles``, the invocation of that seq is marked as delivered in the same transaction, so
        that it is delivered once whatever crashes; a second delivery of it does nothing.

        Raises:
            NotFound: no such queue.
            InvalidRequest: empty, too large, or a value out of bounds.
        """
        now_ms = self._clock.now_ms()
        message_id = secrets.token_hex(16).upper()

        def send(connection: sqlite3.Connection) -> None:
            queue = _require(connection, name)
            _check_message(queue, body, delay_seconds, priority)
            if settles is not None:
                cursor = connection.execute(
                    "UPDATE messages SET is_delivered = 1 WHERE seq = ? AND is_delivered = 0", (settles,)
                )
                if not cursor.rowcount:
                    return
            delay = queue.delay_seconds if delay_seconds is None else delay_seconds
            connection.execute(
                "INSERT INTO mns_messages (queue, message_id, body, priority, sent_ms, visible_ms,"
                " expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    name,
                    message_id,
                    body,
                    priority,
                    now_ms,
                    now_ms + delay * 1000,
                    now_ms + queue.retention_seconds * 1000,
                ),
            )

        await self._write(send)
        for waiter in self._waiters.get(name, ()):
            waiter.set()
        return message_id

    async def receive(
        self, name: str, *, limit: int = 1, wait_seconds: int | None = None
    ) -> list[QueueMessage]:
        """Take up to ``limit`` messages; wait for the first one. Empty when none came.

        Raises:
            NotFound: no such queue.
            InvalidRequest: a bound is exceeded.
        """
        if not 1 <= limit <= MAX_BATCH:
            raise InvalidRequest("InvalidArgument", f"at most {MAX_BATCH} messages at a time, not {limit}")
        queue = _require(self._reader, name)
        if wait_seconds is None:
            wait_seconds = queue.polling_wait_seconds
        if not 0 <= wait_seconds <= MAX_WAIT_SECONDS:
            raise InvalidRequest(
                "InvalidArgument", f"wait must be 0 to {MAX_WAIT_SECONDS} seconds, not {wait_seconds}"
            )
        deadline_ms = self._clock.now_ms() + wait_seconds * 1000
        waiter = asyncio.Event()
        waiters = self._waiters.setdefault(name, set())
        waiters.add(waiter)
        try:
            while True:
                waiter.clear()
                if found := await self._take(name, limit):
                    return found
                now_ms = self._clock.now_ms()
                if now_ms >= deadline_ms:
                    return []
                wake_ms = min(deadline_ms, self._next_visible_ms(name, now_ms) or deadline_ms)
                await _wait(waiter, self._clock, (wake_ms - now_ms) / 1000)
        finally:
            waiters.discard(waiter)

    async def _take(self, name: str, limit: int) -> list[QueueMessage]:
        now_ms = self._clock.now_ms()

        def take(connection: sqlite3.Connection) -> list[QueueMessage]:
            queue = _require(connection, name)
            connection.execute("DELETE FROM mns_messages WHERE queue = ? AND expires_ms <= ?", (name, now_ms))
            next_ms = now_ms + queue.visibility_seconds * 1000
            taken = []
            for row in _visible(connection, name, now_ms, limit):
                seq, message_id, body, priority, sent_ms, first_ms, count = row
                receipt = f"{seq}-{count + 1}-{secrets.token_hex(8)}"
                connection.execute(
                    "UPDATE mns_messages SET visible_ms = ?, first_dequeue_ms = ?, dequeue_count = ?,"
                    " receipt = ? WHERE seq = ?",
                    (next_ms, first_ms or now_ms, count + 1, receipt, seq),
                )
                taken.append(
                    QueueMessage(
                        message_id, body, priority, sent_ms, first_ms or now_ms, count + 1, receipt, next_ms
                    )
                )
            return taken

        # Looking costs nothing, taking a sync: an empty queue is found empty without one.
        if not _visible(self._reader, name, now_ms, 1):
            return []
        return list(await self._write(take))

    def peek(self, name: str, *, limit: int = 1) -> list[QueueMessage]:
        """The next messages, left as they are. Raises NotFound."""
        _require(self._reader, name)
        return [
            QueueMessage(message_id, body, priority, sent_ms, first_ms or sent_ms, count)
            for _, message_id, body, priority, sent_ms, first_ms, count in _visible(
                self._reader, name, self._clock.now_ms(), limit
            )
        ]

    async def delete_message(self, name: str, receipt: str) -> None:
        """Delete a received message.

        Raises:
            NotFound: the queue is gone, or the receipt has been used or has lapsed.
            InvalidRequest: that is no receipt.
        """
        now_ms = self._clock.now_ms()
        if receipt.count("-") != 2:
            raise InvalidRequest("ReceiptHandleError", f"{receipt!r} is not a receipt handle")

        def delete(connection: sqlite3.Connection) -> None:
            _require(connection, name)
            gone = connection.execute(
                "DELETE FROM mns_messages WHERE queue = ? AND receipt = ? AND visible_ms > ?",
                (name, receipt, now_ms),
            ).rowcount
            if not gone:
                raise NotFound("MessageNotExist", "the receipt handle was used already or has lapsed")

        await self._write(delete)

    def _next_visible_ms(self, name: str, now_ms: int) -> int | None:
        found = self._reader.execute(
            "SELECT min(visible_ms) FROM mns_messages WHERE queue = ? AND visible_ms > ?", (name, now_ms)
        ).fetchone()[0]
        return None if found is None else int(found)


class QueueDestination:
    """ports.Destination for MNS queues."""

    def __init__(self, mns: Mns) -> None:
        self._mns = mns

    async def deliver(self, address: DestinationAddress, body: bytes, *, seq: int) -> None:
        await self._mns.send(address.name, body, settles=seq)


def _check_message(queue: Queue, body: bytes, delay_seconds: int | None, priority: int) -> None:
    if not body:
        raise InvalidRequest("InvalidArgument", "a message body can't be empty")
    if len(body) > queue.max_message_bytes:
        raise InvalidRequest(
            "InvalidArgument",
            f"message of {len(body)} bytes is over the {queue.max_message_bytes} that"
            f" queue '{queue.name}' takes",
        )
    if delay_seconds is not None and not 0 <= delay_seconds <= 604_800:
        raise InvalidRequest("InvalidArgument", f"delay must be 0 to 604800 seconds, not {delay_seconds}")
    if not 1 <= priority <= 16:
        raise InvalidRequest("InvalidArgument", f"priority must be 1 to 16, not {priority}")


def _attributes(connection: sqlite3.Connection, name: str) -> Queue | None:
    row = connection.execute("SELECT attributes FROM mns_queues WHERE name = ?", (name,)).fetchone()
    return Queue.from_dict(json.loads(row[0])) if row else None


def _require(connection: sqlite3.Connection, name: str) -> Queue:
    queue = _attributes(connection, name)
    if queue is None:
        raise NotFound(
            "QueueNotExist",
            f"queue '{name}' does not exist",
            hint=f"Create it with: fun mns queue create {name}",
        )
    return queue


def _visible(connection: sqlite3.Connection, name: str, now_ms: int, limit: int) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT seq, message_id, body, priority, sent_ms, first_dequeue_ms, dequeue_count"
        " FROM mns_messages WHERE queue = ? AND visible_ms <= ? AND expires_ms > ?"
        " ORDER BY priority, seq LIMIT ?",
        (name, now_ms, now_ms, limit),
    ).fetchall()


async def _wait(event: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Until the event or for so long, whichever comes first."""
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    wake = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({sleep, wake}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleep.cancel()
        wake.cancel()
