"""From the checked properties of fc and fc3 modules to the model, by way of the spelling of ROS.

Of fc3, role, internetAccess and logConfig stand at the function and are left out without a warning: they
have no counterpart in a function of the model, and nothing here depends on them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, check_name, parse_destination
from fun_local.model.resources import Function, Service
from fun_local.template import convert, placeholders
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem

#: What the fc component fills in (its source: FUNCTION_CONF_DEFAULT).
_HANDLER = "index.handler"

#: What fc3's own schema gives as default.
_FC3_MEMORY = 512

_FUNCTION = {
    "description": "Description",
    "runtime": "Runtime",
    "handler": "Handler",
    "memorySize": "MemorySize",
    "timeout": "Timeout",
    "initializer": "Initializer",
    "initializationTimeout": "InitializationTimeout",
    "environmentVariables": "EnvironmentVariables",
    "instanceConcurrency": "InstanceConcurrency",
    "caPort": "CAPort",
}

_PRIVATE_NETWORK = "there is no private network here"
_IDLE = {
    "vpcConfig": _PRIVATE_NETWORK,
    "vpcBinding": _PRIVATE_NETWORK,
    "nasConfig": "there is no shared file system here",
    "ossMountConfig": "there is no object storage here",
    "tracingConfig": "calls are not traced",
    "layers": "layers are not loaded",
    "instanceType": "instances are processes of this machine",
    "instanceSoftConcurrency": "only instanceConcurrency counts",
    "customHealthCheckConfig": "instances are not probed",
    "customDNS": "names are resolved as on this machine",
    "cpu": "processors are not limited",
    "diskSize": "the disk is not limited",
    "gpuMemorySize": "there is no GPU here",
    "gpuConfig": "there is no GPU here",
    "tags": "tags are not kept",
    "provisionConfig": "instances are started when they are needed",
    "concurrencyConfig": "the number of instances is a setting of the emulator",
    "scalingConfig": "instances are started when they are needed",
    "idleTimeout": "how long instances stay is a setting of the emulator",
    "sessionAffinity": "calls go to any instance",
    "sessionAffinityConfig": "calls go to any instance",
    "instanceIsolationMode": "instances are shared by all calls",
    "disableInjectCredentials": "there are no credentials here",
    "disableOndemand": "instances are started when they are needed",
    "enableLongLiving": "instances are started when they are needed",
    "invocationRestriction": "calls are not restricted",
    "annotations": "nothing here reads them",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part of the properties stands, from the module's properties on."""

    kind: str
    path: Path
    value: Any


def service(given: Mapping[str, Any], region: str, account_id: str, stack: str) -> Service:
    """The service of an fc module. ``auto`` logs have the names that the component makes up."""
    log = given.get("logConfig") or {}
    if isinstance(log, str):
        name = given["name"].lower().replace("_", "-")
        log = {"project": f"{account_id}-{region}-logproject", "logstore": f"fc-service-{name}-logstore"}
    return Service(
        name=given["name"],
        description=given.get("description", ""),
        role=role(given.get("role"), account_id),
        internet_access=given.get("internetAccess", True),
        log_project=log.get("project", ""),
        log_store=log.get("logstore", ""),
        stack=stack,
    )


def role(given: Any, account_id: str) -> str:
    """A role's address: as given, or of the role that the component would make."""
    if isinstance(given, dict):
        return f"acs:ram::{account_id}:role/{given['name'].lower()}"
    return given or ""


def function(kind: str, properties: Mapping[str, Any], stack: str) -> Function:
    """The function of an fc or fc3 module, its code still to come."""
    if kind == "fc":
        given: Mapping[str, Any] = properties["function"]
        names = (properties["service"]["name"], given["name"])
        spelled: dict[str, Any] = {}
        settings = given.get("asyncConfiguration")
        destination = (settings or {}).get("destination", {}) or _addresses(settings)
    else:
        given, names = properties, (IMPLICIT_SERVICE, properties["functionName"])
        spelled = {"MemorySize": _FC3_MEMORY, **_from_fc3(given)}
        settings = given.get("asyncInvokeConfig")
        destination = _addresses(settings)
    spelled |= {to: given[key] for key, to in _FUNCTION.items() if key in given}
    spelled |= {"ServiceName": names[0], "FunctionName": names[1]}
    spelled["InstanceLifecycleConfig"] = _hooks(given.get("instanceLifecycleConfig", {}))
    start = given.get("customRuntimeConfig", {})
    named = {"command": "Command", "args": "Args"}
    spelled["CustomRuntimeConfig"] = {to: _words(start[key]) for key, to in named.items() if key in start}
    spelled.setdefault("Handler", _HANDLER)
    if settings is not None:
        spelled["AsyncConfiguration"] = _async(settings, destination)
    return convert.function(spelled, stack)


def _addresses(settings: Mapping[str, Any] | None) -> dict[str, str]:
    """Destinations in the form of the service's API, which the fc component lets pass too."""
    written = (settings or {}).get("destinationConfig", {})
    return {key: at["destination"] for key, at in written.items() if "destination" in at}


def _from_fc3(given: Mapping[str, Any]) -> dict[str, Any]:
    """What fc3 has inside other properties: the initializer and the port."""
    spelled: dict[str, Any] = {}
    hook = given.get("instanceLifecycleConfig", {}).get("initializer")
    if hook and "handler" in hook:
        spelled["Initializer"] = hook["handler"]
        if "timeout" in hook:
            spelled["InitializationTimeout"] = hook["timeout"]
    for key in ("customRuntimeConfig", "customContainerConfig"):
        if "port" in given.get(key, {}):
            spelled["CAPort"] = given[key]["port"]
    return spelled


def _hooks(given: Mapping[str, Any]) -> dict[str, Any]:
    named = {"handler": "Handler", "timeout": "Timeout"}
    return {
        to: {named[name]: value for name, value in given[key].items() if name in named}  # not: command
        for key, to in (("preStop", "PreStop"), ("preFreeze", "PreFreeze"))
        if given.get(key)
    }


def _words(given: str | list[str]) -> list[str]:
    """A command's words: as a list, as JSON of one, or in the manner of a shell."""
    if not isinstance(given, str):
        return given
    try:
        words = json.loads(given) if given.lstrip().startswith("[") else shlex.split(given)
    except ValueError:
        return [given]
    return [str(word) for word in words]


def _async(settings: Mapping[str, Any], destination: Mapping[str, str]) -> dict[str, Any]:
    named = {
        "maxAsyncRetryAttempts": "MaxAsyncRetryAttempts",
        "maxAsyncEventAgeInSeconds": "MaxAsyncEventAgeInSeconds",
        "statefulInvocation": "StatefulInvocation",
        "asyncTask": "StatefulInvocation",
    }
    spelled: dict[str, Any] = {to: settings[key] for key, to in named.items() if key in settings}
    capital = {"onSuccess": "OnSuccess", "onFailure": "OnFailure"}
    spelled["Destination"] = {to: destination[key] for key, to in capital.items() if key in destination}
    return spelled


def name_problems(document: Document, kind: str, properties: Any, path: Path) -> list[Problem]:
    """Problems with names and destinations: what the model refuses. A placeholder is not one of them."""
    problems = []
    for place in _names(kind, properties):
        if not isinstance(place.value, str) or (not place.value and place.kind != "destination"):
            continue
        if placeholders.has_token(place.value):
            continue
        try:
            if place.kind == "destination":
                parse_destination(place.value)
            else:
                check_name(place.kind, place.value)
        except InvalidRequest as error:
            at = (*path, *place.path)
            problems.append(document.problem("value", at, error.message, error.hint))
    return problems


def _names(kind: str, properties: Any) -> Iterator[Place]:
    if kind == "fc":
        yield Place("service", ("service", "name"), _at(properties, "service", "name"))
        yield Place("function", ("function", "name"), _at(properties, "function", "name"))
        trigger = "name"
        settings: tuple[str, ...] = ("function", "asyncConfiguration")
    else:
        yield Place("function", ("functionName",), _at(properties, "functionName"))
        trigger = "triggerName"
        settings = ("asyncInvokeConfig",)
    for key in ("onSuccess", "onFailure"):
        for end in (("destination", key), ("destinationConfig", key, "destination")):
            yield Place("destination", (*settings, *end), _at(properties, *settings, *end))
    triggers = _at(properties, "triggers")
    for position, given in enumerate(triggers if isinstance(triggers, list) else ()):
        yield Place("trigger", ("triggers", position, trigger), _at(given, trigger))


def _at(value: Any, *keys: str | int) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def service_warnings(name: str, given: Mapping[str, Any]) -> list[str]:
    """What of a service has no effect here."""
    return _idle(f"service {name}", given)


def function_warnings(found: Function, kind: str, properties: Mapping[str, Any]) -> list[str]:
    """What of a function has no effect here."""
    given = properties["function"] if kind == "fc" else properties
    what = f"function {found.path}"
    warnings = convert.function_warnings(found, {}) + _idle(what, given)
    for name, hook in given.get("instanceLifecycleConfig", {}).items():
        if isinstance(hook, dict) and "command" in hook:
            warnings.append(f"{what}: command of {name} in instanceLifecycleConfig has no effect")
    if given.get("customRuntimeConfig", {}).get("healthCheckConfig"):
        why = "instances are not probed"
        warnings.append(f"{what}: healthCheckConfig in customRuntimeConfig has no effect: {why}")
    qualifier = given.get("asyncInvokeConfig", {}).get("qualifier", LATEST)
    if qualifier != LATEST:
        # Its source (deploy/impl/async_invoke_config.ts) has no other qualifier.
        warnings.append(
            f"{what}: qualifier {qualifier} of asyncInvokeConfig has no effect: fc3 configures {LATEST}"
        )
    return warnings


def _idle(what: str, given: Mapping[str, Any]) -> list[str]:
    return [f"{what}: {key} has no effect: {why}" for key, why in _IDLE.items() if given.get(key)]
