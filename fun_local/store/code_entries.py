"""What is in a folder, an archive or a set of files, as a flat list to be hashed, copied or zipped.

Nothing is trusted: no entry leads out of what it came from, and all of it has a bound.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Protocol

from fun_local.errors import InvalidRequest
from fun_local.store.code_meter import MAX_BYTES

#: Files of an archive, and of a folder (node_modules has many).
MAX_ARCHIVE_FILES = 20_000
MAX_FOLDER_FILES = 100_000

#: Folders inside folders.
_MAX_DEPTH = 100

#: Bytes of an archive's table of contents: MAX_ARCHIVE_FILES long names. Reading it takes many times that.
_MAX_TABLE = 16 * 1024 * 1024

_CHUNK = 1 << 16

#: At the top, what starts a custom runtime: Funcraft uploads it executable whatever it is here.
_BOOTSTRAP = "bootstrap"

#: Of a name relative to the folder, and whether it is a folder's: is it not part of the code?
Ignored = Callable[[str, bool], bool]


class Source(Protocol):
    """Code: one of files by relative name, a folder but for what is ignored in it, or a zip archive."""

    @property
    def files(self) -> Mapping[str, bytes] | None: ...

    @property
    def folder(self) -> str | None: ...

    @property
    def archive(self) -> bytes | None: ...

    @property
    def ignored(self) -> Ignored | None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or with ``open`` None an empty folder. ``name`` is relative, with ``/``, and safe to join."""

    name: str
    is_executable: bool = False
    size: int = 0
    open: Callable[[], IO[bytes]] | None = None

    def chunks(self) -> Iterator[bytes]:
        """The content, read anew each time. Raises InvalidRequest when it can't be read to its end."""
        if self.open is None:
            return
        try:
            with self.open() as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except Exception as error:  # of a damaged archive zipfile and its decompressors raise anything
            raise _refused(f"{self.name} can't be read: {error}") from None


def source_entries(source: Source, *, without: str) -> list[Entry]:
    """What is in a source, but for the file or folder ``without``. Raises as the three below."""
    if source.archive is not None:
        return archive_entries(source.archive)
    if source.folder is not None:
        return folder_entries(source.folder, without=without, ignored=source.ignored)
    return file_entries(source.files or {})


def file_entries(files: Mapping[str, bytes]) -> list[Entry]:
    """Files given by name and content. Raises InvalidRequest for names as archives may not have them."""
    return _checked(
        [
            Entry(_safe(name), name == _BOOTSTRAP, len(data), partial(io.BytesIO, data))
            for name, data in files.items()
        ]
    )


def folder_entries(folder: str, *, without: str, ignored: Ignored | None = None) -> list[Entry]:
    """What is in a folder, but for what is ignored and the file or folder ``without``.

    Symbolic links to what is in the folder too become what they lead to.

    Raises:
        InvalidRequest: a link that leads out of it or in a circle, a device, too much of anything.
    """
    root = os.path.realpath(folder)
    entries: list[Entry] = []
    try:
        for entry in _scan(root, "", (root,), os.path.realpath(without), ignored):
            entries.append(entry)
            if len(entries) > MAX_FOLDER_FILES:
                raise _refused(f"{root} holds more than {MAX_FOLDER_FILES} files")
    except OSError as error:
        raise _refused(f"{error.filename or root} can't be read: {error.strerror}") from None
    return _checked(entries)


def _scan(
    folder: str, prefix: str, parents: tuple[str, ...], without: str, ignored: Ignored | None
) -> Iterator[Entry]:
    if len(parents) > _MAX_DEPTH:
        raise _refused(f"{folder} is more than {_MAX_DEPTH} folders deep")
    with os.scandir(folder) as listing:
        items = list(listing)
    for item in items:
        name = prefix + item.name
        if ignored and ignored(name, item.is_dir(follow_symlinks=False)):
            continue
        real = _target(item, parents[0]) if item.is_symlink() else item.path
        if real == without:
            continue
        status = os.stat(real)
        if stat.S_ISREG(status.st_mode):
            is_executable = bool(status.st_mode & stat.S_IXUSR) or name == _BOOTSTRAP
            yield Entry(name, is_executable, status.st_size, partial(io.FileIO, real))
        elif not stat.S_ISDIR(status.st_mode):
            raise _refused(f"{item.path} is neither a file nor a folder", hint="Remove it.")
        elif real in parents:
            raise _refused(f"symbolic link {item.path} leads back to a folder it is in", hint="Remove it.")
        else:
            yield Entry(name)
            yield from _scan(real, name + "/", (*parents, real), without, ignored)


def _target(link: os.DirEntry[str], root: str) -> str:
    """What a symbolic link in ``root`` leads to, which must be in there too."""
    real = os.path.realpath(link.path)
    if os.path.commonpath((real, root)) != root:
        raise _refused(
            f"symbolic link {link.path} leads out of {root}, to {real}",
            hint="Put a copy there instead of the link.",
        )
    if not os.path.exists(real):
        raise _refused(f"symbolic link {link.path} leads nowhere", hint="Remove it.")
    return real


def archive_entries(archive: bytes) -> list[Entry]:
    """What is in a zip archive, nothing of it unpacked yet.

    Raises:
        InvalidRequest: no zip archive, too much in it, links, or names that lead out of it.
    """
    end = archive.rfind(b"PK\x05\x06", -66_000)
    table = struct.unpack_from("<L", archive, end + 12)[0] if 0 <= end <= len(archive) - 22 else 0
    if table > _MAX_TABLE:
        raise _refused(f"the archive holds more than {MAX_ARCHIVE_FILES} files")
    try:
        opened = zipfile.ZipFile(io.BytesIO(archive))
    except Exception as error:
        raise _refused(f"the code is not a zip archive that can be read: {error}") from None
    infos = opened.infolist()
    if len(infos) > MAX_ARCHIVE_FILES:
        raise _refused(f"the archive holds {len(infos)} files, more than {MAX_ARCHIVE_FILES}")
    if sum(info.file_size for info in infos) > MAX_BYTES:
        raise _refused(f"unpacked, the archive is larger than {MAX_BYTES} bytes")
    entries = []
    for info in infos:
        name, mode = _safe(info.filename), info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(f"{info.filename} in the archive is a link or a device")
        if info.flag_bits & 0x1:
            raise _refused(f"{info.filename} in the archive is encrypted")
        if name and info.is_dir():
            entries.append(Entry(name))
        elif name:
            is_executable = bool(mode & stat.S_IXUSR)
            entries.append(Entry(name, is_executable, info.file_size, partial(opened.open, info)))
    return _checked(entries)


def _safe(name: str) -> str:
    """A relative name in one spelling; empty for the top itself, as archives may hold it."""
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    is_long = any(len(part.encode(errors="replace")) > 255 for part in parts) or len(parts) > _MAX_DEPTH
    if path.startswith("/") or re.match("[A-Za-z]:", path) or ".." in parts or "\0" in path or is_long:
        raise _refused(f"{name[:300]!r} in the code is not a safe name")
    return "/".join(parts)


def _checked(entries: list[Entry]) -> list[Entry]:
    """In the order of their names, each once, without folders that are not empty."""
    files: dict[str, Entry] = {}
    folders: dict[str, Entry] = {}
    parents: set[str] = set()
    for entry in entries:
        if entry.open and entry.name in files:
            raise _refused(f"{entry.name} is in the code twice")
        (files if entry.open else folders)[entry.name] = entry
        parent = os.path.dirname(entry.name)
        while parent and parent not in parents:
            parents.add(parent)
            parent = os.path.dirname(parent)
    if clash := files.keys() & (parents | folders.keys()):
        raise _refused(f"{min(clash)} in the code is a file and a folder")
    kept = [*files.values(), *(entry for name, entry in folders.items() if name not in parents)]
    return sorted(kept, key=lambda entry: os.fsencode(entry.name))


def _refused(message: str, *, hint: str = "") -> InvalidRequest:
    return InvalidRequest("InvalidCode", message, hint=hint)
