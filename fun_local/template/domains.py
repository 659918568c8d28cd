"""Custom domains of both dialects: which path leads to which function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fun_local.model.resources import Domain
from fun_local.template import triggers
from fun_local.template.load import Document, Path
from fun_local.template.markers import Marker
from fun_local.template.problems import Problem

#: Where the vendor puts the temporary names it gives to who asks for ``DomainName: Auto``.
_TEMPORARY = "test.functioncompute.com"

_ROUTE_KEYS = ("Path", "ServiceName", "FunctionName", "Qualifier")


def name_of(properties: Mapping[str, Any], resource_id: str) -> Any:
    """The domain's name: as given, made up for ``Auto``, else the resource's id (specification)."""
    name = properties.get("DomainName", resource_id)
    if name == "Auto":
        label = re.sub(r"[^a-z0-9.]+", "-", resource_id.lower()).strip("-.")
        return f"{label}.{_TEMPORARY}"
    return name


def domain(properties: Mapping[str, Any], name: str, service: Callable[[str], str]) -> Domain:
    """A domain with checked routes. ``service`` gives the name of the service that a route means."""
    routes = {}
    for path, route, _ in _routes(properties):
        qualifier = triggers.qualifier(_either(route, "Qualifier"))
        routes[path] = (service(_either(route, "ServiceName")), _either(route, "FunctionName"), qualifier)
    return Domain(name, properties["Protocol"], routes)


def problems(document: Document, properties: Mapping[str, Any], path: Path) -> list[Problem]:
    """Routes that lead nowhere: the shapes let them pass, since each key has two spellings."""
    found = []
    seen: set[str] = set()
    for route_path, route, inner in _routes(properties):
        at: Path = (*path, *inner)
        for key in ("ServiceName", "FunctionName"):
            if _either(route, key) is None:
                found.append(document.problem("required", at, f"Missing property {key}"))
            elif not isinstance(_either(route, key), str | Marker):
                found.append(document.problem("type", (*at, key), "Incorrect type. Expected string"))
        if not route_path:
            found.append(document.problem("required", at, "Missing property Path"))
        elif route_path in seen:
            found.append(document.problem("value", at, f"path {route_path} has two routes"))
        seen.add(route_path)
    return found


def warnings(found: Domain, properties: Mapping[str, Any]) -> list[str]:
    """What of a domain has no effect here."""
    messages = []
    if "HTTPS" in found.protocol or properties.get("CertConfig"):
        messages.append(f"domain {found.name}: served by HTTP only, its certificate is not used")
    if properties.get("DomainName") == "Auto":
        messages.append(f"domain {found.name}: this name was made up, the vendor would give another one")
    if not found.routes:
        messages.append(f"domain {found.name}: it has no routes")
    keys = {key for _, route, _ in _routes(properties) for key in route}
    idle = sorted(key for key in keys if key[:1].upper() + key[1:] not in _ROUTE_KEYS)
    return messages + [f"domain {found.name}: {key} of its routes has no effect" for key in idle]


def _routes(properties: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Path]]:
    """Path, route and place of each: a mapping by path, or (plain ROS) a list of routes that have one."""
    config = properties.get("RouteConfig")
    for key in ("Routes", "routes"):
        routes = config.get(key) if isinstance(config, dict) else None
        if isinstance(routes, dict):
            for path, route in routes.items():
                if isinstance(route, dict):
                    yield path, route, ("RouteConfig", key, path)
        elif isinstance(routes, list):
            for position, route in enumerate(routes):
                if isinstance(route, dict):
                    path = _either(route, "Path")
                    yield path if isinstance(path, str) else "", route, ("RouteConfig", key, position)


def _either(route: Mapping[str, Any], key: str) -> Any:
    """The value of a key in one of its two spellings; a key with nothing behind it is not there."""
    return route.get(key) or route.get(key[:1].lower() + key[1:]) or None
