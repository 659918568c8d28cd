"""Executions as people and programs see them: the record, a row of a table, the whole story."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import click

from fun_local.cli import output
from fun_local.cli.language import said
from fun_local.cli.words import Words
from fun_local.errors import NotFound
from fun_local.model.execution import Status
from fun_local.model.names import FunctionRef, parse_function
from fun_local.store.documents import Document
from fun_local.store.history import History

#: The vendor's words as a choice.
STATUSES = Words(status.value for status in Status)

#: Fields of a document that are not the vendor's (fc-api 13.3) but worth showing.
_INTERNAL = ("attempts", "logs", "invocationPayloadEncoding", "returnPayloadEncoding")


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


def row(document: Document) -> list[str]:
    """One line of a table."""
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


HEADERS = ("ID", "FUNCTION", "STATUS", "STARTED", "DURATION", "RETRIES", "DESTINATION")


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
        lines.append(
            ("Ran", said(f"{output.duration(record['durationMs'])}, {record['memoryMb']} MB at most"))
        )
    if record["instanceId"]:
        lines.append(("Instance", record["instanceId"]))
    if retried:
        lines.append(("Retried", said(f"{retried} time{'s' if retried > 1 else ''}")))
    if record["invocationErrorMessage"]:
        lines.append(("Error", record["invocationErrorMessage"]))
    if record["destinationStatus"]:
        lines.append(("Delivered", record["destinationStatus"]))
    if record.get("faults"):
        lines.append(("On purpose", ", ".join(record["faults"])))
    if record["rerunOf"]:
        lines.append(("Retry of", record["rerunOf"]))
    lines.append(("Request id", record["requestId"]))
    for label, text in lines:
        output.field(label, text, 12)
    output.say("\nEvents")
    for event in record["events"]:
        status, detail = event["status"], event["eventDetail"]
        gap = " " * (12 - len(status)) if detail else ""
        when = output.moment_exactly(event["timestamp"])
        click.echo(f"  {when}  {output.coloured(status)}{gap}{detail}")
    config = record["asyncConfig"]
    output.say("\nAsynchronous configuration")
    output.say(f"  retries {config['maxAsyncRetryAttempts']}, age {config['maxAsyncEventAgeInSeconds']} s")
    for outcome, destination in config["destinationConfig"].items():
        click.echo(f"  {outcome}: {destination['destination']}")
    _print_payload("Event", record.get("invocationPayload"))
    _print_payload("Result", record.get("returnPayload"))


def _print_payload(title: str, text: str | None) -> None:
    if text is None:
        return
    output.say(f"\n{title}")
    with contextlib.suppress(ValueError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    for line in (text or said("(empty)")).splitlines():
        click.echo(f"  {line}")


def meant_function(home: str, text: str) -> FunctionRef:
    """The function meant, deployed or not: its executions outlive it."""
    from fun_local.store import registry  # costs more than what else `fun executions list` needs

    try:
        return registry.read(home).resolve(text)
    except NotFound:
        service, name, qualifier = parse_function(text)
        if not service:
            raise
        return FunctionRef(service, name, qualifier)
