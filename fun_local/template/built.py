"""What `fun build` leaves behind: where it is, and whether the sources have changed since."""

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


def meta(files: Iterable[str], options: Mapping[str, object]) -> dict[str, Any]:
    """What META holds when these files (paths from the root) are what has been built."""
    return {_STAMPS: {path: str(_milliseconds(path)) for path in files}, _OPTIONS: dict(options)}


def check_fresh(template: str) -> None:
    """Nothing for a template that was not built, or whose sources are as they were.

    Raises:
        InvalidRequest: some of them have changed or gone; all are named.
    """
    changed = _changed(template) if is_built(template) else []
    if changed:
        listed = "".join(f"\n  {path}" for path in changed)
        raise InvalidRequest(
            "StaleBuild",
            f"{template} is older than what it was built from; changed since:{listed}",
            hint="Build again: fun build. To deploy without a build, name the template: -t template.yml.",
        )


def _changed(template: str) -> list[str]:
    path = os.path.join(os.path.dirname(template), META)
    try:
        with open(path, "rb") as file:
            recorded = json.load(file)[_STAMPS]
        stamps = {str(source): int(stamp) for source, stamp in recorded.items()}
    except FileNotFoundError:
        return []  # an old Funcraft wrote none: there is nothing to compare with
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} can't be read: {error}"
        raise InvalidRequest("StaleBuild", message, hint="Build again: fun build.") from None
    return [source for source, stamp in stamps.items() if _is_changed(source, stamp)]


def _is_changed(path: str, stamp: int) -> bool:
    try:
        # Whether half a millisecond is rounded depends on the version of Node.js that ran Funcraft.
        return abs(_milliseconds(path) - stamp) > 1
    except OSError:
        return True


def _milliseconds(path: str) -> int:
    return os.lstat(path).st_mtime_ns // 1_000_000
