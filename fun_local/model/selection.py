"""What of a template a name means: the part to be deployed (fun-cli 10), or one function. Pure."""

from __future__ import annotations

from dataclasses import replace

from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.names import LATEST, parse_function
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


def one_function(resources: Resources, name: str | None = None) -> Function:
    """The function that ``service/function`` or ``function`` means; without a name, Funcraft's default.

    That is the first function of the last service that has any (fun-cli 1, fact 5).

    Raises:
        InvalidRequest: no name of a function, or several are called that.
        NotFound: the template has no such function, or none at all.
    """
    if name is None:
        if not resources.functions:
            raise NotFound("FunctionNotFound", "the template has no functions", hint="Add one to it.")
        return _default(resources)
    service_name, name, qualifier = parse_function(name)
    if qualifier not in ("", LATEST):
        raise InvalidRequest(
            "InvalidArgument",
            f"a template has no version or alias '{qualifier}' to run",
            hint="Leave it out, or invoke what is deployed: fun invoke.",
        )
    called = [f for f in resources.functions if f.name == name and service_name in ("", f.service)]
    if len(called) > 1:
        raise _ambiguous(name, called)
    if not called:
        known = ", ".join(f.path for f in resources.functions) or "none"
        path = f"{service_name}/{name}" if service_name else name
        raise NotFound("FunctionNotFound", f"the template has no function '{path}'", hint=f"It has: {known}.")
    return called[0]


def _default(resources: Resources) -> Function:
    chosen = resources.functions[0]
    for service in resources.services:
        chosen = next((f for f in resources.functions if f.service == service.name), chosen)
    return chosen


def _ambiguous(name: str, found: list[Function]) -> InvalidRequest:
    return InvalidRequest(
        "AmbiguousFunctionName",
        f"several functions are called '{name}': {', '.join(f.path for f in found)}",
        hint="Write one of them in full.",
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
        raise _ambiguous(name, found)
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
