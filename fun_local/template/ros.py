"""Plain ROS templates: from a document to the evaluated properties of its resources."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fun_local.template import placeholders, types
from fun_local.template.evaluator import Evaluator, Target
from fun_local.template.load import Document, Path
from fun_local.template.markers import INVALID, NO_VALUE
from fun_local.template.order import in_order
from fun_local.template.parameters import parameter_values
from fun_local.template.problems import Problem
from fun_local.template.schema import TEMPLATE, check


@dataclass(frozen=True, slots=True)
class Context:
    """What the template is deployed as and with."""

    stack_name: str
    region: str
    account_id: str
    parameters: Mapping[str, str]
    replacements: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with everything in its properties evaluated. ``reason`` is why it is not run, or empty."""

    name: str
    type: str
    properties: dict[str, Any]
    reason: str = ""

    @property
    def path(self) -> Path:
        return ("Resources", self.name, "Properties")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """All resources that the conditions leave, what is wrong with them, and what is odd about them."""

    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]


def evaluate(document: Document, context: Context) -> Evaluated:
    """Evaluate a plain ROS template. Problems are collected, those with what it grows to are raised.

    Raises:
        InvalidTemplate: evaluated, the template is too large.
    """
    problems = check(document, TEMPLATE, document.data, ())[1]
    values, bad_parameters = parameter_values(document, context.parameters)
    written = _mappings(document.data.get("Resources"))
    evaluator = Evaluator(
        document,
        pseudo=_pseudo(context),
        parameters=values,
        resources=dict.fromkeys(written, "in a condition nothing is deployed yet"),
    )
    for name in _mappings(document.data.get("Conditions"), is_any=True):
        evaluator.condition(name, ("Conditions", name))
    kept = _kept(evaluator, written)
    order, bad_order = in_order(document, kept)
    resources, used = [], set()
    has_function = any(resource.get("Type") == types.FUNCTION for resource in kept.values())
    for name in order:
        found = _decide(document, name, kept[name], has_function)
        if isinstance(found, Problem):
            evaluator.problems.append(found)
            continue
        evaluator.is_lenient = bool(found.reason)
        properties = evaluator.value(found.properties, found.path)
        evaluator.is_lenient = False
        if not isinstance(properties, dict):  # a function in place of all properties
            if not found.reason:
                if properties is not INVALID:
                    message = "Incorrect type. Expected object"
                    evaluator.problems.append(document.problem("type", found.path, message))
                continue
            properties = {}
        properties, names = placeholders.fill(properties, context.replacements)
        used |= names
        resource = Resource(name, found.type, properties, found.reason)
        evaluator.resources[name] = _target(resource, context)
        resources.append(resource)
    in_file = {name: i for i, name in enumerate(written)}
    resources.sort(key=lambda resource: in_file[resource.name])
    warnings = [
        f"--replace {name}: {document.path} has no placeholder {{{name}}} to fill in"
        for name in context.replacements
        if name not in used
    ]
    problems = [*problems, *bad_parameters, *bad_order, *evaluator.problems]
    return Evaluated(tuple(resources), tuple(problems), tuple(warnings))


def _mappings(value: Any, *, is_any: bool = False) -> dict[str, Any]:
    """A section's entries, without those that are no mappings: the check of the shapes reports them."""
    entries = value if isinstance(value, dict) else {}
    return {name: item for name, item in entries.items() if is_any or isinstance(item, dict)}


def _pseudo(context: Context) -> dict[str, Any]:
    """ROS documentation: pseudo parameters. Account and tenant are one: there are no sub-accounts here."""
    stack = f"acs:ros:{context.region}:{context.account_id}:stack/{context.stack_name}"
    return {
        "ALIYUN::StackName": context.stack_name,
        "ALIYUN::StackId": str(uuid.uuid5(uuid.NAMESPACE_URL, stack)),
        "ALIYUN::Region": context.region,
        "ALIYUN::AccountId": context.account_id,
        "ALIYUN::TenantId": context.account_id,
        "ALIYUN::ResourceGroupId": "rg-default",
        "ALIYUN::NoValue": NO_VALUE,
    }


def _kept(evaluator: Evaluator, written: Mapping[str, Any]) -> dict[str, Any]:
    """Resources whose condition holds; the others are noted as what can't be referred to."""
    kept = {}
    for name, resource in written.items():
        evaluator.resources[name] = None
        condition = resource.get("Condition")
        if isinstance(condition, str):
            holds = evaluator.condition(condition, ("Resources", name, "Condition"))
            if holds is False:
                evaluator.resources[name] = f"its condition {condition} does not hold"
                continue
        kept[name] = resource
    return kept


def _decide(
    document: Document, name: str, written: Mapping[str, Any], has_function: bool
) -> Resource | Problem:
    """The resource as written, with the reason if it is only accepted; or why it is refused."""
    resource_type = written.get("Type")
    resource_type = resource_type if isinstance(resource_type, str) else ""
    properties = written.get("Properties")
    path: Path = ("Resources", name, "Type")
    decision = types.decide(resource_type) if resource_type else types.Decision("accepted", "no type")
    if decision.action == "refused":
        return document.problem("value", path, decision.reason, decision.hint)
    if not decision.is_known and not has_function:
        message = f"{resource_type} has no counterpart on this machine, and no function would be deployed"
        return document.problem("value", path, message)
    if decision.action == "run" and "Count" in written:
        message = "Count is not supported: write the resource as often as it is needed"
        return document.problem("value", ("Resources", name, "Count"), message)
    return Resource(name, resource_type, properties if isinstance(properties, dict) else {}, decision.reason)


def _target(resource: Resource, context: Context) -> Target:
    """What other resources get from this one with Ref and Fn::GetAtt."""

    def text(key: str) -> Any:
        value = resource.properties.get(key, INVALID)
        return value if isinstance(value, str) else INVALID

    if resource.type == types.SERVICE:
        name = text("ServiceName")
        attributes = {"ServiceName": name, "ServiceId": _id("service", name)}
        return Target(name, attributes | {"Tags": resource.properties.get("Tags", [])})
    if resource.type == types.FUNCTION:
        service, name = text("ServiceName"), text("FunctionName")
        home = f"acs:fc:{context.region}:{context.account_id}"
        arn = INVALID if INVALID in (service, name) else f"{home}:services/{service}/functions/{name}"
        attributes = {"FunctionName": name, "ServiceName": service, "ARN": arn}
        attributes |= {"FunctionId": _id("function", arn), "ServiceId": _id("service", service)}
        return Target(name, attributes)
    if resource.type == types.QUEUE:
        name = text("QueueName")
        host = f"{context.account_id}.mns.{context.region}.aliyuncs.com"
        url = INVALID if name is INVALID else f"https://{host}/queues/{name}"
        return Target(name, {"QueueName": name, "QueueUrl": url})
    return _open_target(resource, context)


def _open_target(resource: Resource, context: Context) -> Target:
    kind = resource.type.rpartition("::")[2]
    given = [resource.properties.get(key) for key in (f"{kind}Name", "Name")]
    name = next((value for value in given if isinstance(value, str)), f"not-emulated:{resource.name}")
    attributes = dict(_plain(resource.properties))
    if resource.type == types.ROLE:
        attributes["Arn"] = f"acs:ram::{context.account_id}:role/{name}"
    return Target(name, attributes, is_open=True)


def _plain(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in properties.items():
        if isinstance(value, str | int | float):
            yield key, value


def _id(kind: str, name: Any) -> Any:
    """The same made-up id for the same name."""
    return INVALID if name is INVALID else str(uuid.uuid5(uuid.NAMESPACE_URL, f"fun-local:{kind}/{name}"))
