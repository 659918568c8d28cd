"""Putting a project on the disk: all of it or nothing, and never over what is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress

from fun_local.errors import Conflict, storage_error
from fun_local.projects.rendering import File

#: So many names of files that are in the way are worth reading.
_SHOWN = 10


def create(folder: str, files: Sequence[File]) -> None:
    """Write ``files`` into a folder, made when it is not there. A failure takes back what was made.

    Raises:
        Conflict: something of that name is there. Nothing was changed.
        FunLocalError: the disk refuses. Nothing is left behind.
    """
    _check_free(folder, files)
    undo: list[Callable[[], None]] = []
    path = folder
    try:
        _make_folder(os.path.abspath(folder), undo)
        for file in files:
            path = os.path.join(folder, *file.path.split("/"))
            _make_folder(os.path.dirname(os.path.abspath(path)), undo)
            _write(path, file, undo)
    except BaseException as error:
        # Also for Ctrl-C. Newest first, so that folders are empty when their turn comes; what somebody else
        # has put into one meanwhile stays.
        for take_back in reversed(undo):
            with suppress(OSError):
                take_back()
        if isinstance(error, FileExistsError):
            raise _in_the_way(folder, [os.path.relpath(path, folder)]) from None
        if isinstance(error, OSError):
            raise storage_error(path, error) from None
        raise


def _check_free(folder: str, files: Sequence[File]) -> None:
    """All that is in the way, at once."""
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise Conflict(
            "FileExists", f"{folder} is there and no folder", hint="Choose another one with -n or -o."
        )
    taken = dict.fromkeys(found for file in files if (found := _obstacle(folder, file.path)))
    if taken:
        raise _in_the_way(folder, list(taken))


def _obstacle(folder: str, path: str) -> str:
    """What stands where ``path`` should be: the file itself, or what is no folder on the way to it.

    A link to a folder counts: it would lead out of the project.
    """
    names = path.split("/")
    for count in range(1, len(names) + 1):
        part = "/".join(names[:count])
        there = os.path.join(folder, part)
        is_folder = os.path.isdir(there) and not os.path.islink(there)
        if os.path.lexists(there) and not (is_folder and count < len(names)):
            return part
    return ""


def _in_the_way(folder: str, names: Sequence[str]) -> Conflict:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return Conflict(
        "FileExists",
        f"{folder} already holds {', '.join(names[:_SHOWN])}{more}; nothing is overwritten",
        hint="Name a new folder with -n NAME or -o FOLDER, or move them away.",
    )


def _make_folder(path: str, undo: list[Callable[[], None]]) -> None:
    if os.path.isdir(path):
        return
    _make_folder(os.path.dirname(path), undo)
    os.mkdir(path)
    undo.append(lambda: os.rmdir(path))


def _write(path: str, file: File, undo: list[Callable[[], None]]) -> None:
    # O_EXCL: not even over what has come since we looked, nor through a link.
    mode = 0o777 if file.is_executable else 0o666
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    undo.append(lambda: os.unlink(path))
    with os.fdopen(fd, "wb") as stream:
        stream.write(file.data)
