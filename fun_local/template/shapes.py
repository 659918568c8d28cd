"""Whether a value has a shape, told quickly: a schema becomes a function that says yes or no.

Nearly everything in nearly every template is as it should be, and the JSON Schema library takes long to
find that out. It is asked only where the answer here is no, and it alone says what is wrong. So a yes is
given only where the library finds nothing; what the two might judge differently is left to it (``Unsure``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

#: Whether a value passes; one of a kind that a keyword is not about passes that keyword.
Test = Callable[[Any], bool]

_KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}

#: What can be told from each other by type and value.
_WORDS = frozenset((str, bool, int, type(None)))

#: They say nothing about a value, or nothing by themselves.
_NOTES = ("$comment", "$defs", "$schema", "description", "else", "then", "title")


class Unsure(Exception):
    """This value, or this schema, is for the library."""


class Shapes:
    """Tests for a set of definitions, each made when it is first needed."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._tests: dict[str, Test] = {}

    def accept(self, definition: str, value: Any) -> bool:
        """Whether it is certain that the value fits the definition."""
        try:
            return self.test(definition)(value)
        except Unsure:
            return False

    def test(self, definition: str) -> Test:
        """The test that a definition comes to."""
        if definition not in self._tests:
            self._tests[definition] = self.compiled(self._definitions[definition])
        return self._tests[definition]

    def compiled(self, schema: Any) -> Test:
        """The test that a schema comes to. Keywords about one kind of value share a test."""
        if isinstance(schema, bool):
            return lambda value: schema
        keywords = [keyword for keyword in schema if keyword not in _NOTES]
        if any(keyword not in _MAKERS for keyword in keywords):
            return _unsure
        makers = dict.fromkeys(_MAKERS[keyword] for keyword in keywords)
        return _all([make(self, schema) for make in makers])


def _unsure(value: Any) -> bool:
    raise Unsure


def _all(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def test(value: Any) -> bool:
        for each in tests:  # noqa: SIM110, all() with a generator takes twice as long
            if not each(value):
                return False
        return True

    return test


def _reference(shapes: Shapes, schema: Mapping[str, Any]) -> Test:
    name = schema["$ref"].rpartition("/")[2]

    def test(value: Any) -> bool:
        return shapes.test(name)(value)  # made only now: a definition may hold itself

    return test


def _type(shapes: Shapes, schema: Mapping[str, Any]) -> Test:
    names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    kinds = frozenset(kind for name in names for kind in _KINDS[name])
    # 1.0 is an integer too, and is made one where integers are expected: not without a change.
    is_unsure_of_floats = "integer" in names and float not in kinds

    def test(value: Any) -> bool:
        if is_unsure_of_floats and type(value) is float:
            raise Unsure
        return type(value) in kinds

    return test


def _words(words: Sequence[Any]) -> Test:
    kinds = frozenset(map(type, words))
    if not kinds <= _WORDS:
        return _unsure
    known = frozenset((type(word), word) for word in words)

    def test(value: Any) -> bool:
        kind = type(value)
        if kind is float:
            raise Unsure  # 1.0 is 1, as True is not
        return kind in kinds and (kind, value) in known

    return test


def _number(shapes: Shapes, schema: Mapping[str, Any]) -> Test:
    low, high = schema.get("minimum", -inf), schema.get("maximum", inf)
    above, step = schema.get("exclusiveMinimum", -inf), schema.get("multipleOf", 1)
    is_stepped = "multipleOf" in schema

    def test(value: Any) -> bool:
        if type(value) is not int and type(value) is not float:
            return True
        if is_stepped and (type(value) is float or type(step) is float):
            raise Unsure  # what counts as a multiple is a matter of rounding
        return bool(low <= value <= high and value > above and not (is_stepped and value % step))

    return test


def _text(shapes: Shapes, schema: Mapping[str, Any]) -> Test:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", inf)
    search = re.compile(schema.get("pattern", "")).search

    def test(value: Any) -> bool:
        if not isinstance(value, str):
            return True
        return bool(shortest <= len(value) <= longest) and search(value) is not None

    return test


def _list(shapes: Shapes, schema: Mapping[str, Any]) -> Test:
    fewest, most = schema.get("minItems", 0), schema.get("maxItems", inf)
    item = shapes.compiled(schema.get("items", True))

    def test(value: Any) -> bool:
        if not isinstance(value, list):
            return True
        return bool(fewest <= len(value) <= most) and all(map(item, value))

    return test


def _mapping(shapes: Shapes, schema: Mapping[str, Any]) -> Test:
    required, fewest = schema.get("required", ()), schema.get("minProperties", 0)
    given = schema.get("patternProperties", {})
    patterns = [(re.compile(pattern).search, shapes.compiled(inner)) for pattern, inner in given.items()]
    rest = shapes.compiled(schema.get("additionalProperties", True))

    def fitting(key: str) -> list[Test]:
        return [inner for search, inner in patterns if search(key)]

    def stranger(key: str) -> Test:
        return _all(fitting(key) or [rest])

    named = schema.get("properties", {})
    known = {name: _all([shapes.compiled(inner), *fitting(name)]) for name, inner in named.items()}

    def test(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for name in required:
            if name not in value:
                return False
        for key, item in value.items():
            if not (known.get(key) or stranger(key))(item):
                return False
        return bool(len(value) >= fewest)

    return test


def _all_of(shapes: Shapes, schema: Mapping[str, Any]) -> Test:
    return _all([shapes.compiled(inner) for inner in schema["allOf"]])


def _one_of(shapes: Shapes, schema: Mapping[str, Any]) -> Test:
    branches = [shapes.compiled(inner) for inner in schema["oneOf"]]
    return lambda value: sum(branch(value) for branch in branches) == 1


def _if(shapes: Shapes, schema: Mapping[str, Any]) -> Test:
    condition = shapes.compiled(schema["if"])
    then, other = shapes.compiled(schema.get("then", True)), shapes.compiled(schema.get("else", True))
    return lambda value: then(value) if condition(value) else other(value)


_MAKERS: Mapping[str, Callable[[Shapes, Mapping[str, Any]], Test]] = {
    "$ref": _reference,
    "type": _type,
    "enum": lambda shapes, schema: _words(schema["enum"]),
    "const": lambda shapes, schema: _words([schema["const"]]),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "multipleOf"), _number),
    **dict.fromkeys(("minLength", "maxLength", "pattern"), _text),
    **dict.fromkeys(("minItems", "maxItems", "items"), _list),
    **dict.fromkeys(
        ("required", "minProperties", "properties", "patternProperties", "additionalProperties"), _mapping
    ),
    "allOf": _all_of,
    "oneOf": _one_of,
    "if": _if,  # looks at then and else, which mean nothing without it
}
