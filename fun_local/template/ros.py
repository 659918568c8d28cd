"""The language of ROS, which all its dialects share: from resources as written to what they say.

Parameters, conditions, functions and references are the same in plain ROS templates and in Funcraft's; so is
the order in which resources are evaluated. What differs, how resources are written, is settled before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fun_local.model.stacks import stack_id
from fun_local.template import placeholders, types
from fun_local.template.evaluator import Evaluator
from fun_local.template.load import Document, Path
from fun_local.template.markers import INVALID, NO_VALUE
from fun_local.template.order import in_order
from fun_local.template.outputs import evaluate_outputs
from fun_local.template.parameters import parameter_values
from fun_local.template.problems import Problem
from fun_local.template.schema import TEMPLATE, check
from fun_local.template.targets import target
from fun_local.template.written import Context, Expansion, Written

#: Sections that are let pass; a template that depends on one would not notice here. Metadata has no meaning.
_IDLE_SECTIONS = {
    "Rules": "its rules are not checked",
    "Locals": "its values can't be referred to",
    "Workspace": "there are no workspaces here",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with everything in its properties evaluated. ``reason`` is why it is not run, or empty.

    ``at`` is where it stands, ``names`` as in ``Written``.
    """

    name: str
    type: str
    properties: dict[str, Any]
    reason: str
    at: Path
    names: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where its properties stand."""
        return (*self.at, "Properties")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """All resources that the conditions leave, what is wrong with them, and what is odd about them."""

    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    outputs: dict[str, object] = field(default_factory=dict)


def evaluate(
    document: Document, expansion: Expansion, context: Context, *, is_serverless: bool = False
) -> Evaluated:
    """Evaluate the resources of a template. Problems are collected, those with what it grows to are raised.

    Raises:
        InvalidTemplate: evaluated, the template is too large.
    """
    problems = check(document, TEMPLATE, document.data, ())[1]
    values, bad_parameters = parameter_values(document, context.parameters)
    written = {resource.name: resource for resource in expansion.resources}
    evaluator = Evaluator(
        document,
        pseudo=_pseudo(context),
        parameters=values,
        resources=dict.fromkeys(written, "in a condition nothing is deployed yet"),
        stack_outputs=context.stack_outputs,
    )
    conditions = document.data.get("Conditions")
    for name in conditions if isinstance(conditions, dict) else {}:
        evaluator.condition(name, ("Conditions", name))
    kept = _kept(evaluator, written)
    # Funcraft itself deploys without looking at DependsOn; a stack is not made with one that is wrong.
    odd_order: list[str] | None = [] if is_serverless and not context.use_ros else None
    order, bad_order = in_order(document, kept, odd_order)
    resources, used = [], set()
    has_function = any(r.type in (types.FUNCTION, types.SERVERLESS_FUNCTION) for r in kept.values())
    for name in order:
        decision = types.decide(kept[name].type, is_serverless=is_serverless)
        refused = _refusal(document, kept[name], decision, has_function)
        if refused is not None:
            evaluator.problems.append(refused)
            continue
        properties = _properties(document, evaluator, kept[name], decision.reason)
        if properties is None:
            continue
        properties, names = placeholders.fill(properties, context.replacements)
        used |= names
        source = kept[name]
        resource = Resource(
            name, source.type, properties, decision.reason, at=source.path, names=source.names
        )
        evaluator.resources[name] = target(resource, context)
        resources.append(resource)
    in_file = {name: i for i, name in enumerate(written)}
    resources.sort(key=lambda resource: in_file[resource.name])
    outputs, odd_outputs = evaluate_outputs(document, evaluator)
    problems = [*problems, *expansion.problems, *bad_parameters, *bad_order, *evaluator.problems]
    warnings = [*expansion.warnings, *(odd_order or ()), *_warnings(document, context, used), *odd_outputs]
    return Evaluated(tuple(resources), tuple(problems), tuple(warnings), outputs)


def _properties(
    document: Document, evaluator: Evaluator, written: Written, reason: str
) -> dict[str, Any] | None:
    """A resource's evaluated properties; None when it has none that can be used, which has been reported."""
    path = (*written.path, "Properties")
    given = written.properties
    evaluator.is_lenient = bool(reason)
    properties = evaluator.value(given if isinstance(given, dict) else {}, path)
    evaluator.is_lenient = False
    if isinstance(properties, dict):
        # A key with nothing behind it, as examples leave to their readers, is a key that is not there.
        return {key: value for key, value in properties.items() if value is not None}
    if reason:  # a function in place of all properties
        return {}
    if properties is not INVALID:
        evaluator.problems.append(document.problem("type", path, "Incorrect type. Expected object"))
    return None


def _warnings(document: Document, context: Context, used: set[str]) -> list[str]:
    idle = [f"section {name}: {why}" for name, why in _IDLE_SECTIONS.items() if document.data.get(name)]
    return idle + [
        f"--replace {name}: {document.path} has no placeholder {{{name}}} to fill in"
        for name in context.replacements
        if name not in used
    ]


def _pseudo(context: Context) -> dict[str, Any]:
    """ROS documentation: pseudo parameters. Account and tenant are one: there are no sub-accounts here."""
    return {
        "ALIYUN::StackName": context.stack_name,
        "ALIYUN::StackId": stack_id(context.region, context.account_id, context.stack_name),
        "ALIYUN::Region": context.region,
        "ALIYUN::AccountId": context.account_id,
        "ALIYUN::TenantId": context.account_id,
        "ALIYUN::ResourceGroupId": "rg-default",
        "ALIYUN::NoValue": NO_VALUE,
    }


def _kept(evaluator: Evaluator, written: Mapping[str, Written]) -> dict[str, Written]:
    """Resources whose condition holds; the others are noted as what can't be referred to.

    What stands in another resource goes with it.
    """
    kept = {}
    for name, resource in written.items():
        if resource.parent and resource.parent not in kept:
            evaluator.resources[name] = evaluator.resources[resource.parent]
            continue
        evaluator.resources[name] = None
        condition = None if resource.parent else resource.body.get("Condition")
        if isinstance(condition, str):
            holds = evaluator.condition(condition, (*resource.path, "Condition"))
            if holds is False:
                evaluator.resources[name] = f"its condition {condition} does not hold"
                continue
        kept[name] = resource
    return kept


def _refusal(
    document: Document, written: Written, decision: types.Decision, has_function: bool
) -> Problem | None:
    """Why a resource can't be taken, or None."""
    path: Path = (*written.path, "Type")
    if decision.action == "refused":
        return document.problem("value", path, decision.reason, decision.hint)
    if not decision.is_known and not has_function:
        message = f"{written.type} has no counterpart on this machine, and no function would be deployed"
        return document.problem("value", path, message)
    if decision.action == "run" and "Count" in written.body and not written.parent:
        message = "Count is not supported: write the resource as often as it is needed"
        return document.problem("value", (*written.path, "Count"), message)
    return None
