"""The registry: everything deployed, in one file that is replaced as a whole.

One file, so that a deploy is one rename: half a deploy can't be on disk.
"""

from __future__ import annotations

import json
import os

from fun_local.errors import CorruptState
from fun_local.model.deployed import Deployed
from fun_local.model.resources import Function, Service
from fun_local.store.files import remove_temporaries, sync_folder, write_atomically

#: Raised when older versions could not read the file any more.
FORMAT = 1


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
        services = [Service.from_dict(s) for s in data["services"]]
        functions = [Function.from_dict(f) for f in data["functions"]]
    except FileNotFoundError:
        return Deployed()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptState(
            path,
            f"not a registry ({error})",
            hint="Remove the file, then deploy your templates again: fun deploy",
        ) from None
    return Deployed({s.name: s for s in services}, {f.path: f for f in functions})


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
        "services": [service.to_dict() for service in deployed.services.values()],
        "functions": [function.to_dict() for function in deployed.functions.values()],
    }
    text = json.dumps(data, ensure_ascii=False, indent=1)
    write_atomically(path_of(home), text.encode())
    sync_folder(home)
