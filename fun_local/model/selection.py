"""The part of a template that `fun deploy NAME` deploys (fun-cli 10). Pure."""

from __future__ import annotations

from dataclasses import replace

from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.resources import Function, Resources

_FORMS = "Name a service, service/function, or a function."


def select(resources: Resources, name: str) -> Resources:
    """A service with all its functions, or with one of them; what hangs on them comes along.

    Raises:
        InvalidRequest: the name has no legal form, several functions are called that, or it is a resource
            that can't be deployed alone.
        NotFound: the template has nothing of that name.
    """
    functions = _functions(resources, name)
    services = {function.service for function in functions} | {name}
    paths = {function.path for function in functions}
    return replace(
        resources,
        services=tuple(service for service in resources.services if service.name in services),
        functions=tuple(functions),
        triggers=tuple(t for t in resources.triggers if t.function_path in paths),
        not_emulated=(),
        publications=(),
        aliases=(),
        domains=(),
        calls=(),
        queues=(),
        topics=(),
        subscriptions=(),
    )


def _functions(resources: Resources, name: str) -> list[Function]:
    if name in {service.name for service in resources.services}:
        return [function for function in resources.functions if function.service == name]
    service, slash, function_name = name.rpartition("/")
    if "/" in service or (slash and not (service and function_name)):
        raise InvalidRequest("InvalidArgument", f"{name!r} names no part of a template", hint=_FORMS)
    found = [
        f for f in resources.functions if f.name == function_name and (not slash or f.service == service)
    ]
    if len(found) > 1:
        raise InvalidRequest(
            "AmbiguousFunctionName",
            f"several functions are called '{name}': {', '.join(f.path for f in found)}",
            hint="Write one of them in full.",
        )
    if found:
        return found
    if name in _others(resources):
        raise InvalidRequest("InvalidArgument", f"'{name}' can't be deployed alone", hint=_FORMS)
    known = [service.name for service in resources.services] + [f.path for f in resources.functions]
    raise NotFound(
        "ResourceNotFound",
        f"the template has no service or function '{name}'",
        hint=f"It has: {', '.join(known)}." if known else _FORMS,
    )


def _others(resources: Resources) -> set[str]:
    names = {accepted.name for accepted in resources.not_emulated}
    kinds = (
        resources.queues,
        resources.topics,
        resources.domains,
        resources.aliases,
        resources.subscriptions,
    )
    return names | {item.path for kind in kinds for item in kind}
