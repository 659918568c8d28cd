"""How commands print and end: text or JSON, tables, errors, exit codes (cli contract, section 1)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NoReturn

import click

from fun_local.errors import FunLocalError, InvalidTemplate

#: Exit codes.
FAILED = 1
USAGE = 2
FUNCTION_FAILED = 3
TIMED_OUT = 4

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
    if is_terminal():
        # 30 ms to import: only for eyes.
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold", pad_edge=False)
        for number, header in enumerate(headers):
            # The first column is what people copy: it is never cut.
            widest = max(len(header), *(len(row[number]) for row in rows), 0)
            table.add_column(header, overflow="fold", min_width=widest if number == 0 else None)
        for row in rows:
            table.add_row(*(Text(cell, style=_STATUS_COLOURS.get(cell, "")) for cell in row))
        Console().print(table)
        return
    widths = [max(len(cell) for cell in column) for column in zip(headers, *rows, strict=True)]
    for row in (headers, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def painted(text: str, **style: Any) -> str:
    """Text with a style for a terminal; click drops it in a pipe."""
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)


def coloured(status: str) -> str:
    """A status in its colour."""
    return painted(status, fg=_STATUS_COLOURS.get(status))


def hint(text: str) -> None:
    """A word for people: on stderr, and only where they look."""
    if sys.stderr.isatty():
        click.echo(text, err=True)


def warn(text: str) -> None:
    click.echo(f"warning: {text}", err=True)


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
    # Not known to click yet when parsing itself fails.
    as_json = "--json" in given
    try:
        code = command.main(given, standalone_mode=False, **extra)
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
        click.echo("Aborted.", err=True)
        code = 130
    except BrokenPipeError:
        # The reader (head, say) has seen enough. Python would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except Exception as error:
        if os.environ.get("FUN_LOCAL_VERBOSE"):
            raise
        _print_defect(error, as_json)
        code = FAILED
    sys.exit(code or 0)


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
        for problem in error.problems:
            click.echo(str(problem), err=True)
        count = len(error.problems)
        what = "1 problem" if count == 1 else f"{count} problems"
        click.echo(f"{painted('error', fg='red')}: the template has {what}", err=True)
        return
    click.echo(f"{painted('error', fg='red')}: {error.message}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)


def _print_usage_error(error: click.ClickException, as_json: bool) -> None:
    if as_json:
        hint = "See the options with --help."
        print_json({"error": {"code": "Usage", "message": error.format_message(), "hint": hint}})
    else:
        error.show()


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
