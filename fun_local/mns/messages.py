"""The messages of MNS queues, as SQL: what may go in, and what can be seen (mns sections 9 and 10)."""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.resources import Queue

#: mns section 9.1: 1 is the highest of 16.
DEFAULT_PRIORITY = 8


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


def new_id() -> str:
    """A message id: nobody reads anything into it (mns section 11)."""
    return secrets.token_hex(16).upper()


def attributes(connection: sqlite3.Connection, name: str) -> Queue | None:
    """A queue's attributes, or None when there is no such queue."""
    row = connection.execute("SELECT attributes FROM mns_queues WHERE name = ?", (name,)).fetchone()
    return Queue.from_dict(json.loads(row[0])) if row else None


def require(connection: sqlite3.Connection, name: str) -> Queue:
    """A queue's attributes. Raises NotFound."""
    queue = attributes(connection, name)
    if queue is None:
        raise NotFound(
            "QueueNotExist",
            f"queue '{name}' does not exist",
            hint=f"Create it with: fun mns queue create {name}",
        )
    return queue


def check(queue: Queue, body: bytes, *, delay_seconds: int | None, priority: int) -> None:
    """Raise InvalidRequest unless the queue takes this message."""
    if not body:
        raise InvalidRequest("InvalidArgument", "a message body can't be empty")
    check_size(queue, len(body))
    if delay_seconds is not None and not 0 <= delay_seconds <= 604_800:
        raise InvalidRequest("InvalidArgument", f"delay must be 0 to 604800 seconds, not {delay_seconds}")
    if not 1 <= priority <= 16:
        raise InvalidRequest("InvalidArgument", f"priority must be 1 to 16, not {priority}")


def check_size(queue: Queue, size: int) -> None:
    """Raise InvalidRequest unless the queue takes a message of so many bytes."""
    if size > queue.max_message_bytes:
        raise InvalidRequest(
            "InvalidArgument",
            f"message of {size} bytes is over the {queue.max_message_bytes} that queue '{queue.name}' takes",
        )


def insert(
    connection: sqlite3.Connection,
    queue: Queue,
    body: bytes,
    *,
    message_id: str,
    now_ms: int,
    priority: int = DEFAULT_PRIORITY,
    delay_seconds: int | None = None,
) -> None:
    """Put a message into a queue."""
    delay = queue.delay_seconds if delay_seconds is None else delay_seconds
    connection.execute(
        "INSERT INTO mns_messages (queue, message_id, body, priority, sent_ms, visible_ms,"
        " expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            queue.name,
            message_id,
            body,
            priority,
            now_ms,
            now_ms + delay * 1000,
            now_ms + queue.retention_seconds * 1000,
        ),
    )


def copy(connection: sqlite3.Connection, name: str, body: bytes, published_bytes: int, now_ms: int) -> None:
    """Put a topic's message into a queue that subscribes to it. Raises NotFound, InvalidRequest.

    What was published must fit into the queue; what a notification adds around it is not held against it.
    """
    queue = require(connection, name)
    check_size(queue, published_bytes)
    insert(connection, queue, body, message_id=new_id(), now_ms=now_ms)


def settle(connection: sqlite3.Connection, seq: int) -> bool:
    """Note that the outcome of invocation ``seq`` is delivered; False when it had been, or is gone."""
    cursor = connection.execute(
        "UPDATE messages SET is_delivered = 1 WHERE seq = ? AND is_delivered = 0", (seq,)
    )
    return bool(cursor.rowcount)


def visible(connection: sqlite3.Connection, name: str, now_ms: int, limit: int) -> list[tuple[Any, ...]]:
    """The next messages that can be received, as rows."""
    return connection.execute(
        "SELECT seq, message_id, body, priority, sent_ms, first_dequeue_ms, dequeue_count"
        " FROM mns_messages WHERE queue = ? AND visible_ms <= ? AND expires_ms > ?"
        " ORDER BY priority, seq LIMIT ?",
        (name, now_ms, now_ms, limit),
    ).fetchall()


def take(connection: sqlite3.Connection, name: str, now_ms: int, limit: int) -> list[QueueMessage]:
    """Receive messages: hide each until its visibility time is over, and give a receipt. Raises NotFound."""
    queue = require(connection, name)
    connection.execute("DELETE FROM mns_messages WHERE queue = ? AND expires_ms <= ?", (name, now_ms))
    next_ms = now_ms + queue.visibility_seconds * 1000
    taken = []
    for row in visible(connection, name, now_ms, limit):
        seq, message_id, body, priority, sent_ms, first_ms, count = row
        receipt = f"{seq}-{count + 1}-{secrets.token_hex(8)}"
        connection.execute(
            "UPDATE mns_messages SET visible_ms = ?, first_dequeue_ms = ?, dequeue_count = ?,"
            " receipt = ? WHERE seq = ?",
            (next_ms, first_ms or now_ms, count + 1, receipt, seq),
        )
        taken.append(
            QueueMessage(message_id, body, priority, sent_ms, first_ms or now_ms, count + 1, receipt, next_ms)
        )
    return taken


def next_visible_ms(connection: sqlite3.Connection, name: str, now_ms: int) -> int | None:
    """When the next message will be visible that is not yet."""
    found = connection.execute(
        "SELECT min(visible_ms) FROM mns_messages WHERE queue = ? AND visible_ms > ?", (name, now_ms)
    ).fetchone()[0]
    return None if found is None else int(found)
