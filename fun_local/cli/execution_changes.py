"""`fun executions stop`, `retry`, `wait` and `prune`."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any

import click

from fun_local import settings
from fun_local.cli import output, waiting
from fun_local.cli.execution_records import STATUSES, api_record, meant_function, print_record
from fun_local.cli.progress import Shown
from fun_local.cli.times import Duration
from fun_local.errors import Conflict
from fun_local.model.execution import FINAL, Status
from fun_local.store.documents import Document
from fun_local.store.history import History, Query

if TYPE_CHECKING:
    from fun_local.cli.client import Client


def _client(home: str) -> Client:
    # 13 ms to import, of which reading commands need nothing.
    from fun_local.cli.client import Client

    return Client(home)


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--function", help="All of this function instead of named ones.")
@click.option("--status", "statuses", type=STATUSES, multiple=True, help="With --function: only these.")
@click.option("-y", "--assume-yes", is_flag=True, help="Do not ask.")
@output.json_option
def stop(
    ids: tuple[str, ...], function: str | None, statuses: tuple[str, ...], assume_yes: bool, as_json: bool
) -> None:
    """Stop executions that wait, run or are about to be retried.

    \b
    Examples:
      fun executions stop ID
      fun executions stop --function main --status Enqueued
    """
    home = settings.default_home()
    if bool(ids) == bool(function):
        raise click.UsageError("name executions, or give --function")
    if function:
        ids = _matching(home, function, statuses, assume_yes)
    client = _client(home)
    stopped: list[str] = []
    problems: list[Conflict] = []
    for id in ids:
        try:
            stopped.append(client.call("stop", start=False, id=id)["invocationId"])
        except Conflict as error:
            # The others are stopped all the same; the first refusal is reported at the end.
            problems.append(error)
    ended = waiting.until_final(home, stopped, timeout_seconds=60) if stopped else []
    records = [History(home).find(id)[1] for id in stopped] if ended is None else [doc for _, doc in ended]
    if not problems or not as_json:
        _print_statuses(records, as_json)
    if problems:
        raise problems[0]


def _matching(home: str, function: str, statuses: tuple[str, ...], assume_yes: bool) -> tuple[str, ...]:
    wanted = frozenset(Status(status) for status in statuses) or frozenset(Status) - FINAL
    query = Query(function=meant_function(home, function), statuses=wanted - {Status.STOPPING})
    ids = tuple(doc["invocationId"] for _, doc in History(home).all(query) if doc["status"] not in FINAL)
    output.say(f"{len(ids)} executions of {function} to stop", err=True)
    if ids and not assume_yes:
        if not sys.stdin.isatty():
            raise click.UsageError("without a terminal, say so with --assume-yes")
        output.confirm("Stop them?")
    return ids


def _print_statuses(documents: list[Document], as_json: bool) -> None:
    if as_json:
        output.print_json(
            {"invocations": [{"invocationId": d["invocationId"], "status": d["status"]} for d in documents]}
        )
        return
    for document in documents:
        click.echo(f"{document['invocationId']}  {output.coloured(document['status'])}")


@click.command()
@click.argument("id")
@click.option(
    "--payload-file", type=click.Path(exists=True, dir_okay=False, allow_dash=True), help="Another event."
)
@click.option("--wait", is_flag=True, help="Wait for the end and print the record.")
@click.option("--timeout", type=Duration(), help="With --wait: give up after this long (exit 4).")
@output.json_option
def retry(id: str, payload_file: str | None, wait: bool, timeout: float | None, as_json: bool) -> None:
    """Run a finished execution again, failed or succeeded; print the new id.

    \b
    Examples:
      fun executions retry ID
      fun executions retry ID --payload-file fixed.json --wait
    """
    home = settings.default_home()
    arguments: dict[str, Any] = {"id": id}
    if payload_file:
        with click.open_file(payload_file, "rb") as file:
            arguments["payload"] = base64.b64encode(file.read()).decode()
    accepted = _client(home).call("retry", **arguments)
    if wait:
        finish(home, accepted["invocationId"], timeout, as_json)
    elif as_json:
        output.print_json(accepted)
    else:
        click.echo(accepted["invocationId"])
        output.hint(f"Follow it with: fun executions logs {accepted['invocationId']} -f")


def finish(home: str, invocation_id: str, timeout: float | None, as_json: bool) -> None:
    """Wait for one execution, print its record, end with its exit code."""

    def show(document: Document) -> None:
        output.hint(f"{output.moment_exactly(document['startedTime'])}  {document['status']}")

    ended = waiting.until_final(home, [invocation_id], timeout_seconds=timeout, on_change=show)
    history = History(home)
    seq, document = ended[0] if ended else history.find(invocation_id)
    record = api_record(history, seq, document)
    if as_json:
        output.print_json(record)
    else:
        print_record(record)
    raise output.Stop(waiting.exit_code(ended))


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--timeout", type=Duration(), help="Give up after this long (exit 4).")
@click.option(
    "--expect",
    type=STATUSES,
    default="Succeeded",
    show_default=True,
    help="The status that counts as success.",
)
@output.json_option
def wait(ids: tuple[str, ...], timeout: float | None, expect: str, as_json: bool) -> None:
    """Wait until all these executions have ended. Exit 3 when one has not ended as expected.

    \b
    Examples:
      fun executions wait ID --timeout 60
      fun executions wait "$id" --expect Failed
    """
    home = settings.default_home()
    history = History(home)
    full = [history.find(id)[1] for id in ids]
    if not all(waiting.is_settled(document) for document in full):
        _client(home).start()  # nothing moves without one
    names = [document["invocationId"] for document in full]
    ended = waiting.until_final(home, names, timeout_seconds=timeout)
    _print_statuses([doc for _, doc in ended] if ended else [history.find(n)[1] for n in names], as_json)
    raise output.Stop(waiting.exit_code(ended, expect))


@click.command()
@click.option(
    "--older-than",
    type=Duration(),
    default="7d",
    show_default=True,
    help="Only what ended longer ago: 12h, 7d …",
)
@output.json_option
def prune(older_than: float, as_json: bool) -> None:
    """Delete records of executions that ended longer ago than this.

    \b
    Examples:
      fun executions prune
      fun executions prune --older-than 1h
    """
    with Shown("deleting records"):
        deleted = _client(settings.default_home()).call("prune", older_than_seconds=older_than)["deleted"]
    if as_json:
        output.print_json({"deleted": deleted})
    else:
        output.say(f"{deleted} executions deleted")
