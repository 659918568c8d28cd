"""Values that are none, and how values from a template are looked at."""

from __future__ import annotations

from enum import Enum
from typing import Any


class Marker(Enum):
    """``NO_VALUE`` drops a property (ROS documentation: ALIYUN::NoValue); ``INVALID`` had a problem."""

    NO_VALUE = "ALIYUN::NoValue"
    INVALID = "(invalid)"

    def __repr__(self) -> str:
        return self.value


NO_VALUE, INVALID = Marker.NO_VALUE, Marker.INVALID


def is_invalid(value: Any) -> bool:
    """Whether INVALID stands anywhere in ``value``."""
    if isinstance(value, dict):
        return any(is_invalid(item) for item in value.values())
    if isinstance(value, list):
        return any(is_invalid(item) for item in value)
    return value is INVALID


def function_name(value: Any) -> str:
    """The function that a value calls: it is a mapping with that one key. Empty for other values."""
    if isinstance(value, dict) and len(value) == 1:
        (key,) = value
        if key == "Ref" or key.startswith("Fn::"):
            return str(key)
    return ""


def size_of(value: Any) -> int:
    """How many values it holds, 16 characters of text counting as one."""
    if isinstance(value, dict):
        return 1 + sum(size_of(item) for item in value.values())
    if isinstance(value, list):
        return 1 + sum(size_of(item) for item in value)
    return 1 + len(value) // 16 if isinstance(value, str) else 1
