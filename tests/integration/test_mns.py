"""MNS queues on disk, in their own time. Section numbers are those of the MNS fact sheet."""

import asyncio
import contextlib
import json

import pytest

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.mns import Mns, QueueDestination
from fun_local.model.names import FunctionRef, parse_destination, queue_arn
from fun_local.model.resources import Queue
from fun_local.ports import Draft
from fun_local.store import database
from fun_local.store.group_commit import GroupCommit
from fun_local.store.queue import DiskQueue

START = 1_700_000_000_000


class Clock:
    """Time moves when the test says so."""

    def __init__(self):
        self.now = START
        self.sleepers = []

    def now_ms(self):
        return self.now

    async def sleep(self, seconds):
        wake = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now + seconds * 1000, wake))
        await wake

    def advance(self, seconds):
        self.now += int(seconds * 1000)
        for due, wake in self.sleepers:
            if due <= self.now and not wake.done():
                wake.set_result(None)

    @property
    def alarms(self):
        """When those who sleep want to be woken, in seconds from the start."""
        return sorted((due - START) / 1000 for due, wake in self.sleepers if not wake.done())


class Service:
    """Mns over a home, with its clock."""

    def __init__(self, mns, clock, queue, reader):
        self.mns = mns
        self.clock = clock
        self.queue = queue
        self.reader = reader

    def __getattr__(self, name):
        return getattr(self.mns, name)

    async def bodies(self, name="q", limit=16):
        return [message.body.decode() for message in await self.mns.receive(name, limit=limit)]

    def counts(self, name="q"):
        info = self.mns.info(name)
        return info.active, info.inactive, info.delayed

    async def waits(self, count=1):
        """Wait until so many receivers are waiting."""
        for _ in range(2000):
            if len(self.clock.alarms) >= count:
                return
            await asyncio.sleep(0.001)
        raise AssertionError("nobody waits")


@contextlib.asynccontextmanager
async def opened(home):
    writer = database.Writer(home)
    reader = database.connect(home, read_only=True)
    group = GroupCommit("queue", writer.commit)
    clock = Clock()
    try:
        mns = Mns(reader, group.add, clock, account_id="1234567890123456")
        yield Service(mns, clock, DiskQueue(reader, group.add), reader)
    finally:
        await group.close()
        reader.close()
        writer.close()


@pytest.fixture
def run(tmp_path):
    def run(story, **attributes):
        async def main():
            async with opened(str(tmp_path)) as service:
                with contextlib.suppress(Conflict):
                    await service.create(Queue("q", **attributes))
                await asyncio.wait_for(story(service), 20)

        asyncio.run(main())

    return run


# --- queues (8.1 to 8.5)


def test_creating_a_queue_twice_alike_is_creating_it_once(run):
    async def story(mns):
        assert await mns.create(Queue("orders", visibility_seconds=5)) is True
        assert await mns.create(Queue("orders", visibility_seconds=5)) is False
        assert mns.names() == ["orders", "q"]
        assert mns.find("orders") == Queue("orders", visibility_seconds=5)
        assert mns.find("nobody") is None

    run(story)


def test_creating_a_queue_with_other_attributes_is_a_conflict(run):
    async def story(mns):
        with pytest.raises(Conflict) as caught:
            await mns.create(Queue("q", visibility_seconds=31))
        assert caught.value.code == "QueueAlreadyExist"
        assert mns.find("q") == Queue("q")

    run(story)


def test_of_queues_created_at_once_one_is_new(run):
    async def story(mns):
        made = await asyncio.gather(*(mns.create(Queue("new")) for _ in range(5)))
        assert sorted(made) == [False] * 4 + [True]

    run(story)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "QueueNameLengthError"),
        ("a" * 257, "QueueNameLengthError"),
        ("a b", "InvalidQueueName"),
        ("-a", "InvalidQueueName"),
        ("a_b", "InvalidQueueName"),
        ("ü", "InvalidQueueName"),
        ("a\n", "InvalidQueueName"),
        ("../a", "InvalidQueueName"),
    ],
)
def test_a_bad_queue_name_is_refused(run, name, code):
    async def story(mns):
        with pytest.raises(InvalidRequest) as caught:
            await mns.create(Queue(name))
        assert caught.value.code == code
        assert mns.names() == ["q"]

    run(story)


@pytest.mark.parametrize("name", ["a", "0", "a" * 256, "stateful-invocation-dlq", "A1-"])
def test_a_good_queue_name_is_taken(run, name):
    async def story(mns):
        assert await mns.create(Queue(name))
        assert name in mns.names()

    run(story)


def test_attributes_can_be_changed_and_messages_stay(run):
    async def story(mns):
        await mns.send("q", b"before")
        mns.clock.advance(10)
        await mns.set_attributes(Queue("q", visibility_seconds=5))
        info = mns.info("q")
        assert info.queue == Queue("q", visibility_seconds=5)
        assert (info.created_ms, info.modified_ms) == (START, START + 10_000)
        (message,) = await mns.receive("q")
        assert message.next_visible_ms == mns.clock.now + 5000

    run(story)


def test_deleting_a_queue_deletes_its_messages(run):
    async def story(mns):
        await mns.create(Queue("other"))
        await mns.send("q", b"1")
        await mns.send("other", b"2")
        await mns.delete("q")
        await mns.create(Queue("q"))
        assert await mns.bodies() == []
        assert await mns.bodies("other") == ["2"]

    run(story)


def test_purging_empties_a_queue_whatever_state_its_messages_are_in(run):
    async def story(mns):
        await mns.create(Queue("other"))
        await mns.send("other", b"stays")
        for delay in (0, 0, 60):
            await mns.send("q", b"x", delay_seconds=delay)
        await mns.receive("q")
        assert mns.counts() == (1, 1, 1)
        assert await mns.purge("q") == 3
        assert mns.counts() == (0, 0, 0)
        assert await mns.purge("q") == 0
        assert mns.counts("other") == (1, 0, 0)

    run(story)


def test_whatever_is_asked_of_a_queue_that_is_not_there_says_so(run):
    async def story(mns):
        for ask in (
            lambda: mns.info("nobody"),
            lambda: mns.peek("nobody"),
            lambda: mns.receive("nobody"),
            lambda: mns.send("nobody", b"x"),
            lambda: mns.delete("nobody"),
            lambda: mns.purge("nobody"),
            lambda: mns.set_attributes(Queue("nobody")),
            lambda: mns.delete_message("nobody", "1-1-a"),
        ):
            with pytest.raises(NotFound) as caught:
                await ask()
            assert caught.value.code == "QueueNotExist"
            assert "'nobody'" in caught.value.message
            assert "fun mns queue create nobody" in caught.value.hint

    run(story)


# --- messages (9.1 to 9.6)


def test_a_message_is_sent_received_and_deleted(run):
    async def story(mns):
        body = bytes(range(256))
        message_id = await mns.send("q", body)
        assert mns.counts() == (1, 0, 0)
        (message,) = await mns.receive("q")
        assert (message.message_id, message.body, message.priority) == (message_id, body, 8)
        assert (message.sent_ms, message.first_dequeue_ms, message.dequeue_count) == (START, START, 1)
        assert message.next_visible_ms == START + 30_000
        assert mns.counts() == (0, 1, 0)
        assert await mns.receive("q") == []
        await mns.delete_message("q", message.receipt)
        mns.clock.advance(31)
        assert mns.counts() == (0, 0, 0)

    run(story)


def test_message_ids_and_receipts_are_unique_and_safe_in_an_address(run):
    async def story(mns):
        sent = [await mns.send("q", b"x") for _ in range(16)]
        received = await mns.receive("q", limit=16)
        assert [message.message_id for message in received] == sent
        receipts = {message.receipt for message in received}
        assert len(set(sent)) == len(receipts) == 16
        assert all(receipt.replace("-", "").isalnum() and receipt.isascii() for receipt in receipts)

    run(story)


def test_peeking_changes_nothing(run):
    async def story(mns):
        await mns.send("q", b"1")
        await mns.send("q", b"2")
        await mns.send("q", b"later", delay_seconds=5)
        mns.clock.advance(1)
        for _ in range(2):
            found = mns.peek("q", limit=16)
            assert [message.body for message in found] == [b"1", b"2"]
            assert found[0].receipt == "" and found[0].next_visible_ms == 0
            assert (found[0].dequeue_count, found[0].first_dequeue_ms) == (0, START)
        assert len(mns.peek("q")) == 1
        assert mns.counts() == (2, 0, 1)
        await mns.receive("q", limit=2)
        assert mns.peek("q", limit=16) == []

    run(story)


def test_a_message_that_is_not_deleted_comes_back_with_its_count(run):
    async def story(mns):
        sent = await mns.send("q", b"x")
        mns.clock.advance(1)
        for count in (1, 2, 3):
            (message,) = await mns.receive("q")
            assert (message.message_id, message.dequeue_count) == (sent, count)
            assert message.first_dequeue_ms == START + 1000
            mns.clock.advance(29.999)
            assert await mns.receive("q") == []
            mns.clock.advance(0.001)
            assert mns.counts() == (1, 0, 0)

    run(story)


def test_a_receipt_is_good_once_and_until_the_message_is_visible_again(run):
    async def story(mns):
        async def refuses(receipt):
            with pytest.raises(NotFound) as caught:
                await mns.delete_message("q", receipt)
            assert caught.value.code == "MessageNotExist"

        await mns.send("q", b"x")
        (first,) = await mns.receive("q")
        mns.clock.advance(30)
        await refuses(first.receipt)  # lapsed
        (second,) = await mns.receive("q")
        assert second.receipt != first.receipt
        await refuses(first.receipt)  # replaced
        await mns.create(Queue("other"))
        with pytest.raises(NotFound):
            await mns.delete_message("other", second.receipt)
        mns.clock.advance(29.999)
        await mns.delete_message("q", second.receipt)
        await refuses(second.receipt)  # used

    run(story)


@pytest.mark.parametrize("receipt", ["", "abc", "1-2", "1-2-3-4"])
def test_what_is_no_receipt_is_refused_as_such(run, receipt):
    async def story(mns):
        with pytest.raises(InvalidRequest) as caught:
            await mns.delete_message("q", receipt)
        assert caught.value.code == "ReceiptHandleError"

    run(story)


def test_a_delayed_message_comes_when_its_delay_is_over(run):
    async def story(mns):
        await mns.send("q", b"by the queue")
        await mns.send("q", b"its own", delay_seconds=2)
        await mns.send("q", b"none", delay_seconds=0)
        assert mns.counts() == (1, 0, 2)
        assert await mns.bodies() == ["none"]
        mns.clock.advance(2)
        assert mns.counts() == (1, 1, 1)
        assert await mns.bodies() == ["its own"]
        mns.clock.advance(3)
        assert await mns.bodies() == ["by the queue"]

    run(story, delay_seconds=5)


def test_messages_come_by_priority_then_in_the_order_they_were_sent(run):
    async def story(mns):
        for body, priority in ((b"a", 8), (b"b", 16), (b"c", 1), (b"d", 8), (b"e", 1)):
            await mns.send("q", body, priority=priority)
        assert [message.body for message in mns.peek("q", limit=16)] == [b"c", b"e", b"a", b"d", b"b"]
        assert await mns.bodies(limit=2) == ["c", "e"]
        assert await mns.bodies() == ["a", "d", "b"]

    run(story)


def test_a_message_is_kept_as_long_as_its_queue_says(run):
    async def story(mns):
        await mns.send("q", b"old")
        mns.clock.advance(30)
        await mns.receive("q")
        await mns.send("q", b"young")
        mns.clock.advance(30)
        assert mns.counts() == (1, 0, 0)
        assert [message.body for message in mns.peek("q", limit=16)] == [b"young"]
        assert await mns.bodies() == ["young"]
        assert mns.reader.execute("SELECT count(*) FROM mns_messages").fetchone()[0] == 1

    run(story, retention_seconds=60)


@pytest.mark.parametrize("limit", [-1, 0, 17, 10**6])
def test_more_than_a_batch_is_refused(run, limit):
    async def story(mns):
        with pytest.raises(InvalidRequest) as caught:
            await mns.receive("q", limit=limit)
        assert "16" in caught.value.message

    run(story)


def test_a_batch_holds_what_there_is_up_to_its_limit(run):
    async def story(mns):
        for n in range(20):
            await mns.send("q", str(n).encode())
        assert await mns.bodies(limit=16) == [str(n) for n in range(16)]
        assert await mns.bodies(limit=16) == ["16", "17", "18", "19"]

    run(story)


def test_a_message_is_as_large_as_its_queue_allows(run):
    async def story(mns):
        await mns.send("q", b"x" * 1024)
        for body in (b"x" * 1025, b""):
            with pytest.raises(InvalidRequest) as caught:
                await mns.send("q", body)
            assert caught.value.code == "InvalidArgument"
        assert mns.counts() == (1, 0, 0)

    run(story, max_message_bytes=1024)


@pytest.mark.parametrize(
    "options",
    [{"delay_seconds": -1}, {"delay_seconds": 604_801}, {"priority": 0}, {"priority": 17}],
    ids=str,
)
def test_values_out_of_bounds_are_refused(run, options):
    async def story(mns):
        with pytest.raises(InvalidRequest) as caught:
            await mns.send("q", b"x", **options)
        assert caught.value.code == "InvalidArgument"
        assert mns.counts() == (0, 0, 0)

    run(story)


def test_receivers_at_the_same_time_get_different_messages(run):
    async def story(mns):
        for n in range(12):
            await mns.send("q", str(n).encode())
        batches = await asyncio.gather(*(mns.receive("q", limit=5) for _ in range(6)))
        received = [message.body for batch in batches for message in batch]
        assert sorted(received) == sorted(str(n).encode() for n in range(12))

    run(story)


def test_messages_outlive_a_restart(run):
    async def before(mns):
        await mns.send("q", b"new")
        await mns.send("q", b"seen", priority=1)
        (message,) = await mns.receive("q")
        receipts.append(message.receipt)

    async def after(mns):
        assert mns.counts() == (1, 1, 0)
        await mns.delete_message("q", receipts[0])
        assert await mns.bodies() == ["new"]

    receipts = []
    run(before)
    run(after)


# --- long polls (9.3)


def test_a_receive_waits_for_a_message_that_is_sent(run):
    async def story(mns):
        receiving = asyncio.ensure_future(mns.receive("q", wait_seconds=30))
        await mns.waits()
        assert not receiving.done()
        await mns.send("q", b"at last")
        assert [message.body for message in await receiving] == [b"at last"]

    run(story)


def test_a_receive_waits_for_a_message_that_becomes_visible_again(run):
    async def story(mns):
        await mns.send("q", b"x")
        await mns.receive("q")
        mns.clock.advance(10)
        receiving = asyncio.ensure_future(mns.receive("q", wait_seconds=30))
        await mns.waits()
        assert mns.clock.alarms == [30]  # not a look every now and then, and not the end of the wait
        mns.clock.advance(20)
        (message,) = await receiving
        assert message.dequeue_count == 2

    run(story)


def test_a_receive_waits_for_a_delay_that_ends(run):
    async def story(mns):
        await mns.send("q", b"x", delay_seconds=7)
        receiving = asyncio.ensure_future(mns.receive("q", wait_seconds=30))
        await mns.waits()
        assert mns.clock.alarms == [7]
        mns.clock.advance(7)
        assert len(await receiving) == 1

    run(story)


def test_a_receive_gives_up_when_its_wait_is_over(run):
    async def story(mns):
        await mns.send("q", b"too late", delay_seconds=60)
        receiving = asyncio.ensure_future(mns.receive("q", wait_seconds=3))
        await mns.waits()
        assert mns.clock.alarms == [3]
        mns.clock.advance(3)
        assert await receiving == []

    run(story)


def test_a_receive_waits_as_long_as_its_queue_says_unless_told_otherwise(run):
    async def story(mns):
        assert await mns.receive("q", wait_seconds=0) == []
        receiving = asyncio.ensure_future(mns.receive("q"))
        await mns.waits()
        assert mns.clock.alarms == [12]
        mns.clock.advance(12)
        assert await receiving == []

    run(story, polling_wait_seconds=12)


@pytest.mark.parametrize("seconds", [-1, 31])
def test_a_wait_out_of_bounds_is_refused(run, seconds):
    async def story(mns):
        with pytest.raises(InvalidRequest):
            await mns.receive("q", wait_seconds=seconds)

    run(story)


def test_of_several_that_wait_one_gets_the_message_and_the_others_wait_on(run):
    async def story(mns):
        receiving = [asyncio.ensure_future(mns.receive("q", wait_seconds=30)) for _ in range(3)]
        await mns.waits(3)
        await mns.send("q", b"1")
        done, waiting = await asyncio.wait(receiving, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1 and len(waiting) == 2
        await mns.waits(2)
        await mns.send("q", b"2")
        await mns.send("q", b"3")
        received = [(await one)[0].body for one in receiving]
        assert sorted(received) == [b"1", b"2", b"3"]

    run(story)


def test_a_message_for_another_queue_wakes_nobody(run):
    async def story(mns):
        await mns.create(Queue("other"))
        receiving = asyncio.ensure_future(mns.receive("q", wait_seconds=30))
        await mns.waits()
        await mns.send("other", b"x")
        await asyncio.sleep(0.01)
        assert not receiving.done()
        mns.clock.advance(30)
        assert await receiving == []

    run(story)


def test_a_receiver_that_goes_away_takes_nothing_with_it(run):
    async def story(mns):
        receiving = asyncio.ensure_future(mns.receive("q", wait_seconds=30))
        await mns.waits()
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving
        await mns.send("q", b"x")
        assert await mns.bodies() == ["x"]

    run(story)


# --- as a destination


def test_a_delivery_settles_its_message_once(run):
    async def story(mns):
        draft = Draft("id", "r", FunctionRef("shop", "order"), 1, 1, b"{}", stateful=True)
        message = await mns.queue.put(draft)
        destination = QueueDestination(mns.mns)
        address = parse_destination(queue_arn("q"))
        for _ in range(3):
            await destination.deliver(address, b'{"first": true}', seq=message.seq)
        assert mns.queue.get(message.seq).is_delivered
        (found,) = await mns.receive("q", limit=16)
        assert json.loads(found.body) == {"first": True}

    run(story)


def test_of_deliveries_at_once_one_is_made(run):
    async def story(mns):
        message = await mns.queue.put(Draft("id", "r", FunctionRef("shop", "order"), 1, 1, b"", True))
        await asyncio.gather(*(mns.send("q", b"x", settles=message.seq) for _ in range(5)))
        assert mns.counts() == (1, 0, 0)

    run(story)


def test_a_delivery_that_fails_does_not_settle(run):
    async def story(mns):
        message = await mns.queue.put(Draft("id", "r", FunctionRef("shop", "order"), 1, 1, b"", True))
        for name, body, kind in (("nobody", b"x", NotFound), ("q", b"x" * 70_000, InvalidRequest)):
            with pytest.raises(kind):
                await mns.send(name, body, settles=message.seq)
            assert not mns.queue.get(message.seq).is_delivered
        await mns.send("q", b"x", settles=message.seq)
        assert mns.queue.get(message.seq).is_delivered

    run(story)


def test_a_delivery_of_a_message_that_is_gone_does_nothing(run):
    async def story(mns):
        message = await mns.queue.put(Draft("id", "r", FunctionRef("shop", "order"), 1, 1, b"", True))
        await mns.queue.ack(message.seq)
        await mns.send("q", b"x", settles=message.seq)
        assert mns.counts() == (0, 0, 0)

    run(story)


def test_a_delivery_wakes_who_waits(run):
    async def story(mns):
        message = await mns.queue.put(Draft("id", "r", FunctionRef("shop", "order"), 1, 1, b"", True))
        receiving = asyncio.ensure_future(mns.receive("q", wait_seconds=30))
        await mns.waits()
        await mns.send("q", b"x", settles=message.seq)
        assert len(await receiving) == 1

    run(story)
