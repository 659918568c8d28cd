"""Evaluated resources, one by one, to the model. Each type has its reader; the table is at the end."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.model import resources as model
from fun_local.model.names import check_name
from fun_local.template import convert, domains, placeholders, serverless, triggers, types
from fun_local.template.code import CodeSource, find_code
from fun_local.template.load import Document, Path, path_text
from fun_local.template.markers import is_invalid
from fun_local.template.problems import Problem
from fun_local.template.ros import Resource
from fun_local.template.schema import check, is_defined
from fun_local.template.written import Context

_NO_MAIL = "there is no mail and no telephone on this machine, so nothing is sent"


@dataclass(slots=True)
class Found:
    """What has been read so far. ``code`` runs parallel to ``functions``."""

    services: list[model.Service] = field(default_factory=list)
    functions: list[model.Function] = field(default_factory=list)
    code: list[tuple[CodeSource | None, Path]] = field(default_factory=list)
    queues: list[model.Queue] = field(default_factory=list)
    triggers: list[model.Trigger] = field(default_factory=list)
    publications: list[model.Publication] = field(default_factory=list)
    aliases: list[model.Alias] = field(default_factory=list)
    topics: list[model.Topic] = field(default_factory=list)
    subscriptions: list[model.Subscription] = field(default_factory=list)
    domains: list[model.Domain] = field(default_factory=list)
    calls: list[model.Call] = field(default_factory=list)
    not_emulated: list[model.Accepted] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    names: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One resource that is being read: its properties have been checked."""

    document: Document
    context: Context
    resource: Resource
    properties: dict[str, Any]
    found: Found
    source: CodeSource | None = None

    def claim(self, kind: str, name: str, key: str) -> None:
        """Note that a name is taken; a problem when it was already."""
        at = self.resource.at if self.resource.names else (*self.resource.path, key)
        first = self.found.names.setdefault((kind, name), path_text(at))
        if first != path_text(at):
            message = f"{kind} {name} is there twice, the other is {first}"
            self.found.problems.append(self.document.problem("value", at, message))

    def accept(self, reason: str, name: str = "", kind: str = "") -> None:
        """Note what has no effect here."""
        accepted = model.Accepted(name or self.resource.name, kind or self.resource.type, reason)
        self.found.not_emulated.append(accepted)


def read(document: Document, context: Context, resource: Resource, found: Found) -> None:
    """Check one resource and, when it is good, add it to what has been found."""
    path, problems = resource.path, list[Problem]()
    properties: dict[str, Any] = resource.properties
    if is_defined(resource.type):
        properties, problems = check(document, resource.type, properties, path)
    if resource.reason:
        found.problems += problems
        found.not_emulated.append(model.Accepted(resource.name, resource.type, resource.reason))
        return
    problems += convert.name_problems(document, properties, path)
    problems += _own_name_problems(document, resource)
    problems += placeholders.unresolved(document, properties, path)
    if resource.type in (types.DOMAIN, types.SERVERLESS_DOMAIN):
        problems += domains.problems(document, properties, path)
    problems += _timer_problems(document, resource, properties)
    source: CodeSource | None = None
    if resource.type in (types.FUNCTION, types.SERVERLESS_FUNCTION):
        code = _code(document, resource, properties, problems)
        if isinstance(code, Problem):
            problems.append(code)
        else:
            source = code
    found.problems += problems
    if not problems and not is_invalid(properties):
        reader = _event if resource.type.startswith(types.EVENT) else _READERS[resource.type]
        reader(_Reading(document, context, resource, properties, found, source))


def _timer_problems(document: Document, resource: Resource, properties: Any) -> list[Problem]:
    if resource.type == f"{types.EVENT}Timer":
        return triggers.timer_problems(document, properties, resource.path)
    if resource.type == types.TRIGGER and properties.get("TriggerType") == "timer":
        path = (*resource.path, "TriggerConfig")
        config = properties.get("TriggerConfig")
        if isinstance(config, dict) and not config.keys() & {"CronExpression", "cronExpression"}:
            return [document.problem("required", path, "Missing property CronExpression")]
        return triggers.timer_problems(document, config, path)
    return []


def _own_name_problems(document: Document, resource: Resource) -> list[Problem]:
    """What is wrong with the name that a resource has from its place, as in Funcraft's dialect."""
    kinds = {types.SERVERLESS_SERVICE: "service", types.SERVERLESS_FUNCTION: "function"}
    if resource.type not in kinds:
        return []
    try:
        check_name(kinds[resource.type], resource.names[-1])
    except InvalidRequest as error:
        return [document.problem("value", resource.at, error.message, error.hint)]
    return []


def _code(
    document: Document, resource: Resource, properties: dict[str, Any], problems: list[Problem]
) -> CodeSource | Problem | None:
    """The function's code, or None when there is none to find or the properties for it are not good."""
    keys = ("Code", "CodeUri", "Runtime")
    path = resource.path
    concerned = tuple(path_text((*path, key)) for key in keys)
    if any(problem.path.startswith(concerned) for problem in problems):
        return None
    if any(is_invalid(properties.get(key)) for key in keys):
        return None
    if properties.get("Runtime") == "custom-container":
        return None  # its code is the image
    if resource.type == types.SERVERLESS_FUNCTION and not properties.get("CodeUri"):
        return None  # that has been reported
    return find_code(document, properties, path)


def _service(reading: _Reading) -> None:
    properties, found = reading.properties, reading.found
    if reading.resource.names:
        properties = _service_in_ros(properties, reading.resource.names[0], reading.context)
        if properties.get("Policies") and not properties.get("Role"):
            # ROS makes a role with this id of them.
            role = f"{reading.resource.name}Role"
            reading.accept("there are no accounts or permissions on this machine", role, types.ROLE)
    service = convert.service(properties, reading.context.stack_name)
    found.services.append(service)
    found.warnings += convert.service_warnings(service, properties)
    reading.claim("service", service.name, "ServiceName")


def _service_in_ros(properties: Mapping[str, Any], name: str, context: Context) -> dict[str, Any]:
    """A service of Funcraft's dialect in the spelling of ROS."""
    spelled = {**properties, "ServiceName": name}
    if properties.get("LogConfig") == "Auto":
        account = uuid.uuid5(uuid.NAMESPACE_URL, context.account_id)
        project = f"aliyun-fc-{context.region}-{account}"
        spelled["LogConfig"] = {"Project": project, "Logstore": "function-log"}
    return spelled


def _function(reading: _Reading) -> None:
    properties, found = reading.properties, reading.found
    if names := reading.resource.names:
        properties = {"Handler": "", **properties, "ServiceName": names[0], "FunctionName": names[1]}
    function = convert.function(properties, reading.context.stack_name)
    found.functions.append(function)
    found.code.append((reading.source, reading.resource.path))
    found.warnings += convert.function_warnings(function, properties)
    reading.claim("function", function.path, "FunctionName")


def _event(reading: _Reading) -> None:
    service, function, name = reading.resource.names
    word = reading.resource.type.removeprefix(types.EVENT)
    names = (service, function, name)
    _add_trigger(reading, triggers.from_event(word, reading.properties, names, reading.context))


def _trigger(reading: _Reading) -> None:
    _add_trigger(reading, convert.trigger(reading.properties))


def _add_trigger(reading: _Reading, trigger: model.Trigger) -> None:
    reading.found.triggers.append(trigger)
    if reason := triggers.why_not_fired(trigger):
        reading.accept(reason)
    reading.claim("trigger", trigger.path, "TriggerName")


def _version(reading: _Reading) -> None:
    reading.found.publications.append(convert.publication(reading.properties))


def _alias(reading: _Reading) -> None:
    alias = convert.alias(reading.properties)
    reading.found.aliases.append(alias)
    reading.claim("alias", alias.path, "AliasName")


def _invoker(reading: _Reading) -> None:
    idle = convert.invoker_warnings(reading.resource.name, reading.properties)
    reading.found.warnings += idle
    if "ExecuteVersion" in reading.properties:
        reading.found.calls.append(convert.call(reading.resource.name, reading.properties))
    else:
        reading.accept("it has no ExecuteVersion, without which ROS does not invoke the function")


def _domain(reading: _Reading) -> None:
    name = str(domains.name_of(reading.properties, reading.resource.name))

    def service(named: str) -> str:
        return serverless.meant_service(reading.document, reading.context, named)

    domain = domains.domain(reading.properties, name, service)
    reading.found.domains.append(domain)
    reading.found.warnings += domains.warnings(domain, reading.properties)
    reading.claim("domain", domain.name, "DomainName")


def _queue(reading: _Reading) -> None:
    queue = convert.queue(reading.properties)
    reading.found.queues.append(queue)
    reading.claim("queue", queue.name, "QueueName")


def _topic(reading: _Reading) -> None:
    properties = reading.properties
    if reading.resource.names:
        properties = {**properties, "TopicName": reading.resource.names[0]}
    topic = convert.topic(properties)
    reading.found.topics.append(topic)
    reading.claim("topic", topic.name, "TopicName")


def _subscription(reading: _Reading) -> None:
    subscription = convert.subscription(reading.properties)
    reading.found.subscriptions.append(subscription)
    reading.found.warnings += convert.subscription_warnings(subscription, reading.properties)
    if subscription.endpoint.startswith(("mail:", "sms:")):
        reading.accept(_NO_MAIL)
    reading.claim("subscription", f"{subscription.topic}/{subscription.name}", "SubscriptionName")


_READERS: Mapping[str, Callable[[_Reading], None]] = {
    types.SERVICE: _service,
    types.SERVERLESS_SERVICE: _service,
    types.FUNCTION: _function,
    types.SERVERLESS_FUNCTION: _function,
    types.TRIGGER: _trigger,
    types.VERSION: _version,
    types.ALIAS: _alias,
    types.INVOKER: _invoker,
    types.DOMAIN: _domain,
    types.SERVERLESS_DOMAIN: _domain,
    types.QUEUE: _queue,
    types.TOPIC: _topic,
    types.SERVERLESS_TOPIC: _topic,
    types.SUBSCRIPTION: _subscription,
}
