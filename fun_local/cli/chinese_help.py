"""Click's help pages in Chinese, by the formatter that Click lets one choose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import click

from fun_local.cli.language import catalogue, padded, width

#: What click adds to an option's help: ``[default: Sync; required]``.
_EXTRA = re.compile(r"(.*?)(?:  )?(?:\[([^\[\]]+)\])?", re.DOTALL)

#: A line may be broken at spaces and between Chinese characters, but not before their punctuation.
_PIECES = re.compile(r"\s+|[\u2e80-\u9fff][\u3001-\u3003\uff01-\uff1f]*|[^\s\u2e80-\u9fff]+")


class Formatter(click.HelpFormatter):
    """Writes help in Chinese; names, options and examples stay as they are."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, catalogue().translated("Usage:") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':{self.current_indent}}{catalogue().translated(heading)}\uff1a\n")

    def write_text(self, text: str) -> None:
        written = []
        for paragraph in text.split("\n\n"):
            if paragraph.lstrip().startswith("\b"):  # its lines stay: examples, or terms and what they mean
                lines = [_line(line) for line in paragraph.lstrip()[2:].split("\n")]
            else:
                lines = list(wrapped(_paragraph(paragraph), self.width - self.current_indent))
            written.append("".join(f"{'':{self.current_indent}}{line}".rstrip() + "\n" for line in lines))
        self.write("\n".join(written))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        first = min(max((width(term) for term, _ in rows), default=0), col_max) + col_spacing
        margin = f"{'':{self.current_indent}}"
        for term, meaning in rows:
            lines = list(wrapped(_meaning(meaning), max(self.width - first - 2, 10))) or [""]
            if width(term) <= first - col_spacing:
                lines[0] = padded(term, first) + lines[0]
            else:
                lines.insert(0, term)
            self.write("".join(f"{margin}{line}".rstrip() + "\n" for line in self._hung(lines, first)))

    @staticmethod
    def _hung(lines: list[str], columns: int) -> Iterator[str]:
        yield lines[0]
        yield from (f"{'':{columns}}{line}" for line in lines[1:])


def _line(text: str) -> str:
    """A line of a paragraph that click does not wrap."""
    term, gap, meaning = re.fullmatch(r"( *\S+(?= {2,}))?( *)(.*)", text).groups("")  # type: ignore[union-attr]
    return f"{term}{gap}{catalogue().translated(meaning)}"


def _paragraph(text: str) -> str:
    return catalogue().translated(" ".join(text.split()))


def _meaning(text: str) -> str:
    """The help of an option or a command, which click may have cut short."""
    match = _EXTRA.fullmatch(text)
    words, extra = (match[1], match[2]) if match else (text, None)
    found = _paragraph(words)
    if found == words and words:
        found = catalogue().beginning(words)
    if extra:
        parts = "; ".join(catalogue().translated(part) for part in extra.split("; "))
        found = f"{found}  [{parts}]".strip()
    return found


def wrapped(text: str, columns: int) -> Iterator[str]:
    """The lines of a text that has Chinese in it, each of at most so many columns."""
    line = ""
    for piece in _PIECES.findall(text):
        if width(line) + width(piece.rstrip()) > columns and line.strip():
            yield line.rstrip()
            line = ""
        line += "" if not line and piece.isspace() else piece
    if line.strip():
        yield line.rstrip()
