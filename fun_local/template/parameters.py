"""The values of a template's parameters: from the command line, else the default."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

from fun_local.template.load import Document, Path
from fun_local.template.markers import INVALID
from fun_local.template.problems import Problem, nearest, shown


class _Refused(Exception):
    """A value that its parameter can't have. Says what is expected."""


def parameter_values(document: Document, given: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """Each declared parameter's value (INVALID where it has a problem), and all problems.

    ``given`` are the values of the command line, as text.
    """
    declared = document.data.get("Parameters")
    declared = declared if isinstance(declared, dict) else {}
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in given:
        if name not in declared:
            message = f"parameter {shown(name)} is not declared in the template"
            hint = nearest(name, list(declared))
            problems.append(document.problem("additional", ("Parameters", name), message, hint))
    for name, definition in declared.items():
        values[name] = INVALID
        path: Path = ("Parameters", name)
        if not isinstance(definition, dict):
            continue  # the check of the shapes says so
        is_given = name in given
        raw = given[name] if is_given else definition.get("Default")
        if raw is None:
            message, hint = f"Missing value of parameter {name}", f"Give it with -p {name}=VALUE."
            problems.append(document.problem("required", path, message, hint))
            continue
        try:
            values[name] = _checked(definition, _converted(definition.get("Type"), raw))
        except _Refused as error:
            secret = str(definition.get("NoEcho", "")).lower() == "true"
            found = "" if secret else f", found {shown(raw)}"
            where = path if is_given or "Default" not in definition else (*path, "Default")
            message = f"Value is not accepted. Expected {error}{found}"
            hint = "" if is_given else f"Give another value with -p {name}=VALUE."
            problems.append(document.problem("value", where, message, hint))
    return values, problems


def _converted(kind: Any, raw: Any) -> Any:
    """The value as its type says; a type that is none is reported with the shapes, the value kept."""
    if kind == "String":
        if isinstance(raw, dict | list):
            raise _Refused("text")
        return raw if isinstance(raw, str) else json.dumps(raw)
    if kind == "Number":
        return _number(raw)
    if kind == "Boolean":
        if str(raw).lower() not in ("true", "false"):
            raise _Refused("true or false")
        return str(raw).lower() == "true"
    if kind == "CommaDelimitedList":
        if isinstance(raw, list):
            return raw
        if isinstance(raw, dict):
            raise _Refused("a list with commas between its items")
        return [item.strip() for item in str(raw).split(",")]
    return _json(raw) if kind == "Json" else raw


def _number(raw: Any) -> int | float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return raw
    text = raw.strip() if isinstance(raw, str) else ""
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[-+]?[0-9]{0,18}\.[0-9]{1,18}", text):
        return float(text)
    raise _Refused("a number")


def _json(raw: Any) -> Any:
    if isinstance(raw, dict | list):
        return raw
    try:
        data = json.loads(raw, parse_constant=str) if isinstance(raw, str) else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict | list):
        raise _Refused("JSON")
    return data


def _checked(definition: Mapping[str, Any], value: Any) -> Any:
    allowed = definition.get("AllowedValues")
    if isinstance(allowed, list) and allowed:
        plain = [_plain(item) for item in allowed]
        chosen = value if isinstance(value, list) else [value]
        if not all(_plain(item) in plain for item in chosen):
            raise _Refused("one of " + ", ".join(plain[:50]))
    if isinstance(value, str):
        _check_text(definition, value)
    if isinstance(value, str | list | dict):
        low, high = _limit(definition, "MinLength"), _limit(definition, "MaxLength")
        size: int | float = len(value)
        unit = " characters or items"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        low, high = _limit(definition, "MinValue"), _limit(definition, "MaxValue")
        size, unit = value, ""
    else:
        return value
    if low is not None and size < low:
        raise _Refused(f"at least {low}{unit}")
    if high is not None and size > high:
        raise _Refused(f"at most {high}{unit}")
    return value


def _check_text(definition: Mapping[str, Any], value: str) -> None:
    pattern = definition.get("AllowedPattern")
    if not isinstance(pattern, str):
        return
    try:
        with warnings.catch_warnings(action="ignore"):  # of "[[" Python says that it may change its meaning
            fits = re.fullmatch(pattern, value) is not None
    except (re.error, RecursionError, OverflowError):
        raise _Refused(f"text for {shown(pattern)}, which is not a regular expression") from None
    if not fits:
        raise _Refused(f"text like {shown(pattern)}")


def _limit(definition: Mapping[str, Any], name: str) -> int | float | None:
    try:
        return _number(definition[name]) if name in definition else None
    except _Refused:
        return None  # reported with the shapes


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
