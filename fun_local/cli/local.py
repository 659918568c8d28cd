"""`fun local`: the template in this folder run or served, without a deploy and without the daemon."""

from __future__ import annotations

import click

from fun_local.cli.lazy import LazyGroup

_COMMANDS = {
    "invoke": ("local_invoke", "invoke", "Run a function, once."),
    "start": ("local_start", "start", "Serve functions at their URLs, live as they are saved."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, path=("local",))
def local() -> None:
    """Run functions from the template in this folder, without deploying them.

    \b
    Examples:
      fun local invoke main -e '{"k": 1}'
      fun local start
    """
