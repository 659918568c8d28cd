"""A template as it reads from another folder: what it names by relative paths is still found. Pure.

All else stays as it was written, parameters and references too: it is deployed with other values later.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from fun_local.template import types
from fun_local.template.code import SCHEME
from fun_local.template.load import Document, Path, parse_document
from fun_local.template.nodes import scalar

_FUNCTIONS = (types.FUNCTION, types.SERVERLESS_FUNCTION)


def properties_path(place: Path) -> Path:
    """Where the properties of a function stand whose code is named at a place: CodeUri or Code.SourceCode."""
    return place[: -1 if place[-1] == "CodeUri" else -2]


def relocated(document: Document, folder: str, code: Mapping[Path, str]) -> dict[str, Any]:
    """The template's data for a file in ``folder``.

    ``code`` says which functions, by the places of their code, have it where; others keep theirs.
    """
    data = copy.deepcopy(document.data)
    source = os.path.dirname(os.path.abspath(document.path))
    up = os.path.relpath(source, folder)
    new = {properties_path(place): os.path.relpath(path, folder) for place, path in code.items()}
    for path, properties in _all_properties(data):
        if path in new:
            properties.pop("Code", None)
            properties["CodeUri"] = new[path]
        elif "CodeUri" in properties:
            properties["CodeUri"] = _moved(properties["CodeUri"], up)
    return data


def _all_properties(data: dict[str, Any]) -> Iterable[tuple[Path, dict[str, Any]]]:
    """The properties of every function, also of those that some condition leaves out."""
    resources = data.get("Resources")
    for name, body in resources.items() if isinstance(resources, dict) else ():
        inner = body.items() if isinstance(body, dict) else ()
        for path, value in ((("Resources", name), body), *((("Resources", name, k), v) for k, v in inner)):
            if isinstance(value, dict) and value.get("Type") in _FUNCTIONS:
                properties = value.get("Properties")
                if isinstance(properties, dict):
                    yield (*path, "Properties"), properties


def _moved(uri: Any, up: str) -> Any:
    if isinstance(uri, str):
        is_relative = uri and not uri.startswith((SCHEME, "/"))
        return os.path.normpath(os.path.join(up, uri)) if is_relative else uri
    if not isinstance(uri, dict) or SCHEME in json.dumps(uri):
        return uri
    return {"Fn::Join": ["/", [up, uri]]}  # what it gives is known at a deploy only


def written(data: Mapping[str, Any], comment: str) -> bytes:
    """A template as a file; the comment is its first line."""
    text = f"# {comment}\n{_yaml(data)}".encode()
    if parse_document("", text).data == data:
        return text
    # Some text that YAML of different makes reads differently. JSON is YAML, too, and leaves no doubt.
    return f"# {comment}\n{json.dumps(data, indent=2)}\n".encode()


def _style(text: str) -> str | None:
    """How YAML writes a text, where it is not for PyYAML to choose."""
    if not text.replace("\n", "").isprintable():
        return '"'  # control characters, and what only YAML takes for line breaks
    if "\n" in text:
        return "|"
    return "'" if scalar(text) != text else None


def _yaml(data: Mapping[str, Any]) -> str:
    import yaml  # 15 ms that only those pay who write one

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Dumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=_style(value))

    Dumper.add_representer(str, text)
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
