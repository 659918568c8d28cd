"""How commands print and end: text or JSON, tables, errors, exit codes (cli contract, section 1)."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NoReturn

import click

from fun_local.cli.language import is_chinese, padded, said, width
from fun_local.errors import FunLocalError, InvalidTemplate

#: Exit codes.
FAILED = 1
USAGE = 2
FUNCTION_FAILED = 3
TIMED_OUT = 4

#: What a write fails with for want of room.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

#: Blanks between two columns of a table.
_GAP = 2

_STATUS_COLOURS = {
    "Succeeded": "green",
    "Failed": "red",
    "Invalid": "red",
    "Expired": "yellow",
    "Stopped": "yellow",
    "Stopping": "yellow",
    "Retrying": "yellow",
    "Running": "cyan",
}


def is_terminal() -> bool:
    return sys.stdout.isatty()


def print_json(value: Any) -> None:
    """The one JSON document of a command."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2 if is_terminal() else None))


def print_bytes(body: bytes) -> None:
    """A function's answer as it is; on a terminal the prompt that follows gets a line of its own."""
    sys.stdout.buffer.write(body)
    if body and not body.endswith(b"\n") and is_terminal():
        sys.stdout.buffer.write(b"\n")
    sys.stdout.flush()


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: drawn on a terminal, aligned plain text in a pipe."""
    headers = [said(header) for header in headers]
    if not rows:
        hint("nothing there")
    columns = list(zip(headers, *rows, strict=True))
    widths = [max(map(width, column)) for column in columns]
    if is_terminal():
        _draw(headers, rows, columns, widths)
        return
    for row in (headers, *rows):
        click.echo("  ".join(map(padded, row, widths)).rstrip())


def _draw(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    columns: Sequence[Sequence[str]],
    widths: Sequence[int],
) -> None:
    # 30 ms to import: only for eyes.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    # Folded between words a table can be read, within them hardly.
    longest = [max(width(word) for cell in column for word in (cell or " ").split(" ")) for column in columns]
    if rows and widths[0] + sum(longest[1:]) + _GAP * (len(widths) - 1) > console.width:
        _draw_upright(headers, rows, console.width)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, header in enumerate(headers):
        # The first column is what people copy: it is never cut.
        table.add_column(header, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(cell, style=_STATUS_COLOURS.get(cell, "")) for cell in row))
    console.print(table)


def _draw_upright(headers: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> None:
    """What each row begins with on a line of its own, the rest in words below it."""
    for first, *rest in rows:
        click.echo(painted(first, bold=True))
        used = 0
        for header, cell in zip(headers[1:], rest, strict=True):
            if cell in ("", "-"):
                continue
            size = width(f"  {header} {cell}")
            if used and used + size > most:
                click.echo()
                used = 0
            click.echo(f"  {header.lower()} {coloured(cell)}", nl=False)
            used += size
        click.echo()


def painted(text: str, **style: Any) -> str:
    """Text with a style for a terminal; click drops it in a pipe."""
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)


def coloured(status: str) -> str:
    """A status in its colour."""
    return painted(status, fg=_STATUS_COLOURS.get(status))


def say(text: str, *, err: bool = False, **style: Any) -> None:
    """A message for people, in their language."""
    click.echo(painted(said(text), **style) if style else said(text), err=err)


def hint(text: str) -> None:
    """A word for people: on stderr, and only where they look."""
    if sys.stderr.isatty():
        say(text, err=True)


def warn(text: str) -> None:
    say(f"warning: {text}", err=True)


def field(label: str, value: str, columns: int) -> None:
    """A line of a list of things with their names, which take so many columns."""
    click.echo(padded(f"{said(label)}:", columns) + value)


def confirm(question: str, *, default: bool = False) -> None:
    """Ask, and end the command unless the answer is yes."""
    click.confirm(said(question), default=default, abort=True, err=True)


def moment(time_ms: int) -> str:
    """A time for people: local, to the second."""
    return datetime.fromtimestamp(time_ms / 1000).strftime("%Y-%m-%d %H:%M:%S") if time_ms else "-"


def moment_exactly(time_ms: int) -> str:
    """A time for people: local, to the millisecond."""
    text = datetime.fromtimestamp(time_ms / 1000).strftime("%Y-%m-%d %H:%M:%S.%f")
    return text[:-3]


def duration(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def run(command: click.Command, arguments: list[str] | None = None, **extra: Any) -> NoReturn:
    """Run a command as a process: errors become one line (or one JSON document) and an exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    _open_streams()
    # Not known to click yet when parsing itself fails.
    as_json = "--json" in given
    if is_chinese() and not as_json:
        from fun_local.cli.chinese_help import Formatter

        click.Context.formatter_class = Formatter
    try:
        code = command.main(given, standalone_mode=False, **extra)
        sys.stdout.flush()  # what can't be written is to be said while somebody can say it
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = USAGE
    except click.ClickException as error:
        _print_usage_error(error, as_json)
        code = error.exit_code if isinstance(error, click.UsageError) else FAILED
    except FunLocalError as error:
        print_error(error, as_json=as_json)
        if os.environ.get("FUN_LOCAL_VERBOSE"):
            raise
        code = FAILED
    except (KeyboardInterrupt, click.Abort):
        say("Aborted.", err=True)
        code = 130
    except BrokenPipeError:
        # The reader (head, say) has seen enough. Python would complain when it flushes at its end.
        _close_stdout()
        code = 141
    except Exception as error:
        if os.environ.get("FUN_LOCAL_VERBOSE"):
            raise
        if isinstance(error, OSError) and (error.filename or error.errno in _NO_ROOM):
            _print_refusal(error, as_json)
        else:
            _print_defect(error, as_json)
        code = FAILED
    sys.exit(code or 0)


def _open_streams() -> None:
    """Have something to write to also where we were started with closed streams."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until we end


def _close_stdout() -> None:
    """Write no more of what is left to write; Python would complain when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_error(error: FunLocalError, *, as_json: bool) -> None:
    """One error: JSON on stdout, or a line and the next step on stderr."""
    if as_json:
        body: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
        if isinstance(error, InvalidTemplate):
            body["problems"] = [
                {
                    "kind": p.kind,
                    "file": p.file,
                    "line": p.line,
                    "column": p.column,
                    "path": p.path,
                    "message": p.message,
                    "hint": p.hint,
                }
                for p in error.problems
            ]
        print_json({"error": body})
        return
    if isinstance(error, InvalidTemplate):
        from dataclasses import replace

        for problem in error.problems:
            translated = replace(problem, message=said(problem.message), hint=said(problem.hint))
            click.echo(str(translated), err=True)
        count = len(error.problems)
        _print_message("the template has 1 problem" if count == 1 else f"the template has {count} problems")
        return
    _print_message(error.message)
    if error.hint:
        say(f"  {error.hint}", err=True)


def _print_message(text: str) -> None:
    click.echo(f"{painted(said('error'), fg='red')}: {said(text)}", err=True)


def _print_usage_error(error: click.ClickException, as_json: bool) -> None:
    if as_json:
        hint = "See the options with --help."
        print_json({"error": {"code": "Usage", "message": error.format_message(), "hint": hint}})
    else:
        from io import StringIO

        shown = StringIO()
        error.show(shown)
        click.echo(said(shown.getvalue()), err=True, nl=False)


def _print_refusal(error: OSError, as_json: bool) -> None:
    """The system does not let us have something: no defect of ours."""
    reason = error.strerror or str(error)
    if error.filename is None:
        # It is our own output that has no room, so nothing more is said there.
        _close_stdout()
        print_error(FunLocalError("StorageError", f"can't write the result: {reason}"), as_json=False)
        return
    hint = "See who owns it and what its mode is; FUN_LOCAL_HOME chooses another home."
    path = error.filename if isinstance(error.filename, str) else os.fsdecode(error.filename)
    print_error(FunLocalError("StorageError", f"{path}: {reason}", hint=hint), as_json=as_json)


def _print_defect(error: Exception, as_json: bool) -> None:
    what = f"{type(error).__name__}: {error}"
    text = f"something went wrong that should not: {what}"
    print_error(
        FunLocalError("InternalError", text, hint="Run it again with FUN_LOCAL_VERBOSE=1 to see where."),
        as_json=as_json,
    )


class Stop(click.exceptions.Exit):
    """Ends a command with an exit code after it has printed what there is to say."""

    def __init__(self, code: int) -> None:
        super().__init__(code)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)
