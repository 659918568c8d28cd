"""The quick way for what comes most: an invocation, signed, whole and in its plainest form.

    bytes ─▶ parse ─▶ signature, body ─┬─▶ queue ─▶ 202
               │             │         └─▶ instance ─▶ 200
               └─────────────┴──▶ anything else, and all that is to be refused: connection.py

Accepting, or running what is warm, takes a fraction of what a web framework adds to it. So this does the same
checks with the same functions and nothing besides: whatever it can't take goes the long way from its first
byte, and is answered there, in the words of the API. A connection that has gone the long way stays there.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict

from fun_local.emulator import Emulator
from fun_local.errors import FunLocalError
from fun_local.http import signatures
from fun_local.http.fc.call import Context, request_id_of
from fun_local.http.fc.dialects import DIALECTS, Dialect
from fun_local.http.fc.invocations import accepted, answered
from fun_local.http.fc.routes import new_request_id, refusal
from fun_local.http.limits import Limits
from fun_local.http.refusals import Family, Refused
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, FunctionRef
from fun_local.model.web_routes import domain_of

log = logging.getLogger(__name__)

_NAME = "[A-Za-z0-9_-]+"
_FIRST_LINE = re.compile(
    rf"POST (?P<target>/(?P<version>[0-9-]{{10}})(/services/(?P<service>{_NAME})(\.(?P<qualifier>{_NAME}))?)?"
    rf"/functions/(?P<function>{_NAME})/invocations) HTTP/1\.1"
)
#: What a head may consist of here: a line, and headers with a plain name and value.
_PLAIN = re.compile(rb"[ -~]+(\r\n[A-Za-z0-9-]+:[\t -~]*)*")

#: Of a head: one that has more is not of the plainest form.
_MOST_HEAD = 8190

#: Headers that change what a request is, or who may send it.
_TELLING = frozenset(
    ("transfer-encoding", "expect", "upgrade", "origin", "sec-fetch-site", "x-mns-version", "x-fc-log-type")
)

_DIALECTS = {dialect.version: dialect for dialect in DIALECTS}


@dataclass(frozen=True, slots=True)
class Invocation:
    """A request as it came. ``headers`` have lower-case names."""

    target: str
    dialect: Dialect
    ref: FunctionRef
    headers: dict[str, str]
    body: bytes

    @property
    def is_async(self) -> bool:
        return self.headers.get("x-fc-invocation-type", "").lower() == "async"


def parse(data: bytes) -> Invocation | None:
    """The one invocation that is all of ``data``; None for everything that takes the long way. Pure."""
    head, _, body = data.partition(b"\r\n\r\n")
    if len(head) > _MOST_HEAD or not _PLAIN.fullmatch(head):
        return None
    first, *lines = head.decode("ascii").split("\r\n")
    found = _FIRST_LINE.fullmatch(first)
    dialect = _DIALECTS.get(found["version"]) if found else None
    if found is None or dialect is None or dialect.has_services != bool(found["service"]):
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" \t")
    if len(headers) < len(lines) or not _is_plain(headers, len(body)):
        return None
    ref = FunctionRef(found["service"] or IMPLICIT_SERVICE, found["function"], found["qualifier"] or LATEST)
    return Invocation(found["target"], dialect, ref, headers, body)


def _is_plain(headers: Mapping[str, str], body_bytes: int) -> bool:
    return (
        headers.get("x-fc-invocation-type", "sync").lower() in ("async", "sync")
        and headers.get("authorization", "").startswith(("FC ", "ACS3-HMAC-SHA256 "))
        and headers.get("content-length", "0") == str(body_bytes)
        and headers.get("connection", "keep-alive").lower() == "keep-alive"
        and "host" in headers
        and _TELLING.isdisjoint(headers)
    )


@dataclass(frozen=True, slots=True)
class QuickWay:
    """Takes invocations. ``secrets`` gives the secret of every key id that is valid now."""

    emulator: Emulator
    context: Context
    secrets: Callable[[], Mapping[str, str]]
    now: Callable[[], float] = time.time
    #: What is being taken, also for clients that have gone meanwhile.
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, invocation: Invocation) -> bytes:
        """The answer to an invocation, which is stored, or has been run, when this returns.

        Raises:
            Refused, FunLocalError: it is not taken; nothing was stored, nothing was run.
        """
        headers = invocation.headers
        if domain_of(self.emulator.deployed.domains, headers["host"]) is not None:
            raise Refused(404, "NotQuick", "a custom domain has all of its paths")
        signed = signatures.Signed("POST", invocation.target, headers)
        signatures.verify(signed, Family.FC, self.secrets(), self.now())
        claimed = signatures.claimed_hash(signed).lower()
        if claimed and not hmac.compare_digest(hashlib.sha256(invocation.body).hexdigest(), claimed):
            raise Refused(403, "SignatureNotMatch", "the body is not the one that was signed")
        dialect = invocation.dialect
        given = CIMultiDict(headers)
        request_id = request_id_of(given, lambda: new_request_id(dialect))
        if not invocation.is_async:
            return await self._run(invocation, request_id)
        told = await accepted(
            self.emulator, dialect, invocation.ref, invocation.body, headers=given, request_id=request_id
        )
        return self._written(202, told)

    async def _run(self, invocation: Invocation, request_id: str) -> bytes:
        ref = invocation.ref
        function = self.emulator.deployed.need(ref)
        try:
            found = await answered(
                self.emulator,
                self.context,
                function,
                invocation.body,
                qualifier=ref.qualifier,
                request_id=request_id,
            )
        except FunLocalError as error:
            # Told here: the long way would wait for an instance, or start one, once more.
            told = refusal(invocation.dialect, error, request_id)
            return self._written(told.status, told.headers, told.body)
        assert isinstance(found.body, bytes)  # noqa: S101 - an invocation's always is
        headers = {"X-Fc-Request-Id": request_id, **found.headers, "Content-Type": found.content_type}
        return self._written(found.status, headers, found.body)

    def _written(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        always = f"Content-Length: {len(body)}\r\n{_always(int(self.now()))}"
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}{always}".encode() + body


@lru_cache(maxsize=1)
def _always(second: int) -> str:
    """What each head of a second ends with."""
    return f"Date: {formatdate(second, usegmt=True)}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"


class Door(asyncio.Protocol):
    """A connection as long as only such invocations come over it, one at a time; then ``long_way`` has it.

    ``gone`` is called when it has ended, unless it was handed on before.
    """

    def __init__(
        self,
        way: QuickWay,
        limits: Limits,
        long_way: Callable[[], asyncio.Protocol],
        gone: Callable[[Door], None],
    ) -> None:
        self._way = way
        self._limits = limits
        self._long_way = long_way
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._clock: asyncio.TimerHandle | None = None
        #: Until when the next request must have come.
        self._deadline = 0.0
        self._held = b""
        self._is_ending = False
        #: What is being taken.
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a TCP socket
        self._transport = transport
        self._deadline = self._loop.time() + self._limits.head_seconds
        self._look_at_clock()

    def connection_lost(self, _: Exception | None) -> None:
        self._stop_clock()
        self._gone(self)

    def data_received(self, data: bytes) -> None:
        if self.task is None:
            self._take(data)
        else:
            self._held += data
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        # Only somebody who asks and asks and reads no answer gets this far.
        self._transport.abort()

    def close(self) -> None:
        """End the connection after what is being taken."""
        self._is_ending = True
        if self.task is None:
            self._transport.close()

    def _take(self, data: bytes) -> None:
        invocation = parse(data)
        if invocation is None:
            self._hand_on(data)
        else:
            self.task = self._loop.create_task(self._serve(invocation, data))
            self._way.tasks.add(self.task)
            self.task.add_done_callback(self._way.tasks.discard)

    async def _serve(self, invocation: Invocation, data: bytes) -> None:
        try:
            answer = await self._way.answer(invocation)
        except (Refused, FunLocalError):
            answer = b""
        except asyncio.CancelledError:  # the daemon ends, and can't wait any longer
            self._transport.abort()
            raise
        except Exception:
            # Nobody knows how far that came: to try again might store it, or run it, twice.
            log.exception("POST %s failed", invocation.target)
            self._transport.abort()
            return
        self.task = None
        held, self._held = self._held, b""
        if self._transport.is_closing():
            return
        if not answer:
            self._hand_on(data + held)
            return
        self._transport.write(answer)
        self._deadline = self._loop.time() + self._limits.idle_seconds
        if self._clock is not None and self._deadline < self._clock.when():
            self._stop_clock()
            self._look_at_clock()
        if self._is_ending:
            self._transport.close()
        elif held:
            self._transport.resume_reading()
            self._take(held)

    def _hand_on(self, data: bytes) -> None:
        self._stop_clock()
        connection = self._long_way()
        self._transport.set_protocol(connection)
        connection.connection_made(self._transport)
        self._transport.resume_reading()
        connection.data_received(data)

    def _look_at_clock(self) -> None:
        """Looks seldom, and not at each request: a timer costs more than it."""
        now = self._loop.time()
        if self.task is None and now >= self._deadline:
            self._transport.abort()
        else:
            later = max(self._deadline, now + self._limits.head_seconds if self.task else 0)
            self._clock = self._loop.call_at(later, self._look_at_clock)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
