"""MNS over HTTP, served in the test's own loop and in its own time; requests are sent as they are written."""

from __future__ import annotations

import asyncio
import contextlib
import io
from dataclasses import dataclass
from types import SimpleNamespace
from xml.etree import ElementTree

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from fun_local.http.mns import routes
from fun_local.mns import Mns
from fun_local.store import database
from fun_local.store.group_commit import GroupCommit
from fun_local.store.queue import DiskQueue
from tests.fakes import FakeClock

NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"
ACCOUNT = "1234567890123456"


def tree(text: str):
    """A document as (name, text) or (name, [children]); its namespace must be MNS's."""

    def read(element):
        assert element.tag.startswith(f"{{{NAMESPACE}}}"), element.tag
        name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        return name, [read(child) for child in element] or (element.text or "")

    return read(ElementTree.fromstring(text))


@dataclass
class Reply:
    """An answer. Looked up in it are the children of the root, by name."""

    status: int
    headers: list[tuple[str, str]]
    text: str

    @property
    def root(self):
        return tree(self.text)[0]

    @property
    def items(self):
        """The children of the root."""
        return tree(self.text)[1]

    def __getitem__(self, name):
        return dict(self.items)[name]

    def header(self, name):
        return dict(self.headers).get(name)

    @property
    def listed(self):
        """Of a list of things, each as a dictionary."""
        return [dict(children) for name, children in self.items if name != "NextMarker"]


def xml(root: str, *children, **leaves) -> str:
    """A document to send: leaves with a text each, after children that are written out."""
    inner = "".join(children) + "".join(f"<{name}>{value}</{name}>" for name, value in leaves.items())
    return f'<?xml version="1.0" encoding="utf-8"?><{root} xmlns="{NAMESPACE}">{inner}</{root}>'


def message(body: str = "hello", **leaves) -> str:
    return xml("Message", MessageBody=body, **leaves)


def batch(*bodies: str) -> str:
    return xml("Messages", *(f"<Message><MessageBody>{body}</MessageBody></Message>" for body in bodies))


def handles(*receipts: str) -> str:
    return xml("ReceiptHandles", *(f"<ReceiptHandle>{receipt}</ReceiptHandle>" for receipt in receipts))


class Api:
    """The API of one home, and a client of it."""

    def __init__(
        self,
        mns: Mns,
        queue: DiskQueue,
        clock: FakeClock,
        server: TestServer,
        session: aiohttp.ClientSession,
    ) -> None:
        self.mns = mns
        #: The invocations of the home, whose outcomes can be delivered.
        self.queue = queue
        self.clock = clock
        self.host = f"127.0.0.1:{server.port}"
        self.url = f"http://{self.host}"
        self.port = server.port
        self._session = session

    async def ask(self, method: str, target: str, body: str | bytes = b"", **headers: str) -> Reply:
        """One request. Underscores in the names of headers are hyphens."""
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(self.url + target, encoded=True)
        async with self._session.request(
            method, url, data=io.BytesIO(data) if data else None, headers=named, allow_redirects=False
        ) as response:
            raw = [(name.decode(), value.decode()) for name, value in response.raw_headers]
            return Reply(response.status, raw, (await response.read()).decode())

    async def good(self, status: int, method: str, target: str, body: str | bytes = b"", **headers: str):
        reply = await self.ask(method, target, body, **headers)
        assert reply.status == status, reply
        return reply

    async def refused(self, status: int, code: str, method: str, target: str, body: str | bytes = b"", **h):
        """One request that must fail so, with everything in it that an SDK needs to understand it."""
        reply = await self.ask(method, target, body, **h)
        assert reply.status == status, reply
        assert reply.root == "Error" and [name for name, _ in reply.items] == [
            "Code",
            "Message",
            "RequestId",
            "HostId",
        ]
        assert reply["Code"] == code, reply
        assert reply["Message"] and reply["HostId"] == self.url
        assert reply["RequestId"] == reply.header("x-mns-request-id")
        return reply

    async def raw(self, text: bytes) -> bytes:
        """Send bytes over a connection of their own; everything that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(text)
            return await reader.read()
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def serving(home):
    writer = database.Writer(str(home))
    reader = database.connect(str(home), read_only=True)
    group = GroupCommit("queue", writer.commit)
    clock = FakeClock()
    mns = Mns(reader, group.add, clock, account_id=ACCOUNT)
    app = web.Application()
    app.add_routes(routes(SimpleNamespace(mns=mns), None))
    try:
        async with TestServer(app, host="127.0.0.1") as server, aiohttp.ClientSession() as session:
            yield Api(mns, DiskQueue(reader, group.add), clock, server, session)
            mns.polls.end()
    finally:
        await group.close()
        reader.close()
        writer.close()


def story(home, play) -> None:
    """Serve a home while ``play`` runs."""

    async def main():
        async with serving(home) as api:
            await asyncio.wait_for(play(api), 30)

    asyncio.run(main())
