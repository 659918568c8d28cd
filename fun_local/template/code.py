"""A function's code: text in the template, an archive, a file or folder next to it, or an object in OSS.

Code in OSS is found wherever it is, so that a template can be checked; stored.py says when it can be staged.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fun_local.template import ignore
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem, shown

#: Bytes of an archive file (fc-api 17: code through OSS).
MAX_ARCHIVE_BYTES = 500 * 1024 * 1024

#: How an address in OSS starts.
SCHEME = "oss://"

_SEND = (
    "Run Funcraft's fun package first, which uploads the code, and deploy what it writes; or deploy with "
    "fun-local's own command, which reads the folder: fun deploy --use-ros."
)

_ARCHIVES = (".zip", ".jar", ".war")
_EXTENSIONS = {"python": "py", "nodejs": "js", "php": "php"}


@dataclass(frozen=True, slots=True)
class CodeSource:
    """Code on its way into the code store: one of files by relative name, a folder, or a zip archive.

    ``ignored`` says of a relative name in the folder, and whether it is a folder's, if it is left out.
    ``stored`` is the bucket and the key of an archive that is in OSS instead. ``at`` is where the template
    says all this.
    """

    files: Mapping[str, bytes] | None = None
    folder: str | None = None
    archive: bytes | None = None
    ignored: Callable[[str, bool], bool] | None = field(default=None, compare=False)
    stored: tuple[str, str] | None = None
    at: Path = field(default=(), compare=False)


def find_code(document: Document, properties: Mapping[str, Any], path: Path) -> CodeSource | Problem:
    """The code of a function with these evaluated properties, or what is wrong with it.

    Of several the first counts: Code.ZipFile, Code.SourceCode (ROS documentation: ALIYUN::FC::Function),
    then CodeUri, which Funcraft adds and looks at only when there is no Code.
    """
    code, runtime = properties.get("Code") or {}, properties.get("Runtime", "")
    if text := code.get("ZipFile"):
        at: Path = (*path, "Code", "ZipFile")
        found = _from_base64(document, text, at)
    elif text := code.get("SourceCode"):
        at = (*path, "Code", "SourceCode")
        found = _from_text(document, text, runtime, at)
    elif uri := properties.get("CodeUri", ""):
        at = (*path, "CodeUri")
        is_stored = uri.startswith(SCHEME)
        if document.is_sent and not is_stored:
            message = f"{shown(uri)} is a folder of the project, and the template came without it"
            return document.problem("value", at, message, _SEND)
        found = _from_uri(document, uri, at) if is_stored else _from_disk(document, uri, runtime, at)
    else:
        at = (*path, "Code", "OssObjectName")
        found = _from_storage(document, code, path)
    return found if isinstance(found, Problem) else replace(found, at=at)


def _from_storage(document: Document, code: Mapping[str, Any], path: Path) -> CodeSource | Problem:
    bucket, key = code.get("OssBucketName", ""), code.get("OssObjectName", "")
    if bucket and key:
        return CodeSource(stored=(bucket, key))
    if bucket or key:
        missing = "OssObjectName" if bucket else "OssBucketName"
        return document.problem("required", (*path, "Code"), f"Missing property {missing}")
    return document.problem(
        "required", path, "Missing property Code", "Give Code.SourceCode, Code.ZipFile or CodeUri."
    )


def _from_uri(document: Document, uri: str, path: Path) -> CodeSource | Problem:
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    if bucket and key:
        return CodeSource(stored=(bucket, key))
    return document.problem("value", path, f"{shown(uri)} names no object in OSS", "Write oss://BUCKET/KEY.")


def _from_base64(document: Document, text: str, path: Path) -> CodeSource | Problem:
    try:
        archive = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return document.problem("value", path, "ZipFile is a zip archive in base64, this is not base64")
    return checked(document, archive, path, "ZipFile is a zip archive in base64, this is none")


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


def _from_disk(document: Document, uri: str, runtime: str, path: Path) -> CodeSource | Problem:
    base = os.path.dirname(os.path.abspath(document.path))
    target = os.path.normpath(os.path.join(base, uri))
    try:
        if os.path.isdir(target):
            file = ignore.FUNCRAFT if "ROSTemplateFormatVersion" in document.data else ignore.DEVS
            rules = ignore.Ignored(target, template=document.path, runtime=runtime, file=file)
            return CodeSource(folder=target, ignored=rules)
        if not os.path.isfile(target):
            return document.problem("value", path, f"there is no file or folder {target}")
    except ValueError as error:  # a zero byte in the name
        return document.problem("value", path, f"can't read {target!r}: {error}")
    content = _content(document, target, path)
    if isinstance(content, Problem):
        return content
    if target.lower().endswith(_ARCHIVES):
        return checked(document, content, path, f"{target} is not a zip archive")
    return CodeSource(files={os.path.basename(target): content})


def read_archive(document: Document, target: str, path: Path) -> CodeSource | Problem:
    """The archive in a file, whatever it is called."""
    content = _content(document, target, path)
    if isinstance(content, Problem):
        return content
    found = checked(document, content, path, f"{target} is not a zip archive")
    return found if isinstance(found, Problem) else replace(found, at=path)


def _content(document: Document, target: str, path: Path) -> bytes | Problem:
    try:
        if os.path.getsize(target) > MAX_ARCHIVE_BYTES:
            return document.problem("value", path, f"{target} is larger than {MAX_ARCHIVE_BYTES} bytes")
        with open(target, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        return document.problem("value", path, f"can't read {target!r}: {error}")


def checked(document: Document, archive: bytes, path: Path, message: str) -> CodeSource | Problem:
    """The code in an archive, or ``message`` as a problem where it is none."""
    if not zipfile.is_zipfile(io.BytesIO(archive)):
        return document.problem("value", path, message)
    return CodeSource(archive=archive)
