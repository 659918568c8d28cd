"""Custom domains of Serverless Devs files: which path leads to which function."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fun_local.model.names import IMPLICIT_SERVICE, LATEST
from fun_local.model.resources import Domain
from fun_local.template.devs_functions import Surroundings
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem

#: Where the vendor puts the names it gives to who asks for ``domainName: auto``.
_TEMPORARY = "fc.devsapp.net"


@dataclass(frozen=True, slots=True)
class _Written:
    """A domain as it is written, with checked properties.

    ``service`` and ``function`` are what a route means that names none; no service means FC 3.0.
    """

    given: Mapping[str, Any]
    routes: list[dict[str, Any]]
    path: Path
    inner: Path
    service: str = ""
    function: str = ""


def domains(
    document: Document, kind: str, properties: Mapping[str, Any], path: Path, *, around: Surroundings
) -> Iterator[tuple[Domain, Path] | Problem | str]:
    """The domains of a module with their places, what is wrong with their routes, and warnings."""
    for written in _written(kind, properties, path):
        routes: dict[str, tuple[str, str, str]] = {}
        for position, route in enumerate(written.routes):
            at: Path = (*path, *written.inner, position)
            function = route.get("functionName") or written.function
            if not function:
                yield document.problem("required", at, "Missing property functionName")
            elif route["path"] in routes:
                yield document.problem("value", at, f"path {route['path']} has two routes")
            else:
                service = route.get("serviceName") or written.service or IMPLICIT_SERVICE
                routes[route["path"]] = (service, function, route.get("qualifier") or LATEST)
        name = _name(written, routes, around)
        protocol = written.given["protocol"].replace(" ", "")
        yield Domain(name, protocol, routes), (*written.path, "domainName")
        yield from _warnings(written, name, protocol)


def _written(kind: str, properties: Mapping[str, Any], path: Path) -> Iterator[_Written]:
    if kind == "fc3-domain":
        routes = properties.get("routeConfig", {}).get("routes", [])
        yield _Written(properties, routes, path, ("routeConfig", "routes"))
        return
    if kind == "fc3":
        if given := properties.get("customDomain"):
            # The one function's: the component puts its name in.
            function = properties["functionName"]
            inner: Path = ("customDomain",)
            yield _Written(given, [given["route"]], (*path, *inner), (*inner, "route"), function=function)
        return
    service = properties["service"]["name"]
    function = properties.get("function", {}).get("name", "")
    for position, given in enumerate(properties.get("customDomains", ())):
        inner = ("customDomains", position)
        routes = given["routeConfigs"]
        yield _Written(given, routes, (*path, *inner), (*inner, "routeConfigs"), service, function)


def _name(written: _Written, routes: Mapping[str, tuple[str, str, str]], around: Surroundings) -> str:
    """The domain's name; for ``auto`` what the component would make up in this account."""
    name = str(written.given["domainName"])
    if name.lower() != "auto":
        return name
    first = next((function for _, function, _ in routes.values()), "") or str(written.path[1])
    labels = (written.function or first, written.service or "fcv3", around.account_id, around.region)
    made_up = [re.sub(r"[^a-z0-9-]+", "-", label.lower()) for label in labels]
    return ".".join((*made_up, _TEMPORARY))


def _warnings(written: _Written, name: str, protocol: str) -> Iterator[str]:
    if "HTTPS" in protocol or written.given.get("certConfig") or written.given.get("certId"):
        yield f"domain {name}: served by HTTP only, its certificate is not used"
    if not written.routes:
        yield f"domain {name}: it has no routes"
    for key in ("methods", "rewriteConfig"):
        if any(key in route for route in written.routes):
            yield f"domain {name}: {key} of its routes has no effect"
