"""The log of one execution as one text: what its attempts have written, one after the other.

Places in it are byte positions of the whole; an attempt's part lies in the file of the instance that ran it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from fun_local.model.execution import Execution, LogSegment
from fun_local.store import logs

#: Bytes of one answer.
MOST_AT_ONCE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a log: its place, its text, the size of the whole, and where each attempt's part begins."""

    start: int
    end: int
    size: int
    text: str
    attempts: tuple[int, ...]


def read(home: str, execution: Execution, start: int | None = None, end: int | None = None) -> Part:
    """From ``start`` to ``end`` (the whole by default), as much of it as goes into one answer.

    Without a start it is the last of it, from the beginning of a line.
    """
    found = [_range(home, segment, execution) for segment in execution.logs]
    begins = [sum(high - low for low, high in found[:i]) for i in range(len(found) + 1)]
    size = begins[-1]
    end = size if end is None else min(end, size)
    is_tail = start is None
    start = max(0, end - MOST_AT_ONCE) if start is None else min(start, end)
    data = b""
    for segment, (low, high), begin in zip(execution.logs, found, begins, strict=False):
        first = max(low, low + start - begin)
        last = min(high, low + min(end, start + MOST_AT_ONCE) - begin)
        if first < last:
            data += _bytes(home, segment.file, first, last)
    if is_tail and start > 0 and (line := data.find(b"\n")) >= 0:
        start, data = start + line + 1, data[line + 1 :]
    data = _whole_characters(data)
    return Part(start, start + len(data), size, data.decode(errors="replace"), tuple(begins[:-1]))


def _range(home: str, segment: LogSegment, execution: Execution) -> tuple[int, int]:
    """Where a segment lies in its file. That of a running attempt goes on to what it has written so far."""
    if segment.end is not None:
        return segment.start, segment.end
    try:
        size = os.path.getsize(os.path.join(logs.folder(home), segment.file))
    except FileNotFoundError:
        return segment.start, segment.start
    if execution.status.is_final:
        return segment.start, segment.start
    return segment.start, max(segment.start, size)


def _bytes(home: str, file: str, start: int, end: int) -> bytes:
    try:
        with open(os.path.join(logs.folder(home), file), "rb") as log:
            found = os.pread(log.fileno(), end - start, start)
    except FileNotFoundError:
        found = b""
    # Places must stay what they are though a file was deleted.
    return found.ljust(end - start, b" ")


def _whole_characters(data: bytes) -> bytes:
    """Without a last character of which some bytes are still to come."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte >= 0xC0:
            wanted = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[:-back] if wanted > back else data
        if byte < 0x80:
            break
    return data
