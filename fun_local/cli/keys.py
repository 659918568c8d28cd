"""`fun keys`: the access key of a home. `fun env` shows it."""

from __future__ import annotations

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.client import Client


@click.group()
def keys() -> None:
    """Replace the access key of this home; `fun env` shows it.

    \b
    Examples:
      fun keys rotate
    """


@keys.command()
@click.option("--revoke", is_flag=True, help="End the old key at once: it has leaked, say.")
@output.json_option
def rotate(revoke: bool, as_json: bool) -> None:
    """Make a new access key. The old one stays valid until the next rotation, unless --revoke.

    Functions have keys of their own, which are made anew whenever the daemon starts.

    \b
    Examples:
      fun keys rotate
      fun keys rotate --revoke && eval "$(fun env)"
    """
    done = Client(settings.default_home()).call("rotate-keys", revoke=revoke)
    if as_json:
        output.print_json(done)
        return
    click.echo(done["accessKeyId"])
    fate = "stays valid until the next rotation" if done["previousIsValid"] else "is no longer valid"
    output.hint(f'{done["previousAccessKeyId"]} {fate}. Take up the new one with: eval "$(fun env)"')
