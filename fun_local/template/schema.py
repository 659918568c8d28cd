"""The shapes in schema.json, checked; what doesn't fit becomes problems in Funcraft's words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from fun_local.template.load import Document, Path
from fun_local.template.markers import INVALID
from fun_local.template.problems import Problem, nearest, shown

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

#: The definition that whole documents are checked against; the others are called as the resource type.
TEMPLATE = "Template"

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?")
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "multipleOf": "a multiple of {}",
    "minLength": "{} or more characters",
    "maxLength": "at most {} characters",
    "minItems": "{} or more items",
    "maxItems": "at most {} items",
    "minProperties": "{} or more entries",
    "pattern": "text like {}",
}


def check(document: Document, definition: str, value: Any, path: Path) -> tuple[Any, list[Problem]]:
    """Check an evaluated value that stands at ``path``.

    Returns the value with numbers and booleans that were written as text turned into what the definition
    asks for, as ROS does, and all problems. What is INVALID already is no further problem.
    """
    value = _coerced(value, _definitions()[definition])
    problems: list[Problem] = []
    seen: set[Path] = set()
    for error in _validator(definition).iter_errors(value):
        if error.instance is not INVALID:
            problems.extend(_problems(document, error, path, seen))
    return value, problems


@cache
def _definitions() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "schema.json"), encoding="utf-8") as file:
        definitions: dict[str, Any] = json.load(file)["$defs"]
    return definitions


@cache
def _validator(definition: str) -> Any:
    from jsonschema import Draft202012Validator  # 150 ms, for templates alone

    return Draft202012Validator({"$ref": f"#/$defs/{definition}", "$defs": _definitions()})


def _coerced(value: Any, schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        schema = _definitions()[schema["$ref"].rpartition("/")[2]]
    kind = schema.get("type")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        patterns = list(schema.get("patternProperties", {}).values())
        rest = schema.get("additionalProperties") or (patterns[0] if patterns else {})
        return {key: _coerced(item, known.get(key, rest)) for key, item in value.items()}
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_coerced(item, items) for item in value]
    return _CONVERSIONS[kind](value) if isinstance(kind, str) and kind in _CONVERSIONS else value


def _integer(value: Any) -> Any:
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else value


def _boolean(value: Any) -> Any:
    is_word = isinstance(value, str) and value.lower() in ("true", "false")
    return value.lower() == "true" if is_word else value


_CONVERSIONS = {"integer": _integer, "number": _number, "boolean": _boolean}


def _problems(document: Document, error: ValidationError, path: Path, seen: set[Path]) -> Iterator[Problem]:
    at: Path = (*path, *error.absolute_path)
    wanted: Any = error.validator_value
    found: Any = error.instance
    schema: Any = error.schema
    rule = error.validator
    if rule == "required":
        # The library reports each missing name by itself, without saying which in any but words.
        if (*at, "required") not in seen:
            seen.add((*at, "required"))
            for name in wanted:
                if name not in found:
                    yield document.problem("required", at, f"Missing property {name}")
    elif rule == "additionalProperties":
        yield from _unexpected(document, schema, found, at)
    elif rule == "type":
        kinds = " or ".join([wanted] if isinstance(wanted, str) else wanted)
        message = f"Incorrect type. Expected {kinds}, found {_kind(found)} {shown(found)}"
        yield document.problem("type", at, message)
    elif rule == "enum":
        valid = ", ".join(json.dumps(word) for word in wanted)
        hint = nearest(found, wanted) if isinstance(found, str) else ""
        message = f"Value is not accepted. Found {shown(found)}. Valid values: {valid}"
        yield document.problem("value", at, message, hint)
    elif rule in ("oneOf", "anyOf"):
        yield document.problem(
            "one", at, f"Matches none or several of the shapes it may have: {shown(found)}"
        )
    else:
        expected = _LIMITS.get(str(rule), f"{rule} {{}}").format(wanted)
        yield document.problem(
            "value", at, f"Value is not accepted. Expected {expected}, found {_size(found)}"
        )


def _unexpected(document: Document, schema: dict[str, Any], found: Any, at: Path) -> Iterator[Problem]:
    known = schema.get("properties", {})
    patterns = list(schema.get("patternProperties", {}))
    for key in found:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        if patterns:
            hint = "An id is 1 to 128 letters, digits, '_', '-' and '.', starting with a letter or '_'."
        else:
            hint = (
                nearest(key, [name for name in known if name not in found]) or f"Known: {', '.join(known)}."
            )
        yield document.problem("additional", (*at, key), f"Unexpected property {key[:128]}", hint)


def _kind(value: Any) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return kinds.get(type(value), "")


def _size(value: Any) -> str:
    """A value, or how long it is where that is the matter."""
    if isinstance(value, str) and len(value) > 60:
        return f"{len(value)}"
    return f"{len(value)}" if isinstance(value, list | dict) else shown(value)
