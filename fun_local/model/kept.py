"""What clients of the API set for a function or a service beside its own record. Pure.

Most of it has no meaning on this machine and is given back as it came. Two kinds have one: a function that is
disabled takes no calls, and some say how many instances there may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fun_local.errors import Conflict, NotFound
from fun_local.model.names import LATEST, FunctionRef
from fun_local.model.resources import Function, Record

if TYPE_CHECKING:
    from fun_local.model.deployed import Deployed


class Kind(StrEnum):
    """What a setting is about. The first three belong to a qualifier, the others to a function or service."""

    PROVISION = "provision"
    ON_DEMAND = "on-demand"
    SCALING = "scaling"
    CONCURRENCY = "concurrency"
    DISABLED = "disabled"
    TAGS = "tags"


@dataclass(frozen=True, slots=True)
class Setting(Record):
    """``content`` has the vendor's names. An empty ``function`` means the service itself."""

    kind: str
    service: str
    function: str = ""
    qualifier: str = LATEST
    content: dict[str, Any] = field(default_factory=dict)
    created_ms: int = field(default=0, compare=False)
    modified_ms: int = field(default=0, compare=False)

    @property
    def path(self) -> str:
        return f"{self.kind} {self.ref}"

    @property
    def ref(self) -> FunctionRef:
        return FunctionRef(self.service, self.function, self.qualifier)


def find(deployed: Deployed, kind: Kind, ref: FunctionRef) -> Setting | None:
    return deployed.settings.get(f"{kind} {ref}")


def need(deployed: Deployed, kind: Kind, ref: FunctionRef) -> Setting:
    """Raises NotFound."""
    found = find(deployed, kind, ref)
    if found is None:
        word = "".join(part.title() for part in kind.split("-"))
        raise NotFound(f"{word}ConfigNotFound", f"'{ref}' has no {kind} configuration")
    return found


def put(
    deployed: Deployed, kind: Kind, ref: FunctionRef, content: Mapping[str, Any], now_ms: int
) -> Deployed:
    """Set all of it: what is not in ``content`` is no longer set."""
    old = find(deployed, kind, ref)
    setting = Setting(
        kind=str(kind),
        service=ref.service,
        function=ref.function,
        qualifier=ref.qualifier,
        content=dict(content),
        created_ms=old.created_ms if old else now_ms,
        modified_ms=now_ms,
    )
    return replace(deployed, settings={**deployed.settings, setting.path: setting})


def drop(deployed: Deployed, kind: Kind, ref: FunctionRef) -> Deployed:
    """Take it away; where there is none already nothing changes."""
    setting = find(deployed, kind, ref)
    if setting is None:
        return deployed
    kept = {path: other for path, other in deployed.settings.items() if path != setting.path}
    return replace(deployed, settings=kept)


def owned(
    settings: Mapping[str, Setting], services: Iterable[str], functions: Iterable[str]
) -> dict[str, Setting]:
    """The settings of what is there: a function that comes back by the same name begins anew."""
    there = {*functions, *(f"{service}/" for service in services)}
    return {path: setting for path, setting in settings.items() if setting.ref.path in there}


def check_enabled(deployed: Deployed, ref: FunctionRef) -> None:
    """Raise Conflict for a function that takes no calls."""
    found = (
        find(deployed, Kind.DISABLED, FunctionRef(ref.service, ref.function)) if deployed.settings else None
    )
    if found is None:
        return
    reason = found.content.get("reason")
    raise Conflict(
        "FunctionInvocationDisabled",
        f"function '{ref.path}' is disabled" + (f": {reason}" if reason else ""),
        hint="Enable it again: POST /2023-03-30/functions/NAME/invoke/enable.",
    )


def most_instances(deployed: Deployed, function: Function) -> int | None:
    """How many instances of a function there may be by its settings; None where they don't say."""
    if not deployed.settings:
        return None
    on_demand = find(deployed, Kind.ON_DEMAND, function.ref)
    concurrency = find(deployed, Kind.CONCURRENCY, FunctionRef(function.service, function.name))
    limits = []
    if on_demand is not None:
        limits.append(int(on_demand.content.get("maximumInstanceCount", 0)))
    if concurrency is not None:
        # That many invocations at a time, of which an instance takes some.
        limits.append(-(-int(concurrency.content.get("reservedConcurrency", 0)) // function.concurrency))
    return min(limits, default=None)
