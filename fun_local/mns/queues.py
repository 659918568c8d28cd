"""MNS queues: delay, visibility, receipts, retention (mns sections 6, 9, 10). Kept in the home's database.

A message is visible when its ``visible_ms`` has come; receiving moves that into the future and gives a
receipt that is good until then.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import dataclass

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.mns import messages
from fun_local.mns.messages import DEFAULT_PRIORITY, QueueMessage
from fun_local.mns.topics import Topics
from fun_local.mns.waiting import Write, woken
from fun_local.model.names import check_queue_name
from fun_local.model.resources import MAX_BATCH, MAX_WAIT_SECONDS, Queue
from fun_local.ports import Clock


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
    """All queues of a home, and its topics. Reads at once, writes in groups."""

    def __init__(self, reader: sqlite3.Connection, write: Write, clock: Clock, *, account_id: str) -> None:
        self.topics = Topics(reader, write, clock, account_id=account_id, arrived=self._arrived)
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
            if old := messages.attributes(connection, queue.name):
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
            messages.require(connection, queue.name)
            connection.execute(
                "UPDATE mns_queues SET attributes = ?, modified_ms = ? WHERE name = ?",
                (attributes, now_ms, queue.name),
            )

        await self._write(update)

    def find(self, name: str) -> Queue | None:
        """A queue's attributes, or None when there is no such queue."""
        return messages.attributes(self._reader, name)

    def names(self) -> list[str]:
        return [row[0] for row in self._reader.execute("SELECT name FROM mns_queues ORDER BY name")]

    def info(self, name: str) -> QueueInfo:
        """Attributes and counts. Raises NotFound."""
        queue = messages.require(self._reader, name)
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
            messages.require(connection, name)
            connection.execute("DELETE FROM mns_messages WHERE queue = ?", (name,))
            connection.execute("DELETE FROM mns_queues WHERE name = ?", (name,))

        await self._write(delete)

    async def purge(self, name: str) -> int:
        """Delete all messages of a queue; how many there were."""

        def purge(connection: sqlite3.Connection) -> int:
            messages.require(connection, name)
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
        message_id = messages.new_id()

        def send(connection: sqlite3.Connection) -> None:
            queue = messages.require(connection, name)
            messages.check(queue, body, delay_seconds=delay_seconds, priority=priority)
            if settles is not None and not messages.settle(connection, settles):
                return
            messages.insert(
                connection,
                queue,
                body,
                message_id=message_id,
                now_ms=now_ms,
                priority=priority,
                delay_seconds=delay_seconds,
            )

        await self._write(send)
        self._arrived(name)
        return message_id

    def _arrived(self, name: str) -> None:
        """Wake who waits for a message of a queue."""
        for waiter in self._waiters.get(name, ()):
            waiter.set()

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
        queue = messages.require(self._reader, name)
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
                wake_ms = min(
                    deadline_ms, messages.next_visible_ms(self._reader, name, now_ms) or deadline_ms
                )
                await woken(waiter, self._clock, (wake_ms - now_ms) / 1000)
        finally:
            waiters.discard(waiter)

    async def _take(self, name: str, limit: int) -> list[QueueMessage]:
        now_ms = self._clock.now_ms()

        # Looking costs nothing, taking a sync: an empty queue is found empty without one.
        if not messages.visible(self._reader, name, now_ms, 1):
            return []
        return list(await self._write(lambda connection: messages.take(connection, name, now_ms, limit)))

    def peek(self, name: str, *, limit: int = 1) -> list[QueueMessage]:
        """The next messages, left as they are. Raises NotFound."""
        messages.require(self._reader, name)
        return [
            QueueMessage(message_id, body, priority, sent_ms, first_ms or sent_ms, count)
            for _, message_id, body, priority, sent_ms, first_ms, count in messages.visible(
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
            messages.require(connection, name)
            gone = connection.execute(
                "DELETE FROM mns_messages WHERE queue = ? AND receipt = ? AND visible_ms > ?",
                (name, receipt, now_ms),
            ).rowcount
            if not gone:
                raise NotFound("MessageNotExist", "the receipt handle was used already or has lapsed")

        await self._write(delete)
