"""Where the code of fc and fc3 functions is, and what depends on the runtime besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fun_local.template.code import CodeSource, find_code
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem

#: The runtime whose code is an image.
CONTAINER = "custom-container"


def function_path(kind: str, path: Path) -> Path:
    """Where the properties of a module's function stand."""
    return (*path, "function") if kind == "fc" else path


def missing(document: Document, kind: str, properties: Mapping[str, Any], path: Path) -> list[Problem]:
    """What the runtime of a function asks for and is not there (as in the schema of fc3)."""
    given = _function(kind, properties)
    runtime = given.get("runtime")
    if not isinstance(runtime, str):
        return []  # there is none, or that has been reported
    at = function_path(kind, path)
    wanted: list[tuple[Path, str, str]] = []
    if runtime == CONTAINER:
        if "customContainerConfig" not in given:
            wanted.append((at, "customContainerConfig", ""))
    else:
        if kind == "fc3" and "handler" not in given and not runtime.startswith("custom"):
            wanted.append((at, "handler", ""))
        key, uri = _local(kind, given)
        if uri is None and not _is_stored(given):
            hint = "Give the folder, file or archive of the code."
            wanted.append(((*at, *key[:-1]), key[-1], hint))
    return [
        document.problem("required", where, f"Missing property {key}", hint) for where, key, hint in wanted
    ]


def find(
    document: Document, kind: str, properties: Mapping[str, Any], path: Path
) -> CodeSource | Problem | None:
    """The code of a function, or what is wrong with it; None when it is not on this machine."""
    given = _function(kind, properties)
    key, uri = _local(kind, given)
    runtime = given.get("runtime")
    if not isinstance(uri, str) or not isinstance(runtime, str) or uri.startswith("oss://"):
        return None
    if runtime == CONTAINER or not uri:
        return None
    at = function_path(kind, path)
    found = find_code(document, {"CodeUri": uri, "Runtime": runtime}, at)
    if isinstance(found, Problem):  # in the words of another dialect
        return document.problem(found.kind, (*at, *key), found.message, found.hint)
    return found


def _function(kind: str, properties: Mapping[str, Any]) -> Mapping[str, Any]:
    given = properties.get("function") if kind == "fc" else properties
    return given if isinstance(given, dict) and kind != "fc3-domain" else {}


def _local(kind: str, given: Mapping[str, Any]) -> tuple[tuple[str, ...], Any]:
    """The path of code on this machine, and the key it stands at."""
    if kind == "fc":
        return ("codeUri",), given.get("codeUri")
    code = given.get("code")
    return (("code", "src"), code.get("src")) if isinstance(code, dict) else (("code",), code)


def _is_stored(given: Mapping[str, Any]) -> bool:
    """Whether the code is in object storage."""
    code = given.get("code")
    if isinstance(code, dict):
        return bool(code.get("ossBucketName") and code.get("ossObjectName"))
    return bool(given.get("ossBucket") and given.get("ossKey"))
