"""What is told to readers of the feed, and what it keeps."""

import asyncio

import pytest

from fun_local.feed import Feed
from fun_local.model.execution import Execution, Status
from fun_local.model.names import FunctionRef
from fun_local.ports import Message

REF = FunctionRef("svc", "fn")


def execution(seq, *statuses):
    found = Execution.accepted(
        seq=seq, invocation_id=f"id-{seq}", request_id="r", function=REF, accepted_ms=1, payload=b""
    )
    for status in statuses:
        found = found.to(status, 2)
    return found


def in_loop(test):
    """A test as a coroutine, with a feed that does not keep anybody waiting."""

    def run():
        async def main():
            await test(Feed(lag_seconds=0, gap_seconds=0, busy_gap_seconds=0, linger_seconds=0))

        asyncio.run(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def next_frames(feed, place):
    await feed.wait(place, 10)
    return feed.since(place)


@in_loop
async def test_nothing_is_kept_where_nobody_reads(feed):
    feed.note(execution(1))
    await asyncio.sleep(0)
    assert feed.newest == 0
    assert feed.since(0) == []


@in_loop
async def test_changes_are_told_newest_first(feed):
    with feed.reading():
        for seq in (1, 3, 2):
            feed.note(execution(seq))
        [frame] = await next_frames(feed, 0)
        assert [found.seq for found in frame.executions] == [3, 2, 1]
        assert frame.left_out == 0


@in_loop
async def test_what_changes_twice_before_a_frame_is_told_once_as_it_is_last(feed):
    with feed.reading():
        feed.note(execution(1))
        feed.note(execution(1, Status.DEQUEUED))
        [frame] = await next_frames(feed, 0)
        assert [found.status for found in frame.executions] == [Status.DEQUEUED]


@in_loop
async def test_a_frame_is_bounded_and_says_how_many_it_leaves_out(feed):
    with feed.reading():
        for seq in range(1, 251):
            feed.note(execution(seq))
        [frame] = await next_frames(feed, 0)
        assert [found.seq for found in frame.executions] == list(range(250, 150, -1))
        assert frame.left_out == 150


@in_loop
async def test_what_is_watched_is_in_the_frame_however_old(feed):
    with feed.reading(watched=7), feed.reading():
        for seq in range(1, 251):
            feed.note(execution(seq))
        [frame] = await next_frames(feed, 0)
        assert 7 in [found.seq for found in frame.executions]
        assert frame.left_out == 149


@in_loop
async def test_who_comes_back_is_told_what_was_missed(feed):
    with feed.reading():
        for seq in (1, 2, 3):
            feed.note(execution(seq))
            await next_frames(feed, seq - 1)
        assert [frame.executions[0].seq for frame in feed.since(1)] == [2, 3]
        assert feed.since(3) == []


@in_loop
async def test_who_comes_back_too_late_is_told_so(feed):
    with feed.reading():
        for number in range(70):
            feed.note(execution(number + 1))
            await next_frames(feed, number)
        assert feed.since(5) is None
        assert len(feed.since(6)) == 64
        assert feed.since(71) is None  # of the future: another daemon's


@in_loop
async def test_what_happened_while_nobody_read_is_missed_not_forgotten(feed):
    with feed.reading():
        feed.note(execution(1))
        await next_frames(feed, 0)
    while feed._is_on:  # until the timer has come
        await asyncio.sleep(0)
    feed.note(execution(2))
    with feed.reading():
        assert feed.since(1) is None


def test_a_short_absence_is_bridged():
    async def main():
        feed = Feed(lag_seconds=0, gap_seconds=0, linger_seconds=60)
        with feed.reading():
            pass
        feed.note(execution(1))
        with feed.reading():
            [frame] = await next_frames(feed, 0)
            assert frame.executions[0].seq == 1
        feed.close()

    asyncio.run(main())


@in_loop
async def test_an_accepted_call_is_told_unless_it_leaves_no_record_or_has_gone_on(feed):
    def message(seq, stateful=True):
        return Message(seq, f"id-{seq}", "r", REF, 1, 1, b"", stateful)

    with feed.reading():
        feed.accepted(message(1))
        feed.accepted(message(2, stateful=False))
        feed.note(execution(3, Status.DEQUEUED))
        feed.accepted(message(3))
        [frame] = await next_frames(feed, 0)
        assert [(found.seq, found.status) for found in frame.executions] == [
            (3, Status.DEQUEUED),
            (1, Status.ENQUEUED),
        ]


@in_loop
async def test_nobody_waits_for_a_feed_that_is_closed(feed):
    with feed.reading():
        waiting = asyncio.create_task(feed.wait(0, 3600))
        await asyncio.sleep(0)
        feed.close()
        await asyncio.wait_for(waiting, 10)
        await feed.wait(0, 3600)
        assert feed.is_closed


@pytest.mark.parametrize("count", [1, 1000])
def test_a_change_that_nobody_reads_starts_no_timer(count):
    async def main():
        feed = Feed()
        for seq in range(count):
            feed.note(execution(seq + 1))
        return feed

    feed = asyncio.run(main())
    assert feed._tick is None
    assert not feed._changed
