"""`fun env`: what points the vendor's own tools and SDKs at this home, for the shell to take up."""

from __future__ import annotations

import os
import shlex
from typing import Any

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.client import Client, raise_problem

#: Where these are set, some clients send everything through a proxy, this machine's own address too (wire 3).
_PROXIES = ("HTTP_PROXY", "http_proxy")

_SHELLS = {
    "sh": lambda name, value: f"export {name}={shlex.quote(value)}",
    "fish": lambda name, value: f"set -gx {name} {_fish(value)};",
    "powershell": lambda name, value: f"$env:{name} = '{value.replace(chr(39), chr(39) * 2)}'",
}


@click.command()
@click.option("--shell", type=click.Choice(list(_SHELLS)), default="sh", help="Whose syntax (default: sh).")
@output.json_option
def env(shell: str, as_json: bool) -> None:
    """Print the variables that lead Funcraft and the SDKs to this home; starts the daemon if need be.

    \b
    Examples:
      eval "$(fun env)"
      fun env --shell fish | source
      fun env --json
    """
    client = Client(settings.default_home())
    client.start(needs_endpoint=True)
    found = client.call("environment")
    raise_problem(found)
    shown = variables(found)
    if as_json:
        output.print_json(shown)
    else:
        for name, value in shown.items():
            click.echo(_SHELLS[shell](name, value))
    if not found["checksSignatures"]:
        output.warn(f"signatures are not checked: every program of this machine may use {found['endpoint']}")
    if proxies := [name for name in _PROXIES if os.environ.get(name)]:
        output.warn(
            f"{' and '.join(proxies)} is set: some SDKs will not reach this machine until it is unset"
        )


def variables(found: dict[str, Any]) -> dict[str, str]:
    """Funcraft's names (wire 3.1) first, then those that the SDKs' own search for credentials knows."""
    return {
        "FC_ENDPOINT": found["endpoint"],
        "MNS_ENDPOINT": found["endpoint"],
        "ACCESS_KEY_ID": found["accessKeyId"],
        "ACCESS_KEY_SECRET": found["accessKeySecret"],
        "ACCOUNT_ID": found["accountId"],
        "REGION": found["region"],
        "ALIBABA_CLOUD_ACCESS_KEY_ID": found["accessKeyId"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": found["accessKeySecret"],
        # Funcraft would look for a newer version of itself on the network.
        "FUN_DISABLE_VERSION_CHECK": "1",
    }


def _fish(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
