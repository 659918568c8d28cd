"""What other resources get from one with Ref and Fn::GetAtt.

The attributes are those of the ROS documentation's pages on each type. Ids that only exist once something is
deployed are made up from names, the same for the same name.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fun_local.template import domains, types
from fun_local.template.evaluator import Target
from fun_local.template.markers import INVALID
from fun_local.template.written import NEWEST, Context

if TYPE_CHECKING:
    from fun_local.template.ros import Resource


def target(resource: Resource, context: Context) -> Target:
    """What can be asked of a resource."""
    make = _TARGETS.get(resource.type, _open)
    return make(resource, context)


def _service(resource: Resource, context: Context) -> Target:
    name = resource.names[0] if resource.names else _text(resource, "ServiceName")
    attributes = {"ServiceName": name, "ServiceId": _id("service", name)}
    return Target(name, attributes | {"Tags": resource.properties.get("Tags", [])})


def _function(resource: Resource, context: Context) -> Target:
    service, name = resource.names[:2] or (_text(resource, "ServiceName"), _text(resource, "FunctionName"))
    home = f"acs:fc:{context.region}:{context.account_id}"
    arn = INVALID if INVALID in (service, name) else f"{home}:services/{service}/functions/{name}"
    attributes = {"FunctionName": name, "ServiceName": service, "ARN": arn}
    attributes |= {"FunctionId": _id("function", arn), "ServiceId": _id("service", service)}
    return Target(name, attributes)


def _trigger(resource: Resource, context: Context) -> Target:
    name = _text(resource, "TriggerName")
    attributes = {key: _text(resource, key) for key in ("ServiceName", "FunctionName", "TriggerName")}
    whole = INVALID if INVALID in attributes.values() else "/".join(attributes.values())
    return Target(name, attributes | {"TriggerId": _id("trigger", whole)})


def _version(resource: Resource, context: Context) -> Target:
    return Target(NEWEST, {"VersionId": NEWEST, "ServiceName": _text(resource, "ServiceName")})


def _alias(resource: Resource, context: Context) -> Target:
    name = _text(resource, "AliasName")
    attributes = {"AliasName": name, "ServiceName": _text(resource, "ServiceName")}
    return Target(name, attributes | {"VersionId": resource.properties.get("VersionId") or NEWEST})


def _queue(resource: Resource, context: Context) -> Target:
    name = _text(resource, "QueueName")
    return Target(name, {"QueueName": name, "QueueUrl": _url(context, "queues", name)})


def _topic(resource: Resource, context: Context) -> Target:
    name = resource.names[0] if resource.names else _text(resource, "TopicName")
    return Target(name, {"TopicName": name, "TopicUrl": _url(context, "topics", name)})


def _subscription(resource: Resource, context: Context) -> Target:
    topic, name = _text(resource, "TopicName"), _text(resource, "SubscriptionName")
    whole = INVALID if INVALID in (topic, name) else f"{topic}/subscriptions/{name}"
    url = _url(context, "topics", whole)
    return Target(name, {"SubscriptionName": name, "TopicName": topic, "SubscriptionUrl": url})


def _domain(resource: Resource, context: Context) -> Target:
    name = domains.name_of(resource.properties, resource.name)
    name = name if isinstance(name, str) else INVALID
    return Target(name, {"DomainName": name, "Domain": name})


def _open(resource: Resource, context: Context) -> Target:
    """One that is not run, or whose answers are only known when it has run: it answers everything."""
    kind = resource.type.rpartition("::")[2]
    given = [resource.properties.get(key) for key in (f"{kind}Name", "Name")]
    attributes = dict(_plain(resource.properties))
    if resource.names:  # Funcraft's dialect: it is called as the template calls it
        given.append(resource.names[-1])
        attributes.setdefault("Name", resource.names[-1])
    name = next((value for value in given if isinstance(value, str)), f"not-emulated:{resource.name}")
    if resource.type == types.ROLE:
        attributes["Arn"] = f"acs:ram::{context.account_id}:role/{name}"
    return Target(name, attributes, is_open=True)


_TARGETS: Mapping[str, Callable[[Resource, Context], Target]] = {
    types.SERVICE: _service,
    types.SERVERLESS_SERVICE: _service,
    types.FUNCTION: _function,
    types.SERVERLESS_FUNCTION: _function,
    types.TRIGGER: _trigger,
    types.VERSION: _version,
    types.ALIAS: _alias,
    types.QUEUE: _queue,
    types.TOPIC: _topic,
    types.SERVERLESS_TOPIC: _topic,
    types.SUBSCRIPTION: _subscription,
    types.DOMAIN: _domain,
    types.SERVERLESS_DOMAIN: _domain,
}


def _text(resource: Resource, key: str) -> Any:
    value = resource.properties.get(key, INVALID)
    return value if isinstance(value, str) else INVALID


def _url(context: Context, kind: str, name: Any) -> Any:
    host = f"{context.account_id}.mns.{context.region}.aliyuncs.com"
    return INVALID if name is INVALID else f"https://{host}/{kind}/{name}"


def _plain(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in properties.items():
        if isinstance(value, str | int | float):
            yield key, value


def _id(kind: str, name: Any) -> Any:
    """The same made-up id for the same name."""
    return INVALID if name is INVALID else str(uuid.uuid5(uuid.NAMESPACE_URL, f"fun-local:{kind}/{name}"))
