"""Task mode for one call: a record of a function that keeps none, and none of one that does."""

from __future__ import annotations

import pytest

from fun_local.cli.client import Client
from fun_local.errors import InvalidRequest
from tests.acceptance.templates import template
from tests.acceptance.test_walkthrough import deploy

ECHO = "def handler(event, context): return event"
SWITCH = "X-Fc-Stateful-Async-Invocation-Enable"


def test_one_call_of_a_stateless_function_leaves_a_record(shell):
    deploy(shell, template(ECHO, stateful=False))
    done = shell.invk("main", "-t", "Async", "-s", "1", "--stateful", "--invocation-id", "mine", "--wait")
    assert "Succeeded" in done.out
    assert shell.record("mine")["returnPayload"] == "1"
    shell.invk("main", "-t", "Async", "-s", "2")
    assert len(shell.fun("executions", "list", "--json").json["invocations"]) == 1


def test_one_call_of_a_stateful_function_leaves_none(shell):
    deploy(shell, template(ECHO))
    request_id = shell.invk("main", "-t", "Async", "-s", "1", "--no-stateful").out.strip()
    assert shell.letter("dlq")["requestContext"]["requestId"] == request_id
    assert shell.fun("executions", "list", "--json").json["invocations"] == []


@pytest.mark.parametrize(
    ("options", "needle"),
    [
        (["-t", "Async", "--no-stateful", "--wait"], "no record to wait for"),
        (["--stateful"], "-t Async"),
        (["--no-stateful"], "-t Async"),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused(shell, options, needle):
    deploy(shell, template(ECHO))
    assert needle in shell.invk("main", "-s", "1", *options, check=2).err


def test_the_header_of_a_call_turns_task_mode_on_and_never_off(shell):
    deploy(shell, template(ECHO, stateful=False))
    client = Client(shell.home)

    def call(switch):
        headers = {"X-Fc-Invocation-Type": "Async", SWITCH: switch, "X-Fc-Trace-Id": f"request-{switch}"}
        return client.invoke("main", b"1", headers)

    assert call("true")[0] == 202
    assert call("false")[0] == 202
    shell.wait("request-true")
    found = shell.fun("executions", "list", "--json").json["invocations"]
    assert [document["invocationId"] for document in found] == ["request-true"]
    with pytest.raises(InvalidRequest) as caught:
        call("maybe")
    assert SWITCH in caught.value.message
