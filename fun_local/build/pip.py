"""Installing with pip what a requirements.txt names: into .fun/python, as Funcraft does (fun-cli section 4).

There lie lib/pythonX.Y/site-packages and bin, which is how PYTHONUSERBASE is laid out. pip is told to use a
plain folder instead, which is moved there: it refuses a user's base in virtual environments, and what
Debian's makes of a prefix lies elsewhere.
"""

from __future__ import annotations

import csv
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cached_property

from fun_local import runtime
from fun_local.build import requirements
from fun_local.build.files import Inputs, linked_copy, replace_folder
from fun_local.build.tools import SCRATCH, Command, Tools
from fun_local.errors import InvalidRequest
from fun_local.runtime import interpreters
from fun_local.runtime.interpreters import Interpreter
from fun_local.store.files import write_atomically

#: Variables (and for the second, settings in pip's files) that would lead packages, or pip itself, elsewhere.
_UNSET = ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
_SET = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

_HAS_PIP = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pip') is None)"


class Pip:
    """pip for the functions of one runtime."""

    kind = "pip"
    manifest = "requirements.txt"
    output = os.path.join(".fun", "python")

    def __init__(self, runtime: str, tools: Tools) -> None:
        self._runtime, self._tools = runtime, tools

    @cached_property
    def _python(self) -> Interpreter:
        """The interpreter that runs the function."""
        worker = os.path.join(os.path.dirname(runtime.__file__), "python_worker.py")
        with tempfile.TemporaryDirectory(prefix="fun-local-") as folder:
            if self._runtime.startswith("python"):
                environment = self._tools.environment
                return interpreters.find(self._runtime, environment, worker=worker, byte_code_dir=folder)
            # Custom runtimes start what their command names, which is looked for on the PATH.
            path = shutil.which("python3", path=self._tools.path)
            found = interpreters.probe(path, worker, folder) if path else None
        if found is None:
            hint = "Install Python 3."
            raise InvalidRequest("ToolNotFound", "no program 'python3' is on the PATH", hint=hint)
        return found

    @property
    def version(self) -> str:
        """What packages are installed for: those for another version are of no use."""
        major, minor = self._python.version
        return f"python{major}.{minor}"

    @property
    def notice(self) -> str:
        """What there is to say about that version; empty when it is the declared one."""
        is_declared = self._runtime.startswith("python")
        return interpreters.notice(self._runtime, self._python.version) if is_declared else ""

    def inputs(self, folder: str) -> Inputs:
        """What the packages of a folder's code follow from."""
        found = requirements.read(os.path.join(folder, self.manifest))
        return Inputs(tuple(found.files), tuple(found.places))

    def install(self, function: str, folder: str, stage: str) -> None:
        """Install what the code in ``folder`` asks for into ``stage``, where that code has been copied to."""
        self._install(function, folder, os.path.join(stage, self.output))

    def install_beside(self, function: str, folder: str) -> None:
        """Install it beside the code, in place of all that was installed there before."""
        with replace_folder(folder, self.output) as base:
            self._install(function, folder, base)

    def add(self, function: str, folder: str, packages: Sequence[str], *, save: bool) -> None:
        """Install packages by their names beside the code, besides what is installed there already."""
        absolute = [os.path.abspath(name) if requirements.is_path(name) else name for name in packages]
        base = os.path.join(folder, self.output)
        with replace_folder(folder, self.output) as new:
            added = f"{new}-added"
            try:
                self._run(function, folder, absolute, added)
                linked_copy(base, new)
                for site in glob.glob(os.path.join(glob.escape(added), "lib", "*", "site-packages")):
                    _remove_replaced(new, os.path.relpath(site, added), os.listdir(site))
                shutil.copytree(added, new, dirs_exist_ok=True, symlinks=True)
            finally:
                shutil.rmtree(added, ignore_errors=True)
        if save:
            written = [
                os.path.relpath(name, folder)
                if requirements.is_path(name) and not os.path.isabs(name)
                else name
                for name in packages
            ]
            _save(os.path.join(folder, self.manifest), written)

    def _install(self, function: str, folder: str, base: str) -> None:
        if not requirements.read(os.path.join(folder, self.manifest)).is_empty:
            self._run(function, folder, ["-r", self.manifest], base)

    def _run(self, function: str, folder: str, wanted: Sequence[str], base: str) -> None:
        """Install into ``base``, which is laid out as PYTHONUSERBASE is."""
        target = f"{base}-target"
        options = ["--no-input", "--progress-bar", "off"]
        index = ["--index-url", self._tools.python_index] if self._tools.python_index else []
        pip = self._pip(function)
        command = Command(
            words=[*pip, "install", *options, "--target", target, *index, *wanted],
            folder=folder,
            again=[*pip, "install", "--target", SCRATCH, *index, *wanted],
            index_option="--index-url",
            variables=self._variables,
        )
        try:
            os.makedirs(target)
            self._tools.run(command, f"{function}: pip can't install what is asked for")
            site = os.path.join(base, "lib", self.version, "site-packages")
            os.makedirs(os.path.dirname(site), exist_ok=True)
            os.rename(target, site)
        finally:
            shutil.rmtree(target, ignore_errors=True)
        programs = os.path.join(site, "bin")
        if os.path.isdir(programs) and not os.path.exists(os.path.join(programs, "__init__.py")):
            os.rename(programs, os.path.join(base, "bin"))

    @property
    def _variables(self) -> dict[str, str]:
        return {k: v for k, v in self._tools.environment.items() if k not in _UNSET} | _SET

    def _pip(self, function: str) -> list[str]:
        """The command that is pip for the interpreter; its own, or ours for those that come without."""
        path = self._python.path
        # Isolated: pip runs in the folder of the code, whose modules must not be taken for the library's.
        # Only a pip that was installed for one user alone is not found like this.
        for start in ([path, "-I"], [path]):
            if self._has_pip(start):
                return [*start, "-m", "pip"]
        if self._has_pip([sys.executable, "-I"]):
            return [sys.executable, "-I", "-m", "pip", "--python", path]
        raise InvalidRequest(
            "ToolNotFound",
            f"{function}: there is no pip for {path}",
            hint=f"Install it: {path} -m ensurepip (in Debian: apt install python3-pip).",
        )

    def _has_pip(self, python: list[str]) -> bool:
        command, nowhere = [*python, "-c", _HAS_PIP], subprocess.DEVNULL
        done = subprocess.run(
            command, env=self._variables, cwd="/", stdin=nowhere, stderr=nowhere, check=False
        )
        return done.returncode == 0


def _remove_replaced(base: str, site: str, names: Sequence[str]) -> None:
    """Remove the packages in ``base`` of which other versions are about to come, with these files."""
    coming = {_distribution(name) for name in names if name.endswith(".dist-info")}
    here = os.path.join(base, site)
    for info in glob.glob(os.path.join(glob.escape(here), "*.dist-info")):
        if _distribution(os.path.basename(info)) not in coming:
            continue
        for path in _recorded(os.path.join(info, "RECORD"), here, base):
            if os.path.lexists(path) and not os.path.isdir(path):
                os.unlink(path)
        shutil.rmtree(info)


def _distribution(info: str) -> str:
    """The name of a package, in one spelling, by the folder that holds its metadata."""
    return re.sub(r"[-_.]+", "-", info.partition("-")[0]).lower()


def _recorded(record: str, site: str, base: str) -> list[str]:
    """The files of a package. Programs are listed by where pip had put them, which is not where they are."""
    if not os.path.exists(record):
        return []
    with open(record, encoding="utf-8", newline="") as file:
        names = [row[0] for row in csv.reader(file) if row]
    paths = []
    for name in names:
        is_program = name.startswith("..")
        places = (base, "bin", os.path.basename(name)) if is_program else (site, name)
        path = os.path.normpath(os.path.join(*places))
        if os.path.commonpath((path, base)) == base:  # of a stranger's package: it lists what it likes
            paths.append(path)
    return paths


def _save(manifest: str, packages: Sequence[str]) -> None:
    """Have a requirements.txt name these packages, too."""
    path, text, mode = os.path.realpath(manifest), "", 0o666
    if os.path.exists(path):
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
        mode = os.stat(path).st_mode & 0o777
    if (new := requirements.with_packages(text, packages)) != text:
        write_atomically(path, new.encode(), mode=mode)
