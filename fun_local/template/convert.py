"""From checked properties, in the spelling of ROS, to the model. Whatever the dialect, it ends here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.model.names import check_name, check_queue_name, parse_destination
from fun_local.model.resources import AsyncConfig, Function, Queue, Service
from fun_local.template import placeholders
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem

_IDLE_SERVICE = {
    "VpcConfig": "there is no private network here",
    "NasConfig": "there is no shared file system here",
    "TracingConfig": "calls are not traced",
    "Tags": "tags are not kept",
    "DeletionForce": "a service can always be removed",
}
_IDLE_FUNCTION = {
    "Layers": "layers are not loaded",
    "InstanceType": "instances are processes of this machine",
    "InstanceLifecycleConfig": "its hooks are not called",
    "InstanceSoftConcurrency": "only InstanceConcurrency counts",
    "CustomRuntimeConfig": "the archive's bootstrap file is started",
    "CustomHealthCheckConfig": "instances are not probed",
    "CustomDNS": "names are resolved as on this machine",
    "Cpu": "processors are not limited",
    "DiskSize": "the disk is not limited",
    "GpuMemorySize": "there is no GPU here",
    "Tags": "tags are not kept",
}
_NOT_RUN = ("java", "php", "dotnet", "go1", "custom-container")


def service(properties: Mapping[str, Any], stack: str) -> Service:
    """An ALIYUN::FC::Service."""
    log = properties.get("LogConfig") or {}
    return Service(
        name=properties["ServiceName"],
        description=properties.get("Description", ""),
        role=properties.get("Role", ""),
        internet_access=properties.get("InternetAccess", True),
        log_project=log.get("Project", ""),
        log_store=log.get("Logstore", ""),
        stack=stack,
    )


def function(properties: Mapping[str, Any], stack: str) -> Function:
    """An ALIYUN::FC::Function, its code still to come."""
    # The model has the defaults; what is not in the template is not handed over.
    named = {
        "MemorySize": "memory_mb",
        "Timeout": "timeout_seconds",
        "Description": "description",
        "Initializer": "initializer",
        "InitializationTimeout": "initialization_timeout_seconds",
        "InstanceConcurrency": "instance_concurrency",
        "CAPort": "ca_port",
    }
    given: dict[str, Any] = {to: properties[key] for key, to in named.items() if key in properties}
    settings = properties.get("AsyncConfiguration")
    return Function(
        service=properties["ServiceName"],
        name=properties["FunctionName"],
        runtime=properties["Runtime"],
        handler=properties["Handler"],
        code="",
        environment=environment(properties.get("EnvironmentVariables", {})),
        async_config=None if settings is None else async_config(settings),
        stack=stack,
        **given,
    )


def async_config(settings: Mapping[str, Any]) -> AsyncConfig:
    """An AsyncConfiguration; its destinations as written (``:::`` stands for this region and account)."""
    named = {
        "MaxAsyncRetryAttempts": "max_retries",
        "MaxAsyncEventAgeInSeconds": "max_age_seconds",
        "StatefulInvocation": "stateful",
    }
    given: dict[str, Any] = {to: settings[key] for key, to in named.items() if key in settings}
    destination = settings.get("Destination", {})
    on_success, on_failure = destination.get("OnSuccess", ""), destination.get("OnFailure", "")
    return AsyncConfig(on_success=on_success, on_failure=on_failure, **given)


def environment(variables: Mapping[str, Any]) -> dict[str, str]:
    """Environment variables as text: ``true``, ``12``, ``1.5``."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in variables.items()}


def queue(properties: Mapping[str, Any]) -> Queue:
    """An ALIYUN::MNS::Queue."""
    named = {
        "DelaySeconds": "delay_seconds",
        "MaximumMessageSize": "max_message_bytes",
        "MessageRetentionPeriod": "retention_seconds",
        "VisibilityTimeout": "visibility_seconds",
        "PollingWaitSeconds": "polling_wait_seconds",
        "LoggingEnabled": "logging_enabled",
    }
    given: dict[str, Any] = {to: properties[key] for key, to in named.items() if key in properties}
    return Queue(name=properties["QueueName"], **given)


def name_problems(document: Document, properties: Mapping[str, Any], path: Path) -> list[Problem]:
    """Problems with names and destinations: what the model refuses. A placeholder is not one of them."""
    problems = []
    for key in ("ServiceName", "FunctionName", "QueueName"):
        name = properties.get(key)
        if not isinstance(name, str) or not name or placeholders.has_token(name):
            continue
        try:
            if key == "QueueName":
                check_queue_name(name)
            else:
                check_name(key.removesuffix("Name").lower(), name)
        except InvalidRequest as error:
            problems.append(document.problem("value", (*path, key), error.message, error.hint))
    settings = properties.get("AsyncConfiguration")
    destination = settings.get("Destination") if isinstance(settings, dict) else None
    for key, arn in destination.items() if isinstance(destination, dict) else ():
        if key not in ("OnSuccess", "OnFailure") or not isinstance(arn, str) or placeholders.has_token(arn):
            continue
        try:
            parse_destination(arn)
        except InvalidRequest as error:
            where = (*path, "AsyncConfiguration", "Destination", key)
            problems.append(document.problem("value", where, error.message, error.hint))
    return problems


def function_warnings(found: Function, properties: Mapping[str, Any]) -> list[str]:
    """What of a function has no effect here."""
    warnings = _idle(f"function {found.path}", properties, _IDLE_FUNCTION)
    if found.runtime.startswith(_NOT_RUN):
        warnings.append(f"function {found.path}: runtime {found.runtime} can't be run here, calls will fail")
    return warnings


def service_warnings(found: Service, properties: Mapping[str, Any]) -> list[str]:
    """What of a service has no effect here."""
    return _idle(f"service {found.name}", properties, _IDLE_SERVICE)


def _idle(what: str, properties: Mapping[str, Any], idle: Mapping[str, str]) -> list[str]:
    return [f"{what}: {key} has no effect: {why}" for key, why in idle.items() if properties.get(key)]
