"""`fun remove`: take away what was deployed."""

from __future__ import annotations

import sys
from typing import Any

import click

from fun_local import settings
from fun_local.cli import deployment, output
from fun_local.cli.client import Client
from fun_local.errors import InvalidRequest


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["stack", "service", "function"]),
    default=None,
    help="What NAME is, if unclear.",
)
@click.option("-y", "--assume-yes", is_flag=True, help="Do not ask.")
@output.json_option
def remove(name: str, kind: str | None, assume_yes: bool, as_json: bool) -> None:
    """Remove a stack with all it owns, a service with its functions, or one function.

    What is queued for a function that is gone ends as Invalid; records of executions stay.

    \b
    Examples:
      fun remove demo-1
      fun remove shop/order -y
      fun remove shop --kind service --json
    """
    client = Client(settings.default_home())
    request: dict[str, Any] = {"name": name, "kind": kind or ""}
    planned = client.call("remove", dry_run=True, **request)
    if not assume_yes:
        if not sys.stdin.isatty() or as_json:
            raise InvalidRequest(
                "ConfirmationRequired",
                f"'{name}' is not removed without being asked about",
                hint="Agree to it with -y.",
            )
        deployment.print_changes(planned)
        output.confirm("Remove this?")
    done = client.call("remove", dry_run=False, **request)
    if as_json:
        output.print_json({"removed": deployment.deleted(done)})
        return
    if assume_yes:
        deployment.print_changes(done)
    output.say(f"\n{name} removed")
