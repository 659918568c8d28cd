"""What creating, changing or deleting one resource makes of what is deployed, as the API has it. Pure.

Each takes what is deployed and gives what is deployed then, or raises and leaves it as it was. Stacks are no
obstacle, as in the cloud: a resource that is changed here stays its stack's, and a new one is nobody's. A
deploy of whole templates: deploying.py. Versions and aliases: publishing.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model import schedule
from fun_local.model.changes import Changes
from fun_local.model.deployed import Deployed
from fun_local.model.deploying import with_async_config
from fun_local.model.names import IMPLICIT_SERVICE, FunctionRef, check_name
from fun_local.model.resources import Alias, AsyncConfig, Function, Service, Trigger

#: What callers may expect to be as they know it.
Checked = Service | Function | Trigger | Alias

#: A check of the resource as it is, before it is changed; raises where its caller expects another.
Check = Callable[[Checked], None]


def unchecked(resource: Checked) -> None:
    """The check of a caller that expects nothing."""


def etag(resource: Checked) -> str:
    """Changes with every change of the resource."""
    text = json.dumps(resource.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# --- services


def service_of(deployed: Deployed, name: str) -> Service:
    """The service of that name. Raises NotFound."""
    if name not in deployed.services:
        raise NotFound("ServiceNotFound", f"service '{name}' does not exist")
    return deployed.services[name]


def create_service(deployed: Deployed, service: Service, now_ms: int) -> Deployed:
    """Raises Conflict when there is one of that name."""
    check_name("service", service.name)
    if service.name in deployed.services:
        raise already("Service", service.name)
    return _with_service(deployed, replace(service, created_ms=now_ms, modified_ms=now_ms))


def update_service(
    deployed: Deployed, name: str, change: Callable[[Service], Service], check: Check, now_ms: int
) -> Deployed:
    """Raises NotFound, and what ``change`` and ``check`` raise."""
    old = service_of(deployed, name)
    check(old)
    return _with_service(deployed, replace(change(old), modified_ms=now_ms))


def delete_service(deployed: Deployed, name: str, check: Check, now_ms: int) -> Deployed:
    """Raises NotFound, or Conflict while it holds anything: functions and versions go first (fc-api 5)."""
    check(service_of(deployed, name))
    functions = [function.name for function in deployed.functions.values() if function.service == name]
    versions = [version.number for version in deployed.versions.values() if version.scope == name]
    for kind, held in (("function", functions), ("version", versions)):
        if held:
            listed = ", ".join(f"'{item}'" for item in held[:5])
            raise Conflict(
                "ServiceNotEmpty",
                f"service '{name}' has {len(held)} {kind}{'s' if len(held) > 1 else ''}: {listed}",
                hint=f"Delete the {kind}s first.",
            )
    changes = Changes(deployed, "", now_ms)
    changes.delete("Service", changes.services, name)
    return changes.plan().deployed


def _with_service(deployed: Deployed, service: Service) -> Deployed:
    return replace(deployed, services={**deployed.services, service.path: service})


# --- functions


def function_of(deployed: Deployed, path: str) -> Function:
    """The function ``service/function`` as it was deployed last. Raises NotFound."""
    service, _, name = path.partition("/")
    return deployed.need(FunctionRef(service, name))


def create_function(deployed: Deployed, function: Function, now_ms: int) -> Deployed:
    """Raises NotFound without its service, and Conflict when there is one of that name.

    The service of those that have none comes with the first of them.
    """
    check_name("function", function.name)
    if function.service == IMPLICIT_SERVICE and IMPLICIT_SERVICE not in deployed.services:
        deployed = create_service(deployed, Service(IMPLICIT_SERVICE), now_ms)
    service_of(deployed, function.service)
    if function.path in deployed.functions:
        raise already("Function", function.name)
    return _with_function(deployed, replace(function, created_ms=now_ms, modified_ms=now_ms))


def update_function(
    deployed: Deployed, path: str, change: Callable[[Function], Function], check: Check, now_ms: int
) -> Deployed:
    """Raises NotFound, and what ``change`` and ``check`` raise."""
    old = function_of(deployed, path)
    check(old)
    return _with_function(deployed, replace(change(old), modified_ms=now_ms))


def delete_function(deployed: Deployed, path: str, check: Check, now_ms: int) -> Deployed:
    """Raises NotFound, or Conflict while triggers start it (fc-api 8)."""
    function = function_of(deployed, path)
    check(function)
    if any(trigger.function_path == path for trigger in deployed.triggers.values()):
        raise Conflict(
            "FunctionNotEmpty",
            f"function '{function.name}' has active triggers",
            hint="Delete its triggers first.",
        )
    changes = Changes(deployed, "", now_ms)
    changes.delete("Function", changes.functions, path)
    return changes.plan().deployed


def _with_function(deployed: Deployed, function: Function) -> Deployed:
    return replace(deployed, functions={**deployed.functions, function.path: function})


# --- triggers


def trigger_of(deployed: Deployed, function_path: str, name: str) -> Trigger:
    """Raises NotFound."""
    function_of(deployed, function_path)
    found = deployed.triggers.get(f"{function_path}/{name}")
    if found is None:
        raise NotFound("TriggerNotFound", f"trigger '{name}' does not exist in function '{function_path}'")
    return found


def create_trigger(deployed: Deployed, trigger: Trigger, now_ms: int) -> Deployed:
    """Raises NotFound without its function or qualifier, and Conflict when there is one of that name."""
    check_name("trigger", trigger.name)
    function_of(deployed, trigger.function_path)
    if trigger.path in deployed.triggers:
        raise already("Trigger", trigger.name)
    _check_trigger(deployed, trigger)
    return _with_trigger(deployed, replace(trigger, created_ms=now_ms, modified_ms=now_ms))


def update_trigger(
    deployed: Deployed,
    function_path: str,
    name: str,
    change: Callable[[Trigger], Trigger],
    check: Check,
    *,
    now_ms: int,
) -> Deployed:
    """Raises NotFound, and what ``change`` and ``check`` raise."""
    old = trigger_of(deployed, function_path, name)
    check(old)
    trigger = change(old)
    _check_trigger(deployed, trigger)
    return _with_trigger(deployed, replace(trigger, modified_ms=now_ms))


def delete_trigger(deployed: Deployed, function_path: str, name: str, check: Check, now_ms: int) -> Deployed:
    """Raises NotFound, and what ``check`` raises."""
    check(trigger_of(deployed, function_path, name))
    changes = Changes(deployed, "", now_ms)
    changes.delete("Trigger", changes.triggers, f"{function_path}/{name}")
    return changes.plan().deployed


def _check_trigger(deployed: Deployed, trigger: Trigger) -> None:
    deployed.need(FunctionRef(trigger.service, trigger.function, trigger.qualifier))
    if trigger.type == "timer":
        expression = trigger.config.get("cronExpression")
        if not isinstance(expression, str):
            raise InvalidRequest("InvalidArgument", f"timer trigger '{trigger.name}' has no cronExpression")
        schedule.parse(expression)
    if trigger.type != "http":
        return
    for other in deployed.triggers.values():
        is_same = (other.function_path, other.qualifier) == (trigger.function_path, trigger.qualifier)
        if other.type == "http" and is_same and other.path != trigger.path:
            # fc-api 8: one for each version or alias.
            raise Conflict(
                "TriggerAlreadyExists", f"'{other.name}' is the HTTP trigger of that function already"
            )


def _with_trigger(deployed: Deployed, trigger: Trigger) -> Deployed:
    return replace(deployed, triggers={**deployed.triggers, trigger.path: trigger})


# --- asynchronous configuration


def config_of(deployed: Deployed, ref: FunctionRef) -> AsyncConfig:
    """The configuration that a function and qualifier have of their own. Raises NotFound."""
    config = deployed.need(ref).async_config
    if config is None:
        message = f"AsyncConfig for {ref.path}:{ref.qualifier} does not exist."
        raise NotFound("AsyncConfigNotExists", message)
    return config


def put_async_config(
    deployed: Deployed, ref: FunctionRef, written: Mapping[str, Any], now_ms: int
) -> Deployed:
    """Set what is in ``written``, in the words of FC 2.0; the rest stays as it is (fc-api 9.2)."""
    old = deployed.need(ref).async_config
    known = {} if old is None else old.to_dict() if old.written is None else old.written
    merged = {**known, **written}
    config = replace(
        AsyncConfig.from_dict(merged),
        written=merged,
        created_ms=(old and old.created_ms) or now_ms,
        modified_ms=now_ms,
    )
    return with_async_config(deployed, ref, config, now_ms=now_ms)


def delete_async_config(deployed: Deployed, ref: FunctionRef, now_ms: int) -> Deployed:
    """Take it away; where there is none already nothing changes. Raises NotFound without the function."""
    if deployed.need(ref).async_config is None:
        return deployed
    return with_async_config(deployed, ref, None, now_ms=now_ms)


def already(kind: str, name: str) -> Conflict:
    """One of that kind and name is there."""
    return Conflict(f"{kind}AlreadyExists", f"{kind.lower()} '{name}' already exists")
