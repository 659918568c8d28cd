"""Filling in `{{ variable }}`, in texts and in file names. Pure.

Only names that were declared are filled in, and another name in double braces is a mistake of the template's:
a slip of the pen must not end up in somebody's project. `${{ … }}` stays as it is, because CI services write
their own variables so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fun_local.errors import InvalidRequest

_VARIABLE = re.compile(r"(?<!\$)\{\{ *([A-Za-z_][A-Za-z0-9_]*) *\}\}")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a project: its path with '/' between the names, relative to the project."""

    path: str
    data: bytes
    is_executable: bool = False


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with each variable replaced by its value.

    Raises:
        InvalidRequest: it names a variable that is not declared.
    """
    for match in _VARIABLE.finditer(text):
        if match[1] not in values:
            line = text.count("\n", 0, match.start()) + 1
            raise InvalidRequest(
                "InvalidProjectTemplate",
                f"line {line} uses the variable {match[1]!r}, which is not declared",
                hint=f"Declare it in template.toml. Declared: {', '.join(values)}.",
            )
    return _VARIABLE.sub(lambda match: values[match[1]], text)


def render(files: Iterable[File], values: Mapping[str, str]) -> list[File]:
    """The files of a project. What is no text in UTF-8 stays as it is, byte for byte.

    Raises:
        InvalidRequest: a path would leave the project or is there twice, or a variable is not declared.
    """
    rendered = [_rendered(file, values) for file in files]
    _check_paths([file.path for file in rendered])
    return rendered


def _rendered(file: File, values: Mapping[str, str]) -> File:
    try:
        path = "/".join(_name(fill(name, values)) for name in file.path.split("/"))
        return File(path, _filled(file.data, values), file.is_executable)
    except InvalidRequest as error:
        raise InvalidRequest(error.code, f"{file.path}: {error.message}", hint=error.hint) from None


def _filled(data: bytes, values: Mapping[str, str]) -> bytes:
    if b"\0" in data:
        return data
    try:
        return fill(data.decode(), values).encode()
    except UnicodeDecodeError:
        return data


def _name(name: str) -> str:
    """The name of one file or folder, which can't lead anywhere else."""
    if name in ("", ".", "..") or any(mark in name for mark in "/\\\0"):
        raise InvalidRequest(
            "InvalidArgument",
            f"{name!r} can't be the name of a file",
            hint="Give its variable another value with --var.",
        )
    return name


def _check_paths(paths: Sequence[str]) -> None:
    """A file must not be there twice, or be a folder as well. Not all file systems tell case apart."""
    files = {path.lower() for path in paths}
    folders = {path[:at].lower() for path in paths for at, mark in enumerate(path) if mark == "/"}
    seen: set[str] = set()
    for path in paths:
        if path.lower() in seen or path.lower() in folders & files:
            raise InvalidRequest(
                "InvalidArgument",
                f"two files of the template would both be called {path}",
                hint="Give the variables in its file names other values with --var.",
            )
        seen.add(path.lower())
