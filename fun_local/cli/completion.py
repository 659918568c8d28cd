"""`fun completion`: scripts for shells, and what they are told to offer.

Click knows commands and options; names of what is deployed come from here, out of the home's files, so that
no daemon is needed. A shell waits at every press of the key, so nothing is imported that is not needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from fun_local import settings

if TYPE_CHECKING:
    from fun_local.model.deployed import Deployed

#: Programs, and the variables in which shells ask them.
PROGRAMS = {"fun": "_FUN_COMPLETE", "invk": "_INVK_COMPLETE"}

#: Ids that are offered: more than that nobody reads.
_MOST_IDS = 50

_WHERE = {
    "bash": 'eval "$(fun completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(fun completion zsh)"   in ~/.zshrc, after compinit',
    "fish": "fun completion fish > ~/.config/fish/completions/fun.fish",
}

Found = Iterable[tuple[str, str]]


@click.command()
@click.argument("shell", type=click.Choice(list(_WHERE)))
def completion(shell: str) -> None:
    """Print a script that has SHELL complete commands, options, functions, execution ids, queues and stacks.

    \b
    Examples:
      eval "$(fun completion bash)"
      fun completion fish > ~/.config/fish/completions/fun.fish
    """
    from fun_local.cli import output

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of Click knows no completion for {shell}")
    for program, variable in PROGRAMS.items():
        # Not what the class for bash makes of it: that runs bash to learn its version.
        click.echo(ShellComplete.source(kind(click.Command(program), {}, program, variable)))
    output.hint(f"To have it always: {_WHERE[shell]}")


def attach(command: click.Command, path: tuple[str, ...] = ()) -> None:
    """Give the parameters of a command, and of those below it, names to offer. ``path``: how it is called."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():  # a lazy one's are not there yet: it sees to them itself
            attach(inner, (*path, name))
        return
    for parameter in command.params:
        kind = _KINDS.get((" ".join(path), parameter.name or "")) or _KINDS.get(("", parameter.name or ""))
        if kind is not None and type(parameter.type) is click.types.StringParamType:
            setattr(parameter, "shell_complete", _completer(kind))  # noqa: B010 - a method, for mypy


def _completer(kind: Callable[[str], Found]) -> Callable[[click.Context, str], list[CompletionItem]]:
    def complete(_: click.Context, incomplete: str) -> list[CompletionItem]:
        found: list[CompletionItem] = []
        # A home that is damaged or not there offers nothing; commands say why.
        with contextlib.suppress(Exception):
            found = [
                CompletionItem(name, help=text)
                for name, text in kind(incomplete)
                if name.startswith(incomplete)
            ]
        return found

    return complete


def _deployed() -> Deployed:
    from fun_local.store import registry

    return registry.read(settings.default_home())


def _functions(incomplete: str) -> Found:
    """In full, and short where one function alone has the name."""
    functions = list(_deployed().functions.values())
    names = [function.name for function in functions]
    if "/" not in incomplete:
        yield from ((f.name, f"{f.path}, {f.runtime}") for f in functions if names.count(f.name) == 1)
    yield from ((f.path, f.runtime) for f in functions)


def _stacks(_: str) -> Found:
    return ((name, "stack") for name in _deployed().stacks)


def _resources(incomplete: str) -> Found:
    """What can be shown or removed."""
    yield from _stacks(incomplete)
    yield from ((name, "service") for name in _deployed().services)
    yield from _functions(incomplete)


def _executions(incomplete: str) -> Found:
    """Ids, the newest first."""
    return _rows(
        "SELECT id, service || '/' || function FROM ids WHERE id >= ? AND id < ? ORDER BY seq DESC LIMIT ?",
        # Ids are ASCII, so nothing in them comes after DEL.
        (incomplete, incomplete + "\x7f", _MOST_IDS),
    )


def _queues(_: str) -> Found:
    return _rows("SELECT name, 'queue' FROM mns_queues ORDER BY name")


def _topics(_: str) -> Found:
    return _rows("SELECT name, 'topic' FROM mns_topics ORDER BY name")


def _subscriptions(_: str) -> Found:
    return _rows("SELECT name, 'subscription to ' || topic FROM mns_subscriptions ORDER BY name")


def _rows(query: str, values: tuple[object, ...] = ()) -> Found:
    from fun_local.store import database

    with contextlib.closing(database.connect(settings.default_home(), read_only=True)) as connection:
        return [(str(row[0]), str(row[1])) for row in connection.execute(query, values)]


def _triggers(_: str) -> Found:
    return ((trigger.path, trigger.type) for trigger in _deployed().triggers.values())


def _templates(_: str) -> Found:
    from fun_local.projects import source

    return ((found.name, found.description) for found in source.ours())


def _nothing(_: str) -> Found:
    """A name that is yet to be thought of."""
    return ()


#: What to offer for a parameter: of one command, or of every command that has one of that name.
_KINDS: dict[tuple[str, str], Callable[[str], Found]] = {
    ("", "function"): _functions,
    ("", "id"): _executions,
    ("", "ids"): _executions,
    ("", "stack_name"): _stacks,
    ("", "trigger_name"): _triggers,
    ("deploy", "resource"): _resources,
    ("package", "resource"): _resources,
    ("info", "name"): _resources,
    ("remove", "name"): _resources,
    ("init", "template"): _templates,
    ("mns queue create", "name"): _nothing,
    ("mns topic create", "name"): _nothing,
    ("mns topic subscribe", "name"): _nothing,
    ("mns topic unsubscribe", "name"): _subscriptions,
    ("", "topic"): _topics,
    **{
        (f"mns queue {verb}", "name"): _queues
        for verb in ("info", "delete", "send", "peek", "receive", "purge")
    },
    **{(f"mns topic {verb}", "name"): _topics for verb in ("info", "delete", "publish")},
}
