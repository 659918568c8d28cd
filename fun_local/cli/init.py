"""`fun init`: a new project out of a template."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from fun_local.cli import output
from fun_local.cli.language import said
from fun_local.errors import InvalidRequest
from fun_local.projects import source, variables, writing
from fun_local.projects.rendering import fill, render
from fun_local.projects.source import ProjectTemplate
from fun_local.projects.variables import Variable


@click.command()
@click.argument("template", required=False)
@click.option("-n", "--name", help="Name of the project, which gets a folder of that name.")
@click.option("-o", "--output-dir", default=".", show_default=True, help="Where it goes.")
@click.option("-V", "--var", "given", multiple=True, metavar="K=V", help="Value of a variable (repeatable).")
@click.option("--no-input", is_flag=True, help="Do not ask: take the defaults.")
@output.json_option
def init(
    template: str | None,
    name: str | None,
    output_dir: str,
    given: tuple[str, ...],
    no_input: bool,
    as_json: bool,
) -> None:
    """Start a project from TEMPLATE: one of ours, or a folder that holds one. Without it: list ours.

    With -n the project gets a folder of its own; without, the output folder becomes the project. Files that
    are there are never overwritten. Nothing is fetched from the network.

    \b
    Examples:
      fun init
      fun init event-python -n shop
      fun init stateful-async -n films --var queue=film-outcomes --no-input
      fun init ./our-template -n shop
    """
    ask = not no_input and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    values = _pairs(given)
    if name is not None:
        if variables.NAME.name in values:
            raise click.UsageError("give the name with -n or with --var name=…, not both")
        values[variables.NAME.name] = name
    if template is None:
        if values and not ask:
            raise click.UsageError("name a template; fun init alone lists them")
        _list(as_json)
        if not ask:
            return
        names = [found.name for found in source.ours()]
        template = click.prompt(said("\nWhich one?"), type=click.Choice(names), show_choices=False, err=True)
    chosen = source.find(template)
    folder = os.path.normpath(output_dir if name is None else os.path.join(output_dir, _checked(name)))
    if ask:
        _confirm(folder)
    _create(chosen, folder, values, ask=ask, as_json=as_json)


def _create(
    template: ProjectTemplate, folder: str, given: dict[str, str], *, ask: bool, as_json: bool
) -> None:
    values = variables.resolve(_with_name(template, folder), given, _ask if ask else None)
    files = render(template.files(), values)
    steps = [fill(step, values) for step in template.next]
    writing.create(folder, files)
    if as_json:
        paths = [file.path for file in files]
        output.print_json(
            {
                "template": template.name,
                "name": values["name"],
                "path": os.path.abspath(folder),
                "files": paths,
                "variables": values,
                "next": steps,
            }
        )
        return
    click.echo(folder)
    output.hint("".join(f"  + {os.path.join(folder, file.path)}\n" for file in files))
    enter = [] if os.path.realpath(folder) == os.path.realpath(".") else [f"cd {folder}"]
    output.hint("Next (README.md has more):\n" + "".join(f"  {step}\n" for step in (*enter, *steps)))


def _with_name(template: ProjectTemplate, folder: str) -> list[Variable]:
    """The template's variables; the folder's name is the default for the project's."""
    from dataclasses import replace

    default = variables.name_from(os.path.basename(os.path.abspath(folder)))
    return [replace(v, default=default) if v is variables.NAME else v for v in template.variables]


def _checked(name: str) -> str:
    """A name that is good for a folder, too: it can't lead anywhere else."""
    variables.NAME.check(name)
    return name


def _pairs(given: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--var {text}: write it as NAME=VALUE")
        values[name] = value
    return values


def _list(as_json: bool) -> None:
    found = source.ours()
    if as_json:
        output.print_json({"templates": [_described(template) for template in found]})
        return
    output.print_table(
        ("TEMPLATE", "IS"), [[template.name, said(template.description)] for template in found]
    )


def _described(template: ProjectTemplate) -> dict[str, object]:
    return {
        "name": template.name,
        "description": template.description,
        "variables": [
            {"name": v.name, "prompt": v.prompt, "default": v.default, "choices": list(v.choices)}
            for v in template.variables
        ],
    }


def _ask(variable: Variable, default: str | None) -> str:
    """Ask until the answer is good."""

    def checked(answer: str) -> str:
        try:
            variable.check(answer)
        except InvalidRequest as error:
            raise click.UsageError(said(f"{error.message}. {error.hint}")) from None
        return answer

    choices = f" ({', '.join(variable.choices)})" if variable.choices else ""
    answer: str = click.prompt(said(variable.prompt) + choices, default=default, value_proc=checked, err=True)
    return answer


def _confirm(folder: str) -> None:
    """Whoever forgot -n would rather not have the files of a project among all else."""
    if os.path.isdir(folder) and os.listdir(folder):
        where = "This folder" if folder == "." else folder
        output.confirm(f"{where} is not empty. Put the project into it?")
