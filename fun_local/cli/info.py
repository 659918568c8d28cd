"""`fun info`: what is deployed. Reads the registry; needs no daemon, and starts none."""

from __future__ import annotations

import time
from typing import Any

import click

from fun_local import settings
from fun_local.cli import addresses, output
from fun_local.cli.client import Client
from fun_local.cli.deployment import function_json
from fun_local.cli.language import said
from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.deployed import Deployed
from fun_local.model.resources import AsyncConfig, Trigger
from fun_local.store import registry


@click.command()
@click.argument("name", required=False)
@output.json_option
def info(name: str | None, as_json: bool) -> None:
    """Show what is deployed, or of it only the stack, service or function NAME.

    \b
    Examples:
      fun info
      fun info demo/main --json
    """
    deployed = registry.read(settings.default_home())
    shown = _part(deployed, name) if name else deployed
    base = addresses.base_url(Client(settings.default_home()))
    if as_json:
        output.print_json(_as_json(shown, base))
    else:
        _show(shown, base)


def _part(deployed: Deployed, name: str) -> Deployed:
    """What belongs to a stack, a service or a function. Raises NotFound."""
    functions = {
        path: f for path, f in deployed.functions.items() if name in (path, f.name, f.service, f.stack)
    }
    services = {f.service for f in functions.values()}
    services |= {s.name for s in deployed.services.values() if name in (s.name, s.stack)}
    if not functions and not services and name not in deployed.stacks:
        raise NotFound("NotFound", f"nothing deployed is called '{name}'", hint="See all: fun info")
    scopes = services | {f.scope for f in functions.values()}
    return Deployed(
        services={key: deployed.services[key] for key in services},
        functions=functions,
        versions={key: v for key, v in deployed.versions.items() if v.scope in scopes},
        aliases={key: a for key, a in deployed.aliases.items() if a.scope in scopes},
        triggers={key: t for key, t in deployed.triggers.items() if t.function_path in functions},
        domains={
            key: d
            for key, d in deployed.domains.items()
            if name in (key, d.stack) or any(f"{s}/{f}" in functions for s, f, _ in d.routes.values())
        },
        async_configs={key: c for key, c in deployed.async_configs.items() if _function_of(key) in functions},
        stacks={key: s for key, s in deployed.stacks.items() if key == name},
    )


def _function_of(ref: str) -> str:
    """``service/function`` of ``service.qualifier/function``."""
    service, _, function = ref.partition("/")
    return f"{service.partition('.')[0]}/{function}"


def _as_json(deployed: Deployed, base: str) -> dict[str, Any]:
    return {
        "stacks": [{"stackName": s.name, "outputs": s.outputs} for _, s in sorted(deployed.stacks.items())],
        "services": [
            {"serviceName": s.name, "stackName": s.stack, "description": s.description, "role": s.role}
            for _, s in sorted(deployed.services.items())
        ],
        "functions": [
            {**function_json(f.to_dict()), "stackName": f.stack, "codeChecksum": f.code}
            for _, f in sorted(deployed.functions.items())
        ],
        "versions": [
            {
                "serviceName": v.scope,
                "versionId": v.number,
                "description": v.description,
                "functions": [f.name for f in v.functions],
            }
            for v in deployed.versions.values()
        ],
        "aliases": [
            {
                "serviceName": a.scope,
                "aliasName": a.name,
                "versionId": a.version,
                "additionalVersionWeight": a.additional_weights,
            }
            for _, a in sorted(deployed.aliases.items())
        ],
        "asyncConfigs": [
            {"function": ref, "asyncConfig": config.to_dict()}
            for ref, config in sorted(deployed.async_configs.items())
        ],
        "triggers": [
            {
                "serviceName": t.service,
                "functionName": t.function,
                "triggerName": t.name,
                "triggerType": t.type,
                "qualifier": t.qualifier,
                "triggerConfig": t.config,
                "nextFiringTime": _next_ms(t),
                **({"urlInternet": addresses.of_trigger(base, t)} if t.type == "http" else {}),
            }
            for _, t in sorted(deployed.triggers.items())
        ],
        "customDomains": [
            {
                "domainName": d.name,
                "protocol": d.protocol,
                "routes": d.routes,
                "url": addresses.of_domain(base, d),
            }
            for _, d in sorted(deployed.domains.items())
        ],
    }


def _next_ms(trigger: Trigger) -> int | None:
    """When a timer fires next, provided that the daemon runs; None for what fires at no set time."""
    if trigger.type != "timer":
        return None
    from fun_local.model.schedule import next_firing_ms  # most homes have no timers

    try:
        return next_firing_ms(trigger, time.time_ns() // 1_000_000)
    except InvalidRequest:  # taken by an older version; the daemon's log says so
        return None


def _show(deployed: Deployed, base: str) -> None:
    """A table for each kind that there is; the one of functions always."""
    rows = [
        [
            f.path,
            f.runtime,
            f"{f.memory_mb} MB",
            f"{f.timeout_seconds} s",
            said(describe_async(f.async_config)),
            f.stack or "-",
        ]
        for _, f in sorted(deployed.functions.items())
    ]
    output.print_table(("FUNCTION", "RUNTIME", "MEMORY", "TIMEOUT", "ASYNC", "STACK"), rows)
    _table(
        ("VERSION", "FUNCTIONS", "DESCRIPTION"),
        [[v.path, ", ".join(f.name for f in v.functions), v.description] for v in deployed.versions.values()],
    )
    _table(
        ("ALIAS", "VERSION", "SHARED WITH"),
        [
            [a.path, a.version, ", ".join(f"{n}: {w:.0%}" for n, w in a.additional_weights.items()) or "-"]
            for _, a in sorted(deployed.aliases.items())
        ],
    )
    _table(
        ("QUALIFIED FUNCTION", "ASYNC"),
        [[ref, said(describe_async(config))] for ref, config in sorted(deployed.async_configs.items())],
    )
    _table(
        ("TRIGGER", "TYPE", "QUALIFIER", "NEXT"),
        [
            [t.path, t.type, t.qualifier, output.moment(_next_ms(t) or 0)]
            for _, t in sorted(deployed.triggers.items())
        ],
    )
    _table(
        ("CUSTOM DOMAIN", "PATH", "FUNCTION"),
        [
            [d.name, path, f"{service}.{qualifier}/{function}"]
            for _, d in sorted(deployed.domains.items())
            for path, (service, function, qualifier) in d.routes.items()
        ],
    )
    _table(
        ("URL OF", "METHODS", "URL"),
        [
            [t.path, ",".join(map(str, t.config.get("methods") or ["all"])), url]
            for _, t in sorted(deployed.triggers.items())
            if (url := addresses.of_trigger(base, t))
        ]
        + [
            [d.name, "", url]
            for _, d in sorted(deployed.domains.items())
            if (url := addresses.of_domain(base, d))
        ],
    )
    _table(
        ("OUTPUT", "STACK", "VALUE"),
        [
            [name, stack.name, str(value)]
            for _, stack in sorted(deployed.stacks.items())
            for name, value in stack.outputs.items()
        ],
    )


def _table(headers: tuple[str, ...], rows: list[list[str]]) -> None:
    if rows:
        click.echo()
        output.print_table(headers, rows)


def describe_async(config: AsyncConfig | None) -> str:
    """One line about an asynchronous configuration."""
    if config is None:
        return "-"
    state = "stateful" if config.stateful else "stateless"
    return f"{state}, retries {config.max_retries}, age {config.max_age_seconds} s"
