"""What `fun build` and `fun package` leave behind: where it is, and whether its sources have changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
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


def stamps_of(template: str) -> dict[str, str]:
    """What is noted of the files that a built template was made from; nothing where nothing is."""
    path = os.path.join(os.path.dirname(template), META)
    return {source: str(stamp) for source, stamp in _recorded(path, "fun build").items()}


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
    changed = [source for source, stamp in _recorded(path, command).items() if _is_changed(source, stamp)]
    if changed:
        listed = "".join(f"\n  {source}" for source in changed)
        raise InvalidRequest(
            "StaleBuild",
            f"{template} is older than what it was {verb} from; changed since:{listed}",
            hint=f"Do it again: {command}. To deploy without that, name the template: -t template.yml.",
        )


def _recorded(path: str, command: str) -> dict[str, int]:
    try:
        with open(path, "rb") as file:
            recorded = json.load(file)[_STAMPS]
        return {str(source): int(stamp) for source, stamp in recorded.items()}
    except FileNotFoundError:
        return {}  # an old Funcraft wrote none, for packages none ever did: there is nothing to compare with
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
