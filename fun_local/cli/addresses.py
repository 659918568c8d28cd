"""Where deployed functions are called by HTTP: the addresses of triggers and custom domains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from fun_local import settings
from fun_local.cli.client import Client
from fun_local.errors import Unavailable
from fun_local.model.deployed import Deployed
from fun_local.model.resources import Domain, Trigger
from fun_local.model.web_routes import domain_url, trigger_url


def base_url(client: Client) -> str:
    """Where the daemon listens, or would if it ran; empty where that can't be known."""
    try:
        found: Mapping[str, Any] = client.call("endpoint", start=False)
    except Unavailable:
        chosen, _ = settings.load(client.home)
        return f"http://{chosen.host}:{chosen.port}" if chosen.port else ""
    return found["endpoint"] or ""


def of_trigger(base: str, trigger: Trigger) -> str | None:
    """The address of an HTTP trigger; None for other types, and where nothing listens."""
    return trigger_url(base, trigger) if base and trigger.type == "http" else None


def of_domain(base: str, domain: Domain) -> str | None:
    """An address of a custom domain that leads to this machine by itself."""
    return domain_url(base, domain) if base else None


def show(base: str, deployed: Deployed, triggers: Iterable[str], domains: Iterable[str]) -> None:
    """The addresses of some of what is deployed, by paths and names.

    Lines of HTTP triggers as Funcraft prints them, unindented, because scripts look for ``^url:``.
    """
    for path in triggers:
        trigger = deployed.triggers.get(path)
        if trigger is None or not (url := of_trigger(base, trigger)):
            continue
        methods = trigger.config.get("methods")
        click.echo(f"\ntriggerName: {trigger.name}")
        click.echo(f"methods: {', '.join(map(str, methods)) if isinstance(methods, list) else 'all'}")
        click.echo(f"url: {url}")
    for name in domains:
        if (domain := deployed.domains.get(name)) and (url := of_domain(base, domain)):
            click.echo(f"\ndomainName: {name}")
            click.echo(f"address: {url}")
