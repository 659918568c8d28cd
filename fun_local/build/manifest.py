"""Reading package.json: what it asks for, and how it has to read to be installed from another folder."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Any

from fun_local.errors import InvalidRequest

#: Sections whose packages a function needs; those for development are left out, as in the cloud.
_SECTIONS = ("dependencies", "optionalDependencies", "peerDependencies")

#: Scripts that npm runs when it installs.
_SCRIPTS = ("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")

#: Bytes.
_MAX_BYTES = 5_000_000

_PATH = re.compile(r"file:(?!//)(.+)|(\.{1,2}(?:/.*)?)", re.S)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A package.json in ``folder``."""

    folder: str
    data: dict[str, Any]

    @property
    def has_scripts(self) -> bool:
        """Whether installing runs programs of the project's own, which may read and make any file of it."""
        scripts = self.data.get("scripts")
        is_built = os.path.exists(os.path.join(self.folder, "binding.gyp"))
        return is_built or (isinstance(scripts, dict) and not scripts.keys().isdisjoint(_SCRIPTS))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do for npm."""
        asks = any(self.data.get(name) for name in (*_SECTIONS, "workspaces", "bundleDependencies"))
        return not asks and not self.has_scripts

    @property
    def places(self) -> list[str]:
        """Packages that are files or folders of this machine, as far as they are there."""
        found = [
            _place(spec, self.folder) for section in _SECTIONS for spec in self._section(section).values()
        ]
        return [place for place in found if place and os.path.exists(place)]

    def elsewhere(self) -> bytes:
        """As it has to read in another folder: paths from the root, and nothing that is for development."""
        data = {name: value for name, value in self.data.items() if name != "devDependencies"}
        for name in _SECTIONS:
            if section := self._section(name):
                data[name] = {
                    package: f"file:{place}" if (place := _place(spec, self.folder)) else spec
                    for package, spec in section.items()
                }
        return json.dumps(data, indent=2).encode()

    def _section(self, name: str) -> dict[str, Any]:
        section = self.data.get(name)
        return section if isinstance(section, dict) else {}


def read(folder: str) -> Manifest:
    """The package.json in a folder. Raises InvalidRequest when it can't be read."""
    path = os.path.join(folder, "package.json")
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise ValueError(f"it is larger than {_MAX_BYTES // 1_000_000} MB")
        data = json.loads(raw.decode("utf-8-sig"))
        if not isinstance(data, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"{path} can't be read: {reason}"
        raise InvalidRequest("InvalidManifest", message, hint="npm init writes a good one.") from None
    return Manifest(folder, data)


def _place(spec: Any, folder: str) -> str:
    """The path from the root that a dependency's value means; empty when it means no path."""
    match = _PATH.fullmatch(spec) if isinstance(spec, str) else None
    return os.path.normpath(os.path.join(folder, match[1] or match[2])) if match else ""
