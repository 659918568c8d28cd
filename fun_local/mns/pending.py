"""Pushes that are owed to subscribers, as SQL. A row goes when its push is made or given up: last of all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from fun_local.mns import subscriptions
from fun_local.model.resources import Subscription
from fun_local.model.topics import TopicMessage


@dataclass(frozen=True, slots=True)
class Push:
    """One message owed to one subscriber, as it has subscribed by now."""

    seq: int
    message: TopicMessage
    subscription: Subscription
    tries: int


def insert(
    connection: sqlite3.Connection, message: TopicMessage, owed: Iterable[tuple[str, int, int]]
) -> None:
    """Owe a message to subscriptions: (name, when it is due, tries that have failed) of each."""
    seq = connection.execute(
        "INSERT INTO mns_topic_messages (topic, message_id, body, tag, published_ms) VALUES (?, ?, ?, ?, ?)",
        (message.topic, message.message_id, message.body, message.tag, message.published_ms),
    ).lastrowid
    connection.executemany(
        "INSERT INTO mns_pushes (message, topic, subscription, due_ms, tries) VALUES (?, ?, ?, ?, ?)",
        [(seq, message.topic, name, due_ms, tries) for name, due_ms, tries in owed],
    )


def find(connection: sqlite3.Connection, seq: int) -> Push | None:
    """One push; None when it is not owed any more."""
    row = connection.execute(
        "SELECT m.topic, m.message_id, m.body, m.tag, m.published_ms, p.subscription, p.tries"
        " FROM mns_pushes p JOIN mns_topic_messages m ON m.seq = p.message WHERE p.seq = ?",
        (seq,),
    ).fetchone()
    subscription = subscriptions.find(connection, row[0], row[5]) if row else None
    return Push(seq, TopicMessage(*row[:5]), subscription, row[6]) if subscription else None


def subscriptions_due(connection: sqlite3.Connection, now_ms: int) -> list[tuple[str, str]]:
    """The subscriptions (topic, name) with a push that is due, the longest due first."""
    # One index probe for each, however much any of them is owed.
    rows = connection.execute(
        "SELECT topic, name, (SELECT min(due_ms) FROM mns_pushes p"
        " WHERE p.topic = s.topic AND p.subscription = s.name) AS due_ms"
        " FROM mns_subscriptions s WHERE due_ms <= ? ORDER BY due_ms",
        (now_ms,),
    )
    return [(topic, name) for topic, name, _ in rows]


def due(
    connection: sqlite3.Connection,
    subscription: tuple[str, str],
    now_ms: int,
    *,
    skip: Collection[int],
    limit: int,
) -> list[int]:
    """What one subscription is owed by now, by number, without those in ``skip``."""
    rows = connection.execute(
        "SELECT seq FROM mns_pushes WHERE topic = ? AND subscription = ? AND due_ms <= ?"
        " AND seq NOT IN (SELECT value FROM json_each(?)) ORDER BY due_ms, seq LIMIT ?",
        (*subscription, now_ms, json.dumps(list(skip)), limit),
    )
    return [row[0] for row in rows]


def next_due_ms(connection: sqlite3.Connection, after_ms: int) -> int | None:
    """When the earliest push that is not due yet will be."""
    row = connection.execute("SELECT min(due_ms) FROM mns_pushes WHERE due_ms > ?", (after_ms,)).fetchone()
    return None if row[0] is None else int(row[0])


def postpone(connection: sqlite3.Connection, push: Push, due_ms: int) -> None:
    """Note that a try has failed, and when the next one is due."""
    connection.execute(
        "UPDATE mns_pushes SET due_ms = ?, tries = ? WHERE seq = ?", (due_ms, push.tries + 1, push.seq)
    )


def remove(connection: sqlite3.Connection, seq: int) -> None:
    """Owe a push no more; its message goes with the last one."""
    rows = connection.execute("DELETE FROM mns_pushes WHERE seq = ? RETURNING message", (seq,)).fetchall()
    _forget(connection, [row[0] for row in rows])


def remove_all(connection: sqlite3.Connection, topic: str, subscription: str) -> None:
    """Owe a subscription nothing any more."""
    rows = connection.execute(
        "DELETE FROM mns_pushes WHERE topic = ? AND subscription = ? RETURNING message", (topic, subscription)
    ).fetchall()
    _forget(connection, [row[0] for row in rows])


def count(connection: sqlite3.Connection, topic: str) -> int:
    """How many messages of a topic are owed to somebody."""
    row = connection.execute("SELECT count(*) FROM mns_topic_messages WHERE topic = ?", (topic,)).fetchone()
    return int(row[0])


def _forget(connection: sqlite3.Connection, messages: Iterable[int]) -> None:
    connection.executemany(
        "DELETE FROM mns_topic_messages WHERE seq = ?1"
        " AND NOT EXISTS (SELECT 1 FROM mns_pushes WHERE message = ?1)",
        [(message,) for message in messages],
    )
