"""Requests read: JSON objects, numbers in queries. What does not fit is an InvalidArgument that names it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from fun_local.errors import InvalidRequest

_KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


def invalid(message: str, *, hint: str = "") -> InvalidRequest:
    """The vendor's error for all that a request says wrong."""
    return InvalidRequest("InvalidArgument", message, hint=hint)


class Body:
    """A JSON object: its keys count whatever their case, and null as if it was not there (fc-api 3.1)."""

    def __init__(self, values: Mapping[str, Any], *, of: str = "") -> None:
        self._of = f"{of}." if of else ""
        self._values = {key.lower(): (key, value) for key, value in values.items() if value is not None}

    @classmethod
    def parse(cls, data: bytes) -> Body:
        """Raises InvalidRequest unless it is a JSON object; nothing at all counts as an empty one."""
        try:
            values = orjson.loads(data or b"{}")
        except ValueError as error:
            raise invalid(f"the body is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise invalid("the body must be a JSON object")
        return cls(values)

    def get(self, name: str, kind: type) -> Any:
        """A value of this kind, or None where there is none."""
        _, value = self._values.get(name.lower(), ("", None))
        kinds: type | tuple[type, ...] = (int, float) if kind is float else kind
        # In Python, true is a number.
        is_flag = isinstance(value, bool) and kind is not bool
        if value is not None and (is_flag or not isinstance(value, kinds)):
            raise invalid(f"{self._of}{name} must be {_KINDS[kind]}")
        return value

    def text(self, name: str, default: str = "", *, most: int = 1024) -> str:
        value: str | None = self.get(name, str)
        if value is None:
            return default
        if len(value) > most:
            raise invalid(f"{self._of}{name} has {len(value)} characters, more than {most}")
        return value

    def required(self, name: str, *, most: int = 1024) -> str:
        """Text that must be there. Raises InvalidRequest."""
        value = self.text(name, most=most)
        if not value:
            raise invalid(f"{self._of}{name} is missing or empty")
        return value

    def whole(self, name: str, default: int, low: int, high: int, *, multiple_of: int = 1) -> int:
        value: int | None = self.get(name, int)
        if value is None:
            return default
        if not low <= value <= high or value % multiple_of:
            bounds = f"from {low} to {high}" + (f", a multiple of {multiple_of}" if multiple_of > 1 else "")
            raise invalid(f"{self._of}{name} is {value} and must be {bounds}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value: bool | None = self.get(name, bool)
        return default if value is None else value

    def is_text(self, name: str) -> bool:
        return isinstance(self._values.get(name.lower(), ("", None))[1], str)

    def object(self, name: str) -> Body | None:
        """An object in it, to be read likewise."""
        value = self.get(name, dict)
        return None if value is None else Body(value, of=f"{self._of}{name}")

    def plain(self, name: str) -> dict[str, Any] | None:
        """An object in it, as it came."""
        value: dict[str, Any] | None = self.get(name, dict)
        return value

    def texts(self, name: str) -> dict[str, str] | None:
        """An object that holds text only."""
        values: dict[str, str] | None = self.get(name, dict)
        for key, value in (values or {}).items():
            if not isinstance(value, str):
                raise invalid(f"{self._of}{name}.{key} must be text")
        return values

    def list_of_texts(self, name: str) -> tuple[str, ...]:
        """A list that holds text only; empty where there is none."""
        values = self.get(name, list) or []
        if not all(isinstance(value, str) for value in values):
            raise invalid(f"{self._of}{name} must be a list of texts")
        return tuple(values)

    def rest(self, read: Collection[str], kept: Mapping[str, type] | None = None) -> dict[str, Any]:
        """All but the fields in ``read``, as they came. ``kept``: how some are spelled, and their kinds.

        What is in those of them that are objects is spelled as the vendor answers it, too.
        """
        taken = {name.lower() for name in read}
        spelled = {name.lower(): name for name in kept or {}}
        rest: dict[str, Any] = {}
        for lower, (key, value) in self._values.items():
            if lower in taken:
                continue
            if name := spelled.get(lower):
                self.get(name, (kept or {})[name])
                rest[name] = _small(value) if isinstance(value, dict) else value
            else:
                rest[key] = value
        return rest


def _small(value: Any) -> Any:
    """With small first letters in all names: Funcraft sends VpcId and, of what comes back, reads vpcId."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _small(inner) for key, inner in value.items()}
    return [_small(inner) for inner in value] if isinstance(value, list) else value


def from_base64(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"{name} is not base64") from None


def whole(text: str, name: str, low: int, high: int) -> int:
    """A number in a query or header. Raises InvalidRequest."""
    is_number = text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20
    if not is_number or not low <= int(text) <= high:
        raise invalid(f"{name} is {text[:40]!r} and must be a whole number from {low} to {high}")
    return int(text)


def flag(text: str, name: str) -> bool:
    """True or false in a query or header, as Python's clients write it too (fc-api 3.1)."""
    if text.lower() not in ("true", "false"):
        raise invalid(f"{name} is {text[:40]!r} and must be true or false")
    return text.lower() == "true"


def choice(text: str, name: str, allowed: Collection[str]) -> str:
    """One of a few words, whatever its case, as it is spelled in ``allowed``."""
    for word in allowed:
        if word.lower() == text.lower():
            return word
    # Words of fc-api 11.1.
    listed = " | ".join(allowed)
    raise invalid(f"{name} is set to an invalid value (allowed: {listed}, actual: '{text[:40]}')")
