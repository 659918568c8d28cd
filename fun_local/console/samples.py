"""Events to submit: what the triggers of a function would send, and what it was called with before."""

from __future__ import annotations

import uuid
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.model.deployed import Deployed
from fun_local.model.names import FunctionRef
from fun_local.model.occasion import Around
from fun_local.model.samples import sample
from fun_local.store.history import History, Query

Json = dict[str, Any]

#: Executions looked at for different payloads.
_LOOKED_AT = 100
_MOST_PAYLOADS = 5

#: A longer one is no help in an editor.
_MOST_BYTES = 64 * 1024


def of_triggers(
    deployed: Deployed, function: FunctionRef, *, region: str, account_id: str, now_ms: int
) -> list[Json]:
    """A sample event for each trigger of a function whose events are known."""
    around = Around(region, account_id, str(uuid.uuid4()), now_ms)
    found = []
    for trigger in deployed.triggers.values():
        if trigger.function_path != function.path:
            continue
        try:
            event = sample(trigger, around)
            text = event.shown or event.payload.decode()
        except (InvalidRequest, UnicodeDecodeError):
            continue
        found.append({"name": trigger.name, "type": trigger.type, "payload": text, "note": event.note})
    return found


def of_history(history: History, function: FunctionRef) -> list[Json]:
    """The last different payloads of a function, newest first, as far as they are text of some length."""
    found: dict[str, Json] = {}
    for seq, document in history.page(Query(function=function), limit=_LOOKED_AT).documents:
        data = history.payload(seq, document) or b""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        if len(data) <= _MOST_BYTES and text not in found:
            found[text] = {
                "invocationId": document["invocationId"],
                "startedTime": document["startedTime"],
                "payload": text,
            }
        if len(found) == _MOST_PAYLOADS:
            break
    return list(found.values())
