"""The registry: everything deployed, in one file that is replaced as a whole.

One file, so that a deploy is one rename: half a deploy can't be on disk.
"""

from __future__ import annotations

import json
import os
from typing import Any

from fun_local.errors import CorruptState
from fun_local.model.deployed import Deployed, by_path
from fun_local.model.kept import Setting
from fun_local.model.resources import (
    Alias,
    AsyncConfig,
    Domain,
    Function,
    Record,
    Service,
    Stack,
    Trigger,
    Version,
)
from fun_local.store.files import remove_temporaries, sync_folder, write_atomically

#: Raised when older versions could not read the file any more, or would drop a part of it.
FORMAT = 3

#: The parts of Deployed that are lists in the file.
_KINDS: dict[str, type[Record]] = {
    "services": Service,
    "functions": Function,
    "versions": Version,
    "aliases": Alias,
    "triggers": Trigger,
    "domains": Domain,
    "stacks": Stack,
    "settings": Setting,
}

#: What a file of format 1 lacks.
_SINCE_2: dict[str, Any] = {
    **{name: [] for name in ("versions", "aliases", "triggers", "domains", "stacks")},
    "async_configs": {},
    "published": {},
}

#: What one of format 2 lacks.
_SINCE_3: dict[str, Any] = {"settings": []}


def path_of(home: str) -> str:
    return os.path.join(home, "registry.json")


def read(home: str) -> Deployed:
    """What is deployed in a home; nothing when there is no registry yet.

    Raises:
        CorruptState: the file is not a registry, or a newer version wrote it.
    """
    path = path_of(home)
    try:
        with open(path, "rb") as file:
            data = json.loads(file.read())
        if data["format"] > FORMAT:
            raise CorruptState(
                path,
                f"format {data['format']}, this version knows up to {FORMAT}",
                hint="A newer fun-local wrote it: upgrade, or use another FUN_LOCAL_HOME.",
            )
        return _deployed(data)
    except FileNotFoundError:
        return Deployed()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptState(
            path,
            f"not a registry ({error})",
            hint="Remove the file, then deploy your templates again: fun deploy",
        ) from None


def _deployed(data: dict[str, Any]) -> Deployed:
    if data["format"] == 1:
        data = {**_SINCE_2, **data}
    if data["format"] < 3:
        data = {**_SINCE_3, **data}
    kinds = {name: by_path(map(kind.from_dict, data[name])) for name, kind in _KINDS.items()}
    configs = {ref: AsyncConfig.from_dict(config) for ref, config in data["async_configs"].items()}
    return Deployed(**kinds, async_configs=configs, published=dict(data["published"]))


def remove_leftovers(home: str) -> None:
    """Delete what a deploy left that was cut off. For the daemon, the only one that deploys."""
    remove_temporaries(home, of=os.path.basename(path_of(home)))


def write(home: str, deployed: Deployed) -> None:
    """Replace the registry. When it returns, the deploy is safe.

    Raises:
        Unavailable: the disk is full; the old registry stays.
    """
    data = {
        "format": FORMAT,
        **{name: [item.to_dict() for item in getattr(deployed, name).values()] for name in _KINDS},
        "async_configs": {ref: config.stored() for ref, config in deployed.async_configs.items()},
        "published": dict(deployed.published),
    }
    text = json.dumps(data, ensure_ascii=False, indent=1)
    write_atomically(path_of(home), text.encode())
    sync_folder(home)
