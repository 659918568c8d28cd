"""Executions as the console shows them: a row of a list, and everything about one."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from heapq import nlargest
from itertools import islice
from typing import Any

from fun_local.emulator import Emulator
from fun_local.errors import NotFound
from fun_local.model.execution import FINAL, Execution, Status
from fun_local.model.names import FunctionRef
from fun_local.model.outcome import outcome_message, target_of
from fun_local.store.documents import Document, from_document, to_document
from fun_local.store.history import History, Query

Json = dict[str, Any]

#: What a row has of a document (store/documents.py).
_ROW = (
    "invocationId",
    "serviceName",
    "functionName",
    "qualifier",
    "status",
    "startedTime",
    "endTime",
    "durationMs",
    "attempts",
    "destinationStatus",
    "invocationErrorMessage",
    "rerunOf",
    "faults",
)

#: What a record leaves out of one: these are shown in another form.
_OWN = ("logs", "invocationPayload", "invocationPayloadEncoding", "returnPayload", "returnPayloadEncoding")

#: Executions of one event.
_MOST_TOLD = 100

#: Executions that are looked through for a request id.
_LOOKED_AT = 5000

#: A longer payload is shown by its beginning.
_MOST_SHOWN = 1024 * 1024


def row(seq: int, document: Document) -> Json:
    """One execution of a list. Of two rows the one with more events (``version``) is newer."""
    shown = {name: document[name] for name in _ROW if name in document}
    return {"seq": seq, "version": _version(len(document["events"]), document["destinationStatus"]), **shown}


def row_of(execution: Execution) -> Json:
    """As ``row``, from what is in memory."""
    function = execution.function
    return {
        "seq": execution.seq,
        "version": _version(len(execution.events), execution.destination_status),
        "invocationId": execution.invocation_id,
        "serviceName": function.service,
        "functionName": function.function,
        "qualifier": function.qualifier,
        "status": execution.status.value,
        "startedTime": execution.accepted_ms,
        "endTime": execution.ended_ms,
        "durationMs": int(execution.duration_ms),
        "attempts": execution.attempts,
        "destinationStatus": execution.destination_status,
        "invocationErrorMessage": execution.error,
        "rerunOf": execution.rerun_of,
        **({"faults": list(execution.faults)} if execution.faults else {}),
    }


def rows_of(executions: Collection[Execution]) -> Json:
    """The newest of some executions, and how many more there are."""
    newest = nlargest(_MOST_TOLD, executions, key=lambda execution: execution.seq)
    return {"rows": [row_of(execution) for execution in newest], "leftOut": len(executions) - len(newest)}


def _version(events: int, destination_status: str) -> int:
    # How the delivery went is noted without an event.
    return 2 * events + bool(destination_status)


def page(history: History, query: Query, limit: int, before: int | None, after: int | None) -> Json:
    """Matches, newest first: the newest, or those next to an execution on one of its sides."""
    ascending = after is not None
    if after is not None:
        start: int | None = after + 1
    else:
        start = before - 1 if before is not None else None
    found = list(islice(history.all(query, start=start, ascending=ascending), limit + 1))
    rows = [row(seq, document) for seq, document in found[:limit]]
    return {"rows": rows[::-1] if ascending else rows, "more": len(found) > limit}


def of_request(history: History, function: FunctionRef, request_id: str, ended_ms: int | None) -> Json:
    """The row of the execution with a request id. Raises NotFound.

    Mostly that is its own id too; else it is looked for among those that had been accepted by its end.
    """
    try:
        return row(*history.find_in(function, request_id))
    except NotFound:
        query = Query(function=function, until_ms=ended_ms)
        for seq, document in islice(history.all(query), _LOOKED_AT):
            if document["requestId"] == request_id:
                return row(seq, document)
        raise


def current(emulator: Emulator, function: FunctionRef, invocation_id: str) -> tuple[int, Execution]:
    """An execution as it is now, wherever it is: in the queue, in memory or on disk. Raises NotFound."""
    seq, execution = emulator.execution(function, invocation_id)
    if execution is not None:
        return seq, execution
    seq, document = emulator.history.find_in(function, invocation_id)

    def read(field: str) -> bytes:
        return emulator.history.payload(seq, document, field) or b""

    return seq, from_document(seq, document, read)


def record(execution: Execution) -> Json:
    """Everything about one execution but its log."""
    document = to_document(execution)
    shown = {name: value for name, value in document.items() if name not in _OWN}
    shown["version"] = _version(len(execution.events), execution.destination_status)
    shown["seq"] = execution.seq
    shown["isFinal"] = execution.status in FINAL
    shown["invocationPayload"] = _text(execution.payload)
    shown["returnPayload"] = None if execution.result is None else _text(execution.result)
    shown["destination"] = _destination(execution)
    return shown


def _text(data: bytes) -> Json:
    """Bytes for people: text where they are any, else base64 as well."""
    part = data[:_MOST_SHOWN]
    shown: Json = {
        "text": part.decode(errors="replace"),
        "size": len(data),
        "isWhole": len(part) == len(data),
    }
    try:
        part.decode()
    except UnicodeDecodeError:
        shown["base64"] = base64.b64encode(part).decode()
    return shown


def _destination(execution: Execution) -> Json | None:
    """Where the outcome goes, how that went, and the message."""
    if not execution.status.is_final or not (address := target_of(execution)):
        return None
    return {
        "address": address,
        "condition": "onSuccess" if execution.status is Status.SUCCEEDED else "onFailure",
        "status": execution.destination_status,
        "message": _text(outcome_message(execution)),
    }


def statuses(names: list[str]) -> frozenset[Status]:
    """Statuses by their names; ``active`` and ``final`` stand for the several. Raises ValueError."""
    groups: Mapping[str, frozenset[Status]] = {"active": frozenset(Status) - FINAL, "final": FINAL}
    found: frozenset[Status] = frozenset()
    for name in names:
        found |= groups.get(name) or {Status(name)}
    return found
