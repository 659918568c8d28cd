"""Code that is in OSS: in this home's own, or in a folder that stands in for it.

A template with code elsewhere can be checked, and it can be deployed when a folder stands in for the buckets
(template.md 8): the archive is FOLDER/BUCKET/KEY. Otherwise a deployment is refused, for a function without
code would fail at every call.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from fun_local.errors import InvalidRequest
from fun_local.template.code import SCHEME, CodeSource, checked, read_archive
from fun_local.template.load import Document
from fun_local.template.problems import Problem

_INSTEAD = (
    "Upload it to this home first (docs/clients.md), deploy it with --oss-dir DIR, where DIR/BUCKET/KEY is "
    "the archive, or have the template name a local folder instead."
)

#: The archive in a bucket under a key; None where there is none.
Fetch = Callable[[str, str], bytes | None]


def local(document: Document, source: CodeSource, folder: str) -> CodeSource | Problem:
    """Code as it is on this machine: what is in OSS comes out of ``folder``."""
    if source.stored is None:
        return source
    root = os.path.realpath(folder)
    try:
        target = os.path.realpath(os.path.join(root, *source.stored))
        if os.path.commonpath((root, target)) != root:
            return document.problem("value", source.at, f"{target} is outside {root}")
        is_there = os.path.isfile(target)
    except ValueError as error:  # a zero byte in the name
        return document.problem("value", source.at, f"can't read {_address(source)!r}: {error}")
    if not is_there:
        message = f"there is no file {target} to stand in for {_address(source)}"
        return document.problem("value", source.at, message, "Put the archive with the code there.")
    return read_archive(document, target, source.at)


def fetched(document: Document, source: CodeSource, fetch: Fetch) -> CodeSource | Problem:
    """Code out of this home's OSS; as it was where it is not there."""
    if source.stored is None:
        return source
    archive = fetch(*source.stored)
    if archive is None:
        return source
    found = checked(document, archive, source.at, f"{_address(source)} is not a zip archive")
    return found if isinstance(found, Problem) else replace(found, at=source.at)


def warning(function: str, source: CodeSource) -> str:
    """What to know of a function whose code is in OSS."""
    return f"function {function}: its code, {_address(source)}, is not on this machine. {_INSTEAD}"


def on_this_machine(stage: Callable[[CodeSource], str]) -> Callable[[CodeSource], str]:
    """``stage`` for code that is here; what is in OSS is refused with InvalidRequest."""

    def staged(source: CodeSource) -> str:
        if source.stored is not None:
            message = f"the code is in OSS ({_address(source)}), which is not on this machine"
            raise InvalidRequest("InvalidArgument", message, hint=_INSTEAD)
        return stage(source)

    return staged


def _address(source: CodeSource) -> str:
    return SCHEME + "/".join(source.stored or ())
