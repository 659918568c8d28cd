"""What this machine can do: the yardsticks that every figure is held against."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from statistics import median

_PASS = [sys.executable, "-c", "pass"]

_RECORD = b"x" * 1023 + b"\n"


def environment(**extra: str) -> dict[str, str]:
    """Our environment without what would make Python start differently on this machine alone.

    (PYTHONDONTWRITEBYTECODE, for one, can mean that every start compiles every module anew.)
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FUN_LOCAL_"))}
    return kept | extra


def script(name: str) -> str:
    """The installed console script of the interpreter that runs us."""
    return os.path.join(os.path.dirname(sys.executable), name)


def run_seconds(command: list[str], environ: dict[str, str]) -> float:
    """How long a whole process takes, from spawn to wait. Its output goes nowhere.

    Raises:
        RuntimeError: it failed.
    """
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, environ, file_actions=quiet)
    _, status, _ = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    if status:
        code = os.waitstatus_to_exitcode(status)
        raise RuntimeError(f"{' '.join(command)} ended with {code}")
    return seconds


def pass_seconds(environ: dict[str, str]) -> float:
    """An interpreter that starts and does nothing."""
    return run_seconds(_PASS, environ)


class Log:
    """A file that records are appended to, each synced: what any durable acceptance costs at least."""

    def __init__(self, folder: str) -> None:
        self._fd = os.open(os.path.join(folder, "floor.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append_seconds(self) -> float:
        """One record of 1 KB, safe on the disk."""
        started = time.perf_counter()
        os.write(self._fd, _RECORD)
        _sync(self._fd)
        return time.perf_counter() - started

    def close(self) -> None:
        os.close(self._fd)


#: Where a system has no fdatasync (macOS) fsync is the nearest.
_sync = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Floor:
    """One look at the machine; times are medians, in milliseconds."""

    append_ms: float
    pass_ms: float
    round_trip_ms: float
    load: float


def floor(folder: str) -> Floor:
    """Measure the yardsticks alone, with nothing of ours running."""
    load = os.getloadavg()[0]
    log = Log(folder)
    try:
        appends = [log.append_seconds() for _ in range(200)]
    finally:
        log.close()
    environ = environment()
    passes = [pass_seconds(environ) for _ in range(20)]
    return Floor(median(appends) * 1e3, median(passes) * 1e3, median(_round_trips(1000)) * 1e3, load)


def _round_trips(count: int) -> list[float]:
    """Seconds for a byte to another process and back, over a Unix socket."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        while data := theirs.recv(1):
            theirs.send(data)
        os._exit(0)
    theirs.close()
    seconds = []
    with ours:
        for _ in range(count):
            started = time.perf_counter()
            ours.send(b"x")
            ours.recv(1)
            seconds.append(time.perf_counter() - started)
    os.waitpid(child, 0)
    return seconds
