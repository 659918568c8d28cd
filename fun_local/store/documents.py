"""An execution as a document: the vendor's field names (fc-api 13.3), and what only we keep.

Ours: ``attempts``, ``throttles``, ``faults``, ``memoryMb``, ``rerunOf``, ``asyncConfig``, ``logs``, and for
payloads that are not short text where they are (``…Encoding``: ``base64``, or ``file`` with the file's size
in the field).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from fun_local.model.execution import Event, Execution, LogSegment, Status
from fun_local.model.names import FunctionRef

Document = dict[str, Any]

#: A longer payload lies in a file of its own: a bucket is rewritten at every change of one of its
#: executions, and that must stay cheap.
INLINE_BYTES = 4096


def to_document(execution: Execution) -> Document:
    """The document of a record. Long payloads are left to ``store.executions`` (see ``is_long``)."""
    document: Document = {
        "invocationId": execution.invocation_id,
        "requestId": execution.request_id,
        "serviceName": execution.function.service,
        "functionName": execution.function.function,
        "qualifier": execution.function.qualifier,
        "status": execution.status.value,
        "startedTime": execution.accepted_ms,
        "endTime": execution.ended_ms,
        "durationMs": int(execution.duration_ms),
        "alreadyRetriedTimes": execution.retries,
        "instanceId": execution.instance_id,
        "destinationStatus": execution.destination_status,
        "invocationErrorMessage": execution.error,
        "events": [
            {"eventId": e.id, "status": e.status.value, "timestamp": e.time_ms, "eventDetail": e.detail}
            for e in execution.events
        ],
        "attempts": execution.attempts,
        "memoryMb": round(execution.memory_mb, 2),
        "rerunOf": execution.rerun_of,
        "asyncConfig": execution.config.to_dict(),
        "logs": [[s.file, s.start, s.end] for s in execution.logs],
    }
    if execution.throttles:
        document["throttles"] = execution.throttles
    if execution.faults:
        document["faults"] = list(execution.faults)
    _put_bytes(document, "invocationPayload", execution.payload)
    if execution.result is not None:
        _put_bytes(document, "returnPayload", execution.result)
    return document


def is_long(data: bytes | None) -> bool:
    """Whether a payload lies in a file of its own."""
    return data is not None and len(data) > INLINE_BYTES


def _put_bytes(document: Document, field: str, data: bytes) -> None:
    if is_long(data):
        document[field], document[f"{field}Encoding"] = len(data), "file"
        return
    try:
        document[field] = data.decode()
    except UnicodeDecodeError:
        document[field] = base64.b64encode(data).decode()
        document[f"{field}Encoding"] = "base64"


def get_bytes(document: Document, field: str, read_file: Callable[[], bytes]) -> bytes | None:
    """A payload as it was, or None where the document has none."""
    if field not in document:
        return None
    encoding = document.get(f"{field}Encoding")
    if encoding == "file":
        return read_file()
    value: str = document[field]
    return base64.b64decode(value) if encoding == "base64" else value.encode()


def from_document(seq: int, document: Document, read_file: Callable[[str], bytes]) -> Execution:
    """The record of a document. ``read_file(field)`` gives a long payload."""
    from fun_local.model.resources import AsyncConfig  # costly, and readers make no records

    get = document.get
    payload = get_bytes(document, "invocationPayload", lambda: read_file("invocationPayload"))
    return Execution(
        seq=seq,
        invocation_id=document["invocationId"],
        request_id=document["requestId"],
        function=FunctionRef(document["serviceName"], document["functionName"], document["qualifier"]),
        accepted_ms=document["startedTime"],
        payload=payload or b"",
        status=Status(document["status"]),
        events=tuple(
            Event(e["eventId"], Status(e["status"]), e["timestamp"], e["eventDetail"])
            for e in document["events"]
        ),
        attempts=get("attempts", 0),
        throttles=get("throttles", 0),
        config=AsyncConfig.from_dict(get("asyncConfig") or {}),
        ended_ms=get("endTime", 0),
        duration_ms=get("durationMs", 0),
        memory_mb=get("memoryMb", 0.0),
        error=get("invocationErrorMessage", ""),
        result=get_bytes(document, "returnPayload", lambda: read_file("returnPayload")),
        instance_id=get("instanceId", ""),
        destination_status=get("destinationStatus", ""),
        logs=tuple(LogSegment(*segment) for segment in get("logs", ())),
        rerun_of=get("rerunOf", ""),
        faults=tuple(get("faults", ())),
    )
