"""Which file is the template."""

from __future__ import annotations

import os

from fun_local.errors import InvalidRequest

#: In this order, the first that exists (fun-cli section 4; the last two are Serverless Devs').
CANDIDATES = ("template.yml", "template.yaml", "faas.yml", "faas.yaml", "s.yaml", "s.yml")


def discover(directory: str, explicit: str | None = None) -> str:
    """The path of the template: ``explicit`` (relative to ``directory``), or the first candidate there.

    Raises:
        InvalidRequest: there is none.
    """
    if explicit is not None:
        path = os.path.join(directory, explicit)
        if os.path.isfile(path):
            return path
        what = "a folder, not a file" if os.path.isdir(path) else "not there"
        raise InvalidRequest(
            "TemplateNotFound", f"template {path} is {what}", hint="Give an existing file with --template."
        )
    for name in CANDIDATES:
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            return path
    raise InvalidRequest(
        "TemplateNotFound",
        f"no template in {os.path.abspath(directory)}",
        hint=f"Looked for {', '.join(CANDIDATES)}. Change to the project's folder or use --template.",
    )
