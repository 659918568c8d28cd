"""`fun`: the group of all commands. Each lives in a module that is imported when it is called."""

from __future__ import annotations

import os

import click

from fun_local.cli import output
from fun_local.cli.lazy import LazyGroup

#: Every command, in the order in which people meet them.
COMMANDS = {
    "init": ("init", "init", "Start a new project from a template."),
    "install": ("build", "install", "Install dependencies of functions beside their code."),
    "build": ("build", "build", "Put code and its dependencies into .fun/build."),
    "package": ("package", "package", "Make the archives that would be uploaded."),
    "deploy": ("deploy", "deploy", "Deploy a template into the local home."),
    "validate": ("validate", "validate", "Check a template; print what is wrong with it."),
    "remove": ("remove", "remove", "Remove a stack, a service or a function."),
    "async-config": ("async_config", "async_config", "Show or change how asynchronous calls are treated."),
    "info": ("info", "info", "Show what is deployed."),
    "invoke": ("invk", "fun_invoke", "Invoke a deployed function."),
    "local": ("local", "local", "Run or serve the template in this folder, without deploying it."),
    "executions": ("executions", "executions", "List, watch, stop and retry executions."),
    "faults": ("faults", "faults", "Have functions fail on purpose, to try retries and alarms."),
    "mns": ("mns", "mns", "Queues and topics: create, send, receive, publish, subscribe."),
    "daemon": ("daemon", "daemon", "Start, stop and look after the daemon."),
    "console": ("console", "console", "Open the console: watch and steer executions in a browser."),
    "env": ("env", "env", "Point the vendor's tools and SDKs at this home."),
    "keys": ("keys", "keys", "Replace the access key of this home."),
    "config": ("config", "config", "Show the settings and where they come from."),
    "completion": ("completion", "completion", "Have a shell complete commands, functions and ids."),
    "demo": ("demo", "demo", "See it all at work in under half a minute."),
}


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from fun_local import __version__

        click.echo(__version__)
        ctx.exit()


@click.group(cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Print it."
)
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks of errors.")
def fun(verbose: bool) -> None:
    """Alibaba Cloud Function Compute on your own machine.

    Everything is kept in FUN_LOCAL_HOME (default ~/.fun-local).

    \b
    Examples:
      fun demo
      fun deploy --use-ros --stack-name demo-1
      fun executions list --status Failed --since 1h

    \b
    Exit codes:
      0  done                      3  the function itself failed
      1  it could not be done      4  --wait or wait ran out of time
      2  wrong usage
    """
    if verbose:
        os.environ["FUN_LOCAL_VERBOSE"] = "1"


def main() -> None:
    """The console script."""
    output.run(fun)
