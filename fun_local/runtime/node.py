"""Which Node.js runs a function declared for ``nodejsN``, and how it is started (runtime.md 1.3, 3.1).

What runs in it is node_worker.js, which behaves as the declared version does, whichever is found.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
from functools import cache

from fun_local.errors import InvalidRequest
from fun_local.model.resources import Function

#: Where version managers keep their interpreters: nvm, fnm (Linux, macOS), volta.
_MANAGED = (
    "~/.nvm/versions/node/v{major}.*/bin/node",
    "~/.local/share/fnm/node-versions/v{major}.*/installation/bin/node",
    "~/Library/Application Support/fnm/node-versions/v{major}.*/installation/bin/node",
    "~/.volta/tools/image/node/{major}.*/bin/node",
)

#: Per cent of the function's memory that its heap may take (runtime.md 3.1).
_HEAP_SHARE = 90


def declared_major(runtime: str) -> int:
    """12 for ``nodejs12``, 4 for ``nodejs4.4``.

    Raises:
        InvalidRequest: the name says no version.
    """
    found = re.fullmatch(r"nodejs(\d{1,3})(\.\w+)?", runtime)
    if not found:
        raise InvalidRequest(
            "RuntimeNotSupported",
            f"runtime {runtime!r} says no version of Node.js",
            hint="Write it as in nodejs16 or nodejs20.",
        )
    return int(found[1])


def find(runtime: str, search_path: str | None = None) -> str:
    """The program for a runtime's name: of that very version where there is one, else ``node``.

    ``search_path`` is a PATH to look in instead of our own.

    Raises:
        InvalidRequest: there is no Node.js on this machine.
    """
    major = declared_major(runtime)
    names = (f"node{major}", f"nodejs{major}", "node", "nodejs")
    for name in names[:2]:
        if path := shutil.which(name, path=search_path):
            return path
    managed = [path for pattern in _MANAGED for path in _installed(pattern.format(major=major))]
    if managed:
        return managed[-1]
    for name in names[2:]:
        if path := shutil.which(name, path=search_path):
            return path
    raise InvalidRequest(
        "RuntimeNotSupported",
        f"runtime {runtime!r} needs Node.js, and no program 'node' is on the PATH",
        hint=f"Install Node.js {major} (any newer one will do), then restart: fun daemon stop.",
    )


def _installed(pattern: str) -> list[str]:
    """The programs of a version manager, oldest first."""
    found = [path for path in glob.glob(os.path.expanduser(pattern)) if os.access(path, os.X_OK)]
    return sorted(found, key=lambda path: [int(number) for number in re.findall(r"\d+", path)])


def program(function: Function) -> tuple[tuple[str, ...], str]:
    """The command for an instance of a function, and the first line of its log, if there is anything to say.

    Raises:
        InvalidRequest: there is no Node.js on this machine.
    """
    path = find(function.runtime)
    return command(path, function.memory_mb), notice(function.runtime, version_of(path))


def command(path: str, memory_mb: int) -> tuple[str, ...]:
    """The program with the vendor's options."""
    heap_mb = memory_mb * _HEAP_SHARE // 100
    return (path, f"--max-old-space-size={heap_mb}", "--max-http-header-size=16384", "--expose-gc")


def notice(runtime: str, version: str) -> str:
    """What to say when ``version``, as ``node --version`` tells it, runs another one's functions"""
    major = declared_major(runtime)
    found = re.match(r"v?(\d+)", version)
    if not found or int(found[1]) == major:
        return ""
    return (
        f"Node.js {version.removeprefix('v')} runs this function, which is declared for {runtime}: what the"
        f" platform does follows {runtime}, the language and its modules are those of {found[1]}."
    )


def version_of(path: str) -> str:
    """What ``node --version`` says; empty when it says nothing. Asked once per file."""
    try:
        return _ask_version(path, os.stat(path).st_mtime_ns)
    except (OSError, subprocess.SubprocessError):
        return ""


@cache
def _ask_version(path: str, _changed: int) -> str:
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True)
    return answer.stdout.strip()
