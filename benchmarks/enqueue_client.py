"""`python -m benchmarks.enqueue_client`: invokes over plain sockets. Work in on stdin, seconds it took out.

Everything is made before the clock starts, signatures too: what is timed is sending bytes and looking at the
first of those that come back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import select
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

_ACCEPTED = b"HTTP/1.1 202 "
_END = b"\r\n\r\n"


def main() -> None:
    work = json.load(sys.stdin)
    requests = [_request(work) for _ in range(work["count"])]
    url = urlsplit(work["endpoint"])
    sockets = [socket.create_connection((url.hostname, url.port)) for _ in range(work["connections"])]
    for one in sockets:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    started = time.perf_counter()
    if len(sockets) == 1:
        _one_by_one(sockets[0], requests)
    else:
        _side_by_side(sockets, requests)
    print(time.perf_counter() - started)


def _one_by_one(connection: socket.socket, requests: list[bytes]) -> None:
    for request in requests:
        connection.sendall(request)
        _check(connection.recv(4096))


def _side_by_side(sockets: list[socket.socket], requests: list[bytes]) -> None:
    """As soon as a connection has its answer, it sends its next request."""
    by_fd = {one.fileno(): one for one in sockets}
    polling = select.epoll() if hasattr(select, "epoll") else select.poll()
    rest: Iterator[bytes] = iter(requests)
    for one in sockets:
        polling.register(one.fileno(), select.POLLIN)
        one.sendall(next(rest))
    waiting = len(sockets)
    while waiting:
        for fd, _ in polling.poll():
            _check(by_fd[fd].recv(4096))
            if (request := next(rest, None)) is None:
                waiting -= 1
            else:
                by_fd[fd].sendall(request)


def _check(answer: bytes) -> None:
    # It has no body and fits into one segment.
    if not answer.startswith(_ACCEPTED) or not answer.endswith(_END):
        raise RuntimeError(f"not accepted: {answer!r}")


def _request(work: dict[str, Any]) -> bytes:
    """One signed request (fc-api 2.1), with an id of its own, as it goes over the wire."""
    date = formatdate(usegmt=True)
    headers = {
        "x-fc-async-delay": str(work["delay"]),
        "x-fc-invocation-type": "Async",
        "x-fc-stateful-async-invocation-id": f"job-{uuid.uuid4()}",
    }
    signed = "".join(f"{name}:{value}\n" for name, value in headers.items())
    text = f"POST\n\n\n{date}\n{signed}{work['path']}"
    mac = hmac.digest(work["accessKeySecret"].encode(), text.encode(), hashlib.sha256)
    lines = {
        "Host": "127.0.0.1",
        "Date": date,
        **headers,
        "Authorization": f"FC {work['accessKeyId']}:{base64.b64encode(mac).decode()}",
        "Content-Length": str(len(work["payload"].encode())),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {work['path']} HTTP/1.1\r\n{head}\r\n{work['payload']}".encode()


if __name__ == "__main__":
    main()
