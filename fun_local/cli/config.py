"""`fun config`: the settings, their values and where each comes from."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.language import said
from fun_local.errors import InvalidRequest
from fun_local.store.files import make_private_folder, write_atomically


@click.group(invoke_without_command=True)
@output.json_option
@click.pass_context
def config(context: click.Context, as_json: bool) -> None:
    """Show the settings and where they come from.

    \b
    Examples:
      fun config
      fun config set max_instances 4
    """
    if context.invoked_subcommand:
        return
    home = settings.default_home()
    values, origins = settings.load(home)
    if as_json:
        found = {k: {"value": _shown(k, v), "origin": origins[k]} for k, v in asdict(values).items()}
        output.print_json({"home": home, "settings": found})
        return
    rows = [[name, str(_shown(name, value)), said(origins[name])] for name, value in asdict(values).items()]
    output.print_table(
        ("SETTING", "VALUE", "FROM"), [["home", home, said("FUN_LOCAL_HOME or default")], *rows]
    )


@config.command("set")
@click.argument("name")
@click.argument("value")
def set_(name: str, value: str) -> None:
    """Write a setting into settings.toml. A running daemon sees it after a restart.

    \b
    Examples:
      fun config set max_instances 4
    """
    home = settings.default_home()
    values, origins = settings.load(home, environ={})
    if name not in origins:
        known = ", ".join(origins)
        raise InvalidRequest("InvalidArgument", f"no setting is called {name!r}", hint=f"Known: {known}.")
    path = os.path.join(home, "settings.toml")
    checked = settings.checked(name, value)
    stored = {key: v for key, v in asdict(values).items() if origins[key] == path}
    stored[name] = checked
    make_private_folder(home)
    lines = "".join(f"{key} = {_toml(v)}\n" for key, v in stored.items())
    write_atomically(path, lines.encode())
    output.hint("A running daemon takes it up after: fun daemon restart")


def _shown(name: str, value: object) -> object:
    """A value as it may be seen by whoever looks over one's shoulder."""
    return "(set)" if value and name in settings.SECRET else value


def _toml(value: object) -> str:
    import json

    # TOML's basic strings and numbers are JSON's.
    return json.dumps(value, ensure_ascii=False)
