"""From handing an invocation in to the first line of its handler, beside a synced append."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import time
from statistics import median

from benchmarks import home
from benchmarks.machine import Log
from fun_local import wiring
from fun_local.settings import Settings

#: Rest between two probes: what the one before left to be written is written then.
_PAUSE_SECONDS = 0.01

#: Invocations before the measured ones: they start the instance and warm it.
_WARM_UP = 10


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


def over_http(path: str, count: int) -> tuple[float, float]:
    """p50 in seconds over one kept-alive connection to the daemon, and of the append beside it."""
    log = Log(path)
    starts, appends = [], []
    with home.daemon(path), _receiver() as receiver:
        connection = UnixConnection(os.path.join(path, "daemon.sock"))
        port = b"%d" % receiver.getsockname()[1]
        for _ in range(count + _WARM_UP):
            sent = time.monotonic_ns()
            connection.request("POST", "/invocations/probe", port, {"X-Fc-Invocation-Type": "Async"})
            response = connection.getresponse()
            answer = response.read()
            if response.status != 202:
                raise RuntimeError(f"not accepted: {answer!r}")
            starts.append((int(receiver.recv(64)) - sent) / 1e9)
            time.sleep(_PAUSE_SECONDS)
            appends.append(log.append_seconds())
            time.sleep(_PAUSE_SECONDS)
        connection.close()
    log.close()
    return median(starts[_WARM_UP:]), median(appends[_WARM_UP:])


def in_process(path: str, count: int) -> tuple[float, float]:
    """The same for ``Emulator.invoke_async`` in a program of one's own."""
    return asyncio.run(_in_process(path, count))


async def _in_process(path: str, count: int) -> tuple[float, float]:
    log = Log(path)
    starts, appends = [], []
    loop = asyncio.get_running_loop()
    with _receiver() as receiver:
        receiver.setblocking(False)
        port = b"%d" % receiver.getsockname()[1]
        async with wiring.emulator(path, Settings()) as emulator:
            for _ in range(count + _WARM_UP):
                sent = time.monotonic_ns()
                await emulator.invoke_async("probe", port)
                starts.append((int(await loop.sock_recv(receiver, 64)) - sent) / 1e9)
                await asyncio.sleep(_PAUSE_SECONDS)
                appends.append(log.append_seconds())
                await asyncio.sleep(_PAUSE_SECONDS)
    log.close()
    return median(starts[_WARM_UP:]), median(appends[_WARM_UP:])


def _receiver() -> socket.socket:
    """Where handlers tell when they began."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(30)
    return receiver
