"""A kill around a delivery to a function, or to a file: the outcome is there once."""

import asyncio
import json
import os
from collections import Counter
from dataclasses import replace

import pytest

from fun_local.store import registry
from fun_local.store.history import History, Query
from tests.crash import victim
from tests.crash.victim import DIED

TARGET = "acs:fc:::services/shop/functions/after"
BUS = "acs:eventbridge:::eventbus/orders"

NOTE = "UPDATE messages SET is_delivered"


def at(on, of, when, nth=1):
    return {"on": on, "of": of, "when": when, "nth": nth}


def make_home(path, on_success, *, stateful=True):
    home = victim.make_home(str(path), stateful=stateful)
    deployed = registry.read(home)
    order = deployed.functions["shop/order"]
    after = replace(
        order, name="after", async_config=replace(order.async_config, on_success="", stateful=True)
    )
    order = replace(order, async_config=replace(order.async_config, on_success=on_success))
    registry.write(home, replace(deployed, functions={f.path: f for f in (order, after)}))
    return home


def restart(home):
    victim.stay_awake(home)
    asyncio.run(victim.serve(home))


CRASHES = {
    "before the end is recorded": at("record", "Succeeded", "before"),
    "after the end is recorded": at("record", "Succeeded", "after"),
    "before the delivery is committed": at("commit", NOTE, "before"),
    "after the delivery is committed": at("commit", NOTE, "after"),
    "before the delivery is recorded": at("record", "Succeeded", "before", 2),
    "before the acknowledgement": at("commit", "DELETE FROM messages", "before"),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_a_function_that_is_a_destination_is_invoked_once(tmp_path, crash):
    home = make_home(tmp_path / "home", TARGET)
    assert victim.run_child(home, [["invoke", {"id": "one"}]], CRASHES[crash])[0] == DIED
    restart(home)
    assert victim.owed(home) == 0
    found = [document for _, document in History(home).all(Query())]
    assert Counter(d["functionName"] for d in found) == {"order": 1, "after": 1}
    assert {d["status"] for d in found} == {"Succeeded"}
    source = victim.record(home, "one")
    assert source["destinationStatus"] == "Succeeded"
    [event] = [json.loads(d["invocationPayload"]) for d in found if d["functionName"] == "after"]
    assert event["requestContext"]["requestId"] == source["requestId"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_function_gets_the_outcome_of_an_invocation_without_a_record(tmp_path, when):
    """Once per run: nothing but its message tells how far it had come."""
    home = make_home(tmp_path / "home", TARGET, stateful=False)
    assert victim.run_child(home, [["invoke", {"id": "one"}]], at("commit", NOTE, when))[0] == DIED
    restart(home)
    assert victim.owed(home) == 0
    assert [d["functionName"] for _, d in History(home).all(Query())] == ["after"]


@pytest.mark.parametrize("crash", CRASHES)
def test_an_outcome_that_is_only_recorded_is_recorded_once(tmp_path, crash):
    home = make_home(tmp_path / "home", BUS)
    assert victim.run_child(home, [["invoke", {"id": "one"}]], CRASHES[crash])[0] == DIED
    restart(home)
    assert victim.owed(home) == 0
    with open(os.path.join(home, "destinations", "eventbridge-orders.jsonl")) as file:
        [line] = [json.loads(text) for text in file]
    source = victim.record(home, "one")
    assert line["message"]["requestContext"]["requestId"] == source["requestId"]
    assert source["destinationStatus"] == "Succeeded"
