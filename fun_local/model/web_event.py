"""How a built-in runtime of FC 3.0 sees a request, as an event, and how its result is a response. Pure.

runtime.md 5.11.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from fun_local.model.web import Headers, WebRequest, WebResponse, decoded

#: Besides all of text/*: what is left as text in an event. The vendor names these and no others.
_TEXT_TYPES = (
    "application/json",
    "application/ld+json",
    "application/xhtml+xml",
    "application/xml",
    "application/atom+xml",
    "application/javascript",
)

#: What a function of FC 3.0 can't say, besides what no function can.
DROPPED = frozenset({"content-disposition"})

_JSON = ("Content-Type", "application/json")


def event(request: WebRequest, *, account_id: str, request_id: str, now_ms: int) -> bytes:
    """The event that a request is."""
    body, is_base64 = _text(request)
    domain = request.host.partition(":")[0]
    context = {
        "accountId": account_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "requestId": request_id,
        "time": datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "timeEpoch": str(now_ms),
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.client_ip,
            "userAgent": request.header("user-agent"),
        },
    }
    shown = {
        "version": "v1",
        "rawPath": request.raw_path,
        "headers": _headers(request.for_function),
        "queryParameters": {name: ",".join(values) for name, values in request.queries.items()},
        "body": body,
        "isBase64Encoded": is_base64,
        "requestContext": context,
    }
    return json.dumps(shown, separators=(",", ":")).encode()


def response(result: bytes) -> WebResponse:
    """The response that a result is: its parts if it has a status, else a body as it is."""
    try:
        parts = json.loads(result)
    except ValueError:
        return WebResponse(200, (_JSON,), result)
    status = parts.get("statusCode") if isinstance(parts, dict) else None
    if isinstance(status, str) and status.isascii() and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool):
        return WebResponse(200, (_JSON,), result)
    headers = _given(parts.get("headers"))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, _JSON)
    return WebResponse(status, headers, _body(parts.get("body"), parts.get("isBase64Encoded") is True))


def _text(request: WebRequest) -> tuple[str, bool]:
    """The body and whether it is in base64: only types that say that they are text are not."""
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind in _TEXT_TYPES:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass  # JSON could not hold it
    return base64.b64encode(request.body).decode(), True


def _headers(headers: Headers) -> dict[str, str]:
    """By their names as Go spells them, which the vendor's gateway is written in."""
    found: dict[str, str] = {}
    for name, value in headers:
        canonical = "-".join(part.capitalize() for part in name.split("-"))
        found[canonical] = f"{found[canonical]},{value}" if canonical in found else value
    return found


def _given(headers: Any) -> Headers:
    """Headers of a result; one with several values is a list."""
    if not isinstance(headers, dict):
        return ()
    return tuple(
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
    )


def _body(body: Any, is_base64: bool) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    data = decoded(body) if is_base64 else None
    # What is not base64 goes out as it is.
    return body.encode(errors="surrogatepass") if data is None else data
