"""Requests to the server of an instance, on this machine: HTTP/1.1, connections kept and used again.

What an answer means is not known here.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from fun_local.model.web import HOP_BY_HOP
from fun_local.runtime.frames import MAX_BODY

if TYPE_CHECKING:
    import aiohttp

Headers = Sequence[tuple[str, str]]

#: Seconds an unused connection is kept (runtime.md 4.1: servers must keep theirs for fifteen minutes).
_KEEP_SECONDS = 900

#: Bytes of a line or a header of an answer. The vendor has 8 KB for all headers; a server here may be wrong.
_MAX_LINE = 64 * 1024

_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. ``path`` is as it goes over the wire, with its query."""

    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: all of it."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, by its name in lower case; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class ExchangeFailed(Exception):
    """There was no answer, or none that can be used. ``is_too_large``: its body is."""

    def __init__(self, message: str, *, is_too_large: bool = False) -> None:
        super().__init__(message)
        self.is_too_large = is_too_large


class Server:
    """Somebody who listens at an address."""

    def __init__(self, host: str, port: int) -> None:
        self._root = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        # 150 ms, for daemons with custom runtimes alone; now, so that no request has to wait for it.
        import_module("aiohttp")
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Answer:
        """The answer to a request, however long it takes. Raises ExchangeFailed."""
        import aiohttp
        from yarl import URL

        path = request.path if request.path.startswith("/") else f"/{request.path}"
        try:
            sent = self._open().request(
                request.method,
                URL(self._root + path, encoded=True),
                headers=list(request.headers),
                data=request.body or None,
                allow_redirects=False,
            )
            async with sent as response:
                _acknowledge(response)
                headers = tuple(_end_to_end(response.headers.items()))
                return Answer(response.status, headers, await _body(response))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise ExchangeFailed(f"the function's server gave no valid HTTP answer: {reason}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                auto_decompress=False,
                max_line_size=_MAX_LINE,
                max_field_size=_MAX_LINE,
            )
        return self._session


def _end_to_end(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, value in headers if name.lower() not in HOP_BY_HOP)


def _acknowledge(response: aiohttp.ClientResponse) -> None:
    """Tell the server now that its headers have come.

    Many a server sends them before the body, in a write of their own, and its system holds the body back
    until then, for which ours would take 40 ms.
    """
    connection = response.connection
    transport = connection.transport if connection else None
    sock = transport.get_extra_info("socket") if transport else None
    if sock is not None and sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    parts = []
    size = 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > MAX_BODY:
            response.close()
            message = f"response payload size exceeds maximum allowed size ({MAX_BODY} bytes)"
            raise ExchangeFailed(message, is_too_large=True)
        parts.append(part)
    return b"".join(parts)
