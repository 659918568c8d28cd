"""How asynchronous invocations of a function and qualifier are treated (fc-api 9)."""

from __future__ import annotations

from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.http.fc import rendering
from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.dialects import Dialect
from fun_local.http.fc.listing import page
from fun_local.http.fc.reading import Body
from fun_local.model import editing
from fun_local.model.names import IMPLICIT_SERVICE, FunctionRef, parse_destination, parse_function
from fun_local.model.resources import MAX_AGE_SECONDS, MAX_RETRIES

FIELDS = ("statefulInvocation", "maxAsyncRetryAttempts", "maxAsyncEventAgeInSeconds", "destinationConfig")


async def put(call: Call) -> Answer:
    call.need()
    written = _written(call.dialect, call.fields)
    deployed = await call.edit(lambda old, now: editing.put_async_config(old, call.ref, written, now))
    return Answer(_shown(call, call.ref, deployed.async_config(call.ref)))


async def get(call: Call) -> Answer:
    call.need()
    return Answer(_shown(call, call.ref, editing.config_of(call.deployed, call.ref)))


async def delete(call: Call) -> Answer:
    call.need()
    await call.edit(lambda old, now: editing.delete_async_config(old, call.ref, now))
    return Answer(status=204)


async def list_all(call: Call) -> Answer:
    """Those of a function, one for each qualifier with its own; in FC 3.0 maybe those of all functions."""
    if call.dialect.has_services:
        paths = {call.need_function().path}
    elif name := call.query.get("functionName"):
        service, dollar, rest = name.partition("$")
        paths = {f"{service}/{rest}" if dollar else f"{IMPLICIT_SERVICE}/{name}"}
    else:
        paths = set(call.deployed.functions)
    refs = [FunctionRef(f.service, f.name) for f in call.deployed.functions.values() if f.async_config]
    for text in call.deployed.async_configs:
        service, function, qualifier = parse_function(text)
        refs.append(FunctionRef(service, function, qualifier))
    return Answer(
        page(
            "configs",
            [ref for ref in refs if ref.path in paths],
            call.query,
            key=lambda ref: f"{ref.path} {ref.qualifier}",
            shown=lambda ref: _shown(call, ref, editing.config_of(call.deployed, ref)),
        )
    )


def _shown(call: Call, ref: FunctionRef, config: Any) -> rendering.Json:
    return rendering.async_config(call.dialect, ref, config, call.deployed.need(ref), call.arn_prefix)


def _written(dialect: Dialect, fields: Body) -> dict[str, Any]:
    """What was sent, in the words of FC 2.0 and in one spelling. Raises InvalidRequest."""
    written: dict[str, Any] = {
        "statefulInvocation": fields.get(dialect.named("statefulInvocation"), bool),
        "maxAsyncRetryAttempts": fields.get("maxAsyncRetryAttempts", int),
        "maxAsyncEventAgeInSeconds": fields.get("maxAsyncEventAgeInSeconds", int),
        "destinationConfig": _destinations(fields),
    }
    fields.whole("maxAsyncRetryAttempts", 0, 0, MAX_RETRIES)
    fields.whole("maxAsyncEventAgeInSeconds", 1, 1, MAX_AGE_SECONDS)
    return {key: value for key, value in written.items() if value is not None}


def _destinations(fields: Body) -> dict[str, dict[str, str]] | None:
    sent = fields.object("destinationConfig")
    if sent is None:
        return None
    destinations: dict[str, dict[str, str]] = {}
    for name in ("onSuccess", "onFailure"):
        target = sent.object(name)
        if target is None:
            continue
        destinations[name] = {}
        arn = target.get("destination", str)
        if arn is not None:
            parse_destination(arn)
            destinations[name] = {"destination": arn}
        elif target.rest(()):
            raise InvalidRequest("InvalidDestinationResources", "destination can't be empty")
    return destinations
