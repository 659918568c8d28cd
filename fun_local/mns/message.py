"""What a message of a queue is: as it is sent, and as a receiver sees it (mns sections 9 to 11)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from fun_local.errors import InvalidRequest
from fun_local.mns.attributes import MAX_DELAY
from fun_local.mns.encoding import on_the_wire, readable
from fun_local.model.resources import Queue

#: mns section 9.1: 1 is the highest of 16.
DEFAULT_PRIORITY = 8

#: What a message has beyond its body: its group, its properties (mns section 9.1). Kept and given back.
Extras = Mapping[str, object]

_RECEIPT = re.compile("[0-9]{1,20}-[0-9]{1,20}-[0-9a-f]{1,64}")


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be sent. ``is_wire``: its body came over the wire, and goes back as it is."""

    body: bytes
    priority: int = DEFAULT_PRIORITY
    delay_seconds: int | None = None
    is_wire: bool = False
    extras: Extras = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was sent; with a receipt while it is delayed (mns section 9.1)."""

    message_id: str
    receipt: str = ""


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
    is_wire: bool = False
    extras: Extras = field(default_factory=dict)

    @property
    def wire_text(self) -> str:
        """The body that a client receives."""
        return on_the_wire(self.body, is_wire=self.is_wire)

    @property
    def readable(self) -> bytes:
        """The body for people."""
        return readable(self.body, is_wire=self.is_wire)


def new_id() -> str:
    """A message id: nobody reads anything into it (mns section 11)."""
    return secrets.token_hex(16).upper()


def new_receipt(count: int) -> str:
    """A receipt of the ``count``-th receive. It goes into addresses as it is (mns section 11)."""
    return f"1-{count}-{secrets.token_hex(12)}"


def check_receipt(receipt: str) -> None:
    """Raise InvalidRequest unless that can be a receipt."""
    if not _RECEIPT.fullmatch(receipt):
        raise InvalidRequest(
            "ReceiptHandleError",
            f"{receipt[:100]!r} is not a receipt handle",
            hint="Give the one that came with the message.",
        )


def check(message: NewMessage) -> None:
    """Raise InvalidRequest unless there may be such a message."""
    if not message.body:
        raise InvalidRequest("InvalidArgument", "a message body can't be empty")
    delay = message.delay_seconds
    if delay is not None and not 0 <= delay <= MAX_DELAY:
        raise InvalidRequest("InvalidArgument", f"DelaySeconds must be 0 to {MAX_DELAY}, not {delay}")
    if not 1 <= message.priority <= 16:
        raise InvalidRequest("InvalidArgument", f"Priority must be 1 to 16, not {message.priority}")


def check_size(queue: Queue, size: int) -> None:
    """Raise InvalidRequest unless the queue takes a message of so many bytes."""
    if size > queue.max_message_bytes:
        raise InvalidRequest(
            "InvalidArgument",
            f"message of {size} bytes is over the {queue.max_message_bytes} that queue '{queue.name}' takes",
        )
