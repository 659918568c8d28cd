"""`fun console`: opens the web page that the daemon serves."""

from __future__ import annotations

import webbrowser

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.client import Client, raise_problem


@click.command()
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@output.json_option
def console(no_browser: bool, as_json: bool) -> None:
    """Open the console in the browser; starts the daemon if need be.

    The address works once, within ten minutes: it lets this browser in for a week. Print another one for
    another browser.

    \b
    Examples:
      fun console
      fun console --no-browser
    """
    client = Client(settings.default_home())
    client.start(needs_endpoint=True)
    found = client.call("console")
    raise_problem(found)
    if as_json:
        output.print_json({"url": found["url"]})
        return
    click.echo(found["url"])
    if not no_browser and not webbrowser.open(found["url"]):
        output.hint("No browser was found here: open the address yourself.")
