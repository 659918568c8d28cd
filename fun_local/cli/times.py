"""Times and durations as people type them."""

from __future__ import annotations

import re
import time
from datetime import datetime

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw]?)")


def parse_duration(text: str) -> float:
    """Seconds in ``90``, ``90s``, ``10m``, ``2h``, ``7d`` or ``1w``. Raises click.BadParameter."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise click.BadParameter(f"{text!r} is not a duration. Write 30s, 10m, 2h or 7d.")
    return float(match[1]) * _UNITS[match[2] or "s"]


def parse_moment(text: str) -> int:
    """Milliseconds since the epoch of an ISO time (local without a zone), or of so long ago."""
    if _DURATION.fullmatch(text.strip()) and not text.strip().isdigit():
        return int((time.time() - parse_duration(text)) * 1000)
    try:
        return int(datetime.fromisoformat(text.strip()).timestamp() * 1000)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a time. Write 2026-01-31T12:00:00, or 10m, 2h, 1d for so long ago."
        ) from None


class Duration(click.ParamType):  # type: ignore[type-arg] # not subscriptable in click 8.1
    name = "DURATION"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        return float(value) if isinstance(value, (int, float)) else parse_duration(str(value))


class Moment(click.ParamType):  # type: ignore[type-arg] # not subscriptable in click 8.1
    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return value if isinstance(value, int) else parse_moment(str(value))
