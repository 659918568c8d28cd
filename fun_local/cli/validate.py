"""`fun validate`: whether a template can be deployed, and if not, why."""

from __future__ import annotations

import click

from fun_local import settings
from fun_local.cli import output, templates
from fun_local.cli.templates import Given


@click.command()
@templates.options
@output.json_option
def validate(given: Given, as_json: bool) -> None:
    """Check a template. Prints nothing when it is good.

    \b
    Examples:
      fun validate
      fun validate -t other.yml --json
    """
    loaded = templates.load(settings.default_home(), given, kind="source", stage=False)
    if as_json:
        output.print_json({"valid": True, "warnings": list(loaded.resources.warnings)})
