"""What of a template is served by HTTP, and at which addresses. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fun_local.model.names import IMPLICIT_SERVICE
from fun_local.model.resources import Domain, Function, Resources
from fun_local.model.web_routes import domain_url, is_anonymous, methods_of, trigger_url


@dataclass(frozen=True, slots=True)
class Route:
    """An address at which a function answers. No ``methods``: any.

    ``kind`` is trigger or domain; or event, for a function that only the API calls. ``name`` is the trigger's
    or the domain's.
    """

    kind: str
    name: str
    function: str
    url: str
    methods: tuple[str, ...] = ()
    is_anonymous: bool = False


def web_part(resources: Resources, function: Function | None = None) -> Resources:
    """The functions of a template, or one of them, and what leads to them by HTTP.

    Nothing that would happen by itself is part of it.
    """
    functions = [f for f in resources.functions if function is None or f.path == function.path]
    paths = {f.path for f in functions}
    names = {f.service for f in functions}
    scopes = names | paths
    domains = [
        replace(domain, routes={path: to for path, to in domain.routes.items() if _path(to) in paths})
        for domain in resources.domains
    ]
    return Resources(
        services=tuple(service for service in resources.services if service.name in names),
        functions=tuple(functions),
        triggers=tuple(t for t in resources.triggers if t.type == "http" and t.function_path in paths),
        domains=tuple(domain for domain in domains if domain.routes),
        publications=tuple(p for p in resources.publications if p.scope in scopes),
        aliases=tuple(alias for alias in resources.aliases if alias.scope in scopes),
    )


def routes(part: Resources, base_url: str) -> Iterator[Route]:
    """The addresses of a ``web_part`` at an endpoint."""
    reached = set()
    for trigger in part.triggers:
        reached.add(trigger.function_path)
        url, methods = trigger_url(base_url, trigger), methods_of(trigger)
        yield Route("trigger", trigger.name, trigger.function_path, url, methods, is_anonymous(trigger))
    for domain in part.domains:
        reached.update(_path(to) for to in domain.routes.values())
        yield from _of_domain(part, domain, base_url)
    for function in part.functions:
        if function.path not in reached:
            yield Route("event", "", function.path, _event_url(base_url, function), ("POST",))


def _of_domain(part: Resources, domain: Domain, base_url: str) -> Iterator[Route]:
    """A trigger of the same function and qualifier says who may come in, and how (fc-api 12)."""
    triggers = {(t.service, t.function, t.qualifier): t for t in part.triggers}
    for path, to in domain.routes.items():
        url = domain_url(base_url, domain).removesuffix("/") + path
        trigger = triggers.get(to)
        methods = methods_of(trigger) if trigger else ()
        yield Route("domain", domain.name, _path(to), url, methods, trigger is None or is_anonymous(trigger))


def _event_url(base_url: str, function: Function) -> str:
    if function.service == IMPLICIT_SERVICE:
        return f"{base_url}/2023-03-30/functions/{function.name}/invocations"
    return f"{base_url}/2016-08-15/services/{function.service}/functions/{function.name}/invocations"


def _path(to: tuple[str, str, str]) -> str:
    service, function, _ = to
    return f"{service}/{function}"
