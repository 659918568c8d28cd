"""Reading a project's template for a command: which file, with which values, into which stack."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.language import said
from fun_local.home import code_folder, objects_folder
from fun_local.model.resources import Resources
from fun_local.model.selection import select

if TYPE_CHECKING:
    from fun_local.template.code import CodeSource


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says about a template."""

    template: str | tuple[str, ...] | None
    parameters: dict[str, str]
    replacements: dict[str, str]
    use_ros: bool
    stack_name: str | None
    oss_folder: str | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a template asks for. ``stack`` is empty for a direct deploy, which owns nothing.

    ``file`` is the template, ``sources`` the files and folders that all this was read from.
    """

    file: str
    stack: str
    resources: Resources
    sources: tuple[str, ...] = ()

    def only(self, name: str) -> Loaded:
        """Of it only a service or function. Raises as model.selection.select."""
        return replace(self, resources=select(self.resources, name))


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that reads a template; it gets them as ``given``."""
    return _with_options(command, _TEMPLATE)


def layered_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """As ``options``; several templates may be given, the later are merged over the first (fun-cli 4)."""
    return _with_options(command, _TEMPLATES)


def layered_options_beside_port(command: Callable[..., Any]) -> Callable[..., Any]:
    """As ``layered_options``, for a command where -p is a port."""
    return _with_options(command, _TEMPLATES, parameter_names=("--parameter-override",))


def debug_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that can have a debugger attached: ``debug_port`` and ``editor``."""

    @functools.wraps(command)
    def wrapped(
        debug_port: int | None,
        editor: str | None,
        debug_args: str | None,
        debugger_path: str | None,
        **rest: Any,
    ) -> Any:
        if editor and debug_port is None:
            raise click.UsageError("--config goes with --debug-port")
        for option, value in (("--debug-args", debug_args), ("--debugger-path", debugger_path)):
            if value:
                output.warn(f"{option} has no effect: the debugger is debugpy's or Node.js's own")
        return command(debug_port=debug_port, editor=editor, **rest)

    found: Callable[..., Any] = wrapped
    for option in reversed(_DEBUG_OPTIONS):
        found = option(found)
    return found


def _with_options(
    command: Callable[..., Any],
    template_option: Callable[..., Any],
    parameter_names: tuple[str, ...] = ("-p", "--parameter-override"),
) -> Callable[..., Any]:
    @functools.wraps(command)
    def wrapped(
        template: str | tuple[str, ...] | None,
        parameters: tuple[str, ...],
        replacements: tuple[str, ...],
        use_ros: bool,
        stack_name: str | None,
        oss_folder: str | None,
        **rest: Any,
    ) -> Any:
        given = Given(
            template,
            pairs("--parameter-override", parameters),
            pairs("--replace", replacements),
            use_ros,
            stack_name,
            oss_folder,
        )
        return command(given=given, **rest)

    found: Callable[..., Any] = wrapped
    parameter_option = click.option(
        *parameter_names, "parameters", multiple=True, metavar="K=V", help="A parameter's value."
    )
    for option in reversed((template_option, parameter_option, *_OPTIONS)):
        found = option(found)
    return found


_TEMPLATE = click.option("-t", "--template", help="The template file (default: found in this folder).")
_TEMPLATES = click.option(
    "-t",
    "--template",
    multiple=True,
    metavar="FILE",
    help="The template file (default: found in this folder); each further one is merged over it.",
)

_OPTIONS = (
    click.option(
        "--replace", "replacements", multiple=True, metavar="NAME=VALUE", help="A {placeholder}'s value."
    ),
    click.option("--use-ros", is_flag=True, help="Deploy as a stack (plain ROS templates always are)."),
    click.option("--stack-name", help="The stack's name (default: from the folder's name)."),
    click.option(
        "--oss-dir",
        "oss_folder",
        type=click.Path(exists=True, file_okay=False),
        help="Stands in for OSS: code in a bucket is read from DIR/BUCKET/KEY.",
        metavar="DIR",
    ),
)


_DEBUG_OPTIONS = (
    click.option(
        "-d",
        "--debug-port",
        type=click.IntRange(0, 65_535),
        metavar="PORT",
        help="Wait for a debugger at this port of 127.0.0.1 (0: any free one).",
    ),
    click.option(
        "-c",
        "--config",
        "editor",
        type=click.Choice(["vscode", "pycharm"]),
        help="With -d: print how this editor is set up to attach.",
    ),
    click.option("--debug-args", hidden=True, help="Funcraft's; has no effect."),
    click.option("--debugger-path", hidden=True, help="Funcraft's; has no effect."),
)


def pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """What an option says that takes NAME=VALUE and may be given several times."""
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{option} takes NAME=VALUE, not {text!r}")
        pairs[key] = value
    return pairs


def load(
    home: str,
    given: Given,
    *,
    kind: str,
    ask: bool = False,
    stage: bool = True,
    keep: Callable[[CodeSource], str] | None = None,
) -> Loaded:
    """Read, check and, with ``stage``, put the code into the code store.

    ``kind`` is what the template is wanted for (template.discover.Kind). ``ask`` prompts for placeholders.
    ``keep`` is given the code instead of the store: then nothing is deployed, so placeholders that nobody
    has filled in stand for themselves.

    Raises:
        InvalidRequest: no template, or (InvalidTemplate) all that is wrong with it.
    """
    # YAML and JSON Schema cost 200 ms, so only here.
    from fun_local.cli.progress import Shown
    from fun_local.store import registry
    from fun_local.store.code import CodeStore
    from fun_local.store.objects import Objects
    from fun_local.template.build import build
    from fun_local.template.built import check_fresh, folders_of, is_built
    from fun_local.template.devs import is_devs
    from fun_local.template.discover import Kind, check_deployable, choose
    from fun_local.template.merge import load_all
    from fun_local.template.placeholders import find
    from fun_local.template.serverless import is_serverless
    from fun_local.template.stored import on_this_machine

    objects = Objects(objects_folder(home))
    # Relative, so that problems name the file as its user sees it.
    chosen = choose("", given.template, kind=Kind(kind))
    if kind != "source":
        check_fresh(chosen.path)
    document = load_all(chosen.files)
    if stage and keep is None and given.oss_folder is None:
        check_deployable(chosen, document.data, objects.has)
    values = dict(given.replacements)
    if ask:
        for name in dict.fromkeys(placeholder.name for placeholder in find(document)):
            if name not in values:
                values[name] = click.prompt(said(f"{{{name}}} in {document.path}"), err=True)
    if keep is not None:
        # Hyphens: no name may hold an underscore everywhere.
        values = {found.name: found.name.replace("_", "-") for found in find(document)} | values
    configured, _ = settings.load(home)
    is_direct = (is_serverless(document) or is_devs(document)) and not given.use_ros
    stack = "" if is_direct else given.stack_name or _default_stack()
    # Of what was built also the folders it was built from: a change there is to be told of.
    sources = [folder.path for folder in folders_of(chosen.path)] if is_built(chosen.path) else []
    store = CodeStore(code_folder(home), home=home)

    def to_store(source: CodeSource) -> str:
        with Shown(f"code in {source.folder or 'the template'}", unit="bytes") as shown:
            return store.add(source, shown.to)

    add = keep or (on_this_machine(to_store) if stage else _nothing)

    def staged(source: CodeSource) -> str:
        if source.folder:
            sources.append(source.folder)
        return add(source)

    resources = build(
        document,
        stack_name=stack or _default_stack(),
        use_ros=given.use_ros,
        environ=os.environ,
        region=configured.region,
        account_id=configured.account_id,
        parameters=given.parameters,
        replacements=values,
        stage=staged,
        oss_folder=given.oss_folder,
        fetch=objects.get,
        stack_outputs={name: stack.outputs for name, stack in registry.read(home).stacks.items()},
    )
    return Loaded(chosen.path, stack, resources, (*chosen.files, *sources))


def _nothing(_: CodeSource) -> str:
    return ""


def _default_stack() -> str:
    """Funcraft's name for the stack of a folder (fun-cli 11)."""
    return "fun_default_stack_for_" + os.path.basename(os.getcwd())
