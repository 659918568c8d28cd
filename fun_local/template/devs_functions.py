"""What the functions of Serverless Devs expressions give: ``env``, ``config``, ``file``, ``path``, ``json``.

All of them take evaluated arguments and either give a value or say, with Refused, why they have none.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fun_local.template.nodes import MAX_DEPTH
from fun_local.template.problems import nearest, shown

#: Bytes of a file that ``file`` puts into a value.
MAX_FILE_BYTES = 1_000_000

#: Fields of a credential alias, but for those that this machine has values for.
_CREDENTIALS = ("AccessKeyID", "AccessKeySecret", "SecurityToken")


class Refused(Exception):
    """A function that gives no value: the message for people, and the next step."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything outside the file that its expressions can ask for."""

    folder: str
    region: str
    account_id: str
    environ: Mapping[str, str]


def env(around: Surroundings, arguments: Sequence[Any]) -> Any:
    """An environment variable, else the second argument. As for the tool, an empty one has no value."""
    name = _text(arguments[0])
    if value := around.environ.get(name):
        return value
    if len(arguments) > 1:
        return arguments[1]
    if name in around.environ:
        return ""
    known = nearest(name, [key for key in around.environ if key[:1] == name[:1]], likeness=0.8)
    hint = f"Set it: export {name}=VALUE; or give a default: ${{env('{name}', 'VALUE')}}."
    raise Refused(f"environment variable {name} is not set", f"{known} {hint}".strip())


def config(around: Surroundings, arguments: Sequence[Any]) -> str:
    """A field of the credential alias. There are no credentials here, so keys are made up."""
    values = {"AccountID": around.account_id, "Region": around.region}
    values |= {name: f"not-emulated:{name}" for name in _CREDENTIALS}
    name = _text(arguments[0])
    if name not in values:
        hint = nearest(name, list(values)) or f"Known: {', '.join(values)}."
        raise Refused(f"a credential has no field {shown(name)}", hint)
    return values[name]


def path(around: Surroundings, arguments: Sequence[Any]) -> str:
    """An absolute path, relative ones seen from the file's folder. Nothing needs to be there."""
    return os.path.normpath(os.path.join(os.path.abspath(around.folder), _text(arguments[0])))


def file(around: Surroundings, arguments: Sequence[Any]) -> str:
    """The text of a file in the project. The tool reads any file; ours stays in the folder."""
    name = _text(arguments[0])
    folder = os.path.realpath(around.folder)
    try:
        target = os.path.realpath(os.path.join(folder, os.path.expanduser(name)))
        if os.path.commonpath((folder, target)) != folder:
            raise Refused(
                f"file {shown(name)} is outside the project's folder {folder}",
                "Copy it into the project.",
            )
        # Without waiting, in case it is a pipe.
        fd = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Refused(f"{shown(name)} is not a file")
            with os.fdopen(fd, "rb", closefd=False) as opened:
                raw = opened.read(MAX_FILE_BYTES + 1)
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise Refused(f"can't read file {shown(name)}: {reason}") from None
    if len(raw) > MAX_FILE_BYTES:
        raise Refused(f"file {shown(name)} is larger than {MAX_FILE_BYTES} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"file {shown(name)} is not UTF-8 text") from None


def parsed(around: Surroundings, arguments: Sequence[Any]) -> Any:
    """``json``: the value that a text stands for."""
    try:
        value = json.loads(_text(arguments[0]))
    except (ValueError, RecursionError) as error:
        raise Refused(f"not JSON: {error}") from None
    level, depth = [value], 0
    while level:
        level = [item for each in level for item in _inner(each)]
        depth += 1
    if depth > MAX_DEPTH:
        raise Refused(f"nested more than {MAX_DEPTH} deep")
    return value


def _inner(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _text(argument: Any) -> str:
    if isinstance(argument, str) and argument:
        return argument
    raise Refused(f"its argument is a text, not {shown(argument)}")


#: By name, and how many arguments it takes at most.
FUNCTIONS: Mapping[str, tuple[Callable[[Surroundings, Sequence[Any]], Any], int]] = {
    "env": (env, 2),
    "config": (config, 1),
    "file": (file, 1),
    "path": (path, 1),
    "json": (parsed, 1),
}
