"""Roles and policies of a home, in a file of their own, made with the first of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from fun_local.errors import CorruptState, FunLocalError
from fun_local.model.permissions import Permissions, Policy, Role
from fun_local.store.files import remove_temporaries, sync_folder, write_atomically

_FILE = "permissions.json"
_FORMAT = 1


class PermissionFile:
    """Read when first asked for, so that a daemon whose file is damaged serves everybody else."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._known: Permissions | None = None

    def read(self) -> Permissions:
        """Raises CorruptState where the file is damaged, or a newer version wrote it."""
        if self._known is None:
            remove_temporaries(self._home, of=_FILE)
            self._known = _read(os.path.join(self._home, _FILE))
        return self._known

    def change(self, change: Callable[[Permissions], Permissions]) -> Permissions:
        """Make one change, and what is there then: when it returns, that is safe.

        Raises whatever ``change`` raises, CorruptState, and Unavailable when the disk refuses.
        """
        new = change(self.read())
        data = {
            "format": _FORMAT,
            "roles": [role.to_dict() for role in new.roles.values()],
            "policies": [policy.to_dict() for policy in new.policies.values()],
        }
        write_atomically(os.path.join(self._home, _FILE), json.dumps(data, indent=1).encode())
        sync_folder(self._home)
        self._known = new
        return new


def _read(path: str) -> Permissions:
    try:
        with open(path, "rb") as file:
            data = json.load(file)
        if data["format"] > _FORMAT:
            raise ValueError(f"format {data['format']}, this version knows up to {_FORMAT}")
        roles = [Role.from_dict(role) for role in data["roles"]]
        policies = [Policy.from_dict(policy) for policy in data["policies"]]
    except FileNotFoundError:
        return Permissions()
    except (ValueError, TypeError, KeyError, FunLocalError) as error:
        hint = "Remove it: roles and policies have no effect on this machine, and clients make them again."
        raise CorruptState(path, str(error), hint=hint) from None
    return Permissions({role.name: role for role in roles}, {policy.name: policy for policy in policies})
