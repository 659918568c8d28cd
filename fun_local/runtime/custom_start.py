"""Starts custom runtimes, and finds out on which port the server of each listens.

In the cloud each instance has a machine of its own and listens on the function's port, 9000. Here all
share one machine, so each is offered a free port in the variables that tell the port (runtime.md 4.1). Most
servers heed one of them. One that insists on the function's port gets it, and then it can be there only once:

    first start   any free port is offered; what the server then listens on tells which kind it is
    it heeds      as many instances as are needed, at any time
    it insists    one instance; another function's that has the port is ended when it is idle

Network namespaces would give each its own port 9000, and cut it off from the network: the reason why not.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fun_local.errors import Unavailable
from fun_local.model.resources import Function
from fun_local.runtime import custom_program, instance_log, listening, start_failures
from fun_local.runtime.custom import CustomInstance
from fun_local.runtime.exchange import Headers, Server
from fun_local.runtime.listening import Listener
from fun_local.runtime.server_process import ServerProcess
from fun_local.runtime.spawn import Spawned
from fun_local.runtime.start_failures import ServerExited

#: Seconds a server has until it takes connections (runtime.md 4.1).
START_SECONDS = 120.0

#: Seconds between two looks at a server that is starting: first and at most.
_LOOK_SECONDS = 0.005
_MOST_LOOK_SECONDS = 0.1

#: Instances of a function whose server heeds the port that it is told.
MANY = 1_000_000


class Launch(Protocol):
    """Runs a command for a function, on a port: spawn.spawn with the environment that belongs to it."""

    def __call__(self, command: tuple[str, ...], port: int) -> Spawned: ...


@dataclass(frozen=True, slots=True)
class Start:
    """A start that is under way."""

    function: Function
    command: tuple[str, ...]
    code: str
    headers: Headers
    launch: Launch


class CustomRuntime:
    """Starts instances of custom runtimes. ``tend`` makes what watches a process and ends it."""

    def __init__(self, tend: Callable[[Spawned, Function], ServerProcess]) -> None:
        self._tend = tend
        # By function: its revision, and whether its server insists on the function's port.
        self._insists: dict[tuple[str, str, str], tuple[str, bool]] = {}
        # Who has a port of its own choice; and who may be about to get it.
        self._holders: dict[int, CustomInstance] = {}
        self._undecided: defaultdict[int, set[asyncio.Future[None]]] = defaultdict(set)
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._offered: set[int] = set()

    def most(self, function: Function) -> int:
        """One until it is known that its server heeds the port that it is told."""
        return MANY if self._is_insisting(function) is False else 1

    async def start(
        self, function: Function, *, code: str, headers: Headers, launch: Launch
    ) -> CustomInstance:
        """A ready instance.

        Raises:
            Conflict: its program can't be run, or ended, or does not listen; with the vendor's code.
            OSError: the system can't start it now.
        """
        start = Start(function, custom_program.command(function, code), code, headers, launch)
        is_insisting = self._is_insisting(function)
        if is_insisting is False:
            return await self._launch(start)
        port = function.ca_port
        if is_insisting is None:
            decided: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            had_rival = self._has_rival(port)
            self._undecided[port].add(decided)
            try:
                return await self._launch(start)
            except ServerExited:
                self._undecided[port].discard(decided)
                # It may be that the port was another function's. Who is alone has nobody to blame.
                if not had_rival and not self._has_rival(port):
                    raise
            finally:
                self._undecided[port].discard(decided)
                decided.set_result(None)
        async with self._turns[port]:
            while self._undecided[port]:
                await asyncio.wait(self._undecided[port])
            await self._vacate(port)
            return await self._launch(start, port if is_insisting else 0)

    def _is_insisting(self, function: Function) -> bool | None:
        revision, is_insisting = self._insists.get(function.key, ("", False))
        return is_insisting if revision and revision == function.revision else None

    def _has_rival(self, port: int) -> bool:
        """Whether a server of another function has a port, or may be about to take it."""
        holder = self._holders.get(port)
        return bool(self._undecided[port]) or (holder is not None and not holder.has_ended)

    async def _vacate(self, port: int) -> None:
        """Have the instance that listens on a function's own port end, once it is idle."""
        while (holder := self._holders.get(port)) is not None:
            await holder.retire()
            if self._holders.get(port) is holder:
                del self._holders[port]

    async def _launch(self, start: Start, port: int = 0) -> CustomInstance:
        function = start.function
        offered = port or listening.free_port(self._offered)
        self._offered.add(offered)
        is_taken = not listening.can_tell() and await listening.answers("127.0.0.1", function.ca_port)
        wanted = (offered,) if is_taken else (offered, function.ca_port)
        process: ServerProcess | None = None
        is_ready = False
        try:
            try:
                process = self._tend(start.launch(start.command, offered), function)
            except Unavailable as error:
                if isinstance(error.__cause__, OSError):
                    raise start_failures.not_run(start.command, start.code, error.__cause__) from None
                raise
            listener, host = await self._wait(start, process, wanted)
            is_ready = True
        finally:
            self._offered.discard(offered)
            if process is not None and not is_ready:
                await process.end()
        instance = CustomInstance(
            process, Server(host, listener.port), function=function, headers=start.headers
        )
        self._learn(function, instance, listener, offered)
        return instance

    def _learn(self, function: Function, instance: CustomInstance, listener: Listener, offered: int) -> None:
        if listener.port == function.ca_port:
            self._holders[listener.port] = instance
        if offered != function.ca_port:
            self._insists[function.key] = (function.revision, listener.port != offered)
        if listener.port != offered:
            notice = (
                f"the server listens on port {listener.port}, though FC_SERVER_PORT says {offered}: there can"
                " be one instance of it at a time. Have it listen on the port in FC_SERVER_PORT for more."
            )
            instance_log.add_line(instance.log_path, f"fun-local: {notice}")
        if listener.is_loopback:
            notice = (
                f"the server listens on {listener.address} alone, which is enough here. In the cloud it has"
                " to listen on 0.0.0.0."
            )
            instance_log.add_line(instance.log_path, f"fun-local: {notice}")

    async def _wait(
        self, start: Start, process: ServerProcess, ports: tuple[int, ...]
    ) -> tuple[Listener, str]:
        """Until the server takes connections on one of the ports; which, and under which address."""
        seconds = _LOOK_SECONDS
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while loop.time() < deadline:
            await asyncio.wait({process.gone}, timeout=seconds)
            if process.gone.done():
                raise await self._exited(start, process)
            found = await _listener(process, ports)
            if found is not None:
                return found
            seconds = min(seconds * 1.5, _MOST_LOOK_SECONDS)
        heard = None
        if listening.can_tell():
            found_all = await asyncio.to_thread(listening.listeners, process.pid, process.id)
            heard = [listener.port for listener in found_all]
        raise start_failures.not_listening(
            start.function.ca_port, START_SECONDS, process.log_path, offered=ports[0], heard=heard
        )

    @staticmethod
    async def _exited(start: Start, process: ServerProcess) -> ServerExited:
        await process.end()
        port = start.function.ca_port
        is_taken = await listening.answers("127.0.0.1", port)
        return start_failures.exited(
            start.command,
            start.code,
            process.exit_code or 0,
            process.log_path,
            taken_port=port if is_taken else 0,
        )


async def _listener(process: ServerProcess, ports: tuple[int, ...]) -> tuple[Listener, str] | None:
    if listening.can_tell():
        found = await asyncio.to_thread(listening.listeners, process.pid, process.id, ports)
        candidates = sorted(found, key=lambda listener: (ports.index(listener.port), listener.is_loopback))
    else:
        candidates = [Listener(port) for port in ports]
    for listener in candidates:
        for host in listener.hosts:
            if await listening.answers(host, listener.port):
                return listener, host
    return None
