"""MNS topics on disk, in their own time. Section numbers are those of the MNS fact sheet."""

import asyncio
import contextlib
import json
import logging
import sqlite3
from itertools import pairwise

import pytest

from fun_local.errors import Conflict, InvalidRequest, NotFound, Unavailable
from fun_local.mns import Mns, TopicDestination
from fun_local.mns.http import HttpClient
from fun_local.model.names import DestinationAddress, FunctionRef
from fun_local.model.resources import Queue, Subscription, Topic
from fun_local.ports import Draft
from fun_local.store import database
from fun_local.store.group_commit import GroupCommit
from fun_local.store.queue import DiskQueue, insert
from tests.fakes import START_MS, FakeClock, turns, until
from tests.subscriber import ScriptedClient, subscriber

ACCOUNT = "1234567890123456"
WEB = "http://web.test/hook"
DAY = 86_400


def queue_endpoint(name):
    return f"acs:mns:cn-shanghai:{ACCOUNT}:queues/{name}"


def to_queue(name="q", subscription="copies", **options):
    return Subscription("t", subscription, queue_endpoint(name), **{"format": "SIMPLIFIED", **options})


def to_web(subscription="web", url=WEB, **options):
    return Subscription("t", subscription, url, **{"format": "SIMPLIFIED", **options})


class Service:
    """Topics over a home, with their clock. ``disk_is_full`` makes every write fail."""

    def __init__(self, reader, write, clock, client):
        self.reader = reader
        self.clock = clock
        self.client = client
        self.disk_is_full = False
        self._write = write
        self.mns = Mns(reader, self.write, clock, account_id=ACCOUNT)
        self.pushes = self.mns.topics.pushes(client)
        self.queue = DiskQueue(reader, self.write)

    def __getattr__(self, name):
        return getattr(self.mns.topics, name)

    async def write(self, operation):
        if self.disk_is_full:
            raise Unavailable("StorageFull", "no space left")
        return await self._write(operation)

    async def bodies(self, name="q"):
        return [message.body.decode() for message in await self.mns.receive(name, limit=16)]

    @property
    def pending(self):
        """How many pushes are owed; messages are kept for these and no others."""
        # One statement, since the writer goes on meanwhile.
        owed, alone, forgotten = self.reader.execute(
            "SELECT (SELECT count(*) FROM mns_pushes),"
            " (SELECT count(*) FROM mns_topic_messages WHERE seq NOT IN (SELECT message FROM mns_pushes)),"
            " (SELECT count(*) FROM mns_pushes WHERE message NOT IN (SELECT seq FROM mns_topic_messages))"
        ).fetchone()
        assert (alone, forgotten) == (0, 0)
        return owed

    async def settled(self):
        await until(lambda: self.pending == 0)


@contextlib.asynccontextmanager
async def opened(home, *, clock=None, client=None, start=True):
    clock = clock or FakeClock()
    writer = database.Writer(str(home))
    reader = database.connect(str(home), read_only=True)
    group = GroupCommit("queue", writer.commit)
    service = Service(reader, group.add, clock, client or ScriptedClient(clock))
    if start:
        service.pushes.start()
    try:
        yield service
    finally:
        await service.pushes.close()
        await group.close()
        reader.close()
        writer.close()


@pytest.fixture
def run(tmp_path):
    """Run a story over a home with the topic t and the queue q."""

    def run(story, **options):
        async def main():
            async with opened(tmp_path, **options) as service:
                await service.create(Topic("t"))
                await service.mns.create(Queue("q"))
                await asyncio.wait_for(story(service), 20)

        asyncio.run(main())

    return run


# --- topics (13)


def test_creating_a_topic_twice_alike_is_creating_it_once(run):
    async def story(topics):
        assert await topics.create(Topic("news", 2048)) is True
        assert await topics.create(Topic("news", 2048)) is False
        assert topics.names() == ["news", "t"]
        assert topics.find("news") == Topic("news", 2048)
        assert topics.find("nobody") is None

    run(story)


def test_creating_a_topic_with_other_attributes_is_a_conflict(run):
    async def story(topics):
        with pytest.raises(Conflict) as caught:
            await topics.create(Topic("t", 2048))
        assert caught.value.code == "TopicAlreadyExist" and "'t'" in caught.value.message
        assert topics.find("t") == Topic("t")

    run(story)


def test_a_topic_with_a_bad_name_or_size_is_not_made(run):
    async def story(topics):
        for topic in (Topic("a_b"), Topic("a", 1)):
            with pytest.raises(InvalidRequest):
                await topics.create(topic)
        with pytest.raises(InvalidRequest):
            await topics.set_attributes(Topic("t", 1))
        assert topics.names() == ["t"] and topics.find("t") == Topic("t")

    run(story)


def test_a_topic_and_a_queue_can_have_the_same_name(run):
    async def story(topics):
        assert await topics.create(Topic("q"))
        assert topics.mns.names() == ["q"]

    run(story)


def test_attributes_can_be_changed_and_subscriptions_stay(run):
    async def story(topics):
        await topics.subscribe(to_queue())
        await topics.clock.advance(10)
        await topics.set_attributes(Topic("t", 2048, logging_enabled=True))
        info = topics.info("t")
        assert info.topic == Topic("t", 2048, logging_enabled=True)
        assert (info.created_ms, info.modified_ms) == (START_MS, START_MS + 10_000)
        assert info.subscriptions == 1

    run(story)


def test_info_counts_the_messages_that_are_still_owed(run):
    async def story(topics):
        topics.client.silent.add(WEB)
        for one in (to_web("a"), to_web("b"), to_queue()):
            await topics.subscribe(one)
        await topics.publish("t", b"1")
        await topics.publish("t", b"2")
        assert topics.info("t").messages == 2 and topics.pending == 4

    run(story)


def test_deleting_a_topic_deletes_its_subscriptions_and_what_they_are_owed(run):
    async def story(topics):
        await topics.create(Topic("other"))
        await topics.subscribe(Subscription("other", "web", WEB))
        await topics.subscribe(to_web())
        await topics.publish("t", b"1")
        await topics.publish("other", b"2")
        await topics.delete("t")
        assert topics.names() == ["other"] and topics.pending == 1
        await topics.create(Topic("t"))
        assert topics.subscriptions("t") == []

    run(story, start=False)


def test_whatever_is_asked_of_a_topic_that_is_not_there_says_so(run):
    async def story(topics):
        for ask in (
            lambda: topics.info("nobody"),
            lambda: topics.subscriptions("nobody"),
            lambda: topics.subscription("nobody", "s"),
            lambda: topics.publish("nobody", b"x"),
            lambda: topics.delete("nobody"),
            lambda: topics.unsubscribe("nobody", "s"),
            lambda: topics.set_attributes(Topic("nobody")),
            lambda: topics.subscribe(Subscription("nobody", "s", WEB)),
            lambda: topics.set_subscription(Subscription("nobody", "s", WEB)),
        ):
            with pytest.raises(NotFound) as caught:
                await ask()
            assert caught.value.code == "TopicNotExist" and "'nobody'" in caught.value.message
            assert "fun mns topic create nobody" in caught.value.hint

    run(story)


# --- subscriptions (13)


def test_subscribing_twice_alike_is_subscribing_once(run):
    async def story(topics):
        assert await topics.subscribe(to_web(filter_tag="red")) is True
        assert await topics.subscribe(to_web(filter_tag="red")) is False
        (info,) = topics.subscriptions("t")
        assert info.subscription == to_web(filter_tag="red")
        assert topics.subscription("t", "web") == info
        assert (info.created_ms, info.modified_ms) == (START_MS, START_MS)

    run(story)


def test_subscribing_otherwise_under_the_same_name_is_a_conflict(run):
    async def story(topics):
        await topics.subscribe(to_web())
        with pytest.raises(Conflict) as caught:
            await topics.subscribe(to_web(url="http://other"))
        assert caught.value.code == "SubscriptionAlreadyExist" and "'web'" in caught.value.message
        await topics.create(Topic("other"))
        assert await topics.subscribe(Subscription("other", "web", WEB))

    run(story)


def test_subscriptions_are_listed_by_name(run):
    async def story(topics):
        for name in ("b", "c", "a"):
            await topics.subscribe(to_web(name))
        assert [info.subscription.name for info in topics.subscriptions("t")] == ["a", "b", "c"]

    run(story)


def test_a_bad_subscription_is_not_made(run):
    async def story(topics):
        for bad in (to_web("a_b"), to_web(url="ftp://x"), to_web(filter_tag="x" * 17), to_web(format="?")):
            with pytest.raises(InvalidRequest):
                await topics.subscribe(bad)
        assert topics.subscriptions("t") == []

    run(story)


def test_a_topic_has_at_most_100_subscriptions(run):
    async def story(topics):
        await asyncio.gather(*(topics.subscribe(to_web(f"s{number}")) for number in range(100)))
        assert await topics.subscribe(to_web("s0")) is False
        with pytest.raises(InvalidRequest, match="100 subscriptions"):
            await topics.subscribe(to_web("one-more"))
        await topics.unsubscribe("t", "s0")
        assert await topics.subscribe(to_web("one-more"))

    run(story)


def test_a_subscription_can_be_changed_and_is_still_owed_what_it_was(run):
    async def story(topics):
        await topics.subscribe(to_web())
        await topics.publish("t", b"1")
        await topics.clock.advance(5)
        await topics.set_subscription(to_web(url="http://new/", strategy="EXPONENTIAL_DECAY_RETRY"))
        info = topics.subscription("t", "web")
        assert info.subscription.strategy == "EXPONENTIAL_DECAY_RETRY"
        assert (info.created_ms, info.modified_ms) == (START_MS, START_MS + 5000)
        with pytest.raises(InvalidRequest):
            await topics.set_subscription(to_web(strategy="never"))
        topics.pushes.start()
        await topics.settled()
        assert [one.path for one in topics.client.pushed] == ["http://new/"]

    run(story, start=False)


def test_unsubscribing_ends_it_and_drops_what_is_owed(run):
    async def story(topics):
        await topics.subscribe(to_web("a"))
        await topics.subscribe(to_web("b"))
        await topics.publish("t", b"1")
        await topics.unsubscribe("t", "a")
        assert [info.subscription.name for info in topics.subscriptions("t")] == ["b"]
        assert topics.pending == 1
        await topics.unsubscribe("t", "b")
        assert topics.pending == 0

    run(story, start=False)


def test_a_subscription_that_is_not_there_is_not_found(run):
    async def story(topics):
        for ask in (
            lambda: topics.subscription("t", "web"),
            lambda: topics.unsubscribe("t", "web"),
            lambda: topics.set_subscription(to_web()),
        ):
            with pytest.raises(NotFound) as caught:
                await ask()
            assert caught.value.code == "SubscriptionNotExist" and "'web'" in caught.value.message

    run(story)


# --- publishing into queues (13, 14)


@pytest.mark.parametrize("format", ["XML", "JSON", "SIMPLIFIED"])
def test_a_message_is_copied_into_each_subscribed_queue_in_its_format(run, format):
    async def story(topics):
        await topics.mns.create(Queue("other"))
        await topics.subscribe(to_queue(format=format))
        await topics.subscribe(to_queue("other", "others"))
        message_id = await topics.publish("t", "grüße".encode(), tag="red")
        assert await topics.bodies("other") == ["grüße"]
        (body,) = await topics.bodies()
        if format == "SIMPLIFIED":
            assert body == "grüße"
        else:
            assert message_id in body and "grüße" in body and ACCOUNT in body and "red" in body
            assert (body[0] == "{") == (format == "JSON")
        assert topics.pending == 0

    run(story)


def test_a_copy_is_a_message_of_its_own_with_the_attributes_of_its_queue(run):
    async def story(topics):
        await topics.mns.create(Queue("slow", delay_seconds=5))
        await topics.subscribe(to_queue("slow"))
        await topics.subscribe(to_queue("q", "other"))
        message_id = await topics.publish("t", b"x")
        assert await topics.bodies("slow") == []
        await topics.clock.advance(5)
        (slow,) = await topics.mns.receive("slow")
        (quick,) = await topics.mns.receive("q")
        assert len({message_id, slow.message_id, quick.message_id}) == 3
        assert slow.sent_ms == START_MS

    run(story)


def test_a_filter_keeps_out_what_has_another_tag_or_none(run):
    async def story(topics):
        await topics.mns.create(Queue("red"))
        await topics.subscribe(to_queue("red", "red", filter_tag="red"))
        await topics.subscribe(to_queue())
        await topics.subscribe(to_web(filter_tag="red"))
        for tag in ("red", "blue", ""):
            await topics.publish("t", f"tag {tag}".encode(), tag=tag)
        assert await topics.bodies("red") == ["tag red"]
        assert await topics.bodies() == ["tag red", "tag blue", "tag "]
        await topics.settled()
        assert topics.client.bodies == ["tag red"]

    run(story)


def test_a_message_without_subscribers_is_gone(run):
    async def story(topics):
        assert await topics.publish("t", b"x")
        await topics.subscribe(to_queue())
        assert await topics.bodies() == [] and topics.pending == 0

    run(story)


def test_a_copy_wakes_who_waits_for_a_message(run):
    async def story(topics):
        await topics.subscribe(to_queue())
        receiving = asyncio.ensure_future(topics.mns.receive("q", wait_seconds=30))
        await until(lambda: topics.clock.sleepers)
        await topics.publish("t", b"at last")
        assert [message.body for message in await receiving] == [b"at last"]

    run(story)


@pytest.mark.parametrize("body", [b"", b"x" * 2049, b"\xff"])
def test_a_message_that_the_topic_does_not_take_reaches_nobody(run, body):
    async def story(topics):
        await topics.set_attributes(Topic("t", 2048))
        await topics.subscribe(to_queue())
        await topics.subscribe(to_web())
        with pytest.raises(InvalidRequest):
            await topics.publish("t", body)
        with pytest.raises(InvalidRequest):
            await topics.publish("t", b"x", tag="x" * 17)
        assert await topics.bodies() == [] and topics.pending == 0

    run(story)


def test_what_a_notification_adds_is_not_held_against_the_size_of_a_message(run):
    async def story(topics):
        await topics.subscribe(to_queue(format="JSON"))
        await topics.publish("t", b"\n" * 65_536)
        (body,) = await topics.bodies()
        assert json.loads(body)["Message"] == "\n" * 65_536

    run(story)


def test_mail_and_sms_are_taken_and_nothing_happens(run):
    async def story(topics):
        await topics.subscribe(Subscription("t", "m", "mail:directmail:a@b.c"))
        await topics.subscribe(Subscription("t", "s", "sms:directsms:anonymous"))
        assert await topics.publish("t", b"x")
        assert topics.pending == 0 and topics.client.pushed == []

    run(story)


def test_a_queue_that_appears_late_gets_its_copy_with_a_retry_and_once(run):
    async def story(topics):
        await topics.subscribe(to_queue("late"))
        await topics.publish("t", b"x")
        assert topics.pending == 1
        await topics.mns.create(Queue("late"))
        receiving = asyncio.ensure_future(topics.mns.receive("late", wait_seconds=30))
        await until(lambda: topics.pending == 0, clock=topics.clock)
        assert 10_000 <= topics.clock.now_ms() - START_MS <= 21_000
        assert [message.body for message in await receiving] == [b"x"]
        assert await topics.bodies("late") == []

    run(story)


def test_a_queue_that_never_appears_is_given_up_and_named_in_the_log(run, caplog):
    async def story(topics):
        await topics.subscribe(to_queue("never"))
        await topics.mns.create(Queue("small", max_message_bytes=1024))
        await topics.subscribe(to_queue("small", "small"))
        await topics.publish("t", b"x" * 1025)
        await until(lambda: topics.pending == 0, clock=topics.clock)
        # One try and three retries, of 10 to 20 seconds each.
        assert 30_000 <= topics.clock.now_ms() - START_MS <= 62_000

    run(story)
    dropped = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert any("t/copies: queue 'never' does not exist" in line for line in dropped)
    assert any("t/small: message of 1025 bytes is over the 1024" in line for line in dropped)


# --- as a destination (17; async-semantics 14)


async def outcome(topics):
    return await topics.queue.put(Draft("id", "r", FunctionRef("shop", "order"), 1, 1, b"{}", stateful=True))


def test_an_outcome_is_published_once(run):
    async def story(topics):
        await topics.subscribe(to_queue())
        await topics.subscribe(to_web())
        message = await outcome(topics)
        destination = TopicDestination(topics.mns.topics)
        for _ in range(3):
            await destination.deliver(DestinationAddress("topic", "t"), b'{"first":true}', seq=message.seq)
        assert topics.queue.get(message.seq).is_delivered
        assert await topics.bodies() == ['{"first":true}']
        await topics.settled()
        assert topics.client.bodies == ['{"first":true}']

    run(story)


def test_of_deliveries_at_once_one_is_made(run):
    async def story(topics):
        await topics.subscribe(to_queue())
        message = await outcome(topics)
        await asyncio.gather(*(topics.publish("t", b"x", settles=message.seq) for _ in range(5)))
        assert await topics.bodies() == ["x"]

    run(story)


def test_a_delivery_that_fails_does_not_settle(run):
    async def story(topics):
        message = await outcome(topics)
        for name, body, kind in (("nobody", b"x", NotFound), ("t", b"x" * 70_000, InvalidRequest)):
            with pytest.raises(kind):
                await topics.publish(name, body, settles=message.seq)
            assert not topics.queue.get(message.seq).is_delivered

    run(story)


# --- functions with a trigger


def test_what_functions_are_called_with_is_part_of_the_publish(run):
    def on_publish(message):
        draft = Draft(message.message_id, "r", FunctionRef("s", "f"), 1, 1, message.body, True)
        return [lambda connection: insert(connection, draft)]

    async def story(topics):
        told = []
        topics.connect(on_publish, published=lambda: told.append(topics.queue.count()))
        message_id = await topics.publish("t", b"event")
        assert told == [1]  # already in the queue when they are told
        message = topics.queue.get(1)
        assert (message.invocation_id, message.payload) == (message_id, b"event")

    run(story)


def test_functions_that_were_not_called_are_not_told(run):
    async def story(topics):
        told = []
        topics.connect(lambda _: [], published=lambda: told.append(1))
        await topics.publish("t", b"x")
        assert told == []

    run(story)


def test_a_publish_that_fails_or_was_settled_calls_no_function(run):
    def on_publish(message):
        def refuse(connection):
            connection.execute("INSERT INTO mns_queues VALUES ('made', '{}', 1, 1)")
            raise Conflict("InUse", "there is one already")

        return [refuse]

    async def story(topics):
        told = []
        message = await outcome(topics)
        await topics.publish("t", b"x", settles=message.seq)
        await topics.subscribe(to_queue())
        topics.connect(on_publish, published=lambda: told.append(1))
        assert await topics.publish("t", b"x", settles=message.seq)
        with pytest.raises(Conflict):
            await topics.publish("t", b"x")
        assert await topics.bodies() == [] and topics.mns.names() == ["q"] and told == []

    run(story)


# --- pushing (14), with a client that only pretends


def test_a_push_says_what_is_published_and_is_then_forgotten(run):
    async def story(topics):
        await topics.subscribe(to_web(url="http://web.test"))
        message_id = await topics.publish("t", b"hello", tag="red")
        await topics.settled()
        (pushed,) = topics.client.pushed
        assert (pushed.path, pushed.body) == ("http://web.test/notifications", b"hello")
        assert pushed.headers["x-mns-message-id"] == message_id
        assert pushed.headers["x-mns-message-tag"] == "red"

    run(story)


def test_back_off_tries_four_times_and_gives_up(run, caplog):
    async def story(topics):
        topics.client.problems = ["it answered 500"] * 9
        await topics.subscribe(to_web())
        await topics.publish("t", b"x")
        await until(lambda: topics.pending == 0, clock=topics.clock)
        times = [one.at_ms for one in topics.client.pushed]
        waits = [later - earlier for earlier, later in pairwise(times)]
        assert len(times) == 4 and all(10_000 <= wait <= 20_100 for wait in waits)
        assert len({one.headers["x-mns-request-id"] for one in topics.client.pushed}) == 4

    run(story)
    assert "is dropped for subscription t/web: it answered 500" in caplog.text


def test_exponential_decay_tries_after_1_2_and_4_seconds(run):
    async def story(topics):
        topics.client.problems = ["no"] * 3
        await topics.subscribe(to_web(strategy="EXPONENTIAL_DECAY_RETRY"))
        await topics.publish("t", b"x")
        for number, seconds in enumerate((0, 1, 2, 4)):
            await topics.clock.advance(seconds)
            await until(lambda number=number: len(topics.client.pushed) == number + 1)
            if number < 3:
                await until(lambda: topics.clock.sleepers)
        await topics.settled()
        assert [one.at_ms - START_MS for one in topics.client.pushed] == [0, 1000, 3000, 7000]

    run(story)


def test_a_message_is_given_up_when_it_is_a_day_old(tmp_path, caplog):
    async def story():
        clock = FakeClock()
        async with opened(tmp_path, clock=clock, start=False) as topics:
            await topics.create(Topic("t"))
            await topics.subscribe(to_web(strategy="EXPONENTIAL_DECAY_RETRY"))
            await topics.publish("t", b"x")
        await clock.advance(DAY)
        async with opened(tmp_path, clock=clock) as topics:
            await topics.settled()
            assert topics.client.pushed == []

    asyncio.run(story())
    assert "a day old" in caplog.text


def test_nothing_looks_around_while_nothing_is_owed(run):
    async def story(topics):
        await turns()
        assert topics.clock.sleepers == 0
        await topics.subscribe(to_web())
        await topics.publish("t", b"x")
        await topics.settled()
        await turns()
        assert topics.clock.sleepers == 0

    run(story)


def test_a_clock_that_is_set_back_holds_up_nothing_new(run):
    async def story(topics):
        await topics.subscribe(to_web())
        topics.clock.set_back(3600)
        await topics.publish("t", b"x")
        await topics.settled()

    run(story)


def test_a_slow_subscriber_gets_four_at_a_time_and_holds_up_nobody(run):
    async def story(topics):
        topics.client.silent.add(WEB)
        await topics.subscribe(to_web("slow"))
        await topics.subscribe(to_web("quick", "http://quick/"))
        for number in range(30):
            await topics.publish("t", str(number).encode())
        await until(lambda: topics.pending == 30)
        paths = [one.path for one in topics.client.pushed]
        assert (paths.count(WEB), paths.count("http://quick/"), topics.client.busy) == (4, 30, 4)

    run(story)


def test_sixteen_pushes_are_on_their_way_at_once_at_most(run):
    async def story(topics):
        for number in range(20):
            topics.client.silent.add(f"http://h{number}/")
            await topics.subscribe(to_web(f"s{number}", f"http://h{number}/"))
        await topics.publish("t", b"x")
        await until(lambda: topics.client.busy == 16)
        await topics.publish("t", b"y")
        await turns(50)
        assert topics.client.busy == 16

    run(story)


def test_what_a_subscriber_is_owed_comes_in_order(run):
    async def story(topics):
        await topics.subscribe(to_web())
        for number in range(10):
            await topics.publish("t", str(number).encode())
        topics.pushes.start()
        await topics.settled()
        assert topics.client.bodies == [str(number) for number in range(10)]

    run(story, start=False)


def test_a_push_on_its_way_does_not_settle_one_of_a_new_subscription(run):
    async def story(topics):
        topics.client.silent.add(WEB)
        await topics.subscribe(to_web())
        await topics.publish("t", b"old")
        await until(lambda: topics.client.busy)
        await topics.unsubscribe("t", "web")
        await topics.subscribe(to_web(url="http://new/"))
        await topics.publish("t", b"new")
        await topics.settled()
        assert [(one.path, one.body) for one in topics.client.pushed] == [
            (WEB, b"old"),
            ("http://new/", b"new"),
        ]

    run(story)


def test_a_push_that_was_made_is_not_made_again_because_the_disk_is_full(run):
    async def story(topics):
        await topics.subscribe(to_web())
        await topics.publish("t", b"x")
        topics.disk_is_full = True
        topics.pushes.start()
        await until(lambda: topics.clock.sleepers)
        topics.disk_is_full = False
        await until(lambda: topics.pending == 0, clock=topics.clock)
        assert topics.client.bodies == ["x"]

    run(story, start=False)


def test_a_client_that_breaks_keeps_the_push_owed_and_the_others_going(run, caplog):
    async def story(topics):
        topics.client.problems = [RuntimeError("a bug")]
        await topics.subscribe(to_web("a"))
        await topics.subscribe(to_web("b"))
        await topics.publish("t", b"x")
        await until(lambda: topics.pending == 1)
        await until(lambda: topics.pending == 0, clock=topics.clock)
        assert len(topics.client.pushed) == 3

    run(story)
    assert "a bug" in caplog.text


def test_pushes_that_are_owed_survive_a_restart(tmp_path):
    async def story():
        async with opened(tmp_path) as topics:
            topics.client.silent.add(WEB)
            await topics.create(Topic("t"))
            await topics.subscribe(to_web())
            await topics.publish("t", b"x")
            await until(lambda: topics.client.busy)
        assert topics.client.is_closed
        async with opened(tmp_path) as topics:
            await topics.settled()
            assert topics.client.bodies == ["x"]

    asyncio.run(story())


def test_a_retry_that_was_due_during_the_night_is_made_at_the_next_start(tmp_path):
    async def story():
        clock = FakeClock()
        async with opened(tmp_path, clock=clock) as topics:
            topics.client.problems = ["no"]
            await topics.create(Topic("t"))
            await topics.subscribe(to_web())
            await topics.publish("t", b"x")
            await until(lambda: topics.reader.execute("SELECT sum(tries) FROM mns_pushes").fetchone()[0])
        await clock.advance(3600)
        async with opened(tmp_path, clock=clock) as topics:
            await topics.settled()
            assert topics.client.bodies == ["x"]

    asyncio.run(story())


# --- over real HTTP (14)


def over_http(tmp_path, story, **options):
    async def main():
        client = HttpClient(**options)
        async with subscriber() as web, opened(tmp_path, client=client) as topics:
            await topics.create(Topic("t"))
            await asyncio.wait_for(story(topics, web), 20)

    asyncio.run(main())


@pytest.mark.parametrize("format", ["XML", "JSON", "SIMPLIFIED"])
def test_a_subscriber_gets_a_post_with_the_message(tmp_path, format):
    async def story(topics, web):
        await topics.subscribe(to_web(url=web.url + "/hook%41?a=%20b", format=format))
        message_id = await topics.publish("t", "grüße".encode(), tag="重要")
        await topics.settled()
        (pushed,) = web.pushed
        assert pushed.path == "/hook%41?a=%20b"
        assert pushed.headers["x-mns-version"] == "2015-06-06"
        assert "Authorization" not in pushed.headers
        if format == "SIMPLIFIED":
            assert pushed.body.decode() == "grüße"
            assert pushed.headers["x-mns-message-id"] == message_id
            tag = pushed.headers["x-mns-message-tag"]
            assert tag.encode("utf-8", "surrogateescape").decode() == "重要"
        else:
            assert message_id in pushed.body.decode()

    over_http(tmp_path, story)


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_all_but_204_is_tried_again_and_redirects_are_not_followed(tmp_path, caplog, status):
    async def story(topics, web):
        web.statuses = [status]
        await topics.subscribe(to_web(url=web.url + "/hook"))
        await topics.publish("t", b"x")
        await until(lambda: topics.pending == 0, clock=topics.clock)
        assert [one.path for one in web.pushed] == ["/hook", "/hook"]

    over_http(tmp_path, story)
    assert f"answered {status}, and only 204 counts" in caplog.text


def test_a_subscriber_that_does_not_answer_in_time_is_tried_again(tmp_path, caplog):
    async def story(topics, web):
        web.is_open.clear()
        await topics.subscribe(to_web(url=web.url))
        await topics.publish("t", b"x")
        await until(lambda: "did not answer within" in caplog.text)
        web.is_open.set()
        await until(lambda: topics.pending == 0, clock=topics.clock)
        assert len(web.pushed) == 2

    over_http(tmp_path, story, timeout_seconds=0.2)


def test_a_subscriber_that_is_not_there_yet_is_tried_again(tmp_path, caplog):
    async def story(topics, web):
        async with subscriber() as gone:
            url = gone.url
        await topics.subscribe(to_web(url=url))
        await topics.publish("t", b"x")
        await until(lambda: "can't be reached" in caplog.text)
        await topics.set_subscription(to_web(url=web.url))
        await until(lambda: topics.pending == 0, clock=topics.clock)
        assert [one.body for one in web.pushed] == [b"x"]

    over_http(tmp_path, story)


# --- homes of the format before topics


def make_format_1(home):
    """A home as the first format left it: a queue with a message, and an invocation that is owed."""
    with contextlib.closing(sqlite3.connect(database.path_of(str(home)))) as connection:
        connection.executescript(database._FORMAT_1)
        attributes = json.dumps(Queue("q").to_dict())
        connection.execute("INSERT INTO mns_queues VALUES ('q', ?, 1, 1)", (attributes,))
        connection.execute(
            "INSERT INTO mns_messages (queue, message_id, body, priority, sent_ms, visible_ms, expires_ms)"
            " VALUES ('q', 'ID', x'6b657074', 8, 1, 1, ?)",
            (2**62,),
        )
        connection.execute(
            "INSERT INTO messages (invocation_id, request_id, service, function, qualifier, accepted_ms,"
            " due_ms, is_stateful, payload) VALUES ('i', 'r', 's', 'f', 'LATEST', 1, 1, 1, x'7b7d')"
        )
        connection.execute("PRAGMA user_version=1")
        connection.commit()


def test_a_home_of_format_1_is_brought_up_to_date_and_keeps_what_it_holds(tmp_path):
    async def story():
        async with opened(tmp_path) as topics:
            assert await topics.bodies() == ["kept"] and topics.queue.count() == 1
            assert topics.reader.execute("PRAGMA user_version").fetchone()[0] == database.FORMAT
            await topics.create(Topic("t"))
            await topics.subscribe(to_queue())
            await topics.publish("t", b"new")
            assert await topics.bodies() == ["new"]

    make_format_1(tmp_path)
    asyncio.run(story())


def test_a_home_of_format_1_can_be_read_whoever_comes_first(tmp_path):
    make_format_1(tmp_path)
    with contextlib.closing(database.connect(str(tmp_path), read_only=True)) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone()[0] == 1
