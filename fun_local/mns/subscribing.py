"""Subscribing to topics (mns section 13)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace

from fun_local.errors import Conflict, InvalidRequest
from fun_local.mns import pending, subscriptions
from fun_local.mns.waiting import Write
from fun_local.model import topics as model
from fun_local.model.resources import Subscription
from fun_local.ports import Clock


@dataclass(frozen=True, slots=True)
class SubscriptionInfo:
    """A subscription and when it was made."""

    subscription: Subscription
    created_ms: int
    modified_ms: int


class Subscribing:
    """The subscriptions of all topics of a home."""

    def __init__(self, reader: sqlite3.Connection, write: Write, clock: Clock) -> None:
        self._reader = reader
        self._write = write
        self._clock = clock

    async def subscribe(self, subscription: Subscription) -> bool:
        """Subscribe to a topic; False when that has been done already, alike.

        Raises:
            NotFound: no such topic.
            InvalidRequest: the name, endpoint or an attribute is not valid, or the topic has too many.
            Conflict: the topic has another subscription of that name.
        """
        model.check_subscription(subscription)
        topic, name = subscription.topic, subscription.name
        now_ms = self._clock.now_ms()

        def subscribe(connection: sqlite3.Connection) -> bool:
            subscriptions.require_topic(connection, topic)
            if old := subscriptions.find(connection, topic, name):
                if old == subscription:
                    return False
                raise Conflict(
                    "SubscriptionAlreadyExist",
                    f"topic '{topic}' has another subscription '{name}'",
                    hint=f"See it with: fun mns topic subscriptions {topic}",
                )
            if subscriptions.count(connection, topic) >= model.MAX_SUBSCRIPTIONS:
                raise InvalidRequest(
                    "InvalidArgument",
                    f"topic '{topic}' has {model.MAX_SUBSCRIPTIONS} subscriptions, the most it can have",
                    hint=f"End one with: fun mns topic unsubscribe {topic} NAME",
                )
            row = (topic, name, subscriptions.text(subscription), now_ms, now_ms)
            connection.execute("INSERT INTO mns_subscriptions VALUES (?, ?, ?, ?, ?)", row)
            return True

        return bool(await self._write(subscribe))

    async def set_subscription(self, subscription: Subscription) -> None:
        """Replace a subscription's attributes; what it is owed stays. Raises NotFound, InvalidRequest."""
        await self._update_subscription(subscription.topic, subscription.name, lambda _: subscription)

    async def set_strategy(self, topic: str, name: str, strategy: str) -> None:
        """Change how a subscription's pushes are retried: all that MNS lets callers change (mns section 13).

        Raises NotFound, InvalidRequest.
        """
        await self._update_subscription(topic, name, lambda old: replace(old, strategy=strategy))

    async def _update_subscription(
        self, topic: str, name: str, make: Callable[[Subscription], Subscription]
    ) -> None:
        now_ms = self._clock.now_ms()

        def update(connection: sqlite3.Connection) -> None:
            subscription = make(subscriptions.require(connection, topic, name))
            model.check_subscription(subscription)
            connection.execute(
                "UPDATE mns_subscriptions SET attributes = ?, modified_ms = ? WHERE topic = ? AND name = ?",
                (subscriptions.text(subscription), now_ms, topic, name),
            )

        await self._write(update)

    def subscription(self, topic: str, name: str) -> SubscriptionInfo:
        """One subscription. Raises NotFound."""
        subscription = subscriptions.require(self._reader, topic, name)
        times = self._reader.execute(
            "SELECT created_ms, modified_ms FROM mns_subscriptions WHERE topic = ? AND name = ?",
            (topic, name),
        ).fetchone()
        return SubscriptionInfo(subscription, *times)

    def subscriptions(self, topic: str) -> list[SubscriptionInfo]:
        """All subscriptions of a topic, by name. Raises NotFound."""
        subscriptions.require_topic(self._reader, topic)
        found = subscriptions.all_of(self._reader, topic)
        return [self.subscription(topic, one.name) for one in found]

    async def unsubscribe(self, topic: str, name: str) -> None:
        """End a subscription; what it is owed is dropped. Raises NotFound."""

        def unsubscribe(connection: sqlite3.Connection) -> None:
            subscriptions.require(connection, topic, name)
            connection.execute("DELETE FROM mns_subscriptions WHERE topic = ? AND name = ?", (topic, name))
            pending.remove_all(connection, topic, name)

        await self._write(unsubscribe)
