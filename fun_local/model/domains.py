"""Custom domains, one by one, by the rules of editing.py. Pure. What their paths lead to: web_routes.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model.changes import Changes
from fun_local.model.deployed import Deployed
from fun_local.model.resources import Domain

_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})+")

#: Template.md 3.6, and what the vendor's SDKs name besides.
PROTOCOLS = ("HTTP", "HTTPS", "HTTP,HTTPS")


def domain_named(deployed: Deployed, name: str) -> Domain:
    """Raises NotFound."""
    found = deployed.domains.get(name)
    if found is None:
        raise NotFound("DomainNameNotFound", f"domain name '{name}' does not exist")
    return found


def create_domain(deployed: Deployed, domain: Domain, now_ms: int) -> Deployed:
    """Raises InvalidRequest for what is no domain, and Conflict when there is one of that name."""
    if not _NAME.fullmatch(domain.name):
        raise InvalidRequest(
            "InvalidArgument", f"domainName {domain.name[:100]!r} is not the name of a domain"
        )
    if domain.name in deployed.domains:
        raise Conflict("DomainNameAlreadyExists", f"domain name '{domain.name}' already exists")
    return _with_domain(deployed, replace(domain, created_ms=now_ms, modified_ms=now_ms))


def update_domain(deployed: Deployed, name: str, change: Callable[[Domain], Domain], now_ms: int) -> Deployed:
    """Raises NotFound, and what ``change`` raises."""
    return _with_domain(deployed, replace(change(domain_named(deployed, name)), modified_ms=now_ms))


def delete_domain(deployed: Deployed, name: str, now_ms: int) -> Deployed:
    """Raises NotFound."""
    domain_named(deployed, name)
    changes = Changes(deployed, "", now_ms)
    changes.delete("Domain", changes.domains, name)
    return changes.plan().deployed


def _with_domain(deployed: Deployed, domain: Domain) -> Deployed:
    return replace(deployed, domains={**deployed.domains, domain.path: domain})
