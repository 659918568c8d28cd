"""What a deploy leaves leading nowhere, or round in a circle: destinations and qualifiers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from fun_local.errors import NotFound
from fun_local.model.changes import Mns
from fun_local.model.circles import MAX_DEPTH, circles
from fun_local.model.deployed import Deployed
from fun_local.model.events import topic_of
from fun_local.model.names import RECORDED_KINDS, FunctionRef, parse_destination
from fun_local.model.resources import Function, Queue, Resources, Topic


def warnings(
    deployed: Deployed, resources: Resources, missing: Sequence[tuple[Queue | Topic, list[str]]]
) -> list[str]:
    """One for each loose end, with what mends it. ``missing`` as ``missing_destinations`` gives it."""
    return [
        *(_missing_warning(item, users) for item, users in missing),
        *_missing_functions(deployed, resources),
        *_missing_qualifiers(deployed, resources),
        *_recorded(resources),
        *_circles(deployed, resources),
    ]


def missing_destinations(resources: Resources, mns: Mns) -> list[tuple[Queue | Topic, list[str]]]:
    """Queues and topics that do not exist, each with what names them: as a destination, or as a source."""
    there = {("queue", name) for name in mns.queues} | {("topic", name) for name in mns.topics}
    there |= {("queue", queue.name) for queue in resources.queues}
    there |= {("topic", topic.name) for topic in resources.topics}
    kinds: dict[str, type[Queue] | type[Topic]] = {"queue": Queue, "topic": Topic}
    missing: dict[tuple[str, str], list[str]] = {}
    for function, arn in _destinations(resources):
        address = parse_destination(arn)
        key = (address.kind, address.name)
        if address.kind in kinds and key not in there:
            missing.setdefault(key, []).append(function.path)
    for trigger in resources.triggers:
        key = ("topic", topic_of(trigger))
        if key[1] and key not in there:
            missing.setdefault(key, []).append(f"trigger {trigger.path}")
    return [(kinds[kind](name), users) for (kind, name), users in missing.items()]


def _missing_warning(item: Queue | Topic, users: Sequence[str]) -> str:
    kind = type(item).__name__.lower()
    return (
        f"{kind} '{item.name}', which {', '.join(users)} names, does not exist: nothing can be delivered."
        f" Create it with: fun mns {kind} create {item.name}"
    )


def _missing_functions(deployed: Deployed, resources: Resources) -> list[str]:
    """Destinations that are functions nobody has deployed, or no longer."""
    warnings = []
    for function, arn in _destinations(resources):
        address = parse_destination(arn)
        if address.kind != "function":
            continue
        try:
            deployed.resolve(address.name, address.qualifier)
        except NotFound as error:
            warnings.append(
                f"a destination of {function.path} leads nowhere: {error.message}. Outcomes can't be"
                " delivered until it is deployed with: fun deploy"
            )
    return warnings


def _missing_qualifiers(deployed: Deployed, resources: Resources) -> list[str]:
    """Triggers of versions and aliases that do not exist."""
    warnings = []
    for wanted in resources.triggers:
        trigger = deployed.triggers[wanted.path]
        try:
            deployed.resolve(trigger.function_path, trigger.qualifier)
        except NotFound as error:
            warnings.append(f"trigger {trigger.path} does not fire: {error.message}. {error.hint}")
    return warnings


def _recorded(resources: Resources) -> list[str]:
    """Destinations that are taken, but not emulated."""
    return [
        f"destination {arn} of {function.path} is not emulated: outcomes are written to a file in the home's"
        " folder 'destinations', and sent nowhere"
        for function, arn in _destinations(resources)
        if parse_destination(arn).kind in RECORDED_KINDS
    ]


def _circles(deployed: Deployed, resources: Resources) -> list[str]:
    """Functions whose outcomes go round in a circle."""
    refs = [FunctionRef(function.service, function.name) for function in resources.functions]
    return [
        f"outcomes go round in a circle: {' -> '.join(map(str, (*way, way[0])))}. Each call of one is"
        f" followed by up to {MAX_DEPTH} more. Give one of them another destination"
        for way in circles(deployed, refs)
    ]


def _destinations(resources: Resources) -> list[tuple[Function, str]]:
    """Every function with each of its destinations, once."""
    configs = [(f, f.async_config) for f in resources.functions if f.async_config]
    return [
        (function, arn)
        for function, config in configs
        for arn in dict.fromkeys((config.on_success, config.on_failure))
        if arn
    ]
