"""`fun info`: what is deployed. Reads the registry; needs no daemon."""

from __future__ import annotations

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.errors import NotFound
from fun_local.model.resources import AsyncConfig
from fun_local.store import registry


@click.command()
@click.argument("name", required=False)
@output.json_option
def info(name: str | None, as_json: bool) -> None:
    """Show the deployed stacks, services and functions, or those called NAME.

    \b
    Examples:
      fun info
      fun info demo/main --json
    """
    deployed = registry.read(settings.default_home())
    functions = [
        function
        for path, function in sorted(deployed.functions.items())
        if name in (None, path, function.name, function.service, function.stack)
    ]
    services = [
        service
        for key, service in sorted(deployed.services.items())
        if name in (None, key, service.stack) or key in {f.service for f in functions}
    ]
    if name and not functions and not services:
        raise NotFound("NotFound", f"nothing deployed is called '{name}'", hint="See all: fun info")
    if as_json:
        output.print_json(
            {
                "services": [{"serviceName": s.name, "stackName": s.stack, "role": s.role} for s in services],
                "functions": [
                    {
                        "serviceName": f.service,
                        "functionName": f.name,
                        "stackName": f.stack,
                        "runtime": f.runtime,
                        "handler": f.handler,
                        "memorySize": f.memory_mb,
                        "timeout": f.timeout_seconds,
                        "environmentVariables": f.environment,
                        "codeChecksum": f.code,
                        "asyncConfig": f.async_config.to_dict() if f.async_config else None,
                    }
                    for f in functions
                ],
            }
        )
        return
    rows = [
        [
            f.path,
            f.runtime,
            f"{f.memory_mb} MB",
            f"{f.timeout_seconds} s",
            describe_async(f.async_config),
            f.stack or "-",
        ]
        for f in functions
    ]
    output.print_table(("FUNCTION", "RUNTIME", "MEMORY", "TIMEOUT", "ASYNC", "STACK"), rows)


def describe_async(config: AsyncConfig | None) -> str:
    """One line about an asynchronous configuration."""
    if config is None:
        return "-"
    state = "stateful" if config.stateful else "stateless"
    return f"{state}, retries {config.max_retries}, age {config.max_age_seconds} s"
