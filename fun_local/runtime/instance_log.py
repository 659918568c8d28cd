"""An instance's log, where we write into it ourselves: the instance has it open, too, and goes on writing."""

from __future__ import annotations

import os
from contextlib import suppress
from io import FileIO

#: Of what is cut off, this much of the end stays: the last words of a function, and its end marker.
_KEPT_BYTES = 4096


def size(path: str) -> int:
    """In bytes; 0 when somebody has removed it."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def add_line(path: str, line: str) -> None:
    """Add a line of ours; on a new line, even if the function is in the middle of one."""
    with suppress(FileNotFoundError), _open(path) as file:
        _add(file, line.encode() + b"\n")


def cut(path: str, length: int, notice: str) -> None:
    """Drop what is beyond ``length`` but for the last lines, and say so.

    What comes next is appended, as everybody appends. What is written in the very moment may be lost.
    """
    with suppress(FileNotFoundError), _open(path) as file:
        end = file.seek(0, os.SEEK_END)
        start = max(end - _KEPT_BYTES, length)
        last = os.pread(file.fileno(), max(end - start, 0), start).partition(b"\n")[2]
        file.truncate(length)
        _add(file, f"fun-local: {notice}\n".encode() + last)


def _open(path: str) -> FileIO:
    """For reading and appending; one that is gone stays away."""
    return FileIO(path, "a+", opener=lambda name, flags: os.open(name, flags & ~os.O_CREAT))


def _add(file: FileIO, text: bytes) -> None:
    end = file.seek(0, os.SEEK_END)
    is_torn = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
    file.write(b"\n" * is_torn + text)
