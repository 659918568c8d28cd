"""ROS functions that depend on their argument alone: pure, one each, in the table at the end.

Every function takes the argument with all that is in it evaluated. Source of the shapes: the ROS
documentation's page on functions.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from fun_local.template.arithmetic import BadSum, calculate
from fun_local.template.problems import shown

#: Characters, or items of a list, that one function may give.
MAX_RESULT = 1_000_000

#: Keys that one Fn::Replace may have.
_MAX_REPLACED = 200

_SLICE = re.compile(r"(-?\d{0,9}):(-?\d{0,9})(?::(-?\d{1,9}))?")


class BadArgument(Exception):
    """The argument has a shape or a value that the function can't take. Says what is expected."""


def text_of(value: Any) -> str:
    """A value as it reads inside a text: ``true``, ``12``; a list of such joined by commas.

    Raises:
        BadArgument: a mapping, null, or a list that holds one.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return ",".join(text_of(item) for item in value if not isinstance(item, list))
    raise BadArgument(f"text or a number is expected, found {shown(value)}")


def _parts(argument: Any, shape: str) -> list[Any]:
    """The argument as a list with as many items as ``shape`` names."""
    names = shape.split(", ")
    if not isinstance(argument, list) or len(argument) != len(names):
        raise BadArgument(f"[{shape}] is expected, found {shown(argument)}")
    return argument


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadArgument(f"{what} is expected, found {shown(value)}")
    return value


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise BadArgument(f"text is expected, found {shown(value)}")
    return text_of(value)


def _number(value: Any) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d{1,64}", value.strip(), re.ASCII):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d{1,64}\.\d{1,64}", value.strip(), re.ASCII):
        return float(value)
    raise BadArgument(f"a number is expected, found {shown(value)}")


def _numbers(value: Any) -> list[int | float]:
    numbers = [_number(item) for item in _list(value, "a list of numbers")]
    if not numbers:
        raise BadArgument("at least one number is expected")
    return numbers


def _rounded(value: float, digits: Any) -> int | float:
    places = _number(digits)
    if not isinstance(places, int) or not 0 <= places <= 15:
        raise BadArgument(f"0 to 15 digits can be asked for, not {shown(digits)}")
    return round(value, places) if places else round(value)


def _limited(size: int) -> None:
    if size > MAX_RESULT:
        raise BadArgument(f"the result is larger than {MAX_RESULT}")


def replace(argument: Any) -> str:
    """Every key is replaced at once: what one puts in is not looked through for another."""
    table, text = _parts(argument, "{old: new}, text")
    if not isinstance(table, dict) or not all(table) or len(table) > _MAX_REPLACED:
        raise BadArgument(f"a mapping of old to new text is expected, found {shown(table)}")
    text = _text(text)
    if not table:
        return text
    new = {key: _text(value) for key, value in table.items()}
    _limited(len(text) + sum(text.count(key) * len(value) for key, value in new.items()))
    longest_first = sorted(new, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda match: new[match[0]], text)


def join(argument: Any) -> str:
    delimiter, items = _parts(argument, "delimiter, [items]")
    texts = [text_of(item) for item in _list(items, "a list of items")]
    delimiter = _text(delimiter)
    _limited(sum(map(len, texts)) + len(delimiter) * len(texts))
    return delimiter.join(texts)


def select(argument: Any) -> Any:
    """An item; an empty text where there is none, an empty list for a slice that is out of range."""
    which, source = _parts(argument, "index, list")
    if isinstance(source, dict):
        return source.get(_text(which), "")
    if isinstance(source, str):
        source = [item.strip() for item in source.split(",")]
    items = _list(source, "a list or a mapping")
    if isinstance(which, str) and (match := _SLICE.fullmatch(which.strip())):
        start, stop, step = (int(part) if part else None for part in match.groups())
        if step == 0:
            raise BadArgument("a slice can't have step 0")
        return items[start:stop:step]
    index = _number(which)
    if not isinstance(index, int):
        raise BadArgument(f"a whole number is expected, found {shown(which)}")
    return items[index] if -len(items) <= index < len(items) else ""


def split(argument: Any) -> list[str]:
    delimiter, text = _parts(argument, "delimiter, text")
    if not isinstance(delimiter, str) or not delimiter:
        raise BadArgument(f"a delimiter is expected, found {shown(delimiter)}")
    return _text(text).split(delimiter)


def base64_encode(argument: Any) -> str:
    return base64.b64encode(_text(argument).encode()).decode()


def base64_decode(argument: Any) -> str:
    try:
        return base64.b64decode(_text(argument), validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadArgument(f"base64 of a text is expected, found {shown(argument)}") from None


def get_json_value(argument: Any) -> Any:
    key, text = _parts(argument, "key, JSON text")
    try:
        data = json.loads(text, parse_constant=str) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise BadArgument(f"the JSON text of an object is expected, found {shown(text)}")
    if _text(key) not in data:
        raise BadArgument(f"the JSON text has no key {shown(key)}")
    return data[_text(key)]


def equals(argument: Any) -> bool:
    """Scalars are compared as text: what comes from a parameter may be either."""
    left, right = _parts(argument, "value, value")
    if isinstance(left, dict | list) or isinstance(right, dict | list) or None in (left, right):
        return bool(left == right)
    return text_of(left) == text_of(right)


def list_merge(argument: Any) -> list[Any]:
    return list(chain.from_iterable(_list(item, "a list of lists") for item in _list(argument, "a list")))


def merge_map_to_list(argument: Any) -> list[dict[str, Any]]:
    """One mapping per position; a shorter list repeats its last item."""
    columns: dict[str, list[Any]] = {}
    for item in _list(argument, "a list of mappings"):
        if not isinstance(item, dict) or not all(isinstance(v, list) and v for v in item.values()):
            raise BadArgument(f"a mapping of a name to a list is expected, found {shown(item)}")
        columns |= item
    longest = max(map(len, columns.values()), default=0)
    _limited(longest * len(columns))
    return [{k: v[min(i, len(v) - 1)] for k, v in columns.items()} for i in range(longest)]


def select_map_list(argument: Any) -> list[Any]:
    key, maps = _parts(argument, "key, [mappings]")
    name = _text(key)
    items = _list(maps, "a list of mappings")
    return [item[name] for item in items if isinstance(item, dict) and name in item]


def add(argument: Any) -> Any:
    """The sum of numbers, the concatenation of lists, or the merge of mappings, where the last wins."""
    items = _list(argument, "a list of numbers, lists or mappings")
    if len(items) < 2:
        raise BadArgument("at least two values are expected")
    if all(isinstance(item, list) for item in items):
        return list(chain.from_iterable(items))
    if all(isinstance(item, dict) for item in items):
        return {key: value for item in items for key, value in item.items()}
    return sum(_numbers(items))


def avg(argument: Any) -> int | float:
    digits, numbers = _parts(argument, "digits, [numbers]")
    values = _numbers(numbers)
    return _rounded(sum(values) / len(values), digits)


def do_calculate(argument: Any) -> int | float:
    expression, digits, numbers = _parts(argument, "sum, digits, [numbers]")
    values = [_number(item) for item in _list(numbers, "a list of numbers")]
    try:
        return _rounded(calculate(_text(expression), values), digits)
    except BadSum as error:
        raise BadArgument(f"{shown(expression)}: {error}") from None


def index(argument: Any) -> Any:
    """Where the item first is, or an empty text."""
    item, items = _parts(argument, "item, [items]")
    values = _list(items, "a list")
    return values.index(item) if item in values else ""


def length(argument: Any) -> int:
    if isinstance(argument, str | list | dict):
        return len(argument)
    raise BadArgument(f"text, a list or a mapping is expected, found {shown(argument)}")


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "Fn::Replace": replace,
    "Fn::Join": join,
    "Fn::Select": select,
    "Fn::Split": split,
    "Fn::Base64Encode": base64_encode,
    "Fn::Base64Decode": base64_decode,
    "Fn::Str": _text,
    "Fn::GetJsonValue": get_json_value,
    "Fn::Equals": equals,
    "Fn::ListMerge": list_merge,
    "Fn::MergeMapToList": merge_map_to_list,
    "Fn::SelectMapList": select_map_list,
    "Fn::Add": add,
    "Fn::Avg": avg,
    "Fn::Calculate": do_calculate,
    "Fn::Max": lambda argument: max(_numbers(argument)),
    "Fn::Min": lambda argument: min(_numbers(argument)),
    "Fn::Index": index,
    "Fn::Length": length,
}
