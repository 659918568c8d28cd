"""Where the code of fc and fc3 functions is, and what depends on the runtime besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
        if uri is None and _stored(given) is None:
            hint = "Give the folder, file or archive of the code."
            wanted.append(((*at, *key[:-1]), key[-1], hint))
    return [
        document.problem("required", where, f"Missing property {key}", hint) for where, key, hint in wanted
    ]


def find(
    document: Document, kind: str, properties: Mapping[str, Any], path: Path
) -> CodeSource | Problem | None:
    """The code of a function, or what is wrong with it; None when it has none."""
    given = _function(kind, properties)
    key, uri = _local(kind, given)
    runtime = given.get("runtime")
    if not isinstance(runtime, str) or runtime == CONTAINER:
        return None
    at = function_path(kind, path)
    if uri is None and (stored := _stored(given)):
        return CodeSource(stored=stored[1], at=(*at, *stored[0]))
    if not isinstance(uri, str) or not uri:
        return None
    found = find_code(document, {"CodeUri": uri, "Runtime": runtime}, at)
    if isinstance(found, Problem):  # in the words of another dialect
        return document.problem(found.kind, (*at, *key), found.message, found.hint)
    return replace(found, at=(*at, *key))


def _function(kind: str, properties: Mapping[str, Any]) -> Mapping[str, Any]:
    given = properties.get("function") if kind == "fc" else properties
    return given if isinstance(given, dict) and kind != "fc3-domain" else {}


def _local(kind: str, given: Mapping[str, Any]) -> tuple[tuple[str, ...], Any]:
    """The path of code on this machine, and the key it stands at."""
    if kind == "fc":
        return ("codeUri",), given.get("codeUri")
    code = given.get("code")
    return (("code", "src"), code.get("src")) if isinstance(code, dict) else (("code",), code)


def _stored(given: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, str]] | None:
    """The key that code in OSS stands at, and its bucket and key there; None when it is not in OSS."""
    code = given.get("code")
    if isinstance(code, dict):
        where: tuple[str, ...] = ("code", "ossObjectName")
        bucket, key = code.get("ossBucketName"), code.get("ossObjectName")
    else:
        where, bucket, key = ("ossKey",), given.get("ossBucket"), given.get("ossKey")
    if not isinstance(bucket, str) or not isinstance(key, str) or not (bucket and key):
        return None
    return where, (bucket, key)
