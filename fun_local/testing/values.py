"""Events and results as tests write and read them: JSON where it is JSON, text where it is text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


def to_bytes(event: object) -> bytes:
    """An event as it is sent: bytes as they are, text in UTF-8, anything else as JSON; None is empty."""
    if isinstance(event, bytes):
        return event
    if event is None:
        return b""
    return (event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)).encode()


def from_bytes(data: bytes) -> Any:
    """What JSON says; of what is no JSON the text; of what is no text the bytes."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    try:
        return json.loads(text)
    except ValueError:
        return text


@dataclass(frozen=True, slots=True)
class Answer:
    """What a synchronous call came to. ``error_type`` is empty unless the function failed."""

    body: bytes
    request_id: str
    error_type: str
    duration_ms: int
    memory_mb: float
    log: str

    @property
    def value(self) -> Any:
        """What JSON says in the body; of what is no JSON the text; of what is no text the bytes."""
        return from_bytes(self.body)
