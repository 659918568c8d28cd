"""Long polls of MNS over HTTP (mns section 9.3), in the test's own time: who waits, is woken, goes away."""

import asyncio
import contextlib

import pytest

from fun_local.model.resources import Queue
from tests.fakes import until
from tests.mns_api import message, story

M = "/queues/q/messages"


@pytest.fixture
def play(tmp_path):
    """Runs a story with the API of a home that has a queue `q`."""

    def run(told, **attributes):
        async def with_queue(api):
            await api.mns.create(Queue("q", **attributes))
            await told(api)

        story(tmp_path, with_queue)

    return run


@contextlib.asynccontextmanager
async def polling(api, target=f"{M}?waitseconds=30", count=1, method="GET"):
    """A long poll on a connection of its own, once ``count`` wait: its reader, and what closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    try:
        await waits(api, count)
        yield reader, writer
    finally:
        writer.close()


async def waits(api, count):
    await until(lambda: api.mns.polls.waiting("q") == count and api.clock.sleepers >= count)


async def status(reader):
    return int((await reader.read()).split(b" ", 2)[1])


def test_a_poll_is_answered_as_soon_as_a_message_comes_and_holds_up_nobody(play):
    async def told(api):
        async with polling(api) as (reader, _), polling(api, count=2) as (other, _):
            await api.refused(404, "MessageNotExist", "GET", M)
            await api.good(200, "GET", "/queues/q")
            await api.good(201, "POST", M, message("late"))
            done = await asyncio.wait(
                {asyncio.ensure_future(one.read()) for one in (reader, other)},
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert b"<MessageBody>late</MessageBody>" in done[0].pop().result()
            await waits(api, 1)
            await api.good(201, "POST", M, message("later"))
            assert b"<MessageBody>later</MessageBody>" in await done[1].pop()

    play(told)


def test_a_poll_ends_with_nothing_when_its_time_is_over(play):
    async def told(api):
        async with polling(api, f"{M}?waitseconds=7&numOfMessages=16") as (reader, _):
            await api.clock.advance(6.9)
            assert api.mns.polls.waiting("q") == 1
            await api.clock.advance(0.1)
            assert await status(reader) == 404

    play(told)


def test_a_poll_lasts_as_long_as_its_queue_says_unless_it_says_something_itself(play):
    async def told(api):
        await api.refused(404, "MessageNotExist", "GET", f"{M}?waitseconds=0")
        async with polling(api, M) as (reader, _):
            await api.clock.advance(2)
            assert await status(reader) == 404

    play(told, polling_wait_seconds=2)


def test_peeking_never_waits(play):
    async def told(api):
        await api.refused(404, "MessageNotExist", "GET", f"{M}?peekonly=true&waitseconds=30")

    play(told, polling_wait_seconds=30)


def test_a_client_that_goes_away_gives_up_its_place_and_takes_nothing(play):
    async def told(api):
        api.mns.polls.places = 1
        async with polling(api):
            pass
        await waits_for_nobody(api)
        async with polling(api) as (reader, _):
            await api.good(201, "POST", M, message("for the living"))
            assert b"for the living" in await reader.read()
        assert api.mns.info("q").inactive == 1

    async def waits_for_nobody(api):
        await until(lambda: api.mns.polls.waiting("q") == 0)

    play(told)


def test_a_message_that_comes_after_all_have_gone_stays(play):
    async def told(api):
        async with polling(api), polling(api, count=2):
            pass
        await until(lambda: api.mns.polls.waiting("q") == 0)
        await api.good(201, "POST", M, message())
        await api.clock.advance(0)
        assert (await api.good(200, "GET", M))["DequeueCount"] == "1"

    play(told)


def test_a_poll_beyond_the_places_of_a_queue_is_answered_at_once(play):
    async def told(api):
        api.mns.polls.places = 2
        async with polling(api), polling(api, count=2):
            await api.refused(404, "MessageNotExist", "GET", f"{M}?waitseconds=30")
            await api.good(201, "POST", M, message())
            await waits(api, 1)
            async with polling(api, count=2):
                pass

    play(told)


def test_a_poll_hears_that_its_queue_is_gone(play):
    async def told(api):
        async with polling(api) as (reader, _):
            await api.good(204, "DELETE", "/queues/q")
            assert b"<Code>QueueNotExist</Code>" in await reader.read()

    play(told)


def test_a_poll_is_woken_when_a_message_is_made_visible_sooner(play):
    async def told(api):
        await api.good(201, "POST", M, message())
        receipt = (await api.good(200, "GET", M))["ReceiptHandle"]
        async with polling(api) as (reader, _):
            await api.good(200, "PUT", f"{M}?ReceiptHandle={receipt}&VisibilityTimeout=1")
            await until(lambda: api.clock.sleepers >= 1)
            await api.clock.advance(1)
            assert b"<DequeueCount>2</DequeueCount>" in await reader.read()

    play(told, visibility_seconds=1000)


def test_polls_end_when_the_daemon_stops(play):
    async def told(api):
        async with polling(api) as (reader, _), polling(api, count=2) as (other, _):
            api.mns.polls.end()
            assert [await status(reader), await status(other)] == [404, 404]
        # The next one does not even begin to wait.
        await api.refused(404, "MessageNotExist", "GET", f"{M}?waitseconds=30")
        await api.good(201, "POST", M, message())
        await api.good(200, "GET", f"{M}?waitseconds=30")

    play(told)
