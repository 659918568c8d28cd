"""A request goes to its function; what the function answers goes to the client (fc-api 12, runtime.md 5.8).

The vendor makes browsers save what a function answers at its own address instead of showing it. We don't:
who tries a function out wants to see it.
"""

from __future__ import annotations

import base64
import logging
import time
from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDict

from fun_local.emulator import Emulator
from fun_local.errors import FunLocalError
from fun_local.http.fc import invocations
from fun_local.http.fc.call import Context, request_id_of
from fun_local.http.fc.dialects import FC_2016, FC_2023, Dialect
from fun_local.http.fc.errors import message_of, status_and_code
from fun_local.http.fc.reading import choice
from fun_local.http.fc.routes import new_request_id
from fun_local.http.refusals import Family, rendered
from fun_local.model import web_event
from fun_local.model.names import IMPLICIT_SERVICE, FunctionRef
from fun_local.model.outcome import Result
from fun_local.model.resources import Function, Trigger
from fun_local.model.web import WebRequest, WebResponse, WebResult, pack, sendable
from fun_local.model.web_routes import is_anonymous, methods_of

log = logging.getLogger(__name__)

#: What pages of other sites may read of an answer of FC 2.0, unless the function says so itself.
_EXPOSED = (
    "Date,x-fc-request-id,x-fc-error-type,x-fc-code-checksum,x-fc-invocation-duration,"
    "x-fc-max-memory-usage,x-fc-log-result,x-fc-invocation-code-version"
)


@dataclass(frozen=True, slots=True)
class Aim:
    """What a request is for. ``target`` and ``base_path`` are those of the function's request (model/web.py).

    ``trigger`` says who may call and how; None: anybody, by any method.
    """

    ref: FunctionRef
    trigger: Trigger | None
    target: str
    base_path: str

    @property
    def is_anonymous(self) -> bool:
        """Whether no signature is needed."""
        return self.trigger is None or is_anonymous(self.trigger)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are let in; empty: all."""
        return methods_of(self.trigger) if self.trigger else ()

    @property
    def dialect(self) -> Dialect:
        """Whose words its answers are in."""
        return FC_2023 if self.ref.service == IMPLICIT_SERVICE else FC_2016


async def serve(emulator: Emulator, context: Context, aim: Aim, request: web.Request) -> web.StreamResponse:
    """The answer to a request that has been let in."""
    request_id = new_request_id(aim.dialect)
    try:
        request_id = request_id_of(request.headers, lambda: request_id)
        if aim.methods and request.method not in aim.methods:
            return _not_allowed(aim, request.method, request_id)
        sent = await _sent(aim, request)
        sent.check()
        return await _Service(emulator, context, aim, request_id).answer(sent, request)
    except FunLocalError as error:
        return _refused(aim.dialect, error, request_id)


async def unserved(error: FunLocalError, request: web.Request) -> web.StreamResponse:
    """The answer to a request for what is not there."""
    return _refused(FC_2016, error, new_request_id(FC_2016))


async def _sent(aim: Aim, request: web.Request) -> WebRequest:
    return WebRequest(
        method=request.method,
        target=aim.target,
        base_path=aim.base_path,
        headers=tuple(request.headers.items()),
        body=await request.read(),
        client_ip=request.remote or "127.0.0.1",
        host=request.headers.get("Host", ""),
    )


@dataclass(frozen=True, slots=True)
class _Service:
    """One request that is being answered."""

    emulator: Emulator
    context: Context
    aim: Aim
    request_id: str

    async def answer(self, sent: WebRequest, request: web.Request) -> web.Response:
        function = self.emulator.deployed.need(self.aim.ref)
        headers = request.headers
        kind = choice(headers.get("X-Fc-Invocation-Type") or "Sync", "InvocationType", ("Sync", "Async"))
        gets_event = function.service == IMPLICIT_SERVICE and not function.is_custom
        if kind == "Async":
            payload = self._event(sent) if gets_event else pack(sent)
            accepted = await invocations.accepted(
                self.emulator,
                self.aim.dialect,
                self.aim.ref,
                payload,
                headers=headers,
                request_id=self.request_id,
            )
            return web.Response(status=202, headers={"X-Fc-Request-Id": self.request_id, **accepted})
        if gets_event:
            return self._told(function, sent, await self._by_event(sent), b"", "None")
        logs = choice(headers.get("X-Fc-Log-Type") or "None", "LogType", ("Tail", "None"))
        done, tail = await self.emulator.request(self.aim.ref, sent, request_id=self.request_id)
        return self._told(function, sent, done, tail, logs)

    async def _by_event(self, sent: WebRequest) -> WebResult:
        ref = self.aim.ref
        result, _ = await self.emulator.invoke(
            ref.path, self._event(sent), qualifier=ref.qualifier, request_id=self.request_id
        )
        return WebResult(result, web_event.response(result.payload) if result.is_success else None)

    def _event(self, sent: WebRequest) -> bytes:
        return web_event.event(
            sent,
            account_id=self.context.account_id,
            request_id=self.request_id,
            now_ms=time.time_ns() // 1_000_000,
        )

    def _told(
        self, function: Function, sent: WebRequest, done: WebResult, tail: bytes, logs: str
    ) -> web.Response:
        """What the client is told of what came of its request."""
        is_new = function.service == IMPLICIT_SERVICE
        own = {} if is_new else self._own_headers(function, done.result)
        if logs == "Tail" and own and not function.is_custom:
            own["X-Fc-Log-Result"] = base64.b64encode(tail or b"\n").decode()
        own["X-Fc-Request-Id"] = self.request_id
        if not done.result.is_success and done.response is None:
            return self._failed(done.result, own, is_new=is_new)
        response = sendable(
            done.response or WebResponse(0), drops=web_event.DROPPED if is_new else frozenset()
        )
        if isinstance(response, str):
            return _error(502, "BadResponse", response, self.request_id)
        headers = CIMultiDict(response.headers)
        for name, value in own.items():
            headers.setdefault(name, value)
        if sent.method == "HEAD" and (length := _length(done.response)):
            headers["Content-Length"] = length  # of the body that a GET would have
        return web.Response(status=response.status, headers=headers, body=response.body)

    def _own_headers(self, function: Function, result: Result) -> dict[str, str]:
        """What only FC 2.0 adds to an answer (runtime.md 5.8)."""
        own = {
            **invocations.measured(self.context, function, result),
            "Access-Control-Expose-Headers": _EXPOSED,
        }
        return {**own, "X-Fc-Error-Type": result.error_type} if result.error_type else own

    def _failed(self, result: Result, own: dict[str, str], *, is_new: bool) -> web.Response:
        """A function that failed: FC 3.0 does not say how (runtime.md 5.9); our log does."""
        why = result.payload[:500].decode(errors="replace")
        log.warning("%s failed for a request: %s", self.aim.ref, why, extra={"action": "web-failed"})
        if is_new:
            return web.Response(status=502, text="Internal Server Error", headers=own)
        body, content_type = invocations.error_body(result.payload)
        return web.Response(status=502, body=body, headers=own, content_type=content_type)


def _length(response: WebResponse | None) -> str:
    """The length that a server gives a body that it does not send; empty when it gives none."""
    headers = response.headers if response else ()
    found = next((value for name, value in headers if name.lower() == "content-length"), "")
    return found if found.isascii() and found.isdigit() else ""


def _not_allowed(aim: Aim, method: str, request_id: str) -> web.Response:
    allowed = ", ".join(aim.methods)
    message = f"the HTTP trigger of '{aim.ref}' takes {allowed}, not {method}"
    answer = _error(405, "MethodNotAllowed", message, request_id)
    answer.headers["Allow"] = allowed
    return answer


def _refused(dialect: Dialect, error: FunLocalError, request_id: str) -> web.Response:
    status, code = status_and_code(dialect, error)
    return _error(status, code, message_of(dialect, error), request_id)


def _error(status: int, code: str, message: str, request_id: str) -> web.Response:
    answer = rendered(Family.FC, status, code, message, request_id=request_id, host_id="")
    return web.Response(body=answer.body, status=answer.status, headers=answer.headers)
