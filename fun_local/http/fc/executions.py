"""Stateful asynchronous invocations of FC 2.0, asynchronous tasks of FC 3.0 (fc-api 13, 14)."""

from __future__ import annotations

from typing import Any

from fun_local.errors import NotFound
from fun_local.http.fc import rendering
from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.listing import limit_of, page
from fun_local.http.fc.reading import choice, flag, whole
from fun_local.model.execution import Status
from fun_local.model.names import FunctionRef, parse_function
from fun_local.store.documents import Document
from fun_local.store.history import Query

#: fc-api 13.3.
_MOST_RETURNED = 1024 * 1024
_LATEST_MS = 2**62


async def get(call: Call) -> Answer:
    seq, document = _find(call)
    return Answer(_shown(call, seq, document, with_payloads=True))


async def stop(call: Call) -> Answer:
    """An object, though there is nothing to say: every client can read that (fc-api 20)."""
    _find(call)
    await call.emulator.stop(call.path["id"], function=call.ref)
    return Answer({})


async def list_all(call: Call) -> Answer:
    ref, query, dialect = call.need().ref, call.query, call.dialect
    status = query.get("status", "")
    order = choice(query.get("sortOrderByTime") or "desc", "sortOrderByTime", ("asc", "desc"))
    found = call.emulator.history.page(
        Query(
            function=ref,
            qualifier=ref.qualifier,
            statuses=frozenset({Status(choice(status, "status", tuple(Status)))} if status else ()),
            prefix=query.get(dialect.named("invocationIdPrefix"), ""),
            since_ms=_time(query, "startedTimeBegin"),
            until_ms=_time(query, "startedTimeEnd"),
        ),
        limit=limit_of(query, dialect.executions_per_page),
        token=query.get("nextToken", ""),
        ascending=order == "asc",
    )
    wanted = query.get("includePayload", "")
    with_payloads = flag(wanted, "includePayload") if wanted else False
    shown = [_shown(call, seq, document, with_payloads=with_payloads) for seq, document in found.documents]
    return Answer({dialect.named("invocations"): shown, "nextToken": found.next_token})


async def list_functions(call: Call) -> Answer:
    """The functions and qualifiers that leave records of their asynchronous calls."""
    functions = call.deployed.functions.values()
    refs = [FunctionRef(f.service, f.name) for f in functions if f.async_config and f.async_config.stateful]
    for text, config in call.deployed.async_configs.items():
        service, function, qualifier = parse_function(text)
        refs += [FunctionRef(service, function, qualifier)] if config.stateful else []
    return Answer(
        page(
            "data",
            refs,
            {**call.query, "limit": "" if call.query.get("limit") == "0" else call.query.get("limit", "")},
            key=lambda ref: f"{ref.path} {ref.qualifier}",
            shown=lambda ref: {
                "serviceName": ref.service,
                "functionName": ref.function,
                "qualifier": ref.qualifier,
            },
        )
    )


def _find(call: Call) -> tuple[int, Document]:
    """The execution in the path. A qualifier that is named must be its own; none means any."""
    call.need()
    seq, document = call.emulator.history.find_in(call.ref, call.path["id"])
    if call.names_qualifier and document["qualifier"] != call.qualifier:
        message = f"no execution of {call.ref} has the id '{call.path['id']}'"
        raise NotFound("StatefulAsyncInvocationNotFound", message)
    return seq, document


def _shown(call: Call, seq: int, document: Document, *, with_payloads: bool) -> rendering.Json:
    payloads: dict[str, Any] = {}
    for name in ("invocationPayload", "returnPayload") if with_payloads else ():
        payload = call.emulator.history.payload(seq, document, name)
        if payload is not None:
            payloads[name] = payload[:_MOST_RETURNED].decode(errors="replace")
    return rendering.execution(call.dialect, document, payloads, call.arn_prefix)


def _time(query: Any, name: str) -> int | None:
    text = query.get(name, "")
    return whole(text, name, 0, _LATEST_MS) if text else None
