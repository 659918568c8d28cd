"""What is deployed right now, and what a deploy would make of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, FunctionRef, parse_function
from fun_local.model.resources import AsyncConfig, Function, Queue, Resources, Service


@dataclass(frozen=True, slots=True)
class Change:
    """What a deploy does to one resource. ``action`` is Add, Modify, Unchanged or Delete."""

    resource: str
    type: str
    action: str
    properties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deployed:
    """All services and functions of a home: services by name, functions by ``service/function``."""

    services: Mapping[str, Service] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)

    def find(self, ref: FunctionRef) -> Function | None:
        """The function of a reference, or None when it is gone (or its qualifier never was)."""
        return self.functions.get(ref.path) if ref.qualifier == LATEST else None

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
        if service not in self.services:
            raise NotFound(
                "ServiceNotFound",
                f"service '{service}' does not exist",
                hint=self._known("services", self.services),
            )
        if f"{service}/{name}" not in self.functions:
            raise NotFound(
                "FunctionNotFound",
                f"function '{name}' does not exist in service '{service}'",
                hint=self._known("functions", self.functions),
            )
        if qualifier != LATEST:
            raise NotFound(
                "VersionNotFound",
                f"version '{qualifier}' of service '{service}' does not exist",
                hint="Only LATEST is deployed.",
            )
        return FunctionRef(service, name, qualifier)

    def _only_service_with(self, name: str) -> str:
        found = sorted(f.service for f in self.functions.values() if f.name == name)
        if not found:
            raise NotFound(
                "FunctionNotFound",
                f"function '{name}' does not exist",
                hint=self._known("functions", self.functions),
            )
        if len(found) > 1:
            candidates = ", ".join(f"{service}/{name}" for service in found)
            raise InvalidRequest(
                "AmbiguousFunctionName",
                f"several functions are called '{name}': {candidates}",
                hint="Write one of them in full.",
            )
        return found[0]

    @staticmethod
    def _known(kind: str, names: Mapping[str, Any]) -> str:
        if not names:
            return "Nothing is deployed yet. Deploy a template with: fun deploy"
        listed = ", ".join(sorted(names)[:8]) + (", …" if len(names) > 8 else "")
        return f"Deployed {kind}: {listed}."

    def async_config(self, ref: FunctionRef) -> AsyncConfig:
        """The asynchronous configuration in force for a reference."""
        function = self.find(ref)
        return (function.async_config if function else None) or AsyncConfig()

    def deploy(self, stack: str, resources: Resources) -> tuple[Deployed, list[Change]]:
        """What would be deployed after ``resources`` became the content of ``stack``.

        The stack owns its resources: what it had and no longer names is deleted. Resources of other
        stacks are untouched, and taking over one of them is refused. A deploy without a stack (empty
        name) owns nothing, so it deletes nothing.

        Raises:
            Conflict: a resource belongs to another stack.
            NotFound: a function names a service that is neither deployed nor in ``resources``.
        """
        services = dict(self.services)
        functions = dict(self.functions)
        changes = []
        for service in resources.services:
            # The service that FC 3.0 functions live in is everybody's.
            owner = "" if service.name == IMPLICIT_SERVICE else stack
            changes.append(_change(service.name, "Service", services.get(service.name), service, owner))
            services[service.name] = replace(service, stack=owner)
        for function in resources.functions:
            if function.service not in services:
                raise NotFound(
                    "ServiceNotFound",
                    f"service '{function.service}' of function '{function.name}' does not exist",
                    hint="Add the service to the template.",
                )
            old = functions.get(function.path)
            changes.append(_change(function.path, "Function", old, function, stack))
            functions[function.path] = replace(function, stack=stack)
        if not stack:
            return Deployed(services, functions), changes
        kept = {s.name for s in resources.services} | {f.path for f in resources.functions}
        for path, old_function in self.functions.items():
            if old_function.stack == stack and path not in kept:
                del functions[path]
                changes.append(Change(path, "Function", "Delete"))
        for name, old_service in self.services.items():
            if old_service.stack == stack and name not in kept:
                if held := [f.path for f in functions.values() if f.service == name]:
                    raise Conflict(
                        "ServiceNotEmpty",
                        f"service '{name}' left the template but still holds {', '.join(held)}",
                    )
                del services[name]
                changes.append(Change(name, "Service", "Delete"))
        return Deployed(services, functions), changes


def _change(
    name: str, kind: str, old: Service | Function | None, new: Service | Function, stack: str
) -> Change:
    if old is None:
        return Change(name, kind, "Add")
    if old.stack != stack:
        owner = f"stack '{old.stack}'" if old.stack else "no stack"
        raise Conflict(
            "StackConflict",
            f"{kind.lower()} '{name}' belongs to {owner}, not to stack '{stack}'",
            hint="Deploy with that --stack-name, or choose another name in the template.",
        )
    before, after = asdict(old), asdict(replace(new, stack=stack))
    properties = tuple(key for key in after if before[key] != after[key])
    return Change(name, kind, "Modify" if properties else "Unchanged", properties)


def queue_change(old: Queue | None, new: Queue) -> Change:
    """What a deploy does to an MNS queue."""
    if old is None:
        return Change(new.name, "Queue", "Add")
    before, after = asdict(old), asdict(new)
    properties = tuple(key for key in after if before[key] != after[key])
    return Change(new.name, "Queue", "Modify" if properties else "Unchanged", properties)
