"""What is wrong with a template, and where."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass

from fun_local.errors import InvalidTemplate

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlevel = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. ``line`` and ``column`` count from 1; ``path`` is the property's path in the document.

    ``kind`` is one of Funcraft's five words (``type``, ``value``, ``required``, ``additional``, ``one``:
    fun-cli section 9) or one of our two: ``placeholder``, ``syntax``.
    """

    kind: str
    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        path = f"{self.path}: " if self.path else ""
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{where}: {path}{self.message}{hint}"


def invalid_template(file: str, problems: Sequence[Problem]) -> InvalidTemplate:
    """The error that carries ``problems`` (at least one), by the lines of the file; other files' come last.

    Its message is one line that is enough to find the first of them; its hint is the first hint there is.
    """
    ordered = sorted(problems, key=lambda problem: (problem.file != file, problem.line, problem.column))
    first = ordered[0]
    where = f"{first.path}: " if first.path else ""
    more = f" (and {len(ordered) - 1} more)" if len(ordered) > 1 else ""
    line = f", line {first.line}" if first.line else ""
    hint = next((problem.hint for problem in ordered if problem.hint), "")
    return InvalidTemplate(f"{first.file}{line}: {where}{first.message}{more}", ordered, hint=hint)


def nearest(name: str, known: Sequence[str], *, likeness: float = 0.55) -> str:
    """``Did you mean …?`` with the known name most like ``name``, or an empty text.

    ``likeness`` is how like it must be, from 0 to 1, which is the same but for the case of its letters.
    """
    import difflib  # only a template with a mistake in it needs it

    by_lower = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name[:128].lower(), by_lower, n=1, cutoff=likeness)
    return f"Did you mean {by_lower[found[0]]}?" if found else ""


def shown(value: object) -> str:
    """A value from a template as a message shows it: never long, whatever it holds."""
    words = {True: "true", False: "false", None: "null"}
    return words[value] if value is None or isinstance(value, bool) else _SHORT.repr(value)
