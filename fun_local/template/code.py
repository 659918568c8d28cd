"""A function's code: text in the template, an archive, or a file or folder next to it."""

from __future__ import annotations

import base64
import binascii
import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem, shown

#: Bytes of an archive file (fc-api 17: code through OSS).
MAX_ARCHIVE_BYTES = 500 * 1024 * 1024

_ARCHIVES = (".zip", ".jar", ".war")
_EXTENSIONS = {"python": "py", "nodejs": "js", "php": "php"}


@dataclass(frozen=True, slots=True)
class CodeSource:
    """Code on its way into the code store: one of files by relative name, a folder, or a zip archive."""

    files: Mapping[str, bytes] | None = None
    folder: str | None = None
    archive: bytes | None = None


def find_code(document: Document, properties: Mapping[str, Any], path: Path) -> CodeSource | Problem:
    """The code of a function with these evaluated properties, or what is wrong with it.

    Of several the first counts: Code.ZipFile, Code.SourceCode (ROS documentation: ALIYUN::FC::Function),
    then CodeUri, which Funcraft adds and looks at only when there is no Code.
    """
    code = properties.get("Code") or {}
    if code.get("ZipFile"):
        return _from_base64(document, code["ZipFile"], (*path, "Code", "ZipFile"))
    if code.get("SourceCode"):
        return _from_text(
            document, code["SourceCode"], properties.get("Runtime", ""), (*path, "Code", "SourceCode")
        )
    uri = properties.get("CodeUri", "")
    if uri and not uri.startswith("oss://"):
        return _from_disk(document, uri, (*path, "CodeUri"))
    if uri or code.get("OssBucketName") or code.get("OssObjectName"):
        at: Path = (*path, "CodeUri") if uri else (*path, "Code", "OssBucketName")
        return document.problem(
            "value",
            at,
            "code in OSS can't be fetched: there is no object storage here",
            "Use CodeUri with a local folder instead.",
        )
    return document.problem(
        "required", path, "Missing property Code", "Give Code.SourceCode, Code.ZipFile or CodeUri."
    )


def _from_base64(document: Document, text: str, path: Path) -> CodeSource | Problem:
    try:
        archive = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return document.problem("value", path, "ZipFile is a zip archive in base64, this is not base64")
    return _checked(document, archive, path, "ZipFile is a zip archive in base64, this is none")


def _from_text(document: Document, text: str, runtime: str, path: Path) -> CodeSource | Problem:
    for language, extension in _EXTENSIONS.items():
        if runtime.startswith(language):
            return CodeSource(files={f"index.{extension}": text.encode()})
    return document.problem(
        "value",
        path,
        f"SourceCode is for Python, Node.js and PHP, not for runtime {shown(runtime)}",
        "Use CodeUri with a local folder instead.",
    )


def _from_disk(document: Document, uri: str, path: Path) -> CodeSource | Problem:
    base = os.path.dirname(os.path.abspath(document.path))
    target = os.path.normpath(os.path.join(base, uri))
    try:
        if os.path.isdir(target):
            return CodeSource(folder=target)
        if not os.path.isfile(target):
            return document.problem("value", path, f"there is no file or folder {target}")
        if os.path.getsize(target) > MAX_ARCHIVE_BYTES:
            return document.problem("value", path, f"{target} is larger than {MAX_ARCHIVE_BYTES} bytes")
        with open(target, "rb") as file:
            content = file.read()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        return document.problem("value", path, f"can't read {target!r}: {error}")
    if target.lower().endswith(_ARCHIVES):
        return _checked(document, content, path, f"{target} is not a zip archive")
    return CodeSource(files={os.path.basename(target): content})


def _checked(document: Document, archive: bytes, path: Path, message: str) -> CodeSource | Problem:
    if not zipfile.is_zipfile(io.BytesIO(archive)):
        return document.problem("value", path, message)
    return CodeSource(archive=archive)
