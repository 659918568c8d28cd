"""One request as the actions see it: its parameters, and what they need to know of this home."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.stacks import Stacks
from fun_local.store.keys import Keyring
from fun_local.store.permissions import PermissionFile

Json = dict[str, Any]

_WHOLE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Context:
    """What the actions work on. ``now_ms`` is Unix time in milliseconds."""

    stacks: Stacks
    permissions: PermissionFile
    keyring: Keyring
    region: str
    account_id: str
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Parameters that an action does not know are let pass, as by the vendor."""

    context: Context
    parameters: Mapping[str, str]

    def get(self, name: str, default: str = "") -> str:
        return self.parameters.get(name, "") or default

    def required(self, name: str) -> str:
        """Raises InvalidRequest for one that is not there."""
        value = self.parameters.get(name, "")
        if not value:
            raise InvalidRequest(f"MissingParameter.{name}", f"the parameter {name} is missing")
        return value

    def whole(self, name: str, default: int, *, most: int) -> int:
        """A number from 1 on. Raises InvalidRequest for anything else."""
        text = self.get(name, str(default))
        if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
            message = f"the parameter {name} must be a whole number from 1 to {most}, not {text[:40]!r}"
            raise InvalidRequest("InvalidParameter", message)
        return int(text)

    def is_true(self, name: str) -> bool:
        return self.get(name).lower() == "true"

    def several(self, prefix: str, suffix: str = "") -> list[str]:
        """The values of ``prefix.1``, ``prefix.2`` and so on, or of ``prefix.1.suffix``."""
        found: list[str] = []
        while (name := f"{prefix}.{len(found) + 1}{f'.{suffix}' if suffix else ''}") in self.parameters:
            found.append(self.parameters[name])
        return found


Action = Callable[[Call], Awaitable[Json]]


def time(ms: int, *, has_zone: bool = True) -> str:
    """A time as these APIs write it; ROS leaves the zone out."""
    text = datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + "Z" if has_zone else text
