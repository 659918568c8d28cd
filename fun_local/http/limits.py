"""How much and how long a client may take: bodies, connections, patience. Numbers, and what follows. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fun_local.accept import MAX_SYNC_PAYLOAD
from fun_local.http.refusals import Family, Refused

#: An archive of 100 MB in base64 and what stands around it (fc-api 17).
_CODE_BYTES = 140 * 1024 * 1024

#: An object of OSS: code may have so many bytes there (fc-api 17).
_OBJECT_BYTES = 500 * 1024 * 1024

#: A template of ROS has 512 KB (ROS documentation: CreateStack), of which every byte may be written as three.
_FORM_BYTES = 2 * 1024 * 1024

#: A batch of messages holds 64 KB, of which every character may be written as five (mns 6).
_OTHER_BYTES = 1024 * 1024

_INVOCATION = re.compile(r"/[^/]+/(proxy/.*|.*/invocations/?)")
_CODE = re.compile(r"/[^/]+/(services/[^/]+/)?(functions(/[^/]+)?|layers/[^/]+/versions)/?")


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds."""

    connections: int = 500
    #: Of a line of the request's head. A head has at most 128 of them.
    head_line_bytes: int = 8190
    #: From the opening of a connection to the end of the first request's head.
    head_seconds: float = 20.0
    #: From an answer to the end of the next request's head. Clients reuse a connection for a minute (mns 16).
    idle_seconds: float = 75.0
    #: For a body, beyond what its size takes at ``bytes_per_second``.
    body_seconds: float = 30.0
    bytes_per_second: int = 1024 * 1024
    #: How long an answer may find nobody who reads it.
    unread_seconds: float = 60.0
    #: How long what was sent too much is still taken, so that its sender gets to read why.
    lingering_seconds: float = 5.0


def body_limit(family: Family, path: str) -> int:
    """How many bytes the body of a request may have."""
    whole = {Family.MNS: _OTHER_BYTES, Family.OSS: _OBJECT_BYTES, Family.POP: _FORM_BYTES}
    if family in whole:
        return whole[family]
    if _INVOCATION.fullmatch(path):
        return MAX_SYNC_PAYLOAD
    return _CODE_BYTES if _CODE.fullmatch(path) else _OTHER_BYTES


def body_time(limits: Limits, size: int) -> float:
    """The seconds that a body of so many bytes may take."""
    return limits.body_seconds + size / limits.bytes_per_second


def too_large(family: Family, limit: int) -> Refused:
    """The vendor's words for a body over the limit (fc-api 16.2, mns 5; OSS has FC's)."""
    code = "InvalidArgument" if family is Family.MNS else "EntityTooLarge"
    return Refused(400, code, f"payload size exceeds maximum allowed size ({limit} bytes)")
