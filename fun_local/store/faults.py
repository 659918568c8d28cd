"""The failures that a home rehearses, in a file of their own: no deploy changes them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from fun_local.errors import CorruptState, FunLocalError
from fun_local.model.faults import Rule
from fun_local.store.files import sync_folder, write_atomically

_FORMAT = 1


def path_of(home: str) -> str:
    return os.path.join(home, "faults.json")


def read(home: str) -> list[Rule]:
    """The rules of a home, the first that was made first.

    Raises:
        CorruptState: the file is damaged, or a newer version wrote it.
    """
    path = path_of(home)
    try:
        with open(path, "rb") as file:
            data = json.load(file)
        if data["format"] > _FORMAT:
            raise ValueError(f"format {data['format']}, this version knows up to {_FORMAT}")
        return [Rule.from_dict(rule) for rule in data["rules"]]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError, FunLocalError) as error:
        hint = "Remove it: it holds nothing but failures to rehearse."
        raise CorruptState(path, str(error), hint=hint) from None


def write(home: str, rules: Sequence[Rule]) -> None:
    """Replace the rules. Raises Unavailable when the disk refuses."""
    data = {"format": _FORMAT, "rules": [rule.to_dict() for rule in rules]}
    write_atomically(path_of(home), json.dumps(data, indent=1).encode())
    sync_folder(home)
