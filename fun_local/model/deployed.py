"""What is deployed right now, and what names mean in it. Pure. What a deploy makes of it: deploying.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.kept import Setting
from fun_local.model.names import LATEST, FunctionRef, parse_function, version_scope
from fun_local.model.resources import (
    Alias,
    AsyncConfig,
    Domain,
    Function,
    Service,
    Stack,
    Trigger,
    Version,
)


@dataclass(frozen=True, slots=True)
class Deployed:
    """Everything deployed in a home, each kind by its ``path``; ``functions`` are the unpublished ones.

    ``async_configs`` are those of versions and aliases, by ``service.qualifier/function``: the one of LATEST
    is part of its function. ``published`` counts the versions of a scope, deleted ones included: a number
    is never given twice.
    """

    services: Mapping[str, Service] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    versions: Mapping[str, Version] = field(default_factory=dict)
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    triggers: Mapping[str, Trigger] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    async_configs: Mapping[str, AsyncConfig] = field(default_factory=dict)
    stacks: Mapping[str, Stack] = field(default_factory=dict)
    published: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def find(self, ref: FunctionRef, draw: float = 1.0) -> Function | None:
        """The function that a call of ``ref`` runs, or None when it is gone, or its qualifier.

        ``draw``, from 0 to 1, decides where an alias leads that shares its calls out.
        """
        if ref.qualifier == LATEST:
            return self.functions.get(ref.path)
        scope = version_scope(ref.service, ref.function)
        number = ref.qualifier
        if alias := self.aliases.get(f"{scope}.{ref.qualifier}"):
            number = _drawn(alias, draw)
        version = self.versions.get(f"{scope}.{number}")
        function = version.function(ref.path) if version else None
        if function is None:
            return None
        config = self.async_configs.get(str(ref))
        return replace(function, version=number, qualifier=ref.qualifier, async_config=config)

    def need(self, ref: FunctionRef, draw: float = 1.0) -> Function:
        """As ``find``. Raises NotFound, which says what of the reference is missing."""
        function = self.find(ref, draw)
        if function is None:
            raise self._missing(ref)
        return function

    def renewed(self, function: Function) -> Function | None:
        """What an instance of ``function`` should be running now; None when it is gone."""
        if not function.version:
            return self.functions.get(function.path)
        return function if f"{function.scope}.{function.version}" in self.versions else None

    def resolve(self, text: str, qualifier: str = "") -> FunctionRef:
        """The function that a person means by ``service/function`` or ``function``.

        Raises:
            InvalidRequest: no name at all, or several functions are called that.
            NotFound: the service, function or qualifier is not there.
        """
        service, name, written_qualifier = parse_function(text)
        qualifier = qualifier or written_qualifier or LATEST
        if not service:
            service = self._only_service_with(name)
        ref = FunctionRef(service, name, qualifier)
        self.need(ref)
        return ref

    def _missing(self, ref: FunctionRef) -> NotFound:
        """Which part of a reference leads nowhere. Words of fc-api section 15."""
        if ref.service not in self.services:
            message = f"service '{ref.service}' does not exist"
            return NotFound("ServiceNotFound", message, hint=_known("services", self.services))
        scope = version_scope(ref.service, ref.function)
        names = self.qualifiers(scope)
        if ref.qualifier == LATEST or ref.qualifier in names:
            where = "" if ref.qualifier == LATEST else f" as of '{ref.qualifier}'"
            message = f"function '{ref.function}' does not exist in service '{ref.service}'{where}"
            return NotFound("FunctionNotFound", message, hint=_known("functions", self.functions))
        kind = "version" if ref.qualifier.isdigit() else "alias"
        owner = f"service '{ref.service}'" if scope == ref.service else f"function '{ref.function}'"
        return NotFound(
            f"{kind.title()}NotFound",
            f"{kind} '{ref.qualifier}' of {owner} does not exist",
            hint=f"There are: {', '.join((LATEST, *names))}.",
        )

    def qualifiers(self, scope: str) -> list[str]:
        """The published versions, in order, and then the aliases of a service (or function of FC 3.0)."""
        numbers = [version.number for version in self.versions.values() if version.scope == scope]
        names = [alias.name for alias in self.aliases.values() if alias.scope == scope]
        return sorted(numbers, key=int) + sorted(names)

    def newest(self, scope: str) -> Version | None:
        """The version of a scope with the highest number."""
        found = [version for version in self.versions.values() if version.scope == scope]
        return max(found, key=lambda version: int(version.number), default=None)

    def _only_service_with(self, name: str) -> str:
        found = sorted(f.service for f in self.functions.values() if f.name == name)
        if not found:
            message = f"function '{name}' does not exist"
            raise NotFound("FunctionNotFound", message, hint=_known("functions", self.functions))
        if len(found) > 1:
            candidates = ", ".join(f"{service}/{name}" for service in found)
            raise InvalidRequest(
                "AmbiguousFunctionName",
                f"several functions are called '{name}': {candidates}",
                hint="Write one of them in full.",
            )
        return found[0]

    def async_config(self, ref: FunctionRef) -> AsyncConfig:
        """The asynchronous configuration in force for a reference: each qualifier has its own."""
        function = self.find(ref)
        return (function.async_config if function else None) or AsyncConfig()

    def code_in_use(self) -> set[str]:
        """The digests of all code that a call may still need."""
        published = [function for version in self.versions.values() for function in version.functions]
        return {function.code for function in (*self.functions.values(), *published)}


def by_path(items: Iterable[Any]) -> dict[str, Any]:
    """Resources of one kind by their paths."""
    return {item.path: item for item in items}


def _drawn(alias: Alias, draw: float) -> str:
    """The version that a draw from 0 to 1 picks: the additional ones share its lower end."""
    for number, weight in alias.additional_weights.items():
        draw -= weight
        if draw < 0:
            return number
    return alias.version


def _known(kind: str, names: Mapping[str, Any]) -> str:
    if not names:
        return "Nothing is deployed yet. Deploy a template with: fun deploy"
    listed = ", ".join(sorted(names)[:8]) + (", …" if len(names) > 8 else "")
    return f"Deployed {kind}: {listed}."
