"""Code that is in OSS. There is no OSS here.

Such a template can be checked, and it can be deployed when a folder stands in for the buckets
(template.md 8): the archive is FOLDER/BUCKET/KEY. Without one a deployment is refused, for a function
without code would fail at every call.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from fun_local.errors import InvalidRequest
from fun_local.template.code import SCHEME, CodeSource, read_archive
from fun_local.template.load import Document
from fun_local.template.problems import Problem

_INSTEAD = (
    "Deploy it with --oss-dir DIR, where DIR/BUCKET/KEY is the archive, or have the template name a local "
    "folder instead."
)


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


def warning(function: str, source: CodeSource) -> str:
    """What to know of a function whose code is in OSS."""
    return f"function {function}: its code, {_address(source)}, is not on this machine. {_INSTEAD}"


def on_this_machine(stage: Callable[[CodeSource], str]) -> Callable[[CodeSource], str]:
    """``stage`` for code that is here; what is in OSS is refused with InvalidRequest."""

    def checked(source: CodeSource) -> str:
        if source.stored is not None:
            message = f"the code is in OSS ({_address(source)}), which is not on this machine"
            raise InvalidRequest("InvalidArgument", message, hint=_INSTEAD)
        return stage(source)

    return checked


def _address(source: CodeSource) -> str:
    return SCHEME + "/".join(source.stored or ())
