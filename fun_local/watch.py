"""Waiting for files to change, with the kernel's help: inotify on Linux, a look every 100 ms elsewhere."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import sys
import time
from types import TracebackType

# <sys/inotify.h>
_IN_MODIFY = 0x2
_IN_CLOSE_WRITE = 0x8
_IN_MOVED_TO = 0x80
_IN_CREATE = 0x100
_IN_DELETE = 0x200
_IN_NONBLOCK = 0o4000
_IN_CLOEXEC = 0o2000000

_FOLDER = _IN_MOVED_TO | _IN_CREATE | _IN_DELETE

_FALLBACK_SECONDS = 0.1

#: A change in a busy folder comes thousands of times a second; looking that often shows nothing more.
_COALESCE_SECONDS = 0.02


class Changes:
    """Files and folders being watched. Add, then read what is there, then wait: nothing is missed."""

    def __init__(self) -> None:
        self._fd = -1
        self._watched: set[str] = set()
        if sys.platform == "linux":
            import ctypes  # only for the three calls that Python does not have

            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)

    def add(self, path: str, *, contents: bool = False) -> None:
        """Watch a file for writes, or a folder for files that come, go or are replaced.

        With ``contents`` also for files in the folder that have been written and closed.
        """
        if self._fd < 0 or path in self._watched:
            return
        mask = _FOLDER if os.path.isdir(path) else _IN_MODIFY
        if contents:
            mask |= _IN_CLOSE_WRITE
        if self._libc.inotify_add_watch(self._fd, os.fsencode(path), mask) >= 0:
            self._watched.add(path)

    def fileno(self) -> int:
        """A descriptor that can be read when something changed; -1 where the system has no such thing."""
        return self._fd

    def wait(self, seconds: float | None = None) -> bool:
        """Block until something changed (True) or the time is over (False)."""
        if self._fd < 0:
            time.sleep(_FALLBACK_SECONDS if seconds is None else min(_FALLBACK_SECONDS, seconds))
            return True
        readable, _, _ = select.select([self._fd], [], [], seconds)
        if not readable:
            return False
        time.sleep(_COALESCE_SECONDS)
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self._fd, 65536)) >= 65536 - struct.calcsize("iIII") - 256:
                pass
        return True

    def __enter__(self) -> Changes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
