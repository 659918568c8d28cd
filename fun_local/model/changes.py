"""A deploy or removal in the making: what changes, one by one, and the plan that comes of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from fun_local.errors import Conflict, NotFound
from fun_local.model import kept
from fun_local.model.deployed import Deployed
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, FunctionRef, parse_function, version_scope
from fun_local.model.resources import (
    Alias,
    Call,
    Domain,
    Publication,
    Queue,
    Resources,
    Stack,
    Subscription,
    Topic,
    Trigger,
    Version,
)

Messaging = Queue | Topic | Subscription


@dataclass(frozen=True, slots=True)
class Change:
    """What a deploy does to one resource. ``action`` is Add, Modify, Unchanged or Delete."""

    resource: str
    type: str
    action: str
    properties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mns:
    """The queues, topics and subscriptions of a home, each kind by its path."""

    queues: Mapping[str, Queue] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)

    def find(self, like: Messaging) -> Messaging | None:
        """The one of the same kind and path, or None."""
        kinds: dict[type, Mapping[str, Messaging]] = {
            Queue: self.queues,
            Topic: self.topics,
            Subscription: self.subscriptions,
        }
        return kinds[type(like)].get(like.path)


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be deployed, and the way there.

    ``put`` are to be created or changed, ``drop`` deleted, both in this order. ``calls`` are to be made at
    the end; only then is the stack's record (part of ``deployed``) true.
    """

    deployed: Deployed
    changes: tuple[Change, ...]
    put: tuple[Messaging, ...]
    drop: tuple[Messaging, ...]
    calls: tuple[Call, ...]
    is_unchanged: bool


class Changes:
    """Copies of what is deployed, and the changes to them so far, all in the name of one stack."""

    def __init__(self, deployed: Deployed, stack: str, now_ms: int) -> None:
        self._before = deployed
        self._stack = stack
        self._now_ms = now_ms
        self.services = dict(deployed.services)
        self.functions = dict(deployed.functions)
        self.versions = dict(deployed.versions)
        self.aliases = dict(deployed.aliases)
        self.triggers = dict(deployed.triggers)
        self.domains = dict(deployed.domains)
        self.stacks = dict(deployed.stacks)
        self._calls: tuple[Call, ...] = ()
        self._published = dict(deployed.published)
        self._changes: list[Change] = []
        self._put: list[Messaging] = []
        self._drop: list[Messaging] = []

    def put(self, kind: str, there: dict[str, Any], wanted: Iterable[Any]) -> None:
        """Add or modify resources that the stack will own."""
        for item in wanted:
            old = there.get(item.path)
            # The service that FC 3.0 functions live in is everybody's.
            stack = "" if item.path == IMPLICIT_SERVICE and kind == "Service" else self._stack
            if old is not None and old.stack != stack:
                raise _conflict(kind, item.path, old.stack, stack)
            new = replace(item, stack=stack, created_ms=old.created_ms if old else self._now_ms)
            change = _change(kind, old, new)
            self._changes.append(change)
            if old is None or change.action == "Modify":
                there[item.path] = replace(new, modified_ms=self._now_ms)

    def use(self, kind: str, there: Mapping[str, Messaging], wanted: Iterable[Messaging]) -> None:
        """Create or modify what may also have been made by hand: then it stays nobody's."""
        for item in wanted:
            old = there.get(item.path)
            if old is not None and old.stack not in ("", self._stack):
                raise _conflict(kind, item.path, old.stack, self._stack)
            change = _change(kind, old, item)
            self._changes.append(change)
            if change.action != "Unchanged":
                self._put.append(replace(item, stack=old.stack if old else self._stack))

    def add(self, wanted: Iterable[Queue | Topic]) -> None:
        """Create queues and topics that are missing, and that the stack will not own."""
        for item in wanted:
            self._changes.append(Change(item.path, type(item).__name__, "Add"))
            self._put.append(item)

    def publish(self, publication: Publication) -> None:
        """The next version of a service, unless nothing has changed since the last one (fc-api 7)."""
        scope = publication.scope
        functions = tuple(f for path, f in sorted(self.functions.items()) if f.scope == scope)
        name = scope.partition("/")[0]
        if name not in self.services or ("/" in scope and not functions):
            raise NotFound("ServiceNotFound", f"'{scope}', of which a version is wanted, does not exist")
        service = self.services[name]
        newest = self.so_far().newest(scope)
        frozen = tuple(replace(function, async_config=None) for function in functions)
        if newest and (newest.service, newest.functions) == (service, frozen):
            self._changes.append(Change(newest.path, "Version", "Unchanged"))
            return
        number = self._published.get(scope, 0) + 1
        self._published[scope] = number
        version = Version(
            scope, str(number), publication.description, self._now_ms, service, frozen, self._stack
        )
        self.versions[version.path] = version
        self._changes.append(Change(version.path, "Version", "Add"))

    def pointed(self, alias: Alias) -> Alias:
        """An alias with numbers for what a template calls the newest version."""
        number = self._newest(alias.scope)
        weights = {key or number: weight for key, weight in alias.additional_weights.items()}
        pointed = replace(alias, version=alias.version or number, additional_weights=weights)
        for target in pointed.targets:
            if f"{alias.scope}.{target}" not in self.versions:
                which = f"version '{target}'" if target else "a version"
                raise NotFound(
                    "VersionNotFound",
                    f"alias '{alias.name}' leads to {which} of '{alias.scope}' that does not exist",
                    hint="Publish one first: add an ALIYUN::FC::Version to the template.",
                )
        return pointed

    def aimed(self, trigger: Trigger) -> Trigger:
        """A trigger of a function that is there, with the number of the newest version if it means that.

        Its qualifier need not be there yet: real projects publish by hand, after the first deploy.
        """
        self.so_far().resolve(trigger.function_path)
        scope = version_scope(trigger.service, trigger.function)
        return replace(trigger, qualifier=trigger.qualifier or self._newest(scope) or LATEST)

    def routed(self, domain: Domain) -> Domain:
        """A domain whose routes have the number of the newest version where they mean that."""
        routes = {
            path: (service, function, qualifier or self._newest(version_scope(service, function)) or LATEST)
            for path, (service, function, qualifier) in domain.routes.items()
        }
        return replace(domain, routes=routes)

    def _newest(self, scope: str) -> str:
        newest = self.so_far().newest(scope)
        return newest.number if newest else ""

    def clear(self, mns: Mns, *, kept_versions: set[str]) -> None:
        """Delete what the stack owned and its template no longer names."""
        named = {(change.type, change.resource) for change in self._changes}
        kinds: tuple[tuple[str, dict[str, Any]], ...] = (
            ("Domain", self.domains),
            ("Trigger", self.triggers),
            ("Alias", self.aliases),
            ("Function", self.functions),
            ("Service", self.services),
        )
        for kind, there in kinds:
            for path, item in list(there.items()):
                if item.stack == self._stack and (kind, path) not in named:
                    self.delete(kind, there, path)
        for path, version in list(self.versions.items()):
            if version.stack == self._stack and version.scope not in kept_versions:
                self.delete("Version", self.versions, path)
        for kind, held in (
            ("Subscription", mns.subscriptions),
            ("Topic", mns.topics),
            ("Queue", mns.queues),
        ):
            for path, item in held.items():
                if item.stack == self._stack and (kind, path) not in named:
                    self._drop.append(item)
                    self._changes.append(Change(path, kind, "Delete"))

    def delete(self, kind: str, there: dict[str, Any], path: str) -> None:
        """Delete a resource, and with it what can't be without it."""
        item = there.pop(path, None)
        if item is None:
            return
        self._changes.append(Change(path, kind, "Delete"))
        if kind == "Function":
            self._delete_all("Trigger", self.triggers, lambda t: t.function_path == path)
            if item.scope != item.service:
                self._delete_scope(item.scope)
        if kind == "Service":
            held = [f.path for f in self.functions.values() if f.service == path]
            if held:
                raise Conflict(
                    "ServiceNotEmpty",
                    f"service '{path}' can't be deleted: it still holds {', '.join(sorted(held))}",
                )
            self._delete_scope(path)

    def _delete_scope(self, scope: str) -> None:
        self._delete_all("Alias", self.aliases, lambda alias: alias.scope == scope)
        self._delete_all("Version", self.versions, lambda version: version.scope == scope)

    def _delete_all(self, kind: str, there: dict[str, Any], is_meant: Any) -> None:
        for path in [path for path, item in there.items() if is_meant(item)]:
            self.delete(kind, there, path)

    def note_stack(self, resources: Resources) -> None:
        """The stack's own record, and which of the template's calls are to be made now."""
        old = self.stacks.get(self._stack)
        made = old.calls if old else {}
        so_far = self.so_far()
        calls = []
        for call in resources.calls:
            scope = version_scope(call.service, call.function)
            qualifier = call.qualifier or self._newest(scope) or LATEST
            so_far.resolve(f"{call.service}/{call.function}", qualifier)
            if made.get(call.name) != call.execute_version:
                calls.append(replace(call, qualifier=qualifier))
        self._calls = tuple(calls)
        self.stacks[self._stack] = Stack(
            self._stack,
            outputs=dict(resources.outputs),
            calls={call.name: call.execute_version for call in resources.calls},
            parameters=dict(resources.parameters),
            names=dict(resources.names),
            created_ms=old.created_ms if old else self._now_ms,
            modified_ms=self._now_ms,
        )

    def so_far(self) -> Deployed:
        return replace(
            self._before,
            services=self.services,
            functions=self.functions,
            versions=self.versions,
            aliases=self.aliases,
            triggers=self.triggers,
            domains=self.domains,
            stacks=self.stacks,
            published=self._published,
            settings=kept.owned(self._before.settings, self.services, self.functions),
        )

    def plan(self) -> Plan:
        """All of it. Raises Conflict when an alias would lead nowhere."""
        for alias in self.aliases.values():
            for target in alias.targets:
                path = f"{alias.scope}.{target}"
                if path not in self.versions:
                    message = f"version '{path}' can't be deleted: alias '{alias.name}' leads to it"
                    raise Conflict("VersionInUse", message)
        deployed = self.so_far()
        configs = deployed.async_configs
        deployed = replace(
            deployed, async_configs={ref: configs[ref] for ref in configs if _is_there(deployed, ref)}
        )
        is_same = deployed == self._before
        return Plan(
            deployed,
            tuple(self._changes),
            tuple(self._put),
            tuple(self._drop),
            self._calls,
            is_unchanged=is_same and not (self._put or self._drop or self._calls),
        )


def _is_there(deployed: Deployed, ref: str) -> bool:
    """Whether ``service.qualifier/function`` still names a function."""
    service, name, qualifier = parse_function(ref)
    return deployed.find(FunctionRef(service, name, qualifier)) is not None


def _change(kind: str, old: Any, new: Any) -> Change:
    if old is None:
        return Change(new.path, kind, "Add")
    compared = [field.name for field in fields(new) if field.compare]
    properties = tuple(name for name in compared if getattr(old, name) != getattr(new, name))
    return Change(new.path, kind, "Modify" if properties else "Unchanged", properties)


def _conflict(kind: str, path: str, owner: str, stack: str) -> Conflict:
    named = f"stack '{owner}'" if owner else "no stack"
    return Conflict(
        "StackConflict",
        f"{kind.lower()} '{path}' belongs to {named}, not to stack '{stack}'",
        hint="Deploy with that --stack-name, or choose another name in the template.",
    )
