"""Frames between the daemon and an instance: two lengths, a JSON header, a raw body.

    | header length, u32 | body length, u32 | header: JSON | body: bytes as they are |

Big-endian. The payload of an invocation stays outside the JSON: inside it, its cost would be ten times
higher. python_worker.py has its own copy of this, because it runs without our package.
"""

from __future__ import annotations

import struct

#: Bytes. The vendor's limit for a synchronous payload, in both directions (runtime.md 5.10).
MAX_BODY = 32 * 1024 * 1024

#: Bytes. Our headers have less than a hundred; what says more was not written by a worker of ours.
MAX_HEADER = 64 * 1024

_PREFIX = struct.Struct(">II")
_pack_prefix = _PREFIX.pack
_unpack_prefix = _PREFIX.unpack_from


class BodyTooLarge(ValueError):
    """A frame announces a body over MAX_BODY."""


def pack(header: bytes, body: bytes = b"") -> bytes:
    """One frame."""
    return b"".join((_pack_prefix(len(header), len(body)), header, body))


def unpack(data: bytes | bytearray) -> tuple[bytes, bytes, int] | None:
    """The first frame of ``data``: header, body, and its length; None while some of it is missing.

    Raises:
        BodyTooLarge: as soon as the lengths are there, so that nobody collects such a body.
        ValueError: the header is too long to be one of ours.
    """
    if len(data) < 8:
        return None
    header_length, body_length = _unpack_prefix(data)
    if header_length > MAX_HEADER:
        raise ValueError(f"a header of {header_length} bytes")
    if body_length > MAX_BODY:
        raise BodyTooLarge(f"a body of {body_length} bytes")
    start = 8 + header_length
    end = start + body_length
    if len(data) < end:
        return None
    return bytes(data[8:start]), bytes(data[start:end]), end
