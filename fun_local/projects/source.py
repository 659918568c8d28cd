"""Reading project templates: those that come with us, or a folder of somebody's own. Never the network."""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fun_local.errors import FunLocalError, InvalidRequest, NotFound
from fun_local.projects.rendering import File
from fun_local.projects.variables import NAME, Variable

METADATA = "template.toml"
FILES = "files"

#: Left behind by interpreters, desktops and git; part of no template.
_IGNORED = ("__pycache__", ".DS_Store", ".git")

#: What Funcraft would fetch from the network: addresses, and its short forms for them (fun-cli 6).
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|(gh|gl|bb):|(git|hg)\+|[^/\\]+@[^/\\]+:", re.IGNORECASE)

_KEYS: dict[str, type] = {"description": str, "next": list, "variables": dict}
_VARIABLE_KEYS: dict[str, type] = {
    "prompt": str,
    "default": str,
    "pattern": str,
    "expected": str,
    "choices": list,
}


@dataclass(frozen=True, slots=True)
class ProjectTemplate:
    """A project template as its metadata describes it; ``folder`` is where it is.

    ``next`` are commands to try in the new project; variables are filled in there, too.
    """

    name: str
    folder: str
    description: str
    variables: tuple[Variable, ...] = (NAME,)
    next: tuple[str, ...] = ()

    def files(self) -> list[File]:
        """All files of the template, as they are.

        Raises:
            FunLocalError: it has none, or something in it is no plain file.
        """
        root = os.path.join(self.folder, FILES)
        found = sorted(_walk(root, ""), key=lambda file: file.path)
        if not found:
            raise _mistake(root, "there are no files")
        return found


def shipped(kind: str) -> str:
    """The folder of `templates` or `examples`: inside the installed package, or beside it in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for parent in (package, os.path.dirname(package)):
        path = os.path.join(parent, kind)
        if os.path.isdir(path):
            return path
    raise FunLocalError("NotInstalled", f"the folder {kind!r} is not part of this installation")


def ours() -> list[ProjectTemplate]:
    """The templates that come with us, by name."""
    root = shipped("templates")
    return [
        read(os.path.join(root, name))
        for name in sorted(os.listdir(root))
        if os.path.isfile(os.path.join(root, name, METADATA))
    ]


def find(text: str) -> ProjectTemplate:
    """The template that a person means: the name of one of ours, or a folder.

    Raises:
        NotFound: there is none.
        InvalidRequest: it is an address, or the template has a mistake.
    """
    if _ADDRESS.match(text):
        raise InvalidRequest(
            "InvalidArgument",
            f"{text} is a network address: templates are not fetched from the network",
            hint="Fetch it yourself (git clone), then name its folder: fun init ./FOLDER",
        )
    names = [template.name for template in ours()]
    if text in names:
        return read(os.path.join(shipped("templates"), text))
    folder = os.path.expanduser(text)
    if os.path.isdir(folder):
        return read(folder)
    near = difflib.get_close_matches(text, names, n=1)
    also = f" Did you mean {near[0]}?" if near else ""
    raise NotFound(
        "TemplateNotFound",
        f"there is no template {text!r}, and no folder of that name",
        hint=f"There are: {', '.join(names)}.{also}",
    )


def read(folder: str) -> ProjectTemplate:
    """The template in a folder.

    Raises:
        NotFound: the folder holds no template.
        InvalidRequest: its metadata has a mistake.
    """
    path = os.path.join(folder, METADATA)
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except FileNotFoundError:
        raise NotFound(
            "TemplateNotFound",
            f"{folder} is no project template: it has no {METADATA}",
            hint=f"A template has {METADATA} (description, variables) and a folder {FILES}/ beside it.",
        ) from None
    except OSError as error:
        raise NotFound("TemplateNotFound", f"can't read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _mistake(path, str(error)) from None
    return _parse(data, folder, path)


def _parse(data: dict[str, Any], folder: str, path: str) -> ProjectTemplate:
    _check_keys(data, _KEYS, path, "")
    if not data.get("description"):
        raise _mistake(path, "there is no description")
    variables = [_variable(name, entry, path) for name, entry in data.get("variables", {}).items()]
    return ProjectTemplate(
        name=os.path.basename(os.path.abspath(folder)),
        folder=folder,
        description=data["description"],
        variables=(NAME, *variables),
        next=tuple(data.get("next", ())),
    )


def _variable(name: str, entry: object, path: str) -> Variable:
    where = f"variables.{name}"
    if name == NAME.name:
        raise _mistake(path, f"{where}: every project has a name, so it is not declared")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise _mistake(path, f"{where}: a name has letters, digits and '_'")
    if not isinstance(entry, dict):
        raise _mistake(path, f"{where} must be a table")
    _check_keys(entry, _VARIABLE_KEYS, path, f"{where}.")
    try:
        re.compile(entry.get("pattern", ""))
    except re.error as error:
        raise _mistake(path, f"{where}.pattern: {error}") from None
    if ("pattern" in entry) != ("expected" in entry):
        raise _mistake(path, f"{where} needs both pattern and expected, which says it in words, or neither")
    given = {"prompt": name, **entry, "choices": tuple(entry.get("choices", ()))}
    return Variable(name, **given)


def _check_keys(data: dict[str, Any], keys: dict[str, type], path: str, where: str) -> None:
    for key, value in data.items():
        if key not in keys:
            raise _mistake(path, f"{where}{key} is not known here. Known: {', '.join(keys)}")
        is_good = isinstance(value, keys[key])
        if is_good and keys[key] is list:
            is_good = all(isinstance(item, str) for item in value)
        if not is_good:
            words: dict[type, str] = {str: "a text", list: "a list of texts", dict: "a table"}
            raise _mistake(path, f"{where}{key} must be {words[keys[key]]}")


def _walk(folder: str, prefix: str) -> Iterator[File]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise _mistake(folder, f"can't be read: {error.strerror}") from None
    for entry in entries:
        if entry.name in _IGNORED:
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            yield from _walk(entry.path, f"{prefix}{entry.name}/")
        elif stat.S_ISREG(mode):
            with open(entry.path, "rb") as file:
                yield File(f"{prefix}{entry.name}", file.read(), bool(mode & stat.S_IXUSR))
        else:
            # A link could lead out of the template, and what it leads to into the project.
            raise _mistake(entry.path, "a template holds plain files and folders only, no links")


def _mistake(path: str, what: str) -> InvalidRequest:
    return InvalidRequest("InvalidProjectTemplate", f"{path}: {what}")
