"""Addresses of functions: of HTTP triggers and custom domains, and where a domain's paths lead. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from fun_local.model.names import LATEST, FunctionRef
from fun_local.model.resources import Domain, Trigger

#: What may be put behind a domain, because it leads to this machine without an entry in any file.
_LOCAL = ".localhost"

#: What a domain may be called and still not take: by these names everything else here is reached.
_OURS = ("localhost", "127.0.0.1", "")


def trigger_url(base_url: str, trigger: Trigger) -> str:
    """Where an HTTP trigger is called (fc-api 12). ``base_url`` is the endpoint's."""
    is_plain = trigger.qualifier in ("", LATEST)
    service = trigger.service if is_plain else f"{trigger.service}.{trigger.qualifier}"
    return f"{base_url}/2016-08-15/proxy/{service}/{trigger.function}/"


def is_anonymous(trigger: Trigger) -> bool:
    """Whether an HTTP trigger needs no signature: it must say so (fc-api 8)."""
    return str(trigger.config.get("authType", "")).lower() == "anonymous"


def methods_of(trigger: Trigger) -> tuple[str, ...]:
    """The methods that an HTTP trigger lets in; empty: all."""
    given = trigger.config.get("methods")
    return tuple(str(method).upper() for method in given) if isinstance(given, list) else ()


def domain_url(base_url: str, domain: Domain) -> str:
    """A custom domain at the endpoint, under a name that leads to this machine by itself."""
    port = base_url.rpartition(":")[2]
    return f"http://{domain.name.removesuffix(_LOCAL)}{_LOCAL}:{port}/"


def domain_of(domains: Mapping[str, Domain], host: str) -> Domain | None:
    """The domain that a Host header names, as it is or with ``.localhost`` behind it, whatever its port."""
    name = host.strip().lower().partition(":")[0].removesuffix(".")
    if name in _OURS:
        return None
    for candidate in (name, name.removesuffix(_LOCAL)):
        for domain in domains.values():
            if domain.name.lower() == candidate:
                return domain
    return None


def route_of(domain: Domain, path: str) -> tuple[str, FunctionRef] | None:
    """The longest route that fits a path, and where it leads; None when none does.

    A route fits the very path, or with ``*`` at its end whatever begins so: ``/a/*`` also fits ``/a``.
    """
    fitting = [route for route in domain.routes if _fits(route, path)]
    if not fitting:
        return None
    # An exact one wins over one that ends in a star, however long.
    best = max(fitting, key=lambda route: (not route.endswith("*"), len(route)))
    service, function, qualifier = domain.routes[best]
    return best, FunctionRef(service, function, qualifier)


def _fits(pattern: str, path: str) -> bool:
    if not pattern.endswith("*"):
        return path == pattern
    return path.startswith(pattern[:-1]) or path == pattern.removesuffix("/*")
