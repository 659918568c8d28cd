"""What passes between a URL and its function: a request as it was sent, what the function answers. Pure.

custom runtimes              the request itself, to their own server (runtime.md 4.2)
built-in runtimes, FC 2.0    ``http_params`` beside the body, for a WSGI or (req, resp) handler (2.10, 3.8)
built-in runtimes, FC 3.0    an event like any other: web_event.py (5.11)
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.model.outcome import Result

Headers = tuple[tuple[str, str], ...]

#: Bytes of a request's head, as runtime.md 2.10 has them; fc-api 12 has 4 KB for the headers, too.
MAX_HEADER_BYTES = 8 * 1024
MAX_TARGET_BYTES = 4 * 1024

#: About one connection only (RFC 9110, 7.6.1): never handed on.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

#: What the platform says itself in an answer (runtime.md 3.8), besides all that begins with x-fc-.
_PLATFORMS_OWN = HOP_BY_HOP | {"content-length", "date", "server"}

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

#: How the payload of an asynchronous invocation begins that is a request.
_PACKED = b"fun-local request "


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request. ``target`` is path and query as sent, ``base_path`` what of it leads to the function.

    That has no slash at its end, and is empty where the path belongs to the function from its start.
    """

    method: str
    target: str
    base_path: str = ""
    headers: Headers = ()
    body: bytes = b""
    client_ip: str = "127.0.0.1"
    host: str = ""

    @property
    def raw_path(self) -> str:
        """The path below the function, as it was sent."""
        return self.target.partition("?")[0].removeprefix(self.base_path) or "/"

    @property
    def path(self) -> str:
        """The path below the function, decoded."""
        from urllib.parse import unquote  # costs more than most commands, which serve no request

        return unquote(self.raw_path)

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def queries(self) -> dict[str, list[str]]:
        """The values of each name in the query, in their order."""
        from urllib.parse import parse_qsl

        return _grouped(parse_qsl(self.query, keep_blank_values=True))

    @property
    def for_function(self) -> Headers:
        """The headers that are the function's business: the platform's own are not believed."""
        return tuple(
            (name, value)
            for name, value in self.headers
            if name.lower() not in HOP_BY_HOP
            and name.lower() != "content-length"
            and not name.lower().startswith("x-fc-")
        )

    def header(self, name: str) -> str:
        """The first value of a header, by its name in lower case; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def check(self) -> None:
        """Raise InvalidRequest for a head that is larger than the vendor takes."""
        head = sum(len(name.encode()) + len(value.encode()) for name, value in self.headers)
        target = len(self.target.encode()) - len(self.base_path.encode())
        sizes = (("headers", head, MAX_HEADER_BYTES), ("path and query", target, MAX_TARGET_BYTES))
        for what, size, most in sizes:
            if size > most:
                message = f"the {what} of the request have {size} bytes, more than {most}"
                raise InvalidRequest("InvalidArgument", message)


@dataclass(frozen=True, slots=True)
class WebResponse:
    """What a function answers a request."""

    status: int
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class WebResult:
    """What came of a request. Without a ``response`` the function failed, and ``result`` says why."""

    result: Result
    response: WebResponse | None = None


def http_params(request: WebRequest) -> dict[str, Any]:
    """A request as the vendor's own runtimes are told of it (runtime.md 2.10)."""
    return {
        "path": request.path,
        "method": request.method,
        "requestURI": request.target,
        "clientIP": request.client_ip,
        "headersMap": _grouped(request.for_function),
        "queriesMap": request.queries,
        "host": request.host,
    }


def sendable(response: WebResponse, *, drops: frozenset[str] = frozenset()) -> WebResponse | str:
    """The response as it can go to a client, or what is wrong with it. ``drops``: more headers that go."""
    if not 200 <= response.status <= 599:
        return f"{response.status} is no status that a response can have"
    headers = []
    size = 0
    for name, value in response.headers:
        lower = name.lower()
        if not _TOKEN.fullmatch(name) or any(c in value for c in "\r\n\0"):
            return f"{name[:100]!r} is no header that a response can have"
        size += len(name.encode()) + len(value.encode(errors="surrogateescape"))
        if lower not in _PLATFORMS_OWN and lower not in drops and not lower.startswith("x-fc-"):
            headers.append((name, value))
    if size > MAX_HEADER_BYTES:
        return f"the headers of the response have {size} bytes, more than {MAX_HEADER_BYTES}"
    return replace(response, headers=tuple(headers))


def pack(request: WebRequest) -> bytes:
    """A request as the payload of an asynchronous invocation: a line that can be read, and the body."""
    head = {
        "method": request.method,
        "target": request.target,
        "basePath": request.base_path,
        "headers": request.headers,
        "clientIp": request.client_ip,
        "host": request.host,
    }
    return _PACKED + json.dumps(head).encode() + b"\n" + request.body


def unpack(payload: bytes) -> WebRequest | None:
    """The request that a payload is; None for any other payload."""
    if not payload.startswith(_PACKED):
        return None
    line, _, body = payload.removeprefix(_PACKED).partition(b"\n")
    try:
        head = json.loads(line)
        return WebRequest(
            method=str(head["method"]),
            target=str(head["target"]),
            base_path=str(head["basePath"]),
            headers=tuple((str(name), str(value)) for name, value in head["headers"]),
            body=body,
            client_ip=str(head["clientIp"]),
            host=str(head["host"]),
        )
    except (ValueError, KeyError, TypeError):
        return None  # somebody else's event, which happens to begin like one of ours


def decoded(text: str) -> bytes | None:
    """Base64 as bytes; None for what is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _grouped(items: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in items:
        found.setdefault(name, []).append(value)
    return found
