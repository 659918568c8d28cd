"""The code of functions: folders named by the digest of what is in them, so written once and never changed.

root/<digest>/...    complete, or not there
root/.new-...        being written, or what a crash left of that
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from typing import IO

from fun_local.errors import NotFound
from fun_local.store.code_entries import Entry, Source, source_entries
from fun_local.store.code_meter import Meter, OnProgress
from fun_local.store.files import make_private_folder, raise_unavailable

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NEW = ".new-"

#: Modes of a file, of a program and of a folder, each less what the umask takes away.
Modes = tuple[int, int, int]
_PRIVATE: Modes = (0o600, 0o700, 0o700)
READABLE: Modes = (0o666, 0o777, 0o777)


class CodeStore:
    """Code in ``root``, a folder that only its owner can enter. Any number of processes may add to it.

    ``home`` is the folder of all that is ours, when that is more than ``root``. It is never part of
    anybody's code, also when it lies in their project: it changes with every deploy.
    """

    def __init__(self, root: str, *, home: str | None = None) -> None:
        self._root = os.path.abspath(root)
        self._home = home or self._root

    def path(self, digest: str) -> str:
        """The folder of a digest.

        Raises:
            NotFound: there is none.
        """
        path = os.path.join(self._root, digest)
        if not _DIGEST.fullmatch(digest) or not os.path.isdir(path):
            message = f"the code {digest!r} is not in {self._root}"
            raise NotFound("CodeNotFound", message, hint="Deploy the function again: fun deploy")
        return path

    def add(self, source: Source, on_progress: OnProgress | None = None) -> str:
        """Keep the code and return its digest. The same content has the same digest, wherever it was.

        What is ignored is not content: it is neither kept nor does it change the digest.

        Raises:
            InvalidRequest: code that can't be kept: links out of it, too much, a damaged archive.
            Unavailable: the disk is full.
        """
        entries = source_entries(source, without=self._home)
        # Twice: most deploys change little, and reading costs a third of what writing costs.
        meter = Meter(sum(entry.size for entry in entries), on_progress, passes=2)
        digest = read_code(entries, meter)
        with contextlib.suppress(FileNotFoundError):
            os.utime(os.path.join(self._root, digest))  # in use again: remove_unused goes by this time
            meter.finish()
            return digest
        make_private_folder(self._root)
        try:
            temporary = tempfile.mkdtemp(prefix=_NEW, dir=self._root)
        except OSError as error:
            raise_unavailable(self._root, error)
        try:
            # Named by what has been written: files may have changed since they were looked at.
            digest = read_code(entries, meter, temporary)
            os.utime(temporary)
            with contextlib.suppress(FileExistsError):
                _rename(temporary, os.path.join(self._root, digest))
        except OSError as error:
            raise_unavailable(self._root, error)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        meter.finish()
        return digest

    def remove_unused(self, keep: Collection[str], *, older_than_seconds: float) -> None:
        """Delete the code whose digest is not in ``keep``, and what crashes have left.

        Younger folders stay: somebody may be about to deploy what they have just added.
        """
        try:
            names = os.listdir(self._root)
        except FileNotFoundError:
            return
        for name in names:
            path = os.path.join(self._root, name)
            if name in keep or not (name.startswith(_NEW) or _DIGEST.fullmatch(name)):
                continue
            # A folder that another process removes first, or that can't be removed, is no matter.
            with contextlib.suppress(OSError):
                if time.time() - os.stat(path).st_mtime < older_than_seconds:
                    continue
                doomed = f"{path}-old" if name.startswith(_NEW) else os.path.join(self._root, f"{_NEW}{name}")
                os.rename(path, doomed)  # nobody may find half a folder under a digest
                shutil.rmtree(doomed, ignore_errors=True)


def read_code(
    entries: Sequence[Entry], meter: Meter, folder: str | None = None, *, modes: Modes = _PRIVATE
) -> str:
    """Read everything once and return the digest; with a ``folder``, write it there too."""
    meter.start_pass()
    whole = hashlib.sha256()
    made = {""}
    for entry in entries:
        content = hashlib.sha256()
        with contextlib.nullcontext() if folder is None else _created(folder, entry, made, modes) as file:
            for chunk in entry.chunks():
                meter.add(len(chunk))
                content.update(chunk)
                if file is not None:
                    file.write(chunk)
        kind = b"d" if entry.open is None else b"x" if entry.is_executable else b"f"
        whole.update(kind + os.fsencode(entry.name) + b"\0" + content.digest())
    return whole.hexdigest()


@contextlib.contextmanager
def _created(folder: str, entry: Entry, made: set[str], modes: Modes) -> Iterator[IO[bytes] | None]:
    """The entry below ``folder``, with the folders it is in: open for writing, or None for a folder.

    ``made`` are the folders that are there, so that each costs one call and not one for each of its files.
    """
    file_mode, program_mode, folder_mode = modes
    _make(folder, entry.name if entry.open is None else entry.name.rpartition("/")[0], made, folder_mode)
    if entry.open is None:
        yield None
        return
    mode = program_mode if entry.is_executable else file_mode
    fd = os.open(os.path.join(folder, entry.name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(fd, "wb") as file:
        yield file


def _make(folder: str, name: str, made: set[str], mode: int) -> None:
    if name not in made:
        _make(folder, name.rpartition("/")[0], made, mode)
        os.mkdir(os.path.join(folder, name), mode)
        made.add(name)


def _rename(temporary: str, path: str) -> None:
    try:
        os.rename(temporary, path)
    except OSError:
        # Somebody else has added the same meanwhile; the system may call it "not empty" too.
        if os.path.isdir(path):
            raise FileExistsError(path) from None
        raise
