"""From checked properties, in the spelling of ROS, to the model. Whatever the dialect, it ends here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.model.names import LATEST, check_name, check_queue_name, parse_destination
from fun_local.model.resources import (
    Alias,
    AsyncConfig,
    Call,
    Function,
    Publication,
    Queue,
    Service,
    Subscription,
    Topic,
    Trigger,
)
from fun_local.template import placeholders, triggers
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem
from fun_local.template.written import NEWEST

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
    "InstanceSoftConcurrency": "only InstanceConcurrency counts",
    "CustomHealthCheckConfig": "instances are not probed",
    "CustomDNS": "names are resolved as on this machine",
    "Cpu": "processors are not limited",
    "DiskSize": "the disk is not limited",
    "GpuMemorySize": "there is no GPU here",
    "Tags": "tags are not kept",
}
_IDLE_INVOKER = {
    "CheckError": "the deployment goes on when the function fails",
    "CheckAsyncInvocation": "the deployment does not wait for the function",
    "ServiceRegionId": "there are no other regions here",
}
_IDLE_SUBSCRIPTION = {
    "DlqPolicy": "what can't be delivered is dropped",
    "PushType": "the endpoint says how messages are pushed",
}
_TOPIC_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,255}")
_NOT_RUN = ("java", "php", "dotnet", "go1", "custom-container")


def _check_topic_name(kind: str, name: str) -> None:
    if not _TOPIC_NAME.fullmatch(name):
        hint = "Use 1 to 256 letters, digits and '-', starting with a letter or digit."
        raise InvalidRequest("InvalidArgument", f"{kind} name {name!r} is not valid", hint=hint)


def _check_alias(name: str) -> None:
    check_name("alias", name)
    if name == LATEST:
        raise InvalidRequest("InvalidArgument", f"alias name {LATEST!r} stands for what is not published yet")


#: The properties that name something, and what is thrown when they can't.
_NAMES: Mapping[str, Callable[[str], None]] = {
    "ServiceName": partial(check_name, "service"),
    "FunctionName": partial(check_name, "function"),
    "TriggerName": partial(check_name, "trigger"),
    "AliasName": _check_alias,
    "QueueName": check_queue_name,
    "TopicName": partial(_check_topic_name, "topic"),
    "SubscriptionName": partial(_check_topic_name, "subscription"),
}


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
    given |= _hooks(properties.get("InstanceLifecycleConfig", {}))
    start = properties.get("CustomRuntimeConfig", {})
    given |= {f"custom_{key.lower()}": tuple(start[key]) for key in ("Command", "Args") if key in start}
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


def _hooks(given: Mapping[str, Any]) -> dict[str, Any]:
    """The hooks of an InstanceLifecycleConfig. An empty handler means none (runtime 2.7)."""
    hooks: dict[str, Any] = {}
    for key, name in (("PreStop", "pre_stop"), ("PreFreeze", "pre_freeze")):
        hook = given.get(key) or {}
        if hook.get("Handler"):
            hooks[name] = hook["Handler"]
            if "Timeout" in hook:
                hooks[f"{name}_timeout_seconds"] = hook["Timeout"]
    return hooks


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


def trigger(properties: Mapping[str, Any]) -> Trigger:
    """An ALIYUN::FC::Trigger."""
    kind = properties["TriggerType"]
    return Trigger(
        service=properties["ServiceName"],
        function=properties["FunctionName"],
        name=properties["TriggerName"],
        type=kind,
        config=triggers.config(kind, properties["TriggerConfig"]),
        qualifier=triggers.qualifier(properties.get("Qualifier")),
        role=properties.get("InvocationRole", ""),
        source_arn=properties.get("SourceArn", ""),
    )


def publication(properties: Mapping[str, Any]) -> Publication:
    """An ALIYUN::FC::Version."""
    return Publication(properties["ServiceName"], properties.get("Description", ""))


def alias(properties: Mapping[str, Any]) -> Alias:
    """An ALIYUN::FC::Alias. Its weight is in percent, the service's is a fraction."""
    main = properties.get("VersionId", "")
    other = properties.get("AdditionalVersion", "")
    weight = properties.get("AdditionalWeight", 0) / 100
    weights = {"" if other == NEWEST else other: weight} if other else {}
    return Alias(
        scope=properties["ServiceName"],
        name=properties["AliasName"],
        version="" if main == NEWEST else main,
        description=properties.get("Description", ""),
        additional_weights=weights,
    )


def topic(properties: Mapping[str, Any]) -> Topic:
    """An ALIYUN::MNS::Topic."""
    named = {"MaximumMessageSize": "max_message_bytes", "LoggingEnabled": "logging_enabled"}
    given: dict[str, Any] = {to: properties[key] for key, to in named.items() if key in properties}
    return Topic(properties["TopicName"], **given)


def subscription(properties: Mapping[str, Any]) -> Subscription:
    """An ALIYUN::MNS::Subscription."""
    named = {"NotifyStrategy": "strategy", "NotifyContentFormat": "format", "FilterTag": "filter_tag"}
    given: dict[str, Any] = {to: properties[key] for key, to in named.items() if key in properties}
    return Subscription(
        properties["TopicName"], properties["SubscriptionName"], properties["Endpoint"], **given
    )


def call(name: str, properties: Mapping[str, Any]) -> Call:
    """An ALIYUN::FC::FunctionInvoker with an ExecuteVersion."""
    return Call(
        name=name,
        service=properties["ServiceName"],
        function=properties["FunctionName"],
        event=properties.get("Event", ""),
        is_async=properties.get("Async", False),
        qualifier=triggers.qualifier(properties.get("Qualifier")),
        execute_version=properties["ExecuteVersion"],
    )


def name_problems(document: Document, properties: Mapping[str, Any], path: Path) -> list[Problem]:
    """Problems with names and destinations: what the model refuses. A placeholder is not one of them."""
    problems = []
    for key, check in _NAMES.items():
        name = properties.get(key)
        if not isinstance(name, str) or not name or placeholders.has_token(name):
            continue
        try:
            check(name)
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


def invoker_warnings(name: str, properties: Mapping[str, Any]) -> list[str]:
    """What of an invocation has no effect here."""
    return _idle(f"invocation {name}", properties, _IDLE_INVOKER)


def subscription_warnings(found: Subscription, properties: Mapping[str, Any]) -> list[str]:
    """What of a subscription has no effect here."""
    return _idle(f"subscription {found.topic}/{found.name}", properties, _IDLE_SUBSCRIPTION)


def _idle(what: str, properties: Mapping[str, Any], idle: Mapping[str, str]) -> list[str]:
    return [f"{what}: {key} has no effect: {why}" for key, why in idle.items() if properties.get(key)]
