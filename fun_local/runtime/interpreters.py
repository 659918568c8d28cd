"""Which Python runs a function declared for ``python3.N``, and what to say when it is another one.

In this order (runtime.md 1.3): the active virtual environment, if it is of that version; ours, if it is;
``python3.N`` on the PATH or of pyenv; ours, whatever it is. ``python3`` stands for 3.6, as in the cloud, but
takes a virtual environment of any version: whoever has one active means it.
"""

from __future__ import annotations

import glob
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from fun_local.errors import InvalidRequest

Version = tuple[int, int]

#: What ``python3`` without a number is in the cloud (runtime.md 1.1).
_PLAIN_PYTHON3 = (3, 6)

#: What python_worker.py needs.
OLDEST = (3, 6)

OWN: Version = sys.version_info[:2]

#: Says the version and the real path of an interpreter, and compiles the worker for it: a script would be
#: compiled at every start, which takes as long as all else in it. Byte code that can't be written is no loss.
_PROBE = """
import sys
print("%d.%d" % sys.version_info[:2])
print(sys.executable)
try:
    import py_compile
    py_compile.compile(sys.argv[1], sys.argv[2], doraise=True)
    print(sys.argv[2])
except Exception:
    print(sys.argv[1])
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An installed Python, and the worker in the form that it starts fastest from."""

    path: str
    version: Version
    worker: str


def declared(runtime: str) -> Version:
    """(3, 9) for ``python3.9``.

    Raises:
        InvalidRequest: the name says no version of Python 3.
    """
    if runtime == "python3":
        return _PLAIN_PYTHON3
    minor = runtime.removeprefix("python3.")
    if minor.isdigit() and minor.isascii() and len(minor) < 3:
        return 3, int(minor)
    raise InvalidRequest(
        "RuntimeNotSupported",
        f"runtime {runtime!r} says no version of Python 3",
        hint="Write it as in python3 or python3.10.",
    )


def notice(runtime: str, version: Version) -> str:
    """What to say when ``version`` runs a function declared for ``runtime``; empty when it is the same."""
    wanted = declared(runtime)
    if version == wanted:
        return ""
    found, name = _text(version), _text(wanted)
    return (
        f"Python {found} runs this function, which is declared for {runtime} (Python {name} in the cloud):"
        f" the language and its modules are those of {found}. For the same version, install python{name}."
    )


def candidates(runtime: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Programs that may be of the declared version, best first. Nothing is run to find out."""
    major, minor = declared(runtime)
    if environment.get("VIRTUAL_ENV"):
        yield os.path.join(environment["VIRTUAL_ENV"], "bin", "python")
    if (major, minor) == OWN:
        yield sys.executable
    name = f"python{major}.{minor}"
    if found := shutil.which(name, path=environment.get("PATH")):
        yield found
    root = environment.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    yield from sorted(
        glob.glob(os.path.join(glob.escape(root), "versions", f"{major}.{minor}.*", "bin", name))
    )


def find(
    runtime: str,
    environment: Mapping[str, str],
    *,
    worker: str,
    byte_code_dir: str,
    oldest: Version = OLDEST,
) -> Interpreter:
    """The interpreter for a runtime's name. Blocks while candidates that are new to us are run once.

    Those before ``oldest`` are passed over; ours is not.
    """
    wanted = declared(runtime)
    virtual = environment.get("VIRTUAL_ENV", "")
    for path in candidates(runtime, environment):
        found = probe(path, worker, byte_code_dir)
        if found is None or found.version < oldest:
            continue
        if found.version == wanted or (runtime == "python3" and virtual and path.startswith(virtual)):
            return found
    return _own(worker, byte_code_dir)


def probe(path: str, worker: str, byte_code_dir: str) -> Interpreter | None:
    """What a program says it is; None when it says nothing, as a version manager's stand-in may."""
    if path == sys.executable:
        return _own(worker, byte_code_dir)
    try:
        return _probe(path, os.stat(path).st_mtime_ns, worker, byte_code_dir)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


@cache
def _own(worker: str, byte_code_dir: str) -> Interpreter:
    """The interpreter that runs us. Compiled once per daemon instead of left in a cache, the worker can't be
    out of date.
    """
    form = worker
    with suppress(OSError, py_compile.PyCompileError):
        form = (
            py_compile.compile(worker, _target(sys.executable, worker, byte_code_dir), doraise=True) or worker
        )
    return Interpreter(sys.executable, OWN, form)


@cache
def _probe(path: str, _changed: int, worker: str, byte_code_dir: str) -> Interpreter | None:
    target = _target(path, worker, byte_code_dir)
    command = [path, "-I", "-S", "-W", "ignore", "-c", _PROBE, worker, target]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except subprocess.CalledProcessError:
        return None
    version, real, form = answer.stdout.splitlines()
    major, _, minor = version.partition(".")
    return Interpreter(real or path, (int(major), int(minor)), form)


def _target(path: str, worker: str, byte_code_dir: str) -> str:
    name = os.path.splitext(os.path.basename(worker))[0]
    mark = path.strip(os.sep).replace(os.sep, "-")[-100:]
    return os.path.join(byte_code_dir, f"{name}.{mark}.pyc")


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
