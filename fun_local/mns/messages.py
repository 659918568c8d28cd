"""The messages of MNS queues, as SQL: putting in, looking, taking, deleting (mns sections 9 and 10)."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from fun_local.errors import NotFound
from fun_local.mns.message import NewMessage, QueueMessage, Sent, check_size, new_id, new_receipt
from fun_local.model.resources import Queue

#: A receipt is good for one message of one queue, until that can be received again or is too old.
_HELD = "WHERE queue = ? AND receipt = ? AND visible_ms > ? AND expires_ms > ?"


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


def insert(
    connection: sqlite3.Connection, queue: Queue, message: NewMessage, *, message_id: str, now_ms: int
) -> Sent:
    """Put a message into a queue."""
    delay = queue.delay_seconds if message.delay_seconds is None else message.delay_seconds
    receipt = new_receipt(0) if delay else ""
    connection.execute(
        "INSERT INTO mns_messages (queue, message_id, body, priority, sent_ms, visible_ms, expires_ms,"
        " receipt, is_wire, extras) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            queue.name,
            message_id,
            message.body,
            message.priority,
            now_ms,
            now_ms + delay * 1000,
            now_ms + queue.retention_seconds * 1000,
            receipt,
            message.is_wire,
            json.dumps(message.extras) if message.extras else "",
        ),
    )
    return Sent(message_id, receipt)


def copy(connection: sqlite3.Connection, name: str, body: bytes, published_bytes: int, now_ms: int) -> None:
    """Put a topic's message into a queue that subscribes to it. Raises NotFound, InvalidRequest.

    What was published must fit into the queue; what a notification adds around it is not held against it.
    """
    queue = require(connection, name)
    check_size(queue, published_bytes)
    # A notification is text as it is: whoever wants it in base64 publishes it so.
    insert(connection, queue, NewMessage(body, is_wire=True), message_id=new_id(), now_ms=now_ms)


def settle(connection: sqlite3.Connection, seq: int) -> bool:
    """Note that the outcome of invocation ``seq`` is delivered; False when it had been, or is gone."""
    cursor = connection.execute(
        "UPDATE messages SET is_delivered = 1 WHERE seq = ? AND is_delivered = 0", (seq,)
    )
    return bool(cursor.rowcount)


def visible(
    connection: sqlite3.Connection, name: str, now_ms: int, limit: int
) -> list[tuple[int, QueueMessage]]:
    """The next messages that can be received, as a peeker sees them, each with its number."""
    rows = connection.execute(
        "SELECT seq, message_id, body, priority, sent_ms, first_dequeue_ms, dequeue_count, is_wire, extras"
        " FROM mns_messages WHERE queue = ? AND visible_ms <= ? AND expires_ms > ?"
        " ORDER BY priority, seq LIMIT ?",
        (name, now_ms, now_ms, limit),
    )
    return [
        (
            seq,
            QueueMessage(
                message_id,
                body,
                priority,
                sent_ms,
                first_ms or sent_ms,  # mns section 9.4
                count,
                is_wire=bool(is_wire),
                extras=json.loads(extras) if extras else {},
            ),
        )
        for seq, message_id, body, priority, sent_ms, first_ms, count, is_wire, extras in rows
    ]


def is_any_visible(connection: sqlite3.Connection, name: str, now_ms: int) -> bool:
    """Whether there is a message to receive."""
    row = connection.execute(
        "SELECT 1 FROM mns_messages WHERE queue = ? AND visible_ms <= ? AND expires_ms > ? LIMIT 1",
        (name, now_ms, now_ms),
    ).fetchone()
    return row is not None


def take(connection: sqlite3.Connection, name: str, now_ms: int, limit: int) -> list[QueueMessage]:
    """Receive messages: hide each until its visibility time is over, and give a receipt. Raises NotFound."""
    queue = require(connection, name)
    connection.execute("DELETE FROM mns_messages WHERE queue = ? AND expires_ms <= ?", (name, now_ms))
    next_ms = now_ms + queue.visibility_seconds * 1000
    taken = []
    for seq, found in visible(connection, name, now_ms, limit):
        count = found.dequeue_count + 1
        message = replace(
            found,
            first_dequeue_ms=found.first_dequeue_ms if found.dequeue_count else now_ms,
            dequeue_count=count,
            receipt=new_receipt(count),
            next_visible_ms=next_ms,
        )
        connection.execute(
            "UPDATE mns_messages SET visible_ms = ?, first_dequeue_ms = ?, dequeue_count = ?,"
            " receipt = ? WHERE seq = ?",
            (next_ms, message.first_dequeue_ms, count, message.receipt, seq),
        )
        taken.append(message)
    return taken


def delete(connection: sqlite3.Connection, name: str, receipt: str, now_ms: int) -> None:
    """Delete the message that a receipt is good for. Raises NotFound."""
    gone = connection.execute(
        f"DELETE FROM mns_messages {_HELD}",  # noqa: S608 - a constant
        (name, receipt, now_ms, now_ms),
    ).rowcount
    if not gone:
        raise _lapsed()


def hide(connection: sqlite3.Connection, name: str, receipt: str, now_ms: int, until_ms: int) -> str:
    """Hide the message that a receipt is good for until another time; its new receipt. Raises NotFound."""
    held = (name, receipt, now_ms, now_ms)
    row = connection.execute(f"SELECT dequeue_count FROM mns_messages {_HELD}", held).fetchone()  # noqa: S608
    if row is None:
        raise _lapsed()
    new = new_receipt(row[0])
    connection.execute(
        f"UPDATE mns_messages SET visible_ms = ?, receipt = ? {_HELD}",  # noqa: S608 - a constant
        (until_ms, new, *held),
    )
    return new


def _lapsed() -> NotFound:
    return NotFound(
        "MessageNotExist",
        "the receipt handle was used already or has lapsed",
        hint="Receive the message again; give the queue a longer VisibilityTimeout if that happens often.",
    )


def next_visible_ms(connection: sqlite3.Connection, name: str, now_ms: int) -> int | None:
    """When the next message will be visible that is not yet."""
    found = connection.execute(
        "SELECT min(visible_ms) FROM mns_messages WHERE queue = ? AND visible_ms > ?", (name, now_ms)
    ).fetchone()[0]
    return None if found is None else int(found)
