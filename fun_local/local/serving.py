"""A template's functions behind their URLs, as the code lies there now (`fun local start`).

The daemon's own parts, over a home that nobody keeps: what answers here answers after a deploy.

    request ─▶ fresh: was anything saved? then read the template and deploy it here ─▶ the daemon's endpoint
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from aiohttp import web

from fun_local import wiring
from fun_local.emulator import Emulator
from fun_local.errors import FunLocalError, Unavailable
from fun_local.http.front import Front
from fun_local.local.live import followed
from fun_local.model.changes import Change
from fun_local.model.resources import Resources
from fun_local.runtime.debugger import Debugger
from fun_local.settings import Settings
from fun_local.store import logs
from fun_local.store.keys import KeyPair

#: Owner of all that is deployed here, so that what leaves the template goes.
_STACK = "local"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Project(Protocol):
    """What is served, in a folder where it is edited."""

    def read(self) -> Resources:
        """What the template says now. Raises FunLocalError for one that is no good."""

    def have_changed(self) -> bool:
        """Whether anything was saved since this was last asked."""

    def fileno(self) -> int:
        """A descriptor that can be read when something was saved; -1 where there is none."""


class Audience(Protocol):
    """Who is told what happens."""

    def started(self, url: str, resources: Resources, key: KeyPair) -> None:
        """Requests are answered now; ``key`` signs them."""

    def reloaded(self, url: str, resources: Resources, changes: Sequence[Change]) -> None:
        """What was saved is served now."""

    def failed(self, error: FunLocalError) -> None:
        """What was saved is no good: what was served before still is."""

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """A request got its answer."""

    def log(self, part: bytes) -> None:
        """A function has written to its log."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where functions are served. ``folder`` exists, is empty, and is nobody else's.

    ``settings`` have the port and the key; ``code_path`` tells the folder of a function's code.
    """

    folder: str
    settings: Settings
    environment: Mapping[str, str]
    code_path: Callable[[str], str]
    debugger: Debugger | None = None

    @property
    def home(self) -> str:
        return os.path.join(self.folder, "home")


def serve(stand: Stand, project: Project, resources: Resources, audience: Audience) -> None:
    """Serve a project until SIGINT, SIGTERM or SIGHUP. No function, and nothing it started, outlives that.

    Raises:
        Unavailable: the port can't be had.
        FunLocalError: the functions can't be deployed.
    """
    os.makedirs(log_dir := logs.folder(stand.home), mode=0o700)
    with followed(log_dir, audience.log):
        asyncio.run(_serve(stand, project, resources, audience))


async def _serve(stand: Stand, project: Project, resources: Resources, audience: Audience) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = stand.settings
    if stand.debugger is not None:
        settings = replace(settings, max_instances=1)  # a port has room for one
    with contextlib.closing(_front(stand.home, settings)) as front:
        environment = {**front.environment(), **stand.environment}
        async with wiring.emulator(
            stand.home, settings, environment, code_path=stand.code_path, debugger=stand.debugger
        ) as emulator:
            live = _Live(emulator, project, audience, front.url or "")
            await emulator.deployments.deploy(_STACK, resources)
            async with front.serve(emulator, live.around), _running(live.follow()):
                emulator.look()
                audience.started(live.url, resources, front.keyring.current)
                await stop.wait()
                emulator.mns.polls.end()  # or the server would wait for them


def _front(home: str, settings: Settings) -> Front:
    try:
        return Front.open(home, settings, is_needed=True)
    except Unavailable as error:
        hint = "Choose another port with --port; 0 takes any that is free."
        raise Unavailable(error.code, error.message, hint=hint) from None


@contextlib.asynccontextmanager
async def _running(work: Awaitable[None]) -> AsyncIterator[None]:
    """Something that goes on while the block runs."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Live:
    """Keeps what is served as it was saved last."""

    def __init__(self, emulator: Emulator, project: Project, audience: Audience, url: str) -> None:
        self._emulator = emulator
        self._project = project
        self._audience = audience
        self.url = url
        self._reading = asyncio.Lock()

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What was saved before a request is live for it."""
        started = time.perf_counter()
        await self.fresh()
        response = await handler(request)
        path = request.raw_path.partition("?")[0]  # the query may hold a signature
        self._audience.answered(request.method, path, response.status, time.perf_counter() - started)
        return response

    async def follow(self) -> None:
        """Look at what is saved also while nobody asks: its problems are then seen at once."""
        while await _readable(self._project.fileno()):
            await self.fresh()

    async def fresh(self) -> None:
        """Serve what is there now. Where that is no good, what was served before still is."""
        async with self._reading:
            if not self._project.have_changed():
                return
            try:
                resources = await asyncio.to_thread(self._project.read)
                done = await self._emulator.deployments.deploy(_STACK, resources)
            except FunLocalError as error:
                self._audience.failed(error)
                return
        changes = [change for change in done.changes if change.action != "Unchanged"]
        if changes:
            self._audience.reloaded(self.url, resources, changes)


async def _readable(fd: int) -> bool:
    """Wait until a descriptor can be read; False where there is none."""
    if fd < 0:
        return False
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)
    return True
