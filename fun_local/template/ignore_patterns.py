"""Lines of an ignore file as git reads them, each about a path itself and never about what is below it.

What is below follows from asking about folders first and not looking into ignored ones, as git does. A
library that matches whole paths at once can't be asked that: `!/src` would bring `src/node_modules` back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}

#: The parts of a pattern. A set may begin with its own end; two stars mean more between slashes only.
_PART = re.compile(
    r"\[(?P<negated>[!^]?)(?P<set>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]"
    r"|(?P<folders>(?<![^/])\*\*/)|(?P<below>(?<![^/])\*\*\Z)|(?P<stars>\*+)"
    r"|\\(?P<quoted>.)|(?P<other>.)",
    re.DOTALL,
)

#: The parts of a set: a class, or a character or the range it begins.
_IN_SET = re.compile(r"\[:(?P<class>[a-z]+):\]|\\?(?P<first>.)(?:-\\?(?P<last>.))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a line asks of a path, and what it says when that is so."""

    regex: re.Pattern[str]
    is_for_folders: bool
    is_ignored: bool


def parse(line: str) -> Pattern | None:
    """A line of an ignore file; None when it is empty or a comment.

    Raises:
        ValueError: no path can match it.
    """
    text = _without_spaces(line)
    if not text or text.startswith("#"):
        return None
    is_negated = text.startswith("!")
    text = text[is_negated:]
    is_for_folders = text.endswith("/")
    text = text.removesuffix("/")
    if not text:
        raise ValueError("there is no name in it")
    # With a slash inside or before it, it is about one place; else about a name, wherever that is.
    anchored = text.removeprefix("/") if "/" in text else f"**/{text}"
    try:
        regex = re.compile("".join(map(_translated, _PART.finditer(anchored))), re.DOTALL)
    except re.error as error:
        raise ValueError(str(error)) from None
    return Pattern(regex, is_for_folders, not is_negated)


def is_ignored(patterns: Iterable[Pattern], path: str, is_folder: bool) -> bool:
    """What the first pattern about ``path`` says, so the last line must be the first pattern."""
    for pattern in patterns:
        if (is_folder or not pattern.is_for_folders) and pattern.regex.fullmatch(path):
            return pattern.is_ignored
    return False


def _without_spaces(line: str) -> str:
    """The line without the spaces at its end, but for one that is quoted."""
    text = line.rstrip(" ")
    quotes = len(text) - len(text.rstrip("\\"))
    return f"{text} " if quotes % 2 and len(text) < len(line) else text


def _translated(part: re.Match[str]) -> str:
    """The regular expression for a part of a pattern."""
    if part["set"] is not None:
        return _set(part["set"], is_negated=bool(part["negated"]))
    if part["folders"]:
        return "(?:.*/)?"  # any number of them, also none
    if part["below"]:
        return ".+"
    if part["stars"]:
        return "[^/]*"
    if part["other"] == "?":
        return "[^/]"
    if part["other"] == "[":
        raise ValueError("a [ without its ]")
    if part["other"] == "\\":
        raise ValueError("the backslash at its end quotes nothing")
    return re.escape(part["quoted"] or part["other"])


def _set(text: str, *, is_negated: bool) -> str:
    """A set of characters, of which the slash is never one."""
    inner = ""
    for part in _IN_SET.finditer(text):
        if part["class"]:
            if part["class"] not in _CLASSES:
                raise ValueError(f"there is no class [:{part['class']}:]")
            inner += _CLASSES[part["class"]]
        else:
            inner += re.escape(part["first"]) + (f"-{re.escape(part['last'])}" if part["last"] else "")
    return f"(?!/)[{'^' if is_negated else ''}{inner}]"
