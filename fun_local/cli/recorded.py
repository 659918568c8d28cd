"""Recorded invocations, ours or the cloud's, as calls to be made again."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fun_local import accept
from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.names import IMPLICIT_SERVICE, LATEST
from fun_local.store import registry

#: Where the vendor's versions have the same (fc-api 13.3 and 14).
_IDS = ("invocationId", "taskId")
_PAYLOADS = ("invocationPayload", "taskPayload")
_LISTS = ("invocations", "tasks")


@dataclass(frozen=True, slots=True)
class Call:
    """An invocation to be made: of which function, with what, and the id of the one it repeats."""

    function: str
    qualifier: str
    payload: bytes
    original: str


def calls(file: str, content: bytes, ids: Sequence[str], function: str, qualifier: str) -> list[Call]:
    """The calls of a file's records, or of those whose ids begin with one of ``ids``.

    ``function`` and ``qualifier`` stand for the recorded ones.

    Raises:
        InvalidRequest: something in the file is no record of an invocation, or lacks its event.
        NotFound: no record has one of the ids.
    """
    found = []
    left = set(ids)
    for place, record in _records(file, content):
        original = _first(record, _IDS)
        wanted = {id for id in ids if original.startswith(id)}
        if ids and not wanted:
            continue
        left -= wanted
        called, recorded_qualifier = _function(record)
        if not function and not called:
            hint = "Say which one to invoke: --function NAME."
            raise InvalidRequest("InvalidRecord", f"{place} names no function", hint=hint)
        found.append(
            Call(
                function or called,
                qualifier if function else recorded_qualifier,
                _payload(place, record),
                original,
            )
        )
    if left:
        message = f"no record in {file} has the id {min(left)!r}"
        raise NotFound(
            "StatefulAsyncInvocationNotFound", message, hint="Leave ids out to replay all of them."
        )
    return found


def make(home: str, calls: Sequence[Call]) -> list[dict[str, str]]:
    """Make calls, each of which leaves a record; the new ids, and those of the originals.

    Raises:
        FunLocalError: one of them can't be accepted; then none has been made.
    """
    from fun_local.cli.client import Client
    from fun_local.cli.invk import put
    from fun_local.invk import new_request_id

    deployed = registry.read(home)
    now_ms = time.time_ns() // 1_000_000
    for call in calls:
        try:
            accept.draft(
                deployed, call.function, call.payload, now_ms=now_ms, request_id="", qualifier=call.qualifier
            )
        except NotFound as error:
            hint = f"{error.hint} To invoke another function instead: --function NAME.".strip()
            raise NotFound(error.code, error.message, hint=hint) from None
    done = []
    for call in calls:
        message = put(
            home,
            call.function,
            call.payload,
            request_id=new_request_id(),
            no_daemon=True,
            qualifier=call.qualifier,
            stateful=True,
            rerun_of=call.original,
        )
        done.append({"invocationId": message.invocation_id, "replayOf": call.original})
    if done:
        Client(home).nudge_or_spawn()
    return done


def _records(file: str, content: bytes) -> list[tuple[str, dict[str, Any]]]:
    """The records of a file, with where they stand: one per line, or all in one document of JSON."""
    try:
        whole = json.loads(content)
    except ValueError:
        return [
            (f"{file}:{number}", _object(f"{file}:{number}", line))
            for number, line in enumerate(content.splitlines(), start=1)
            if line.strip()
        ]
    if isinstance(whole, dict):
        if isinstance(whole.get("body"), dict):  # as SDKs print an answer
            whole = whole["body"]
        whole = next((whole[key] for key in _LISTS if isinstance(whole.get(key), list)), [whole])
    if not isinstance(whole, list) or not all(isinstance(record, dict) for record in whole):
        raise InvalidRequest("InvalidRecord", f"{file} holds no records of invocations")
    return [(f"{file}, record {number}", record) for number, record in enumerate(whole, start=1)]


def _object(place: str, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise InvalidRequest("InvalidRecord", f"{place} is not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InvalidRequest("InvalidRecord", f"{place} is no record of an invocation")
    return record


def _first(record: dict[str, Any], keys: Sequence[str]) -> str:
    return next((value for key in keys if isinstance(value := record.get(key), str)), "")


def _function(record: dict[str, Any]) -> tuple[str, str]:
    """The recorded function, empty when none is named, and its qualifier."""
    service, name = record.get("serviceName"), record.get("functionName")
    qualifier = record.get("qualifier")
    if not isinstance(name, str):
        # FC 3.0: acs:fc:REGION:ACCOUNT:functions/NAME (fc-api 9.3).
        name = _first(record, ("functionArn",)).rpartition("functions/")[2].partition("/")[0]
        service = None
    if not name:
        return "", ""
    path = f"{service if isinstance(service, str) and service else IMPLICIT_SERVICE}/{name}"
    return path, qualifier if isinstance(qualifier, str) and qualifier else LATEST


def _payload(place: str, record: dict[str, Any]) -> bytes:
    for key in _PAYLOADS:
        text = record.get(key)
        if isinstance(text, str):
            try:
                is_encoded = record.get(f"{key}Encoding") == "base64"
                return base64.b64decode(text, validate=True) if is_encoded else text.encode()
            except ValueError:
                raise InvalidRequest("InvalidRecord", f"{place}: {key} is not base64") from None
    raise InvalidRequest(
        "InvalidRecord",
        f"{place} holds no event",
        hint="Lists hold them only when asked: includePayload=true.",
    )
