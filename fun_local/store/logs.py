"""The log files that instances write; see also ``LogSegment`` in model/execution.py."""

from __future__ import annotations

import contextlib
import os


def folder(home: str) -> str:
    return os.path.join(home, "logs")


#: What a synchronous caller is shown of a log (fc-api 17).
_TAIL_BYTES = 4096


def tail(home: str, file: str, start: int, end: int) -> bytes:
    """The last 4 KB of a range of a log file."""
    start = max(start, end - _TAIL_BYTES)
    try:
        with open(os.path.join(folder(home), file), "rb") as log:
            return os.pread(log.fileno(), end - start, start)
    except FileNotFoundError:
        return b""


def remove_old(home: str, run_dir: str, before_ms: int) -> None:
    """Delete the logs of ended instances that nothing was written to since ``before_ms``.

    No record needs them any more: one that ended later would have written its end there.
    """
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder(home)):
            is_running = os.path.exists(os.path.join(run_dir, entry.name.removesuffix(".log") + ".json"))
            if not is_running and entry.stat().st_mtime_ns // 1_000_000 < before_ms:
                os.unlink(entry.path)
