"""The daemon's HTTP server on its Unix socket: who can open that file is its owner.

POST /invocations/{function}    raw payload; the vendor's X-Fc-… headers, and our X-Fun-Fault
POST /local/{operation}         JSON in, JSON out: operations.py, and what the daemon adds
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from fun_local import accept
from fun_local.emulator import Emulator
from fun_local.errors import FunLocalError, InvalidRequest
from fun_local.http.answers import accepted
from fun_local.http.errors import body_of, status_of
from fun_local.http.operations import OPERATIONS

log = logging.getLogger(__name__)

#: Operations of the daemon's own, which no use case of the emulator's answers.
Own = Mapping[str, Callable[..., Awaitable[dict[str, Any]]]]

#: A deploy of 1,000 functions is some megabytes; a sync payload 32 MB.
_MAX_BODY = accept.MAX_SYNC_PAYLOAD + 1024


@contextlib.asynccontextmanager
async def serve(
    emulator: Emulator, path: str, shut_down: Callable[[], None], own: Own
) -> AsyncIterator[None]:
    """Serve while the block runs. ``path`` is the Unix socket's."""
    app = web.Application(client_max_size=_MAX_BODY, middlewares=[_errors])
    app.router.add_post("/invocations/{function:.+}", lambda request: _invoke(emulator, request))
    app.router.add_post("/local/{operation}", lambda request: _operate(emulator, shut_down, own, request))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        old_mask = os.umask(0o177)
        try:
            await web.UnixSite(runner, path).start()
        finally:
            os.umask(old_mask)
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        await runner.cleanup()


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except FunLocalError as error:
        return _json(body_of(error), status_of(error))
    except web.HTTPException as error:
        return _json({"error": {"code": error.reason, "message": error.text or "", "hint": ""}}, error.status)
    except Exception as error:
        log.exception("%s %s failed", request.method, request.path)
        message = f"an internal error has occurred ({type(error).__name__}: {error})"
        hint = "See: fun daemon logs"
        return _json({"error": {"code": "InternalServerError", "message": message, "hint": hint}}, 500)


async def _invoke(emulator: Emulator, request: web.Request) -> web.Response:
    headers = request.headers
    kind = headers.get("X-Fc-Invocation-Type", "Sync").lower()
    function = request.match_info["function"]
    qualifier = request.query.get("qualifier", "")
    request_id = headers.get("X-Fc-Trace-Id", "")
    payload = await request.read()
    if kind == "async":
        message = await emulator.invoke_async(
            function,
            payload,
            qualifier=qualifier,
            request_id=request_id,
            invocation_id=headers.get("X-Fc-Stateful-Async-Invocation-Id", ""),
            delay_seconds=_whole(headers.get("X-Fc-Async-Delay", "0")),
            stateful=_switched_on(headers.get("X-Fc-Stateful-Async-Invocation-Enable", "false")),
            fault=headers.get("X-Fun-Fault", ""),
        )
        return _json(accepted(message), 202, {"X-Fc-Stateful-Async-Invocation-Id": message.invocation_id})
    if kind != "sync":
        raise InvalidRequest("InvalidArgument", f"invocation type must be Sync or Async, not {kind!r}")
    wants_log = headers.get("X-Fc-Log-Type", "None").lower() == "tail"
    result, log_tail = await emulator.invoke(
        function,
        payload,
        qualifier=qualifier,
        request_id=request_id,
        fault=headers.get("X-Fun-Fault", ""),
        wants_log=wants_log,
    )
    answer = {
        "X-Fc-Request-Id": request_id,
        "X-Fc-Instance-Id": result.instance_id,
        "X-Fc-Invocation-Duration": str(int(result.duration_ms)),
        "X-Fc-Max-Memory-Usage": f"{result.memory_mb:.2f}",
    }
    if wants_log:
        answer["X-Fc-Log-Result"] = base64.b64encode(log_tail).decode()
    if result.error_type:
        answer["X-Fc-Error-Type"] = result.error_type
    return web.Response(body=result.payload, headers=answer)


async def _operate(
    emulator: Emulator, shut_down: Callable[[], None], own: Own, request: web.Request
) -> web.Response:
    name = request.match_info["operation"]
    if name == "shutdown":
        shut_down()
        return _json({})
    operation = OPERATIONS.get(name)
    if operation is None and name not in own:
        raise InvalidRequest("PathNotSupported", f"there is no operation {name!r}")
    try:
        arguments = orjson.loads(await request.read() or b"{}")
    except ValueError as error:
        raise InvalidRequest("InvalidArgument", f"the body is not JSON: {error}") from None
    if operation is None:
        return _json(await own[name](**arguments))
    return _json(await operation(emulator, **arguments))


def _switched_on(text: str) -> bool | None:
    """Task mode for one call (fc-api 11.1): "true" turns it on, "false", the default, leaves all as it is."""
    if text.lower() not in ("true", "false"):
        raise InvalidRequest(
            "InvalidArgument", f"X-Fc-Stateful-Async-Invocation-Enable must be true or false, not {text!r}"
        )
    return True if text.lower() == "true" else None


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise InvalidRequest("InvalidArgument", f"delay {text!r} is not a whole number of seconds")
    return int(text)


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(body), status=status, headers=headers, content_type="application/json"
    )
