"""`fun build` and `fun install`: code with the dependencies that it names."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from fun_local import settings
from fun_local.cli import output, templates
from fun_local.cli.templates import Given
from fun_local.errors import InvalidRequest
from fun_local.model.selection import one_function

if TYPE_CHECKING:
    from fun_local.build.installers import Target
    from fun_local.build.tools import Tools
    from fun_local.template.code import CodeSource
    from fun_local.template.load import Path

#: Back to the beginning of the terminal's line, which is empty then.
_CLEARED = "\r\x1b[K"

_NOTHING = (
    "No function has a requirements.txt or package.json beside its code, so there is nothing to install."
)

#: Sub-commands of Funcraft's install: as names of packages they would be fetched and run.
_NO_PACKAGES = {
    "init": "makes a Funfile, which needs a container",
    "env": "lists variables of a container",
    "sbox": "opens a shell in a container",
}


def _refuse_containers(context: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        raise click.UsageError(
            f"{param.opts[0]}: there are no containers here; pip and npm of this machine are used", context
        )


def _index_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options for where packages come from, and those that ask for a container."""
    for option in (
        click.option("--index-url", default="", metavar="URL", help="Python: take packages from here."),
        click.option("--registry", default="", metavar="URL", help="Node.js: take packages from here."),
        click.option(
            "-d", "--use-docker", is_flag=True, hidden=True, expose_value=False, callback=_refuse_containers
        ),
        click.option(
            "-b", "--use-buildkit", is_flag=True, hidden=True, expose_value=False, callback=_refuse_containers
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("function", metavar="[[SERVICE/]FUNCTION]", required=False)
@click.option("--clean", is_flag=True, help="Install everything anew, whatever has changed.")
@click.option("-y", "--assume-yes", is_flag=True, hidden=True, help="Funcraft's; nothing is asked here.")
@_index_options
@templates.options
@output.json_option
def build(
    function: str | None,
    clean: bool,
    assume_yes: bool,
    index_url: str,
    registry: str,
    given: Given,
    as_json: bool,
) -> None:
    """Put the code of every function, with what its requirements.txt or package.json names, into .fun/build.

    pip and npm of this machine are used, for the version that runs the function. What has not changed is not
    done again. Functions without such a file stay where they are. Deploy, package and the local commands take
    what was built.

    \b
    Examples:
      fun build
      fun build shop/order
      fun build --clean --index-url https://pypi.example.com/simple
    """
    from fun_local.build import project
    from fun_local.template.merge import load_all

    home = settings.default_home()
    file, found, path = _targets(home, given, function)
    for target in found.values():
        for line in project.unsupported(target):
            output.warn(line)
    done = project.build(
        load_all([file]),
        found,
        only=path,
        anew=clean,
        without=home,
        tools=_tools(index_url, registry),
        on_start=_say_start,
    )
    _clear_line()
    template = os.path.join(os.path.dirname(file), project.TEMPLATE)
    if as_json:
        built = [
            {"function": b.function, "action": b.action, "manifests": list(b.manifests), "path": b.path}
            for b in done
        ]
        output.print_json({"template": os.path.abspath(template), "functions": built})
        return
    rows = [[b.function, b.action, ", ".join(b.manifests) or "-", os.path.relpath(b.path)] for b in done]
    output.print_table(("FUNCTION", "BUILD", "FROM", "CODE"), rows)
    if not any(b.manifests for b in done):
        output.hint(_NOTHING)
    output.hint(f"Built template: {template}. Next: fun local invoke, fun deploy")


@click.command()
@click.argument("packages", nargs=-1)
@click.option("-f", "--function", metavar="[SERVICE/]FUNCTION", help="For this function only.")
@click.option("-r", "--runtime", help="What the function's runtime must be.")
@click.option("-p", "--package-type", type=click.Choice(["pip", "npm"]), help="Whose packages they are.")
@click.option("--save", is_flag=True, help="Add the packages to requirements.txt or package.json.")
@click.option("-e", "--env", "variables", multiple=True, metavar="K=V", help="A variable for pip and npm.")
@click.option("-t", "--template", help="The template file (default: found in this folder).")
@click.option("--parameter-override", "parameters", multiple=True, metavar="K=V", help="A parameter's value.")
@_index_options
@output.json_option
def install(
    packages: tuple[str, ...],
    function: str | None,
    runtime: str | None,
    package_type: str | None,
    save: bool,
    variables: tuple[str, ...],
    template: str | None,
    parameters: tuple[str, ...],
    index_url: str,
    registry: str,
    as_json: bool,
) -> None:
    """Install dependencies beside the code: .fun/python for Python, node_modules for Node.js.

    Without PACKAGES what requirements.txt and package.json name, for every function of the template or one.
    Named packages go to one function; with --save the file names them from then on, so that fun build, which
    goes by the files alone, has them too.

    \b
    Examples:
      fun install
      fun install -f shop/order
      fun install -f order --save requests
    """
    from fun_local.build import beside

    if save and not packages:
        raise click.UsageError("--save goes with names of packages")
    for name in packages:
        if name in _NO_PACKAGES:
            raise click.UsageError(f"'fun install {name}' {_NO_PACKAGES[name]}; there are none here")
        if name.startswith("-"):
            raise click.UsageError(f"{name!r} is no package")
    given = Given(template, templates.pairs("--parameter-override", parameters), {}, False, None, None)
    home = settings.default_home()
    _, found, path = _targets(home, given, function, needs_one=bool(packages))
    chosen = [t for t in found.values() if not path or path in t.functions]
    for target in chosen:
        if runtime and target.runtime != runtime:
            raise InvalidRequest(
                "RuntimeMismatch",
                f"the runtime of {target.name} is {target.runtime}, not {runtime}",
                hint="Leave --runtime out, or correct the template.",
            )
    tools = _tools(index_url, registry, templates.pairs("--env", variables))
    done = [
        beside.install(t, packages, kind=package_type or "", save=save, tools=tools, on_start=_say_start)
        for t in chosen
    ]
    _clear_line()
    if as_json:
        output.print_json(
            {
                "functions": [
                    {"function": d.function, "manifests": list(d.manifests), "path": d.path} for d in done
                ]
            }
        )
        return
    rows = [[d.function, ", ".join(packages or d.manifests) or "-", os.path.relpath(d.path)] for d in done]
    output.print_table(("FUNCTION", "INSTALLED", "CODE"), rows)
    if not any(d.manifests for d in done) and not packages:
        output.hint(_NOTHING)
    if packages and not save:
        output.hint("fun build installs only what the files name: add --save to have them there.")


def _targets(
    home: str, given: Given, name: str | None, *, needs_one: bool = False
) -> tuple[str, dict[Path, Target], str]:
    """The template's file, the folders of its functions, and the path of the one that was named."""
    from fun_local.build import project

    sources: list[CodeSource] = []

    def keep(source: CodeSource) -> str:
        sources.append(source)
        return str(len(sources) - 1)

    # Directly, not as a stack: there services have a suffix that names of folders are better without.
    loaded = templates.load(home, replace(given, use_ros=False), kind="source", keep=keep)
    output.hint(f"using template: {loaded.file}")
    functions = loaded.resources.functions
    found = project.targets(functions, sources)
    if name is None and needs_one:
        if len(functions) > 1:
            known = ", ".join(function.path for function in functions)
            raise click.UsageError(f"say for which function with --function: {known}")
        name = one_function(loaded.resources).path
    if name is None:
        return loaded.file, found, ""
    function = one_function(loaded.resources, name)
    project.check_folder(found, function.path)
    return loaded.file, found, function.path


def _tools(index_url: str, registry: str, variables: dict[str, str] | None = None) -> Tools:
    from fun_local.build.tools import Tools

    environment = {**os.environ, **(variables or {})}
    return Tools(environment, _show_line, python_index=index_url, node_index=registry)


def _say_start(function: str, notices: Sequence[str]) -> None:
    _clear_line()
    for line in notices:
        output.warn(f"{function}: {line}")
    output.say(f"building {function}", err=True, fg="green")


def _show_line(line: str) -> None:
    """What a tool says, in one line that is written over: so people see that something happens."""
    if sys.stderr.isatty():
        click.echo(f"{_CLEARED}  {line[: shutil.get_terminal_size().columns - 3]}", err=True, nl=False)


def _clear_line() -> None:
    if sys.stderr.isatty():
        click.echo(_CLEARED, err=True, nl=False)
