"""Reading requirements.txt: whether it asks for anything, and which files of this machine it names.

Only as far as that takes; pip alone knows what a requirement is.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from fun_local.errors import InvalidRequest

#: Files that include each other: so many are read.
_MAX_FILES = 100

#: Bytes of one of them.
_MAX_BYTES = 1_000_000

_OPTION = re.compile(r"(?:(-[a-zA-Z])\s*|(--[a-z-]+)(?:\s*=\s*|\s+|$))(.*)")
_INCLUDES = ("-r", "--requirement", "-c", "--constraint")
_EDITABLE = ("-e", "--editable")
_PLACES = (*_EDITABLE, "-f", "--find-links")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_VARIABLE = re.compile(r"\$\{\w+\}")


@dataclass(slots=True)
class Requirements:
    """What a file asks for. ``files`` are it and those that it includes, ``places`` what else it names."""

    files: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    is_empty: bool = True


def read(path: str) -> Requirements:
    """Read a file with all that it includes. Raises InvalidRequest when that can't be read."""
    found = Requirements()
    # pip takes places relative to the folder it runs in, included files relative to the file they are in.
    _read(os.path.abspath(path), os.path.dirname(os.path.abspath(path)), found)
    return found


def _read(path: str, folder: str, found: Requirements) -> None:
    if path in found.files:
        return
    found.files.append(path)
    if len(found.files) > _MAX_FILES:
        raise _refused(path, f"more than {_MAX_FILES} files include each other")
    for line in _lines(path):
        name, value = _option(line)
        if name in _INCLUDES:
            included = _local(value, os.path.dirname(path))
            if included and os.path.isfile(included):
                _read(included, folder, found)
            else:  # an address, or a mistake that pip will tell of
                found.is_empty = False
        elif name in _PLACES:
            found.is_empty = found.is_empty and name not in _EDITABLE
            _add_place(value, folder, found)
        elif not name:
            found.is_empty = False
            address = value.rpartition(" @ ")[2].strip()
            if address.startswith("file:") or _looks_local(address):
                _add_place(address, folder, found)


def _add_place(text: str, folder: str, found: Requirements) -> None:
    place = _local(text, folder)
    if place and os.path.exists(place):
        found.places.append(place)


def _lines(path: str) -> Iterator[str]:
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise _refused(path, str(error.strerror)) from None
    except UnicodeDecodeError:
        raise _refused(path, "it is not UTF-8 text") from None
    if len(raw) > _MAX_BYTES:
        raise _refused(path, f"it is larger than {_MAX_BYTES // 1_000_000} MB")
    for line in re.sub(r"\\\r?\n", "", text).splitlines():
        if bare := re.sub(r"(^|\s+)#.*", "", line).strip():
            yield bare


def _option(line: str) -> tuple[str, str]:
    """``-r more.txt`` as its two parts; the name is empty for a line that is a requirement."""
    if not line.startswith("-"):
        # Without what follows it: markers, hashes, options of its own.
        return "", re.split(r"\s+--|\s*;", line)[0]
    match = _OPTION.fullmatch(line)
    if not match:
        return line, ""
    try:
        values = shlex.split(match[3])
    except ValueError:
        values = [match[3]]
    return match[1] or match[2], values[0] if values else ""


def _local(text: str, folder: str) -> str:
    """The path that ``text`` means, seen from a folder; empty for anything but a path."""
    if text.startswith("file:"):
        text = unquote(urlsplit(text).path)
    elif "://" in text or _VARIABLE.search(text):
        return ""
    bare = re.sub(r"\[[\w\s,.-]*\]$", "", text)  # extras
    return os.path.normpath(os.path.join(folder, bare)) if bare and "\0" not in bare else ""


def with_packages(text: str, packages: Sequence[str]) -> str:
    """The file's text with these packages: in place of other versions of them, else at the end."""
    lines = text.splitlines(keepends=True)
    for package in packages:
        name = _name(package)
        places = [number for number, line in enumerate(lines) if name and _name(line) == name]
        if package in (line.strip() for line in lines):
            continue
        if places:
            lines[places[0]] = f"{package}\n"
        else:
            if lines and not lines[-1].endswith(("\n", "\r")):
                lines[-1] += "\n"
            lines.append(f"{package}\n")
    return "".join(lines)


def _name(line: str) -> str:
    """The name of the package that a line asks for, in one spelling; empty where it says none."""
    bare = line.partition("#")[0].strip()
    match = re.fullmatch(r"([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\]\s*)?([=<>!~;@ ].*)?", bare, re.S)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match and not _looks_local(match[1]) else ""


def is_path(text: str) -> bool:
    """Whether somebody who names a package like this means a file or folder, as pip sees it."""
    return os.path.exists(text) and _looks_local(text)


def _looks_local(text: str) -> bool:
    return os.sep in text or text.startswith(".") or text.endswith(_ARCHIVES)


def _refused(path: str, reason: str) -> InvalidRequest:
    return InvalidRequest("InvalidManifest", f"{path} can't be read: {reason}")
