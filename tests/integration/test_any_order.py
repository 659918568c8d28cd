"""Whatever comes in whatever order, kills included: nothing accepted is lost, nothing is told twice.

Hypothesis thinks up the order. A kill is what the disk holds at that instant: the home is copied between two
commits, and the next daemon opens the copy; what the old one had in memory is gone.
"""

import asyncio
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fun_local.errors import Conflict, NotFound
from fun_local.model.execution import TRANSITIONS, Status
from fun_local.model.resources import Queue, Resources, Service
from fun_local.store.history import Query
from tests.fakes import SERVICE, FakeClock, function, new_request_id, stage, turns

SCRIPTS = (
    {"return": 1},
    {"raise": "oops"},
    {"die": True},
    {"seconds": 2, "return": 1},
    {"seconds": 9},
    {"attempts": [{"raise": "oops"}, {"return": 1}]},
    {"attempts": [{"die": True}, {"die": True}, {"return": 1}]},
    {"seconds": 1, "ignore_stop": 2},
)

FUNCTIONS = {
    "f": function("f", max_retries=2, timeout_seconds=3),
    "g": function("g", max_retries=1, max_age_seconds=6),
    "plain": function("plain", max_retries=1, stateful=False),
    # Its outcomes go to another function, and the outcomes of that one to the queues.
    "chain": function("chain", on_success=f"acs:fc:::services/{SERVICE}/functions/last"),
    "last": function("last", environment={"SCRIPT": '{"return": 1}'}),
}

#: Not all of them are there at all times.
MAY_GO = "g"


class AnyOrder(RuleBasedStateMachine):
    """Daemons over one home, one after the other, and what was promised to their callers."""

    @initialize(max_instances=st.integers(1, 4))
    def begin(self, max_instances):
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.mkdtemp(prefix="fun-local-order-")
        self.lives = 0
        os.mkdir(self.home)
        self.clock = FakeClock()
        self.puts, self.stops = {}, {}
        self.max_instances = max_instances
        self.run(self.open(*FUNCTIONS.values()))
        for name in ("good", "bad"):
            self.run(self.s.mns.create(Queue(name)))

    def run(self, work):
        return self.loop.run_until_complete(work)

    @property
    def home(self):
        return f"{self.folder}/{self.lives}"

    async def open(self, *functions):
        self.stack = AsyncExitStack()
        self.s = await self.stack.enter_async_context(
            stage(
                self.home,
                *functions,
                clock=self.clock,
                real_queues=True,
                max_instances=self.max_instances,
            )
        )

    # --- what may happen

    @rule(
        name=st.sampled_from(("f", "g", "plain", "chain")),
        script=st.sampled_from(SCRIPTS),
        delay=st.sampled_from((0, 0, 0, 1, 4)),
        switch=st.sampled_from((None, None, True, False)),
    )
    def put(self, name, script, delay, switch):
        if f"{SERVICE}/{name}" not in self.s.emulator.deployed.functions:
            return
        request_id = new_request_id()
        work = self.s.put(script, name, delay_seconds=delay, stateful=switch, request_id=request_id)
        self.puts[request_id] = self.loop.create_task(work)

    @precondition(lambda self: self.puts)
    @rule(data=st.data())
    def stop(self, data):
        request_id = data.draw(st.sampled_from(sorted(self.puts)))
        put = self.puts[request_id]
        if is_answered(put) and put.result().stateful:
            stop = self.loop.create_task(self.s.dispatcher.stop(put.result().seq))
            self.stops.setdefault(request_id, []).append(stop)

    @rule(count=st.integers(1, 30))
    def let_it_work(self, count):
        self.run(turns(count))

    @rule(seconds=st.sampled_from((0.001, 0.5, 3)))
    def let_time_pass(self, seconds):
        self.run(self.clock.advance(seconds))

    @rule()
    def let_it_write(self):
        self.wait_for_the_disk()
        self.run(turns(3))

    @rule(records=st.integers(0, 2), acknowledgements=st.integers(0, 1), exhausted=st.booleans())
    def be_short_of(self, records, acknowledgements, exhausted):
        self.s.store.failures = records
        self.s.queue.ack_failures = acknowledgements
        self.s.runtime.is_exhausted = exhausted

    @rule()
    def deploy(self):
        is_there = f"{SERVICE}/{MAY_GO}" in self.s.emulator.deployed.functions
        names = [name for name in FUNCTIONS if not (is_there and name == MAY_GO)]
        functions = tuple(FUNCTIONS[name] for name in names)
        self.run(self.s.emulator.deployments.deploy("test", Resources((Service(SERVICE),), functions)))

    @rule()
    def close_and_open(self):
        self.run(self.stack.aclose())
        self.settle_calls()
        self.run(self.open())

    @rule()
    def kill(self):
        self.wait_for_the_disk()
        old, old_stack = self.home, self.stack
        self.lives += 1
        shutil.copytree(old, self.home)
        # What still happens in the old home is nobody's business; answers that come now do not count.
        self.settle_calls()
        self.run(old_stack.aclose())
        self.run(self.open())

    # --- how it is done

    def wait_for_the_disk(self):
        """Until the writing threads have nothing to do: a commit is whole or has not happened."""
        for group in (self.s.store._group, self.s.queue._write.__self__):
            deadline = time.monotonic() + 60
            while group.is_writing:
                assert time.monotonic() < deadline
                time.sleep(0.001)

    def settle_calls(self):
        """Whoever has no answer when a daemon ends gets none."""
        waiting = [*self.puts.values(), *(stop for stops in self.stops.values() for stop in stops)]
        for call in waiting:
            call.cancel()
        if waiting:
            self.run(asyncio.wait(waiting))

    # --- what must hold

    def teardown(self):
        if not hasattr(self, "s"):
            return
        try:
            self.check()
        finally:
            self.run(self.stack.aclose())
            self.loop.close()
            shutil.rmtree(self.folder)

    def check(self):
        self.s.runtime.is_exhausted = False
        if self.puts:
            self.run(asyncio.wait(self.puts.values()))
        self.run(self.s.until_settled(passing=True))
        self.settle_calls()
        accepted = {id: put.result() for id, put in self.puts.items() if is_answered(put)}
        stopped = {id for id, stops in self.stops.items() if any(is_answered(stop) for stop in stops)}
        told = Counter(self.letters())
        records = {document["requestId"]: document for _, document in self.s.emulator.history.all(Query())}
        for document in records.values():
            check_record(document)
        handed_on = Counter()
        for request_id, message in accepted.items():
            if message.stateful:
                record = records[request_id]
                assert record["status"] == "Stopped" or request_id not in stopped
                assert record["destinationStatus"] == "Succeeded"
                is_handed_on = message.function.function == "chain" and record["status"] == "Succeeded"
                handed_on["last"] += is_handed_on
                assert told[request_id] == (not is_handed_on)
            elif message.function.function != "chain":
                assert told[request_id] == 1
        assert max(told.values(), default=0) <= 1, "an outcome was told twice"
        lasts = [d for d in records.values() if d["functionName"] == "last"]
        # Of those that left no record, and of those whose caller has no answer, nobody knows.
        assert len(lasts) >= handed_on["last"]
        events = Counter(json.loads(d["invocationPayload"])["requestContext"]["requestId"] for d in lasts)
        assert max(events.values(), default=0) <= 1, "an outcome was handed on twice"
        assert self.s.pool.counts()[0] == 0

    def letters(self):
        for name in ("good", "bad"):
            while found := self.run(self.s.mns.receive(name, limit=16)):
                for letter in found:
                    yield json.loads(letter.body)["requestContext"]["requestId"]


def is_answered(call):
    """Whether a caller was told that it is done, and not that it can't be."""
    if not call.done() or call.cancelled():
        return False
    assert isinstance(call.exception(), Conflict | NotFound | None)
    return call.exception() is None


def check_record(document):
    steps = [Status(event["status"]) for event in document["events"]]
    assert steps[0] is Status.ENQUEUED
    assert all(after in TRANSITIONS[before] for before, after in pairwise(steps)), steps
    assert steps[-1].is_final
    assert steps[-1] == document["status"]
    assert [event["eventId"] for event in document["events"]] == list(range(1, len(steps) + 1))
    assert document["attempts"] == steps.count(Status.RUNNING) <= 3


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
