"""What `fun build` and `fun package` leave behind: where it is, and whether its sources have changed."""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fun_local.errors import InvalidRequest

#: Below a project: a template of its own, and the built code it points to (fun-cli section 4).
ARTIFACTS = os.path.join(".fun", "build", "artifacts")

#: Beside the built template: when each of the files it was made from had changed last.
META = "meta.json"

#: What `fun package` writes beside a template, and where its archives are: the code of PACKAGED, and META.
PACKAGED = "template.packaged.yml"
PACKAGES = os.path.join(".fun", "package")

_STAMPS = "modifiedTimestamps"
_OPTIONS = "buildOps"

#: Ours; Funcraft notes none.
_FOLDERS = "folders"

#: So many changed files are worth reading.
_SHOWN = 10


def is_built(template: str) -> bool:
    """Whether a template is one that `fun build` has written."""
    folder = os.path.dirname(os.path.abspath(template))
    return folder.endswith(os.sep + ARTIFACTS)


def project_folder(template: str) -> str:
    """The folder of the project: the template's own, or the one that was built."""
    folder = os.path.dirname(os.path.abspath(template))
    return folder.removesuffix(os.sep + ARTIFACTS) or os.sep


def stamps(files: Iterable[str]) -> dict[str, str]:
    """When each of these files (paths from the root) has changed last."""
    return {path: str(_milliseconds(path)) for path in files}


def meta(
    files: Iterable[str], options: Mapping[str, object], earlier: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What META holds when these files are what has been built, and what ``earlier`` had stamped before."""
    return {_STAMPS: stamps(files) | dict(earlier or {}), _OPTIONS: dict(options)}


def with_folders(noted: Mapping[str, Any], folders: Iterable[Folder]) -> dict[str, Any]:
    """What META holds when all that is in these folders has been stamped: what is new there is noticed."""
    return {**noted, _FOLDERS: [asdict(folder) for folder in dict.fromkeys(folders)]}


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with code for a runtime, named by a template. ``without`` are real paths that are no code."""

    path: str
    template: str
    runtime: str
    without: tuple[str, ...] = ()

    def files(self) -> Iterator[str]:
        """What is code now. Links to other folders are not followed: this is for finding what is new."""
        from fun_local.template.ignore import Ignored  # which looks for the project's folder here

        ignored = Ignored(self.path, template=self.template, runtime=self.runtime)
        root = os.path.realpath(self.path)

        def is_code(inside: str, name: str, is_folder: bool) -> bool:
            relative = os.path.normpath(os.path.join(inside, name))
            is_left_out = os.path.join(root, relative) in self.without
            return not is_left_out and not ignored(relative.replace(os.sep, "/"), is_folder)

        for parent, folders, names in os.walk(self.path):
            inside = os.path.relpath(parent, self.path)
            folders[:] = [name for name in folders if is_code(inside, name, True)]
            yield from (os.path.join(parent, name) for name in names if is_code(inside, name, False))


def stamps_of(template: str) -> dict[str, str]:
    """What is noted of the files that a built template was made from; nothing where nothing is."""
    path = os.path.join(os.path.dirname(template), META)
    return {source: str(stamp) for source, stamp in _recorded(path, "fun build")[0].items()}


def folders_of(template: str) -> list[Folder]:
    """The folders that are noted beside a built template, as ``stamps_of``."""
    return _recorded(os.path.join(os.path.dirname(template), META), "fun build")[1]


def options_of(template: str) -> dict[str, Any]:
    """What else is noted beside a built template; nothing where nothing is, or where it can't be read."""
    try:
        with open(os.path.join(os.path.dirname(template), META), "rb") as file:
            options = json.load(file)[_OPTIONS]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return options if isinstance(options, dict) else {}


def check_fresh(template: str) -> None:
    """Nothing for a template that was not built or packaged, or whose sources are as they were.

    Raises:
        InvalidRequest: some of them have changed or gone; all are named.
    """
    folder, name = os.path.split(template)
    if is_built(template):
        path, verb, command = os.path.join(folder, META), "built", "fun build"
    elif name == PACKAGED:
        path, verb, command = os.path.join(folder, PACKAGES, META), "packaged", "fun package"
    else:
        return
    recorded, folders = _recorded(path, command)
    changed = [source for source, stamp in recorded.items() if _is_changed(source, stamp)]
    changed += dict.fromkeys(source for folder in folders for source in _new_in(folder, recorded))
    if changed:
        listed = "".join(f"\n  {source}" for source in changed[:_SHOWN])
        listed += f"\n  and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise InvalidRequest(
            "StaleBuild",
            f"{template} is older than what it was {verb} from; changed since:{listed}",
            hint=f"Do it again: {command}. To deploy without that, name the template: -t template.yml.",
        )


def _new_in(folder: Folder, recorded: Container[str]) -> list[str]:
    try:
        return [path for path in folder.files() if path not in recorded]
    except InvalidRequest:  # of the file with the rules, which has changed, too
        return []


def _recorded(path: str, command: str) -> tuple[dict[str, int], list[Folder]]:
    """When which file had changed last, and the folders of which these are all files."""
    try:
        with open(path, "rb") as file:
            noted = json.load(file)
        folders = [Folder(**{**each, "without": tuple(each["without"])}) for each in noted.get(_FOLDERS, ())]
        return {str(source): int(stamp) for source, stamp in noted[_STAMPS].items()}, folders
    except FileNotFoundError:
        return (
            {},
            [],
        )  # an old Funcraft wrote none, for packages none ever did: there is nothing to compare with
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} can't be read: {error}"
        raise InvalidRequest("StaleBuild", message, hint=f"Do it again: {command}.") from None


def _is_changed(path: str, stamp: int) -> bool:
    try:
        # Whether half a millisecond is rounded depends on the version of Node.js that ran Funcraft.
        return abs(_milliseconds(path) - stamp) > 1
    except OSError:
        return True


def _milliseconds(path: str) -> int:
    return os.lstat(path).st_mtime_ns // 1_000_000
