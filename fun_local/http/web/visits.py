"""Which requests are for a function: by the path of an HTTP trigger, or by the name of a custom domain.

Asked before anything else of a request, so that a domain has all of its paths, and so that it is known who
needs no signature (fc-api 12).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from aiohttp import web

from fun_local.emulator import Emulator
from fun_local.errors import NotFound
from fun_local.http.fc.call import Context
from fun_local.http.web.serving import Aim, serve, unserved
from fun_local.model.deployed import Deployed
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, FunctionRef
from fun_local.model.resources import Domain, Trigger
from fun_local.model.web_routes import domain_of, route_of

#: FC 3.0 has no such path in the cloud, but a host for each function; here its functions share this one.
_PROXY = re.compile(r"(?P<base>/(2016-08-15|2021-04-06)/proxy/(?P<service>[^/]+)/(?P<function>[^/]+))(/.*)?")


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a function: whether it needs no signature, and who answers it.

    ``is_by_domain``: its Host header is the name of a custom domain.
    """

    is_anonymous: bool
    is_by_domain: bool
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]]


class Visits:
    """Finds them. Where there is no such function or route that is an answer, too, and needs no signature."""

    def __init__(self, emulator: Emulator, context: Context) -> None:
        self._emulator = emulator
        self._context = context

    def __call__(self, request: web.Request) -> Visit | None:
        """What a request visits; None for one that is for somebody else."""
        deployed = self._emulator.deployed
        target = target_of(request)
        hosts = request.headers.getall("Host", [])
        domain = domain_of(deployed.domains, hosts[0]) if len(hosts) == 1 else None
        try:
            if domain is not None:
                aim = _aim_by_domain(deployed, domain, target)
            elif proxy := _PROXY.fullmatch(target.partition("?")[0]):
                aim = _aim_by_path(deployed, target, proxy)
            else:
                return None
        except NotFound as error:
            return Visit(True, domain is not None, partial(unserved, error))
        answer = partial(serve, self._emulator, self._context, aim)
        return Visit(aim.is_anonymous, domain is not None, answer)


def target_of(request: web.Request) -> str:
    """Path and query as they were sent, without what else may be before them (RFC 9112, 3.2)."""
    if request.raw_path.startswith("/"):
        return request.raw_path
    return request.rel_url.raw_path_qs if request.raw_path != "*" else "/"


def _aim_by_domain(deployed: Deployed, domain: Domain, target: str) -> Aim:
    path = target.partition("?")[0]
    found = route_of(domain, unquote(path)) or route_of(domain, path)
    if found is None:
        raise NotFound(
            "DomainRouteNotFound",
            f"domain '{domain.name}' has no route for {path[:200]!r}",
            hint=f"Its routes: {', '.join(sorted(domain.routes)) or 'none'}.",
        )
    ref = found[1]
    function = deployed.need(ref)
    trigger = _trigger(deployed, ref)
    # The sheets do not say that FC 3.0 asks for a trigger; FC 2.0 has no other way to be called by HTTP.
    if trigger is None and function.service != IMPLICIT_SERVICE:
        raise _no_trigger(ref)
    return Aim(ref, trigger, target, "")


def _aim_by_path(deployed: Deployed, target: str, proxy: re.Match[str]) -> Aim:
    service, _, qualifier = unquote(proxy["service"]).partition(".")
    ref = FunctionRef(service, unquote(proxy["function"]), qualifier or LATEST)
    function = deployed.need(ref)
    trigger = _trigger(deployed, ref)
    if trigger is None:
        raise _no_trigger(ref)
    base = proxy["base"]
    if function.service == IMPLICIT_SERVICE:
        # In the cloud such a function has a host of its own: the path is our way to it, not the function's.
        path, mark, query = target.partition("?")
        return Aim(ref, trigger, (path.removeprefix(base) or "/") + mark + query, "")
    return Aim(ref, trigger, target, base)


def _trigger(deployed: Deployed, ref: FunctionRef) -> Trigger | None:
    """The HTTP trigger of a function and qualifier: there is one at most (fc-api 8)."""
    for trigger in deployed.triggers.values():
        is_meant = trigger.type == "http" and trigger.function_path == ref.path
        if is_meant and (trigger.qualifier or LATEST) == ref.qualifier:
            return trigger
    return None


def _no_trigger(ref: FunctionRef) -> NotFound:
    return NotFound(
        "TriggerNotFound",
        f"function '{ref}' has no HTTP trigger",
        hint="Add one to the template and deploy again, or call the function as it is: invk.",
    )
