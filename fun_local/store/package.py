"""The zip that would be uploaded for some code: the same bytes for the same code, whenever it is written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from fun_local.errors import InvalidRequest
from fun_local.store.code_entries import Entry, Source, source_entries
from fun_local.store.code_meter import Meter, OnProgress
from fun_local.store.files import TEMPORARY, raise_unavailable

#: The earliest a zip can hold: when a file was last touched is no part of the code.
_TIME = (1980, 1, 1, 0, 0, 0)

_UNIX = 3
_FILE, _EXECUTABLE, _FOLDER = 0o100644, 0o100755, 0o040755

#: The mark of a folder for readers that know no Unix modes.
_DOS_FOLDER = 0x10

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Package:
    """An archive on disk; ``files`` are those in it, ``md5`` (hex) is its name in object storage."""

    path: str
    files: int
    bytes: int
    md5: str


def write_package(source: Source, path: str, on_progress: OnProgress | None = None) -> Package:
    """Write the archive of some code to ``path``, whole or not at all, in place of what was there.

    An archive is taken as it is; of a folder, what is ignored is left out (fun-cli sections 4 and 12).

    Raises:
        InvalidRequest: code that can't be deployed either, or nothing at all.
        Unavailable: the disk is full.
    """
    entries = source_entries(source, without=path)
    files = sum(entry.open is not None for entry in entries)
    if not files:
        where = f" in {source.folder}" if source.folder else ""
        hint = "Look at CodeUri, and at what .funignore leaves of it."
        raise InvalidRequest("InvalidCode", f"there is no code{where} to be packaged", hint=hint)
    temporary = f"{path}.{os.urandom(4).hex()}{TEMPORARY}"
    try:
        with open(temporary, "xb") as file:
            if source.archive is None:
                _write_zip(file, entries, on_progress)
            else:
                file.write(source.archive)
            file.flush()
            os.fsync(file.fileno())
        md5, size = _measured(temporary)
        os.rename(temporary, path)
    except OSError as error:
        raise_unavailable(path, error)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    return Package(path, files, size, md5)


def _write_zip(file: BinaryIO, entries: Sequence[Entry], on_progress: OnProgress | None) -> None:
    meter = Meter(sum(entry.size for entry in entries), on_progress)
    meter.start_pass()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            info = _info(entry)
            if entry.open is None:
                archive.writestr(info, b"")
                continue
            with archive.open(info, "w") as member:
                for chunk in entry.chunks():
                    meter.add(len(chunk))
                    member.write(chunk)
    meter.finish()


def _info(entry: Entry) -> zipfile.ZipInfo:
    is_folder = entry.open is None
    info = zipfile.ZipInfo(f"{entry.name}/" if is_folder else entry.name, _TIME)
    mode = _FOLDER if is_folder else _EXECUTABLE if entry.is_executable else _FILE
    info.create_system = _UNIX
    info.external_attr = mode << 16 | (_DOS_FOLDER if is_folder else 0)
    info.compress_type = zipfile.ZIP_STORED if is_folder else zipfile.ZIP_DEFLATED
    info.file_size = entry.size
    return info


def _measured(path: str) -> tuple[str, int]:
    # The vendor's tools name archives by MD5; nothing here depends on its strength.
    md5, size = hashlib.md5(usedforsecurity=False), 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            md5.update(chunk)
            size += len(chunk)
    return md5.hexdigest(), size
