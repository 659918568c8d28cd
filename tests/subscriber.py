"""A web server that subscribes to topics, and a client that only pretends to reach one."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes import FakeClock


@dataclass
class Pushed:
    """One request as a subscriber saw it."""

    path: str
    headers: dict[str, str]
    body: bytes
    at_ms: int = 0


@dataclass
class Subscriber:
    """A real server. ``statuses`` are its next answers; then it says 204."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    pushed: list[Pushed] = field(default_factory=list)
    #: Cleared: nothing is answered until it is set.
    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        self.pushed.append(Pushed(request.raw_path, dict(request.headers), await request.read()))
        await self.is_open.wait()
        status = self.statuses.pop(0) if self.statuses else 204
        moved = {"Location": f"{self.url}/elsewhere"} if 300 <= status < 400 else {}
        return web.Response(status=status, headers=moved)


@contextlib.asynccontextmanager
async def subscriber():
    """A subscriber that listens on a port of its own."""
    found = Subscriber()
    found.is_open.set()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield found
    finally:
        found.is_open.set()
        await runner.cleanup()


@dataclass
class ScriptedClient:
    """pushes.Client without a network. ``problems`` are what its next posts meet; then all is well."""

    clock: FakeClock
    problems: list[str | Exception] = field(default_factory=list)
    pushed: list[Pushed] = field(default_factory=list)
    busy: int = 0
    is_closed: bool = False
    #: URLs of which nothing comes back.
    silent: set[str] = field(default_factory=set)

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> str:
        self.pushed.append(Pushed(url, headers, body, self.clock.now_ms()))
        self.busy += 1
        try:
            if url in self.silent:
                await asyncio.Event().wait()
            problem = self.problems.pop(0) if self.problems else ""
            if isinstance(problem, Exception):
                raise problem
            return problem
        finally:
            self.busy -= 1

    async def close(self) -> None:
        self.is_closed = True

    @property
    def bodies(self) -> list[str]:
        return [one.body.decode() for one in self.pushed]
