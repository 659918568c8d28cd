"""The page and its parts, as they lie in the package. They hold nothing secret: anybody may load them."""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import dataclass

from aiohttp import web

_FOLDER = os.path.join(os.path.dirname(__file__), "static")

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}

#: Nothing from elsewhere, nothing inline, in nobody's frame; and no text can become a script.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        # One policy, for XML that becomes no part of the page (static/mns.js).
        "trusted-types mns",
    ]
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Asked again each time, answered with 304: an upgrade is seen at once.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    packed: bytes
    type: str
    etag: str


def routes() -> list[web.RouteDef]:
    """The files below /console/static/; every other path below /console is the page itself."""
    files = _files()

    async def part(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in files:
            raise web.HTTPNotFound
        return _answer(request, files[name])

    async def page(request: web.Request) -> web.StreamResponse:
        return _answer(request, files["index.html"])

    async def entrance(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/console/")

    return [
        web.get("/console", entrance),
        web.get("/console/static/{name:.+}", part),
        web.get("/console/{rest:.*}", page),
    ]


def _files() -> dict[str, _File]:
    found = {}
    for folder, _, names in os.walk(_FOLDER):
        for file_name in names:
            path = os.path.join(folder, file_name)
            kind = _TYPES.get(os.path.splitext(file_name)[1])
            if kind is not None:
                with open(path, "rb") as file:
                    body = file.read()
                etag = hashlib.sha256(body).hexdigest()[:20]
                name = os.path.relpath(path, _FOLDER).replace(os.sep, "/")
                found[name] = _File(body, gzip.compress(body, mtime=0), kind, etag)
    return found


def _answer(request: web.Request, file: _File) -> web.StreamResponse:
    headers = {**HEADERS, "ETag": f'"{file.etag}"'}
    if file.etag in [tag.value for tag in request.if_none_match or ()]:
        return web.Response(status=304, headers=headers)
    body = file.body
    headers["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"], body = "gzip", file.packed
    return web.Response(body=body, headers=headers, content_type=file.type, charset="utf-8")
