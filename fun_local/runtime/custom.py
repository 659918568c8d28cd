"""An instance of a custom runtime: a server of the function's own, asked over HTTP (runtime.md 4).

    POST /initialize     before anything else, if there is an initializer
    POST /invoke         an event; or whatever an HTTP trigger's client wants (request)
    GET  /pre-freeze     when nothing is going on any more, if configured
    GET  /pre-stop       before the end, if configured; also while a request is being answered (5.6)

Several requests may be under way at a time. A time-out ends the instance; where others are under way it only
takes nothing new, and ends after them. A stop or a crash ends all of them. Log markers are the function's own
business (5.7): only the end of what could not be ended properly is written here.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import Any

from fun_local.model.outcome import (
    INITIALIZATION,
    INVOCATION,
    UNHANDLED,
    Ending,
    Result,
    error_payload,
    exit_payload,
    timeout_payload,
)
from fun_local.model.resources import Function
from fun_local.model.web import WebRequest, WebResponse, WebResult, unpack
from fun_local.runtime import instance_log
from fun_local.runtime.exchange import Answer, ExchangeFailed, Headers, Request, Server
from fun_local.runtime.phases import Phase, Phases, phases_of
from fun_local.runtime.server_process import ServerProcess

#: Seconds after the end of a process in which its last answer may still be on its way to us; and after the
#: end of a connection, in which the process may turn out to have ended.
_LAST_WORDS_SECONDS = 1.0

#: Seconds that an instance which nobody has used is left to whom it was started for.
_FIRST_USE_SECONDS = 1.0

_EVENT = ("content-type", "application/octet-stream")

#: Answers to /initialize after which it is asked again instead of the instance being replaced (4.4).
_TRY_AGAIN = (400, 404)


class CustomInstance:
    """Implements ports.Instance. Made by CustomRuntime, once the server listens."""

    def __init__(
        self, process: ServerProcess, server: Server, *, function: Function, headers: Headers
    ) -> None:
        self.id = process.id
        self.pid = process.pid
        self.log_path = process.log_path
        self._process = process
        self._server = server
        self._headers = headers
        self._concurrency = function.concurrency
        self._phases: Phases = phases_of(function)
        self._is_initialized = self._phases.initialize is None
        self._initializing = asyncio.Lock()
        self._freezing: asyncio.Task[None] | None = None
        self._is_retired = False
        self._was_used = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._log_name = os.path.basename(self.log_path)
        self._log_length = instance_log.size(self.log_path)
        process.farewell = self._say_farewell
        process.cleanup = server.close

    @property
    def is_alive(self) -> bool:
        return not (self._process.is_over or self._process.is_worn or self._is_retired)

    @property
    def has_ended(self) -> bool:
        """Whether its process is gone, and its port free."""
        return self._process.gone.done()

    async def invoke(self, request_id: str, payload: bytes, *, attempts: int) -> Result:
        """Have an event answered. ``attempts`` counts this one."""
        # An asynchronous request of an HTTP trigger is queued like any other event.
        sent = unpack(payload)
        if sent is not None:
            return (await self.request(request_id, sent, attempts=attempts)).result
        headers = (_EVENT, _retries(attempts), ("x-fc-control-path", "/invoke"))
        result, _ = await self._serve(request_id, Request("POST", "/invoke", headers, payload))
        return result

    async def request(self, request_id: str, request: WebRequest, *, attempts: int) -> WebResult:
        """Hand on a client's own request. What the server answers is the client's, whatever its status."""
        headers = [*request.for_function, _retries(attempts), ("x-fc-control-path", "/http-invoke")]
        if request.base_path:
            headers.append(("x-fc-base-path", f"{request.base_path}/"))
        own = Request(request.method, request.target, headers, request.body)
        result, answer = await self._serve(request_id, own)
        if answer is None:
            return WebResult(result)
        return WebResult(result, WebResponse(answer.status, tuple(answer.headers), answer.body))

    async def stop(self) -> None:
        """End the server and all its children. Safe to call at any time, any number of times."""
        await self._process.stop()

    async def retire(self) -> None:
        """Take nothing new, finish what is under way, end.

        Who has it started may not have come to use it yet: else those who want its port could end each
        other's instances for ever, and none would serve.
        """
        self._is_retired = True
        if not self._was_used.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._was_used.wait(), _FIRST_USE_SECONDS)
        await self._quiet.wait()
        await self.stop()

    def log_position(self) -> tuple[str, int]:
        """The log's file name, without its folder, and its length in bytes.

        When nothing is under way, its length at the end of the last request.
        """
        is_quiet = self._quiet.is_set()
        return self._log_name, self._log_length if is_quiet else instance_log.size(self.log_path)

    # --- a request and what comes before and after it -------------------------------------------------

    async def _serve(self, request_id: str, request: Request) -> tuple[Result, Answer | None]:
        self._begin()
        try:
            if self._freezing is not None:
                await asyncio.wait([self._freezing])
                self._freezing = None
            failure = await self._initialize(request_id)
            if failure is not None:
                return failure, None
            return await self._run(self._phases.invoke, request_id, request)
        finally:
            self._finish()

    def _begin(self) -> None:
        self._quiet.clear()
        self._was_used.set()
        self._process.begin()

    def _finish(self) -> None:
        self._process.finish()
        if self._process.in_flight:
            return
        self._log_length = instance_log.size(self.log_path)
        hook = self._phases.pre_freeze
        if hook is not None and self._is_initialized and self.is_alive:
            # The caller has its result; the next one waits.
            self._freezing = asyncio.get_running_loop().create_task(self._freeze(hook))
        else:
            self._quiet.set()

    async def _initialize(self, request_id: str) -> Result | None:
        """Have the server initialize itself, once; what it failed with, or None."""
        hook = self._phases.initialize
        if hook is None or self._is_initialized:
            return None
        async with self._initializing:
            if self._is_initialized:
                return None
            request = Request("POST", "/initialize", (("x-fc-control-path", "/initialize"),))
            result, answer = await self._run(hook, request_id, request)
            if answer is not None and 200 <= answer.status < 300:
                self._is_initialized = True
                return None
            if answer is None or answer.status not in _TRY_AGAIN:
                await self._process.end()
            if result.ending is Ending.STOPPED:
                return result
            if answer is not None:
                text = f"the initializer failed: /initialize answered with status {answer.status}"
                result = replace(result, ending=Ending.RAISED, payload=answer.body or error_payload(text))
            return replace(result, error_type=INITIALIZATION)

    async def _run(self, phase: Phase, request_id: str, request: Request) -> tuple[Result, Answer | None]:
        """Send a request and make a result of what comes of it."""
        started = perf_counter()
        try:
            is_over = self._process.is_over
            reply = self._process.cause if is_over else await self._ask(request_id, request, phase.seconds)
        except asyncio.CancelledError:
            if self._concurrency == 1:
                # The request is still being worked on: no other may come in between (5.6).
                self._process.begin_end(has_farewell=True)
            raise
        duration_ms = (perf_counter() - started) * 1000
        answer = None
        if isinstance(reply, Answer):
            answer = reply
            # 4.4: this header alone decides, and nothing is said of other values than 200 and 404.
            is_success = reply.header("x-fc-status") in ("", "200")
            ending = Ending.RETURNED if is_success else Ending.RAISED
            error_type, payload = "" if is_success else INVOCATION, reply.body
        elif isinstance(reply, ExchangeFailed):
            ending, error_type, payload = Ending.RAISED, UNHANDLED, error_payload(str(reply))
        else:
            ending, error_type = reply, UNHANDLED
            payload = await self._bury(phase, request_id, ending, duration_ms)
        return Result(ending, payload, error_type, duration_ms, self._process.memory_mb(), self.id), answer

    async def _ask(
        self, request_id: str, request: Request, seconds: float
    ) -> Answer | ExchangeFailed | Ending:
        """What comes first: the answer, the deadline, or the end of the process."""
        process = self._process
        headers = (*request.headers, ("x-fc-request-id", request_id), *self._headers)
        sending = asyncio.ensure_future(self._server.send(replace(request, headers=headers)))
        first: set[asyncio.Future[Any]] = {sending, process.gone}
        try:
            await asyncio.wait(first, timeout=seconds, return_when="FIRST_COMPLETED")
            if process.gone.done() and not sending.done():
                await asyncio.wait({sending}, timeout=_LAST_WORDS_SECONDS)
            if not sending.done():
                return process.gone.result() if process.gone.done() else Ending.TIMED_OUT
            try:
                return sending.result()
            except ExchangeFailed as error:
                if not error.is_too_large:
                    # A process that dies takes its connections along, and they are sooner to be noticed.
                    await asyncio.wait({process.gone}, timeout=_LAST_WORDS_SECONDS)
                return process.gone.result() if process.gone.done() else error
        finally:
            sending.cancel()

    async def _bury(self, phase: Phase, request_id: str, ending: Ending, duration_ms: float) -> bytes:
        """After an abnormal end: end what is left, write the end marker that the server can't."""
        if ending is Ending.TIMED_OUT and self._concurrency > 1:
            self._is_retired = True  # the pool ends it when the others are done
        else:
            await self._process.end()
        memory_mb = self._process.memory_mb()
        if ending is Ending.TIMED_OUT:
            payload = timeout_payload(phase.seconds, memory_mb)
        else:
            payload = exit_payload(duration_ms, memory_mb)
        self._end_marker(phase, request_id, json.loads(payload)["errorMessage"])
        return payload

    def _end_marker(self, phase: Phase, request_id: str, error: str) -> None:
        line = f"FC {phase.marker} End RequestId: {request_id}, Error: {error}"
        instance_log.add_line(self.log_path, line)

    # --- hooks whose outcome is nobody's --------------------------------------------------------------

    async def _freeze(self, phase: Phase) -> None:
        """preFreeze. Only a server that says 500 is replaced (4.4)."""
        self._process.begin()
        try:
            if await self._call_hook(phase, "/pre-freeze") == 500:
                self._process.begin_end()
        finally:
            self._process.finish()
            if not self._process.in_flight:
                self._log_length = instance_log.size(self.log_path)  # what it has printed is nobody's
                self._quiet.set()

    async def _say_farewell(self) -> None:
        """preStop, at most for its time; whatever comes of it, the process ends (2.7)."""
        if self._phases.pre_stop is not None and self._is_initialized:
            await self._call_hook(self._phases.pre_stop, "/pre-stop")

    async def _call_hook(self, phase: Phase, path: str) -> int:
        """The status of the answer; 0 when there is none, which is then said in the log."""
        request_id = str(uuid.uuid4())
        request = Request("GET", path, (("x-fc-control-path", path),))
        reply = await self._ask(request_id, request, phase.seconds)
        if isinstance(reply, Answer):
            return reply.status
        if isinstance(reply, ExchangeFailed):
            error = str(reply)
        else:
            is_late = reply is Ending.TIMED_OUT
            error = f"not done after {phase.seconds} seconds" if is_late else "process exited"
        self._end_marker(phase, request_id, error)
        return 0


def _retries(attempts: int) -> tuple[str, str]:
    return "x-fc-retry-count", str(max(attempts - 1, 0))
