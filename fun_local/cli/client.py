"""Talking to the daemon over its socket, starting it when it is not there."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from fun_local.errors import Unavailable
from fun_local.home import SOCKET, lock_path, log_path
from fun_local.http.errors import error_from

_MAX_SOCKET_PATH = 100

#: How long a daemon may take to start (it may have to wait for another one to end).
_START_SECONDS = 30.0

#: How long an answer may take: the longest function time-out (async-semantics 13) and a little.
_ANSWER_SECONDS = 86_400 + 60


#: A longer log is set aside when a daemon starts, and the one set aside before is dropped.
_LOG_BYTES = 5 * 1024 * 1024


def raise_problem(answer: Mapping[str, Any]) -> None:
    """Raise what keeps a running daemon from having an endpoint (its operations endpoint, environment)."""
    if problem := answer["problem"]:
        hint = f"{problem['hint']} Then: fun daemon restart."
        raise Unavailable(problem["code"], problem["message"], hint=hint)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a home's Unix socket."""

    def __init__(self, home: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._home = home

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.timeout)
        try:
            with _address(self._home) as address:
                connection.connect(address)
        except BaseException:
            connection.close()
            raise
        self.sock = connection


@contextlib.contextmanager
def _address(home: str) -> Iterator[str]:
    """The socket's address; homes with long names are reached through an open descriptor."""
    path = os.path.join(home, SOCKET)
    if len(os.fsencode(path)) <= _MAX_SOCKET_PATH or not os.path.isdir("/proc/self/fd"):
        yield path
        return
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)


class Client:
    """One home's daemon, as the commands see it."""

    def __init__(self, home: str) -> None:
        self.home = home

    def is_up(self) -> bool:
        """Whether a daemon answers."""
        try:
            self._request("POST", "/local/status", b"", {})
        except (OSError, Unavailable):  # not there, or about to end
            return False
        return True

    def call(self, operation: str, *, start: bool = True, **arguments: Any) -> dict[str, Any]:
        """Run an operation of http/operations.py.

        Raises:
            FunLocalError: what the operation raised, or Unavailable when there is no daemon.
        """
        body = json.dumps(arguments).encode()
        status, _, answer = self._reach("POST", f"/local/{operation}", body, {}, start=start)
        return self._decoded(status, answer)

    def invoke(
        self, function: str, payload: bytes, headers: Mapping[str, str], *, qualifier: str = ""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Invoke a function; status, headers (lower-case names) and body of the answer."""
        from urllib.parse import quote

        path = f"/invocations/{quote(function)}"
        if qualifier:
            path += f"?qualifier={quote(qualifier)}"
        status, answer_headers, answer = self._reach("POST", path, payload, headers, start=True)
        if status >= 300:
            self._decoded(status, answer)
        return status, answer_headers, answer

    def start(self, *, needs_endpoint: bool = False, settings: Mapping[str, str] | None = None) -> None:
        """Start the daemon if it does not run, and wait until it answers.

        ``needs_endpoint`` makes a port that is taken an error. ``settings`` are variables of its environment.

        Raises:
            FunLocalError: why it did not start.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not self.is_up():
            report = self._spawn(needs_endpoint=needs_endpoint, settings=settings or {})
            error = report.get("error")
            # Somebody else was faster: their daemon will answer in a moment.
            if error and error["code"] != "DaemonRunning":
                raise Unavailable(error["code"], error["message"], hint=error["hint"])
            if error:
                time.sleep(0.02)
            if time.monotonic() > deadline:
                raise Unavailable(
                    "DaemonUnreachable",
                    f"the daemon of {self.home} does not answer",
                    hint="See why with: fun daemon logs",
                )

    def nudge_or_spawn(self) -> None:
        """After a message was put past the daemon: tell it, or start it without waiting for it.

        Never raises: the message is safe, and whoever starts the next daemon has it run.
        """
        try:
            self._request("POST", "/local/look", b"", {})
        except (OSError, Unavailable):
            self._popen(None).returncode = 0  # on purpose not waited for: it outlives us

    def wait_until_down(self, seconds: float = 30.0) -> bool:
        """Wait until no daemon holds the home's lock."""
        try:
            fd = os.open(lock_path(self.home), os.O_RDWR)
        except FileNotFoundError:
            return True
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return True
                time.sleep(0.02)
        finally:
            os.close(fd)
        return False

    def _spawn(self, *, needs_endpoint: bool, settings: Mapping[str, str]) -> dict[str, Any]:
        """Start a daemon; what it reports when it is ready or has failed."""
        read_fd, write_fd = os.pipe()
        try:
            process = self._popen(write_fd, needs_endpoint=needs_endpoint, settings=settings)
        finally:
            os.close(write_fd)
        with os.fdopen(read_fd) as pipe:
            line = pipe.readline()
        if not line:
            code = process.wait()
            return {
                "error": {
                    "code": "DaemonUnreachable",
                    "message": f"the daemon ended at once (exit {code})",
                    "hint": "See why with: fun daemon logs",
                }
            }
        process.returncode = 0  # on purpose not waited for: it outlives us
        report: dict[str, Any] = json.loads(line)
        return report

    def _popen(
        self,
        ready_fd: int | None,
        *,
        needs_endpoint: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        from fun_local.store.files import make_private_folder

        make_private_folder(self.home)
        path = log_path(self.home)
        with contextlib.suppress(FileNotFoundError):
            if os.path.getsize(path) > _LOG_BYTES:
                os.replace(path, path + ".1")
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "fun_local.daemon", self.home]
                + ([] if ready_fd is None else [str(ready_fd)])
                + (["endpoint"] if needs_endpoint else []),
                env={**os.environ, **(settings or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=() if ready_fd is None else (ready_fd,),
                cwd="/",
            )
        finally:
            os.close(log)

    def _reach(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, start: bool
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            return self._request(method, path, body, headers)
        except (FileNotFoundError, ConnectionRefusedError):
            if not start:
                raise Unavailable(
                    "DaemonUnreachable",
                    f"no daemon runs for {self.home}",
                    hint="Start it with: fun daemon start",
                ) from None
        self.start()
        return self._request(method, path, body, headers)

    def _request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = _UnixConnection(self.home, _ANSWER_SECONDS)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        except (http.client.HTTPException, ConnectionResetError, BrokenPipeError) as error:
            raise Unavailable(
                "DaemonUnreachable",
                f"the daemon ended before it answered ({type(error).__name__})",
                hint="See what has happened with: fun executions list",
            ) from None
        finally:
            connection.close()

    @staticmethod
    def _decoded(status: int, answer: bytes) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(answer)
        if status >= 300:
            raise error_from(status, body)
        return body
