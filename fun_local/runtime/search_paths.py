"""Where a function's programs, libraries and modules are looked for. Pure.

``fun install`` leaves dependencies in the code folder, under ``.fun`` (fun-cli 4). In the cloud that folder
is /code, and Funcraft sends paths under /code along as variables (wire 1.13): here they lead to where the
code really is.
"""

from __future__ import annotations

from collections.abc import Mapping

_CODE = "/code"

#: Variables that hold such paths, separated by colons.
_LISTS = ("PATH", "LD_LIBRARY_PATH", "NODE_PATH", "PYTHONUSERBASE")

_PROGRAMS = [
    f".fun/root/{path}" for path in ("usr/local/bin", "usr/local/sbin", "usr/bin", "usr/sbin", "bin")
]
_PROGRAMS += [".fun/python/bin", ".fun/node_modules/.bin"]
_LIBRARIES = [f".fun/root/{path}" for path in ("usr/local/lib", "usr/lib", "lib")]
_LIBRARIES += [".fun/root/usr/lib/x86_64-linux-gnu", ".fun/root/lib/x86_64-linux-gnu"]


def search_paths(code: str, variables: Mapping[str, str], *, has_installed: bool) -> dict[str, str]:
    """The variables that differ from the given ones. ``has_installed``: there is a folder ``.fun``."""
    given = {name: _here(variables[name], code) for name in _LISTS if variables.get(name)}
    libraries = [code, f"{code}/lib", "/usr/local/lib"]
    programs: list[str] = []
    if has_installed:
        programs += [f"{code}/{path}" for path in _PROGRAMS]
        libraries += [f"{code}/{path}" for path in _LIBRARIES]
        given.setdefault("NODE_PATH", f"{code}/.fun/node_modules:/usr/local/lib/node_modules")
    given.setdefault("PYTHONUSERBASE", f"{code}/.fun/python")
    given["LD_LIBRARY_PATH"] = _joined(libraries, given.get("LD_LIBRARY_PATH", ""))
    if programs or "PATH" in given:
        given["PATH"] = _joined(programs, given.get("PATH", "/usr/local/bin:/usr/bin:/bin"))
    return given


def _here(value: str, code: str) -> str:
    def place(path: str) -> str:
        is_code = path == _CODE or path.startswith(f"{_CODE}/")
        return code + path[len(_CODE) :] if is_code else path

    return ":".join(place(path) for path in value.split(":"))


def _joined(first: list[str], then: str) -> str:
    return ":".join([*first, then] if then else first)
