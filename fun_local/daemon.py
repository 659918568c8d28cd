"""The daemon's life: one per home, from the lock to the last write.

    lock the home -> take the port -> end what a killed daemon left running -> open the files -> listen
    -> read the queue

Listening comes before reading: whoever puts a message and can't reach us has put it before we read.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping

from fun_local import __version__, settings, wiring
from fun_local.errors import FunLocalError, Unavailable
from fun_local.home import SOCKET, instances_folder, lock_path
from fun_local.http.front import Front
from fun_local.http.server import serve
from fun_local.runtime.processes import kill_leftovers
from fun_local.store import buckets
from fun_local.store.files import make_private_folder

log = logging.getLogger("fun_local.daemon")

#: How long a starting daemon waits for one that is about to end.
_LOCK_SECONDS = 10.0


async def run(
    home: str,
    ready_fd: int | None = None,
    *,
    needs_endpoint: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Serve a home until SIGTERM, SIGINT or a request to shut down.

    ``ready_fd`` gets one line of JSON, ``{"pid": …}`` or ``{"error": …}``, and is closed. With
    ``needs_endpoint`` a port that is taken is an error; without, only the Unix socket is served then.

    Raises:
        Unavailable: another daemon serves this home, or the port is taken.
        CorruptState: a state file is damaged.
    """
    try:
        make_private_folder(home)
        chosen, _ = settings.load(home, environ)
        with _locked(home), contextlib.closing(Front.open(home, chosen, is_needed=needs_endpoint)) as front:
            # Addresses of Unix sockets are short, homes may be long: bind by a relative name.
            os.chdir(home)
            kill_leftovers(instances_folder(home))
            _check_newest_bucket(home)
            # Switching between the threads that sync and the loop: the default of 5 ms is a long wait
            # for a call that takes one.
            sys.setswitchinterval(0.0005)
            async with wiring.emulator(home, chosen, front.environment()) as emulator:
                stop = asyncio.Event()
                loop = asyncio.get_running_loop()
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, stop.set)
                async with serve(emulator, SOCKET, stop.set, front.operations()), front.serve(emulator):
                    emulator.look()
                    pruning = loop.create_task(_prune(emulator.prune, chosen.history_days * 86_400))
                    log.info("serving %s", home, extra={"action": "start"})
                    _report(ready_fd, {"pid": os.getpid()})
                    ready_fd = None
                    await stop.wait()
                    pruning.cancel()
                    emulator.mns.polls.end()  # or the servers would wait for them
                log.info("stopping", extra={"action": "stop"})
    except FunLocalError as error:
        report = {"code": error.code, "message": error.message, "hint": error.hint}
        _report(ready_fd, {"error": report})
        raise


def _report(ready_fd: int | None, report: object) -> None:
    if ready_fd is not None:
        with contextlib.suppress(BrokenPipeError):
            os.write(ready_fd, json.dumps(report).encode() + b"\n")
        os.close(ready_fd)


@contextlib.contextmanager
def _locked(home: str) -> Iterator[None]:
    fd = os.open(lock_path(home), os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # One that listens is at work; one that doesn't is starting or ending.
                if os.path.exists(os.path.join(home, SOCKET)) or time.monotonic() > deadline:
                    holder = os.pread(fd, 100, 0).decode(errors="replace").split(" ")[0]
                    raise Unavailable(
                        "DaemonRunning",
                        f"a daemon (pid {holder}) already serves {home}",
                        hint="Use it, stop it (fun daemon stop), or choose another FUN_LOCAL_HOME.",
                    ) from None
                time.sleep(0.02)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {__version__}\n".encode(), 0)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(home, SOCKET))  # of a daemon that was killed
        yield
    finally:
        os.close(fd)


def _check_newest_bucket(home: str) -> None:
    """A damaged bucket that will be written to must be seen now, not at the first execution."""
    numbers = list(buckets.buckets_on_disk(home))
    if numbers:
        buckets.read_bucket(buckets.bucket_path(home, numbers[-1]))


async def _prune(prune: Callable[[float], Awaitable[int]], older_than_seconds: float) -> None:
    """History is kept for seven days (async-semantics 13)."""
    while True:
        try:
            deleted = await prune(older_than_seconds)
            if deleted:
                log.info("pruned %d executions", deleted, extra={"action": "prune"})
        except FunLocalError as error:
            log.error("pruning failed: %s", error, extra={"action": "prune"})
        await asyncio.sleep(3600)


def serve_home(
    home: str,
    ready_fd: int | None = None,
    *,
    needs_endpoint: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Be the daemon of a home, in this process: private files, a log on stderr. Arguments as ``run``."""
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run(home, ready_fd, needs_endpoint=needs_endpoint, environ=environ))


def main() -> None:
    """``python -m fun_local.daemon HOME [READY_FD [endpoint]]``: how the clients start it."""
    home, *rest = sys.argv[1:]
    try:
        serve_home(home, int(rest[0]) if rest else None, needs_endpoint="endpoint" in rest[1:])
    except FunLocalError as error:
        log.error("%s", error)
        sys.exit(1)


if __name__ == "__main__":
    main()
