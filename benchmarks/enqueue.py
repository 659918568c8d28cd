"""Accepting asynchronous invocations over the endpoint, beside Huey's putting tasks into its queue.

Nobody works off either queue meanwhile: Huey has no consumer, and our invocations are due in an hour.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time

from benchmarks import home, peer
from benchmarks.latency import UnixConnection
from benchmarks.machine import environment

_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def rate(path: str, count: int, connections: int, *, delay_seconds: int = 3600) -> float:
    """Invocations accepted a second, each synced before its 202, asked for over so many connections at once.

    ``path`` is a home's; the invocations stay in its queue.
    """
    with home.daemon(path):
        work = {
            **_told(path),
            "path": f"/2016-08-15/services/{home.MAIN.service}/functions/{home.MAIN.function}/invocations",
            "payload": home.PAYLOAD.decode(),
            "count": count,
            "connections": connections,
            "delay": delay_seconds,
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.enqueue_client"],
            env=environment(PYTHONPATH=_FOLDER),
            input=json.dumps(work),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"the client failed: {done.stderr}")
    return count / float(done.stdout)


def huey_rate(path: str, count: int) -> float:
    """Tasks put into Huey's queue a second, each commit synced, in this process."""
    queue, noop = peer.queue_at(path, fsync=True)
    event = home.PAYLOAD.decode()
    noop(event)  # opens the file
    started = time.perf_counter()
    for _ in range(count):
        noop(event)
    seconds = time.perf_counter() - started
    queue.storage.close()
    return count / seconds


def _told(path: str) -> dict[str, str]:
    """Where the daemon's endpoint is, and the key for it."""
    connection: http.client.HTTPConnection = UnixConnection(os.path.join(path, "daemon.sock"))
    connection.request("POST", "/local/environment", b"{}")
    told = json.loads(connection.getresponse().read())
    connection.close()
    return {name: told[name] for name in ("endpoint", "accessKeyId", "accessKeySecret")}
