"""Names that an example leaves to its reader: ``{please_replace_me}`` in a destination, role or name.

They are only looked for where such a name can stand, whatever the dialect: braces in code, environment
variables and descriptions mean something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fun_local.template.load import Document, Path, path_text
from fun_local.template.problems import Problem

#: A word in braces with at least one underscore; ``${like_this}`` is a variable of Fn::Sub, and
#: ``{{like_this}}`` is for the tools that make a project of a template.
_TOKEN = re.compile(r"(?<![${])\{([a-z][a-z0-9]*(?:_[a-z0-9]+)+)\}(?!\})")

_ENDINGS = ("name", "role", "arn")
_KEYS = frozenset({"destination", "onsuccess", "onfailure", "project", "logstore"})
_NEVER = frozenset({"code", "environmentvariables", "description", "metadata", "outputs"})


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One occurrence. ``path`` is the property's path as text."""

    name: str
    path: str
    line: int
    column: int


def find(document: Document) -> list[Placeholder]:
    """All placeholders of a template as it is written, in its order."""
    found: list[Placeholder] = []

    def note(text: str, path: Path) -> str:
        for match in _TOKEN.finditer(text):
            found.append(Placeholder(match[1], path_text(path), *document.value_position(path)))
        return text

    _mapped(document.data, (), note)
    return found


def replace(document: Document, values: Mapping[str, str]) -> Document:
    """A document with the placeholders in ``values`` filled in. The file is not touched."""
    return document.with_data(fill(document.data, values)[0])


def fill(data: Any, values: Mapping[str, str]) -> tuple[Any, set[str]]:
    """A copy of plain data with the placeholders in ``values`` filled in, and the names that were used."""
    used: set[str] = set()

    def put_in(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        used.add(match[1])
        return values[match[1]]

    return _mapped(data, (), lambda text, path: _TOKEN.sub(put_in, text)), used


def unresolved(document: Document, data: Any, path: Path) -> list[Problem]:
    """A problem for each placeholder that is left in the evaluated ``data`` of what stands at ``path``."""
    problems: list[Problem] = []

    def note(text: str, inner: Path) -> str:
        for match in _TOKEN.finditer(text):
            where: Path = (*path, *inner)
            line, column = document.value_position(where)
            message = f"still holds the placeholder {match[0]}"
            hint = f"Give its value with --replace {match[1]}=VALUE."
            if document.is_sent:  # by a client that has no such option
                hint = "Write its value in its place."
            file = document.file(where)
            problems.append(Problem("placeholder", file, line, column, path_text(where), message, hint))
        return text

    _mapped(data, (), note)
    return problems


def has_token(text: object) -> bool:
    """Whether a value is a text with a placeholder in it."""
    return isinstance(text, str) and _TOKEN.search(text) is not None


def _mapped(value: Any, path: Path, change: Callable[[str, Path], str], is_wanted: bool = False) -> Any:
    """A copy of ``value`` with ``change`` applied to each text that stands below a wanted key."""
    if isinstance(value, dict):
        copy: dict[str, Any] = {}
        for key, item in value.items():
            low = key.lower()
            if low in _NEVER:
                copy[key] = item
                continue
            # What a resource is called in the template says nothing about what is in it.
            is_named = path != ("Resources",) and (low in _KEYS or low.endswith(_ENDINGS))
            inner = _without_own(item, change) if key == "Fn::Replace" else change
            copy[key] = _mapped(item, (*path, key), inner, is_wanted or is_named)
        return copy
    if isinstance(value, list):
        return [_mapped(item, (*path, i), change, is_wanted) for i, item in enumerate(value)]
    return change(value, path) if is_wanted and isinstance(value, str) else value


def _without_own(argument: Any, change: Callable[[str, Path], str]) -> Callable[[str, Path], str]:
    """``change`` that leaves alone a text whose braces are what this Fn::Replace replaces itself."""
    table = argument[0] if isinstance(argument, list) and argument else None
    own = [key for key in table if has_token(key)] if isinstance(table, dict) else []
    if not own:
        return change
    return lambda text, path: text if any(key in text for key in own) else change(text, path)
