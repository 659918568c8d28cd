"""The operations on buckets and objects (wire 3.1). Errors leave as ours: the endpoint words them for OSS."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate

from aiohttp import web

from fun_local.http.origins import sole
from fun_local.http.oss.signature import Address, address_of
from fun_local.http.refusals import Refused
from fun_local.store.objects import Objects, Stored

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Api:
    """Answers requests for OSS; who may ask, and how much, has been seen to."""

    def __init__(self, objects: Objects, *, region: str) -> None:
        self._objects = objects
        self._region = region
        self._operations: Mapping[tuple[str, str, tuple[str, ...]], _Operation] = {
            ("a bucket", "GET", ("location",)): self._get_location,
            ("a bucket", "PUT", ()): self._put_bucket,
            ("a bucket", "DELETE", ()): self._delete_bucket,
            ("an object", "PUT", ()): self._put,
            ("an object", "GET", ()): self._get,
            ("an object", "HEAD", ()): self._head,
            ("an object", "DELETE", ()): self._delete,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Raises Refused for what there is none of here, and what the store raises."""
        address = address_of(sole(request.headers.getall("Host", [])), request.raw_path)
        kind = "an object" if address.key else "a bucket" if address.bucket else "all buckets"
        operation = self._operations.get((kind, request.method, address.sub))
        if operation is None:
            asked = "?" + "&".join(address.sub) if address.sub else ""
            message = f"{request.method} of {kind}{asked} is not a part of OSS that there is on this machine"
            raise Refused(501, "NotImplemented", message)
        response = await operation(address, request)
        response.headers["x-oss-request-id"] = uuid.uuid4().hex.upper()[:24]
        return response

    async def _get_location(self, address: Address, _: web.Request) -> web.Response:
        await asyncio.to_thread(self._objects.check_bucket, address.bucket)
        text = f"{_XML}<LocationConstraint>oss-{self._region}</LocationConstraint>"
        return web.Response(text=text, content_type="application/xml")

    async def _put_bucket(self, address: Address, _: web.Request) -> web.Response:
        await asyncio.to_thread(self._objects.make_bucket, address.bucket)
        return web.Response(headers={"Location": f"/{address.bucket}"})

    async def _delete_bucket(self, address: Address, _: web.Request) -> web.Response:
        await asyncio.to_thread(self._objects.remove_bucket, address.bucket)
        return web.Response(status=204)

    async def _put(self, address: Address, request: web.Request) -> web.Response:
        if "x-oss-copy-source" in request.headers:
            raise Refused(501, "NotImplemented", "objects can't be copied on this machine: upload it again")
        content = await request.read()
        await asyncio.to_thread(_check_md5, content, request.headers.get("Content-MD5", ""))
        kind = request.headers.get("Content-Type", "")
        kind = kind if kind.isascii() else ""  # as it could not be sent back
        stored = await asyncio.to_thread(self._objects.put, address.bucket, address.key, content, kind)
        return web.Response(headers={"ETag": _etag(stored)})

    async def _get(self, address: Address, _: web.Request) -> web.Response:
        stored, content = await asyncio.to_thread(self._objects.read, address.bucket, address.key)
        return web.Response(body=content, headers=_headers(stored))

    async def _head(self, address: Address, _: web.Request) -> web.Response:
        stored = await asyncio.to_thread(self._objects.find, address.bucket, address.key)
        return web.Response(headers={**_headers(stored), "Content-Length": str(stored.bytes)})

    async def _delete(self, address: Address, _: web.Request) -> web.Response:
        await asyncio.to_thread(self._objects.remove, address.bucket, address.key)
        return web.Response(status=204)


_Operation = Callable[[Address, web.Request], Awaitable[web.Response]]


def _check_md5(content: bytes, claimed: str) -> None:
    if not claimed:
        return
    try:
        wanted = base64.b64decode(claimed, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "InvalidDigest", "Content-MD5 is not base64") from None
    if hashlib.md5(content, usedforsecurity=False).digest() != wanted:
        raise Refused(400, "InvalidDigest", "the MD5 of what came is not the one that Content-MD5 tells")


def _headers(stored: Stored) -> dict[str, str]:
    return {
        "Content-Type": stored.content_type or "application/octet-stream",
        "ETag": _etag(stored),
        "Last-Modified": formatdate(stored.modified, usegmt=True),
        "x-oss-object-type": "Normal",
    }


def _etag(stored: Stored) -> str:
    return f'"{stored.md5.upper()}"'
