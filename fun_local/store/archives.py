"""The archives of functions' code: what a client of the API uploads, and what one downloads.

root/DIGEST-CRC64.zip    the code that the code store keeps unpacked under DIGEST

An uploaded archive is kept as it came, so that its checksum stays the one its owner knows. Code that was
deployed from a folder gets an archive when somebody first asks for it.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass

from fun_local.errors import NotFound
from fun_local.store.code import CodeStore
from fun_local.store.crc64 import Crc64, crc64
from fun_local.store.files import TEMPORARY, make_private_folder, remove_temporaries, write_atomically
from fun_local.store.package import write_package

_NAME = re.compile(r"([0-9a-f]{64})-([0-9]{1,20})\.zip")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """An archive on its way into the code store (code_entries.Source)."""

    archive: bytes
    files: None = None
    folder: None = None
    ignored: None = None


@dataclass(frozen=True, slots=True)
class _Folder:
    """Code of the code store, to be made an archive of."""

    folder: str
    files: None = None
    archive: None = None
    ignored: None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip file. ``checksum`` is its CRC-64 in decimal."""

    path: str
    checksum: str
    bytes: int


class Archives:
    """Archives in ``root`` for the code in ``code``. Written by one process, the daemon.

    All methods but ``known`` may take long: they are for other threads than the event loop's.
    """

    def __init__(self, root: str, code: CodeStore) -> None:
        self._root = root
        self._code = code
        # What ``known`` has found, until something changes: every answer to a call asks.
        self._found: dict[str, Archive] | None = None
        self._changes = 0

    def add(self, archive: bytes) -> str:
        """Keep code and its archive; the digest.

        Raises:
            InvalidRequest: no archive, or not one that may be kept (see CodeStore.add).
            Unavailable: the disk is full.
        """
        digest = self._code.add(Upload(archive))
        make_private_folder(self._root)
        path = os.path.join(self._root, f"{digest}-{crc64(archive)}.zip")
        if not os.path.exists(path):
            write_atomically(path, archive)
        # The same files packed anew: the newest is what its owner has at hand.
        os.utime(path)
        self._changed()
        return digest

    def known(self, digest: str) -> Archive | None:
        """The newest archive of a digest, if there is one yet."""
        found = self._found
        if found is None:
            before = self._changes
            found = self._look()
            if before == self._changes:  # else another thread has added one meanwhile
                self._found = found
        archive = found.get(digest)
        return archive if archive is not None and os.path.exists(archive.path) else None

    def _look(self) -> dict[str, Archive]:
        found: list[tuple[int, str, Archive]] = []
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self._root):
                if match := _NAME.fullmatch(entry.name):
                    status = entry.stat()
                    archive = Archive(entry.path, match[2], status.st_size)
                    found.append((status.st_mtime_ns, match[1], archive))
        return {digest: archive for _, digest, archive in sorted(found, key=lambda item: item[0])}

    def _changed(self) -> None:
        self._changes += 1
        self._found = None

    def of(self, digest: str) -> Archive:
        """The archive of a digest, made if need be.

        Raises:
            NotFound: there is no such code.
            Unavailable: the disk is full.
        """
        folder = self._code.path(digest)
        if archive := self.known(digest):
            return archive
        make_private_folder(self._root)
        new = os.path.join(self._root, f"{digest}.{os.urandom(4).hex()}{TEMPORARY}")
        write_package(_Folder(folder), new)
        checksum = Crc64()
        with open(new, "rb") as file:
            while chunk := file.read(_CHUNK):
                checksum.add(chunk)
        path = os.path.join(self._root, f"{digest}-{checksum}.zip")
        os.rename(new, path)
        self._changed()
        return Archive(path, str(checksum), os.path.getsize(path))

    def remove_unused(self) -> None:
        """Delete the archives whose code is gone, and what crashes have left. For the start of a daemon."""
        with contextlib.suppress(FileNotFoundError):
            remove_temporaries(self._root)
            for name in os.listdir(self._root):
                try:
                    self._code.path(name.partition("-")[0])
                except NotFound:
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(self._root, name))
        self._changed()
