"""Outcomes on their way: to functions, to services that are only recorded, and around crashes."""

import asyncio
import json
import logging
import os
from collections import Counter
from dataclasses import replace

import pytest

from fun_local.destinations import FunctionDestination
from fun_local.errors import InvalidRequest, Unavailable
from fun_local.model.circles import MAX_DEPTH
from fun_local.model.execution import Status
from fun_local.model.names import parse_destination, queue_arn
from fun_local.model.outcome import envelope
from fun_local.model.resources import Alias, Service, Trigger, Version
from fun_local.store import recorded, registry
from fun_local.store.history import Query
from tests.fakes import (
    SERVICE,
    START_MS,
    FakeClock,
    RecordingDestination,
    function,
    new_request_id,
    stage,
    until,
)


def function_arn(name, qualifier=""):
    return f"acs:fc:::services/{SERVICE}{qualifier and f'.{qualifier}'}/functions/{name}"


BUS = "acs:eventbridge:cn-shanghai:1234567890123456:eventbus/orders"
TOPIC = "acs:mq:cn-shanghai:1234567890123456:/instances/MQ_INST_1/topic/outcomes"


def quiet(name, **options):
    """A function whose own outcomes go nowhere."""
    return function(name, **{"on_success": "", "on_failure": "", **options})


def outcome_of(s, message):
    """What the destination of an execution is to get."""
    record = s.record(message)
    return {
        "timestamp": record.ended_ms,
        "requestContext": {
            "requestId": message.request_id,
            "functionArn": f"acs:fc:::services/{SERVICE}.LATEST/functions/f",
            "condition": "",
            "approximateInvokeCount": 1,
        },
        "requestPayload": message.payload.decode(),
        "responseContext": {"statusCode": 200, "functionError": ""},
        "responsePayload": record.result.decode(),
    }


# --- functions


def test_a_function_gets_the_outcome_as_its_event(tmp_path):
    async def story():
        source = function(on_success=function_arn("after"))
        async with stage(tmp_path, source, quiet("after")) as s:
            message = await s.put({"return": {"k": 1}})
            await s.until_settled()
            [call] = s.runtime.calls_of("after")
            assert json.loads(call.payload) == outcome_of(s, message)
            assert call.request_id != message.request_id
            assert s.record(message).destination_status == "Succeeded"
            [found] = [d for _, d in s.emulator.history.all(Query()) if d["functionName"] == "after"]
            assert (found["status"], found["requestId"]) == ("Succeeded", call.request_id)

    asyncio.run(story())


def test_a_failure_goes_to_the_function_for_failures(tmp_path):
    async def story():
        source = function(on_success=function_arn("good"), on_failure=function_arn("bad"))
        async with stage(tmp_path, source, quiet("good"), quiet("bad")) as s:
            await s.put({"raise": "oops"})
            await s.until_settled()
            assert not s.runtime.calls_of("good")
            [call] = s.runtime.calls_of("bad")
            assert json.loads(call.payload)["requestContext"]["condition"] == "UnhandledInvocationError"

    asyncio.run(story())


def test_the_target_follows_its_own_asynchronous_configuration(tmp_path):
    async def story():
        source = function(on_success=function_arn("after"))
        target = quiet(
            "after",
            environment={"SCRIPT": '{"raise": "oops"}'},
            max_retries=2,
            on_failure=queue_arn("bad"),
            stateful=False,
        )
        async with stage(tmp_path, source, target) as s:
            await s.put({"return": 1})
            await s.until_settled(passing=True)
            assert [call.attempts for call in s.runtime.calls_of("after")] == [1, 2, 3]
            assert s.destination.names == ["bad"]

    asyncio.run(story())


def test_a_qualifier_of_the_address_is_asked_for(tmp_path):
    async def story():
        source = function(on_success=function_arn("after", "prod"))
        async with stage(tmp_path, source, quiet("after"), look=False) as s:
            deployed = s.emulator.deployed
            version = Version(SERVICE, "1", "", START_MS, Service(SERVICE), (quiet("after"),))
            alias = Alias(SERVICE, "prod", "1")
            registry.write(
                s.home,
                replace(deployed, versions={version.path: version}, aliases={alias.path: alias}),
            )
        async with stage(tmp_path) as s:
            await s.put({})
            await s.until_settled()
            [call] = s.runtime.calls_of("after")
            [found] = [i.function for i in s.runtime.instances if i.id == call.instance_id]
            assert (found.version, found.qualifier) == ("1", "prod")

    asyncio.run(story())


def test_a_target_that_is_not_there_fails_the_delivery_and_not_the_invocation(tmp_path):
    async def story():
        async with stage(tmp_path, function(on_success=function_arn("gone"))) as s:
            message = await s.put({})
            await s.until_settled(passing=True)
            record = s.record(message)
            assert (record.status, record.destination_status) == (Status.SUCCEEDED, "Failed")

    asyncio.run(story())


def test_a_target_that_is_deployed_between_two_tries_gets_it(tmp_path):
    async def story():
        clock = FakeClock()
        async with stage(tmp_path, function(on_success=function_arn("late")), clock=clock) as s:
            message = await s.put({})
            await until(lambda: clock.sleepers)
            functions = {**s.emulator.deployed.functions, f"{SERVICE}/late": quiet("late")}
            s.emulator.deployments.deployed = replace(s.emulator.deployed, functions=functions)
            await s.until_settled(passing=True)
            assert len(s.runtime.calls_of("late")) == 1
            assert s.record(message).destination_status == "Succeeded"

    asyncio.run(story())


def test_an_outcome_over_128_kb_fails_at_once(tmp_path):
    """Twice the event is more than the target takes."""

    async def story():
        async with stage(tmp_path, function(on_success=function_arn("after")), quiet("after")) as s:
            message = await s.put(b"x" * 100_000)
            await s.until_settled()
            assert s.record(message).destination_status == "Failed"
            assert not s.runtime.calls_of("after")

    asyncio.run(story())


def test_a_function_with_an_http_trigger_is_no_destination(tmp_path, caplog):
    async def story():
        async with stage(tmp_path, function(on_success=function_arn("web")), quiet("web"), look=False) as s:
            trigger = Trigger(SERVICE, "web", "t", "http")
            registry.write(s.home, replace(s.emulator.deployed, triggers={trigger.path: trigger}))
        async with stage(tmp_path) as s:
            message = await s.put({})
            await s.until_settled()
            assert s.record(message).destination_status == "Failed"
            assert not s.runtime.calls_of("web")

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert "HTTP trigger" in caplog.text


@pytest.mark.parametrize("ring", [["f"], ["f", "g"], ["f", "g", "h"]], ids=len)
def test_functions_that_are_each_others_destinations_come_to_an_end(tmp_path, ring):
    async def story():
        nexts = [*ring[1:], ring[0]]
        functions = [
            function(name, on_success=function_arn(after), environment={"SCRIPT": '{"return": 1}'})
            for name, after in zip(ring, nexts, strict=True)
        ]
        async with stage(tmp_path, *functions) as s:
            await s.put(b"1")
            await s.until_settled(passing=True)
            assert len(s.runtime.calls) == 1 + MAX_DEPTH
            found = Counter(d["destinationStatus"] for _, d in s.emulator.history.all(Query()))
            assert found == {"Succeeded": MAX_DEPTH, "Failed": 1}

    asyncio.run(story())


def test_a_restart_does_not_forget_how_long_the_circle_is(tmp_path):
    async def story():
        clock = FakeClock()
        ring = function(on_success=function_arn("f"), environment={"SCRIPT": '{"return": 1}'})
        async with stage(tmp_path, ring, clock=clock) as s:
            await s.put(b"1")
            await s.until_calls(3)
        async with stage(tmp_path, clock=clock) as s:
            await s.until_settled(passing=True)
            # One more at most than without a restart: a run that it cut off may have had its outcome.
            found = [d for _, d in s.emulator.history.all(Query())]
            assert 3 <= len(found) <= 1 + MAX_DEPTH

    asyncio.run(story())


def test_a_function_is_invoked_once_whatever_step_after_it_fails(tmp_path):
    """The outcome is handed on, but neither that nor the end of the message can be written down."""

    async def story():
        clock = FakeClock()
        source = function(on_success=function_arn("after"))
        async with stage(tmp_path, source, quiet("after"), clock=clock) as s:
            message = await s.put({})
            await until(lambda: s.runtime.calls)
            s.queue.ack_failures = s.store.failures = 10**9
            await until(lambda: s.queue.get(message.seq).is_delivered)
        for _ in range(2):
            async with stage(tmp_path, clock=clock) as s:
                await s.until_settled(passing=True)
        async with stage(tmp_path, look=False) as s:
            names = Counter(d["functionName"] for _, d in s.emulator.history.all(Query()))
            assert names == {"f": 1, "after": 1}
            assert s.record(message).destination_status == "Succeeded"

    asyncio.run(story())


def test_a_second_delivery_of_the_same_outcome_invokes_nothing(tmp_path):
    async def story():
        async with stage(tmp_path, function(), quiet("after"), look=False) as s:
            message = await s.put({"block": "gate"})
            destination = FunctionDestination(
                s.queue,
                deployed=lambda: s.emulator.deployed,
                offer=s.dispatcher.offer,
                clock=s.clock,
                new_request_id=new_request_id,
            )
            address = parse_destination(function_arn("after"))
            for _ in range(3):
                await destination.deliver(address, b'{"k":1}', seq=message.seq)
            assert destination.settles
            await s.until_calls(2)
            assert len(s.runtime.calls_of("after")) == 1
            await destination.deliver(address, b'{"k":1}', seq=message.seq + 100)
            assert s.queue.count() <= 2

    asyncio.run(story())


# --- services that are only recorded


def lines_of(home, arn):
    path = recorded.path_of(str(home), parse_destination(arn))
    with open(path, "rb") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize(
    ("arn", "file", "service"),
    [
        (BUS, "eventbridge-orders.jsonl", "EventBridge"),
        (TOPIC, "rocketmq-MQ_INST_1-outcomes.jsonl", "RocketMQ"),
    ],
)
def test_an_outcome_for_a_service_that_is_not_emulated_is_in_a_file(tmp_path, caplog, arn, file, service):
    async def story():
        async with stage(tmp_path, function(on_success=arn)) as s:
            messages = [await s.put({"return": n}) for n in range(3)]
            await s.until_settled()
            assert os.listdir(tmp_path / "destinations") == [file]
            lines = {line["seq"]: line for line in lines_of(tmp_path, arn)}
            for message in messages:
                assert lines[message.seq]["message"] == outcome_of(s, message)
                assert lines[message.seq]["recordedTime"] == START_MS
                assert lines[message.seq]["note"] == (
                    f"recorded only: {service} is not emulated, nothing was sent"
                )
                assert s.record(message).destination_status == "Succeeded"
            assert os.stat(tmp_path / "destinations" / file).st_mode & 0o077 == 0

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert [r.action for r in caplog.records] == ["recorded"] * 3
    assert file in caplog.text


def body(number=1, size=0):
    return envelope(
        timestamp_ms=START_MS,
        request_id=f"request-{number}",
        function=function().ref,
        condition="",
        attempts=1,
        request_payload=b"x" * size,
        function_error="",
        response_payload=b"",
    )


@pytest.fixture
def record(tmp_path):
    """Deliver to a bus of a home: as many destinations in a row as there are lists of numbers."""

    def record(*lives, arn=BUS, body_of=body):
        async def story():
            for numbers in lives:
                destination = recorded.RecordedDestination(str(tmp_path), FakeClock())
                try:
                    address = parse_destination(arn)
                    await asyncio.gather(
                        *(destination.deliver(address, body_of(number), seq=number) for number in numbers)
                    )
                finally:
                    await destination.close()

        asyncio.run(story())
        return [line["seq"] for line in lines_of(tmp_path, arn)]

    return record


def test_what_a_former_daemon_recorded_is_not_recorded_twice(record):
    assert record([1, 2], [2, 3], [1, 2, 3, 4]) == [1, 2, 3, 4]


def test_another_homes_outcome_of_the_same_number_is_another_outcome(record):
    record([1])
    assert record([1], body_of=lambda number: body(number + 100)) == [1, 1]


def test_a_line_that_a_crash_cut_off_is_written_again(record, tmp_path):
    record([1, 2])
    path = recorded.path_of(str(tmp_path), parse_destination(BUS))
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 7)
    assert record([2, 3]) == [1, 2, 3]


def test_lines_that_somebody_edited_are_left_alone(record, tmp_path):
    record([1])
    path = recorded.path_of(str(tmp_path), parse_destination(BUS))
    with open(path, "ab") as file:
        file.write(b'{"seq": 0}\n')
    assert record([1, 2]) == [1, 0, 2]


@pytest.mark.parametrize(("arn", "limit"), [(BUS, 65_536), (TOPIC, 4_194_304)])
def test_a_message_that_the_service_would_not_take_is_refused(record, arn, limit):
    empty = len(body(7))
    assert record([7], arn=arn, body_of=lambda number: body(number, limit - empty)) == [7]
    with pytest.raises(InvalidRequest) as caught:
        record([7], arn=arn, body_of=lambda number: body(number, limit - empty + 1))
    assert caught.value.code == "EntityTooLarge"


def test_a_full_disk_delays_what_is_recorded_and_loses_nothing(tmp_path, monkeypatch):
    async def story():
        async with stage(tmp_path, function(on_success=BUS)) as s:
            fsync, refused = os.fsync, []

            def refuse(fd):
                if os.readlink(f"/proc/self/fd/{fd}").endswith(".jsonl") and len(refused) < 5:
                    refused.append(fd)
                    raise OSError(28, "No space left on device")
                fsync(fd)

            monkeypatch.setattr(os, "fsync", refuse)
            message = await s.put({})
            await s.until_settled(passing=True)
            assert len(refused) == 5
            assert [line["seq"] for line in lines_of(tmp_path, BUS)] == [message.seq]
            assert s.record(message).destination_status == "Succeeded"

    asyncio.run(story())


# --- destinations that keep no books with the queue


def test_a_delivery_is_noted_in_the_queue_before_it_is_recorded(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            s.queue.ack_failures = 10**9
            message = await s.put({})
            await until(lambda: s.destination.letters)
            await until(lambda: s.queue.get(message.seq).is_delivered)
        async with stage(tmp_path) as s:
            await s.until_settled()
            assert s.destination.tries == 0, "it was delivered before the restart"
            assert s.record(message).destination_status == "Succeeded"

    asyncio.run(story())


def test_a_delivery_that_was_given_up_is_not_begun_again_by_a_restart(tmp_path):
    async def story():
        clock = FakeClock()
        destination = RecordingDestination(failures=3)
        async with stage(tmp_path, function(), clock=clock, destination=destination) as s:
            s.queue.ack_failures = 10**9
            message = await s.put({})
            await until(
                lambda: (r := s.store.get(message.seq)) and r.destination_status == "Failed", clock=clock
            )
        async with stage(tmp_path, clock=clock) as s:
            await s.until_settled(passing=True)
            assert s.destination.tries == 0
            assert s.record(message).destination_status == "Failed"

    asyncio.run(story())


def test_a_destination_that_settles_itself_is_not_noted_again(tmp_path):
    async def story():
        destination = RecordingDestination(settles=True)
        async with stage(tmp_path, function(), destination=destination) as s:
            s.queue.ack_failures = 1
            message = await s.put({})
            await until(lambda: s.record(message).destination_status if s.store.get(message.seq) else "")
            assert not s.queue.get(message.seq).is_delivered
            await s.until_settled(passing=True)

    asyncio.run(story())


def test_a_destination_that_is_out_of_reach_holds_up_no_other_function(tmp_path):
    async def story():
        slow, quick = function("slow", stateful=False), quiet("quick")
        async with stage(tmp_path, slow, quick, max_instances=20) as s:
            s.destination.is_open.clear()
            await asyncio.gather(*(s.put(b"1", "slow") for _ in range(1200)))
            await until(lambda: s.dispatcher.running >= 1000)
            messages = await asyncio.gather(*(s.put(b"2", "quick") for _ in range(100)))
            for message in messages:
                await s.until_status(message, Status.SUCCEEDED)
            await until(lambda: s.dispatcher.running <= 1000)
            assert len(s.runtime.calls_of("slow")) <= 1000
            s.destination.is_open.set()
            await s.until_settled()
            assert len(s.destination.letters) == 1200

    asyncio.run(story())


def test_a_full_disk_is_no_fault_of_the_destinations(tmp_path):
    async def story():
        full = Unavailable("StorageFull", "no space left")
        async with stage(tmp_path, function(), destination=RecordingDestination(9, full)) as s:
            message = await s.put({})
            await s.until_settled(passing=True)
            assert s.record(message).destination_status == "Succeeded"
            assert s.destination.tries == 10

    asyncio.run(story())
