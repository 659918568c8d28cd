"""`fun async-config`: how asynchronous calls of a function, version or alias are treated."""

from __future__ import annotations

from dataclasses import replace

import click

from fun_local import settings
from fun_local.cli import deployment, output
from fun_local.cli.client import Client
from fun_local.errors import NotFound
from fun_local.model.names import parse_destination
from fun_local.model.resources import MAX_AGE_SECONDS, MAX_RETRIES, AsyncConfig
from fun_local.store import registry


@click.command("async-config")
@click.argument("function")
@click.option("-q", "--qualifier", default="", help="A version or alias (default: LATEST).")
@click.option("--stateful/--no-stateful", default=None, help="Keep a record of every execution.")
@click.option("--retries", type=click.IntRange(0, MAX_RETRIES), help="Attempts after the first one.")
@click.option(
    "--age", type=click.IntRange(1, MAX_AGE_SECONDS), metavar="SECONDS", help="How long a call may wait."
)
@click.option("--on-success", metavar="ARN", help="Where outcomes go; empty for nowhere.")
@click.option("--on-failure", metavar="ARN", help="Where outcomes of failures go; empty for nowhere.")
@click.option("--delete", is_flag=True, help="Take the configuration away: the defaults count again.")
@output.json_option
def async_config(
    function: str,
    qualifier: str,
    stateful: bool | None,
    retries: int | None,
    age: int | None,
    on_success: str | None,
    on_failure: str | None,
    delete: bool,
    as_json: bool,
) -> None:
    """Show or change the asynchronous configuration of a function and qualifier: each has its own.

    What is not given stays as it is. The next `fun deploy` sets LATEST's to what the template says.

    \b
    Examples:
      fun async-config shop/order
      fun async-config shop/order -q prod --stateful --retries 1
      fun async-config shop/order -q prod --on-failure acs:mns:::/queues/dlq/messages
      fun async-config shop/order -q prod --delete
    """
    home = settings.default_home()
    deployed = registry.read(home)
    ref = deployed.resolve(function, qualifier)
    config = deployed.need(ref).async_config
    given = {
        "stateful": stateful,
        "max_retries": retries,
        "max_age_seconds": age,
        "on_success": on_success,
        "on_failure": on_failure,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if delete:
        if changes:
            raise click.UsageError("--delete goes with no other change")
        config = None
    elif changes:
        for arn in (on_success, on_failure):
            if arn:
                parse_destination(arn)
        config = replace(config or AsyncConfig(), **changes)  # type: ignore[arg-type]
    if delete or changes:
        Client(home).call(
            "async-config",
            function=ref.path,
            qualifier=ref.qualifier,
            config=config.to_dict() if config else None,
        )
    if as_json:
        output.print_json({"qualifier": ref.qualifier, "asyncConfig": config.to_dict() if config else None})
    elif config:
        output.say(f"Asynchronous configuration of {ref}")
        deployment.print_async_config(config.to_dict())
    elif delete:
        output.say(f"{ref} has no asynchronous configuration any more")
    else:
        raise NotFound(
            "AsyncConfigNotExists",
            f"{ref} has no asynchronous configuration of its own: the defaults count",
            hint=f"Give it one, for example: fun async-config {ref.path} -q {ref.qualifier} --stateful",
        )
