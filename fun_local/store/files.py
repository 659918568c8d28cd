"""Files that are whole at every instant: written aside, then renamed over the old one."""

from __future__ import annotations

import contextlib
import os
from typing import NoReturn

from fun_local.errors import storage_error

#: Files that hold a write that did not finish end like this; whoever owns the folder deletes them.
TEMPORARY = ".tmp"


def write_atomically(path: str, *parts: bytes, mode: int = 0o600) -> None:
    """Replace ``path`` by these bytes: readers see the old file or the new one, never a part.

    Always synced: an unsynced rename over a synced file could, after a power cut, leave an empty one.
    To make the rename itself safe the caller owes ``sync_folder``, once for all files it wrote there.

    Raises:
        Unavailable: the disk is full or refuses the write; the old file is still there.
    """
    temporary = f"{path}.{os.urandom(4).hex()}{TEMPORARY}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise_unavailable(path, error)


def sync_folder(path: str) -> None:
    """Make renames inside a folder safe from a power cut. Raises as write_atomically does."""
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise_unavailable(path, error)


def remove_temporaries(folder: str, *, of: str = "") -> None:
    """Delete what was left by writes that did not finish; of one file, or of all that the caller owns."""
    for name in os.listdir(folder):
        if name.startswith(of) and name.endswith(TEMPORARY):
            os.unlink(os.path.join(folder, name))


def make_private_folder(path: str) -> None:
    """Create a folder (and its parents) that only its owner can enter."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise_unavailable(path, error)


def raise_unavailable(path: str, error: OSError) -> NoReturn:
    """Raise a failed file operation as an error that names the file and the next step."""
    raise storage_error(path, error) from error
