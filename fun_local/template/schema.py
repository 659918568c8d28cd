"""The shapes in the files named below, checked; what doesn't fit becomes problems in Funcraft's words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from fun_local.template.load import Document, Path
from fun_local.template.markers import INVALID, is_invalid
from fun_local.template.problems import Problem, nearest, shown
from fun_local.template.shapes import Shapes

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

#: The definition that whole documents are checked against; the others are called as the resource type.
TEMPLATE = "Template"

#: schema.json has what is the same for all dialects, and plain ROS.
_FILES = ("schema.json", "serverless.json", "devs.json")

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
    if _shapes().accept(definition, value):
        return value, []
    value = _coerced(value, _definitions()[definition])
    if _shapes().accept(definition, value):
        return value, []
    problems: list[Problem] = []
    seen: set[Path] = set()
    for error in _validator(definition).iter_errors(value):
        if error.instance is not INVALID:
            problems.extend(_problems(document, error, path, seen))
    return value, problems


def is_defined(definition: str) -> bool:
    """Whether there is such a shape. Of what is not run, most have none."""
    return definition in _definitions()


@cache
def _definitions() -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    for name in _FILES:
        with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
            definitions |= json.load(file)["$defs"]
    return definitions


@cache
def _shapes() -> Shapes:
    return Shapes(_definitions())


@cache
def _validator(definition: str) -> Any:
    from jsonschema import Draft202012Validator  # 150 ms, for templates with a mistake alone

    return Draft202012Validator({"$ref": f"#/$defs/{definition}", "$defs": _definitions()})


def _coerced(value: Any, schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        schema = _definitions()[schema["$ref"].rpartition("/")[2]]
    kind = schema.get("type")
    for branch in schema.get("oneOf", ()):
        if _fits(value, branch):
            return _coerced(value, branch)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        patterns = list(schema.get("patternProperties", {}).values())
        rest = schema.get("additionalProperties") or (patterns[0] if patterns else {})
        return {key: _coerced(item, known.get(key, rest)) for key, item in value.items()}
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_coerced(item, items) for item in value]
    return _CONVERSIONS[kind](value) if isinstance(kind, str) and kind in _CONVERSIONS else value


def _fits(value: Any, branch: dict[str, Any]) -> bool:
    """Whether a mapping or a list is of the type that one of several shapes asks for."""
    if "$ref" in branch:
        branch = _definitions()[branch["$ref"].rpartition("/")[2]]
    return isinstance(value, dict | list) and branch.get("type") == _kind(value)


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
        message = f"Incorrect type. Expected {kinds}, found {_found(found)}"
        yield document.problem("type", at, message)
    elif rule == "enum":
        valid = ", ".join(json.dumps(word) for word in wanted)
        hint = nearest(found, wanted) if isinstance(found, str) else ""
        text = _kind(found) if is_invalid(found) else shown(found)
        message = f"Value is not accepted. Found {text}. Valid values: {valid}"
        yield document.problem("value", at, message, hint)
    elif rule in ("oneOf", "anyOf"):
        yield from _alternatives(document, error, path, seen)
    else:
        expected = _LIMITS.get(str(rule), f"{rule} {{}}").format(wanted)
        yield document.problem(
            "value", at, f"Value is not accepted. Expected {expected}, found {_size(found)}"
        )


def _alternatives(
    document: Document, error: ValidationError, path: Path, seen: set[Path]
) -> Iterator[Problem]:
    """What is wrong with the value as the one of its possible shapes that it comes closest to."""
    at: Path = (*path, *error.absolute_path)
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    if not branches:
        yield document.problem("one", at, "Matches multiple schemas when only one must validate.")
        return
    candidates = []
    for inner_errors in branches.values():
        # What is INVALID already is no further problem: without it the shape may fit.
        known = [inner for inner in inner_errors if inner.instance is not INVALID]
        is_of_type = not any(inner.validator == "type" and not inner.path for inner in known)
        found = [problem for inner in known for problem in _problems(document, inner, path, set(seen))]
        candidates.append((not is_of_type, len(found), found))
    if all(is_other for is_other, _, _ in candidates):
        kinds = " or ".join(str(inner[0].validator_value) for inner in branches.values())
        message = f"Incorrect type. Expected {kinds}, found {_found(error.instance)}"
        yield document.problem("type", at, message)
    else:
        yield from min(candidates, key=lambda candidate: candidate[:2])[2]


def _unexpected(document: Document, schema: dict[str, Any], found: Any, at: Path) -> Iterator[Problem]:
    known = schema.get("properties", {})
    patterns = list(schema.get("patternProperties", {}))
    for key in found:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        if patterns:
            hint = schema.get("$comment", "")
        else:
            hint = (
                nearest(key, [name for name in known if name not in found]) or f"Known: {', '.join(known)}."
            )
        yield document.problem("additional", (*at, key), f"Unexpected property {key[:128]}", hint)


def _kind(value: Any) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return kinds.get(type(value), "")


def _found(value: Any) -> str:
    """A value with its type; the type alone where something in it has been reported already."""
    return _kind(value) if is_invalid(value) else f"{_kind(value)} {shown(value)}".strip()


def _size(value: Any) -> str:
    """A value, or how long it is where that is the matter."""
    if isinstance(value, str) and len(value) > 60:
        return f"{len(value)}"
    return f"{len(value)}" if isinstance(value, list | dict) else shown(value)
