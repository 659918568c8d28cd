"""What is said, in the reader's language: English, or Chinese where the setting or the locale says so.

All code speaks English. On its way to a person a finished message passes ``said``, which looks it up in
chinese.json: English text with ``{}`` for what was filled in -> Chinese with as many ``{}``, or ``{1}``,
``{2}`` where Chinese has them in another order. What was filled in stays as it is, unless it has several
words and is known itself; ``{!}`` has a single word translated, too. Unknown text stays English.
``--json`` is for programs and always English.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

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
    """English messages and what they are in another language."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._entries = entries
        patterns = [entry.split("{}") for entry in entries if "{}" in entry]
        #: The most telling first: of two that fit, the one with more words of its own is meant.
        self._patterns = sorted(patterns, key=lambda pieces: -sum(map(len, pieces)))

    def translated(self, text: str) -> str:
        """The translation of a text, of each of its lines, or of each of its sentences; else the text."""
        found = self._whole(text)
        if found is None and "\n" in text:
            return "\n".join(self.translated(line) for line in text.split("\n"))
        if found is None and ". " in text:
            sentences = [self._whole(sentence) for sentence in text.replace(". ", ".\0").split("\0")]
            found = None if None in sentences else "".join(filter(None, sentences))
        return text if found is None else found

    def beginning(self, text: str) -> str:
        """The first sentence of the entry that begins with a text: click shortens help to one line."""
        start = text.removesuffix("...")
        whole = next((entry for entry in self._entries if entry.startswith(start)), None)
        return text if whole is None else "".join(self._entries[whole].partition("。")[:2])

    def _whole(self, text: str) -> str | None:
        inner = text.strip()
        found = self._entries.get(inner) or self._fitting(inner)
        if found is None:
            return None
        before, _, after = text.partition(inner)
        return f"{before}{found}{after}"

    def _fitting(self, text: str) -> str | None:
        """The translation by the pattern that fits best, or of what follows the name of a place."""
        poor = None
        for pieces in self._patterns:
            if not (text.startswith(pieces[0]) and text.endswith(pieces[-1])):
                continue
            if (values := _filled_in(pieces, text)) is None:
                continue
            found = self._fill(self._entries["{}".join(pieces)], values)
            if pieces[0] or ": " not in values[0]:
                return found
            poor = poor or found
        place, _, message = text.partition(": ")
        rest = self._whole(message) if message and "\n" not in place else None
        return poor if rest is None else f"{place}\uff1a{rest}"

    def _fill(self, chinese: str, values: list[str]) -> str:
        import re

        in_order = iter(values)

        def value(place: re.Match[str]) -> str:
            found = values[int(place[1]) - 1] if place[1] else next(in_order)
            return self.translated(found) if place[2] or " " in found.strip() else found

        return re.sub(r"\{(\d*)(!?)\}", value, chinese)


def _filled_in(pieces: list[str], text: str) -> list[str] | None:
    """What stands between the pieces in a text; None where they are not all there."""
    if any(piece not in text for piece in pieces):
        return None
    import re

    found = re.fullmatch("(.*?)".join(map(re.escape, pieces)), text, re.DOTALL)
    if found and not pieces[0] and "\n" in found[1]:  # it begins in the line before
        return None
    return None if found is None else list(found.groups())


def width(text: str) -> int:
    """How many columns of a terminal a text takes: two for each Chinese character."""
    from unicodedata import east_asian_width

    return len(text) if text.isascii() else sum(1 + (east_asian_width(c) in "WF") for c in text)


def padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
