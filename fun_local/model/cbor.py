"""Plain data in CBOR (RFC 8949), as far as events need it: whole numbers, text, bytes, lists and maps."""

from __future__ import annotations

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP = range(6)


def encode(value: object) -> bytes:
    """``value`` in CBOR, the shortest form. Raises TypeError for what the formats of events do not have."""
    for simple, code in ((False, b"\xf4"), (True, b"\xf5"), (None, b"\xf6")):
        if value is simple:
            return code
    if isinstance(value, int):
        return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
    if isinstance(value, (bytes, str)):
        data = value if isinstance(value, bytes) else value.encode()
        return _head(_BYTES if data is value else _TEXT, len(data)) + data
    if isinstance(value, (list, tuple)):
        return _head(_LIST, len(value)) + b"".join(encode(item) for item in value)
    if isinstance(value, dict):
        pairs = b"".join(encode(key) + encode(item) for key, item in value.items())
        return _head(_MAP, len(value)) + pairs
    raise TypeError(f"{type(value).__name__} can't be written in CBOR")


def _head(kind: int, number: int) -> bytes:
    """A kind and its number: a value, or a length."""
    if number < 24:
        return bytes([kind << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([kind << 5 | code]) + number.to_bytes(size, "big")
    raise TypeError(f"{number} is too large for CBOR")
