"""The Function Compute API over a home whose instances are scripted (fakes.py), in the test's own loop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import zipfile
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from fun_local.http import endpoint, mns
from fun_local.http.fc import Context, routes
from fun_local.http.fc.dialects import DIALECTS, FC_2016, FC_2021, FC_2023, Dialect
from fun_local.http.limits import Limits
from fun_local.http.quick import QuickWay
from fun_local.http.web import Visits
from fun_local.store.archives import Archives
from fun_local.store.code import CodeStore
from fun_local.store.objects import Objects
from tests import signing
from tests.fakes import SERVICE, FakeClock, Stage, stage

ACCOUNT = "1234567890123456"
REGION = "cn-shanghai"
BASE_URL = "http://127.0.0.1:9000"
VERSIONS = {dialect.version: dialect for dialect in DIALECTS}

__all__ = ["ACCOUNT", "BASE_URL", "FC_2016", "FC_2021", "FC_2023", "REGION", "SERVICE", "VERSIONS", "story"]


def archive(**files: str) -> bytes:
    """A zip archive; a file's dots are written as double underscores."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text in (files or {"index__py": "def handler(event, context): return event"}).items():
            opened.writestr(name.replace("__", "."), text)
    return buffer.getvalue()


def zipped(**files: str) -> str:
    """As it travels."""
    return base64.b64encode(archive(**files)).decode()


@dataclass
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"].startswith("application/json"), self.headers
        return orjson.loads(self.body)

    def __getitem__(self, name):
        return self.json[name]

    @property
    def code(self) -> str:
        return self.json["ErrorCode"]

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.code


@dataclass
class Api:
    """Requests as one version's clients send them; paths are below the version."""

    stage: Stage
    archives: Archives
    objects: Objects
    server: TestServer
    session: aiohttp.ClientSession
    dialect: Dialect

    @property
    def clock(self) -> FakeClock:
        return self.stage.clock

    def as_in(self, version: str) -> Api:
        """The same home seen through another version."""
        return Api(self.stage, self.archives, self.objects, self.server, self.session, VERSIONS[version])

    async def send(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: Any
    ) -> Reply:
        """A body that is not bytes becomes JSON."""
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        url = self.server.make_url("/").with_path(f"/{self.dialect.version}{path}", encoded=True)
        return await self.request(method, url.with_query(query), data, headers)

    async def request(self, method, url, data=None, headers=None) -> Reply:
        # As a stream: aiohttp's client warns of large bodies that are none.
        content = io.BytesIO(data) if isinstance(data, bytes) else data
        sent = self.session.request(
            method, url, data=content, headers=headers, skip_auto_headers=("Content-Type",)
        )
        async with sent as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **query: Any) -> Reply:
        return await self.send("GET", path, **query)

    async def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The object that a success answers."""
        reply = await self.send(method, path, body, **options)
        assert reply.status == 200, reply.body
        assert len(reply.headers["X-Fc-Request-Id"]) == (36 if self.dialect.has_services else 32)
        return reply.json

    async def gone(self, path: str, **options: Any) -> None:
        """Delete something: 204 and nothing that a client could take for an answer."""
        reply = await self.send("DELETE", path, **options)
        assert (reply.status, reply.body) == (204, b""), reply.body
        assert "Content-Type" not in reply.headers

    # --- where things are

    def of(self, name: str = "f") -> str:
        """A function's path."""
        return f"/services/{SERVICE}/functions/{name}" if self.dialect.has_services else f"/functions/{name}"

    def scope(self, name: str = "f") -> str:
        """The path of what versions and aliases belong to."""
        return f"/services/{SERVICE}" if self.dialect.has_services else f"/functions/{name}"

    @property
    def functions(self) -> str:
        return self.of("x").removesuffix("/x")

    def executions(self, name: str = "f") -> str:
        last = "stateful-async-invocations" if self.dialect.has_services else "async-tasks"
        return f"{self.of(name)}/{last}"

    def stop_of(self, invocation_id: str) -> str:
        return f"{self.executions()}/{invocation_id}" + ("" if self.dialect.has_services else "/stop")

    # --- what most stories begin with

    async def create(self, name: str = "f", **fields: Any) -> Any:
        """A function, with its service if that is not there yet."""
        if self.dialect.has_services:
            await self.send("POST", "/services", {"serviceName": SERVICE})
        body = {
            "functionName": name,
            "runtime": "python3",
            "handler": "index.handler",
            "code": {"zipFile": zipped()},
        }
        return await self.ok("POST", self.functions, {**body, **fields})

    async def configure(self, name: str = "f", **fields: Any) -> Any:
        """An asynchronous configuration that leaves records."""
        sent = {self.dialect.named("statefulInvocation"): True, "maxAsyncRetryAttempts": 0, **fields}
        return await self.ok("PUT", f"{self.of(name)}/async-invoke-config", sent)

    async def invoke(
        self, body: Any = b"", *, name: str = "f", headers: dict[str, str] | None = None, **query: Any
    ) -> Reply:
        return await self.send("POST", f"{self.of(name)}/invocations", body, headers=headers, **query)

    async def later(self, body: Any, invocation_id: str = "", *, name: str = "f", **headers: str) -> Reply:
        """Invoke asynchronously."""
        sent = {"X-Fc-Invocation-Type": "Async", **headers}
        if invocation_id:
            sent[self.dialect.id_header] = invocation_id
        return await self.invoke(body, name=name, headers=sent)


@contextlib.asynccontextmanager
async def serving(home, dialect: Dialect, *functions):
    async with stage(home, *functions) as opened:
        archives = Archives(f"{opened.home}/archives", CodeStore(f"{opened.home}/code"))
        objects = Objects(f"{opened.home}/oss")
        context = Context(REGION, ACCOUNT, lambda: BASE_URL, archives, objects, b"secret")
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes(routes(opened.emulator, context))
        async with TestServer(app, host="127.0.0.1") as server, aiohttp.ClientSession() as session:
            yield Api(opened, archives, objects, server, session, dialect)


@dataclass
class Gated:
    """The whole endpoint over such a home: what is asked here needs a signature, as it does of a client."""

    stage: Stage
    url: str
    session: aiohttp.ClientSession

    async def ask(
        self, method: str, target: str, body: bytes = b"", *, sign=signing.fc, headers=None, **options: Any
    ) -> Reply:
        """``sign`` makes the headers, with ``options``; None: the request goes without a signature."""
        sent = dict(headers or {})
        if sign:
            keys = {**KEY, **options}
            sent = (
                sign(method, target, {"host": HOST, **sent}, body, **keys)
                if sign is signing.acs3
                else sign(method, target, sent, **keys)
            )
        url = URL(self.url + target, encoded=True)
        async with self.session.request(
            method, url, data=body or None, headers=sent, skip_auto_headers=_NO_HEADERS
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())


#: What the endpoint of ``gated`` knows. Signed requests may call the host as they like.
KEY = {"key": "ak", "secret": "sk"}
HOST = "127.0.0.1"
_NO_HEADERS = ("Content-Type", "User-Agent", "Accept", "Accept-Encoding")


@contextlib.asynccontextmanager
async def gated(home, *functions, limits=None, quick=True):
    """Both ways are open, as they are in a daemon; without ``quick`` the long one alone."""
    limits = limits or Limits()
    async with stage(home, *functions) as opened:
        listener = endpoint.bind("127.0.0.1", 0)
        archives = Archives(f"{opened.home}/archives", CodeStore(f"{opened.home}/code"))
        objects = Objects(f"{opened.home}/oss")
        context = Context(REGION, ACCOUNT, lambda: listener.url, archives, objects, b"secret")

        def secrets():
            return {KEY["key"]: KEY["secret"]}

        app = endpoint.application(
            [*routes(opened.emulator, context), *mns.routes(opened.emulator)],
            port=listener.port,
            secrets=secrets,
            limits=limits,
            visits=Visits(opened.emulator, context),
        )
        way = QuickWay(opened.emulator, context, secrets) if quick else None
        async with endpoint.serve(app, listener, limits, quick=way), aiohttp.ClientSession() as session:
            yield Gated(opened, listener.url, session)
            opened.emulator.mns.polls.end()


def story(home, dialect: Dialect, play, *functions) -> None:
    """Serve a home while ``play(api)`` runs."""

    async def main():
        async with serving(home, dialect, *functions) as api:
            await asyncio.wait_for(play(api), 60)

    asyncio.run(main())


def plays(versions):
    """A test per version: its body is a story told to that version's API."""

    def decorate(play):
        @pytest.mark.parametrize("version", versions)
        def test(tmp_path, version):
            story(tmp_path, VERSIONS[version], play)

        test.__name__, test.__doc__ = play.__name__, play.__doc__
        return test

    return decorate


in_all = plays(list(VERSIONS))
with_services = plays(["2016-08-15", "2021-04-06"])
only_2016 = plays(["2016-08-15"])
only_2023 = plays(["2023-03-30"])


def local(api: Api, url: str) -> URL:
    """A link to this endpoint, where the test's server really is."""
    assert url.startswith(BASE_URL)
    return URL(url.replace(BASE_URL, str(api.server.make_url("")).rstrip("/")), encoded=True)
