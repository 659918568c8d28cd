"""The endpoint that the vendor's clients are pointed at: one loopback port for every API.

    connection.py: clocks ─▶ this: errors in each API's words ─▶ gate.py: origin, signature, body ─▶ routes

Bound before anything else is opened, so that a port that is taken ends a start at once, and so that functions
can be told the address.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from aiohttp import HttpVersion10, web
from aiohttp.typedefs import Middleware

from fun_local.errors import FunLocalError, Unavailable
from fun_local.http.connection import Busy, Connection
from fun_local.http.errors import status_of
from fun_local.http.gate import ClientGone, Gate, family
from fun_local.http.limits import Limits
from fun_local.http.quick import Door, QuickWay
from fun_local.http.refusals import Family, Refused, rendered
from fun_local.http.web import Visit

log = logging.getLogger(__name__)

#: On every answer while signatures are not checked: whoever looks at one should see it.
INSECURE_HEADER = "X-Fun-Local-Warning"
INSECURE = "insecure_no_auth: signatures are not checked, every program of this machine may do anything here"

#: Connections that wait to be taken while the daemon starts.
_BACKLOG = 128

#: How long what is being answered may take when the daemon ends.
_SHUTDOWN_SECONDS = 1.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound port; ``url`` is what clients are told."""

    socket: socket.socket
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def bind(host: str, port: int) -> Listener:
    """Take the port (0: any free one). Connections wait until ``serve`` takes them.

    Raises:
        Unavailable: somebody else has it, or this machine has no such address.
    """
    family_ = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family_, socket.SOCK_STREAM)
    try:
        # A port whose last connections are being closed is free all the same.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        # At once: two sockets can be bound to one port as long as neither listens.
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _no_port(host, port, error) from None
    return Listener(listening, host, listening.getsockname()[1])


def application(
    routes: Iterable[web.AbstractRouteDef],
    *,
    port: int,
    secrets: Callable[[], Mapping[str, str]],
    limits: Limits,
    now: Callable[[], float] = time.time,
    checks_signatures: bool = True,
    documents: Mapping[str, Callable[[], bytes]] | None = None,
    proven: tuple[str, ...] = (),
    has_session: Callable[[web.Request], bool] = lambda _: False,
    visits: Callable[[web.Request], Visit | None] = lambda _: None,
    apis: Mapping[Family, Handler] | None = None,
) -> web.Application:
    """The routes behind the gate.

    ``apis`` answer all requests of their family, whatever the path.

    No signature is needed for /health and the other ``documents`` (JSON, by path), nor for a GET below one of
    the paths ``proven``, whose handlers look for a proof of their own, nor for what ``has_session``.
    ``visits`` tells the requests that are for functions' URLs: those come before all routes.
    """
    unsigned = {"/health": lambda: b'{"status":"ok"}', **(documents or {})}

    def is_open(request: web.Request) -> bool:
        is_listed = request.path in unsigned or request.path.startswith(proven)
        return is_listed and request.method in ("GET", "HEAD")

    gate = Gate(
        port=port,
        secrets=secrets,
        now=now,
        limits=limits,
        is_open=is_open,
        has_session=has_session,
        checks_signatures=checks_signatures,
    )
    app = web.Application(middlewares=[_answering(f"127.0.0.1:{port}"), _admitting(gate, visits, apis or {})])
    app.add_routes(list(routes))
    for path, document in unsigned.items():
        app.router.add_get(path, _document(document))
    if not checks_signatures:
        app.on_response_prepare.append(_mark_insecure)
    return app


@contextlib.asynccontextmanager
async def serve(
    app: web.Application, listener: Listener, limits: Limits, *, quick: QuickWay | None = None
) -> AsyncIterator[None]:
    """Answer the connections of a listener while the block runs; then close it.

    With a ``quick`` way, what can goes there first.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    server = cast(web.Server, runner.server)  # there is one between setup and cleanup
    loop = asyncio.get_running_loop()

    # Our own count: the server's knows a connection only some turns of the loop after it was taken.
    places: set[Connection | Door] = set()

    def connect() -> asyncio.Protocol:
        if len(places) >= limits.connections:
            return Busy()
        if quick is None:
            return long_way()
        door = Door(quick, limits, lambda: long_way(door), places.discard)
        places.add(door)
        return door

    def long_way(door: Door | None = None) -> Connection:
        connection = Connection(server, limits, loop, gone=places.discard)
        places.add(connection)
        if door is not None:
            places.discard(door)
        return connection

    accepting = await loop.create_server(connect, sock=listener.socket, backlog=_BACKLOG)
    try:
        yield
    finally:
        accepting.close()
        for place in list(places):
            if isinstance(place, Door):
                place.close()
        if quick is not None:
            await _end(quick.tasks)
        await runner.cleanup()


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    """Let what is being taken end; what takes too long is cut off, as aiohttp does on the long way."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_SHUTDOWN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _answering(host_id: str) -> Middleware:
    """The outermost layer: whatever happens inside becomes an answer in the caller's words."""

    @web.middleware
    async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
        if isinstance(request.protocol, Connection):
            request.protocol.head_has_come()
        try:
            if request.version < HttpVersion10:
                raise Refused(400, "InvalidArgument", "this is not a request of HTTP/1.0 or HTTP/1.1")
            return await handler(request)
        except ClientGone:
            return web.Response(status=499)  # nobody reads it
        except Refused as error:
            return _refused(request, error, host_id)
        except FunLocalError as error:
            message = f"{error.message}. {error.hint}" if error.hint else error.message
            return _answer(request, status_of(error), error.code, message, host_id)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            code, message = _unrouted(request, error)
            return _answer(request, 400, code, message, host_id)
        except Exception:
            log.exception("%s %s failed", request.method, _path_in_logs(request))
            text = "an internal error has occurred. See: fun daemon logs"
            return _answer(request, 500, "InternalServerError", text, host_id)

    return answering


def _admitting(
    gate: Gate, visits: Callable[[web.Request], Visit | None], apis: Mapping[Family, Handler]
) -> Middleware:
    @web.middleware
    async def admitting(request: web.Request, handler: Handler) -> web.StreamResponse:
        whose = family(request)
        # An object may be called like the path of a function.
        visit = None if whose is Family.OSS else visits(request)
        admitted = await gate.admit(request, visit)
        return await (visit.answer if visit else apis.get(whose, handler))(admitted)

    return admitting


def _refused(request: web.Request, error: Refused, host_id: str) -> web.Response:
    log.warning(
        "refused %s %s: %s",
        request.method,
        _path_in_logs(request),
        error.message,
        extra={"action": "refuse", "code": error.code},
    )
    answer = _answer(request, error.status, error.code, error.message, host_id)
    if error.code == "RequestTimeout":  # the rest of the body may still come
        answer.force_close()
    return answer


def _path_in_logs(request: web.Request) -> str:
    """As it was sent, so that it stays on its line; without the query, which may hold a signature."""
    return request.raw_path.partition("?")[0][:200]


def _answer(request: web.Request, status: int, code: str, message: str, host_id: str) -> web.Response:
    whose = family(request)
    request_id = uuid.uuid4().hex.upper()[:24] if whose is Family.MNS else str(uuid.uuid4())
    error = rendered(whose, status, code, message, request_id=request_id, host_id=host_id)
    return web.Response(status=error.status, headers=error.headers, body=error.body)


def _unrouted(request: web.Request, error: web.HTTPException) -> tuple[str, str]:
    """Code and message for a path or method that nothing answers (fc-api 16.2, mns 5)."""
    if family(request) is Family.MNS:
        return "InvalidRequestURL", f"{request.method} {request.path} is no operation of MNS"
    if error.status in (404, 405):
        return "PathNotSupported", f"'{request.path}' against '{request.method}' is not supported"
    return "InvalidArgument", error.text or error.reason


def _document(content: Callable[[], bytes]) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=content(), content_type="application/json")

    return answer


async def _mark_insecure(_: web.Request, response: web.StreamResponse) -> None:
    response.headers[INSECURE_HEADER] = INSECURE


def _no_port(host: str, port: int, error: OSError) -> Unavailable:
    if error.errno == errno.EADDRINUSE:
        return Unavailable(
            "PortInUse",
            f"port {port} of {host} is taken by another program, perhaps by the daemon of another home",
            hint="End that program, or choose another port: fun config set port 0 takes any free one.",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unavailable(
            "PortNotAllowed",
            f"this user may not listen on port {port}",
            hint="Choose one above 1023, or any free one: fun config set port 0.",
        )
    return Unavailable(
        "PortUnavailable",
        f"can't listen on {host}:{port}: {error.strerror or error}",
        hint="Choose another address or port: fun config set host 127.0.0.1, fun config set port 0.",
    )
