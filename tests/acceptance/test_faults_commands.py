"""`fun faults` and `invk --fault`, with a real daemon and real functions."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.acceptance.templates import template
from tests.acceptance.test_walkthrough import deploy
from tests.conftest import ROOT

CODE = """
    import os

    def handler(event, context):
        print("running in", os.getpid())
        return {"done": True}
"""


@pytest.fixture
def shop(shell):
    shell.environment["FUN_LOCAL_RETRY_FIRST_SECONDS"] = "0.05"
    deploy(shell, template(CODE, retries=1))
    return shell


def test_the_commands_of_the_document_work_in_their_order(shell):
    shell.environment["FUN_LOCAL_RETRY_FIRST_SECONDS"] = "0.05"
    shell.fun("mns", "queue", "create", "outcomes")
    shell.project = str(ROOT / "examples" / "stateful-async")
    shell.fun("deploy", "--use-ros", "--stack-name", "films", "--replace", "please_replace_me=outcomes")
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "docs" / "faults.md").read_text(), re.S)
    for line in "".join(blocks).splitlines():
        shell.run(*shlex.split(line.removeprefix("$ ")))


def test_a_call_that_crashes_once_succeeds_at_its_second_attempt(shop):
    record = shop.invk("main", "-t", "Async", "-s", "{}", "--fault", "crash@1", "--wait", "--json").json
    assert (record["status"], record["alreadyRetriedTimes"]) == ("Succeeded", 1)
    assert record["faults"] == ["crash@1"]
    assert "On purpose: crash@1" in shop.fun("executions", "get", record["invocationId"]).out
    assert "faults" not in shop.invk("main", "-t", "Async", "-s", "{}", "--wait", "--json").json


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("timeout", r"Function timed out after 30 seconds \(maxMemoryUsage: .*MB\)"),
        ("crash", r"Process exited unexpectedly before completing request \(duration: 0ms, .*\)"),
        ("oom", r"Process exited unexpectedly .*maxMemoryUsage: 128\.00MB\)"),
    ],
)
def test_a_dead_letter_is_the_one_of_the_real_failure(shop, fault, message):
    shop.invk("main", "-t", "Async", "-s", '{"k": 1}', "--fault", fault, "--wait", check=3)
    letter = shop.letter("dlq")
    assert letter["requestContext"]["condition"] == "UnhandledInvocationError"
    assert letter["requestContext"]["approximateInvokeCount"] == 2
    assert letter["requestPayload"] == '{"k": 1}'
    assert re.fullmatch(message, json.loads(letter["responsePayload"])["errorMessage"])


def test_a_synchronous_call_fails_as_asked_and_the_log_says_on_purpose(shop):
    done = shop.invk("main", "-s", "{}", "-v", "--fault", "error:KeyError", check=3)
    assert json.loads(done.out)["errorType"] == "KeyError"
    assert "error:KeyError on purpose" in done.err
    before, after = (shop.invk("main", "-v").err for _ in range(2))
    crashed = shop.invk("main", "-v", "--fault", "crash", check=3)
    assert "Process exited unexpectedly" in crashed.out
    (old,), (same,), (new,) = (
        re.findall(r"running in (\d+)", text) for text in (before, after, shop.invk("main", "-v").err)
    )
    assert old == same != new


def test_a_call_without_a_daemon_takes_its_fault_along(shop):
    shop.fun("daemon", "stop")
    id_ = shop.invk("main", "-t", "Async", "-s", "{}", "--fault", "error", "--no-daemon").out.strip()
    shop.wait(id_, expect="Failed")
    assert shop.record(id_)["faults"] == ["error@1", "error@2"]


def test_a_functions_faults_are_set_listed_kept_over_a_restart_and_cleared(shop):
    shop.fun("faults", "set", "main", "error:ValueError@1", "--seed", "7")
    one = {"functionName": "demo/main", "fault": "error:ValueError@1", "rate": 1.0, "seed": 7}
    assert shop.fun("faults", "list", "--json").json == {"faults": [one]}
    shop.fun("daemon", "stop")
    assert shop.fun("faults", "list", "--json").json == {"faults": [one]}
    assert "ValueError" in shop.invk("main", check=3).out
    assert "demo/main fails on purpose: error:ValueError@1" in shop.fun("daemon", "logs").out
    assert shop.fun("faults", "clear", "main", "--json").json == {"cleared": 1}
    assert shop.fun("faults", "clear", "main", "--json").json == {"cleared": 0}
    assert json.loads(shop.invk("main").out) == {"done": True}
    assert shop.fun("faults", "list").out.split() == ["FUNCTION", "FAULT", "RATE", "SEED"]


def test_mistakes_are_named(shop):
    assert "there is no fault 'fire'" in shop.invk("main", "--fault", "fire", check=1).err
    assert "there is no fault 'fire'" in shop.invk("main", "-t", "Async", "--fault", "fire", check=1).err
    refused = shop.invk("main", "--fault", "destination-down", check=1)
    assert "has no destination" in refused.err and "-t Async" in refused.err
    assert (
        "a rate of 2 is not over 0 and at most 1"
        in shop.fun("faults", "set", "main", "crash", "--rate", "2", check=1).err
    )
    assert "'nobody' does not exist" in shop.fun("faults", "set", "nobody", "crash", check=1).err
    assert "'nobody' does not exist" in shop.fun("faults", "clear", "nobody", check=1).err
    shop.fun("faults", "clear", check=2)


def test_a_removed_functions_faults_can_be_cleared(shop):
    shop.fun("faults", "set", "main", "crash")
    shop.fun("remove", "demo-1", "-y")
    assert shop.fun("faults", "clear", "demo/main", "--json").json == {"cleared": 1}
