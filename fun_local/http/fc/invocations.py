"""InvokeFunction (fc-api 11): the body is the event, whatever it is; everything else is in headers."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import orjson

from fun_local import accept
from fun_local.emulator import Emulator
from fun_local.http.fc.call import Answer, Call, Context
from fun_local.http.fc.dialects import Dialect
from fun_local.http.fc.reading import choice, flag, whole
from fun_local.model.names import FunctionRef
from fun_local.model.outcome import Result
from fun_local.model.resources import Function

#: Either spelling, in all versions (fc-api 11.1).
_ID_HEADERS = ("X-Fc-Stateful-Async-Invocation-Id", "X-Fc-Async-Task-Id")
_ENABLE = "X-Fc-Stateful-Async-Invocation-Enable"
_DELAY = "X-Fc-Async-Delay"

REQUEST_HEADERS = ("X-Fc-Invocation-Type", "X-Fc-Log-Type", "X-Fc-Trace-Id", *_ID_HEADERS, _ENABLE, _DELAY)


async def invoke(call: Call) -> Answer:
    function = call.need()
    kind = choice(call.headers.get("X-Fc-Invocation-Type") or "Sync", "InvocationType", ("Sync", "Async"))
    # An asynchronous call has no answer that a log could be in.
    logs = ("Tail", "None") if kind == "Sync" else ("None",)
    log_type = choice(call.headers.get("X-Fc-Log-Type") or "None", "LogType", logs)
    if kind == "Async":
        headers = await accepted(
            call.emulator,
            call.dialect,
            call.ref,
            call.body,
            headers=call.headers,
            request_id=call.request_id,
        )
        return Answer(status=202, headers=headers)
    return await answered(
        call.emulator,
        call.context,
        function,
        call.body,
        qualifier=call.qualifier,
        request_id=call.request_id,
        wants_log=log_type == "Tail",
    )


async def answered(
    emulator: Emulator,
    context: Context,
    function: Function,
    payload: bytes,
    *,
    qualifier: str,
    request_id: str,
    wants_log: bool = False,
) -> Answer:
    """Run a function and wait for it. Raises as Emulator.invoke."""
    result, log = await emulator.invoke(
        function.path, payload, qualifier=qualifier, request_id=request_id, wants_log=wants_log
    )
    headers = measured(context, function, result)
    if wants_log:
        # Never empty: Funcraft shows the result only beside a log (wire 3.1).
        headers["X-Fc-Log-Result"] = base64.b64encode(log or b"\n").decode()
    if result.is_success:
        return Answer(result.payload, headers=headers)
    headers["X-Fc-Error-Type"] = result.error_type
    body, content_type = error_body(result.payload)
    return Answer(body, headers=headers, content_type=content_type)


async def accepted(
    emulator: Emulator,
    dialect: Dialect,
    ref: FunctionRef,
    payload: bytes,
    *,
    headers: Mapping[str, str],
    request_id: str,
) -> dict[str, str]:
    """Accept an asynchronous invocation as its headers say; the headers of the answer."""
    enable = headers.get(_ENABLE, "")
    delay = headers.get(_DELAY, "")
    message = await emulator.invoke_async(
        ref.path,
        payload,
        qualifier=ref.qualifier,
        request_id=request_id,
        invocation_id=next((headers[name] for name in _ID_HEADERS if headers.get(name)), ""),
        delay_seconds=whole(delay, _DELAY, 0, accept.MAX_DELAY_SECONDS) if delay else 0,
        # It can switch task mode on for this call; what is configured it does not switch off (fc-api 1.2).
        stateful=True if enable and flag(enable, _ENABLE) else None,
    )
    shown = {dialect.id_header: message.invocation_id} if message.stateful else {}
    return {**shown, "X-Fc-Request-Id": message.request_id}


def measured(context: Context, function: Function, result: Result) -> dict[str, str]:
    """What the headers of an answer say of an attempt."""
    headers = {
        "X-Fc-Invocation-Duration": str(int(result.duration_ms)),
        "X-Fc-Max-Memory-Usage": f"{result.memory_mb:.2f}",
        "X-Fc-Invocation-Service-Version": function.version or function.qualifier,
    }
    if result.instance_id:
        headers["X-Fc-Instance-Id"] = result.instance_id
    # Only where it is known already: to make an archive takes longer than most calls.
    if archive := context.archives.known(function.code):
        headers["X-Fc-Code-Checksum"] = archive.checksum
    return headers


def error_body(payload: bytes) -> tuple[bytes, str]:
    """An error as clients can read it: a JSON object, or text that is no JSON at all (fc-api 3.2)."""
    try:
        value = orjson.loads(payload)
    except ValueError:
        return payload, "application/octet-stream"
    if not isinstance(value, dict):
        payload = orjson.dumps({"errorMessage": payload.decode(errors="replace")})
    return payload, "application/json"
