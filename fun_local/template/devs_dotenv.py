"""The ``.env`` files of a Serverless Devs project: more values for ``${env(NAME)}``.

The tool reads them before it evaluates anything: those in the folders that a module's code is in, then the
one next to the file. What is set already stays (its source: toolkit, parse-spec).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fun_local.template.load import Document

#: Bytes of a file that are read.
MAX_BYTES = 1_000_000

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*?)\s*")
_QUOTED = re.compile(r"""(["'`])(.*?)\1\s*(?:#.*)?""")
_COMMENT = re.compile(r"(?:^|\s+)#.*")
_NAME = re.compile(r"(?<!\\)\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


def environment(document: Document, section: str, environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` with what the project's files add to it."""
    values = dict(environ)
    for folder in _folders(document, section):
        for name, text in _entries(os.path.join(folder, ".env")):
            if name not in values:
                values[name] = _NAME.sub(lambda match: _expanded(match, values), text)
    return values


def _folders(document: Document, section: str) -> Iterator[str]:
    home = os.path.dirname(document.path)
    modules: Any = document.data.get(section)
    for module in modules.values() if isinstance(modules, dict) else ():
        properties = module.get("props") if isinstance(module, dict) else None
        code = properties.get("code") if isinstance(properties, dict) else None
        if isinstance(code, str):
            yield os.path.join(home, code)
    yield home


def _entries(path: str) -> Iterator[tuple[str, str]]:
    try:
        if not os.path.isfile(path):
            return
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            text = file.read(MAX_BYTES)
    except (OSError, ValueError):  # ValueError: a zero byte in the name
        return  # as the tool: it is as if there were none
    for line in text.splitlines():
        if match := _LINE.fullmatch(line):
            yield match[1], _value(match[2])


def _value(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        return _COMMENT.sub("", text)
    return quoted[2].replace("\\n", "\n") if quoted[1] == '"' else quoted[2]


def _expanded(match: re.Match[str], values: Mapping[str, str]) -> str:
    return values.get(match[1] or match[3], match[2] or "")
