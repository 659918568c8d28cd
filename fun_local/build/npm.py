"""Installing with npm what a package.json names: into node_modules, beside the code.

A build must not touch the project's folder, but npm works on the folder that package.json is in. So it gets a
copy of the code, in which paths to packages of this machine start at the root. They are copied, not linked:
what is uploaded can't lead out of itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from functools import cached_property

from fun_local.build import manifest
from fun_local.build.files import Inputs
from fun_local.build.tools import Command, Tools
from fun_local.errors import InvalidRequest
from fun_local.runtime import node

_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")

#: What npm reads in a project's folder besides package.json; also where it is no part of the code.
_READ = (*_LOCKS, ".npmrc")

_OPTIONS = ("--omit=dev", "--install-links", "--no-audit", "--no-fund")
_QUIETLY = ("--no-progress", "--no-update-notifier", "--loglevel=http")


class Npm:
    """npm for the functions of one runtime."""

    kind = "npm"
    manifest = "package.json"
    output = "node_modules"

    def __init__(self, runtime: str, tools: Tools) -> None:
        self._runtime, self._tools = runtime, tools

    @cached_property
    def _node(self) -> str:
        """The Node.js that runs the function; empty for a custom runtime that may have none."""
        if self._runtime.startswith("nodejs"):
            return node.find(self._runtime, self._tools.path)
        return shutil.which("node", path=self._tools.path) or ""

    @property
    def version(self) -> str:
        """What packages are installed for: parts that are compiled go with one major version."""
        return node.version_of(self._node).partition(".")[0] if self._node else ""

    @property
    def notice(self) -> str:
        """What there is to say about that version; empty when it is the declared one."""
        is_declared = self._runtime.startswith("nodejs")
        return node.notice(self._runtime, node.version_of(self._node)) if is_declared else ""

    def inputs(self, folder: str) -> Inputs:
        """What the packages of a folder's code follow from."""
        found = manifest.read(folder)
        names = [name for name in (self.manifest, *_READ) if os.path.exists(os.path.join(folder, name))]
        files = tuple(os.path.join(folder, name) for name in names)
        return Inputs(files, tuple(found.places), found.has_scripts)

    def install(self, function: str, folder: str, stage: str) -> None:
        """Install what the code in ``folder`` asks for into ``stage``, where that code has been copied to."""
        asked = manifest.read(folder)
        if asked.is_empty:
            return
        lent = [name for name in (self.manifest, *_READ) if not os.path.exists(os.path.join(stage, name))]
        for name in _READ:
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(os.path.join(folder, name), os.path.join(stage, name))
        with open(os.path.join(stage, self.manifest), "wb") as file:
            file.write(asked.elsewhere())
        self._run(function, stage, [], again_in=folder)
        for name in (self.manifest, *_LOCKS):  # npm writes into them
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(os.path.join(folder, name), os.path.join(stage, name))
        # npm's notes for itself, with paths that change from build to build.
        for name in (*lent, os.path.join(self.output, ".package-lock.json")):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(stage, name))

    def install_beside(self, function: str, folder: str) -> None:
        """Install it beside the code. npm itself takes back what it has done when it fails."""
        if not manifest.read(folder).is_empty:
            self._run(function, folder, ["--no-save"])

    def add(self, function: str, folder: str, packages: Sequence[str], *, save: bool) -> None:
        """Install packages by their names beside the code, besides what is installed there already."""
        absolute = [os.path.abspath(name) if os.path.exists(name) else name for name in packages]
        self._run(function, folder, ["--save" if save else "--no-save", *absolute])

    def _run(self, function: str, folder: str, arguments: Sequence[str], *, again_in: str = "") -> None:
        npm = self._npm(function)
        options = [*_OPTIONS, "--registry", self._tools.node_index] if self._tools.node_index else [*_OPTIONS]
        has_lock = any(os.path.exists(os.path.join(folder, name)) for name in _LOCKS)
        options += [] if has_lock else ["--no-package-lock"]
        path = os.pathsep.join([*filter(None, [os.path.dirname(self._node)]), self._tools.path])
        command = Command(
            words=[npm, "install", *options, *_QUIETLY, *arguments],
            folder=folder,
            again=[npm, "install", *options, *(arguments or ["--no-save"])],
            again_in=again_in,
            index_option="--registry",
            # The node that npm and its scripts find is the one that runs the function.
            variables={**self._tools.environment, "PATH": path},
        )
        self._tools.run(command, f"{function}: npm can't install what is asked for")

    def _npm(self, function: str) -> str:
        beside = os.path.join(os.path.dirname(self._node), "npm")
        if self._node and os.access(beside, os.X_OK):
            return beside
        if found := shutil.which("npm", path=self._tools.path):
            return found
        raise InvalidRequest(
            "ToolNotFound",
            f"{function}: there is no program 'npm' on the PATH",
            hint="Install npm; it comes with Node.js.",
        )
