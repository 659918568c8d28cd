"""`fun executions export`, `import` and `replay`: executions as lines of JSON."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.execution_records import meant_function
from fun_local.cli.progress import Shown
from fun_local.cli.times import Moment
from fun_local.cli.words import Words
from fun_local.errors import InvalidRequest
from fun_local.model.execution import FINAL, Status
from fun_local.store.history import History, Query

if TYPE_CHECKING:
    from fun_local.store.documents import Document

#: Of what is handed to the daemon at once.
_BATCH_RECORDS = 500
_BATCH_BYTES = 8 * 1024 * 1024

_FINISHED = Words(status.value for status in Status if status in FINAL)


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID...]")
@click.option("--function", help="Only those of this function.")
@click.option("--status", "statuses", type=_FINISHED, multiple=True, help="Only these (repeatable).")
@click.option("--since", type=Moment(), help="Accepted at or after: ISO time, or 10m, 2h, 1d ago.")
@click.option("--until", type=Moment(), help="Accepted at or before.")
@click.option("-o", "--output", "path", type=click.Path(dir_okay=False), help="Write to this file.")
def export(
    ids: tuple[str, ...],
    function: str | None,
    statuses: tuple[str, ...],
    since: int | None,
    until: int | None,
    path: str | None,
) -> None:
    """Write finished executions with their events and results, one line of JSON each, oldest first.

    \b
    Examples:
      fun executions export -o executions.jsonl
      fun executions export --status Failed --since 1d | jq .invocationPayload
      fun executions export ID | ssh other fun executions import -
    """
    if ids and (function or statuses or since or until):
        raise click.UsageError("name executions, or say which with options, not both")
    home = settings.default_home()
    history = History(home)
    query = Query(
        function=meant_function(home, function) if function else None,
        statuses=frozenset(Status(status) for status in statuses),
        since_ms=since,
        until_ms=until,
    )
    found = iter([history.find(id) for id in ids]) if ids else history.all(query, ascending=True)
    is_wanted = bool(path) or not output.is_terminal()
    with _written(path) as file, Shown("exporting", unit="executions", is_wanted=is_wanted) as shown:
        written, unfinished = _export(history, found, file, shown)
    if unfinished:
        output.warn(f"{unfinished} executions have not ended and are left out")
    if path:
        output.hint(f"{written} executions written to {path}")


def _export(
    history: History, found: Iterator[tuple[int, Document]], file: IO[bytes], shown: Shown
) -> tuple[int, int]:
    """Write lines; how many, and how many executions had not ended."""
    from fun_local.store.exported import to_line

    written = unfinished = 0
    for seq, document in found:
        if document["status"] not in FINAL:
            unfinished += 1
            continue

        def payload(field: str, seq: int = seq, document: Document = document) -> bytes | None:
            return history.payload(seq, document, field)

        file.write(to_line(document, payload))
        written += 1
        shown.forward()
    return written, unfinished


@contextmanager
def _written(path: str | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that is there whole or not at all."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    try:
        with open(temporary, "xb") as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        from fun_local.store.files import raise_unavailable

        raise_unavailable(path, error)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--skip-existing", is_flag=True, help="Leave executions as they are whose ids are in use.")
@output.json_option
def import_(file: str, skip_existing: bool, as_json: bool) -> None:
    """Take in what `fun executions export` has written: the records of another home, with their ids.

    Nothing is run. The whole file is checked first; when something is wrong with it nothing is imported.

    \b
    Examples:
      fun executions import executions.jsonl
      fun executions import executions.jsonl --skip-existing
    """
    from fun_local.cli.client import Client

    home = settings.default_home()
    imported = skipped = 0
    with _seekable(file) as lines:
        size = lines.seek(0, os.SEEK_END)
        lines.seek(0)
        with Shown("checking", size, unit="bytes") as shown:
            old = _check(home, file, lines, skip_existing=skip_existing, shown=shown)
        lines.seek(0)
        with Shown("importing", size, unit="bytes") as shown:
            for batch, read in _batches(lines):
                done = Client(home).call("import", records=batch, skip_existing=skip_existing)
                imported += done["imported"]
                skipped += done["skipped"]
                shown.forward(read)
    if old:
        output.warn(
            f"{old} of them ended longer ago than records are kept; a daemon deletes those when it cleans up."
            " Keep them with: fun config set history_days DAYS"
        )
    if as_json:
        output.print_json({"imported": imported, "skipped": skipped})
    else:
        output.say(f"{imported} executions imported, {skipped} skipped")


@contextmanager
def _seekable(file: str) -> Iterator[IO[bytes]]:
    """A file, or what comes from standard input, to be read twice."""
    if file != "-":
        with open(file, "rb") as opened:
            yield opened
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.seek(0)
        yield copy


def _check(home: str, file: str, lines: IO[bytes], *, skip_existing: bool, shown: Shown) -> int:
    """Raise what is wrong with a file; how many of its executions are older than records are kept."""
    from fun_local.imports import in_use
    from fun_local.model.execution import Execution
    from fun_local.store import exported

    chosen, _ = settings.load(home)
    oldest_ms = (time.time() - chosen.history_days * 86_400) * 1000
    old = 0
    pending: list[Execution] = []
    there: list[Execution] = []

    def look() -> None:
        keys = exported.taken(home, [exported.key_of(e) for e in pending])
        there.extend(e for e in pending if exported.key_of(e) in keys)
        pending.clear()

    for number, line in enumerate(lines, start=1):
        shown.forward(len(line))
        if not line.strip():
            continue
        try:
            execution = exported.read(exported.parse_line(line))
        except InvalidRequest as error:
            raise InvalidRequest(error.code, f"{file}:{number}: {error.message}", hint=error.hint) from None
        old += execution.ended_ms < oldest_ms
        if not skip_existing:
            pending.append(execution.having(payload=b"", result=None))
            if len(pending) == _BATCH_RECORDS:
                look()
    look()
    if there:
        raise in_use(there)
    return old


def _batches(lines: IO[bytes]) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """What is handed to the daemon at once, and the bytes of the file that it was read from."""
    from fun_local.store.exported import parse_line

    batch: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        if not line.strip():
            continue
        if batch and (len(batch) == _BATCH_RECORDS or size + len(line) > _BATCH_BYTES):
            yield batch, size
            batch, size = [], 0
        batch.append(parse_line(line))
        size += len(line)
    if batch:
        yield batch, size


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.argument("ids", nargs=-1, metavar="[ID...]")
@click.option("--function", help="Invoke this function instead of those that are named in the file.")
@click.option("-q", "--qualifier", default="", help="With --function: a version or alias.")
@output.json_option
def replay(file: str, ids: tuple[str, ...], function: str | None, qualifier: str, as_json: bool) -> None:
    """Invoke functions again with the events in FILE; print the ids of the new executions.

    FILE holds exported executions, or what the cloud's API says of one or several
    (GetStatefulAsyncInvocation, GetAsyncTask and their lists), so an event of production can be tried here.
    Nothing is imported.

    \b
    Examples:
      fun executions replay executions.jsonl
      fun executions replay production.json --function shop/order
    """
    from fun_local.cli import recorded

    if qualifier and not function:
        raise click.UsageError("--qualifier goes with --function")
    home = settings.default_home()
    with _seekable(file) as opened:
        calls = recorded.calls(file, opened.read(), ids, function or "", qualifier)
    done = recorded.make(home, calls)
    if as_json:
        output.print_json({"invocations": done})
        return
    for made in done:
        click.echo(made["invocationId"])
