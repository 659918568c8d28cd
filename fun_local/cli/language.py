"""What is said, in the reader's language: English, or Chinese where the setting or the locale says so.

All code speaks English. On its way to a person a finished message passes ``said``, which looks it up in
chinese.json: English text with ``{}`` for what was filled in -> Chinese with as many ``{}``, or ``{1}``,
``{2}`` where Chinese has them in another order. What was filled in stays as it is, unless it has several
words and is known itself; ``{!}`` has a single word translated, too. Unknown text stays English.
``--json`` is for programs and always English.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache

#: How many characters of a text are known, and its translation.
_Reading = tuple[int, str]

_PATH = os.path.join(os.path.dirname(__file__), "chinese.json")

#: In the order in which a system asks them.
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


def said(text: str) -> str:
    """A message as its reader should see it."""
    return catalogue().translated(text) if is_chinese() else text


@cache
def is_chinese() -> bool:
    """Whether this process speaks Chinese."""
    return choose(os.environ)


def choose(environ: Mapping[str, str]) -> bool:
    """The setting ``lang``, else the locale: whether it begins with zh."""
    named = environ.get("FUN_LOCAL_LANG") or _stored()
    if not named:
        named = next((environ[name] for name in _LOCALE if environ.get(name)), "")
    return named.lower().startswith("zh")


def _stored() -> str:
    """``lang`` of settings.toml. What is wrong with that file is said by those who need the rest of it."""
    from fun_local.settings import default_home

    try:
        with open(os.path.join(default_home(), "settings.toml"), "rb") as file:
            import tomllib

            return str(tomllib.load(file).get("lang", ""))
    except (OSError, ValueError):
        return ""


@cache
def catalogue() -> Catalogue:
    import json

    with open(_PATH, encoding="utf-8") as file:
        return Catalogue(json.load(file))


class Catalogue:
    """English messages and what they are in another language.

    Of several ways to read a text the one is taken that leaves the fewest of its characters unknown.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._entries = entries
        self._patterns = [entry.split("{}") for entry in entries if "{}" in entry]
        self._read: dict[str, _Reading] = {}

    def translated(self, text: str) -> str:
        """The translation of a text, of each of its lines, or of each of its sentences; else the text."""
        return self._told(text)[1]

    def beginning(self, text: str) -> str:
        """The first sentence of the entry that begins with a text: click shortens help to one line."""
        start = text.removesuffix("...")
        whole = next((entry for entry in self._entries if entry.startswith(start)), None)
        return text if whole is None else "".join(self._entries[whole].partition("。")[:2])

    def _told(self, text: str) -> _Reading:
        if text not in self._read:
            self._read[text] = max(self._readings(text), key=lambda reading: reading[0])
        return self._read[text]

    def _readings(self, text: str) -> Iterator[_Reading]:
        """A text as it is, in whole, by lines, and by sentences (all of which are known)."""
        yield 0, text
        if not (inner := text.strip()):
            return
        before, _, after = text.partition(inner)
        yield from ((known, f"{before}{told}{after}") for known, told in self._whole(inner))
        if "\n" in inner:
            lines = [self._told(line) for line in text.split("\n")]
            yield sum(known for known, _ in lines), "\n".join(told for _, told in lines)
        elif ". " in inner:
            sentences = [self._told(sentence) for sentence in text.replace(". ", ".\0").split("\0")]
            if all(known for known, _ in sentences):
                yield sum(known for known, _ in sentences), "".join(told for _, told in sentences)

    def _whole(self, text: str) -> Iterator[_Reading]:
        """A text as an entry, as a message after the name of its place, or as a pattern that is filled in."""
        if text in self._entries:
            yield len(text), self._entries[text]
            return
        place, _, message = text.partition(": ")
        known, told = self._told(message)
        if known:
            yield known, f"{place}\uff1a{told}"
        for pieces in self._patterns:
            if text.startswith(pieces[0]) and text.endswith(pieces[-1]):
                values = _filled_in(pieces, text)
                if values is not None:
                    known, told = self._fill(self._entries["{}".join(pieces)], values)
                    yield known + sum(map(len, pieces)), told

    def _fill(self, chinese: str, values: list[str]) -> _Reading:
        import re

        in_order = iter(values)
        known = 0

        def value(place: re.Match[str]) -> str:
            nonlocal known
            found = values[int(place[1]) - 1] if place[1] else next(in_order)
            if not (place[2] or " " in found.strip()):  # a name, even if it is a word of ours
                return found
            characters, told = self._told(found)
            known += characters
            return told

        told = re.sub(r"\{(\d*)(!?)\}", value, chinese)
        return known, told


def _filled_in(pieces: list[str], text: str) -> list[str] | None:
    """What stands between the pieces in a text; None where they are not all there."""
    if any(piece not in text for piece in pieces):
        return None
    import re

    found = re.fullmatch("(.*?)".join(map(re.escape, pieces)), text, re.DOTALL)
    return None if found is None else list(found.groups())


def width(text: str) -> int:
    """How many columns of a terminal a text takes: two for each Chinese character."""
    from unicodedata import east_asian_width

    return len(text) if text.isascii() else sum(1 + (east_asian_width(c) in "WF") for c in text)


def padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
