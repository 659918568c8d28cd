"""The peer: Huey on SQLite, each change synced, two worker processes, results stored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from huey import SqliteHuey

from benchmarks import home
from benchmarks.machine import environment

_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def queue_at(path: str, *, fsync: bool) -> tuple[SqliteHuey, Any]:
    """A queue and its only task, which gives back what it is given."""
    queue = SqliteHuey("benchmark", filename=path, fsync=fsync)

    @queue.task(name="noop")  # type: ignore[untyped-decorator]
    def noop(event: str) -> str:
        return event

    return queue, noop


def drain_rate(path: str, count: int, workers: int) -> float:
    """Tasks a second, from the first stored result to (nearly) the last.

    The very last may never come: of ten thousand tasks a busy machine was seen to lose one.
    """
    filler, noop = queue_at(path, fsync=False)  # filling is not what is measured
    for _ in range(count):
        noop(home.PAYLOAD.decode())
    filler.storage.close()
    reader, _ = queue_at(path, fsync=True)
    command = [sys.executable, "-m", "huey.bin.huey_consumer", "benchmarks.peer_app.huey"]
    consumer = subprocess.Popen(
        [*command, "-k", "process", "-w", str(workers), "-q"],
        env=environment(BENCHMARK_HUEY_FILE=path, PYTHONPATH=_FOLDER),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return home.rate(reader.result_count, count - count // 1000)
    finally:
        reader.storage.close()
        os.killpg(consumer.pid, signal.SIGKILL)  # the consumer and its workers
        consumer.wait()
