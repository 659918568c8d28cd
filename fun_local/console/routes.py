"""What the console asks beyond the vendor's APIs. JSON out; anybody may ask who signs as for those."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from fun_local import __version__
from fun_local.console import logs, pages, records, samples
from fun_local.console.health import HealthReader
from fun_local.console.records import current, record, statuses
from fun_local.console.sessions import KEY_HEADER, SESSION_SECONDS, Sessions
from fun_local.console.stream import Stream
from fun_local.emulator import Emulator
from fun_local.errors import InvalidRequest
from fun_local.http.answers import accepted
from fun_local.http.refusals import Refused
from fun_local.model.execution import Status
from fun_local.model.names import LATEST, FunctionRef, parse_function
from fun_local.store.history import Query

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SESSION = "/console/session"
_MOST_ROWS = 200
_NO_STORE = {"Cache-Control": "no-store"}

#: Seconds that an answer about health serves everybody.
_HEALTH_SECONDS = 1.0


def routes(
    emulator: Emulator, home: str, sessions: Sessions, *, region: str, account_id: str
) -> list[web.RouteDef]:
    """The page, its session, and /local/…"""
    asked = _Asked(emulator, home, region, account_id)
    return [
        web.post(_SESSION, lambda request: _open(sessions, request)),
        *pages.routes(),
        web.get("/local/status", asked.status),
        web.get("/local/executions", asked.executions),
        web.get("/local/execution", asked.execution),
        web.get("/local/find", asked.find),
        web.get("/local/log", asked.log),
        web.get("/local/health", asked.health),
        web.get("/local/samples", asked.samples),
        web.get("/local/events", asked.events),
        web.post("/local/retry", asked.retry),
        web.post("/local/purge", asked.purge),
    ]


def session_checker(sessions: Sessions) -> Callable[[web.Request], bool]:
    """Tells the requests that need no signature because they are a session's, or are to open one.

    Raises Refused for one that claims a session and has none.
    """

    def has_session(request: web.Request) -> bool:
        if request.path == _SESSION and request.method == "POST":
            return True  # what it brings is looked at by its handler
        key = request.headers.get(KEY_HEADER)
        if key is None:
            return False
        if sessions.proves(request.cookies.get(sessions.cookie_name, ""), key):
            return True
        raise Refused(401, "SessionExpired", "this console's session is over: open it again with fun console")

    return has_session


async def _open(sessions: Sessions, request: web.Request) -> web.StreamResponse:
    session = sessions.open(str((await _body(request)).get("token", "")))
    if session is None:
        raise Refused(401, "LinkExpired", "this link was used or is too old: get a new one with fun console")
    response = _json({"key": session.key})
    response.set_cookie(
        sessions.cookie_name,
        session.cookie,
        max_age=SESSION_SECONDS,
        path="/",
        httponly=True,
        samesite="Strict",
    )
    return response


class _Asked:
    """The questions, over what answers them."""

    def __init__(self, emulator: Emulator, home: str, region: str, account_id: str) -> None:
        self._emulator = emulator
        # The daemon's own folder is the home; threads and later changes of it must not matter.
        self._home = os.path.abspath(home)
        self._region = region
        self._account_id = account_id
        self._health_reader = HealthReader(self._home)
        self._health_lock = asyncio.Lock()
        self._health: dict[int, tuple[float, Json]] = {}

    async def status(self, _: web.Request) -> web.StreamResponse:
        return _json(
            {
                "version": __version__,
                "home": self._home,
                "region": self._region,
                "accountId": self._account_id,
                **self._emulator.counts(),
                "faults": [
                    {"function": rule.function, "fault": str(rule.fault), "rate": rule.rate}
                    for rule in self._emulator.faults.rules
                ],
            }
        )

    async def executions(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        function = query.get("function", "")
        wanted = Query(
            function=_function(function) if function else None,
            qualifier=query.get("qualifier", ""),
            statuses=_statuses(query.getall("status", [])),
            prefix=query.get("prefix", ""),
            since_ms=_whole(query, "since"),
            until_ms=_whole(query, "until"),
        )
        before, after = _whole(query, "before"), _whole(query, "after")
        limit = min(_whole(query, "limit") or 50, _MOST_ROWS)
        page = await asyncio.to_thread(records.page, self._emulator.history, wanted, limit, before, after)
        return _json(page)

    async def find(self, request: web.Request) -> web.StreamResponse:
        """The execution that a message of a destination speaks of: those name its request, not its id."""
        function = _function(request.query.get("function", ""))
        request_id, ended_ms = request.query.get("requestId", ""), _whole(request.query, "endTime")
        history = self._emulator.history
        return _json(await asyncio.to_thread(records.of_request, history, function, request_id, ended_ms))

    async def execution(self, request: web.Request) -> web.StreamResponse:
        _, execution = current(self._emulator, *_named(request))
        return _json(record(execution))

    async def log(self, request: web.Request) -> web.StreamResponse:
        _, execution = current(self._emulator, *_named(request))
        start, end = _whole(request.query, "start"), _whole(request.query, "end")
        part = await asyncio.to_thread(logs.read, self._home, execution, start, end)
        return _json(
            {
                "start": part.start,
                "end": part.end,
                "size": part.size,
                "text": part.text,
                "attempts": part.attempts,
            }
        )

    async def health(self, request: web.Request) -> web.StreamResponse:
        seconds = max(60, min(_whole(request.query, "seconds") or 3600, 7 * 86_400))
        async with self._health_lock:
            known = self._health.get(seconds)
            if known is None or time.monotonic() - known[0] > _HEALTH_SECONDS:
                now_ms = time.time_ns() // 1_000_000
                since_ms = now_ms - seconds * 1000
                found, is_whole = await asyncio.to_thread(self._health_reader.read, since_ms, now_ms)
                shown = {path: health.to_dict() for path, health in found.items()}
                answer = {"since": since_ms, "until": now_ms, "isWhole": is_whole, "functions": shown}
                known = time.monotonic(), answer
                self._health = {seconds: known}
        return _json(known[1])

    async def samples(self, request: web.Request) -> web.StreamResponse:
        function = _function(request.query.get("function", ""))
        sent = samples.of_triggers(
            self._emulator.deployed,
            function,
            region=self._region,
            account_id=self._account_id,
            now_ms=time.time_ns() // 1_000_000,
        )
        last = await asyncio.to_thread(samples.of_history, self._emulator.history, function)
        return _json({"triggers": sent, "last": last})

    async def events(self, request: web.Request) -> web.StreamResponse:
        watched = _named(request) if "id" in request.query else None
        if watched:
            self._emulator.execution(*watched)  # what is not there is told by a status, not in a stream
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", **_NO_STORE, "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        stream = Stream(self._emulator, self._home, response, watched, _whole(request.query, "logStart") or 0)
        with contextlib.suppress(ConnectionError):  # the page was closed
            await stream.run(request.headers.get("Last-Event-ID", ""))
        return response

    async def retry(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        payload: bytes | None = None
        if "payloadBase64" in body:
            try:
                payload = base64.b64decode(str(body["payloadBase64"]), validate=True)
            except (ValueError, binascii.Error):
                raise InvalidRequest("InvalidArgument", "payloadBase64 is not base64") from None
        elif "payload" in body:
            payload = str(body["payload"]).encode()
        function = _function(str(body.get("function", "")))
        message = await self._emulator.retry(str(body.get("id", "")), payload=payload, function=function)
        return _json(accepted(message))

    async def purge(self, request: web.Request) -> web.StreamResponse:
        name = str((await _body(request)).get("queue", ""))
        return _json({"deleted": await self._emulator.mns.purge(name)})


def _named(request: web.Request) -> tuple[FunctionRef, str]:
    """The execution that ``function`` and ``id`` of the query name."""
    return _function(request.query.get("function", "")), request.query.get("id", "")


def _function(text: str) -> FunctionRef:
    """A function by its path, deployed or not: its executions outlive it. Raises InvalidRequest."""
    service, name, _ = parse_function(text)
    if not service:
        raise InvalidRequest("InvalidArgument", f"function must be service/function, not {text!r}")
    return FunctionRef(service, name, LATEST)


def _statuses(names: list[str]) -> frozenset[Status]:
    try:
        return statuses(names)
    except ValueError:
        known = ", ".join(["active", "final", *Status])
        raise InvalidRequest("InvalidArgument", f"status must be one of {known}") from None


def _whole(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidRequest("InvalidArgument", f"{name} must be a whole number, not {text[:40]!r}")
    return int(text)


async def _body(request: web.Request) -> Json:
    try:
        body = orjson.loads(await request.read())
    except ValueError as error:
        raise InvalidRequest("InvalidArgument", f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise InvalidRequest("InvalidArgument", "the body must be a JSON object")
    return body


def _json(body: Any) -> web.Response:
    return web.Response(body=orjson.dumps(body), headers=_NO_STORE, content_type="application/json")
