"""Twenty functions of every kind at once, under whatever can happen to them.

A ``Mix`` has a home with a daemon, as users have it, and calls its functions at random while it stops
executions, deploys anew, kills instances and, if it is told to, the daemon itself. ``check`` then looks
whether everything that was accepted has come to one legal end, and was told of as often as was promised.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import replace
from itertools import pairwise

from fun_local import wiring
from fun_local.cli.client import Client
from fun_local.errors import FunLocalError, Unavailable
from fun_local.home import log_path
from fun_local.model.execution import TRANSITIONS, Status
from fun_local.model.names import queue_arn
from fun_local.model.resources import AsyncConfig, Function, Queue, Resources, Service, Subscription, Topic
from fun_local.store.history import History, Query
from fun_local.template.code import CodeSource
from tests.conftest import ROOT, wait_for
from tests.crash import victim

FUNCTIONS = ROOT / "tests" / "functions"

SERVICE = "mix"

#: Outcomes that go to a queue, copies of those that go to a topic.
OUTCOMES, COPIES = "outcomes", "copies"
TO_QUEUE = queue_arn(OUTCOMES)
TO_TOPIC = "acs:mns:::/topics/news/messages"
TO_FUNCTION = f"acs:fc:::services/{SERVICE}/functions/after"

OWN = f"python3.{sys.version_info[1]}"

#: What ``_call`` may leave waiting of one function: the slow ones must be done soon after the end.
_WAITING = 8

#: Calls in a second, at most.
_PACE = 80


def row(
    handler="quick", weight=4, runtime=OWN, *, to=TO_QUEUE, retries=0, stateful=True, body=b"{}", **options
):
    """A function, how often it is called, and with what."""
    config = AsyncConfig(retries, stateful=stateful, on_success=to, on_failure=to)
    handler = handler if "." in handler else f"index.{handler}"
    return {**options, "runtime": runtime, "handler": handler, "async_config": config}, weight, body


ROWS = {
    "quick": row(weight=10),
    "fails-once": row("fails_once", retries=2),
    "fails": row("fails", retries=1),
    "slow": row("slow", 2),
    "big": row("big", 1),
    "exits": row("exits", 2, retries=1),
    "children": row("children", 1),
    "too-long": row("too_long", 1, timeout_seconds=1),
    "stubborn": row("stubborn", 1, pre_stop="index.pre_stop"),
    "prints": row("prints", 2),
    "initialized": row("quick", initializer="index.initialize", pre_stop="index.pre_stop"),
    "to-topic": row("fails_once", to=TO_TOPIC, retries=1),
    "to-function": row("quick", to=TO_FUNCTION),
    "fails-to-function": row("fails", 2, to=TO_FUNCTION),
    "after": row("quick", 0),
    "plain": row("fails_once", stateful=False, retries=1),
    "node": row("quick", 4, "nodejs16"),
    "node-fails": row("fails", 2, "nodejs20", retries=1),
    "node-slow": row("slow", 1, "nodejs20"),
    "server": row("x", 3, "custom", body=b"hello"),
    "server-fails": row("x", 1, "custom", body=b"status 200 404", retries=1),
}


class Mix:
    """A home in a folder of its own, and all that is done there. Use it as a context."""

    def __init__(self, seed, *, kills_daemon=False):
        self.chance = random.Random(seed)
        self.kills_daemon = kills_daemon
        self.token = f"mix-{uuid.uuid4().hex}"
        self.root = tempfile.mkdtemp(prefix="fl-")
        self.home = os.path.join(self.root, "h")
        self.scratch = os.path.join(self.root, "t")
        self.client = Client(self.home)
        self.accepted = {}  # request ids, by the ids of their invocations
        self.done = Counter()
        self.plain = set()

    def __enter__(self):
        os.makedirs(self.home)
        os.makedirs(self.scratch)
        with open(os.path.join(self.home, "settings.toml"), "w") as file:
            file.write(
                "retry_first_seconds = 0.02\nretry_cap_seconds = 0.1\nstop_grace_seconds = 0.2\n"
                "max_instances = 2\nidle_seconds = 1\nport = 0\n"
            )
        store = wiring.code_store(self.home)
        mix = store.add(CodeSource(folder=str(FUNCTIONS / "mix")))
        server = store.add(CodeSource(folder=str(FUNCTIONS / "custom_server")))
        environment = {"TOKEN": self.token, "PYTHON": sys.executable}
        self.functions = {}
        for name, (options, _, _) in ROWS.items():
            code = server if options["runtime"] == "custom" else mix
            common = {"code": code, "timeout_seconds": 20, "environment": environment}
            self.functions[name] = Function(SERVICE, name, **{**common, **options})
        self.client.start()
        self._deploy()
        return self

    def __exit__(self, *error):
        with contextlib.suppress(FileNotFoundError), open(log_path(self.home)) as file:
            print(file.read()[-3000:])  # shown when the test has failed
        self.shut_down()
        shutil.rmtree(self.root)

    def shut_down(self):
        while not self.client.wait_until_down(1):
            with contextlib.suppress(Unavailable):
                self.client.call("shutdown", start=False)

    @property
    def daemon(self):
        """Its process."""
        with open(os.path.join(self.home, "daemon.lock")) as file:
            return int(file.read().split()[0])

    # --- what is done

    def play(self, seconds):
        """Call every function once, then for so long some of them at random, and do things to them."""
        first = [name for name, (_, weight, _) in ROWS.items() if weight]
        names = [name for name in first for _ in range(ROWS[name][1])]
        self.chance.shuffle(first)
        end = time.monotonic() + seconds
        disturb_at = kill_at = time.monotonic()
        while (now := time.monotonic()) < end or first:
            self._call(first.pop() if first else self.chance.choice(names))
            if now >= disturb_at:
                self.chance.choice([self._stop, self._stop, self._kill_instance, self._redeploy])()
                disturb_at = now + self.chance.uniform(0.02, 0.4)
            if self.kills_daemon and now >= kill_at:
                self._kill_daemon()
                kill_at = time.monotonic() + self.chance.uniform(0.3, 2.5)
            time.sleep(1 / _PACE)  # not waiting for anything: the pace

    def settle(self):
        """Wait until nothing is owed any more, neither an outcome nor a push."""
        wait_for(self._is_settled, seconds=120)

    def _is_settled(self):
        return victim.owed(self.home) == 0 == victim.rows(self.home, "SELECT count(*) FROM mns_pushes")[0][0]

    def _call(self, name):
        waiting = "SELECT count(*) FROM messages WHERE function = ?"
        if victim.rows(self.home, waiting, name)[0][0] >= _WAITING:
            return
        request_id = str(uuid.UUID(int=self.chance.getrandbits(128)))
        headers = {"X-Fc-Invocation-Type": "Async", "X-Fc-Trace-Id": request_id}
        if self.chance.random() < 0.05:
            headers["X-Fc-Async-Delay"] = "1"
        answer = None
        while answer is None:
            # As `invk` does: the same request again when its answer was lost.
            answer = self._ask(lambda: self.client.invoke(f"{SERVICE}/{name}", ROWS[name][2], headers))
        status, told, _ = answer
        assert status == 202
        if name == "plain":
            self.plain.add(request_id)
        else:
            self.accepted[told["x-fc-stateful-async-invocation-id"]] = request_id
        self.done["called"] += 1

    def _ask(self, ask):
        """An answer of the daemon; None when there is none because it was killed."""
        try:
            return ask()
        except (Unavailable, OSError):
            assert self.kills_daemon, "the daemon has died by itself"
            return None

    def _stop(self):
        if self.accepted:
            recent = list(self.accepted)[-40:]
            with contextlib.suppress(FunLocalError):  # it has finished
                self._ask(lambda: self.client.call("stop", id=self.chance.choice(recent)))
                self.done["stopped"] += 1

    def _redeploy(self):
        name = self.chance.choice(list(self.functions))
        function = self.functions[name]
        changed = {**function.environment, "TURN": str(self.chance.random())}
        self.functions[name] = replace(function, environment=changed)
        self._ask(self._deploy)
        self.done["deployed"] += 1

    def _deploy(self):
        resources = Resources(
            services=(Service(SERVICE),),
            functions=tuple(self.functions.values()),
            queues=(Queue(OUTCOMES), Queue(COPIES)),
            topics=(Topic("news"),),
            subscriptions=(
                Subscription("news", "copies", f"acs:mns:::queues/{COPIES}", format="SIMPLIFIED"),
            ),
        )
        return self.client.call(
            "deploy", stack="mix", resources=resources.to_dict(), create_queues=False, dry_run=False
        )

    def _kill_instance(self):
        notes = glob.glob(f"{self.home}/instances/*.json")
        if notes:
            with contextlib.suppress(OSError, ValueError, KeyError):  # it has just come or gone
                with open(self.chance.choice(notes)) as file:
                    pid = json.load(file)["pid"]
                if pid:  # else it is only about to come
                    os.kill(pid, signal.SIGKILL)
                    self.done["instances killed"] += 1

    def _kill_daemon(self):
        """In the middle of its work; now and then the next one, too, while it starts."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.daemon, signal.SIGKILL)
            self.done["daemons killed"] += 1
        if self.chance.random() < 0.3:
            self.client.nudge_or_spawn()
            time.sleep(self.chance.uniform(0, 1))  # not waiting for anything: the hazard itself
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.daemon, signal.SIGKILL)
        self.client.start()

    # --- what has come of it

    def check(self):
        """Every execution is final by legal steps, every outcome told of as often as promised."""
        records = [document for _, document in History(self.home).all(Query())]
        assert set(self.accepted) <= {record["invocationId"] for record in records}
        told = {name: self._letters(name) for name in (OUTCOMES, COPIES)}
        handed_on = Counter(
            json.loads(record["invocationPayload"])["requestContext"]["requestId"]
            for record in records
            if record["functionName"] == "after"
        )
        for record in records:
            _check_steps(record)
            self._check_telling(record, told, handed_on)
        for request_id in self.plain:
            assert told[OUTCOMES].pop(request_id) == 1
        assert +told[OUTCOMES] == +told[COPIES] == +handed_on == Counter()
        assert victim.leftovers(self.home) == []
        return Counter(record["status"] for record in records)

    def _letters(self, queue):
        rows = victim.rows(self.home, "SELECT body FROM mns_messages WHERE queue = ?", queue)
        return Counter(json.loads(body)["requestContext"]["requestId"] for (body,) in rows)

    def _check_telling(self, record, told, handed_on):
        is_success = record["status"] == "Succeeded"
        outcome = "onSuccess" if is_success else "onFailure"
        target = record["asyncConfig"]["destinationConfig"][outcome]["destination"]
        places = {TO_QUEUE: told[OUTCOMES], TO_TOPIC: told[COPIES], TO_FUNCTION: handed_on}
        # What is too big for a queue can't be delivered, and the record says so.
        is_due = not (is_success and record["functionName"] == "big")
        assert record["destinationStatus"] == ("Succeeded" if is_due else "Failed"), record
        assert places[target].pop(record["requestId"], 0) == int(is_due), record

    def processes(self):
        """Those that functions have started and that are still there."""
        found = []
        for path in glob.glob("/proc/[0-9]*"):
            for name in ("environ", "cmdline"):
                with contextlib.suppress(OSError), open(f"{path}/{name}", "rb") as file:
                    if self.token.encode() in file.read():
                        found.append(int(path[6:]))
        return found

    def instances(self):
        return glob.glob(f"{self.home}/instances/*.json")

    def descriptors(self):
        """What the daemon has open, by kind; files by their names."""
        folder = f"/proc/{self.daemon}/fd"
        found = Counter()
        for number in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                found[os.readlink(f"{folder}/{number}").split(":[")[0]] += 1
        return found


def _check_steps(record):
    steps = [Status(event["status"]) for event in record["events"]]
    assert steps[0] is Status.ENQUEUED and steps[-1] is Status(record["status"])
    assert steps[-1].is_final, record
    assert all(after in TRANSITIONS[before] for before, after in pairwise(steps)), steps
    assert [event["eventId"] for event in record["events"]] == list(range(1, len(steps) + 1))
    times = [event["timestamp"] for event in record["events"]]
    assert times == sorted(times)
    assert (
        record["attempts"]
        == steps.count(Status.RUNNING)
        <= record["asyncConfig"]["maxAsyncRetryAttempts"] + 1
    )
    if steps[-1] is Status.INVALID:
        # Instances that are killed while they start, one after the other, could not be had.
        assert record["invocationErrorMessage"] in ("InstanceNotReady", "CAExited"), record
