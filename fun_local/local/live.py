"""What instances write into their logs, handed on as it comes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

from fun_local.watch import Changes

#: Appears in the folder when no more is to come: changes there are what is waited for.
_END = "end"


@contextlib.contextmanager
def followed(folder: str, hand_on: Callable[[bytes], None]) -> Iterator[None]:
    """While the block runs, call ``hand_on`` with whatever is written to logs in the folder; in a thread.

    After it, everything that was written in the block has been handed on.
    """
    thread = threading.Thread(target=_follow, args=(folder, hand_on), name="log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        with open(os.path.join(folder, _END), "wb"):
            pass
        thread.join()


def _follow(folder: str, hand_on: Callable[[bytes], None]) -> None:
    read: dict[str, int] = {}
    with Changes() as changes:
        changes.add(folder)
        is_over = False
        while not is_over:
            names = os.listdir(folder)
            is_over = _END in names  # what is there now was written before the end
            for name in sorted(name for name in names if name.endswith(".log")):
                path = os.path.join(folder, name)
                changes.add(path)
                read[name] = _read_on(path, read.get(name, 0), hand_on)
            if not is_over:
                changes.wait()


def _read_on(path: str, position: int, hand_on: Callable[[bytes], None]) -> int:
    """Hand on what follows ``position``; the position after it. A log may have been cut meanwhile."""
    with open(path, "rb") as file:
        file.seek(min(position, file.seek(0, os.SEEK_END)))
        while part := file.read(65536):
            hand_on(part)
        return file.tell()
