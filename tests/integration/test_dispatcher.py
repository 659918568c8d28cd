"""Whole stories of asynchronous invocations, on the real queue and store, in a time of their own."""

import asyncio
import gc
import itertools
import json
import logging
import random
from collections import Counter
from dataclasses import replace

import pytest

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model.execution import TRANSITIONS, Status
from fun_local.model.names import queue_arn
from fun_local.model.resources import AsyncConfig, Queue, Resources, Service
from fun_local.ports import Message
from fun_local.store.history import Query
from tests.fakes import (
    MEMORY_MB,
    SERVICE,
    START_MS,
    FakeClock,
    RecordingDestination,
    function,
    stage,
    turns,
    until,
)

E = "UnhandledInvocationError"


def exit_text(milliseconds, memory_mb=MEMORY_MB):
    text = "Process exited unexpectedly before completing request"
    return f'{{"errorMessage":"{text} (duration: {milliseconds}ms, maxMemoryUsage: {memory_mb:.2f}MB)"}}'


def check_history(execution):
    """What holds of every history."""
    assert [event.id for event in execution.events] == list(range(1, len(execution.events) + 1))
    times = [event.time_ms for event in execution.events]
    assert times == sorted(times)
    finals = [event for event in execution.events if event.status.is_final]
    assert finals == [execution.events[-1]]


# --- success


def test_a_success_is_recorded_delivered_and_acknowledged(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            message = await s.put({"seconds": 2, "return": "done"})
            await s.until_calls(1)
            await s.clock.advance(2)
            await s.until_settled()
            record = s.record(message)
            check_history(record)
            assert s.history(message) == ["Enqueued", "Dequeued", "Running", "Succeeded"]
            assert record.result == b'"done"'
            assert (record.attempts, record.error, record.duration_ms) == (1, "", 2000)
            assert record.ended_ms == START_MS + 2000
            assert (record.memory_mb, record.instance_id) == (MEMORY_MB, "c-0001")
            assert record.destination_status == "Succeeded"
            [segment] = record.logs
            assert (segment.file, segment.start, segment.end) == ("c-0001.log", 0, 100)
            assert s.destination.names == ["good"]
            assert s.destination.letters[0].json == {
                "timestamp": START_MS + 2000,
                "requestContext": {
                    "requestId": message.request_id,
                    "functionArn": f"acs:fc:::services/{SERVICE}.LATEST/functions/f",
                    "condition": "",
                    "approximateInvokeCount": 1,
                },
                "requestPayload": '{"seconds": 2, "return": "done"}',
                "responseContext": {"statusCode": 200, "functionError": ""},
                "responsePayload": '"done"',
            }

    asyncio.run(story())


def test_the_acknowledgement_comes_last(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            await s.put({})
            await s.until_settled()
            assert s.journal == [
                ("recorded", "Succeeded", ""),
                ("delivered",),
                ("recorded", "Succeeded", "Succeeded"),
                ("acknowledged",),
            ]

    asyncio.run(story())


def test_without_a_destination_nothing_is_delivered(tmp_path):
    async def story():
        async with stage(tmp_path, function(on_success="", on_failure="")) as s:
            good = await s.put({})
            bad = await s.put({"raise": "oops"})
            await s.until_settled()
            assert s.destination.tries == 0
            assert {s.record(m).destination_status for m in (good, bad)} == {""}

    asyncio.run(story())


def test_only_the_destination_of_the_outcome_gets_it(tmp_path):
    async def story():
        async with stage(tmp_path, function("a", on_failure=""), function("b", on_success="")) as s:
            await s.put({}, "a")
            await s.put({"raise": "oops"}, "a")
            await s.put({}, "b")
            await s.put({"raise": "oops"}, "b")
            await s.until_settled()
            assert sorted(s.destination.names) == ["bad", "good"]

    asyncio.run(story())


def test_messages_of_a_function_start_in_the_order_they_came(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            messages = [await s.put(b"%d" % number) for number in range(30)]
            await s.until_settled()
            assert [call.payload for call in s.runtime.calls] == [b"%d" % number for number in range(30)]
            assert len(s.runtime.instances) == 1
            assert [m.seq for m in messages] == sorted(m.seq for m in messages)

    asyncio.run(story())


# --- failures and retries


@pytest.mark.parametrize("budget", range(9))
def test_a_budget_of_n_retries_makes_n_plus_one_attempts_with_doubling_waits(tmp_path, budget):
    async def story():
        async with stage(tmp_path, function(max_retries=budget)) as s:
            message = await s.put({"raise": "oops", "type": "MyError"})
            for attempt in range(1, budget + 1):
                await s.until_status(message, Status.RETRYING)
                await s.until_resting()
                assert s.record(message).attempts == attempt
                wait = min(0.5 * 2 ** (attempt - 1), 60.0)
                await s.clock.advance(wait - 0.001)
                assert s.status(message) is Status.RETRYING, "too early"
                assert not s.destination.tries, "only the last attempt's outcome is delivered"
                await s.clock.advance(0.001)
                await s.until_calls(attempt + 1)
            await s.until_settled()
            record = s.record(message)
            check_history(record)
            assert (record.status, record.attempts, record.retries) == (Status.FAILED, budget + 1, budget)
            assert s.history(message) == [
                "Enqueued",
                "Dequeued",
                *["Running", "Retrying"] * budget,
                "Running",
                "Failed",
            ]
            details = [e.detail for e in record.events if e.status in (Status.RETRYING, Status.FAILED)]
            assert details == [f'{{"Error":"{E}"}}'] * (budget + 1)
            assert record.result == b'{"errorMessage":"oops","errorType":"MyError"}'
            assert record.error == E
            assert len(record.logs) == budget + 1
            assert [call.attempts for call in s.runtime.calls] == list(range(1, budget + 2))
            starts = [call.at_ms - START_MS for call in s.runtime.calls]
            waits = [later - earlier for earlier, later in itertools.pairwise(starts)]
            assert waits == [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000][:budget]
            [letter] = s.destination.letters
            context = letter.json["requestContext"]
            assert (context["condition"], context["approximateInvokeCount"]) == (E, budget + 1)
            assert letter.json["responseContext"] == {"statusCode": 200, "functionError": E}
            assert letter.json["responsePayload"] == record.result.decode()
            assert letter.address.name == "bad"

    asyncio.run(story())


def test_a_retry_that_succeeds_clears_the_error(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=2)) as s:
            message = await s.put({"attempts": [{"raise": "oops"}, {"return": 1}]})
            await s.until_settled(passing=True)
            record = s.record(message)
            assert s.history(message)[2:] == ["Running", "Retrying", "Running", "Succeeded"]
            assert (record.error, record.result, record.attempts) == ("", b"1", 2)
            [letter] = s.destination.letters
            assert letter.address.name == "good"
            assert letter.json["requestContext"]["condition"] == ""
            assert letter.json["requestContext"]["approximateInvokeCount"] == 2

    asyncio.run(story())


def test_a_timed_out_attempt_is_retried_on_a_new_instance(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=1, timeout_seconds=5)) as s:
            message = await s.put({"seconds": 30})
            await s.until_calls(1)
            await s.clock.advance(4.999)
            assert s.status(message) is Status.RUNNING
            await s.clock.advance(0.001)
            await s.until_status(message, Status.RETRYING)
            await s.until_resting()
            await s.clock.advance(0.5)
            await s.until_calls(2)
            await s.clock.advance(5)
            await s.until_settled()
            record = s.record(message)
            assert record.status is Status.FAILED
            assert record.result == (
                b'{"errorMessage":"Function timed out after 5 seconds (maxMemoryUsage: 10.86MB)"}'
            )
            assert [call.instance_id for call in s.runtime.calls] == ["c-0001", "c-0002"]
            assert record.duration_ms == 5000

    asyncio.run(story())


def test_a_process_that_dies_is_an_error_like_any_other(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=1)) as s:
            message = await s.put({"attempts": [{"seconds": 3, "die": True}, {"return": 2}]})
            await s.until_calls(1)
            await s.clock.advance(3)
            await s.until_status(message, Status.RETRYING)
            assert s.record(message).result.decode() == exit_text(3000)
            await s.until_settled(passing=True)
            assert s.record(message).result == b"2"
            assert s.record(message).instance_id == "c-0002"

    asyncio.run(story())


def test_a_shorter_budget_that_is_deployed_meanwhile_holds_for_the_next_attempt(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=8)) as s:
            message = await s.put({"raise": "oops"})
            await s.until_status(message, Status.RETRYING)
            resources = Resources((Service(SERVICE),), (function(max_retries=1),))
            await s.emulator.deployments.deploy("test", resources)
            await s.until_settled(passing=True)
            assert s.record(message).attempts == 2

    asyncio.run(story())


# --- expiry, invalid, delay


def test_what_waited_too_long_expires_without_running(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_age_seconds=10), max_instances=1) as s:
            first = await s.put({"block": "gate"})
            second = await s.put({})
            await s.until_calls(1)
            await s.clock.advance(10.001)
            assert s.status(second) is Status.ENQUEUED, "the check comes when it is taken off the queue"
            s.runtime.open("gate")
            await s.until_settled()
            assert s.status(first) is Status.SUCCEEDED, "an age limit does not cut a run"
            assert s.history(second) == ["Enqueued", "Dequeued", "Expired"]
            assert len(s.runtime.calls) == 1
            assert s.record(second).attempts == 0
            letter = next(found for found in s.destination.letters if found.seq == second.seq)
            assert letter.address.name == "bad"
            context = letter.json["requestContext"]
            assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 0)
            assert letter.json["responseContext"] == {"statusCode": 200, "functionError": ""}
            assert letter.json["responsePayload"] == ""

    asyncio.run(story())


def test_what_is_exactly_at_its_age_limit_runs(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_age_seconds=10), max_instances=1) as s:
            await s.put({"block": "gate"})
            second = await s.put({})
            await s.until_calls(1)
            await s.clock.advance(10)
            s.runtime.open("gate")
            await s.until_settled()
            assert s.status(second) is Status.SUCCEEDED

    asyncio.run(story())


def test_a_retry_that_comes_too_late_expires(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=3, max_age_seconds=1)) as s:
            message = await s.put({"raise": "oops"})
            await s.until_settled(passing=True)
            assert s.history(message) == [
                "Enqueued",
                "Dequeued",
                "Running",
                "Retrying",
                "Running",
                "Retrying",
                "Expired",
            ]
            [letter] = s.destination.letters
            context = letter.json["requestContext"]
            assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 2)

    asyncio.run(story())


def test_a_delay_longer_than_the_age_limit_expires(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_age_seconds=5)) as s:
            message = await s.put({}, delay_seconds=6)
            await s.clock.advance(6)
            await s.until_settled()
            assert s.status(message) is Status.EXPIRED

    asyncio.run(story())


def test_an_invocation_of_a_function_that_is_gone_is_invalid(tmp_path):
    async def story():
        async with stage(tmp_path, function(), function("other")) as s:
            message = await s.put({}, delay_seconds=10)
            await s.emulator.deployments.deploy("test", Resources((Service(SERVICE),), (function("other"),)))
            await s.clock.advance(10)
            await s.until_settled()
            record = s.record(message)
            assert s.history(message) == ["Enqueued", "Dequeued", "Invalid"]
            assert (record.error, record.attempts) == ("FunctionNotFound", 0)
            assert not s.runtime.calls

    asyncio.run(story())


def test_a_retry_of_a_function_that_is_gone_is_invalid_and_still_delivered(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=3), function("other")) as s:
            message = await s.put({"raise": "oops"})
            await s.until_status(message, Status.RETRYING)
            await s.emulator.deployments.deploy("test", Resources((Service(SERVICE),), (function("other"),)))
            await s.until_settled(passing=True)
            assert s.history(message)[-3:] == ["Running", "Retrying", "Invalid"]
            assert s.destination.names == ["bad"], "where its last known configuration says"

    asyncio.run(story())


def test_an_instance_that_can_not_start_makes_it_invalid(tmp_path):
    async def story():
        async with stage(
            tmp_path, function("broken", start={"fail": True}), function(), max_instances=1
        ) as s:
            messages = [await s.put({}, "broken") for _ in range(3)]
            other = await s.put({})
            await s.until_settled()
            assert s.status(other) is Status.SUCCEEDED
            for message in messages:
                record = s.record(message)
                assert s.history(message) == ["Enqueued", "Dequeued", "Invalid"]
                assert record.error == "RuntimeNotSupported"
                assert "can't run here" in record.result.decode()
            assert s.destination.names.count("bad") == 3
            assert s.pool.counts()[0] == 0, "the slots are free again"

    asyncio.run(story())


def test_a_delayed_invocation_runs_at_its_time(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            late = await s.put({"return": "late"}, delay_seconds=3600)
            soon = await s.put({"return": "soon"}, delay_seconds=5)
            now = await s.put({"return": "now"})
            await s.until_status(now, Status.SUCCEEDED)
            await s.clock.advance(4.999)
            assert s.status(soon) is Status.ENQUEUED
            await s.clock.advance(0.001)
            await s.until_status(soon, Status.SUCCEEDED)
            assert s.status(late) is Status.ENQUEUED
            assert s.record(soon).events[1].time_ms == START_MS + 5000
            assert s.record(soon).accepted_ms == START_MS
            await s.clock.advance(3595)
            await s.until_settled()
            assert s.record(late).events[1].time_ms == START_MS + 3_600_000

    asyncio.run(story())


def test_what_becomes_due_while_the_queue_is_read_is_not_missed(tmp_path):
    async def story():
        async with stage(tmp_path, function(), look=False) as s:
            await s.queue.put(draft_of(s, 1))
            message = await s.queue.put(replace(draft_of(s, 2, number=2), due_ms=START_MS + 1))
            read = s.queue.due

            def read_slowly(*arguments, **options):
                found = read(*arguments, **options)
                s.queue.due = read
                s.clock.set_back(-0.002)
                return found

            s.queue.due = read_slowly
            s.dispatcher.look()
            await s.until_settled()
            assert s.status(message) is Status.SUCCEEDED

    asyncio.run(story())


def test_a_clock_that_steps_back_lengthens_a_wait_and_leaves_histories_in_order(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=1)) as s:
            message = await s.put({"block": "gate", "attempts": [{"raise": "oops"}, {"return": 1}]})
            delayed = await s.put({}, delay_seconds=2)
            await s.until_status(message, Status.RETRYING)
            s.clock.set_back(60)
            await s.until_settled(passing=True)
            for done in (message, delayed):
                assert s.status(done) is Status.SUCCEEDED
                check_history(s.record(done))

    asyncio.run(story())


# --- stop


async def put_and_reach(s, where):
    """A message at the point where it is to be stopped."""
    if where == "waiting":
        await s.put({"block": "other"})
        await s.until_calls(1)
        return await s.put({"return": 1})
    if where == "delayed":
        return await s.put({"return": 1}, delay_seconds=100)
    if where == "starting":
        message = await s.put({"return": 1}, "slow")
        await s.until_status(message, Status.DEQUEUED)
        return message
    if where == "running":
        message = await s.put({"block": "mine"})
        await s.until_calls(1)
        return message
    message = await s.put({"attempts": [{"raise": "oops"}, {"return": 1}]})
    await s.until_status(message, Status.RETRYING)
    await s.until_resting()
    return message


HISTORY_AT_STOP = {
    "waiting": ["Enqueued"],
    "delayed": ["Enqueued"],
    "starting": ["Enqueued", "Dequeued"],
    "running": ["Enqueued", "Dequeued", "Running"],
    "retrying": ["Enqueued", "Dequeued", "Running", "Retrying"],
}


@pytest.mark.parametrize("where", HISTORY_AT_STOP)
def test_an_execution_can_be_stopped_wherever_it_is(tmp_path, where):
    async def story():
        slow = function("slow", start={"block": "start"})
        async with stage(tmp_path, function(max_retries=3), slow, max_instances=1) as s:
            message = await put_and_reach(s, where)
            await s.clock.advance(0.2)
            calls = len(s.runtime.calls_of("f"))
            await s.dispatcher.stop(message.seq)
            assert s.status(message) in (Status.STOPPING, Status.STOPPED)
            s.runtime.open("start")
            await s.until_status(message, Status.STOPPED)
            s.runtime.open("other")
            await s.until_settled()
            await s.clock.advance(200)
            await s.until_settled()
            record = s.record(message)
            check_history(record)
            assert s.history(message) == [*HISTORY_AT_STOP[where], "Stopping", "Stopped"]
            assert record.error == E
            assert len(s.runtime.calls_of("f")) == calls, "it did not run (again)"
            letters = [letter for letter in s.destination.letters if letter.seq == message.seq]
            assert [letter.address.name for letter in letters] == ["bad"]
            content = letters[0].json
            ran = where in ("running", "retrying")
            assert content["requestContext"]["approximateInvokeCount"] == ran
            assert content["requestContext"]["condition"] == E
            assert content["responseContext"]["functionError"] == E
            if where == "running":
                assert content["responsePayload"] == exit_text(200)
            with pytest.raises(Conflict):
                await s.dispatcher.stop(message.seq)

    asyncio.run(story())


def test_a_stop_ends_the_instance_and_the_next_message_gets_a_new_one(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            first = await s.put({"block": "gate"})
            second = await s.put({"return": 1})
            await s.until_calls(1)
            await s.dispatcher.stop(first.seq)
            await s.until_settled()
            assert (s.status(first), s.status(second)) == (Status.STOPPED, Status.SUCCEEDED)
            assert [call.instance_id for call in s.runtime.calls] == ["c-0001", "c-0002"]

    asyncio.run(story())


def test_a_result_that_comes_after_the_stop_is_dropped(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            message = await s.put({"block": "gate", "return": 1, "ignore_stop": 30})
            await s.until_calls(1)
            await s.dispatcher.stop(message.seq)
            assert s.status(message) is Status.STOPPING
            await s.dispatcher.stop(message.seq)  # asked twice: nothing more happens
            await s.clock.advance(3)
            assert s.status(message) is Status.STOPPING
            s.runtime.open("gate")
            await s.until_settled(passing=True)
            assert s.history(message) == ["Enqueued", "Dequeued", "Running", "Stopping", "Stopped"]
            assert s.record(message).result.decode() == exit_text(3000)
            assert s.destination.names == ["bad"]
            assert s.runtime.instances[0].stops >= 1

    asyncio.run(story())


def test_a_start_that_fails_after_the_stop_is_a_stop(tmp_path):
    async def story():
        async with stage(tmp_path, function(start={"block": "start", "fail": True})) as s:
            message = await s.put({})
            await s.until_status(message, Status.DEQUEUED)
            await s.dispatcher.stop(message.seq)
            s.runtime.open("start")
            await s.until_settled()
            assert s.history(message) == ["Enqueued", "Dequeued", "Stopping", "Stopped"]

    asyncio.run(story())


def test_what_has_finished_can_not_be_stopped(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            message = await s.put({})
            await s.until_settled()
            for _ in range(2):
                with pytest.raises(Conflict) as caught:
                    await s.dispatcher.stop(message.seq)
                assert caught.value.code == "StatefulAsyncInvocationAlreadyCompleted"
            assert s.status(message) is Status.SUCCEEDED

    asyncio.run(story())


def test_what_has_ended_but_is_not_delivered_yet_can_not_be_stopped(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            s.destination.is_open.clear()
            message = await s.put({})
            await until(lambda: s.destination.tries)
            with pytest.raises(Conflict):
                await s.dispatcher.stop(message.seq)
            s.destination.is_open.set()
            await s.until_settled()
            assert s.destination.names == ["good"]

    asyncio.run(story())


def test_a_stop_and_a_result_in_the_same_moment_have_one_winner(tmp_path):
    async def story():
        outcomes = Counter()
        async with stage(tmp_path, function(max_retries=2), max_instances=20) as s:
            for count, script in itertools.product(range(10), ({"return": 1}, {"raise": "oops"})):
                gate = f"{count} {script}"
                message = await s.put({"block": gate, **script})
                await s.until_status(message, Status.RUNNING)
                await turns()
                s.runtime.open(gate)
                await turns(count)
                try:
                    await s.dispatcher.stop(message.seq)
                    expected = Status.STOPPED
                except Conflict:
                    expected = Status.SUCCEEDED
                await s.until_status(message, expected)
                await s.until_resting()
                check_history(s.record(message))
                outcomes[expected] += 1
                letters = [letter for letter in s.destination.letters if letter.seq == message.seq]
                name = "bad" if expected is Status.STOPPED else "good"
                assert [letter.address.name for letter in letters] == [name]
            await s.until_settled()
        assert set(outcomes) == {Status.STOPPED, Status.SUCCEEDED}, "both orders were tried"

    asyncio.run(story())


def test_a_stop_while_the_retry_is_being_written_down_wins(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=3)) as s:
            s.store.failures = 1
            message = await s.put({"raise": "oops"})
            await s.until_calls(1)
            await until(lambda: not s.store.failures)
            await s.dispatcher.stop(message.seq)
            await s.until_settled(passing=True)
            check_history(s.record(message))
            assert s.history(message)[-3:] == ["Retrying", "Stopping", "Stopped"]
            assert len(s.runtime.calls) == 1

    asyncio.run(story())


def test_many_waiting_ones_can_be_stopped_at_once(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            first = await s.put({"block": "gate"})
            messages = await asyncio.gather(*(s.put({}) for _ in range(300)))
            await s.until_calls(1)
            await asyncio.gather(*(s.dispatcher.stop(message.seq) for message in messages[::2]))
            s.runtime.open("gate")
            await s.until_settled()
            assert {s.status(m) for m in messages[::2]} == {Status.STOPPED}
            assert {s.status(m) for m in [first, *messages[1::2]]} == {Status.SUCCEEDED}
            assert len(s.runtime.calls) == 151

    asyncio.run(story())


def test_a_stop_that_was_answered_survives_a_crash(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=3)) as s:
            message = await s.put({"block": "gate", "ignore_stop": 2})
            await s.until_calls(1)
            await s.dispatcher.stop(message.seq)
            # What another process sees at this very moment is what a kill would leave.
            _, document = s.emulator.history.find(message.invocation_id)
            assert document["status"] in ("Stopping", "Stopped")
            await s.until_settled(passing=True)

    asyncio.run(story())


def test_a_second_stop_is_answered_no_sooner_than_it_is_safe(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=3)) as s:
            message = await s.put({"block": "gate", "ignore_stop": 10})
            await s.until_calls(1)
            s.store.failures = 2
            stops = [asyncio.create_task(s.dispatcher.stop(message.seq)) for _ in range(2)]
            await turns()
            assert not any(stop.done() for stop in stops)
            await s.clock.advance(0.5)
            await asyncio.gather(*stops)
            assert s.journal[0] == ("recorded", "Stopping", "")
            await s.until_settled(passing=True)
            assert s.status(message) is Status.STOPPED

    asyncio.run(story())


@pytest.mark.parametrize("where", ["delayed", "retrying", "running"])
def test_a_stop_that_is_written_late_does_not_undo_what_came_after_it(tmp_path, where):
    async def story():
        async with stage(tmp_path, function(max_retries=3), max_instances=1) as s:
            message = await put_and_reach(s, where)
            s.store.failures = 1
            stop = asyncio.create_task(s.dispatcher.stop(message.seq))
            await until(lambda: s.status(message) is Status.STOPPED and s.dispatcher.running == 0)
            assert not stop.done()
            await s.clock.advance(1)
            await stop
            assert s.status(message) is Status.STOPPED
            assert s.record(message).destination_status == "Succeeded"

    asyncio.run(story())


# --- delivery


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_delivery_that_fails_is_tried_again(tmp_path, failures):
    async def story():
        destination = RecordingDestination(failures=failures)
        async with stage(tmp_path, function(), destination=destination) as s:
            message = await s.put({})
            await s.until_settled(passing=True)
            assert destination.tries == failures + 1
            assert destination.names == ["good"]
            assert s.record(message).destination_status == "Succeeded"

    asyncio.run(story())


def test_after_three_failed_deliveries_the_invocation_still_succeeded(tmp_path, caplog):
    async def story():
        destination = RecordingDestination(failures=3)
        async with stage(tmp_path, function(), destination=destination) as s:
            message = await s.put({})
            await until(lambda: destination.tries == 1)
            await turns()
            await s.clock.advance(0.499)
            assert destination.tries == 1
            await s.clock.advance(0.001)
            assert destination.tries == 2
            await s.clock.advance(0.999)
            assert destination.tries == 2
            await s.clock.advance(0.001)
            assert destination.tries == 3
            await s.until_settled()
            assert destination.names == []
            record = s.record(message)
            assert (record.status, record.destination_status) == (Status.SUCCEEDED, "Failed")
            assert s.journal[-1] == ("acknowledged",)

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert [r.action for r in caplog.records] == ["delivery-failed"] * 3


def test_a_missing_queue_fails_the_delivery_and_not_the_invocation(tmp_path):
    async def story():
        async with stage(tmp_path, function(), real_queues=True) as s:
            message = await s.put({})
            await s.until_settled(passing=True)
            assert s.record(message).destination_status == "Failed"
            assert s.status(message) is Status.SUCCEEDED

    asyncio.run(story())


@pytest.mark.parametrize("target", ["acs:mns:::/topics/t/messages", "nonsense"])
def test_a_destination_that_can_not_work_fails_at_once(tmp_path, target):
    async def story():
        async with stage(tmp_path, function(on_success=target)) as s:
            message = await s.put({})
            await s.until_settled()  # no time passes
            assert s.record(message).destination_status == "Failed"
            assert s.status(message) is Status.SUCCEEDED

    asyncio.run(story())


def test_an_outcome_reaches_a_real_queue_once(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=1), real_queues=True) as s:
            await s.mns.create(Queue("good"))
            await s.mns.create(Queue("bad"))
            good = await s.put({"return": 1})
            bad = await s.put({"raise": "oops"})
            await s.until_settled(passing=True)
            for name, message in (("good", good), ("bad", bad)):
                found = await s.mns.receive(name, limit=16)
                ids = [json.loads(letter.body)["requestContext"]["requestId"] for letter in found]
                assert ids == [message.request_id]
                assert s.record(message).destination_status == "Succeeded"

    asyncio.run(story())


# --- without task mode


def test_without_task_mode_there_is_no_record_but_retries_and_delivery(tmp_path):
    async def story():
        async with stage(tmp_path, function(stateful=False, max_retries=2)) as s:
            message = await s.put({"raise": "oops"}, invocation_id="mine")
            assert message.invocation_id == message.request_id
            await s.until_settled(passing=True)
            assert [call.attempts for call in s.runtime.calls] == [1, 2, 3]
            assert s.store.get(message.seq) is None
            assert list(s.emulator.history.all(Query())) == []
            assert s.journal == [("delivered",), ("acknowledged",)]
            [letter] = s.destination.letters
            assert letter.json["requestContext"]["approximateInvokeCount"] == 3
            assert letter.json["responseContext"]["functionError"] == E
            starts = [call.at_ms for call in s.runtime.calls]
            assert starts[1] - starts[0] >= 500
            assert starts[2] - starts[1] >= 1000

    asyncio.run(story())


def test_without_task_mode_the_same_id_can_be_sent_twice(tmp_path):
    async def story():
        async with stage(tmp_path, function(stateful=False)) as s:
            await s.put({}, invocation_id="mine")
            await s.put({}, invocation_id="mine")
            await s.until_settled()
            assert len(s.runtime.calls) == 2

    asyncio.run(story())


def test_without_task_mode_a_restart_does_not_forget_the_attempts(tmp_path):
    async def story():
        async with stage(tmp_path, function(stateful=False, max_retries=1)) as s:
            message = await s.put({"raise": "oops"})
            await until(lambda: s.queue.get(message.seq).attempts)
            await s.until_resting()
            clock = s.clock
        async with stage(tmp_path, clock=clock) as s:
            await s.until_settled(passing=True)
            assert [call.attempts for call in s.runtime.calls] == [2]
            assert s.destination.letters[0].json["requestContext"]["approximateInvokeCount"] == 2

    asyncio.run(story())


# --- restarts


CONFIG = AsyncConfig(max_retries=0, stateful=True, on_success=queue_arn("good"), on_failure=queue_arn("bad"))


async def left_behind(home, payload, statuses, *, config=CONFIG, **changes):
    """What a daemon that was killed at this point leaves: a message, and a record unless none was begun."""
    options = {"max_retries": config.max_retries, "stateful": config.stateful}
    async with stage(home, function(**options), look=False) as s:
        message = await s.queue.put(draft_of(s, payload))
        execution = message.accepted()
        for status in statuses:
            execution = execution.to(status, START_MS, config=config)
        if changes:
            execution = replace(execution, **changes)
        if statuses:
            await s.store.save_durably(execution)
        return message


def draft_of(s, payload, name="f", number=0):
    from fun_local import accept

    return accept.draft(
        s.emulator.deployed,
        f"{SERVICE}/{name}",
        json.dumps(payload).encode(),
        now_ms=s.clock.now_ms(),
        request_id=f"left-behind-{number}",
    )


DEQUEUED, RUNNING, RETRYING = Status.DEQUEUED, Status.RUNNING, Status.RETRYING

#: What was on disk, and how it goes on: with one retry allowed, and a function that succeeds.
RESTARTS = {
    "never begun": ([], ["Running", "Succeeded"], 1),
    "dequeued": ([DEQUEUED], ["Running", "Succeeded"], 1),
    "running": ([DEQUEUED, RUNNING], ["Retrying", "Running", "Succeeded"], 2),
    "running for the last time": (
        [DEQUEUED, RUNNING, RETRYING, RUNNING],
        ["Failed"],
        2,
    ),
    "retrying": ([DEQUEUED, RUNNING, RETRYING], ["Running", "Succeeded"], 2),
    "stopping": ([DEQUEUED, RUNNING, Status.STOPPING], ["Stopped"], 1),
    "stopping before it ran": ([Status.STOPPING], ["Stopped"], 0),
    "succeeded": ([DEQUEUED, RUNNING, Status.SUCCEEDED], [], 1),
    "failed": ([DEQUEUED, RUNNING, Status.FAILED], [], 1),
    "stopped": ([DEQUEUED, RUNNING, Status.STOPPING, Status.STOPPED], [], 1),
    "expired": ([DEQUEUED, Status.EXPIRED], [], 0),
    "invalid": ([DEQUEUED, Status.INVALID], [], 0),
}


@pytest.mark.parametrize("point", RESTARTS)
def test_a_restart_goes_on_where_the_daemon_was_killed(tmp_path, point):
    statuses, expected, attempts = RESTARTS[point]

    async def story():
        message = await left_behind(tmp_path, {"return": 1}, statuses, config=replace(CONFIG, max_retries=1))
        async with stage(tmp_path) as s:
            await s.until_settled(passing=True)
            record = s.record(message)
            check_history(record)
            before = ["Enqueued", *statuses] if statuses else ["Enqueued", "Dequeued"]
            assert s.history(message) == [*before, *expected]
            assert record.attempts == attempts
            name = "good" if s.status(message) is Status.SUCCEEDED else "bad"
            assert s.destination.names == [name]
            assert record.destination_status == "Succeeded"
        async with stage(tmp_path) as s:
            assert s.dispatcher.running == 0
            assert s.destination.tries == 0

    asyncio.run(story())


def test_a_run_that_was_cut_off_waits_before_its_retry(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=1)) as s:
            message = await s.put({"attempts": [{"block": "gate"}, {"return": 1}]})
            await s.until_status(message, Status.RUNNING)
            await s.clock.advance(7)
            clock = s.clock
        async with stage(tmp_path, clock=clock) as s:
            await s.until_status(message, Status.RETRYING)
            await s.until_resting()
            assert s.record(message).result.decode() == exit_text(7000, 0)
            assert s.record(message).error == E
            await s.clock.advance(0.499)
            assert not s.runtime.calls
            await s.clock.advance(0.001)
            await s.until_settled()
            assert [call.attempts for call in s.runtime.calls] == [2]
            assert s.status(message) is Status.SUCCEEDED
            running = [e.time_ms for e in s.record(message).events if e.status is Status.RUNNING]
            assert running == [START_MS, START_MS + 7500]

    asyncio.run(story())


def test_a_run_that_was_cut_off_without_budget_fails_and_is_delivered(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            message = await s.put({"block": "gate"})
            await s.until_status(message, Status.RUNNING)
        async with stage(tmp_path) as s:
            await s.until_settled()
            assert s.history(message)[-2:] == ["Running", "Failed"]
            assert s.destination.names == ["bad"]
            content = s.destination.letters[0].json
            assert content["requestContext"]["approximateInvokeCount"] == 1
            assert content["responsePayload"] == exit_text(0, 0)

    asyncio.run(story())


def test_a_function_that_kills_the_daemon_each_time_fails_in_the_end(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=2)) as s:
            message = await s.put({"block": "for ever"})
            await s.until_status(message, Status.RUNNING)
            clock = s.clock
        for _ in range(2):
            async with stage(tmp_path, clock=clock) as s:
                await s.until_status(message, Status.RETRYING)
                await s.until_resting()
                await s.until_status(message, Status.RUNNING, passing=True)
        async with stage(tmp_path, clock=clock) as s:
            await s.until_settled()
            assert s.record(message).attempts == 3
            assert s.status(message) is Status.FAILED

    asyncio.run(story())


def test_what_was_delivered_but_not_acknowledged_is_not_delivered_twice(tmp_path):
    async def story():
        message = await left_behind(tmp_path, {}, [DEQUEUED, RUNNING, Status.SUCCEEDED])
        async with stage(tmp_path, look=False, recover=False, real_queues=True) as s:
            await s.mns.create(Queue("good"))
            await s.mns.send("good", b"the outcome", settles=message.seq)
        async with stage(tmp_path, real_queues=True) as s:
            await s.until_settled()
            assert [found.body for found in await s.mns.receive("good", limit=16)] == [b"the outcome"]
            assert s.record(message).destination_status == "Succeeded"
            assert not s.runtime.calls

    asyncio.run(story())


def test_a_message_that_is_marked_as_delivered_is_only_acknowledged(tmp_path):
    async def story():
        message = await left_behind(tmp_path, {}, [DEQUEUED, RUNNING, Status.SUCCEEDED])
        async with stage(tmp_path, look=False, recover=False) as s:
            await s.queue.mark_delivered(message.seq)
        async with stage(tmp_path) as s:
            await s.until_settled()
            assert s.destination.tries == 0
            assert s.record(message).destination_status == "Succeeded"

    asyncio.run(story())


def test_a_crash_between_delivery_and_its_record_does_not_deliver_twice(tmp_path):
    async def story():
        async with stage(tmp_path, function(), real_queues=True) as s:
            await s.mns.create(Queue("good"))
            s.queue.ack_failures = 10**9
            message = await s.put({"return": 1})
            await until(lambda: s.queue.get(message.seq).is_delivered)
        for _ in range(2):
            async with stage(tmp_path, real_queues=True) as s:
                await s.until_settled()
        async with stage(tmp_path, real_queues=True, look=False) as s:
            assert len(await s.mns.receive("good", limit=16)) == 1
            assert s.queue.get(message.seq) is None

    asyncio.run(story())


def test_a_backlog_survives_a_restart_in_order(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            blocked = await s.put({"block": "gate"})
            messages = await asyncio.gather(*(s.put(b"%d" % number) for number in range(250)))
            await s.until_calls(1)
        async with stage(tmp_path, max_instances=1) as s:
            await s.until_settled()
            assert s.status(blocked) is Status.FAILED
            assert {s.status(message) for message in messages} == {Status.SUCCEEDED}
            assert [call.payload for call in s.runtime.calls] == [b"%d" % n for n in range(250)]

    asyncio.run(story())


def test_a_delay_survives_a_restart(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            message = await s.put({}, delay_seconds=60)
            await s.clock.advance(20)
            clock = s.clock
        async with stage(tmp_path, clock=clock) as s:
            await s.clock.advance(39.999)
            assert s.status(message) is Status.ENQUEUED
            await s.clock.advance(0.001)
            await s.until_settled()
            assert s.status(message) is Status.SUCCEEDED

    asyncio.run(story())


def test_closing_begins_nothing_new(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            await s.put({"block": "gate"})
            waiting = [await s.put({}) for _ in range(5)]
            await s.until_calls(1)
            runtime = s.runtime
        assert len(runtime.calls) == 1
        assert not any(instance.is_alive for instance in runtime.instances)
        async with stage(tmp_path, look=False, recover=False) as s:
            assert {s.status(message) for message in waiting} == {Status.ENQUEUED}
            assert s.queue.count() == 6

    asyncio.run(story())


# --- many


def test_a_blocked_function_does_not_hold_up_another_one(tmp_path):
    async def story():
        async with stage(tmp_path, function("a"), function("b"), max_instances=1) as s:
            messages = await asyncio.gather(*(s.put({"block": "gate"}, "a") for _ in range(500)))
            await s.until_calls(1)
            before = s.clock.now_ms()
            other = await s.put({"return": 1}, "b")
            await s.until_status(other, Status.SUCCEEDED)
            assert s.clock.now_ms() == before
            assert len(s.runtime.calls_of("a")) == 1
            s.runtime.open("gate")
            await s.until_settled()
            assert {s.status(message) for message in messages} == {Status.SUCCEEDED}
            assert s.runtime.most_busy[f"{SERVICE}/a"] == 1

    asyncio.run(story())


def test_a_function_has_no_more_busy_instances_than_allowed(tmp_path):
    async def story():
        async with stage(tmp_path, function("a"), function("b"), max_instances=3) as s:
            await asyncio.gather(*(s.put({"block": "gate"}, name) for name in "ab" for _ in range(20)))
            await s.until_calls(6)
            await turns()
            assert len(s.runtime.calls) == 6
            assert s.pool.counts() == (6, 0)
            s.runtime.open("gate")
            await s.until_settled()
            assert len(s.runtime.calls) == 40
            assert set(s.runtime.most_busy.values()) == {3}
            assert len(s.runtime.instances) == 6

    asyncio.run(story())


def messages_in_memory():
    gc.collect()
    return sum(type(found) is Message for found in gc.get_objects())


def test_a_backlog_of_5000_drains_completely_and_stays_on_disk_meanwhile(tmp_path):
    async def story():
        async with stage(tmp_path, function(stateful=False, on_success=""), max_instances=4, look=False) as s:
            await asyncio.gather(*(s.queue.put(draft_of(s, n, number=n)) for n in range(5000)))
            await turns()
            assert messages_in_memory() < 100, "the test itself keeps none"
            s.dispatcher.look()
            held = []

            def is_settled():
                if len(s.runtime.calls) // 1000 >= len(held):
                    held.append(messages_in_memory())
                return s.dispatcher.running == 0 and s.queue.count() == 0

            await until(is_settled)
            payloads = Counter(call.payload for call in s.runtime.calls)
            assert payloads == Counter(b"%d" % number for number in range(5000))
            assert max(held) < 2500, held

    asyncio.run(story())


def test_more_than_can_be_worked_on_at_a_time_is_worked_off_all_the_same(tmp_path):
    async def story():
        gone = function("gone", stateful=False)
        async with stage(tmp_path, gone, look=False) as s:
            await asyncio.gather(*(s.queue.put(draft_of(s, n, "gone", n)) for n in range(1500)))
        async with stage(tmp_path, function("other"), look=False) as s:
            # The function needs no instance any more, so only the end of each message takes its time.
            acknowledge, gate = s.queue.ack, asyncio.Event()

            async def acknowledge_later(seq):
                await gate.wait()
                await acknowledge(seq)

            s.queue.ack = acknowledge_later
            s.dispatcher.look()
            await turns()
            assert s.dispatcher.running == 1000
            gate.set()
            await s.until_settled()

    asyncio.run(story())


def test_offers_to_a_blocked_function_do_not_pile_up_in_memory(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            await s.put({"block": "gate"})
            await s.until_calls(1)
            for _ in range(20):
                await asyncio.gather(*(s.put({}) for _ in range(150)))
            assert messages_in_memory() < 1500
            s.runtime.open("gate")
            await s.until_settled()
            assert len(s.runtime.calls) == 3001

    asyncio.run(story())


def test_what_another_process_puts_is_found_and_run_once(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            await s.put({"block": "gate"})
            await s.until_calls(1)
            for number in range(250):
                await s.queue.put(draft_of(s, number, number=number))
                if number % 10 == 0:
                    s.dispatcher.look()
                if number % 25 == 0:
                    await s.put(number + 1000)
            s.dispatcher.look()
            s.runtime.open("gate")
            await s.until_settled()
            counts = Counter(call.payload for call in s.runtime.calls[1:])
            assert set(counts.values()) == {1}
            assert len(counts) == 260

    asyncio.run(story())


def test_a_message_that_is_found_on_disk_before_it_is_offered_runs_once(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            s.queue.after_put = s.dispatcher.look
            first = await s.put({"block": "gate"})
            second = await s.put({"return": 2})
            await s.until_calls(1)
            s.runtime.open("gate")
            await s.until_settled()
            assert len(s.runtime.calls) == 2
            assert {s.status(message) for message in (first, second)} == {Status.SUCCEEDED}

    asyncio.run(story())


def test_a_message_that_is_stopped_before_it_is_offered_does_not_run(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            stops = []
            loop = asyncio.get_running_loop()

            def stop():
                stops.append(loop.create_task(s.dispatcher.stop(1)))

            original = s.queue.put

            async def put_and_stop(draft):
                message = await original(draft)
                stop()
                await turns(1)
                return message

            s.queue.put = put_and_stop
            message = await s.put({})
            await asyncio.gather(*stops)
            await s.until_settled()
            assert message.seq == 1
            assert s.history(message) == ["Enqueued", "Stopping", "Stopped"]
            assert not s.runtime.calls
            assert s.destination.names == ["bad"]

    asyncio.run(story())


def test_a_mixed_crowd_settles_exactly_once_each(tmp_path):
    scripts = [
        {"return": 1},
        {"raise": "oops"},
        {"attempts": [{"raise": "oops"}, {"return": 1}]},
        {"attempts": [{"die": True}, {"die": True}, {"return": 1}]},
        {"seconds": 9},
    ]

    async def story():
        f = function(max_retries=2, timeout_seconds=3)
        async with stage(tmp_path, f, replace(f, name="g"), max_instances=5) as s:
            messages = await asyncio.gather(
                *(
                    s.put(scripts[n % 5], "fg"[n % 2], delay_seconds=n % 7, invocation_id=f"n{n}")
                    for n in range(200)
                )
            )
            await s.until_settled(passing=True)
            letters = Counter(letter.seq for letter in s.destination.letters)
            assert letters == Counter(message.seq for message in messages)
            for number, message in enumerate(messages):
                record = s.record(message)
                check_history(record)
                good = number % 5 in (0, 2, 3)
                assert record.status is (Status.SUCCEEDED if good else Status.FAILED)
                assert record.attempts == [1, 3, 2, 3, 3][number % 5]
            assert s.pool.counts()[0] == 0

    asyncio.run(story())


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_each_outcome_is_final_legal_and_delivered_once(tmp_path, seed):
    """Calls, stops, failing writes, deploys and restarts in random order."""
    dice = random.Random(seed)
    names = ("f", "g", "plain")
    functions = (
        function("f", max_retries=2, timeout_seconds=3),
        function("g", max_retries=1, max_age_seconds=6),
        function("plain", max_retries=1, stateful=False),
    )
    scripts = (
        {"return": 1},
        {"raise": "oops"},
        {"die": True},
        {"seconds": 2, "return": 1},
        {"seconds": 9},
        {"attempts": [{"raise": "oops"}, {"return": 1}]},
        {"seconds": 1, "ignore_stop": 2},
    )

    async def some_time(s, messages, stopped):
        stops = {}
        for _ in range(dice.randrange(5, 40)):
            match dice.randrange(8):
                case 0 | 1 | 2:
                    delay = dice.choice((0, 0, 0, 1, 4))
                    messages.append(
                        await s.put(dice.choice(scripts), dice.choice(names), delay_seconds=delay)
                    )
                case 3 | 4 if messages:
                    message = dice.choice(messages)
                    stops[asyncio.create_task(s.dispatcher.stop(message.seq))] = message
                case 5:
                    s.store.failures = dice.randrange(3)
                    s.queue.ack_failures = dice.randrange(2)
                case 6:
                    s.dispatcher.look()
                case 7:
                    await s.clock.advance(dice.choice((0.001, 0.5, 3)))
            await turns(dice.randrange(20))
        for stop in stops:
            stop.cancel()
        answers = await asyncio.gather(*stops, return_exceptions=True)
        assert {type(answer) for answer in answers} <= {type(None), Conflict, asyncio.CancelledError}
        answered = zip(stops.values(), answers, strict=True)
        stopped.update(message.seq for message, answer in answered if answer is None)

    async def story():
        messages, stopped, clock, used = [], set(), FakeClock(), {}
        async with stage(tmp_path, *functions, clock=clock, real_queues=True) as s:
            await s.mns.create(Queue("good"))
            await s.mns.create(Queue("bad"))
        for _ in range(6):
            max_instances = dice.randrange(1, 4)
            async with stage(tmp_path, clock=clock, real_queues=True, max_instances=max_instances) as s:
                await some_time(s, messages, stopped)
        async with stage(tmp_path, clock=clock, real_queues=True) as s:
            await s.until_settled(passing=True)
            letters = Counter()
            for name in ("good", "bad"):
                while found := await s.mns.receive(name, limit=16):
                    for letter in found:
                        request_id = json.loads(letter.body)["requestContext"]["requestId"]
                        letters[request_id] += 1
                        used[request_id] = name
            assert letters == Counter(message.request_id for message in messages)
            for message in messages:
                if message.stateful:
                    record = s.record(message)
                    check_history(record)
                    assert record.status.is_final
                    assert record.status is Status.STOPPED or message.seq not in stopped
                    assert record.destination_status == "Succeeded"
                    good = record.status is Status.SUCCEEDED
                    assert used[message.request_id] == ("good" if good else "bad")
                    steps = [event.status for event in record.events]
                    assert record.attempts == steps.count(Status.RUNNING) <= 3
                    assert all(b in TRANSITIONS[a] for a, b in itertools.pairwise(steps))
                else:
                    assert s.store.get(message.seq) is None
            assert s.pool.counts()[0] == 0

    asyncio.run(story())


# --- writes that fail, ids that are used


def test_a_record_that_can_not_be_written_is_tried_again_and_nothing_is_lost(tmp_path, caplog):
    async def story():
        async with stage(tmp_path, function(max_retries=1)) as s:
            s.store.failures = 3
            s.queue.ack_failures = 2
            messages = [await s.put({}), await s.put({"raise": "oops"})]
            await s.until_settled(passing=True)
            assert [s.status(m) for m in messages] == [Status.SUCCEEDED, Status.FAILED]
            assert sorted(s.destination.names) == ["bad", "good"]
            assert len(s.runtime.calls) == 3, "what failed was the writing, not the running"
            assert s.journal.count(("acknowledged",)) == 2
            steps = [step for step in s.journal if step[0] != "recorded"]
            assert steps.index(("delivered",)) < steps.index(("acknowledged",))

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert [record.action for record in caplog.records] == ["write-failed"] * 5


def test_nothing_is_delivered_or_acknowledged_while_the_record_can_not_be_written(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            s.store.failures = 10**9
            message = await s.put({})
            await s.until_calls(1)
            await s.clock.advance(300)
            assert s.journal == []
            assert s.queue.get(message.seq) is not None
            clock = s.clock
        async with stage(tmp_path, clock=clock) as s:
            await s.until_settled(passing=True)
            assert len(s.destination.letters) == 1, "an outcome that was not safe counts as none"

    asyncio.run(story())


def test_an_id_is_used_once_per_function(tmp_path):
    async def story():
        async with stage(tmp_path, function(), function("g")) as s:
            await s.put({}, invocation_id="mine")
            with pytest.raises(Conflict) as caught:
                await s.put({"other": 1}, invocation_id="mine")
            assert caught.value.code == "StatefulAsyncInvocationAlreadyExists"
            await s.put({}, "g", invocation_id="mine")
            await s.until_settled()
            with pytest.raises(Conflict):
                await s.put({}, invocation_id="mine")
            assert len(s.runtime.calls) == 2

    asyncio.run(story())


def test_of_many_that_want_the_same_id_at_once_one_gets_it(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            results = await asyncio.gather(
                *(s.put(b"%d" % n, invocation_id="mine") for n in range(50)), return_exceptions=True
            )
            assert sum(isinstance(result, Message) for result in results) == 1
            assert sum(isinstance(result, Conflict) for result in results) == 49
            await s.until_settled()
            assert len(s.runtime.calls) == 1

    asyncio.run(story())


def test_the_same_request_sent_twice_runs_once(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            once = {"request_id": "the-same", "invocation_id": ""}
            first = await s.put({"block": "gate"}, **once)
            await s.until_calls(1)
            second = await s.put({"block": "gate"}, **once)
            assert second.seq == first.seq
            s.runtime.open("gate")
            await s.until_settled()
            assert len(s.runtime.calls) == 1

    asyncio.run(story())


@pytest.mark.parametrize("where", ["delayed", "waiting", "retrying"])
def test_the_same_request_sent_twice_changes_nothing_of_the_first(tmp_path, where):
    async def story():
        async with stage(tmp_path, function(max_retries=1), max_instances=1) as s:
            if where == "waiting":
                await s.put({"block": "other"})
                await s.until_calls(1)
            delay = 10 if where == "delayed" else 0
            script = (
                {"attempts": [{"raise": "oops"}, {"return": 1}]} if where == "retrying" else {"return": 1}
            )
            message = await s.put(script, request_id="the-same", delay_seconds=delay)
            if where == "retrying":
                await s.until_status(message, Status.RETRYING)
                await s.until_resting()
            calls = len(s.runtime.calls)
            again = await s.put(script, request_id="the-same", delay_seconds=delay)
            assert again.seq == message.seq
            await turns(50)
            assert len(s.runtime.calls) == calls, "not before its time"
            s.runtime.open("other")
            await s.until_settled(passing=True)
            assert s.status(message) is Status.SUCCEEDED
            assert len(s.runtime.calls) == calls + 1

    asyncio.run(story())


def test_what_is_refused_leaves_nothing_behind(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            for bad in ({"name": "gone"}, {"qualifier": "v1"}):
                with pytest.raises(NotFound):
                    await s.put({}, **bad)
            for bad in ({"delay_seconds": 3601}, {"invocation_id": "1x"}):
                with pytest.raises(InvalidRequest):
                    await s.put({}, **bad)
            with pytest.raises(InvalidRequest):
                await s.put(b"x" * 131_073)
            assert s.queue.count() == 0

    asyncio.run(story())


# --- fairness


def test_a_slow_function_with_a_long_backlog_does_not_delay_another_ones_calls(tmp_path):
    async def story():
        async with stage(tmp_path, function("slow"), function("quick"), max_instances=2) as s:
            await asyncio.gather(*(s.put({"block": "gate"}, "slow") for _ in range(1500)))
            messages = [await s.put({"return": n}, "quick") for n in range(50)]
            for message in messages:
                await s.until_status(message, Status.SUCCEEDED)
            assert s.clock.now_ms() == START_MS, "no time has passed"
            assert len(s.runtime.calls_of("slow")) == 2
            s.runtime.open("gate")
            await s.until_settled()

    asyncio.run(story())


def test_what_waits_for_its_time_holds_no_instance_no_memory_and_no_place(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=1), function("other"), max_instances=1) as s:
            await asyncio.gather(*(s.put({"raise": "oops"}) for _ in range(300)))
            await asyncio.gather(*(s.put({}, delay_seconds=60) for _ in range(1500)))
            await until(lambda: len(s.runtime.calls) == 300)
            await s.until_resting()
            assert s.pool.counts()[0] == 0
            assert messages_in_memory() < 100
            assert s.clock.sleepers == 1, "one alarm for all"
            other = await s.put({}, "other")
            await s.until_status(other, Status.SUCCEEDED)

    asyncio.run(story())
