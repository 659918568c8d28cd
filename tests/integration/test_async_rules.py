"""The tables of async-semantics, row by row, through the whole application: retries (7), envelopes (16)."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from fun_local.model.execution import Status
from fun_local.model.outcome import error_payload, exit_payload, timeout_payload
from fun_local.model.resources import Resources, Service
from fun_local.model.retry import Throttling
from tests.fakes import MEMORY_MB, SERVICE, START_MS, function, stage, until

UNHANDLED, HANDLED = "UnhandledInvocationError", "HandledInvocationError"


# --- section 7: what is retried, and how often

#: What a function does wrong: its script, the error type.
FUNCTION_ERRORS = {
    "exception": ({"raise": "oops", "type": "MyError"}, UNHANDLED),
    "error given to a callback": ({"raise": "oops", "error": HANDLED}, HANDLED),
    "time-out": ({"seconds": 9}, UNHANDLED),
    "process exit": ({"die": True}, UNHANDLED),
    "import or handler problem": ({"raise": "no module", "type": "ImportModuleError"}, UNHANDLED),
    "initializer": ({"raise": "init", "error": "InitializationError"}, "InitializationError"),
}


@pytest.mark.parametrize("row", FUNCTION_ERRORS)
@pytest.mark.parametrize("stateful", [True, False], ids=["stateful", "plain"])
def test_an_error_of_the_function_uses_up_a_retry(tmp_path, row, stateful):
    script, error = FUNCTION_ERRORS[row]

    async def story():
        f = function(max_retries=2, timeout_seconds=5, stateful=stateful)
        async with stage(tmp_path, f) as s:
            await s.put(script)
            await s.until_settled(passing=True)
            assert [call.attempts for call in s.runtime.calls] == [1, 2, 3]
            [letter] = s.destination.letters
            assert letter.json["requestContext"]["condition"] == error
            assert letter.json["requestContext"]["approximateInvokeCount"] == 3
            assert letter.json["responseContext"]["functionError"] == error

    asyncio.run(story())


def test_a_synchronous_call_is_never_retried(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=8)) as s:
            result, _ = await s.emulator.invoke(f"{SERVICE}/f", b'{"raise": "oops"}')
            assert not result.is_success
            assert len(s.runtime.calls) == 1
            assert s.destination.tries == 0

    asyncio.run(story())


# --- section 7: no room for an instance


def test_a_start_for_which_there_is_no_room_is_tried_again_and_costs_no_retry(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=0)) as s:
            s.runtime.is_exhausted = True
            message = await s.put({"return": 1})
            await s.until_status(message, Status.DEQUEUED)
            for wait in (0.5, 1, 2, 4):
                tries = len(s.runtime.throttled_ms)
                await s.clock.advance(wait - 0.001)
                assert len(s.runtime.throttled_ms) == tries, "too early"
                await s.clock.advance(0.001)
                assert len(s.runtime.throttled_ms) == tries + 1
            s.runtime.is_exhausted = False
            await s.until_settled(passing=True)
            assert s.history(message) == ["Enqueued", "Dequeued", "Running", "Succeeded"]
            assert s.record(message).attempts == 1
            [letter] = s.destination.letters
            assert letter.json["requestContext"]["approximateInvokeCount"] == 1, "it ran once"
            waited = [at_ms - START_MS for at_ms in s.runtime.throttled_ms]
            assert waited == [0, 500, 1500, 3500, 7500]

    asyncio.run(story())


def test_a_start_that_breaks_off_is_tried_again_and_costs_no_retry(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=0)) as s:
            s.runtime.starts_to_break = 2
            message = await s.put({"return": 1})
            await s.until_settled(passing=True)
            assert s.history(message) == ["Enqueued", "Dequeued", "Running", "Succeeded"]
            _, dequeued, running, _ = s.record(message).events
            assert running.time_ms - dequeued.time_ms == 500 + 1000, "as between retries"
            assert (s.record(message).attempts, s.record(message).throttles) == (1, 0)

    asyncio.run(story())


def test_three_starts_that_break_off_make_it_invalid(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=8)) as s:
            s.runtime.starts_to_break = 3
            message = await s.put({"return": 1})
            await s.until_settled(passing=True)
            assert s.history(message) == ["Enqueued", "Dequeued", "Invalid"]
            assert s.record(message).error == "InstanceNotReady"
            assert s.destination.names == ["bad"]

    asyncio.run(story())


def test_a_retry_for_which_there_is_no_room_keeps_its_attempts(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=1)) as s:
            s.runtime.is_exhausted = True
            message = await s.put({"attempts": [{"die": True}, {"return": 1}]})
            await until(lambda: s.runtime.throttled_ms)
            s.runtime.is_exhausted = False
            s.runtime.throttled_ms.clear()
            await s.until_status(message, Status.RETRYING, passing=True)
            await s.until_resting()
            s.runtime.is_exhausted = True
            await s.clock.advance(4.1)
            assert s.status(message) is Status.RETRYING
            waited = [at_ms - s.runtime.throttled_ms[0] for at_ms in s.runtime.throttled_ms]
            assert waited == [0, 500, 1500, 3500], "as at first"
            s.runtime.is_exhausted = False
            await s.until_settled(passing=True)
            assert s.history(message)[2:] == ["Running", "Retrying", "Running", "Succeeded"]

    asyncio.run(story())


def test_what_finds_no_room_for_five_hours_is_given_up(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=8)) as s:
            s.runtime.is_exhausted = True
            message = await s.put({"return": 1})
            await s.until_status(message, Status.DEQUEUED)
            await s.clock.advance(5 * 3600 - 61)
            assert s.status(message) is Status.DEQUEUED
            await s.clock.advance(122)
            await s.until_settled()
            record = s.record(message)
            assert s.history(message) == ["Enqueued", "Dequeued", "Invalid"]
            assert record.error == "FunctionResourceExhausted"
            assert record.attempts == 0
            assert b"no processes left" in record.result, "the record says why"
            assert s.pool.counts()[0] == 0, "the slot is free again"

    asyncio.run(story())


def test_what_waits_for_room_takes_an_instance_that_becomes_free(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            first = await s.put({"block": "gate"})
            await s.until_calls(1)
            s.runtime.is_exhausted = True
            second = await s.put({"return": 2})
            await until(lambda: s.runtime.throttled_ms)
            s.runtime.open("gate")
            await s.until_settled(passing=True)
            assert {s.status(message) for message in (first, second)} == {Status.SUCCEEDED}
            assert len(s.runtime.instances) == 1

    asyncio.run(story())


def test_of_a_backlog_that_finds_no_room_a_few_are_tried_and_the_rest_lies_in_the_queue(tmp_path):
    async def story():
        async with stage(tmp_path, function(), function("other"), max_instances=3) as s:
            other = await s.put({"block": "gate"}, "other")
            await s.until_calls(1)
            s.runtime.is_exhausted = True
            messages = [await s.put({"return": n}) for n in range(50)]
            await s.clock.advance(1.6)
            assert len(s.runtime.throttled_ms) == 3 * 3
            assert [s.status(m) for m in messages].count(Status.ENQUEUED) == 47
            s.runtime.open("gate")
            await s.until_status(other, Status.SUCCEEDED)
            s.runtime.is_exhausted = False
            await s.until_settled(passing=True)
            assert {s.status(m) for m in messages} == {Status.SUCCEEDED}

    asyncio.run(story())


def test_what_waits_for_room_is_stopped_at_once(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            s.runtime.is_exhausted = True
            message = await s.put({"return": 1})
            await s.until_status(message, Status.DEQUEUED)
            await s.clock.advance(100)
            await s.dispatcher.stop(message.seq)
            await s.until_settled()
            assert s.history(message) == ["Enqueued", "Dequeued", "Stopping", "Stopped"]

    asyncio.run(story())


def test_what_waits_for_room_expires_when_it_is_too_old(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_age_seconds=3)) as s:
            s.runtime.is_exhausted = True
            message = await s.put({"return": 1})
            await s.until_settled(passing=True)
            assert s.history(message) == ["Enqueued", "Dequeued", "Expired"]
            assert len(s.runtime.throttled_ms) == 3

    asyncio.run(story())


def test_what_waits_for_room_is_invalid_when_its_function_is_deleted(tmp_path):
    async def story():
        async with stage(tmp_path, function(), function("other")) as s:
            s.runtime.is_exhausted = True
            message = await s.put({"return": 1})
            await s.until_status(message, Status.DEQUEUED)
            await remove(s, "other")
            await s.until_settled(passing=True)
            assert s.record(message).error == "FunctionNotFound"

    asyncio.run(story())


def test_both_back_offs_can_be_chosen():
    throttling = Throttling(limit_seconds=10)
    assert [throttling.again_after_ms(n, 0) for n in (1, 2, 3, 9)] == [500, 1000, 2000, 60_000]
    assert throttling.again_after_ms(1, 9_999) == 500
    assert throttling.again_after_ms(1, 10_000) is None


# --- section 16: every envelope


@dataclass(frozen=True)
class Row:
    """What happens to an invocation, and the parts of the message that follow from it."""

    condition: str
    count: int
    function_error: str
    response: bytes
    to: str = "bad"
    script: Any = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    event: str = ""  # what happens to it from outside
    seconds: float = 0


EXIT = exit_payload(0, MEMORY_MB)

ENVELOPES = {
    "success": Row("", 1, "", b'"done"', "good", {"return": "done"}),
    "success without a result": Row("", 1, "", b"", "good", b""),
    "success after a retry": Row(
        "", 2, "", b"1", "good", {"attempts": [{"die": True}, {"return": 1}]}, {"max_retries": 1}
    ),
    "exception, Python": Row(
        UNHANDLED, 1, UNHANDLED, error_payload("oops", "MyError"), script={"raise": "oops", "type": "MyError"}
    ),
    "exception, every attempt": Row(
        UNHANDLED,
        3,
        UNHANDLED,
        error_payload("oops", "Exception"),
        script={"raise": "oops"},
        options={"max_retries": 2},
    ),
    "handled error, Node.js": Row(
        HANDLED,
        1,
        HANDLED,
        error_payload("text", "Error"),
        script={"raise": "text", "type": "Error", "error": HANDLED},
    ),
    "process exit": Row(UNHANDLED, 1, UNHANDLED, EXIT, script={"die": True}),
    "out of memory": Row(UNHANDLED, 1, UNHANDLED, EXIT, script={"die": True}),
    "time-out": Row(
        UNHANDLED,
        2,
        UNHANDLED,
        timeout_payload(5, MEMORY_MB),
        script={"seconds": 30},
        options={"timeout_seconds": 5, "max_retries": 1},
    ),
    "initializer": Row(
        "InitializationError",
        1,
        "InitializationError",
        error_payload("init", "Exception"),
        script={"raise": "init", "error": "InitializationError"},
    ),
    "stopped while running": Row(
        UNHANDLED,
        1,
        UNHANDLED,
        exit_payload(13689, MEMORY_MB),
        script={"block": "for ever"},
        options={"max_retries": 3},
        event="stop",
        seconds=13.689,
    ),
    "stopped before running": Row(
        UNHANDLED, 0, UNHANDLED, exit_payload(0, 0), event="stop while delayed", seconds=2
    ),
    "stopped between two attempts": Row(
        UNHANDLED,
        1,
        UNHANDLED,
        exit_payload(0, 0),
        script={"raise": "oops"},
        options={"max_retries": 3},
        event="stop",
        seconds=0.1,
    ),
    "throttled out": Row("FunctionResourceExhausted", 307, "", b"", event="exhaust", seconds=5 * 3600 + 70),
    "expired": Row("EventAgeExceeded", 0, "", b"", options={"max_age_seconds": 1}, event="delay", seconds=2),
    "expired between two attempts": Row(
        "EventAgeExceeded",
        1,
        "",
        b"",
        script={"raise": "oops"},
        options={"max_age_seconds": 1, "max_retries": 3},
        event="be late",
        seconds=0.1,
    ),
    "function deleted": Row("FunctionNotFound", 0, "", b"", event="delete", seconds=2),
    "function deleted between two attempts": Row(
        "FunctionNotFound",
        1,
        "",
        b"",
        script={"raise": "oops"},
        options={"max_retries": 3},
        event="delete between",
    ),
    "instance not created": Row("RuntimeNotSupported", 0, "", b"", options={"start": {"fail": True}}),
}


#: Every row with a record and without; only what leaves a record can be stopped.
CASES = [
    pytest.param(name, stateful, id=f"{name}, {'stateful' if stateful else 'plain'}")
    for name, row in ENVELOPES.items()
    for stateful in (True, False)
    if stateful or "stop" not in row.event
]


@pytest.mark.parametrize(("name", "stateful"), CASES)
def test_every_envelope_is_as_the_table_says(tmp_path, name, stateful):
    row = ENVELOPES[name]

    async def story():
        f = function(**{"stateful": stateful, **row.options})
        async with stage(tmp_path, f, function("other")) as s:
            message = await EVENTS[row.event](s, row)
            await s.until_settled(passing=True)
            [letter] = s.destination.letters
            assert letter.address.name == row.to
            found = letter.json
            ended_ms = s.record(message).ended_ms if stateful else found["timestamp"]
            assert START_MS <= found["timestamp"] == ended_ms <= s.clock.now_ms()
            request = message.payload.decode()
            assert found == {
                "timestamp": ended_ms,
                "requestContext": {
                    "requestId": message.request_id,
                    "functionArn": f"acs:fc:::services/{SERVICE}.LATEST/functions/f",
                    "condition": row.condition,
                    "approximateInvokeCount": row.count,
                },
                "requestPayload": request,
                "responseContext": {"statusCode": 200, "functionError": row.function_error},
                "responsePayload": row.response.decode(),
            }
            assert letter.body == json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
            assert list(found) == [
                "timestamp",
                "requestContext",
                "requestPayload",
                "responseContext",
                "responsePayload",
            ]

    asyncio.run(story())


async def remove(s, remaining):
    await s.emulator.deployments.deploy("test", Resources((Service(SERVICE),), (function(remaining),)))


async def nothing(s, row):
    return await s.put(row.script)


async def stop(s, row):
    message = await s.put(row.script)
    await s.until_calls(1)
    await s.clock.advance(row.seconds)
    await s.until_status(message, Status.RETRYING if "raise" in row.script else Status.RUNNING)
    await s.dispatcher.stop(message.seq)
    return message


async def stop_while_delayed(s, row):
    message = await s.put(row.script, delay_seconds=100)
    await s.clock.advance(row.seconds)
    await s.dispatcher.stop(message.seq)
    return message


async def exhaust(s, row):
    s.runtime.is_exhausted = True
    message = await s.put(row.script)
    await s.clock.advance(row.seconds)
    return message


async def delay(s, row):
    return await s.put(row.script, delay_seconds=int(row.seconds))


async def be_late(s, row):
    message = await s.put(row.script)
    await s.until_calls(1)
    await s.until_resting()
    s.clock.set_back(-3)
    return message


async def delete(s, row):
    message = await s.put(row.script, delay_seconds=int(row.seconds))
    await remove(s, "other")
    return message


async def delete_between(s, row):
    message = await s.put(row.script)
    await s.until_calls(1)
    await s.until_resting()
    await remove(s, "other")
    return message


EVENTS = {
    "delete between": delete_between,
    "": nothing,
    "stop": stop,
    "stop while delayed": stop_while_delayed,
    "exhaust": exhaust,
    "delay": delay,
    "be late": be_late,
    "delete": delete,
}
