"""The use cases: deploy, invoke, stop, retry, prune. Real files; time and processes are fakes."""

import asyncio
import json
import os
from dataclasses import replace

import pytest

from fun_local.errors import Conflict, InvalidRequest, NotFound, Unavailable
from fun_local.model.execution import Status
from fun_local.model.names import FunctionRef, queue_arn
from fun_local.model.resources import (
    Alias,
    AsyncConfig,
    Call,
    Publication,
    Queue,
    Resources,
    Service,
    Subscription,
    Topic,
    Trigger,
)
from fun_local.store import registry
from fun_local.store.history import Query
from tests.fakes import SERVICE, function, stage, turns, until

SERVICES = (Service(SERVICE),)


def resources(*functions, queues=(), services=SERVICES, warnings=()):
    return Resources(services=services, functions=functions, queues=queues, warnings=warnings)


def actions(deployment):
    return {change.resource: change.action for change in deployment.changes}


def picture(s):
    """All that a deploy can change."""
    with open(registry.path_of(s.home), "rb") as file:
        return file.read(), s.mns.names(), s.emulator.deployed


# --- deploy


def test_a_deploy_is_in_force_at_once_and_after_a_restart(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            queues = (Queue("good"), Queue("bad", delay_seconds=3))
            deployment = await s.emulator.deployments.deploy("one", resources(function(), queues=queues))
            assert actions(deployment) == {"svc": "Add", "svc/f": "Add", "good": "Add", "bad": "Add"}
            assert deployment.warnings == ()
            assert [found.path for found in deployment.functions] == ["svc/f"]
            assert not deployment.is_unchanged
            message = await s.put({"return": 1})
            await s.until_settled()
            assert s.status(message) is Status.SUCCEEDED
            deployed = s.emulator.deployed
        async with stage(tmp_path) as s:
            assert s.emulator.deployed == deployed
            assert s.mns.find("bad") == Queue("bad", delay_seconds=3)

    asyncio.run(story())


def test_the_same_deploy_again_writes_nothing(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            wanted = resources(function(), queues=(Queue("good"), Queue("bad")))
            await s.emulator.deployments.deploy("one", wanted)
            before = os.stat(registry.path_of(s.home)).st_ino
            modified = s.mns.info("good").modified_ms
            await s.clock.advance(1)
            deployment = await s.emulator.deployments.deploy("one", wanted)
            assert deployment.is_unchanged
            assert set(actions(deployment).values()) == {"Unchanged"}
            assert os.stat(registry.path_of(s.home)).st_ino == before
            assert s.mns.info("good").modified_ms == modified

    asyncio.run(story())


def test_a_deploy_changes_the_attributes_of_a_queue_and_keeps_its_messages(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            await s.emulator.deployments.deploy("one", resources(queues=(Queue("q"),)))
            await s.mns.send("q", b"kept")
            deployment = await s.emulator.deployments.deploy(
                "one", resources(queues=(Queue("q", visibility_seconds=9),))
            )
            [change] = [change for change in deployment.changes if change.type == "Queue"]
            assert (change.action, change.properties) == ("Modify", ("visibility_seconds",))
            assert s.mns.find("q").visibility_seconds == 9
            assert [found.body for found in s.mns.peek("q")] == [b"kept"]

    asyncio.run(story())


def test_a_deploy_that_is_refused_changes_nothing(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            await s.emulator.deployments.deploy("one", resources(function()))
            before = picture(s)
            wanted = resources(
                function("new"), function(timeout_seconds=9), services=(), queues=(Queue("new"),)
            )
            with pytest.raises(Conflict):
                await s.emulator.deployments.deploy("two", wanted)
            with pytest.raises(NotFound):
                await s.emulator.deployments.deploy("two", resources(function(service="gone"), services=()))
            assert picture(s) == before

    asyncio.run(story())


def test_a_deploy_that_can_not_be_written_leaves_what_was_deployed(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            await s.emulator.deployments.deploy("one", resources(function()))
            before = picture(s)
            s.disk_is_full = True
            with pytest.raises(Unavailable):
                await s.emulator.deployments.deploy(
                    "one", resources(function(timeout_seconds=9), function("new"))
                )
            assert picture(s) == before
            message = await s.put({"return": 1})
            await s.until_settled()
            assert s.status(message) is Status.SUCCEEDED
            with pytest.raises(NotFound):
                await s.put({}, "new")

    asyncio.run(story())


@pytest.mark.parametrize("create_queues", [True, False])
def test_a_dry_run_tells_the_same_and_changes_nothing(tmp_path, create_queues):
    async def story():
        async with stage(tmp_path, function("old")) as s:
            before = picture(s)
            wanted = resources(function(), queues=(Queue("extra"),))
            told = await s.emulator.deployments.deploy(
                "test", wanted, create_queues=create_queues, dry_run=True
            )
            assert picture(s) == before
            done = await s.emulator.deployments.deploy("test", wanted, create_queues=create_queues)
            assert told == done
            assert actions(done)["svc/old"] == "Delete"
            assert picture(s) != before

    asyncio.run(story())


def test_missing_destination_queues_are_warnings_with_the_way_to_create_them(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            wanted = resources(function("f"), function("g", on_success=""), warnings=("the template's own",))
            deployment = await s.emulator.deployments.deploy("one", wanted)
            first, *rest = deployment.warnings
            assert first == "the template's own"
            by_queue = {"good" if "'good'" in text else "bad": text for text in rest}
            assert set(by_queue) == {"good", "bad"}
            assert "svc/f, svc/g" in by_queue["bad"]
            assert "svc/g" not in by_queue["good"]
            assert "fun mns queue create good" in by_queue["good"]
            assert s.mns.names() == []

    asyncio.run(story())


def test_warnings_come_in_the_same_order_each_time(tmp_path):
    async def story():
        names = [f"q{number}" for number in range(12)]
        functions = [
            function(f"f{n}", on_success=queue_arn(names[2 * n]), on_failure=queue_arn(names[2 * n + 1]))
            for n in range(6)
        ]
        async with stage(tmp_path) as s:
            deployment = await s.emulator.deployments.deploy("one", resources(*functions), dry_run=True)
            assert [text.split("'")[1] for text in deployment.warnings] == names

    asyncio.run(story())


def test_missing_destination_queues_can_be_created_with_the_deploy(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            deployment = await s.emulator.deployments.deploy("one", resources(function()), create_queues=True)
            assert deployment.warnings == ()
            assert actions(deployment) == {"svc": "Add", "svc/f": "Add", "good": "Add", "bad": "Add"}
            assert sorted(s.mns.names()) == ["bad", "good"]
            again = await s.emulator.deployments.deploy("one", resources(function()), create_queues=True)
            assert again.is_unchanged

    asyncio.run(story())


def test_queues_of_the_template_itself_are_not_missing(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            await s.mns.create(Queue("bad"))
            deployment = await s.emulator.deployments.deploy(
                "one", resources(function(), queues=(Queue("good"),))
            )
            assert deployment.warnings == ()

    asyncio.run(story())


def test_topics_and_functions_are_destinations_too(tmp_path):
    async def story():
        gone = "acs:fc:::services/svc/functions/gone"
        topic = "acs:mns:::/topics/t/messages"
        async with stage(tmp_path) as s:
            wanted = resources(function(on_success=gone, on_failure=topic))
            told = await s.emulator.deployments.deploy("one", wanted, dry_run=True)
            by_topic, by_function = told.warnings
            assert "fun mns topic create t" in by_topic
            assert "function 'gone' does not exist" in by_function and "fun deploy" in by_function
            made = await s.emulator.deployments.deploy("one", wanted, create_queues=True)
            assert actions(made) == {"svc": "Add", "svc/f": "Add", "t": "Add"}
            assert s.mns.topics.names() == ["t"]
            other = function(on_success="acs:fc:::services/svc/functions/g", on_failure=topic)
            last = function("g", on_success="", on_failure="")
            assert not (await s.emulator.deployments.deploy("one", resources(other, last))).warnings

    asyncio.run(story())


def test_the_topic_of_a_trigger_is_looked_for_and_can_be_created(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            source = "acs:mns:cn-shanghai:1:/topics/news"
            trigger = Trigger(SERVICE, "f", "t", "mns_topic", source_arn=source)
            wanted = replace(resources(function(on_success="", on_failure="")), triggers=(trigger,))
            (told,) = (await s.emulator.deployments.deploy("one", wanted)).warnings
            assert "topic 'news', which trigger svc/f/t names" in told
            assert "fun mns topic create news" in told
            done = await s.emulator.deployments.deploy("one", wanted, create_queues=True)
            assert not done.warnings and s.mns.topics.names() == ["news"]

    asyncio.run(story())


def test_queues_and_topics_of_a_template_come_change_and_go(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            deploy = s.emulator.deployments.deploy
            queue = Queue("q", delay_seconds=1)
            subscription = Subscription("t", "s", "acs:mns:::queues/q", format="SIMPLIFIED")
            wanted = replace(
                resources(), queues=(queue,), topics=(Topic("t"),), subscriptions=(subscription,)
            )
            await deploy("one", wanted)
            assert (s.mns.find("q"), s.mns.find("q").stack) == (queue, "one")
            assert [info.subscription for info in s.mns.topics.subscriptions("t")] == [subscription]
            assert (await deploy("one", wanted)).is_unchanged
            await deploy("one", replace(wanted, topics=(Topic("t", max_message_bytes=2000),)))
            assert s.mns.topics.find("t").max_message_bytes == 2000
            await deploy("one", replace(wanted, subscriptions=()))
            assert not s.mns.topics.subscriptions("t")
            await s.emulator.deployments.remove("one")
            assert (s.mns.names(), s.mns.topics.names()) == ([], [])

    asyncio.run(story())


# --- calls of a template, rollback


def calling(script, **options):
    call = Call("Setup", SERVICE, "f", json.dumps(script), execute_version=1, **options)
    return replace(resources(function()), calls=(call,))


def test_a_call_of_the_template_is_made_at_the_end_and_once(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            wanted = calling({"return": 1})
            await s.emulator.deployments.deploy("one", wanted)
            assert len(s.runtime.calls) == 1
            assert (await s.emulator.deployments.deploy("one", wanted)).is_unchanged
            assert len(s.runtime.calls) == 1
            again = replace(wanted.calls[0], execute_version=2, is_async=True)
            await s.emulator.deployments.deploy("one", replace(wanted, calls=(again,)))
            await s.until_calls(2)
            await s.until_settled()

    asyncio.run(story())


def test_a_call_that_fails_brings_back_what_was_there(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            deploy = s.emulator.deployments.deploy
            await s.mns.create(Queue("mine"))
            await deploy("one", resources(function(), queues=(Queue("old", delay_seconds=1),)))
            before = picture(s)
            bad = replace(
                calling({"raise": "not today"}),
                services=(*SERVICES, Service("more")),
                queues=(Queue("old", delay_seconds=2), Queue("new"), Queue("mine", delay_seconds=3)),
            )
            for _ in range(2):
                with pytest.raises(Conflict) as caught:
                    await deploy("one", bad)
                assert "not today" in caught.value.message
                assert picture(s) == before
                assert s.mns.find("old").delay_seconds == 1
                assert s.mns.find("mine").delay_seconds == 0
            assert len(s.runtime.calls) == 2, "it was owed again"

    asyncio.run(story())


def test_a_crash_during_a_call_of_the_template_leaves_it_owed(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            wanted = calling({"block": "gate", "return": 1})
            deploy = asyncio.create_task(s.emulator.deployments.deploy("one", wanted))
            await s.until_calls(1)
            found = registry.read(s.home)
            assert set(found.functions) == {"svc/f"} and found.stacks["one"].calls == {}
            s.runtime.open("gate")
            await deploy
            assert registry.read(s.home).stacks["one"].calls == {"Setup": 1}

    asyncio.run(story())


def test_what_leaves_is_only_dropped_when_all_else_has_worked(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            await s.emulator.deployments.deploy("one", resources(function(), queues=(Queue("q"),)))
            await s.mns.send("q", b"precious")
            with pytest.raises(Conflict):
                await s.emulator.deployments.deploy("one", calling({"raise": "not today"}))
            assert [message.body for message in s.mns.peek("q")] == [b"precious"]

    asyncio.run(story())


# --- versions, aliases


def test_calls_of_a_version_run_what_was_published(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            deploy = s.emulator.deployments.deploy
            prod = Alias(SERVICE, "prod", "1")
            wanted = replace(
                resources(function(code="old")), publications=(Publication(SERVICE),), aliases=(prod,)
            )
            await deploy("one", wanted)
            newer = (function(code="new"),)
            await deploy("one", replace(wanted, functions=newer))
            assert set(s.emulator.deployed.versions) == {"svc.1", "svc.2"}
            for qualifier in ("prod", "LATEST", "1", "2"):
                await s.emulator.invoke("svc/f", b"{}", qualifier=qualifier)
            ran = [(i.function.code, i.function.version, i.function.qualifier) for i in s.runtime.instances]
            assert ran == [
                ("old", "1", "prod"),
                ("new", "", "LATEST"),
                ("old", "1", "1"),
                ("new", "2", "2"),
            ]
            await s.emulator.invoke("svc/f", b"{}", qualifier="prod")
            assert len(s.runtime.instances) == 4, "the instance was reused"

    asyncio.run(story())


def test_an_asynchronous_call_goes_by_the_configuration_of_its_qualifier(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            wanted = replace(resources(function(max_retries=0)), publications=(Publication(SERVICE),))
            await s.emulator.deployments.deploy("one", wanted)
            ref = FunctionRef(SERVICE, "f", "1")
            own = AsyncConfig(max_retries=1, stateful=True, on_failure=queue_arn("own"))
            await s.emulator.deployments.set_async_config(ref, own)
            message = await s.emulator.invoke_async("f", b'{"raise": "x"}', qualifier="1")
            await s.until_settled(passing=True)
            record = s.store.get(message.seq)
            assert (record.status, record.attempts, record.config) == (Status.FAILED, 2, own)
            plain = await s.emulator.invoke_async("f", b'{"raise": "x"}')
            await s.until_settled()
            assert s.store.get(plain.seq).attempts == 1

    asyncio.run(story())


def test_a_trigger_of_a_version_that_is_not_there_is_a_warning(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            trigger = Trigger(SERVICE, "f", "t", "oss", qualifier="1")
            wanted = replace(resources(function(on_success="", on_failure="")), triggers=(trigger,))
            (warning,) = (await s.emulator.deployments.deploy("one", wanted)).warnings
            assert "trigger svc/f/t" in warning and "version '1'" in warning and "LATEST" in warning
            published = replace(wanted, publications=(Publication(SERVICE),))
            assert not (await s.emulator.deployments.deploy("one", published)).warnings

    asyncio.run(story())


def test_what_waits_for_a_version_that_goes_is_invalid(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            wanted = replace(resources(function()), publications=(Publication(SERVICE),))
            await s.emulator.deployments.deploy("one", wanted)
            own = AsyncConfig(stateful=True)
            await s.emulator.deployments.set_async_config(FunctionRef(SERVICE, "f", "1"), own)
            message = await s.emulator.invoke_async("f", b"{}", qualifier="1", delay_seconds=60)
            await s.emulator.deployments.deploy("one", resources(function()))
            await s.clock.advance(61)
            await s.until_settled()
            assert s.status(message) is Status.INVALID

    asyncio.run(story())


def test_what_is_removed_is_gone_after_a_restart(tmp_path):
    async def story():
        async with stage(tmp_path, function(), function("g")) as s:
            before = picture(s)
            told = await s.emulator.deployments.remove("svc/f", dry_run=True)
            assert actions(told) == {"svc/f": "Delete"} and picture(s) == before
            await s.emulator.deployments.remove("svc/f")
            with pytest.raises(NotFound):
                await s.emulator.invoke("svc/f", b"{}")
        async with stage(tmp_path) as s:
            assert set(s.emulator.deployed.functions) == {"svc/g"}

    asyncio.run(story())


def test_two_deploys_at_once_come_one_after_the_other(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            await asyncio.gather(
                s.emulator.deployments.deploy(
                    "one", resources(function("f", service="a"), services=(Service("a"),))
                ),
                s.emulator.deployments.deploy(
                    "two", resources(function("g", service="b"), services=(Service("b"),))
                ),
            )
            assert set(s.emulator.deployed.functions) == {"a/f", "b/g"}
            assert registry.read(s.home) == s.emulator.deployed

    asyncio.run(story())


def test_new_code_is_run_by_new_instances(tmp_path):
    async def story():
        async with stage(tmp_path, function(code="old")) as s:
            await s.emulator.invoke("f", b"{}")
            await s.emulator.deployments.deploy("test", resources(function(code="new")))
            await s.emulator.invoke("f", b"{}")
            assert [instance.function.code for instance in s.runtime.instances] == ["old", "new"]
            await until(lambda: not s.runtime.instances[0].is_alive)

    asyncio.run(story())


# --- invoke


def test_a_synchronous_call_gives_the_result_and_the_log_and_leaves_no_record(tmp_path):
    async def story():
        async with stage(tmp_path, function(memory_mb=256, max_retries=3)) as s:
            result, log = await s.emulator.invoke("f", b'{"return": [1]}', request_id="req")
            assert result.payload == b"[1]"
            assert log.startswith(b"c-0001.log from 0 to 100\n")
            assert b"256" in log
            failed, _ = await s.emulator.invoke("svc/f", b'{"raise": "oops"}')
            assert failed.error_type == "UnhandledInvocationError"
            assert [call.attempts for call in s.runtime.calls] == [1, 1], "never retried"
            assert s.runtime.calls[0].request_id == "req"
            assert s.queue.count() == 0
            assert list(s.emulator.history.all(Query())) == []
            assert s.destination.tries == 0

    asyncio.run(story())


def test_a_synchronous_call_waits_its_turn_before_the_backlog(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            await s.put({"block": "gate"})
            waiting = [await s.put({"return": n}) for n in range(20)]
            await s.until_calls(1)
            call = asyncio.create_task(s.emulator.invoke("f", b'"sync"'))
            await turns()
            s.runtime.open("gate")
            result, _ = await call
            assert result.payload == b'"sync"'
            assert s.runtime.calls[1].payload == b'"sync"'
            await s.until_settled()
            assert {s.status(message) for message in waiting} == {Status.SUCCEEDED}

    asyncio.run(story())


def test_a_caller_that_hangs_up_frees_the_slot(tmp_path):
    async def story():
        async with stage(tmp_path, function(), max_instances=1) as s:
            for _ in range(3):
                call = asyncio.create_task(s.emulator.invoke("f", b'{"block": "for ever"}'))
                await turns()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            result, _ = await s.emulator.invoke("f", b"1")
            assert result.payload == b"1"
            assert len({call.instance_id for call in s.runtime.calls}) == 4, "a busy process is not reused"

    asyncio.run(story())


def test_a_synchronous_call_of_what_can_not_run_is_refused_and_frees_the_slot(tmp_path):
    async def story():
        async with stage(tmp_path, function(start={"fail": True}), max_instances=1) as s:
            for _ in range(3):
                with pytest.raises(InvalidRequest):
                    await s.emulator.invoke("f", b"")
            with pytest.raises(NotFound):
                await s.emulator.invoke("gone", b"")
            assert s.pool.counts() == (0, 0)

    asyncio.run(story())


def test_counts_tell_what_is_going_on(tmp_path):
    async def story():
        async with stage(tmp_path, function(), function("g"), max_instances=1) as s:
            await s.put({"block": "gate"})
            await s.put({}, "g")
            await s.until_calls(2)
            await until(lambda: s.dispatcher.running == 1)
            assert s.emulator.counts() == {"running_executions": 1, "busy_instances": 1, "idle_instances": 1}
            s.runtime.open("gate")
            await s.until_settled()
            assert s.emulator.counts() == {"running_executions": 0, "busy_instances": 0, "idle_instances": 2}

    asyncio.run(story())


# --- stop and retry


def test_an_execution_is_stopped_by_its_id_or_the_beginning_of_it(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            first = await s.put({"block": "a"}, invocation_id="first-of-all")
            second = await s.put({}, invocation_id="second", delay_seconds=9)
            await s.until_calls(1)
            assert await s.emulator.stop("first") == "first-of-all"
            assert await s.emulator.stop("second") == "second"
            await s.until_settled()
            assert {s.status(first), s.status(second)} == {Status.STOPPED}

    asyncio.run(story())


def test_an_unknown_or_ambiguous_id_stops_nothing(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            await s.put({}, invocation_id="a-1", delay_seconds=9)
            await s.put({}, invocation_id="a-2", delay_seconds=9)
            with pytest.raises(InvalidRequest):
                await s.emulator.stop("a-")
            for unknown in ("b", ""):
                with pytest.raises(NotFound):
                    await s.emulator.stop(unknown)
            assert s.queue.count() == 2

    asyncio.run(story())


def test_stopping_what_has_finished_says_how_it_ended_and_how_to_run_it_again(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            await s.put({"raise": "oops"}, invocation_id="mine")
            await s.until_settled()
            with pytest.raises(Conflict) as caught:
                await s.emulator.stop("mi")
            assert caught.value.code == "StatefulAsyncInvocationAlreadyCompleted"
            assert "mine" in caught.value.message
            assert "Failed" in caught.value.message
            assert "fun executions retry mine" in caught.value.hint

    asyncio.run(story())


@pytest.mark.parametrize("payload", [b'{"raise": "oops"}', b"\xff\x00", b"x" * 100_000])
def test_a_retry_is_a_new_execution_with_the_same_payload(tmp_path, payload):
    async def story():
        async with stage(tmp_path, function()) as s:
            first = await s.put(payload, invocation_id="mine")
            await s.until_settled()
            before = s.record(first)
            second = await s.emulator.retry("mine")
            await s.until_settled()
            assert s.record(first) == before, "the old record is untouched"
            record = s.record(second)
            assert record.invocation_id not in ("", "mine")
            assert record.rerun_of == "mine"
            assert (record.payload, record.function) == (payload, before.function)
            assert record.status is before.status
            assert [call.payload for call in s.runtime.calls] == [payload] * 2

    asyncio.run(story())


def test_a_retry_can_have_another_payload(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            first = await s.put({"raise": "oops"})
            await s.until_settled()
            for payload in (b'{"return": 1}', b""):
                second = await s.emulator.retry(first.invocation_id, payload=payload)
                await s.until_settled()
                assert s.record(second).payload == payload
                assert s.status(second) is Status.SUCCEEDED

    asyncio.run(story())


def test_a_retry_is_recorded_even_where_task_mode_was_switched_off(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            first = await s.put({})
            await s.until_settled()
            await s.emulator.deployments.deploy("test", resources(function(stateful=False)))
            second = await s.emulator.retry(first.invocation_id)
            await s.until_settled()
            assert s.status(second) is Status.SUCCEEDED

    asyncio.run(story())


def test_what_has_not_finished_or_has_lost_its_function_can_not_be_retried(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            await s.put({"block": "gate"}, invocation_id="running")
            await s.put({}, invocation_id="waiting", delay_seconds=9)
            await s.until_calls(1)
            for unfinished in ("running", "waiting"):
                with pytest.raises(Conflict) as caught:
                    await s.emulator.retry(unfinished)
                assert caught.value.code == "StatefulAsyncInvocationNotCompleted"
            with pytest.raises(NotFound):
                await s.emulator.retry("unknown")
            s.runtime.open("gate")
            await s.until_settled(passing=True)
            await s.emulator.deployments.deploy("test", resources(function("other")))
            with pytest.raises(NotFound):
                await s.emulator.retry("running")
            assert s.queue.count() == 0

    asyncio.run(story())


# --- prune


def ids(s):
    return sorted(document["invocationId"] for _, document in s.emulator.history.all(Query()))


def test_prune_deletes_what_ended_long_ago_and_nothing_else(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            await s.put(b"x" * 10_000, invocation_id="old")
            await s.put({"raise": "oops"}, invocation_id="old-failed")
            await s.until_settled()
            await s.put({"block": "gate"}, invocation_id="running")
            await s.put({}, invocation_id="waiting", delay_seconds=3600)
            await s.until_calls(3)
            await s.clock.advance(50)
            await s.put({}, invocation_id="new")
            await until(lambda: s.dispatcher.running == 1)
            assert await s.emulator.prune(49) == 2
            assert ids(s) == ["new", "running", "waiting"]
            assert s.logs_removed == [s.clock.now_ms() - 49_000]
            assert os.listdir(os.path.join(s.home, "executions", "payloads")) == []
            s.runtime.open("gate")
            await until(lambda: s.dispatcher.running == 0)
            assert await s.emulator.prune(49) == 0, "it started long ago but ended just now"
            assert ids(s) == ["new", "running", "waiting"]

    asyncio.run(story())


def test_the_id_of_a_pruned_execution_can_be_used_again(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            await s.put({}, invocation_id="mine")
            await s.until_settled()
            await s.clock.advance(1)
            with pytest.raises(Conflict):
                await s.put({}, invocation_id="mine")
            assert await s.emulator.prune(0) == 1
            with pytest.raises(NotFound):
                s.emulator.history.find("mine")
            await s.put({"return": 2}, invocation_id="mine")
            await s.until_settled()
            _, document = s.emulator.history.find("mine")
            assert document["returnPayload"] == "2"

    asyncio.run(story())


def test_what_is_still_to_be_delivered_is_not_pruned(tmp_path):
    async def story():
        async with stage(tmp_path, function()) as s:
            s.destination.is_open.clear()
            message = await s.put({}, invocation_id="mine")
            await until(lambda: s.destination.tries)
            await s.clock.advance(100)
            assert s.emulator.history.find("mine")[1]["status"] == "Succeeded"
            assert await s.emulator.prune(0) == 0
            s.destination.is_open.set()
            await s.until_settled()
            assert s.record(message).destination_status == "Succeeded"
            assert await s.emulator.prune(0) == 1
            assert ids(s) == []

    asyncio.run(story())


def test_prune_works_through_many_and_leaves_a_home_that_opens_again(tmp_path):
    async def story():
        async with stage(tmp_path, function(on_success=""), max_instances=8) as s:
            await asyncio.gather(*(s.put({}) for _ in range(1100)))
            await s.until_settled()
            await s.clock.advance(10)
            kept = await s.put({}, invocation_id="kept")
            await s.until_settled()
            assert await s.emulator.prune(5) == 1100
            assert ids(s) == ["kept"]
        async with stage(tmp_path) as s:
            assert ids(s) == ["kept"]
            assert s.status(kept) is Status.SUCCEEDED
            assert await s.emulator.prune(0) in (0, 1)

    asyncio.run(story())


def test_a_record_reads_the_same_for_other_processes(tmp_path):
    async def story():
        async with stage(tmp_path, function(max_retries=1)) as s:
            waiting = await s.put({}, delay_seconds=100, invocation_id="waiting")
            done = await s.put({"raise": "oops"}, invocation_id="done")
            await s.until_status(done, Status.FAILED, passing=True)
            await until(lambda: s.dispatcher.running == 0)
            _, document = s.emulator.history.find("done")
            assert document["status"] == "Failed"
            assert document["alreadyRetriedTimes"] == 1
            assert json.loads(document["returnPayload"])["errorMessage"] == "oops"
            assert [event["status"] for event in document["events"]] == s.history(done)
            _, document = s.emulator.history.find("waiting")
            assert document["status"] == "Enqueued"
            assert document["asyncConfig"]["maxAsyncRetryAttempts"] == 1
            assert s.store.get(waiting.seq) is None, "what waits costs the store nothing"

    asyncio.run(story())
