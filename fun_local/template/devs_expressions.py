"""Expressions of Serverless Devs files: ``${vars.region}``, ``${env('STAGE', 'dev')}``, in any text.

What may stand in them is what the tool's documentation shows: dotted names, and calls of functions, which
may be arguments of each other. The tool hands the rest to a JavaScript engine; we refuse it. Up to edition
1.0.0 arguments stand without quotes, since then with them; here both are good in both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Functions a call may name.
FUNCTIONS = ("env", "config", "file", "path", "json")

#: Expressions inside each other.
_MAX_NESTING = 20

_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
_WORD = re.compile(r"[\w-]+")
_INDEX = re.compile(r"\[\s*([0-9]{1,6})\s*\]")
_ROOT = re.compile(r"(?:vars|this|resources)\.")


class BadExpression(Exception):
    """The text holds something that starts like an expression and is none."""


@dataclass(frozen=True, slots=True)
class Name:
    """``vars.a.b``: its parts, each of which may hold expressions itself."""

    parts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """What is handed to a function; ``is_quoted`` when it is text whatever it looks like."""

    text: Text
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class Call:
    """``env('STAGE', 'dev')``."""

    function: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """One expression and how it is written."""

    expression: Name | Call
    source: str


#: Text in pieces: what stays as it is, and what an expression is put in for.
Text = tuple[str | Embedded, ...]


def parse(text: str) -> Text:
    """The pieces of a text; one piece, the text itself, when it holds no expression.

    Raises:
        BadExpression: what follows a ``${`` is not what we know.
    """
    if "${" not in text:
        return (text,)
    return _Parser(text).text("")


class _Parser:
    """Reads from ``at`` on. Methods leave ``at`` behind what they have read."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._depth = 0

    def text(self, ends: str) -> Text:
        """Pieces up to one of the characters ``ends``, or to the end of the source."""
        pieces: list[str | Embedded] = []
        literal: list[str] = []
        while self._at < len(self._source) and self._source[self._at] not in ends:
            if self._source.startswith("${", self._at):
                if literal:
                    pieces.append("".join(literal))
                    literal = []
                pieces.append(self._embedded())
            else:
                if ends and self._source[self._at] == "\\" and self._source[self._at + 1 : self._at + 2]:
                    self._at += 1  # inside quotes the next character stands for itself
                literal.append(self._source[self._at])
                self._at += 1
        if literal or not pieces:
            pieces.append("".join(literal))
        return tuple(pieces)

    def _embedded(self) -> Embedded:
        start = self._at
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise BadExpression(f"expressions nested more than {_MAX_NESTING} deep")
        self._at += 2
        expression = self._expression()
        self._skip_space()
        if self._peek() != "}":
            raise BadExpression(self._unclear(start))
        self._at += 1
        self._depth -= 1
        return Embedded(expression, self._source[start : self._at])

    def _expression(self) -> Name | Call:
        self._skip_space()
        if match := _CALL.match(self._source, self._at):
            return self._call(match)
        return self._name()

    def _call(self, match: re.Match[str]) -> Call:
        start, self._at = self._at, match.end()
        arguments: list[Argument] = []
        self._skip_space()
        while self._peek() != ")":
            arguments.append(self._argument(is_first=not arguments))
            self._skip_space()
            if self._peek() == ",":
                self._at += 1
                self._skip_space()
            elif self._peek() != ")":
                raise BadExpression(self._unclear(start))
        self._at += 1
        return Call(match[1], tuple(arguments))

    def _argument(self, *, is_first: bool) -> Argument:
        start = self._at
        quote = self._peek()
        if quote and quote in "'\"`":
            self._at += 1
            text = self.text(quote)
            if self._peek() != quote:
                raise BadExpression(f"a quote in {self._source[start : start + 40]!r} is not closed")
            self._at += 1
            return Argument(text, is_quoted=True)
        call = _CALL.match(self._source, self._at)
        if (call and call[1] in FUNCTIONS) or (not is_first and _ROOT.match(self._source, self._at)):
            self._depth += 1
            if self._depth > _MAX_NESTING:
                raise BadExpression(f"functions nested more than {_MAX_NESTING} deep")
            expression = self._expression()
            self._depth -= 1
            return Argument((Embedded(expression, self._source[start : self._at]),), is_quoted=True)
        pieces = list(self.text(",)}"))
        if isinstance(pieces[-1], str):
            pieces[-1] = pieces[-1].rstrip()
        return Argument(tuple(pieces), is_quoted=False)

    def _name(self) -> Name:
        start = self._at
        parts = [self._part(start)]
        while True:
            if match := _INDEX.match(self._source, self._at):
                self._at = match.end()
                parts.append((match[1],))
            elif self._peek() == ".":
                self._at += 1
                parts.append(self._part(start))
            else:
                return Name(tuple(parts))

    def _part(self, start: int) -> Text:
        pieces: list[str | Embedded] = []
        while True:
            if match := _WORD.match(self._source, self._at):
                pieces.append(match[0])
                self._at = match.end()
            elif self._source.startswith("${", self._at):
                pieces.append(self._embedded())
            elif pieces:
                return tuple(pieces)
            else:
                raise BadExpression(self._unclear(start))

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _skip_space(self) -> None:
        while self._peek().isspace():
            self._at += 1

    def _unclear(self, start: int) -> str:
        shown = self._source[start : start + 60].removeprefix("${").partition("}")[0]
        return f"{shown.strip()!r} is neither a dotted name nor a call of a function"
