"""What is wrong with a template, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. ``line`` and ``column`` count from 1; ``path`` is the property's path in the document.

    ``kind`` is one of Funcraft's five words where it has one (``additional``, ``required``, ``type``,
    ``enum``, ``value``: fun-cli section 9) or ``placeholder``, ``syntax``, ``unsupported``.
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
