"""RAM, STS, ROS and OSS at a real endpoint over a home whose instances are scripted (fakes.py)."""

from __future__ import annotations

import asyncio
import contextlib
import io
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from yarl import URL

from fun_local import wiring
from fun_local.http import endpoint, oss, pop
from fun_local.http.limits import Limits
from fun_local.http.refusals import Family
from fun_local.settings import Settings
from fun_local.stacks import Stacks
from fun_local.store.keys import KeyPair, Keyring
from fun_local.store.objects import Objects
from fun_local.store.permissions import PermissionFile
from tests import signing
from tests.fakes import Stage, stage

NOW = 1_795_000_000.0
REGION = "cn-shanghai"
ACCOUNT = "1234567890123456"
KEY = {"key": "ak", "secret": "sk"}
BUCKET = "fun-gen-cn-shanghai-1234567890123456"

RAM, STS, ROS = "2015-05-01", "2015-04-01", "2019-09-10"


@dataclass
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"].startswith("application/json"), self.headers
        return orjson.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Cloud:
    stage: Stage
    stacks: Stacks
    objects: Objects
    keyring: Keyring
    port: int
    session: aiohttp.ClientSession
    #: Of the requests that were sent.
    hosts: dict[str, str] = field(
        default_factory=lambda: {
            RAM: "ram.aliyuncs.com",
            STS: "sts.aliyuncs.com",
            ROS: "ros.aliyuncs.com",
        }
    )

    async def send(self, method: str, target: str, headers=None, body: bytes = b"") -> Reply:
        url = URL(f"http://127.0.0.1:{self.port}{target}", encoded=True)
        # As a stream: without a length, as Funcraft sends it.
        data = io.BytesIO(body) if body else None
        skipped = ("Content-Type", "Accept-Encoding")
        sent = self.session.request(method, url, headers=headers, data=data, skip_auto_headers=skipped)
        async with sent as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    # --- RPC

    async def rpc(
        self, version: str, action: str, *, method: str = "POST", at=NOW, key=None, **given
    ) -> Reply:
        """A signed request; ``__`` in the names of parameters is a dot."""
        named = {name.replace("__", "."): str(value) for name, value in given.items()}
        asked = {"Action": action, "Version": version, **named}
        text = urlencode(signing.rpc(method, asked, at=at, **(key or KEY)), quote_via=quote)
        headers = {"Host": self.hosts.get(version, "x.aliyuncs.com")}
        if method == "GET":
            return await self.send("GET", f"/?{text}", headers)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return await self.send("POST", "/", headers, text.encode())

    async def ok(self, version: str, action: str, **given) -> Any:
        reply = await self.rpc(version, action, **given)
        assert reply.status == 200, reply.body
        assert reply.json["RequestId"]
        return reply.json

    async def refused(self, status: int, code: str, version: str, action: str, **given) -> str:
        """The message of a request that must fail so."""
        reply = await self.rpc(version, action, **given)
        assert (reply.status, reply.json["Code"]) == (status, code), reply.body
        assert set(reply.json) == {"RequestId", "HostId", "Code", "Message"}
        return reply.json["Message"]

    # --- OSS

    async def oss(self, method, name="", body=b"", headers=None, *, bucket=BUCKET, sub="", **signed) -> Reply:
        """A signed request by the name of a bucket."""
        headers = signing.oss(method, bucket, name, headers, sub=sub, **{"at": NOW, **KEY, **signed})
        headers["Host"] = f"{bucket}.oss-{REGION}.aliyuncs.com"
        target = f"/{quote(name)}" + (f"?{sub}=" if sub else "")
        return await self.send(method, target, headers, body)

    async def upload(self, content: bytes, key: str = "code.zip") -> str:
        """An object in a bucket that is made if need be; its address."""
        assert (await self.oss("PUT")).status == 200
        assert (await self.oss("PUT", key, content)).status == 200
        return f"oss://{BUCKET}/{key}"

    # --- ROS

    async def settled(self, stack_id: str) -> list[dict]:
        """The events of a stack, the newest first, once it is no longer in progress."""
        async with asyncio.timeout(20):
            while True:
                told = await self.ok(ROS, "ListStackEvents", StackId=stack_id, PageSize=50)
                if not told["Events"][0]["Status"].endswith("IN_PROGRESS"):
                    return told["Events"]
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(home, **options):
    async with stage(home) as opened:
        settings = Settings(region=REGION, account_id=ACCOUNT)
        archives, objects = wiring.archives(opened.home), wiring.objects(opened.home)
        stacks = wiring.stacks(
            opened.home, settings, opened.emulator, archives=archives, objects=objects, clock=opened.clock
        )
        keyring = Keyring(opened.home, KeyPair("ak", "sk"))
        context = pop.Context(
            stacks=stacks,
            permissions=PermissionFile(opened.home),
            keyring=keyring,
            region=REGION,
            account_id=ACCOUNT,
            now_ms=lambda: int(NOW * 1000),
        )
        listener, limits = endpoint.bind("127.0.0.1", 0), Limits()
        app = endpoint.application(
            [],
            port=listener.port,
            secrets=keyring.secrets,
            limits=limits,
            now=lambda: NOW,
            proven=("/console",),
            apis={
                Family.OSS: oss.Api(objects, region=REGION).answer,
                Family.POP: pop.Api(context).answer,
            },
            **options,
        )
        async with endpoint.serve(app, listener, limits), aiohttp.ClientSession() as session:
            yield Cloud(opened, stacks, objects, keyring, listener.port, session)
            await stacks.close()


def on_cloud(play):
    """A test whose body is a story told to a cloud."""

    def test(tmp_path):
        async def main():
            async with serving(tmp_path) as cloud:
                await asyncio.wait_for(play(cloud), 60)

        asyncio.run(main())

    test.__name__, test.__doc__ = play.__name__, play.__doc__
    return test
