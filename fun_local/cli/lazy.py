"""A group of commands that are imported when they are called: start-up costs what is used, and no more."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: Command -> (module of fun_local.cli, attribute, one line of help): so that --help imports none of them.
Table = Mapping[str, tuple[str, str, str]]


class LazyGroup(click.Group):
    """Knows its commands by name, in their order; ``path`` is how it is called itself, below `fun`."""

    def __init__(self, *args: Any, table: Table, path: tuple[str, ...] = (), **rest: Any) -> None:
        super().__init__(*args, **rest)
        self._table = table
        self._path = path

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self._table:
            return None
        module, attribute, _ = self._table[name]
        found: click.Command = getattr(importlib.import_module(f"fun_local.cli.{module}"), attribute)
        if "_FUN_COMPLETE" in os.environ:  # a shell asks what to offer
            from fun_local.cli.completion import attach

            attach(found, (*self._path, name))
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        # Not what a group offers: that imports every command to ask for its help.
        found = [
            CompletionItem(name, help=line)
            for name, (_, _, line) in self._table.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self._table.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self._table, n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", error.ctx) from None
