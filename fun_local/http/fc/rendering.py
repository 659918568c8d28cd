"""Resources in the vendor's field names, as each version of the API shows them. Pure."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fun_local.http.fc.dialects import Dialect
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, FunctionRef
from fun_local.model.resources import Alias, AsyncConfig, Function, Service, Trigger, Version
from fun_local.model.web_routes import trigger_url

Json = dict[str, Any]

#: Nothing is made from it but ids that stay the same as long as their resource.
_IDS = uuid.UUID("7f0c3bd0-5d4f-4c3e-9a51-0d2f1c1f3a6e")


def time(ms: int) -> str:
    """A resource's time (fc-api 4); empty where it is not known."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if ms else ""


def _id(kind: str, path: str, created_ms: int) -> str:
    return str(uuid.uuid5(_IDS, f"{kind} {path} {created_ms}"))


def _times(item: Service | Function | Alias | Trigger) -> Json:
    return {"createdTime": time(item.created_ms), "lastModifiedTime": time(item.modified_ms)}


def service(item: Service) -> Json:
    """A service. ``internetAccess`` is always there: Funcraft's comparison needs it (wire 1, rule 12)."""
    return {
        **item.extra,
        "serviceName": item.name,
        "serviceId": _id("service", item.path, item.created_ms),
        "description": item.description,
        "role": item.role,
        "internetAccess": item.internet_access,
        "logConfig": {
            "project": item.log_project,
            "logstore": item.log_store,
            **item.extra.get("logConfig", {}),
        },
        **_times(item),
    }


def public_name(function: Function | FunctionRef, name: str) -> str:
    """What a function is called where there are no services."""
    return name if function.service == IMPLICIT_SERVICE else f"{function.service}${name}"


def function(dialect: Dialect, item: Function, code: tuple[int, str], arn_prefix: str) -> Json:
    """A function. ``code`` is the size and checksum of its archive."""
    size, checksum = code
    shown: Json = {
        **item.extra,
        "functionName": item.name,
        "functionId": _id("function", item.path, item.created_ms),
        "description": item.description,
        "runtime": item.runtime,
        "handler": item.handler,
        "timeout": item.timeout_seconds,
        "memorySize": item.memory_mb,
        "codeSize": size,
        "codeChecksum": checksum,
        "environmentVariables": item.environment,
        "instanceConcurrency": item.instance_concurrency,
        **_times(item),
    }
    hooks = _hooks(item)
    shown |= _server(dialect, item)
    if dialect.has_services:
        shown["initializer"] = item.initializer
        shown["initializationTimeout"] = item.initialization_timeout_seconds
        if item.runtime.startswith("custom"):
            shown["caPort"] = item.ca_port
    else:
        shown |= _without_service(item, arn_prefix)
        if item.initializer:
            hooks["initializer"] = _hook(item.initializer, item.initialization_timeout_seconds)
    if hooks:
        shown["instanceLifecycleConfig"] = hooks
    return shown


def _without_service(item: Function, arn_prefix: str) -> Json:
    """What only a function of FC 3.0 has: what used to be its service's, and its state."""
    name = public_name(item, item.name)
    return {
        "functionName": name,
        "functionArn": f"{arn_prefix}functions/{name}",
        "role": item.extra.get("role", ""),
        "internetAccess": item.extra.get("internetAccess", True),
        **_layers(item),
        # What is answered is ready: nothing is prepared in the background.
        "state": "Active",
        "lastUpdateStatus": "Successful",
    }


def _layers(item: Function) -> Json:
    """Layers are addresses where they are sent, and objects where they are answered."""
    layers = item.extra.get("layers")
    return {"layers": [{"arn": layer, "size": 0} for layer in layers]} if layers else {}


def _server(dialect: Dialect, item: Function) -> Json:
    """How a function that brings a server of its own is started."""
    if not item.runtime.startswith("custom"):
        return {}
    kind = "customRuntimeConfig" if item.is_custom else "customContainerConfig"
    config: Json = dict(item.extra.get(kind, {}))
    for name, words in (("command", item.custom_command), ("args", item.custom_args)):
        if words:
            config[name] = list(words)
    if not dialect.has_services:
        config["port"] = item.ca_port
    return {kind: config} if config else {}


def _hooks(item: Function) -> Json:
    hooks: Json = {}
    if item.pre_freeze:
        hooks["preFreeze"] = _hook(item.pre_freeze, item.pre_freeze_timeout_seconds)
    if item.pre_stop:
        hooks["preStop"] = _hook(item.pre_stop, item.pre_stop_timeout_seconds)
    return hooks


def _hook(handler: str, timeout_seconds: int) -> Json:
    return {"handler": handler, "timeout": timeout_seconds}


def version(item: Version) -> Json:
    """A version never changes."""
    return {
        "versionId": item.number,
        "description": item.description,
        "createdTime": time(item.created_ms),
        "lastModifiedTime": time(item.created_ms),
    }


def alias(item: Alias) -> Json:
    """An alias; the weights are null where there are none (fc-api 7)."""
    return {
        **item.extra,
        "aliasName": item.name,
        "versionId": item.version,
        "description": item.description,
        "additionalVersionWeight": item.additional_weights or None,
        **_times(item),
    }


def trigger(dialect: Dialect, item: Trigger, base_url: str, arn_prefix: str) -> Json:
    """A trigger; of an HTTP one, where it is called."""
    config = json.dumps(item.config, ensure_ascii=False) if dialect.has_text_configs else item.config
    # Funcraft takes a qualifier that its template does not name for a change.
    is_named = item.qualifier != LATEST or "qualifier" in item.extra
    shown: Json = {
        "description": "",
        **item.extra,
        "triggerName": item.name,
        "triggerId": _id("trigger", item.path, item.created_ms),
        "triggerType": item.type,
        "triggerConfig": config,
        "qualifier": item.qualifier if is_named else None,
        "sourceArn": item.source_arn or None,
        "invocationRole": item.role or None,
        **_times(item),
    }
    if not dialect.has_services:
        name = public_name(FunctionRef(item.service, item.function), item.function)
        shown |= {"status": "active", "targetArn": f"{arn_prefix}functions/{name}"}
    if item.type == "http":
        url = trigger_url(base_url, item)
        urls = {"urlInternet": url, "urlIntranet": url}
        shown |= urls if dialect.has_services else {"httpTrigger": urls}
    return shown


def async_config(
    dialect: Dialect, ref: FunctionRef, item: AsyncConfig, owner: Function, arn_prefix: str
) -> Json:
    """An asynchronous configuration: what was sent, and nothing that was not (wire 3.1)."""
    written: Mapping[str, Any] = item.to_dict() if item.written is None else item.written
    shown = {dialect.named(key): value for key, value in written.items()}
    shown["createdTime"] = time(item.created_ms or owner.created_ms)
    shown["lastModifiedTime"] = time(item.modified_ms or owner.modified_ms)
    if dialect.has_services:
        return {"service": ref.service, "function": ref.function, "qualifier": ref.qualifier, **shown}
    return {"functionArn": function_arn(ref, arn_prefix), **shown}


def function_arn(ref: FunctionRef, arn_prefix: str) -> str:
    """The address of a function of FC 3.0; that of LATEST has no qualifier (names.parse_destination)."""
    name = public_name(ref, ref.function)
    return f"{arn_prefix}functions/{name}" + ("" if ref.qualifier == LATEST else f".{ref.qualifier}")


#: The fields of an execution in the order of fc-api 13.3, apart from what says whose it is.
_EXECUTION = (
    "invocationId",
    "qualifier",
    "status",
    "requestId",
    "startedTime",
    "endTime",
    "durationMs",
    "alreadyRetriedTimes",
    "destinationStatus",
    "instanceId",
    "invocationErrorMessage",
    "events",
)


def execution(
    dialect: Dialect, document: Mapping[str, Any], payloads: Mapping[str, str], arn_prefix: str
) -> Json:
    """An execution from its record; ``payloads`` are the ones to be shown."""
    shown = {dialect.named(name): document[name] for name in _EXECUTION}
    shown |= {dialect.named(name): text for name, text in payloads.items()}
    if dialect.has_services:
        return {"serviceName": document["serviceName"], "functionName": document["functionName"], **shown}
    ref = FunctionRef(document["serviceName"], document["functionName"])
    return {"functionArn": function_arn(ref, arn_prefix), **shown}
