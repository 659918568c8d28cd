"""Homes to measure in: made in a temporary folder, filled the fast way, served by a daemon of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import orjson

from benchmarks.machine import environment, script
from fun_local.model.execution import Execution, Status
from fun_local.model.names import LATEST, FunctionRef
from fun_local.model.resources import AsyncConfig
from fun_local.ports import Draft
from fun_local.store import buckets, database, queue
from fun_local.store.documents import Document, to_document
from fun_local.store.executions import SummaryRow, summary_row
from fun_local.store.files import make_private_folder

#: What every measured execution is given and gives back: about 200 bytes of JSON.
PAYLOAD = json.dumps({"job": "benchmark", "film": "f" * 120, "chapters": list(range(12))}).encode()

#: `main` does nothing; `probe` tells the port in its event when it began.
_TEMPLATE = """\
ROSTemplateFormatVersion: '2015-09-01'
Resources:
  Service:
    Type: ALIYUN::FC::Service
    Properties: {ServiceName: bench}
  Main:
    Type: ALIYUN::FC::Function
    DependsOn: Service
    Properties:
      ServiceName: bench
      FunctionName: main
      Runtime: python3.10
      Handler: index.handler
      MemorySize: 128
      Timeout: 60
      Code:
        SourceCode: |
          def handler(event, context):
              return event
      AsyncConfiguration: {StatefulInvocation: true}
  Probe:
    Type: ALIYUN::FC::Function
    DependsOn: Service
    Properties:
      ServiceName: bench
      FunctionName: probe
      Runtime: python3.10
      Handler: index.handler
      MemorySize: 128
      Timeout: 60
      Code:
        SourceCode: |
          import socket
          import time

          to_caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

          def handler(event, context):
              now = time.monotonic_ns()
              to_caller.sendto(b"%d" % now, ("127.0.0.1", int(event)))
      AsyncConfiguration: {StatefulInvocation: true}
"""

MAIN = FunctionRef("bench", "main", LATEST)

#: Between two looks at a queue that is being emptied.
_LOOK_SECONDS = 0.01


def make(path: str) -> None:
    """A home with the two functions deployed, and no daemon."""
    make_private_folder(path)
    template = os.path.join(path, "template.yml")
    with open(template, "w", encoding="utf-8") as file:
        file.write(_TEMPLATE)
    with daemon(path):
        command = [script("fun"), "deploy", "--use-ros", "--stack-name", "bench", "-t", template, "--json"]
        environ = environment(FUN_LOCAL_HOME=path)
        subprocess.run(command, env=environ, cwd=path, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def daemon(path: str, **settings: str) -> Iterator[int]:
    """A daemon that serves a home while the block runs; its process id."""
    read_fd, write_fd = os.pipe()
    try:
        with open(os.path.join(path, "daemon.log"), "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "fun_local.daemon", path, str(write_fd)],
                env=environment(FUN_LOCAL_PORT="0", **settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(write_fd,),
                cwd="/",
            )
    finally:
        os.close(write_fd)
    try:
        with os.fdopen(read_fd) as ready:
            report = ready.readline()
        if '"pid"' not in report:
            raise RuntimeError(f"the daemon of {path} did not start: {report or 'see its daemon.log'}")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def fill(path: str, count: int) -> None:
    """Put no-op invocations into the queue, all in one transaction."""
    now_ms = time.time_ns() // 1_000_000
    ids = [str(uuid.uuid4()) for _ in range(count)]
    drafts = [Draft(i, i, MAIN, now_ms, now_ms, PAYLOAD, stateful=True) for i in ids]

    def insert(connection: sqlite3.Connection) -> None:
        for draft in drafts:
            queue.insert(connection, draft)

    database.write_once(path, insert)


def drain_rate(path: str, count: int, instances: int) -> float:
    """Executions a second, from the first acknowledged one to the last.

    An acknowledgement follows the synced record of an execution's end, so what is counted is safe.
    """
    fill(path, count)
    with (
        contextlib.closing(database.connect(path, read_only=True)) as connection,
        daemon(path, FUN_LOCAL_MAX_INSTANCES=str(instances)),
    ):
        return rate(lambda: count - waiting(connection), count)


def waiting(connection: sqlite3.Connection) -> int:
    """How many messages are not acknowledged."""
    return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


def rate(finished: Callable[[], int], count: int) -> float:
    """What is finished a second, from the moment the first are seen until ``count`` are.

    Raises:
        RuntimeError: nothing has changed for a minute.
    """
    seen = first = 0
    changed = started = time.perf_counter()
    while seen < count:
        time.sleep(_LOOK_SECONDS)
        now_seen, now = finished(), time.perf_counter()
        if now_seen != seen:
            if not seen:
                first, started = now_seen, now
            seen, changed = now_seen, now
        elif now - changed > 60:
            raise RuntimeError(f"stuck at {seen} of {count}")
    return (count - first) / (changed - started)


# --- history ------------------------------------------------------------------------------------------


def add_history(path: str, count: int) -> None:
    """Give a fresh home executions that have ended, as if they had run one a second until now."""
    first_ms = time.time_ns() // 1_000_000 - count * 1000
    pattern = _finished_document()
    ids: list[tuple[str, str, str, int]] = []
    summaries: list[SummaryRow] = []
    make_private_folder(buckets.folder(path))
    for number in range(buckets.bucket_of(count) + 1):
        first = max(number * buckets.BUCKET_SIZE, 1)
        last = min((number + 1) * buckets.BUCKET_SIZE - 1, count)
        documents = {seq: _shifted(pattern, first_ms + seq * 1000) for seq in range(first, last + 1)}
        data = {buckets.TABLE: {str(seq): document for seq, document in documents.items()}}
        with open(buckets.bucket_path(path, number), "wb") as file:
            file.write(orjson.dumps(data))
        ids += [(d["invocationId"], MAIN.service, MAIN.function, seq) for seq, d in documents.items()]
        summaries.append(summary_row(number, documents.values()))

    def insert(connection: sqlite3.Connection) -> None:
        connection.executemany("INSERT INTO ids VALUES (?, ?, ?, ?)", ids)
        connection.executemany("INSERT INTO summaries VALUES (?, ?, ?, ?, ?)", summaries)
        connection.execute("DELETE FROM sqlite_sequence WHERE name = 'messages'")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('messages', ?)", (count,))

    database.write_once(path, insert)


def _finished_document() -> Document:
    """The document of a no-op that began at time 0."""
    execution = Execution.accepted(
        seq=0, invocation_id="", request_id="", function=MAIN, accepted_ms=0, payload=PAYLOAD
    )
    execution = execution.to(Status.DEQUEUED, 1, config=AsyncConfig(stateful=True))
    execution = execution.to(Status.RUNNING, 2, instance_id="c-00000000-00000000000000000000")
    return to_document(execution.to(Status.SUCCEEDED, 3, error="", result=PAYLOAD, duration_ms=1.0))


def _shifted(pattern: Document, at_ms: int) -> Document:
    """A document like the pattern, of another execution at another time."""
    name = str(uuid.uuid4())
    events = [event | {"timestamp": event["timestamp"] + at_ms} for event in pattern["events"]]
    times = {"startedTime": at_ms, "endTime": pattern["endTime"] + at_ms}
    return pattern | times | {"invocationId": name, "requestId": name, "events": events}
