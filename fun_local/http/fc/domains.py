"""Custom domains: which path leads to which function. They work (http/web); certificates are only kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.listing import page
from fun_local.http.fc.reading import Body, invalid
from fun_local.http.fc.rendering import Json, public_name, time
from fun_local.model import domains
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, FunctionRef
from fun_local.model.resources import Domain
from fun_local.model.web_routes import domain_url

#: What is kept for its owner and has no meaning here.
KEPT: dict[str, type] = {
    "apiVersion": str,
    "certConfig": dict,
    "tlsConfig": dict,
    "wafConfig": dict,
    "authConfig": dict,
    "corsConfig": dict,
}
_READ = ("domainName", "protocol", "routeConfig")
FIELDS = (*_READ, *KEPT)

#: What only answers hold: clients send whole answers back.
_SHOWN = ("accountId", "createdTime", "lastModifiedTime", "subdomainCount", "localUrl")

#: What of a route has no meaning here.
_ROUTE_KEPT: dict[str, type] = {"methods": list, "rewriteConfig": dict}


async def create(call: Call) -> Answer:
    name = call.fields.required("domainName", most=253)
    domain = _changed(call, Domain(name), call.fields)
    deployed = await call.edit(lambda old, now: domains.create_domain(old, domain, now))
    return _answer(call, deployed.domains[name])


async def get(call: Call) -> Answer:
    return _answer(call, domains.domain_named(call.deployed, call.path["domain"]))


async def update(call: Call) -> Answer:
    name, fields = call.path["domain"], call.fields
    deployed = await call.edit(
        lambda old, now: domains.update_domain(old, name, lambda domain: _changed(call, domain, fields), now)
    )
    return _answer(call, deployed.domains[name])


async def delete(call: Call) -> Answer:
    name = call.path["domain"]
    await call.edit(lambda old, now: domains.delete_domain(old, name, now))
    return Answer(status=204)


async def list_all(call: Call) -> Answer:
    found = call.deployed.domains.values()
    shown = page("customDomains", found, call.query, key=lambda d: d.name, shown=lambda d: _shown(call, d))
    return Answer(shown)


def _answer(call: Call, domain: Domain) -> Answer:
    return Answer(_shown(call, domain))


def _changed(call: Call, domain: Domain, fields: Body) -> Domain:
    """A domain with what was sent; the rest as it was."""
    protocol = fields.text("protocol", domain.protocol).replace(" ", "").upper()
    if protocol not in domains.PROTOCOLS:
        raise invalid(f"protocol is {protocol[:40]!r} and must be {', '.join(map(repr, domains.PROTOCOLS))}")
    extra = {**domain.extra, **fields.rest((*_READ, *_SHOWN), KEPT)}
    if isinstance(extra.get("certConfig"), dict):
        # Nothing is served by HTTPS here, and a key that is not kept can't be lost.
        extra["certConfig"] = {k: v for k, v in extra["certConfig"].items() if k.lower() != "privatekey"}
    routes = domain.routes
    if (config := fields.object("routeConfig")) is not None:
        routes, extra["routes"] = _routes(call, config)
    return replace(domain, protocol=protocol, routes=routes, extra=extra)


def _routes(call: Call, config: Body) -> tuple[dict[str, tuple[str, str, str]], dict[str, Json]]:
    """Where paths lead, and by path what else was said of them. Raises InvalidRequest."""
    routes: dict[str, tuple[str, str, str]] = {}
    others: dict[str, Json] = {}
    for position, given in enumerate(config.get("routes", list) or []):
        where = f"routeConfig.routes[{position}]"
        if not isinstance(given, dict):
            raise invalid(f"{where} must be an object")
        route = Body(given, of=where)
        path = route.required("path")
        if not path.startswith("/"):
            raise invalid(f"{where}.path is {path[:100]!r} and must begin with a slash")
        if path in routes:
            raise invalid(f"path {path[:100]!r} has two routes")
        routes[path] = (*_function(call, route), route.text("qualifier") or LATEST)
        rest = {name: route.get(name, kind) for name, kind in _ROUTE_KEPT.items()}
        others[path] = {name: value for name, value in rest.items() if value is not None}
    return routes, {path: rest for path, rest in others.items() if rest}


def _function(call: Call, route: Body) -> tuple[str, str]:
    name = route.required("functionName")
    if call.dialect.has_services:
        return route.required("serviceName"), name
    service, dollar, rest = name.partition("$")
    return (service, rest) if dollar else (IMPLICIT_SERVICE, name)


def _shown(call: Call, domain: Domain) -> Json:
    others: Any = domain.extra.get("routes", {})
    extra = {name: value for name, value in domain.extra.items() if name != "routes"}
    return {
        **extra,
        "domainName": domain.name,
        "accountId": call.context.account_id,
        "protocol": domain.protocol,
        "routeConfig": {
            "routes": [
                {"path": path, **_leads_to(call, *to), **others.get(path, {})}
                for path, to in domain.routes.items()
            ]
        },
        "createdTime": time(domain.created_ms),
        "lastModifiedTime": time(domain.modified_ms),
        # Ours: under this name it leads here without an entry in any file.
        "localUrl": domain_url(call.context.base_url(), domain),
    }


def _leads_to(call: Call, service: str, function: str, qualifier: str) -> Json:
    if call.dialect.has_services:
        return {"serviceName": service, "functionName": function, "qualifier": qualifier}
    return {"functionName": public_name(FunctionRef(service, function), function), "qualifier": qualifier}
