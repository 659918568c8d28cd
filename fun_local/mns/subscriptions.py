"""Topics and their subscriptions, as SQL: who is there, and what those who are not are called."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict

from fun_local.errors import NotFound
from fun_local.model.resources import Subscription, Topic, fields_of


def find_topic(connection: sqlite3.Connection, name: str) -> Topic | None:
    """A topic's attributes, or None when there is no such topic."""
    row = connection.execute("SELECT attributes FROM mns_topics WHERE name = ?", (name,)).fetchone()
    return Topic(**fields_of(Topic, json.loads(row[0]))) if row else None


def require_topic(connection: sqlite3.Connection, name: str) -> Topic:
    """A topic's attributes. Raises NotFound."""
    topic = find_topic(connection, name)
    if topic is None:
        raise NotFound(
            "TopicNotExist",
            f"topic '{name}' does not exist",
            hint=f"Create it with: fun mns topic create {name}",
        )
    return topic


def find(connection: sqlite3.Connection, topic: str, name: str) -> Subscription | None:
    """A subscription, or None when there is no such one."""
    row = connection.execute(
        "SELECT attributes FROM mns_subscriptions WHERE topic = ? AND name = ?", (topic, name)
    ).fetchone()
    return _read(row[0]) if row else None


def require(connection: sqlite3.Connection, topic: str, name: str) -> Subscription:
    """A subscription. Raises NotFound, of the topic if that is what is missing."""
    require_topic(connection, topic)
    found = find(connection, topic, name)
    if found is None:
        raise NotFound(
            "SubscriptionNotExist",
            f"topic '{topic}' has no subscription '{name}'",
            hint=f"See those it has with: fun mns topic subscriptions {topic}",
        )
    return found


def all_of(connection: sqlite3.Connection, topic: str) -> list[Subscription]:
    """The subscriptions of a topic, by name."""
    rows = connection.execute(
        "SELECT attributes FROM mns_subscriptions WHERE topic = ? ORDER BY name", (topic,)
    )
    return [_read(row[0]) for row in rows]


def count(connection: sqlite3.Connection, topic: str) -> int:
    """How many subscriptions a topic has."""
    row = connection.execute("SELECT count(*) FROM mns_subscriptions WHERE topic = ?", (topic,)).fetchone()
    return int(row[0])


def text(resource: Topic | Subscription) -> str:
    """How a topic or a subscription is stored."""
    return json.dumps(asdict(resource))


def _read(attributes: str) -> Subscription:
    return Subscription(**fields_of(Subscription, json.loads(attributes)))
