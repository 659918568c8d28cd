"""MNS as a whole: its queues (mns sections 6 and 8), their messages, the topics, the account.

Kept in the home's database.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fun_local.errors import Conflict
from fun_local.mns import messages
from fun_local.mns.attributes import check_queue
from fun_local.mns.topics import Topics
from fun_local.mns.traffic import Traffic
from fun_local.mns.waiting import Write
from fun_local.model.resources import Queue
from fun_local.ports import Clock

#: What account-level calls can set (mns section 15).
_LOGGING_BUCKET = "LoggingBucket"


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """A queue's attributes and how many messages it holds in each state."""

    queue: Queue
    created_ms: int
    modified_ms: int
    active: int
    inactive: int
    delayed: int


class Mns(Traffic):
    """All queues of a home with their messages, and its topics. Reads at once, writes in groups."""

    def __init__(self, reader: sqlite3.Connection, write: Write, clock: Clock, *, account_id: str) -> None:
        super().__init__(reader, write, clock)
        self.topics = Topics(reader, write, clock, account_id=account_id, arrived=self.polls.arrived)

    # --- queues

    async def create(self, queue: Queue) -> bool:
        """Create a queue; False when it is there already, alike.

        Raises:
            InvalidRequest: the name or an attribute is not valid.
            Conflict: it is there with other attributes.
        """
        check_queue(queue)
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
        """Replace a queue's attributes; its messages stay. Raises NotFound, InvalidRequest."""
        await self._update(queue.name, lambda _: queue)

    async def alter(self, name: str, changed: Mapping[str, Any]) -> None:
        """Change some of a queue's attributes, by their fields. Raises NotFound, InvalidRequest."""
        await self._update(name, lambda queue: replace(queue, **changed))

    async def _update(self, name: str, make: Callable[[Queue], Queue]) -> None:
        now_ms = self._clock.now_ms()

        def update(connection: sqlite3.Connection) -> None:
            queue = make(messages.require(connection, name))
            check_queue(queue)
            connection.execute(
                "UPDATE mns_queues SET attributes = ?, modified_ms = ? WHERE name = ?",
                (json.dumps(queue.to_dict()), now_ms, name),
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
        self.polls.arrived(name)  # who waits for a message will hear that the queue is gone

    async def purge(self, name: str) -> int:
        """Delete all messages of a queue; how many there were."""

        def purge(connection: sqlite3.Connection) -> int:
            messages.require(connection, name)
            return connection.execute("DELETE FROM mns_messages WHERE queue = ?", (name,)).rowcount

        return int(await self._write(purge))

    # --- the account

    def logging_bucket(self) -> str:
        """Where the service would log to; empty until it is set. Nothing here logs there."""
        row = self._reader.execute(
            "SELECT value FROM mns_account WHERE name = ?", (_LOGGING_BUCKET,)
        ).fetchone()
        return str(row[0]) if row else ""

    async def set_logging_bucket(self, bucket: str) -> None:
        row = (_LOGGING_BUCKET, bucket)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO mns_account VALUES (?, ?)", row)

        await self._write(write)
