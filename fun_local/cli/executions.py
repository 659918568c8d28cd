"""`fun executions`: list, get, logs, stop, retry, wait, prune. Reading needs no daemon."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from fun_local import settings
from fun_local.cli import output, waiting
from fun_local.cli.times import Duration, Moment
from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model.execution import FINAL, Status
from fun_local.model.names import FunctionRef, parse_function
from fun_local.store import registry
from fun_local.store.documents import Document
from fun_local.store.history import History, Query

if TYPE_CHECKING:
    from fun_local.cli.client import Client

_STATUSES = click.Choice([status.value for status in Status], case_sensitive=False)

#: Fields of a document that are not the vendor's (fc-api 13.3) but worth showing.
_INTERNAL = ("attempts", "logs", "invocationPayloadEncoding", "returnPayloadEncoding")


@click.group()
def executions() -> None:
    """List, watch, stop and retry executions.

    \b
    Examples:
      fun executions list --status Running
      fun executions logs ID -f
      fun executions stop ID
    """


def api_record(
    history: History, seq: int, document: Document, *, with_payload: bool = True
) -> dict[str, Any]:
    """The StatefulAsyncInvocation object (fc-api 13.3), and our additions."""
    record = {key: value for key, value in document.items() if key not in _INTERNAL}
    for field in ("invocationPayload", "returnPayload"):
        if field not in document:
            continue
        if not with_payload:
            del record[field]
            continue
        data = history.payload(seq, document, field) or b""
        try:
            record[field] = data.decode()
        except UnicodeDecodeError:
            record[field] = data.decode(errors="replace")
            record[f"{field}Base64"] = base64.b64encode(data).decode()
    return record


def _client(home: str) -> Client:
    # 13 ms to import, of which reading commands need nothing.
    from fun_local.cli.client import Client

    return Client(home)


def _row(document: Document) -> list[str]:
    running_ms = document["durationMs"]
    return [
        document["invocationId"],
        f"{document['serviceName']}/{document['functionName']}",
        document["status"],
        output.moment(document["startedTime"]),
        output.duration(running_ms) if document["attempts"] and running_ms else "-",
        str(document["alreadyRetriedTimes"]),
        document["destinationStatus"] or "-",
    ]


_HEADERS = ("ID", "FUNCTION", "STATUS", "STARTED", "DURATION", "RETRIES", "DESTINATION")


@executions.command("list")
@click.argument("function", required=False)
@click.option("--status", "statuses", type=_STATUSES, multiple=True, help="Only these (repeatable).")
@click.option("--prefix", default="", help="Only ids that begin with this.")
@click.option("--since", type=Moment(), help="Accepted at or after: ISO time, or 10m, 2h, 1d ago.")
@click.option("--until", type=Moment(), help="Accepted at or before.")
@click.option("--asc", is_flag=True, help="Oldest first.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
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
        function=_function(home, function) if function else None,
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
    if all_pages:
        found, token = list(history.all(query, ascending=asc)), ""
    else:
        page = history.page(query, limit=limit, token=next_token, ascending=asc)
        found, token = page.documents, page.next_token
    if as_json:
        records = [api_record(history, seq, doc, with_payload=False) for seq, doc in found]
        output.print_json({"invocations": records, "nextToken": token})
        return
    output.print_table(_HEADERS, [_row(document) for _, document in found])
    if token:
        output.hint(f"More with: --next-token {token}")


def _function(home: str, text: str) -> FunctionRef:
    """The function meant, deployed or not: its executions outlive it."""
    try:
        return registry.read(home).resolve(text)
    except NotFound:
        service, name, qualifier = parse_function(text)
        if not service:
            raise
        return FunctionRef(service, name, qualifier)


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
                output.print_table(_HEADERS, [_row(document) for _, document in documents])
            else:
                for seq, document in reversed(documents):
                    state = (document["status"], document["destinationStatus"])
                    if shown.get(seq) != state:
                        shown[seq] = state
                        click.echo("  ".join(_row(document)))
                sys.stdout.flush()
            changes.wait(10.0)


@executions.command()
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


def print_record(record: dict[str, Any]) -> None:
    """An execution, for people."""
    retried = record["alreadyRetriedTimes"]
    lines = [
        ("Id", record["invocationId"]),
        ("Function", f"{record['serviceName']}/{record['functionName']} ({record['qualifier']})"),
        ("Status", output.coloured(record["status"])),
        ("Accepted", output.moment_exactly(record["startedTime"])),
    ]
    if record["endTime"]:
        lines.append(("Ended", output.moment_exactly(record["endTime"])))
    if record["durationMs"]:
        lines.append(("Ran", f"{output.duration(record['durationMs'])}, {record['memoryMb']} MB at most"))
    if record["instanceId"]:
        lines.append(("Instance", record["instanceId"]))
    if retried:
        lines.append(("Retried", f"{retried} time{'s' if retried > 1 else ''}"))
    if record["invocationErrorMessage"]:
        lines.append(("Error", record["invocationErrorMessage"]))
    if record["destinationStatus"]:
        lines.append(("Delivered", record["destinationStatus"]))
    if record["rerunOf"]:
        lines.append(("Retry of", record["rerunOf"]))
    lines.append(("Request id", record["requestId"]))
    for label, text in lines:
        click.echo(f"{label + ':':<12}{text}")
    click.echo("\nEvents")
    for event in record["events"]:
        status, detail = event["status"], event["eventDetail"]
        gap = " " * (12 - len(status)) if detail else ""
        when = output.moment_exactly(event["timestamp"])
        click.echo(f"  {when}  {output.coloured(status)}{gap}{detail}")
    config = record["asyncConfig"]
    click.echo("\nAsynchronous configuration")
    click.echo(f"  retries {config['maxAsyncRetryAttempts']}, age {config['maxAsyncEventAgeInSeconds']} s")
    for outcome, destination in config["destinationConfig"].items():
        click.echo(f"  {outcome}: {destination['destination']}")
    _print_payload("Event", record.get("invocationPayload"))
    _print_payload("Result", record.get("returnPayload"))


def _print_payload(title: str, text: str | None) -> None:
    if text is None:
        return
    click.echo(f"\n{title}")
    with contextlib.suppress(ValueError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    for line in (text or "(empty)").splitlines():
        click.echo(f"  {line}")


@executions.command()
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


@executions.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--function", help="All of this function instead of named ones.")
@click.option("--status", "statuses", type=_STATUSES, multiple=True, help="With --function: only these.")
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
    query = Query(function=_function(home, function), statuses=wanted - {Status.STOPPING})
    ids = tuple(doc["invocationId"] for _, doc in History(home).all(query) if doc["status"] not in FINAL)
    click.echo(f"{len(ids)} executions of {function} to stop", err=True)
    if ids and not assume_yes:
        if not sys.stdin.isatty():
            raise click.UsageError("without a terminal, say so with --assume-yes")
        click.confirm("Stop them?", abort=True, err=True)
    return ids


def _print_statuses(documents: list[Document], as_json: bool) -> None:
    if as_json:
        output.print_json(
            {"invocations": [{"invocationId": d["invocationId"], "status": d["status"]} for d in documents]}
        )
        return
    for document in documents:
        click.echo(f"{document['invocationId']}  {output.coloured(document['status'])}")


@executions.command()
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


@executions.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--timeout", type=Duration(), help="Give up after this long (exit 4).")
@click.option("--expect", type=_STATUSES, default="Succeeded", show_default=True)
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


@executions.command()
@click.option("--older-than", type=Duration(), default="7d", show_default=True)
@output.json_option
def prune(older_than: float, as_json: bool) -> None:
    """Delete records of executions that ended longer ago than this.

    \b
    Examples:
      fun executions prune
      fun executions prune --older-than 1h
    """
    deleted = _client(settings.default_home()).call("prune", older_than_seconds=older_than)["deleted"]
    if as_json:
        output.print_json({"deleted": deleted})
    else:
        click.echo(f"{deleted} executions deleted")
