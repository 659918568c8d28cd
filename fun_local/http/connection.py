"""One connection of the endpoint: cut when its client is too slow, refused when there are too many.

The server waits for as long as a client likes; the clocks are here:

    opened --head_seconds--> head read ... answered --idle_seconds--> head read ... answered
    an answer of which nothing is read --unread_seconds--> cut

While a function runs no clock does: that may take a day.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from fun_local.http.limits import Limits
from fun_local.http.refusals import Family, rendered

log = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """The server's side of a connection, with clocks. ``gone`` is called when it has ended."""

    def __init__(
        self,
        server: web.Server,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        *,
        gone: Callable[[Connection], None],
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type] # aiohttp's own way of saying none
            keepalive_timeout=limits.idle_seconds,
            max_line_size=limits.head_line_bytes,
            max_field_size=limits.head_line_bytes,
            lingering_time=limits.lingering_seconds,
            # A body is the payload as it was sent, and its hash may be signed: never unpacked here.
            auto_decompress=False,
        )
        self._limits = limits
        self._gone = gone
        self._head_clock: asyncio.TimerHandle | None = None
        self._unread_clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._await_head(self._limits.head_seconds)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.head_has_come()
        self._stop_unread_clock()
        self._gone(self)
        super().connection_lost(exc)

    def head_has_come(self) -> None:
        """A request is being handled: no hurry until it is answered."""
        if self._head_clock is not None:
            self._head_clock.cancel()
            self._head_clock = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            # Raised before any of our handlers was asked: an Expect that can't be met.
            resp = _unreadable(resp.status, resp.text or resp.reason)
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            if self.transport is not None:
                self._await_head(self._limits.idle_seconds)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What can't be read as a request gets an error that the vendor's clients can read."""
        plain = super().handle_error(request, status, exc, message)
        answer = _unreadable(plain.status, (message or "").partition("\n")[0].rstrip(":"))
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **options: Any) -> None:
        error = options.get("exc_info")
        if isinstance(error, HttpProcessingError):
            # A client's fault, and no reason to look into ours.
            line = str(error.message).partition("\n")[0][:200]
            log.warning("refused what is no request: %s", line, extra={"action": "refuse"})
        else:
            super().log_exception(*args, **options)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reading(self._unread_bytes())

    def resume_writing(self) -> None:
        self._stop_unread_clock()
        super().resume_writing()

    def _await_head(self, seconds: float) -> None:
        # Not moved on by bytes that come: one byte every second is no reason to wait longer.
        self.head_has_come()
        self._head_clock = self._loop.call_later(seconds, self._cut)

    def _watch_reading(self, before: int) -> None:
        self._unread_clock = self._loop.call_later(self._limits.unread_seconds, self._check_reading, before)

    def _check_reading(self, before: int) -> None:
        """A large answer stays above the mark for long: what counts is whether it becomes less."""
        now = self._unread_bytes()
        if now < before:
            self._watch_reading(now)
        else:
            self._cut()

    def _unread_bytes(self) -> int:
        return self.transport.get_write_buffer_size() if self.transport is not None else 0

    def _stop_unread_clock(self) -> None:
        if self._unread_clock is not None:
            self._unread_clock.cancel()
            self._unread_clock = None

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()


def _unreadable(status: int, message: str) -> web.Response:
    error = rendered(
        Family.FC,
        status,
        "InvalidArgument" if status < 500 else "InternalServerError",
        message or "this is not a request of HTTP",
        request_id=str(uuid.uuid4()),
        host_id="",
    )
    return web.Response(status=error.status, headers=error.headers, body=error.body)


class Busy(asyncio.Protocol):
    """What a connection beyond the limit gets: a word, and no place."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sender = cast(asyncio.Transport, transport)
        request_id = str(uuid.uuid4())
        text = "too many connections at once: close some"
        error = rendered(Family.FC, 503, "ResourceThrottled", text, request_id=request_id, host_id="")
        headers = {**error.headers, "Content-Length": str(len(error.body)), "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        sender.write(f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n".encode() + error.body)
        sender.close()
