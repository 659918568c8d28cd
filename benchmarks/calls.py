"""A call that waits for its answer: on a warm instance, and one that has to start it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from statistics import median

from benchmarks import home
from benchmarks.machine import environment, pass_seconds
from fun_local.cli.client import Client
from fun_local.model.resources import Function
from fun_local.runtime.process import ProcessRuntime

#: Calls before the measured ones.
_WARM_UP = 50

#: A turn of each kind, before it is the other's: long enough to be warm, short enough to share a slow moment.
_TURN = 20

_PATH = "/2021-04-06/services/bench/functions/main/invocations"

#: A server like ours that does nothing: what HTTP itself costs here.
_BARE_SERVER = """
import asyncio, sys
from aiohttp import web

async def echo(request):
    return web.Response(body=await request.read())

async def main():
    app = web.Application()
    app.router.add_post("/{path:.*}", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, sys.argv[1]).start()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""

#: A child that answers with what it was sent, each with its length before it (runtime.md 7.1).
_BARE_CHILD = """
import socket, struct, sys
with socket.socket(fileno=int(sys.argv[1])) as peer:
    while data := peer.recv(65536):
        peer.sendall(data)
"""


def over_our_socket(path: str, count: int) -> tuple[float, float]:
    """p10 in seconds of a synchronous no-op over the home's socket, and of its parts without us."""
    return _measured(path, count, _request("/invocations/main", {}), is_signed=False)


def over_the_endpoint(path: str, count: int) -> tuple[float, float]:
    """The same over the port that the vendor's clients use, with a signature that is checked each time."""
    return _measured(path, count, b"", is_signed=True)


def _measured(path: str, count: int, request: bytes, *, is_signed: bool) -> tuple[float, float]:
    calls: list[float] = []
    posts: list[float] = []
    trips: list[float] = []
    bare_socket = os.path.join(path, "bare.sock")
    with _one_core(), home.daemon(path), _bare_server(bare_socket) as port, _bare_child() as child:
        if is_signed:
            answer = Client(path).call("environment")
            request = _signed_request(answer)
            ours = socket.create_connection(("127.0.0.1", int(answer["endpoint"].rpartition(":")[2])))
            theirs = socket.create_connection(("127.0.0.1", port))
        else:
            ours = _connect(os.path.join(path, "daemon.sock"))
            theirs = _connect(bare_socket)
        with ours, theirs:
            for peer in (ours, theirs):
                _seconds(lambda peer=peer: _ask(peer, request), _WARM_UP)  # type: ignore[misc]
            _seconds(lambda: _echo(child), _WARM_UP)
            while len(calls) < count:
                calls += _seconds(lambda: _ask(ours, request), _TURN)
                posts += _seconds(lambda: _ask(theirs, request), _TURN)
                trips += _seconds(lambda: _echo(child), _TURN)
    return _calm(calls), _calm(posts) + _calm(trips)


def _calm(seconds: list[float]) -> float:
    """p10: of a call that four processes take part in, p50 says how busy the machine is."""
    return sorted(seconds)[len(seconds) // 10]


def _seconds(work: Callable[[], object], count: int) -> list[float]:
    found = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return found


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    return connection


def _request(path: str, headers: dict[str, str]) -> bytes:
    lines = {"Host": "127.0.0.1", "Content-Length": str(len(home.PAYLOAD)), **headers}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{text}\r\n".encode() + home.PAYLOAD


def _signed_request(answer: dict[str, str]) -> bytes:
    date = formatdate(usegmt=True)
    text = f"POST\n\n\n{date}\n{_PATH}"
    digest = hmac.new(answer["accessKeySecret"].encode(), text.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    key_id = answer["accessKeyId"]
    return _request(_PATH, {"Date": date, "Authorization": f"FC {key_id}:{signature}"})


def _ask(connection: socket.socket, request: bytes) -> None:
    """Send a request and read its whole answer, which must be what was sent."""
    connection.sendall(request)
    answer = connection.recv(65536)
    while len(answer.partition(b"\r\n\r\n")[2]) < len(home.PAYLOAD):
        part = connection.recv(65536)
        if not part:
            break
        answer += part
    if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(home.PAYLOAD):
        raise RuntimeError(f"not the answer of a no-op: {answer!r}")


def _echo(child: socket.socket) -> None:
    child.sendall(home.PAYLOAD)
    missing = len(home.PAYLOAD)
    while missing:
        missing -= len(child.recv(65536))


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    """Keep all that is started here on one core.

    On which core a process happens to be matters five times as much as what it does (runtime.md 7.3).
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def _bare_server(path: str) -> Iterator[int]:
    """Serves a Unix socket and a port, which is given."""
    command = [sys.executable, "-c", _BARE_SERVER, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()
            os.unlink(path)


@contextlib.contextmanager
def _bare_child() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    number = theirs.fileno()
    command = [sys.executable, "-S", "-c", _BARE_CHILD, str(number)]
    with ours, subprocess.Popen(command, pass_fds=(number,), env=environment()) as process:
        theirs.close()
        try:
            yield ours
        finally:
            process.kill()


def cold(path: str, count: int) -> tuple[float, float]:
    """p50 in seconds from asking for an instance to the result of its first call, and of `python -c pass`."""
    return asyncio.run(_cold(path, count))


async def _cold(path: str, count: int) -> tuple[float, float]:
    os.makedirs(path)
    with open(os.path.join(path, "index.py"), "w", encoding="utf-8") as file:
        file.write("def handler(event, context):\n    return event\n")
    runtime = ProcessRuntime(
        code_path=lambda digest: digest,
        log_dir=os.path.join(path, "logs"),
        run_dir=os.path.join(path, "run"),
        account_id="1234567890123456",
        region="cn-shanghai",
        stop_grace_seconds=1.0,
    )
    # Ours runs it: no look for another one.
    function = Function("bench", "main", f"python3.{sys.version_info[1]}", "index.handler", path)
    environ = environment()
    starts, passes = [], []
    for _ in range(count + 2):
        started = time.perf_counter()
        instance = await runtime.start(function)
        result = await instance.invoke("request", home.PAYLOAD, attempts=1)
        starts.append(time.perf_counter() - started)
        if result.payload != home.PAYLOAD:
            raise RuntimeError(f"not the result of a no-op: {result.payload!r}")
        await instance.stop()
        passes.append(pass_seconds(environ))
    return median(starts[2:]), median(passes[2:])
