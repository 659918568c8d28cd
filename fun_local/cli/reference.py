"""The reference of the command line, out of the command line: ``python -m fun_local.cli.reference``.

Writes Markdown to standard output, or to the file that is named. ``docs/reference.md`` is this; a test holds
it to what the commands say now.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import click

import fun_local
from fun_local import errors, settings
from fun_local.cli import reference_words as words
from fun_local.http.errors import status_of
from fun_local.model.execution import TRANSITIONS, Status

_HEAD = """\
# Reference

Everything that `fun` and `invk` can be told, and what they answer. Made by `python -m fun_local.cli.reference
docs/reference.md` out of the commands themselves; each of them tells the same with `-h`.
"""

_ERRORS = """\
## Error codes

With `--json` an error is `{"error": {"code", "message", "hint"}}`. The daemon's answers over HTTP have the
same codes, but for those that an API of the vendor's calls otherwise.
"""

#: Messages that are shown of an error code, of which some have dozens.
_MESSAGES = 3


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that can be run, with its words."""
    from fun_local.cli.fun import fun
    from fun_local.cli.invk import invk

    yield ("invk",), invk
    yield from _below(fun, ("fun",))


def _below(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    if command.invoke_without_command:
        yield path, command
    context = click.Context(command, info_name=" ".join(path))
    for name in command.list_commands(context):
        if found := command.get_command(context, name):
            yield from _below(found, (*path, name))


def text() -> str:
    """The whole reference."""
    parts = [_HEAD, "## Commands\n"]
    parts += [_command(path, command) for path, command in commands()]
    parts += [
        "## Exit codes\n",
        _table(("Code", "Means"), ((str(code), means) for code, means in words.EXIT_CODES.items())),
        "## Settings\n\n`fun config set NAME VALUE`, or `FUN_LOCAL_NAME` in the environment.\n",
        _table(("Setting", "Default", "Is"), _settings()),
        "## Environment\n",
        _table(("Variable", "Is"), ((f"`{name}`", is_) for name, is_ in words.VARIABLES.items())),
        "## Files of a home\n",
        _table(("File", "Holds", "Written by"), ((f"`{name}`", *rest) for name, *rest in words.FILES)),
        "## Status of an execution\n",
        _table(("Status", "Means", "Then"), _statuses()),
        _ERRORS,
        _table(("Code", "HTTP", "Messages"), _codes()),
    ]
    return "\n".join(parts)


def _command(path: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(path), help_option_names=["-h", "--help"])
    about, _, examples = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"### {' '.join(path)}\n", f"```\n{' '.join(path)} {usage}\n```\n", _reflowed(about)]
    rows = [
        (f"`{record[0]}`", record[1])
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context))
    ]
    lines.append(_table(("Option", ""), rows))
    if examples:
        shown = "\n".join(line.strip() for line in examples.strip().splitlines())
        lines.append(f"```console\n{shown}\n```\n")
    return "\n".join(lines)


def _reflowed(about: str) -> str:
    """Help as Markdown: what Click must not wrap is shown as it is."""
    blocks = []
    for block in about.strip().split("\n\n"):
        if block.startswith("\b\n"):
            blocks.append("```\n" + block.removeprefix("\b\n") + "\n```")
        else:
            blocks.append(block)
    return "\n\n".join(blocks) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(heads), _row(["---"] * len(heads)), *(_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _settings() -> Iterator[tuple[str, str, str]]:
    for field in fields(settings.Settings):
        default = field.default
        is_number = isinstance(default, float)
        shown = f"{default:g}" if is_number else "" if default == "" else str(default)
        yield f"`{field.name}`", shown.replace("False", "false"), words.SETTINGS[field.name]


def _statuses() -> Iterator[tuple[str, str, str]]:
    for status in Status:
        following = ", ".join(sorted(TRANSITIONS.get(status, ())))
        yield f"`{status}`", words.STATUSES[status], following


def _codes() -> Iterator[tuple[str, str, str]]:
    """The codes of errors, as the source has them."""
    found: dict[str, tuple[int, list[str]]] = {}
    for path in sorted(Path(fun_local.__file__).parent.rglob("*.py")):
        for kind, code, message in _raised(ast.parse(path.read_text(encoding="utf-8"))):
            messages = found.setdefault(code, (_status(kind, code), []))[1]
            if message and message not in messages:
                messages.append(message)
    for code, (status, messages) in sorted(found.items()):
        more = " · …" if len(messages) > _MESSAGES else ""
        yield f"`{code}`", str(status), " · ".join(sorted(messages)[:_MESSAGES]) + more


def _status(kind: type[errors.FunLocalError], code: str) -> int:
    error = errors.FunLocalError.__new__(kind)
    error.code = code
    return status_of(error)


def _raised(tree: ast.Module) -> Iterator[tuple[type[errors.FunLocalError], str, str]]:
    """Kind, code and message of the errors that a module makes."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        kind = getattr(errors, node.func.id, None)
        if not isinstance(kind, type) or not issubclass(kind, errors.FunLocalError):
            continue
        if kind in (errors.CorruptState, errors.InvalidTemplate):
            yield kind, kind.__name__, ""
        elif node.args and (code := _constant(node.args[0])):
            yield kind, code, _pattern(node.args[1]) if len(node.args) > 1 else ""


def _constant(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return str(getattr(errors, node.id, ""))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _pattern(node: ast.expr) -> str:
    """A message with an ellipsis for what is not always the same; empty where it is not written there."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        return "".join(parts)
    return ""


def main() -> None:
    """Write it to the file that is named, or to standard output."""
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text(), encoding="utf-8")
    else:
        sys.stdout.write(text())


if __name__ == "__main__":
    main()
