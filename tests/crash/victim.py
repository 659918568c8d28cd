"""A home with one function, the application over it, and a child process that dies at a chosen operation.

    python -m tests.crash.victim HOME ACTIONS CRASH        (both JSON)

The child serves HOME, carries out ACTIONS (a list of [name, arguments]) and waits until nothing is owed any
more. CRASH says at which operation it ends itself instead, as a kill -9 would:

    {"on": "commit", "of": "INSERT INTO messages", "when": "before"}   transaction with such a statement
    {"on": "record", "of": "Running", "when": "after"}                  bucket with a record of that status
    {"on": "rename", "of": "registry.json", "when": "before"}           any file replaced by that one
    {"on": "subprocess.Popen", "when": "before"}                        any event that Python audits

``when`` may be "halfway" for a file: the temporary file is cut in two. ``nth`` counts (1 by default), and
an empty ``of`` means any.
"""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter

from fun_local import settings, wiring
from fun_local.model.deployed import Deployed
from fun_local.model.names import queue_arn
from fun_local.model.resources import AsyncConfig, Function, Queue, Service
from fun_local.runtime.processes import kill_leftovers
from fun_local.store import database, registry
from fun_local.store.history import History
from fun_local.template.code import CodeSource

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

#: The exit status of a child that died where it was told to.
DIED = 9

#: The first call of an invocation sleeps ``sleep`` seconds, or until its record on disk says that it runs
#: (``seen``); see ``stay_awake``. The first ``fail`` ones raise.
CODE = """\
import json, os, time

def is_running(context):
    try:
        with open(os.path.dirname(os.environ["CALLS"]) + "/executions/00000000.json") as file:
            documents = json.load(file)["_default"].values()
    except FileNotFoundError:
        return False
    return any(d["requestId"] == context.request_id and d["status"] == "Running" for d in documents)

def handler(event, context):
    plan = json.loads(event)
    with open(os.environ["CALLS"], "a+") as calls:
        calls.write(context.request_id + "\\n")
        calls.flush()
        calls.seek(0)
        number = calls.read().split().count(context.request_id)
    if number == 1 and not os.path.exists(os.environ["CALLS"] + ".awake"):
        time.sleep(plan.get("sleep", 0))
        while plan.get("seen") and not is_running(context):
            time.sleep(0.001)
    if number <= plan.get("fail", 0):
        raise ValueError(f"call {number}")
    return "x" * plan.get("size", 4)
"""

QUEUE = "outcomes"


def make_home(home, *, max_retries=2, stateful=True):
    """A home with the function shop/order, whose outcomes all go to one queue."""
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, "settings.toml"), "w") as file:
        file.write("retry_first_seconds = 0.02\nstop_grace_seconds = 0.2\nmax_instances = 3\n")
    digest = wiring.code_store(home).add(CodeSource(files={"index.py": CODE.encode()}))
    arn = queue_arn(QUEUE)
    function = Function(
        "shop",
        "order",
        "python3",
        "index.handler",
        digest,
        timeout_seconds=30,
        environment={"CALLS": os.path.join(home, "calls.txt")},
        async_config=AsyncConfig(max_retries, stateful=stateful, on_success=arn, on_failure=arn),
    )
    registry.write(home, Deployed({"shop": Service("shop")}, {function.path: function}))
    asyncio.run(serve(home, [["create_queue", {}]]))
    return home


def application(home):
    """The application over a home, as the daemon runs it."""
    kill_leftovers(os.path.join(home, "instances"))
    return wiring.emulator(home, settings.load(home, {})[0])


async def serve(home, actions=()):
    """Carry out actions, until nothing is owed any more."""
    async with application(home) as emulator:
        emulator.look()
        for name, arguments in actions:
            await ACTIONS[name](emulator, **arguments)
        await until(lambda: owed(home) == 0)


async def invoke(emulator, id, **plan):
    message = await emulator.invoke_async("order", json.dumps(plan).encode(), invocation_id=id)
    print(message.invocation_id, flush=True)


async def invoke_all(emulator, plans):
    await asyncio.gather(*(invoke(emulator, id, **plan) for id, plan in plans.items()))


async def stop(emulator, id):
    """Stop an execution once its record says that it is running."""
    await until(lambda: emulator.history.find(id)[1]["status"] == "Running")
    await emulator.stop(id)
    print("stopped", flush=True)


async def create_queue(emulator):
    await emulator.mns.create(Queue(QUEUE))


async def prune(emulator):
    await until(lambda: emulator.counts()["running_executions"] == 0)
    await emulator.prune(-1)


ACTIONS = {
    "invoke": invoke,
    "invoke_all": invoke_all,
    "stop": stop,
    "create_queue": create_queue,
    "prune": prune,
}


async def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.005)


# --- what a home holds, read as a stranger would


def rows(home, sql, *values):
    connection = database.connect(home, read_only=True)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def owed(home):
    """How many messages have not been acknowledged."""
    return rows(home, "SELECT count(*) FROM messages")[0][0]


def ids(home):
    return [row[0] for row in rows(home, "SELECT id FROM ids")]


def outcomes(home):
    """How many messages the queue of outcomes holds for each request."""
    bodies = [json.loads(row[0]) for row in rows(home, "SELECT body FROM mns_messages")]
    return Counter(body["requestContext"]["requestId"] for body in bodies)


def calls(home):
    """How often the function has been called for each request."""
    try:
        with open(os.path.join(home, "calls.txt")) as file:
            return Counter(file.read().split())
    except FileNotFoundError:
        return Counter()


def stay_awake(home):
    """From now on no call sleeps: a child may have died before its first call was counted."""
    with open(os.path.join(home, "calls.txt.awake"), "w"):
        pass


def record(home, id):
    return History(home).find(id)[1]


def leftovers(home):
    """Temporary files."""
    return [
        os.path.join(folder, name)
        for folder, _, names in os.walk(home)
        for name in names
        if name.endswith(".tmp")
    ]


# --- dying


def run_child(home, actions=(), crash=None):
    """Run a child to its end; its exit status and the ids that it was told were accepted."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.victim", home, json.dumps(actions), json.dumps(crash)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout.split()


def install(on, of="", when="before", nth=1):
    """Make this process end at the ``nth`` such operation."""
    lock = threading.Lock()  # two threads write
    seen = 0
    is_dying = False

    def is_due():
        nonlocal seen
        with lock:
            seen += 1
            return seen == nth

    def die():
        os._exit(DIED)

    class Watched(sqlite3.Connection):
        statements = ""

        def execute(self, sql, *values):
            if on != "commit" or is_dying:
                return super().execute(sql, *values)
            if sql.startswith("BEGIN"):
                self.statements = ""
            self.statements += sql + ";"
            due = sql == "COMMIT" and of in self.statements and is_due()
            if due and when == "before":
                die()
            answer = super().execute(sql, *values)
            if due:
                die()
            return answer

        def executemany(self, sql, values):
            self.statements += sql + ";"
            return super().executemany(sql, values)

    connect = sqlite3.connect
    sqlite3.connect = lambda *values, **options: connect(*values, factory=Watched, **options)

    def audit(event, arguments):
        nonlocal is_dying
        if is_dying:
            return
        if event == on:
            if is_due():
                die()
        elif event == "os.rename" and on in ("record", "rename"):
            source, target = map(os.fspath, arguments[:2])
            if is_wanted(source, target) and is_due():
                is_dying = True
                if when == "halfway":
                    os.truncate(source, os.path.getsize(source) // 2)
                elif when == "after":
                    os.rename(source, target)
                die()

    def is_wanted(source, target):
        if on == "rename":
            return of in target
        if os.path.basename(os.path.dirname(target)) != "executions":
            return False
        with open(source, "rb") as file:
            documents = json.loads(file.read())["_default"].values()
        return not of or any(document["status"] == of for document in documents)

    sys.addaudithook(audit)


def main():
    home, actions, crash = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    if crash:
        install(**crash)
    asyncio.run(serve(home, actions))


if __name__ == "__main__":
    main()
