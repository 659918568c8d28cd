"""MNS topics: subscriptions, and publishing to them (mns sections 13 and 14). Kept in the home's database.

One transaction says that a message is published: it holds the copy in every subscribed queue, what is owed
over HTTP, and what the triggers of functions put in. Making the pushes is another module's business.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fun_local.errors import Conflict
from fun_local.mns import messages, pending, subscriptions
from fun_local.mns.message import new_id
from fun_local.mns.pushes import Client, Pushes
from fun_local.mns.spread import spread
from fun_local.mns.subscribing import Subscribing
from fun_local.mns.waiting import Write
from fun_local.model import topics as model
from fun_local.model.resources import Topic
from fun_local.model.topics import TopicMessage
from fun_local.ports import Clock

#: Given a message that is about to be published, what else its transaction writes. Called on the loop; what
#: it returns runs on the thread that writes, and may look at nothing but the tables.
OnPublish = Callable[[TopicMessage], Sequence[Callable[[sqlite3.Connection], object]]]


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """A topic's attributes, how many messages are still owed to somebody, and how many subscribe."""

    topic: Topic
    created_ms: int
    modified_ms: int
    messages: int
    subscriptions: int


class Topics(Subscribing):
    """All topics of a home. Reads at once, writes in groups."""

    def __init__(
        self,
        reader: sqlite3.Connection,
        write: Write,
        clock: Clock,
        *,
        account_id: str,
        arrived: Callable[[str], None],
    ) -> None:
        super().__init__(reader, write, clock)
        self.account_id = account_id
        self._arrived = arrived
        self._owed: Callable[[], None] = _nothing
        self._on_publish: OnPublish = _nobody
        self._published: Callable[[], None] = _nothing

    def connect(self, on_publish: OnPublish, *, published: Callable[[], None]) -> None:
        """Let functions with a trigger take part; ``published`` is called when their part is committed."""
        self._on_publish = on_publish
        self._published = published

    def pushes(self, client: Client) -> Pushes:
        """What makes the pushes of these topics; to be started, and closed at the end."""
        pushes = Pushes(
            self._reader,
            self._write,
            self._clock,
            client,
            account_id=self.account_id,
            arrived=self._arrived,
        )
        self._owed = pushes.look
        return pushes

    # --- topics

    async def create(self, topic: Topic) -> bool:
        """Create a topic; False when it is there already, alike.

        Raises:
            InvalidRequest: the name or an attribute is not valid.
            Conflict: it is there with other attributes.
        """
        model.check_topic(topic)
        now_ms = self._clock.now_ms()

        def create(connection: sqlite3.Connection) -> bool:
            if old := subscriptions.find_topic(connection, topic.name):
                if old == topic:
                    return False
                raise Conflict(
                    "TopicAlreadyExist",
                    f"topic '{topic.name}' exists with other attributes",
                    hint=f"See them with: fun mns topic info {topic.name}",
                )
            row = (topic.name, subscriptions.text(topic), now_ms, now_ms)
            connection.execute("INSERT INTO mns_topics VALUES (?, ?, ?, ?)", row)
            return True

        return bool(await self._write(create))

    async def set_attributes(self, topic: Topic) -> None:
        """Replace a topic's attributes; its subscriptions stay. Raises NotFound, InvalidRequest."""
        await self._update(topic.name, lambda _: topic)

    async def alter(self, name: str, changed: Mapping[str, Any]) -> None:
        """Change some of a topic's attributes, by their fields. Raises NotFound, InvalidRequest."""
        await self._update(name, lambda topic: replace(topic, **changed))

    async def _update(self, name: str, make: Callable[[Topic], Topic]) -> None:
        now_ms = self._clock.now_ms()

        def update(connection: sqlite3.Connection) -> None:
            topic = make(subscriptions.require_topic(connection, name))
            model.check_topic(topic)
            connection.execute(
                "UPDATE mns_topics SET attributes = ?, modified_ms = ? WHERE name = ?",
                (subscriptions.text(topic), now_ms, name),
            )

        await self._write(update)

    def find(self, name: str) -> Topic | None:
        """A topic's attributes, or None when there is no such topic."""
        return subscriptions.find_topic(self._reader, name)

    def names(self) -> list[str]:
        return [row[0] for row in self._reader.execute("SELECT name FROM mns_topics ORDER BY name")]

    def info(self, name: str) -> TopicInfo:
        """Attributes and counts. Raises NotFound."""
        topic = subscriptions.require_topic(self._reader, name)
        created_ms, modified_ms = self._reader.execute(
            "SELECT created_ms, modified_ms FROM mns_topics WHERE name = ?", (name,)
        ).fetchone()
        owed = pending.count(self._reader, name)
        return TopicInfo(topic, created_ms, modified_ms, owed, subscriptions.count(self._reader, name))

    async def delete(self, name: str) -> None:
        """Delete a topic, its subscriptions and what they are owed. Raises NotFound."""

        def delete(connection: sqlite3.Connection) -> None:
            subscriptions.require_topic(connection, name)
            for table in ("mns_pushes", "mns_topic_messages", "mns_subscriptions"):
                connection.execute(f"DELETE FROM {table} WHERE topic = ?", (name,))  # noqa: S608
            connection.execute("DELETE FROM mns_topics WHERE name = ?", (name,))

        await self._write(delete)

    # --- messages

    async def publish(self, name: str, body: bytes, *, tag: str = "", settles: int | None = None) -> str:
        """Publish a message to whoever subscribes; its id.

        With ``settles``, the invocation of that seq is marked as delivered in the same transaction, so
        that it is published once whatever crashes; a second delivery of it does nothing.

        Raises:
            NotFound: no such topic.
            InvalidRequest: empty, too large, no text, or a tag that is not valid.
        """
        message = TopicMessage(name, new_id(), body, tag, self._clock.now_ms())
        draw = random.random()  # noqa: S311 - when to try again is no secret
        also = self._on_publish(message)

        def publish(connection: sqlite3.Connection) -> list[str] | None:
            model.check_message(subscriptions.require_topic(connection, name), body, tag)
            if settles is not None and not messages.settle(connection, settles):
                return None
            reached = spread(connection, message, self.account_id, draw)
            for write in also:
                write(connection)
            return reached

        reached = await self._write(publish)
        if reached is not None:
            for queue in reached:
                self._arrived(queue)
            self._owed()
            if also:
                self._published()
        return message.message_id


def _nothing() -> None:
    """Nobody waits for it."""


def _nobody(_: TopicMessage) -> Sequence[Callable[[sqlite3.Connection], object]]:
    """No function has a trigger."""
    return ()
