"""Failures on purpose: what they do to executions, instances and outcomes; and that they do nothing else."""

from __future__ import annotations

import asyncio
import json

import pytest

from fun_local.errors import RESOURCES, InvalidRequest, NotFound, Unavailable
from fun_local.faults import Faults
from fun_local.model.execution import Status
from fun_local.model.faults import Fault
from tests.fakes import FakeClock, function, stage


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("crash", "Process exited unexpectedly before completing request"),
        ("timeout", "Function timed out after 60 seconds"),
        ("oom", "maxMemoryUsage: 128.00MB"),
        ("error:KeyError", "a rehearsed failure"),
    ],
)
def test_every_attempt_of_the_call_fails_and_the_outcome_goes_where_failures_go(tmp_path, fault, message):
    async def story():
        async with stage(tmp_path, function(max_retries=1)) as home:
            message_ = await home.put({"return": 1}, fault=fault)
            await home.until_settled(passing=True)
            record = home.record(message_)
            assert home.history(message_)[2:] == ["Running", "Retrying", "Running", "Failed"]
            assert record.error == "UnhandledInvocationError"
            assert message in json.loads(record.result)["errorMessage"]
            kind = Fault.parse(fault).kind
            assert record.faults == (f"{kind}@1", f"{kind}@2")
            assert home.destination.names == ["bad"]
            # Not so much as asked; but what dies of it is gone, and the next attempt has a new instance.
            assert home.runtime.calls == []
            assert len(home.runtime.instances) == (1 if kind == "error" else 2)

    run(story())


def test_a_retry_helps_when_only_the_first_attempts_are_struck(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=3)) as home:
            message = await home.put({"return": "done"}, fault="crash@2")
            await home.until_settled(passing=True)
            record = home.record(message)
            assert (record.status, record.result, record.attempts) == (Status.SUCCEEDED, b'"done"', 3)
            assert record.faults == ("crash@1", "crash@2")
            assert [call.attempts for call in home.runtime.calls] == [3]

    run(story())


def test_throttled_tries_are_no_attempts_and_cost_no_retry(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=0)) as home:
            message = await home.put({"return": 1}, fault="throttle@3")
            await home.until_settled(passing=True)
            record = home.record(message)
            assert (record.status, record.attempts, record.throttles) == (Status.SUCCEEDED, 1, 3)
            assert record.faults == ("throttle@3",)

    run(story())


def test_a_throttling_without_end_ends_as_the_real_one(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as home:
            message = await home.put({"return": 1}, fault="throttle")
            while home.status(message) is not Status.INVALID:
                await home.clock.advance(600)
            await home.until_settled(passing=True)
            assert home.record(message).error == "FunctionResourceExhausted"
            assert home.destination.names == ["bad"]

    run(story())


def test_a_destination_that_is_down_does_not_change_the_status(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as home:
            lost = await home.put({"return": 1}, fault="destination-down")
            late = await home.put({"return": 2}, fault="destination-down@2")
            await home.until_settled(passing=True)
            assert home.record(lost).status is home.record(late).status is Status.SUCCEEDED
            assert home.record(lost).destination_status == "Failed"
            assert home.record(lost).faults == ("destination-down@3",)
            assert home.record(late).destination_status == "Succeeded"
            assert [letter.seq for letter in home.destination.letters] == [late.seq]

    run(story())


def test_a_functions_faults_strike_its_calls_until_they_are_cleared(tmp_path):
    async def story():
        faults = Faults()
        async with stage(tmp_path, function(), function("g"), faults=faults) as home:
            faults.set("svc/f", Fault("crash"))
            struck, other = await home.put({"return": 1}), await home.put({"return": 1}, "g")
            await home.until_settled(passing=True)
            assert home.status(struck) is Status.FAILED
            assert home.status(other) is Status.SUCCEEDED and home.record(other).faults == ()
            assert faults.clear("svc/f") == 1
            spared = await home.put({"return": 1})
            await home.until_settled(passing=True)
            assert home.status(spared) is Status.SUCCEEDED

    run(story())


def test_a_function_may_have_several_faults_at_once_and_a_new_one_of_a_kind_replaces_the_old(tmp_path):
    async def story():
        faults = Faults()
        async with stage(tmp_path, function(max_retries=1), faults=faults) as home:
            for fault in ("crash", "destination-down", "crash@1"):
                faults.set("svc/f", Fault.parse(fault))
            assert [str(rule.fault) for rule in faults.rules] == ["destination-down", "crash@1"]
            message = await home.put({"return": 1})
            await home.until_settled(passing=True)
            assert home.record(message).faults == ("crash@1", "destination-down@3")

    run(story())


async def _marks(folder, *, seed: int, before: int = 0, ids: bool = False) -> list[tuple[str, ...]]:
    """The marks of thirty calls of a new home, of which some came before the rule."""
    folder.mkdir()
    faults = Faults(last_seq=lambda: home.queue.last_seq())  # noqa: PLW0108 - opened below
    async with stage(folder, function(max_retries=2), faults=faults) as home:
        for _ in range(before):
            await home.put({"return": 0})
        await home.until_settled(passing=True)
        faults.set("svc/f", Fault("crash"), rate=0.3, seed=seed)
        names = [f"id-{n}" for n in range(30)]
        calls = [
            await home.put({"return": n}, invocation_id=name if ids else "") for n, name in enumerate(names)
        ]
        await home.until_settled(passing=True)
        return [home.record(call).faults for call in calls]


@pytest.mark.parametrize("ids", [False, True])
def test_the_same_calls_meet_the_same_failures_by_the_same_seed(tmp_path, ids):
    first = run(_marks(tmp_path / "a", seed=7, ids=ids))
    assert run(_marks(tmp_path / "b", seed=7, before=5, ids=ids)) == first
    assert run(_marks(tmp_path / "c", seed=8, ids=ids)) != first
    assert any(first) and not all(first)


def test_a_fault_outlives_a_restart(tmp_path):
    async def story():
        clock = FakeClock()
        async with stage(tmp_path, function(max_retries=1), clock=clock) as home:
            message = await home.put({"return": 1}, fault="crash")
            await home.until_status(message, Status.RETRYING)
        async with stage(tmp_path, clock=clock) as home:
            await home.until_settled(passing=True)
            assert home.record(message).faults == ("crash@1", "crash@2")

    run(story())


def test_a_plain_invocation_without_a_record_is_struck_too(tmp_path):
    async def story():
        async with stage(tmp_path, function(stateful=False)) as home:
            await home.put({"return": 1}, fault="crash")
            await home.until_settled(passing=True)
            assert home.destination.names == ["bad"] and home.runtime.calls == []

    run(story())


def test_running_it_again_is_running_it_without_the_fault(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as home:
            message = await home.put({"return": 1}, fault="crash")
            await home.until_settled(passing=True)
            again = await home.emulator.retry(message.invocation_id)
            await home.until_settled(passing=True)
            assert home.status(again) is Status.SUCCEEDED and home.record(again).faults == ()

    run(story())


def test_a_stop_wins_over_a_throttled_start(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as home:
            message = await home.put({"return": 1}, fault="throttle")
            await home.until_status(message, Status.DEQUEUED)
            await home.emulator.stop(message.invocation_id)
            await home.until_settled(passing=True)
            assert home.status(message) is Status.STOPPED

    run(story())


def test_a_synchronous_call_is_struck_and_says_so_in_its_log(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as home:
            result, log = await home.emulator.invoke("f", b"{}", fault="timeout")
            assert b"Function timed out after 60 seconds" in result.payload
            assert b"fun-local: timeout on purpose" in log
            with pytest.raises(Unavailable) as caught:
                await home.emulator.invoke("f", b"{}", fault="throttle")
            assert caught.value.code == RESOURCES
            with pytest.raises(InvalidRequest, match="has no destination"):
                await home.emulator.invoke("f", b"{}", fault="destination-down")
            result, log = await home.emulator.invoke("f", b"{}")
            assert result.is_success and b"on purpose" not in log

    run(story())


def test_synchronous_calls_meet_a_functions_faults_by_their_order(tmp_path):
    async def results(folder):
        folder.mkdir()
        faults = Faults()
        async with stage(folder, function(), faults=faults) as home:
            faults.set("svc/f", Fault("error"), rate=0.5, seed=3)
            return [(await home.emulator.invoke("f", b"{}"))[0].is_success for _ in range(20)]

    first = run(results(tmp_path / "a"))
    assert run(results(tmp_path / "b")) == first
    assert True in first and False in first


def test_an_unknown_fault_is_refused_and_nothing_is_accepted(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as home:
            with pytest.raises(InvalidRequest, match="there is no fault 'fire'"):
                await home.put({}, fault="fire")
            with pytest.raises(InvalidRequest, match="there is no fault 'fire'"):
                await home.emulator.invoke("f", b"", fault="fire")
            assert home.queue.count() == 0
            with pytest.raises(NotFound):
                await home.put({}, "nobody", fault="crash")

    run(story())
