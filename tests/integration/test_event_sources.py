"""Timers and topic triggers over the real files: what they start, and that a crash takes nothing away."""

import asyncio
import json
from dataclasses import replace
from functools import partial

import pytest

from fun_local import topic_triggers
from fun_local.errors import NotFound
from fun_local.model.deployed import Deployed
from fun_local.model.execution import Status
from fun_local.model.resources import Publication, Resources, Service, Topic, Trigger
from fun_local.model.topics import TopicMessage
from fun_local.store.history import Query
from fun_local.store.queue import insert
from tests.fakes import SERVICE, function, stage, until

ACCOUNT = "1234567890123456"
NEWS = f"acs:mns:cn-shanghai:{ACCOUNT}:/topics/news"


def timer(expression="@every 30s", **options):
    config = {"cronExpression": expression, "payload": '{"return": 1}'}
    return Trigger(SERVICE, "f", "tick", "timer", config, **options)


def on_news(name="on-news", *, target="f", **options):
    options.setdefault("source_arn", NEWS)
    return Trigger(SERVICE, target, name, "mns_topic", **options)


def resources(*triggers, functions=None, **options):
    functions = (working(),) if functions is None else functions
    return Resources(services=(Service(SERVICE),), functions=functions, triggers=triggers, **options)


def working():
    return function(on_success="", on_failure="")


def stuck():
    """A function whose instances never start: what is accepted stays in the queue."""
    return function(on_success="", on_failure="", start={"block": "for ever"})


def records(s):
    return [document for _, document in s.emulator.history.all(Query(), ascending=True)]


def listen(s):
    """Connect topics and functions as wiring does."""

    def start_functions(message):
        drafts = topic_triggers.drafts(
            s.emulator.deployed,
            message,
            account_id=ACCOUNT,
            new_request_id=iter(f"request-{message.message_id}-{n}" for n in range(9)).__next__,
        )
        return [partial(insert, draft=draft) for draft in drafts]

    s.mns.topics.connect(start_functions, published=s.dispatcher.look)


def payloads(s):
    return [call.payload for call in s.runtime.calls]


# --- timers


def test_a_deployed_timer_starts_stateful_executions(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            s.emulator.timers.start()
            await s.emulator.deployments.deploy("one", resources(timer()))
            await s.clock.advance(30)
            await s.until_calls(1)
            assert json.loads(s.runtime.calls[0].payload)["triggerName"] == "tick"
            await s.until_settled()
            (record,) = records(s)
            assert record["status"] == Status.SUCCEEDED.value

    asyncio.run(story())


def test_a_timer_of_a_version_runs_that_version(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            s.emulator.timers.start()
            wanted = resources(timer(qualifier=""), publications=(Publication(SERVICE),))
            await s.emulator.deployments.deploy("one", wanted)
            await s.clock.advance(30)
            await s.until_calls(1)
            assert s.runtime.instances[0].function.version == "1"

    asyncio.run(story())


def test_a_deploy_takes_timers_up_and_away_at_once(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            s.emulator.timers.start()
            assert s.emulator.timers.next() is None
            await s.emulator.deployments.deploy("one", resources(timer()))
            assert s.emulator.timers.next() == (f"{SERVICE}/f/tick", s.clock.now_ms() + 30_000)
            await s.emulator.deployments.deploy("one", resources(timer("@every 1h")))
            assert s.emulator.timers.next() == (f"{SERVICE}/f/tick", s.clock.now_ms() + 3_600_000)
            await s.emulator.deployments.deploy("one", resources())
            assert s.emulator.timers.next() is None

    asyncio.run(story())


def test_a_firing_that_was_accepted_survives_the_daemon(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            s.emulator.timers.start()
            await s.emulator.deployments.deploy("test", resources(timer(), functions=(stuck(),)))
            await s.clock.advance(30)
            await until(lambda: s.queue.count() == 1)
            clock = s.clock
        async with stage(tmp_path, working(), clock=clock) as s:
            await s.until_settled()
            assert [record["status"] for record in records(s)] == [Status.SUCCEEDED.value]

    asyncio.run(story())


# --- topics


def test_a_published_message_starts_the_functions_of_its_triggers(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            listen(s)
            json_format = on_news("as-json", config={"NotifyContentFormat": "JSON"})
            wanted = resources(on_news(), json_format, topics=(Topic("news"), Topic("other")))
            await s.emulator.deployments.deploy("one", wanted)
            await s.mns.topics.publish("other", b"not for us")
            message_id = await s.mns.topics.publish("news", b'"hello"')
            await s.until_calls(2)
            await s.until_settled()
            plain, told = sorted(payloads(s), key=len)
            assert plain == b'"hello"'
            assert (json.loads(told)["Message"], json.loads(told)["MessageId"]) == ('"hello"', message_id)

    asyncio.run(story())


def test_a_filter_lets_only_its_tag_pass(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            listen(s)
            wanted = resources(on_news(config={"FilterTag": "a"}), topics=(Topic("news"),))
            await s.emulator.deployments.deploy("one", wanted)
            for tag in ("", "b", "a"):
                await s.mns.topics.publish("news", f'"{tag}"'.encode(), tag=tag)
            await s.until_calls(1)
            await s.until_settled()
            assert payloads(s) == [b'"a"']

    asyncio.run(story())


def test_invocations_are_accepted_with_the_message_or_not_at_all(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            listen(s)
            wanted = resources(on_news(), topics=(Topic("news"),), functions=(stuck(),))
            await s.emulator.deployments.deploy("test", wanted)
            await s.mns.topics.publish("news", b'"kept"')
            assert s.queue.count() == 1
            with pytest.raises(NotFound):
                await s.mns.topics.publish("nowhere", b"x")
            assert s.queue.count() == 1
        async with stage(tmp_path, working()) as s:
            await s.until_settled()
            assert payloads(s) == [b'"kept"']

    asyncio.run(story())


def test_a_delivery_that_is_repeated_starts_nothing_twice(tmp_path):
    async def story():
        async with stage(tmp_path) as s:
            listen(s)
            wanted = resources(on_news(), topics=(Topic("news"),), functions=(stuck(),))
            await s.emulator.deployments.deploy("one", wanted)
            message = await s.emulator.invoke_async("f", b"1")
            await s.mns.topics.publish("news", b'"outcome"', settles=message.seq)
            await s.mns.topics.publish("news", b'"outcome"', settles=message.seq)
            assert s.queue.count() == 2  # the one that is settled, and the one it has started

    asyncio.run(story())


# --- drafts


def drafts(deployed, body=b"hello"):
    message = TopicMessage("news", "1", body, "", 5)
    return topic_triggers.drafts(deployed, message, account_id=ACCOUNT, new_request_id=lambda: "r")


def deployed_with(*triggers):
    return Deployed(
        services={SERVICE: Service(SERVICE)},
        functions={f"{SERVICE}/f": function()},
        triggers={trigger.path: trigger for trigger in triggers},
    )


def test_a_draft_is_of_the_moment_and_the_qualifier_that_the_trigger_names():
    (draft,) = drafts(deployed_with(on_news()))
    assert (draft.accepted_ms, draft.due_ms, draft.payload, draft.stateful) == (5, 5, b"hello", True)
    assert draft.function.qualifier == "LATEST"


def test_a_trigger_that_leads_nowhere_is_logged_and_holds_up_no_other(caplog):
    gone = on_news("a", target="gone")
    unpublished = replace(on_news("b"), qualifier="7")
    assert len(drafts(deployed_with(gone, unpublished, on_news("c")))) == 1
    assert "trigger svc/gone/a: message 1 does not start its function" in caplog.text
    assert "trigger svc/f/b" in caplog.text


def test_a_message_that_is_too_large_as_json_starts_nothing(caplog):
    trigger = on_news(config={"NotifyContentFormat": "JSON"})
    assert drafts(deployed_with(trigger), b'"' * 65_536) == []
    assert "payload size exceeds" in caplog.text
