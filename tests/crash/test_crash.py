"""What a kill at any instant leaves, and that the next start makes good of it.

One test per row of the crash table: a child process serves the home and ends itself at a chosen operation
(victim.py); the application is then started over what it left.
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise

import pytest

from fun_local import wiring
from fun_local.cli import invk as commands
from fun_local.cli.client import Client
from fun_local.errors import Conflict, NotFound, Unavailable
from fun_local.model.execution import TRANSITIONS, Status
from fun_local.model.names import FunctionRef
from fun_local.ports import Draft
from fun_local.store import database, queue, registry
from tests.crash import victim
from tests.crash.victim import DIED


@pytest.fixture
def home(tmp_path):
    return victim.make_home(str(tmp_path / "home"))


def restart(home, actions=()):
    victim.stay_awake(home)
    asyncio.run(victim.serve(home, actions))


def check(home, accepted):
    """Whatever happened: what was accepted has ended, once, by legal steps, and was told of once."""
    assert set(accepted) <= set(victim.ids(home))
    assert victim.owed(home) == 0
    assert victim.leftovers(home) == []
    told = victim.outcomes(home)
    for id in victim.ids(home):
        record = victim.record(home, id)
        steps = [Status(event["status"]) for event in record["events"]]
        assert steps[0] is Status.ENQUEUED
        assert all(after in TRANSITIONS[before] for before, after in pairwise(steps)), steps
        assert steps[-1].is_final and steps[-1] == record["status"]
        assert [event["eventId"] for event in record["events"]] == list(range(1, len(steps) + 1))
        times = [event["timestamp"] for event in record["events"]]
        assert times == sorted(times)
        assert record["attempts"] == steps.count(Status.RUNNING)
        assert record["alreadyRetriedTimes"] == max(0, record["attempts"] - 1)
        assert record["destinationStatus"] == "Succeeded"
        assert told.pop(record["requestId"]) == 1
        with pytest.raises(Conflict):
            put(home, id)
    assert not told


def put(home, id, **changes):
    """Put a message as `invk` does without a daemon."""
    now_ms = time.time_ns() // 1_000_000
    fields = {"request_id": f"request-{id}-{random.random()}", "payload": b"{}", "stateful": True, **changes}
    draft = Draft(id, function=FunctionRef("shop", "order"), accepted_ms=now_ms, due_ms=now_ms, **fields)
    return database.write_once(home, lambda connection: queue.insert(connection, draft))


def at(on, of="", when="before", nth=1):
    return {"on": on, "of": of, "when": when, "nth": nth}


PUT = "INSERT INTO messages"
POSTPONE = "UPDATE messages SET due_ms"
DELIVER = "INSERT INTO mns_messages"
ACK = "DELETE FROM messages"

#: Where the child dies; what the function does; then the status, the attempts that are counted, and how
#: often the function was called: the least and the most.
ROWS = {
    "after the put, before anything else": (at("commit", PUT, "after"), {}, "Succeeded", 1, 1, 1),
    "before Dequeued is written": (at("record", "Dequeued"), {"sleep": 9}, "Succeeded", 1, 1, 2),
    "after Dequeued is written": (at("record", "Dequeued", "after"), {"sleep": 9}, "Succeeded", 1, 1, 2),
    "before its instance is started": (at("subprocess.Popen"), {}, "Succeeded", 1, 1, 1),
    "before Running is written": (at("record", "Running"), {"sleep": 9}, "Succeeded", 1, 1, 2),
    "while it runs": (at("record", "Running", "after"), {"sleep": 9}, "Succeeded", 2, 1, 2),
    "before a retry is noted": (at("record", "Retrying"), {"seen": True, "fail": 1}, "Succeeded", 2, 2, 2),
    "after a retry is noted": (at("record", "Retrying", "after"), {"fail": 1}, "Succeeded", 2, 2, 2),
    "before a retry is put back": (at("commit", POSTPONE), {"fail": 1}, "Succeeded", 2, 2, 2),
    "after a retry is put back": (at("commit", POSTPONE, "after"), {"fail": 1}, "Succeeded", 2, 2, 2),
    "before the second retry is put back": (at("commit", POSTPONE, nth=2), {"fail": 2}, "Succeeded", 3, 3, 3),
    "before its end is written": (at("record", "Succeeded"), {"seen": True}, "Succeeded", 2, 2, 2),
    "after its end, before the delivery": (at("record", "Succeeded", "after"), {}, "Succeeded", 1, 1, 1),
    "after its failure, before the delivery": (
        at("record", "Failed", "after"),
        {"fail": 9},
        "Failed",
        3,
        3,
        3,
    ),
    "while the delivery is written": (at("commit", DELIVER), {}, "Succeeded", 1, 1, 1),
    "after the delivery": (at("commit", DELIVER, "after"), {}, "Succeeded", 1, 1, 1),
    "after the delivery of a failure": (at("commit", DELIVER, "after"), {"fail": 9}, "Failed", 3, 3, 3),
    "before the delivery is noted": (at("record", "Succeeded", nth=2), {}, "Succeeded", 1, 1, 1),
    "after the delivery is noted": (at("record", "Succeeded", "after", 2), {}, "Succeeded", 1, 1, 1),
    "before the acknowledgement": (at("commit", ACK), {}, "Succeeded", 1, 1, 1),
    "after the acknowledgement": (at("commit", ACK, "after"), {}, "Succeeded", 1, 1, 1),
    "halfway through writing Dequeued": (
        at("record", "Dequeued", "halfway"),
        {"sleep": 9},
        "Succeeded",
        1,
        1,
        2,
    ),
    "halfway through writing Running": (
        at("record", "Running", "halfway"),
        {"sleep": 9},
        "Succeeded",
        1,
        1,
        2,
    ),
    "halfway through writing its end": (
        at("record", "Succeeded", "halfway"),
        {"seen": True},
        "Succeeded",
        2,
        2,
        2,
    ),
    "halfway through writing a long result": (
        at("rename", "returnPayload", "halfway"),
        {"seen": True, "size": 9000},
        "Succeeded",
        2,
        2,
        2,
    ),
    "after a long result, before its record": (
        at("rename", "returnPayload", "after"),
        {"seen": True, "size": 9000},
        "Succeeded",
        2,
        2,
        2,
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_an_accepted_invocation_survives_a_crash(home, row):
    crash, plan, status, attempts, least, most = ROWS[row]
    code, accepted = victim.run_child(home, [["invoke", {"id": "one", **plan}]], crash)
    assert code == DIED
    # Who dies in the put has accepted, but the caller has not heard of it.
    assert accepted == ([] if crash["of"] == PUT else ["one"])
    restart(home)
    check(home, ["one"])
    record = victim.record(home, "one")
    assert (record["status"], record["attempts"]) == (status, attempts)
    assert least <= victim.calls(home)[record["requestId"]] <= most


def test_a_put_that_was_not_committed_was_never_accepted(home):
    assert victim.run_child(home, [["invoke", {"id": "one"}]], at("commit", PUT)) == (DIED, [])
    restart(home)
    assert victim.ids(home) == []
    assert victim.owed(home) == 0
    assert not victim.calls(home)
    put(home, "one")
    restart(home)
    check(home, ["one"])


@pytest.mark.parametrize(
    "crash",
    [at("record", "Stopping", "after"), at("record", "Stopped"), at("record", "Stopped", "after")],
    ids=["while stopping", "before Stopped is written", "after Stopped is written"],
)
def test_a_stop_that_was_noted_is_carried_out_after_a_crash(home, crash):
    actions = [["invoke", {"id": "one", "sleep": 20}], ["stop", {"id": "one"}]]
    code, answers = victim.run_child(home, actions, crash)
    assert code == DIED
    restart(home)
    check(home, ["one"])
    record = victim.record(home, "one")
    if crash["when"] == "before" and "stopped" not in answers:
        # Both statuses were in that one write, and nothing had been promised.
        assert record["status"] in ("Stopped", "Succeeded")
    else:
        assert (record["status"], record["attempts"]) == ("Stopped", 1)
        assert victim.calls(home)[record["requestId"]] <= 1


@pytest.mark.parametrize("nth", [2, 3, 4, 5])
def test_a_stop_that_was_answered_holds_whatever_happens(home, nth):
    actions = [["invoke", {"id": "one", "sleep": 20}], ["stop", {"id": "one"}]]
    code, answers = victim.run_child(home, actions, at("rename", ".json", "before", nth))
    assert code in (0, DIED)  # with fewer files than that it comes to its end
    restart(home)
    check(home, ["one"])
    if "stopped" in answers:
        assert victim.record(home, "one")["status"] == "Stopped"


def test_a_stop_that_was_not_noted_is_forgotten(home):
    """The caller of a stop that dies with the daemon has no answer; the run counts as cut off."""
    actions = [["invoke", {"id": "one", "sleep": 20}], ["stop", {"id": "one"}]]
    assert victim.run_child(home, actions, at("record", "Stopping")) == (DIED, ["one"])
    restart(home)
    check(home, ["one"])
    assert (victim.record(home, "one")["status"], victim.record(home, "one")["attempts"]) == ("Succeeded", 2)


def test_crashes_at_every_attempt_use_up_the_retries(home):
    actions = [["invoke", {"id": "one", "sleep": 9}]]
    for _ in range(3):
        assert victim.run_child(home, actions, at("record", "Running", "after"))[0] == DIED
        actions = []
        with open(os.path.join(home, "calls.txt"), "w"):
            pass  # every attempt is a first one, and sleeps
    restart(home)
    check(home, ["one"])
    record = victim.record(home, "one")
    assert (record["status"], record["attempts"]) == ("Failed", 3)
    assert record["invocationErrorMessage"] == "UnhandledInvocationError"
    assert "Process exited unexpectedly" in record["returnPayload"]


def test_an_invocation_survives_a_crash_at_each_of_its_steps(home):
    actions = [["invoke", {"id": "one", "fail": 2}]]
    for crash in (
        at("commit", PUT, "after"),
        at("subprocess.Popen"),
        at("commit", POSTPONE),
        at("record", "Retrying"),
        at("record", "Succeeded", "after"),
        at("commit", DELIVER),
        at("commit", DELIVER, "after"),
        at("record", "Succeeded", "halfway"),
        at("commit", ACK),
    ):
        assert victim.run_child(home, actions, crash)[0] == DIED, crash
        actions = []
    restart(home)
    check(home, ["one"])
    assert victim.record(home, "one")["status"] in ("Succeeded", "Failed")


@pytest.mark.parametrize("when", ["before", "after", "halfway"])
@pytest.mark.parametrize("nth", [1, 2, 4, 7])
def test_many_invocations_survive_a_crash_at_any_file(home, nth, when):
    actions = [["invoke_all", {"plans": mixed("a")}], ["invoke_all", {"plans": mixed("b")}]]
    code, accepted = victim.run_child(home, actions, at("rename", "", when, nth))
    assert code == DIED
    restart(home, [["invoke_all", {"plans": mixed("c")}]])
    check(home, [*accepted, *mixed("c")])
    statuses = {id: victim.record(home, id)["status"] for id in victim.ids(home)}
    assert all(status == "Succeeded" for id, status in statuses.items() if "ok" in id)
    assert all(status == "Failed" for id, status in statuses.items() if "bad" in id)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [2, 3, 5, 8])
def test_many_invocations_survive_a_crash_at_any_commit(home, nth, when):
    actions = [["invoke_all", {"plans": mixed("a")}], ["invoke_all", {"plans": mixed("b")}]]
    code, accepted = victim.run_child(home, actions, at("commit", "", when, nth))
    assert code == DIED
    restart(home, [["invoke_all", {"plans": mixed("c")}]])
    check(home, [*accepted, *mixed("c")])


def mixed(prefix):
    return {f"{prefix}-ok-{n}": {} for n in range(4)} | {
        f"{prefix}-retried": {"fail": 1},
        f"{prefix}-bad": {"fail": 99},
        f"{prefix}-long": {"size": 9000},
    }


@pytest.mark.parametrize(
    ("crash", "least", "most"),
    [
        (at("commit", PUT, "after"), 2, 2),
        (at("subprocess.Popen"), 2, 2),
        (at("commit", POSTPONE), 2, 3),
        (at("commit", POSTPONE, "after"), 2, 2),
        (at("commit", DELIVER), 3, 3),
        (at("commit", DELIVER, "after"), 2, 3),
        (at("commit", ACK), 2, 3),
        (at("commit", ACK, "after"), 2, 2),
    ],
    ids=lambda value: f"{value['of'] or value['on']} {value['when']}" if isinstance(value, dict) else "",
)
def test_an_invocation_without_a_record_survives_a_crash(tmp_path, crash, least, most):
    """At least once: nothing but its message tells how far it had come."""
    home = victim.make_home(str(tmp_path / "home"), stateful=False)
    assert victim.run_child(home, [["invoke", {"id": "one", "fail": 1}]], crash)[0] == DIED
    restart(home)
    assert victim.owed(home) == 0
    assert victim.ids(home) == []
    assert list(victim.outcomes(home).values()) == [1]
    (called,) = victim.calls(home).values()
    assert least <= called <= most


def test_a_deploy_is_whole_or_has_not_happened(home):
    before = registry.read(home)
    script = "import sys; from tests.crash import victim; from fun_local.store import registry\n"
    script += "from fun_local.model.deployed import Deployed; import json\n"
    script += "victim.install(**json.loads(sys.argv[2])); registry.write(sys.argv[1], Deployed())"
    for when in ("before", "halfway"):
        crash = json.dumps(at("rename", "registry.json", when))
        assert subprocess.run([sys.executable, "-c", script, home, crash], cwd=victim.ROOT).returncode == DIED
        assert registry.read(home) == before
        restart(home, [["invoke", {"id": when}]])
    check(home, ["before", "halfway"])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_while_pruning_leaves_a_record_whole_or_gone(home, when):
    restart(home, [["invoke", {"id": "one", "size": 9000}]])
    assert victim.run_child(home, [["prune", {}]], at("commit", "DELETE FROM ids", when))[0] == DIED
    if when == "before":
        assert victim.record(home, "one")["status"] == "Succeeded"
    else:
        with pytest.raises(NotFound):
            victim.record(home, "one")
    # The next prune ends the work, and the id is free again.
    restart(home, [["prune", {}], ["invoke", {"id": "one"}]])
    assert victim.record(home, "one")["status"] == "Succeeded"
    assert victim.leftovers(home) == []
    assert os.listdir(os.path.join(home, "executions", "payloads")) == []


def test_instances_of_a_dead_daemon_are_ended_by_the_next(home):
    crash = at("record", "Running", "after")
    assert victim.run_child(home, [["invoke", {"id": "one", "sleep": 60}]], crash)[0] == DIED
    restart(home)
    assert [name for name in os.listdir(os.path.join(home, "instances")) if name.endswith(".json")] == []


@pytest.mark.parametrize("delay", [0, 1], ids=["at once", "a moment later"])
def test_a_put_repeated_because_its_answer_was_lost_runs_once(home, delay):
    """Daemon and caller are alive, only the answer got lost: the same request comes again."""

    async def put_twice():
        async with victim.application(home) as emulator:
            emulator.look()
            send = {"function": "order", "payload": b'{"sleep": 0.2}', "request_id": "r-1"}
            first = await emulator.invoke_async(**send)
            if delay:
                await victim.until(lambda: victim.record(home, "r-1")["status"] == "Running")
            assert (await emulator.invoke_async(**send)).seq == first.seq
            await victim.until(lambda: victim.owed(home) == 0)

    asyncio.run(put_twice())
    check(home, ["r-1"])
    assert victim.calls(home) == {"r-1": 1}


def test_invk_repeats_a_call_that_was_answered_by_nobody(home):
    """`invk` asks the daemon first. One that dies before it answers may have run it to the end by then."""
    before = commands.put(home, "order", b"{}", request_id="r-1", no_daemon=True)
    again = commands.put(home, "order", b"{}", request_id="r-1", no_daemon=True)
    assert again == before
    restart(home)
    after = commands.put(home, "order", b"{}", request_id="r-1", no_daemon=True)
    assert (after.invocation_id, after.request_id) == ("r-1", "r-1")
    assert victim.owed(home) == 0
    with pytest.raises(Conflict):
        commands.put(home, "order", b"{}", request_id="r-2", invocation_id="r-1", no_daemon=True)
    restart(home)
    check(home, ["r-1"])
    assert victim.calls(home) == {"r-1": 1}


class RestlessClock(wiring.SystemClock):
    """Time never stands still: whoever looks twice sees two times."""

    def __init__(self):
        self.now = super().now_ms()

    def now_ms(self):
        self.now += 1
        return self.now

    async def sleep(self, seconds):
        await asyncio.sleep(0)


def test_what_becomes_due_while_the_queue_is_being_read_is_not_overslept(home, monkeypatch):
    monkeypatch.setattr(wiring, "SystemClock", RestlessClock)

    async def put_some_for_later(emulator):
        for turn in range(20):
            due_ms = emulator._clock.now + 1000
            drafts = [
                Draft(id := f"{turn}-{n}", id, FunctionRef("shop", "order"), due_ms, due_ms + n, b"{}", True)
                for n in range(1 + turn % 10)
            ]
            await asyncio.gather(*map(emulator._put, drafts))
            await victim.until(lambda: victim.owed(home) == 0)

    monkeypatch.setitem(victim.ACTIONS, "put_some_for_later", put_some_for_later)
    restart(home, [["put_some_for_later", {}]])
    check(home, [])
    assert len(victim.ids(home)) == 110


# --- kill -9, whenever

INVK = "from fun_local.invk import main; main()"
ROUNDS = 15
PRODUCERS = 3


class Producer(threading.Thread):
    """Calls `invk` again and again, and remembers the ids that it printed."""

    def __init__(self, home, name, seed):
        super().__init__(name=name)
        self.home = home
        self.random = random.Random(seed)
        self.acknowledged = []
        self.failed = []
        self.process = None
        self.is_done = threading.Event()

    def run(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FUN_")}
        environment |= {"FUN_LOCAL_HOME": self.home, "FUN_LOCAL_PORT": "0"}
        while not self.is_done.is_set():
            plan = self.random.choice([{}, {}, {}, {"sleep": 0.05}, {"fail": 1}, {"fail": 9}, {"size": 9000}])
            self.process = subprocess.Popen(
                [sys.executable, "-c", INVK, "order", "-t", "Async", "-s", json.dumps(plan)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            out, err = self.process.communicate()
            if out.endswith("\n"):
                self.acknowledged.append(out.strip())
            elif self.process.returncode != -signal.SIGKILL:
                self.failed.append(err)

    def kill(self):
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()


def kill_daemon(home):
    """Kill -9 whoever serves the home; False when nobody does."""
    try:
        with open(os.path.join(home, "daemon.lock")) as file:
            pid = int(file.read().split()[0])
        os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError, IndexError):
        return False
    return True


def shut_down(client):
    """More than once, should a daemon that some `invk` had started take over just then."""
    while not client.wait_until_down(1):
        with contextlib.suppress(Unavailable):
            client.call("shutdown", start=False)


@pytest.fixture
def short_home():
    """Unix sockets have short addresses."""
    folder = tempfile.mkdtemp(prefix="fl-")
    yield victim.make_home(os.path.join(folder, "h"))
    home = os.path.join(folder, "h")
    with contextlib.suppress(FileNotFoundError), open(os.path.join(home, "daemon.log")) as file:
        print(file.read()[-3000:])  # shown when the test has failed
    while not Client(home).wait_until_down(0.1):
        kill_daemon(home)
    shutil.rmtree(folder)


def test_nothing_accepted_is_lost_whatever_is_killed(short_home):
    home = short_home
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    producers = [Producer(home, f"producer-{n}", chance.random()) for n in range(PRODUCERS)]
    for producer in producers:
        producer.start()
    killed = 0
    try:
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.05, 1.2))  # not waiting for anything: the hazard itself
            killed += kill_daemon(home)
            if chance.random() < 0.5:
                chance.choice(producers).kill()
    finally:
        for producer in producers:
            producer.is_done.set()
        for producer in producers:
            producer.join(30)
    assert killed >= ROUNDS // 2
    assert [producer.failed for producer in producers] == [[]] * PRODUCERS
    acknowledged = [id for producer in producers for id in producer.acknowledged]
    assert len(acknowledged) > ROUNDS
    client = Client(home)
    client.start()
    try:
        asyncio.run(victim.until(lambda: victim.owed(home) == 0))
    finally:
        shut_down(client)
    check(home, acknowledged)
    assert len(acknowledged) == len(set(acknowledged))
    called = victim.calls(home)
    for id in victim.ids(home):
        record = victim.record(home, id)
        assert called[record["requestId"]] >= 1
    assert [n for n in os.listdir(os.path.join(home, "instances")) if n.endswith(".json")] == []
