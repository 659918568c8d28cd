"""MNS queues and topics as a test sees them."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fun_local.cli.client import Client
from fun_local.model.resources import MAX_BATCH, MAX_WAIT_SECONDS
from fun_local.testing.failures import NotInTime
from fun_local.testing.values import from_bytes, to_bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was received or looked at. ``receipt`` is empty of one that was only looked at."""

    id: str
    body: bytes
    dequeue_count: int
    receipt: str = ""

    @property
    def value(self) -> Any:
        """What JSON says in the body (of an outcome: the vendor's envelope); else its text, or its bytes."""
        return from_bytes(self.body)


class Queue:
    """A queue, there or still to be created."""

    def __init__(self, client: Client, name: str) -> None:
        self.name = name
        self._client = client

    def create(self, **attributes: int) -> Queue:
        """Create it, unless it is there; this same queue. Attributes as in ``visibility_seconds=30``."""
        self._call("create", attributes={"name": self.name, **attributes})
        return self

    def send(self, body: object, *, delay_seconds: int | None = None, priority: int = 8) -> str:
        """Send a message: bytes, text, or anything JSON can say. Its id."""
        encoded = base64.b64encode(to_bytes(body)).decode()
        sent = self._call(
            "send", name=self.name, body=encoded, delay_seconds=delay_seconds, priority=priority
        )
        return str(sent["messageId"])

    def receive(self, *, timeout: float = 30.0, delete: bool = True) -> Message:
        """The next message, as soon as there is one; without ``delete`` it comes again after a while.

        Raises:
            NotInTime: none came.
        """
        __tracebackhide__ = True
        deadline = time.monotonic() + timeout
        while True:
            # One long poll of the daemon's is limited as MNS's are.
            left = max(0, min(MAX_WAIT_SECONDS, round(deadline - time.monotonic() + 0.5)))
            found = self._call("receive", name=self.name, limit=1, wait_seconds=left)["messages"]
            if found:
                message = _message(found[0])
                if delete:
                    self.delete(message)
                return message
            if time.monotonic() >= deadline:
                raise NotInTime(f"no message came to queue {self.name} in {timeout:g} s")

    def peek(self, limit: int = MAX_BATCH) -> list[Message]:
        """The next messages; they stay where they are."""
        return [_message(found) for found in self._call("peek", name=self.name, limit=limit)["messages"]]

    def delete(self, message: Message) -> None:
        """Delete a message that was received."""
        self._call("delete-message", name=self.name, receipt=message.receipt)

    def purge(self) -> int:
        """Delete all messages; how many there were."""
        return int(self._call("purge", name=self.name)["deleted"])

    @property
    def depth(self) -> int:
        """How many messages are in it: ready, delayed, and received but not deleted."""
        info = self.info
        return int(info["activeMessages"] + info["inactiveMessages"] + info["delayMessages"])

    @property
    def info(self) -> Mapping[str, Any]:
        """Its attributes, in MNS's names."""
        return self._call("info", name=self.name)

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._client.call(f"queue-{operation}", **arguments)

    def __repr__(self) -> str:
        return f"<Queue {self.name}>"


class Topic:
    """A topic, there or still to be created."""

    def __init__(self, client: Client, name: str) -> None:
        self.name = name
        self._client = client

    def create(self) -> Topic:
        """Create it, unless it is there; this same topic."""
        self._call("create", attributes={"name": self.name})
        return self

    def publish(self, body: object, *, tag: str = "") -> str:
        """Publish a message to all who subscribe; its id."""
        encoded = base64.b64encode(to_bytes(body)).decode()
        return str(self._call("publish", name=self.name, body=encoded, tag=tag)["messageId"])

    def subscribe(
        self, name: str, *, queue: str = "", endpoint: str = "", tag: str = "", format: str = "SIMPLIFIED"
    ) -> None:
        """Have a queue (or the web server at ``endpoint``) get what is published, or only what has a tag."""
        if bool(queue) == bool(endpoint):
            raise ValueError("give queue or endpoint")
        attributes = {
            "topic": self.name,
            "name": name,
            "endpoint": endpoint or f"acs:mns:::queues/{queue}",
            "format": format,
            "filter_tag": tag,
        }
        self._call("subscribe", attributes=attributes)

    @property
    def subscriptions(self) -> list[str]:
        """The names of those who subscribe."""
        found = self._call("subscriptions", topic=self.name)["subscriptions"]
        return [subscription["subscriptionName"] for subscription in found]

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._client.call(f"topic-{operation}", **arguments)

    def __repr__(self) -> str:
        return f"<Topic {self.name}>"


def _message(found: Mapping[str, Any]) -> Message:
    whole = found.get("messageBodyBase64")
    return Message(
        found["messageId"],
        base64.b64decode(whole) if whole else found["messageBody"].encode(),
        found["dequeueCount"],
        found.get("receiptHandle", ""),
    )
