"""Executions outside of a home: one line of JSON each, payloads and all, in the vendor's field names.

    {"format": 1, "invocationId": "…", "serviceName": "…", …, "invocationPayload": "…"}

A payload that is not text is in base64, with ``"invocationPayloadEncoding": "base64"`` (``returnPayload``
likewise). Logs stay behind: they belong to instances.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.model.execution import Execution
from fun_local.model.names import FunctionRef, check_name
from fun_local.store import buckets, database
from fun_local.store.buckets import bucket_of
from fun_local.store.documents import Document, from_document

#: Raised when older versions could not read a line any more.
FORMAT = 1

#: What an execution is known by: its id and its function's path.
Key = tuple[str, str, str]

_PAYLOADS = ("invocationPayload", "returnPayload")

_TEXTS = ("invocationId", "requestId", "serviceName", "functionName", "qualifier", "status")

#: Ids that callers choose, and request ids, which may start with a digit.
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def to_line(document: Document, payload: Callable[[str], bytes | None]) -> bytes:
    """The line of an execution. ``payload(field)`` gives a payload as it was, None where there is none."""
    record: dict[str, Any] = {"format": FORMAT}
    record |= {key: value for key, value in document.items() if key not in ("logs", *_PAYLOADS)}
    for field in _PAYLOADS:
        record.pop(f"{field}Encoding", None)
        if (data := payload(field)) is None:
            continue
        try:
            record[field] = data.decode()
        except UnicodeDecodeError:
            record[field] = base64.b64encode(data).decode()
            record[f"{field}Encoding"] = "base64"
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def parse_line(line: bytes) -> dict[str, Any]:
    """The record in a line. Raises InvalidRequest when it is none, or a newer version's."""
    try:
        record = json.loads(line)
    except ValueError as error:
        raise _refused(f"not JSON ({error})") from None
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise _refused("not an exported execution (there is no format)")
    if record["format"] > FORMAT:
        raise _refused(f"format {record['format']}, this version knows up to {FORMAT}")
    return record


def read(record: Mapping[str, Any]) -> Execution:
    """The execution of a record; it has no place in a home yet.

    Raises:
        InvalidRequest: the record is not whole, or its execution has not ended.
    """
    try:
        for field in _TEXTS:
            if not isinstance(record[field], str):
                raise TypeError(f"{field} is not text")
        execution = from_document(0, {**record, "logs": ()}, _no_file)
        _check_numbers(execution)
    except InvalidRequest:
        raise
    except KeyError as error:
        raise _refused(f"not a whole record: {error.args[0]} is missing") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise _refused(f"not a record: {error}") from None
    if not _ID.fullmatch(execution.invocation_id):
        raise _refused(f"{execution.invocation_id!r} is not an invocation id")
    check_name("service", execution.function.service)
    check_name("function", execution.function.function)
    if not execution.status.is_final:
        raise _refused(f"execution {execution.invocation_id} is {execution.status}: it has not ended")
    return execution


def key_of(execution: Execution) -> Key:
    return execution.invocation_id, execution.function.service, execution.function.function


def taken(home: str, keys: Sequence[Key]) -> set[Key]:
    """Those of the keys that executions of a home have. Needs no daemon."""
    try:
        connection = database.connect(home, read_only=True)
    except FileNotFoundError:
        return set()
    with contextlib.closing(connection):
        held = _held(connection, home, keys)
    return {key for key, (_, is_held) in zip(keys, held, strict=True) if is_held}


def claim(connection: sqlite3.Connection, home: str, keys: Sequence[Key]) -> list[int | None]:
    """A number for each execution that is to be put into a home, its id then in use; None where it was.

    An id that a crash left without its record is given the same number again: then the record is saved.
    """
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchone()
    last = row[0] if row else 0
    claimed: list[int | None] = []
    seen: set[Key] = set()
    for key, (noted, is_held) in zip(keys, _held(connection, home, keys), strict=True):
        if is_held or key in seen:
            claimed.append(None)
            continue
        seen.add(key)
        if noted is None:
            last += 1
            connection.execute("INSERT INTO ids VALUES (?, ?, ?, ?)", (*key, last))
        claimed.append(last if noted is None else noted)
    # Numbers of messages and of these are of one kind: none is given twice.
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'messages'")
    connection.execute("INSERT INTO sqlite_sequence VALUES ('messages', ?)", (last,))
    return claimed


def _held(connection: sqlite3.Connection, home: str, keys: Iterable[Key]) -> list[tuple[int | None, bool]]:
    """For each key the number it is noted with, and whether a message or a record is really there."""
    known: dict[int, set[int]] = {}
    found: list[tuple[int | None, bool]] = []
    for key in keys:
        row = connection.execute(
            "SELECT seq FROM ids WHERE id = ? AND service = ? AND function = ?", key
        ).fetchone()
        if row is None:
            found.append((None, False))
            continue
        seq = int(row[0])
        number = bucket_of(seq)
        if number not in known:
            known[number] = set(buckets.read_bucket(buckets.bucket_path(home, number)))
        is_waiting = connection.execute("SELECT 1 FROM messages WHERE seq = ?", (seq,)).fetchone()
        found.append((seq, seq in known[number] or is_waiting is not None))
    return found


def _check_numbers(execution: Execution) -> None:
    numbers = (
        execution.accepted_ms,
        execution.ended_ms,
        execution.duration_ms,
        execution.memory_mb,
        execution.attempts,
        *(event.time_ms for event in execution.events),
    )
    if not all(isinstance(n, int | float) and not isinstance(n, bool) and 0 <= n < 1 << 53 for n in numbers):
        raise TypeError("a number is not one, or out of bounds")
    if not isinstance(execution.function, FunctionRef) or not isinstance(execution.error, str):
        raise TypeError("invocationErrorMessage is not text")


def _no_file(field: str) -> bytes:
    raise ValueError(f"{field} is said to be in a file of its own")


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(
        "InvalidRecord", message, hint="Import takes what fun executions export has written."
    )
