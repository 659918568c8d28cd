"""`fun executions list`, `get` and `logs`, which only read: they need no daemon."""

from __future__ import annotations

import json
import sys

import click

from fun_local import settings
from fun_local.cli import output, waiting
from fun_local.cli.execution_records import (
    HEADERS,
    STATUSES,
    api_record,
    meant_function,
    print_record,
    row,
)
from fun_local.cli.times import Moment
from fun_local.errors import InvalidRequest
from fun_local.model.execution import Status
from fun_local.store.history import History, Query


@click.command("list")
@click.argument("function", required=False)
@click.option("--status", "statuses", type=STATUSES, multiple=True, help="Only these (repeatable).")
@click.option("--prefix", default="", help="Only ids that begin with this.")
@click.option("--since", type=Moment(), help="Accepted at or after: ISO time, or 10m, 2h, 1d ago.")
@click.option("--until", type=Moment(), help="Accepted at or before.")
@click.option("--asc", is_flag=True, help="Oldest first.")
@click.option(
    "--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many on a page."
)
@click.option("--next-token", default="", help="Where the page before ended.")
@click.option("--all", "all_pages", is_flag=True, help="Every page.")
@click.option("--watch", is_flag=True, help="Stay and show changes as they happen.")
@output.json_option
def list_(
    function: str | None,
    statuses: tuple[str, ...],
    prefix: str,
    since: int | None,
    until: int | None,
    asc: bool,
    limit: int,
    next_token: str,
    all_pages: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """List executions, newest first.

    \b
    Examples:
      fun executions list
      fun executions list main --status Failed --status Stopped --since 1h
      fun executions list --all --json | jq '.invocations[].invocationId'
    """
    home = settings.default_home()
    query = Query(
        function=meant_function(home, function) if function else None,
        statuses=frozenset(Status(status) for status in statuses),
        prefix=prefix,
        since_ms=since,
        until_ms=until,
    )
    history = History(home)
    if watch:
        if as_json or all_pages:
            raise click.UsageError("--watch goes with neither --json nor --all")
        _watch(home, history, query, limit, asc)
        return
    if all_pages and as_json:
        _print_all(history, query, ascending=asc)
        return
    if all_pages:
        found, token = list(history.all(query, ascending=asc)), ""
    else:
        page = history.page(query, limit=limit, token=next_token, ascending=asc)
        found, token = page.documents, page.next_token
    if as_json:
        records = [api_record(history, seq, doc, with_payload=False) for seq, doc in found]
        output.print_json({"invocations": records, "nextToken": token})
        return
    output.print_table(HEADERS, [row(document) for _, document in found])
    if token:
        output.hint(f"More with: --next-token {token}")


def _print_all(history: History, query: Query, *, ascending: bool) -> None:
    """The one document of JSON, written while it is read: histories are larger than memory should be."""
    write = sys.stdout.write
    write('{"invocations": [')
    separator = "\n"
    for seq, document in history.all(query, ascending=ascending):
        record = api_record(history, seq, document, with_payload=False)
        write(separator + json.dumps(record, ensure_ascii=False))
        separator = ",\n"
    write('], "nextToken": ""}\n')
    sys.stdout.flush()


def _watch(home: str, history: History, query: Query, limit: int, asc: bool) -> None:
    from fun_local.store import buckets
    from fun_local.store.files import make_private_folder
    from fun_local.watch import Changes

    make_private_folder(buckets.folder(home))
    shown: dict[int, tuple[str, str]] = {}
    with Changes() as changes:
        changes.add(home)
        changes.add(buckets.folder(home))
        while True:
            documents = history.page(query, limit=limit, ascending=asc).documents
            if output.is_terminal():
                click.clear()
                output.print_table(HEADERS, [row(document) for _, document in documents])
            else:
                for seq, document in reversed(documents):
                    state = (document["status"], document["destinationStatus"])
                    if shown.get(seq) != state:
                        shown[seq] = state
                        click.echo("  ".join(row(document)))
                sys.stdout.flush()
            changes.wait(10.0)


@click.command()
@click.argument("id")
@click.option("--payload", is_flag=True, help="Print the event alone, byte for byte.")
@click.option("--result", is_flag=True, help="Print the result (or error) alone, byte for byte.")
@output.json_option
def get(id: str, payload: bool, result: bool, as_json: bool) -> None:
    """Show one execution: its record, its history, its event and result.

    \b
    Examples:
      fun executions get ID
      fun executions get ID --payload > event.json
      fun executions get ID --json | jq .events
    """
    home = settings.default_home()
    history = History(home)
    seq, document = history.find(id)
    if payload or result:
        data = history.payload(seq, document, "returnPayload" if result else "invocationPayload")
        if data is None:
            raise InvalidRequest(
                "NoResult", f"execution {document['invocationId']} is {document['status']}: no result yet"
            )
        sys.stdout.buffer.write(data)
        return
    record = api_record(history, seq, document)
    if as_json:
        output.print_json(record)
    else:
        print_record(record)


@click.command()
@click.argument("id")
@click.option("-f", "--follow", is_flag=True, help="Go on until the execution has ended.")
@output.json_option
def logs(id: str, follow: bool, as_json: bool) -> None:
    """Print the log of one execution, all attempts.

    \b
    Examples:
      fun executions logs ID
      fun executions logs ID --follow
    """
    home = settings.default_home()
    _, document = History(home).find(id)
    if as_json:
        if follow:
            raise click.UsageError("--json goes without --follow")
        lines = waiting.read_log(home, document).decode(errors="replace").splitlines()
        output.print_json({"invocationId": document["invocationId"], "lines": lines})
    elif follow:
        for part in waiting.follow_log(home, document["invocationId"]):
            sys.stdout.buffer.write(part)
            sys.stdout.flush()
    else:
        sys.stdout.buffer.write(waiting.read_log(home, document))
