"""What a deploy, or a removal, makes of what is there: a plan that is carried out as a whole. Pure.

A stack owns its resources: what it had and its template no longer names is deleted; those of other stacks
are untouched, and taking one over is refused. A deploy without a stack owns nothing, so it deletes nothing.
Queues, topics and subscriptions that were there before are used by a stack and never owned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.changes import Changes, Mns, Plan
from fun_local.model.deployed import Deployed
from fun_local.model.names import LATEST, FunctionRef
from fun_local.model.resources import AsyncConfig, Function, Queue, Resources, Topic


def plan(
    deployed: Deployed,
    mns: Mns,
    stack: str,
    resources: Resources,
    *,
    now_ms: int,
    missing: Iterable[Queue | Topic] = (),
    only_config: bool = False,
) -> Plan:
    """Make ``resources`` the content of ``stack`` (or, where that is empty, add them to what is there).

    ``missing`` are queues and topics to be created that will be nobody's. With ``only_config`` the
    functions keep the code they have.

    Raises:
        Conflict: a resource belongs to another stack, or something left that others still need.
        NotFound: something names a service, function or version that is neither there nor in ``resources``.
    """
    changes = Changes(deployed, stack, now_ms)
    functions = resources.functions
    if only_config:
        functions = tuple(replace(f, code=_deployed_code(deployed, f)) for f in functions)
    changes.put("Service", changes.services, resources.services)
    for function in functions:
        if function.service not in changes.services:
            raise NotFound(
                "ServiceNotFound",
                f"service '{function.service}' of function '{function.name}' does not exist",
                hint="Add the service to the template.",
            )
    changes.put("Function", changes.functions, functions)
    for publication in resources.publications:
        changes.publish(publication)
    changes.put("Alias", changes.aliases, map(changes.pointed, resources.aliases))
    changes.put("Trigger", changes.triggers, map(changes.aimed, resources.triggers))
    changes.put("Domain", changes.domains, map(changes.routed, resources.domains))
    changes.use("Queue", mns.queues, resources.queues)
    changes.use("Topic", mns.topics, resources.topics)
    changes.use("Subscription", mns.subscriptions, resources.subscriptions)
    changes.add(missing)
    if stack:
        changes.clear(mns, kept_versions={publication.scope for publication in resources.publications})
        changes.note_stack(resources)
    return changes.plan()


def removal(deployed: Deployed, mns: Mns, name: str, *, kind: str = "", now_ms: int) -> Plan:
    """Take away a stack with all it owns, a service with its functions, or one function.

    ``kind`` (stack, service or function) says what ``name`` is where several are called that.

    Raises:
        NotFound: nothing deployed is called that.
        InvalidRequest: both a stack and a service are called that.
        Conflict: others still need it.
    """
    named = {"stack": deployed.stacks, "service": deployed.services}
    found = [kind] if kind else [word for word, there in named.items() if name in there]
    if len(found) > 1:
        raise InvalidRequest(
            "AmbiguousName", f"{' and '.join(found)} are both called '{name}'", hint="Say which, with --kind."
        )
    if kind in named and name not in named[kind]:
        raise NotFound(f"{kind.title()}NotFound", f"{kind} '{name}' does not exist", hint="See all: fun info")
    if "stack" in found:
        changes = Changes(deployed, name, now_ms)
        changes.clear(mns, kept_versions=set())
        changes.delete("Stack", changes.stacks, name)
        return changes.plan()
    changes = Changes(deployed, "", now_ms)
    if "service" in found:
        for path in [path for path, function in changes.functions.items() if function.service == name]:
            changes.delete("Function", changes.functions, path)
        changes.delete("Service", changes.services, name)
    else:
        changes.delete("Function", changes.functions, deployed.resolve(name).path)
    return changes.plan()


def with_async_config(
    deployed: Deployed, ref: FunctionRef, config: AsyncConfig | None, *, now_ms: int
) -> Deployed:
    """Give a function and qualifier its own configuration, or (None) take it away.

    Raises:
        NotFound: there is no such function or qualifier.
    """
    deployed.resolve(ref.path, ref.qualifier)
    if ref.qualifier == LATEST:
        function = replace(deployed.functions[ref.path], async_config=config, modified_ms=now_ms)
        return replace(deployed, functions={**deployed.functions, ref.path: function})
    configs = {key: old for key, old in deployed.async_configs.items() if key != str(ref)}
    return replace(deployed, async_configs={**configs, str(ref): config} if config else configs)


def _deployed_code(deployed: Deployed, function: Function) -> str:
    there = deployed.functions.get(function.path)
    if there is None:
        raise NotFound(
            "FunctionNotFound",
            f"function '{function.path}' is not deployed yet, so it has no code to keep",
            hint="Deploy once without --only-config.",
        )
    return there.code
