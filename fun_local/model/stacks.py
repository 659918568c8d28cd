"""What ROS tells of stacks: ids, the resources in one as a template, changes and events. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fun_local.model.changes import Change, Mns
from fun_local.model.deployed import Deployed

#: How a stack itself is called among the resources in its events.
STACK = "ALIYUN::ROS::Stack"

#: ROS's word for each kind of resource. Versions and aliases have one, too.
_TYPES = {
    **{kind: f"ALIYUN::FC::{kind}" for kind in ("Service", "Function", "Trigger", "Version", "Alias")},
    **{kind: f"ALIYUN::MNS::{kind}" for kind in ("Queue", "Topic", "Subscription")},
    "Domain": "ALIYUN::FC::CustomDomain",
}

#: Fields that ROS calls otherwise than their names in capitals.
_PROPERTIES = {
    "timeout_seconds": "Timeout",
    "memory_mb": "MemorySize",
    "environment": "EnvironmentVariables",
    "async_config": "AsyncConfiguration",
    "initialization_timeout_seconds": "InitializationTimeout",
    "config": "TriggerConfig",
}


def stack_id(region: str, account_id: str, name: str) -> str:
    """The id of a stack, the same for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"acs:ros:{region}:{account_id}:stack/{name}"))


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What a change set does to a resource. ``action`` is Add, Modify or Remove."""

    name: str
    type: str
    action: str
    properties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a stack's story. ``name`` and ``type`` are the resource's, or the stack's own."""

    id: str
    name: str
    type: str
    status: str
    reason: str
    time_ms: int


def resource_changes(changes: Iterable[Change], names: Mapping[str, str]) -> tuple[ResourceChange, ...]:
    """What changes, in ROS's words. ``names`` as in ``Stack``."""
    return tuple(
        ResourceChange(
            names.get(f"{change.type.lower()}/{change.resource}", change.resource),
            _TYPES.get(change.type, change.type),
            "Remove" if change.action == "Delete" else change.action,
            tuple(_property(name) for name in change.properties),
        )
        for change in changes
        if change.action != "Unchanged" and change.type != "Stack"
    )


def as_template(deployed: Deployed, mns: Mns, stack: str) -> dict[str, Any]:
    """What a stack has, written as a template of plain ROS with all names as they really are.

    That is what Funcraft looks its functions up in (fun-cli 13).
    """
    there = deployed.stacks.get(stack)
    names = there.names if there else {}
    resources = {
        names.get(f"{kind.lower()}/{path}", path): {"Type": _TYPES[kind], "Properties": properties}
        for kind, path, properties in _owned(deployed, mns, stack)
    }
    return {"ROSTemplateFormatVersion": "2015-09-01", "Resources": resources}


def _owned(deployed: Deployed, mns: Mns, stack: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, path and properties of all that belongs to a stack."""
    for service in deployed.services.values():
        if service.stack == stack:
            yield "Service", service.path, {"ServiceName": service.name, "Description": service.description}
    for function in deployed.functions.values():
        if function.stack == stack:
            yield (
                "Function",
                function.path,
                {
                    "ServiceName": function.service,
                    "FunctionName": function.name,
                    "Runtime": function.runtime,
                    "Handler": function.handler,
                    "Timeout": function.timeout_seconds,
                    "MemorySize": function.memory_mb,
                },
            )
    for trigger in deployed.triggers.values():
        if trigger.stack == stack:
            yield (
                "Trigger",
                trigger.path,
                {
                    "ServiceName": trigger.service,
                    "FunctionName": trigger.function,
                    "TriggerName": trigger.name,
                    "TriggerType": trigger.type,
                    "TriggerConfig": trigger.config,
                },
            )
    for domain in deployed.domains.values():
        if domain.stack == stack:
            yield "Domain", domain.path, {"DomainName": domain.name, "Protocol": domain.protocol}
    named: tuple[tuple[str, Mapping[str, Any]], ...] = (("Queue", mns.queues), ("Topic", mns.topics))
    for kind, there in named:
        for item in there.values():
            if item.stack == stack:
                yield kind, item.path, {f"{kind}Name": item.name}


def _property(name: str) -> str:
    return _PROPERTIES.get(name) or "".join(part.capitalize() for part in name.split("_"))
