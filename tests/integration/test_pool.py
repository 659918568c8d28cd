"""Which instance an invocation gets, how long instances are kept, and who waits for whom."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fun_local.errors import InvalidRequest
from fun_local.pool import Pool
from tests.fakes import FakeClock, ScriptedRuntime, function, turns, until

F = function()


@asynccontextmanager
async def opened(*, max_instances=2, idle_seconds=300.0):
    pool = Pool(ScriptedRuntime(FakeClock()), max_instances=max_instances, idle_seconds=idle_seconds)
    pool.freed = []
    pool.on_free = pool.freed.append
    try:
        yield pool
    finally:
        await pool.close()


async def pass_loop_time(seconds):
    """Let the event loop's own timers believe that so much time has passed."""
    loop = asyncio.get_running_loop()
    time = loop.time
    loop.time = lambda: time() + seconds
    await turns()


def test_an_instance_is_used_again():
    async def story():
        async with opened() as pool:
            for _ in range(3):
                slot = pool.try_take(F)
                assert (await slot.ready()).id == "c-0001"
                assert pool.counts() == (1, 0)
                slot.release()
                assert pool.counts() == (0, 1)
            assert pool.freed == ["svc/f"] * 3

    asyncio.run(story())


def test_the_one_used_last_is_used_next():
    async def story():
        async with opened(max_instances=3) as pool:
            slots = [pool.try_take(F) for _ in range(3)]
            ids = [(await slot.ready()).id for slot in slots]
            for index in (1, 0, 2):
                slots[index].release()
            again = [pool.try_take(F) for _ in range(3)]
            assert [(await slot.ready()).id for slot in again] == [ids[2], ids[0], ids[1]]
            for slot in again:
                slot.release()

    asyncio.run(story())


def test_a_function_has_as_many_slots_as_it_may_have_instances():
    async def story():
        async with opened(max_instances=2) as pool:
            first, second = pool.try_take(F), pool.try_take(F)
            assert pool.try_take(F) is None
            assert pool.try_take(function("g")) is not None, "another function has its own"
            first.release()
            assert pool.try_take(F) is not None
            second.release()

    asyncio.run(story())


def test_a_slot_that_was_never_made_ready_costs_no_instance():
    async def story():
        async with opened() as pool:
            pool.try_take(F).release()
            assert pool.counts() == (0, 0)
            assert pool.freed == ["svc/f"]

    asyncio.run(story())


def test_a_start_that_fails_leaves_the_slot_to_be_released():
    async def story():
        async with opened(max_instances=1) as pool:
            broken = function(start={"fail": True})
            for _ in range(3):
                slot = pool.try_take(broken)
                with pytest.raises(InvalidRequest):
                    await slot.ready()
                slot.release()
            assert pool.counts() == (0, 0)

    asyncio.run(story())


def test_a_dead_instance_is_not_used_again():
    async def story():
        async with opened() as pool:
            slot = pool.try_take(F)
            instance = await slot.ready()
            instance.crash()
            slot.release()
            assert pool.counts() == (0, 0)
            slot = pool.try_take(F)
            assert (await slot.ready()).id == "c-0002"
            slot.release()

    asyncio.run(story())


def test_an_instance_that_died_while_idle_is_passed_over():
    async def story():
        async with opened() as pool:
            first, second = pool.try_take(F), pool.try_take(F)
            older, newer = await first.ready(), await second.ready()
            first.release()
            second.release()
            newer.crash()
            slot = pool.try_take(F)
            assert await slot.ready() is older
            await until(lambda: newer.stops)
            slot.release()

    asyncio.run(story())


def test_an_idle_instance_is_ended_after_a_while():
    async def story():
        async with opened(idle_seconds=0.01) as pool:
            slot = pool.try_take(F)
            instance = await slot.ready()
            slot.release()
            await until(lambda: instance.stops)
            assert pool.counts() == (0, 0)
            assert not instance.is_alive

    asyncio.run(story())


def test_an_instance_that_is_used_is_not_idle():
    async def story():
        async with opened(idle_seconds=0.01) as pool:
            slot = pool.try_take(F)
            instance = await slot.ready()
            slot.release()
            slot = pool.try_take(F)
            await asyncio.sleep(0.03)
            assert instance.is_alive
            assert await slot.ready() is instance
            slot.release()
            await until(lambda: instance.stops)

    asyncio.run(story())


def test_each_instance_is_idle_for_its_own_time():
    async def story():
        async with opened(idle_seconds=100) as pool:
            slots = [pool.try_take(F) for _ in range(2)]
            first, second = [await slot.ready() for slot in slots]
            slots[0].release()
            await pass_loop_time(60)
            slots[1].release()
            await pass_loop_time(60)
            assert (first.is_alive, second.is_alive) == (False, True)
            assert pool.counts() == (0, 1)
            await pass_loop_time(60)
            assert not second.is_alive
            assert pool.counts() == (0, 0)

    asyncio.run(story())


def test_an_instance_that_is_used_now_and_then_stays():
    async def story():
        async with opened(idle_seconds=100) as pool:
            for _ in range(5):
                slot = pool.try_take(F)
                instance = await slot.ready()
                await pass_loop_time(60)
                slot.release()
                await pass_loop_time(60)
            assert instance.id == "c-0001"
            await pass_loop_time(60)
            assert not instance.is_alive

    asyncio.run(story())


# --- after a deploy


def among(functions):
    """What Pool.refresh asks: the function of the same path as it is now."""
    return lambda function: functions.get(function.path)


def changed(name="f", **options):
    return {f"svc/{name}": replace(F, name=name, **options)}


def test_a_deploy_ends_idle_instances_of_what_changed_and_of_nothing_else():
    async def story():
        async with opened() as pool:
            other = function("g")
            instances = []
            for each in (F, other):
                slot = pool.try_take(each)
                instances.append(await slot.ready())
                slot.release()
            pool.refresh(among({**changed(code="1"), "svc/g": other}))
            await until(lambda: instances[0].stops)
            await turns()
            assert instances[1].is_alive
            assert pool.counts() == (0, 1)

    asyncio.run(story())


def test_a_deploy_lets_a_busy_instance_finish_and_ends_it_then():
    async def story():
        async with opened() as pool:
            slot = pool.try_take(F)
            instance = await slot.ready()
            new = changed(code="1")
            pool.refresh(among(new))
            await turns()
            assert instance.is_alive
            other = pool.try_take(new["svc/f"])
            assert (await other.ready()).function.code == "1"
            slot.release()
            await until(lambda: instance.stops)
            other.release()
            assert pool.counts() == (0, 1)

    asyncio.run(story())


def test_a_deploy_that_changes_nothing_an_instance_sees_keeps_it_warm():
    async def story():
        async with opened() as pool:
            slot = pool.try_take(F)
            instance = await slot.ready()
            slot.release()
            new = changed(description="new", async_config=None)
            pool.refresh(among(new))
            slot = pool.try_take(new["svc/f"])
            assert await slot.ready() is instance
            slot.release()

    asyncio.run(story())


def test_instances_of_a_deleted_function_are_ended_and_not_found_by_a_later_one():
    async def story():
        async with opened() as pool:
            slot = pool.try_take(F)
            instance = await slot.ready()
            slot.release()
            pool.refresh(among({}))
            await until(lambda: instance.stops)
            slot = pool.try_take(F)
            assert await slot.ready() is not instance
            slot.release()
            assert pool.counts() == (0, 1), "the same function again is kept warm again"

    asyncio.run(story())


def test_a_new_revision_is_noticed_without_a_refresh():
    async def story():
        async with opened() as pool:
            slot = pool.try_take(F)
            old = await slot.ready()
            slot.release()
            slot = pool.try_take(replace(F, code="1"))
            assert (await slot.ready()).function.code == "1"
            await until(lambda: old.stops)
            slot.release()

    asyncio.run(story())


# --- waiting


def test_who_waits_is_served_in_the_order_they_came():
    async def story():
        async with opened(max_instances=1) as pool:
            served = []

            async def caller(name):
                slot = await pool.take(F)
                served.append(name)
                await turns(3)
                slot.release()

            slot = await pool.take(F)
            callers = [asyncio.create_task(caller(n)) for n in range(10)]
            await turns()
            assert served == []
            slot.release()
            await asyncio.gather(*callers)
            assert served == list(range(10))
            assert pool.counts() == (0, 0)
            assert pool.freed == ["svc/f"], "only when nobody waits is a slot free"

    asyncio.run(story())


def test_nobody_overtakes_who_waits():
    async def story():
        async with opened(max_instances=1) as pool:
            slot = await pool.take(F)
            waiter = asyncio.create_task(pool.take(F))
            await turns()
            assert pool.try_take(F) is None
            slot.release()
            assert pool.try_take(F) is None, "it is the waiter's, though it has not woken up yet"
            (await waiter).release()
            assert pool.try_take(F) is not None

    asyncio.run(story())


@pytest.mark.parametrize("index", range(3))
def test_who_gives_up_waiting_costs_nobody_their_turn(index):
    async def story():
        async with opened(max_instances=1) as pool:
            slot = await pool.take(F)
            waiters = [asyncio.create_task(pool.take(F)) for _ in range(3)]
            await turns()
            waiters[index].cancel()
            await turns()
            slot.release()
            for waiter in waiters:
                if waiter is not waiters[index]:
                    (await waiter).release()
            assert pool.counts() == (0, 0)
            assert pool.freed == ["svc/f"]

    asyncio.run(story())


@pytest.mark.parametrize("release_first", [True, False])
def test_who_gives_up_just_when_the_slot_comes_passes_it_on(release_first):
    async def story():
        async with opened(max_instances=1) as pool:
            slot = await pool.take(F)
            first, second = (asyncio.create_task(pool.take(F)) for _ in range(2))
            await turns()
            for step in (slot.release, first.cancel) if release_first else (first.cancel, slot.release):
                step()
            with pytest.raises(asyncio.CancelledError):
                await first
            (await second).release()
            assert pool.try_take(F) is not None, "no slot was lost"
            assert pool.counts() == (1, 0)

    asyncio.run(story())


def test_when_all_who_wait_have_given_up_the_slot_is_free():
    async def story():
        async with opened(max_instances=1) as pool:
            slot = await pool.take(F)
            waiters = [asyncio.create_task(pool.take(F)) for _ in range(3)]
            await turns()
            for waiter in waiters:
                waiter.cancel()
            slot.release()
            await asyncio.gather(*waiters, return_exceptions=True)
            assert pool.freed[-1:] == ["svc/f"]
            assert pool.try_take(F) is not None

    asyncio.run(story())


def test_who_waited_through_a_deploy_gets_the_new_code():
    async def story():
        async with opened(max_instances=1) as pool:
            slot = await pool.take(F)
            await slot.ready()
            waiter = asyncio.create_task(pool.take(F))
            await turns()
            pool.refresh(among(changed(code="1")))
            slot.release()
            slot = await waiter
            assert (await slot.ready()).function.code == "1"
            slot.release()

    asyncio.run(story())


# --- the end


def test_closing_ends_idle_instances_now_and_busy_ones_when_they_are_released():
    async def story():
        async with opened() as pool:
            busy, idle = pool.try_take(F), pool.try_take(F)
            working, resting = await busy.ready(), await idle.ready()
            idle.release()
            await pool.close()
            assert (resting.stops, working.stops) == (1, 0)
            assert working.is_alive
            busy.release()
            await until(lambda: working.stops)
            assert pool.counts() == (0, 0)

    asyncio.run(story())


def test_closing_waits_until_instances_have_ended():
    async def story():
        clock = FakeClock()
        pool = Pool(ScriptedRuntime(clock), max_instances=1, idle_seconds=300)
        slot = pool.try_take(F)
        instance = await slot.ready()
        instance.slow_stop_seconds = 5
        slot.release()
        closing = asyncio.create_task(pool.close())
        await turns()
        assert not closing.done()
        await clock.advance(5)
        await closing

    asyncio.run(story())
