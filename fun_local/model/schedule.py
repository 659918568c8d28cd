"""When timers fire: ``@every 5m``, and cron of six fields with or without a time zone. Pure.

The vendor's pages *Time triggers* and *TimerTriggerConfig* show ``@every`` with minutes, six fields (seconds
first), UTC, and ``CRON_TZ=ZONE`` before the fields. What these forms have beyond that comes from the Go
world, whose notation they are: hours and seconds, and days that match either field when both are limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from fun_local.errors import InvalidRequest
from fun_local.model.resources import Trigger

_FORMS = "Write @every 5m, or six fields: '0 0 4 * * *', 'CRON_TZ=Asia/Shanghai 0 0 4 * * MON-FRI'."

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[hms])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([hms])")
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_MAX_SECONDS = 366 * 86_400

_ITEM = re.compile(r"(\*|\?|[0-9]{1,4}|[A-Z]{3})(?:-([0-9]{1,4}|[A-Z]{3}))?(?:/([0-9]{1,4}))?")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    may_be_open: bool = False  # '?'


# Sunday is 7 to the vendor, 0 to everybody else: both are taken.
_FIELDS = (
    _Field("seconds", 0, 59),
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31, may_be_open=True),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS, may_be_open=True),
)


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, counted from ``anchor_ms``: the times do not depend on who counts or when it began."""

    seconds: int

    def next_ms(self, after_ms: int, anchor_ms: int) -> int:
        """The first time after ``after_ms``; whole seconds."""
        start_ms, step_ms = anchor_ms // 1000 * 1000, self.seconds * 1000
        return start_ms + max((after_ms - start_ms) // step_ms + 1, 1) * step_ms


@dataclass(frozen=True, slots=True)
class Cron:
    """At certain times of a zone. ``fields`` hold numbers and lists of them only, or ``*``."""

    fields: str
    zone: str = ""

    def next_ms(self, after_ms: int, anchor_ms: int = 0) -> int | None:
        """The first time after ``after_ms``; None when there is none for decades."""
        from cronsim import CronSim  # only homes with timers need it

        after = datetime.fromtimestamp(after_ms // 1000, _zone(self.zone))
        found = next(CronSim(self.fields, after), None)
        return None if found is None else int(found.timestamp()) * 1000


Schedule = Every | Cron


def parse(expression: str) -> Schedule:
    """Read a CronExpression.

    Raises:
        InvalidRequest: it is none, or no such time will ever come.
    """
    text = expression.strip()
    if text.startswith("@"):
        return _every(text)
    zone = ""
    if text.startswith("CRON_TZ="):
        zone, _, text = text.removeprefix("CRON_TZ=").partition(" ")
        _zone(zone)
    words = text.split()
    if len(words) != len(_FIELDS):
        problem = f"cron expression {expression!r} needs {len(_FIELDS)} fields and has {len(words)}"
        raise _invalid(problem, f"The first one is for seconds. {_FORMS}")
    fields = [_numbers(field, word.upper()) for field, word in zip(_FIELDS, words, strict=True)]
    cron = Cron(" ".join(fields), zone)
    _check_comes(cron, expression)
    return cron


def of(trigger: Trigger) -> Schedule | None:
    """When a timer fires; None when it is switched off. Raises InvalidRequest as ``parse``."""
    # Switched on unless it says otherwise: Funcraft and ROS leave it out.
    if trigger.config.get("enable") is False:
        return None
    return parse(str(trigger.config.get("cronExpression", "")))


def next_firing_ms(trigger: Trigger, after_ms: int) -> int | None:
    """When a timer fires next; None when it never does."""
    schedule = of(trigger)
    return schedule.next_ms(after_ms, trigger.modified_ms) if schedule else None


def _every(text: str) -> Every:
    word, _, duration = text.partition(" ")
    duration = duration.strip()
    if word != "@every" or not _DURATION.fullmatch(duration):
        raise _invalid(f"cron expression {text!r} is not valid", _FORMS)
    seconds = int(sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(duration)))
    if not 1 <= seconds <= _MAX_SECONDS:
        raise _invalid(f"cron expression {text!r}: between one second and one year can be waited", _FORMS)
    return Every(seconds)


def _numbers(field: _Field, word: str) -> str:
    """A field as a list of numbers, or ``*``: stars with a step are lists, so that both days count."""
    if word == "*" or (word == "?" and field.may_be_open):
        return "*"
    found: set[int] = set()
    for item in word.split(","):
        found.update(_item(field, item, word))
    if field.names is _DAYS:
        found = {number % 7 for number in found}
    return ",".join(str(number) for number in sorted(found))


def _item(field: _Field, item: str, word: str) -> Iterable[int]:
    match = _ITEM.fullmatch(item)
    if not match or (match[1] == "?" and not field.may_be_open):
        what = "holds characters that mean nothing there" if item else "has nothing between two commas"
        raise _bad(field, word, what)
    first, last, step = match.groups()
    if first in ("*", "?"):
        if last:
            raise _bad(field, word, f"'{first}' can't begin a range")
        low, high = field.low, min(field.high, 6) if field.names is _DAYS else field.high
    else:
        low = high = _number(field, first, word)
        if last:
            high = _number(field, last, word)
            # Weeks that end on Sunday: MON-SUN.
            high = 7 if field.names is _DAYS and high == 0 < low else high
        elif step:
            high = field.high  # 5/15 goes on to the end
    if low > high:
        raise _bad(field, word, f"the range {item} ends before it begins")
    if step and int(step) == 0:
        raise _bad(field, word, "a step can't be 0")
    return range(low, high + 1, int(step or 1))


def _number(field: _Field, text: str, word: str) -> int:
    if text in field.names:
        return field.names.index(text) + (1 if field.names is _MONTHS else 0)
    if not text.isdigit() or not field.low <= int(text) <= field.high:
        raise _bad(field, word, f"{text} is not between {field.low} and {field.high}")
    return int(text)


def _zone(name: str) -> tzinfo:
    if not name:
        return UTC
    from zoneinfo import ZoneInfo  # 5 ms, and most timers go by UTC

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; not a name; the name of a folder
        problem = f"time zone {name!r} is not known"
        raise _invalid(problem, "Write a name such as Asia/Shanghai.") from None


def _check_comes(cron: Cron, expression: str) -> None:
    from cronsim import CronSimError

    try:
        comes = cron.next_ms(0) is not None
    except CronSimError:
        comes = False
    if not comes:
        raise _invalid(f"cron expression {expression!r}: there is no such day in any year", _FORMS)


def _bad(field: _Field, word: str, what: str) -> InvalidRequest:
    return _invalid(f"cron field {field.name} {word!r}: {what}", _FORMS)


def _invalid(message: str, hint: str) -> InvalidRequest:
    return InvalidRequest("InvalidArgument", message, hint=hint)
