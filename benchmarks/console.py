"""A drain that three consoles look at: their streams, and the loads that they make while news are left out.

What reads is a process of its own, as a browser is. It draws nothing: what a browser spends on that is no
cost of the daemon's, though it is felt where both share few processors.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

from benchmarks import home
from fun_local.cli.client import Client
from fun_local.console.sessions import KEY_HEADER
from fun_local.store import database

#: Pages that are open. A browser closes the stream of a page that nobody sees.
CONSOLES = 3

_READER = """
import http.client, json, sys, threading, time

host, headers, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])

def load(stale):
    connection = http.client.HTTPConnection(host)
    while True:
        stale.wait()
        time.sleep(8)  # as the page does
        stale.clear()
        connection.request("GET", "/local/executions?limit=50", headers=headers)
        connection.getresponse().read()

def follow():
    stale = threading.Event()
    threading.Thread(target=load, args=(stale,), daemon=True).start()
    connection = http.client.HTTPConnection(host)
    connection.request("GET", "/local/events", headers=headers)
    answer = connection.getresponse()
    print("following", flush=True)
    while line := answer.readline():
        if b'"leftOut":' in line and not line.endswith(b'"leftOut":0}\\n'):
            stale.set()

threads = [threading.Thread(target=follow) for _ in range(count)]
for thread in threads:
    thread.start()
"""


def drain_rate(path: str, count: int, instances: int, *, consoles: int) -> float:
    """Executions a second with so many consoles. Unlike in ``home.drain_rate`` the daemon is up already."""
    with (
        contextlib.closing(database.connect(path, read_only=True)) as connection,
        home.daemon(path, FUN_LOCAL_MAX_INSTANCES=str(instances)),
        _looking_on(path, consoles),
    ):
        home.fill(path, count)
        Client(path).call("look")
        return home.rate(lambda: count - home.waiting(connection), count)


@contextlib.contextmanager
def _looking_on(path: str, consoles: int) -> Iterator[None]:
    """Consoles that are open while the block runs."""
    if not consoles:
        yield
        return
    url = urlsplit(Client(path).call("console")["url"])
    headers = _session(url.netloc, url.fragment.removeprefix("token="))
    command = [sys.executable, "-c", _READER, url.netloc, json.dumps(headers), str(consoles)]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert reader.stdout is not None
        for _ in range(consoles):
            if not reader.stdout.readline():
                raise RuntimeError("the consoles could not follow the daemon")
        yield
    finally:
        reader.kill()
        reader.communicate()


def _session(host: str, token: str) -> dict[str, str]:
    """The headers of a session."""
    connection = http.client.HTTPConnection(host)
    connection.request("POST", "/console/session", json.dumps({"token": token}))
    answer = connection.getresponse()
    cookie, key = answer.headers["Set-Cookie"].partition(";")[0], json.loads(answer.read())["key"]
    connection.close()
    return {"Cookie": cookie, KEY_HEADER: key}
