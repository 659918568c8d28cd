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


# --- several invocations in one instance


def shared(concurrency=3, **options):
    return replace(F, runtime="custom", instance_concurrency=concurrency, **options)


def test_an_instance_takes_as_many_invocations_as_its_function_says():
    async def story():
        async with opened(max_instances=2) as pool:
            slots = [pool.try_take(shared()) for _ in range(6)]
            ids = [(await slot.ready()).id for slot in slots]
            assert ids == ["c-0001"] * 3 + ["c-0002"] * 3
            assert pool.try_take(shared()) is None
            assert pool.counts() == (2, 0)
            slots[1].release()
            assert pool.freed == ["svc/f"]
            slots[1] = pool.try_take(shared())
            assert (await slots[1].ready()).id == "c-0001"
            for slot in slots:
                slot.release()
            assert pool.counts() == (0, 2)

    asyncio.run(story())


def test_concurrency_is_for_servers_only():
    async def story():
        async with opened(max_instances=1) as pool:
            function = replace(F, instance_concurrency=3)
            slot = pool.try_take(function)
            assert pool.try_take(function) is None
            slot.release()

    asyncio.run(story())


def test_all_who_share_an_instance_wait_for_one_start():
    async def story():
        async with opened() as pool:
            slow = replace(function(start={"block": "gate"}), runtime="custom", instance_concurrency=3)
            slots = [pool.try_take(slow) for _ in range(3)]
            starts = [asyncio.create_task(slot.ready()) for slot in slots]
            await turns()
            pool._runtime.open("gate")
            assert len({instance.id for instance in await asyncio.gather(*starts)}) == 1
            for slot in slots:
                slot.release()

    asyncio.run(story())


def test_a_start_goes_on_for_the_others_when_one_gives_up_and_ends_with_the_last():
    async def story():
        async with opened() as pool:
            slow = replace(function(start={"block": "gate"}), runtime="custom", instance_concurrency=3)
            slots = [pool.try_take(slow) for _ in range(2)]
            starts = [asyncio.create_task(slot.ready()) for slot in slots]
            await turns()
            starts[0].cancel()
            slots[0].release()
            await turns()
            assert len(pool._tasks) == 1
            starts[1].cancel()
            slots[1].release()
            await until(lambda: not pool._tasks)
            assert pool._runtime.instances == []
            assert pool.counts() == (0, 0)

    asyncio.run(story())


def test_a_shared_start_that_fails_is_told_to_all_and_tried_again():
    async def story():
        async with opened() as pool:
            broken = replace(function(start={"fail": True}), runtime="custom", instance_concurrency=3)
            slots = [pool.try_take(broken) for _ in range(2)]
            failures = await asyncio.gather(*(slot.ready() for slot in slots), return_exceptions=True)
            assert [type(failure) for failure in failures] == [InvalidRequest] * 2
            with pytest.raises(InvalidRequest):
                await slots[0].ready()
            for slot in slots:
                slot.release()
            assert pool.counts() == (0, 0)

    asyncio.run(story())


def test_work_goes_where_most_is_going_on_so_that_others_get_idle():
    async def story():
        async with opened(max_instances=2) as pool:
            slots = [pool.try_take(shared(2)) for _ in range(4)]
            first, _, _, last = [(await slot.ready()).id for slot in slots]
            slots[0].release()
            slots[2].release()
            slots[3].release()
            slot = pool.try_take(shared(2))
            assert (await slot.ready()).id == first
            assert last != first
            slot.release()
            slots[1].release()

    asyncio.run(story())


def test_a_shared_instance_is_idle_only_when_the_last_has_left_it():
    async def story():
        async with opened(idle_seconds=100) as pool:
            slots = [pool.try_take(shared()) for _ in range(2)]
            instance = await slots[0].ready()
            slots[0].release()
            await pass_loop_time(150)
            assert instance.is_alive
            slots[1].release()
            await pass_loop_time(150)
            assert not instance.is_alive

    asyncio.run(story())


@pytest.mark.parametrize("how", ["crash", "deploy", "close"])
def test_a_shared_instance_that_is_to_go_is_ended_when_the_last_has_left_it(how):
    async def story():
        async with opened() as pool:
            slots = [pool.try_take(shared()) for _ in range(2)]
            instance = await slots[0].ready()
            if how == "crash":
                instance.crash()
            elif how == "deploy":
                pool.refresh(among({"svc/f": shared(code="1")}))
            else:
                await pool.close()
            slots[0].release()
            await turns()
            assert instance.stops == 0
            if how != "close":
                other = pool.try_take(shared(code="1" if how == "deploy" else F.code))
                assert await other.ready() is not instance
                other.release()
            slots[1].release()
            await until(lambda: instance.stops == 1)

    asyncio.run(story())


def test_another_concurrency_means_new_instances():
    async def story():
        async with opened() as pool:
            slots = [pool.try_take(shared(2)) for _ in range(2)]
            old = await slots[0].ready()
            pool.refresh(among({"svc/f": shared(1)}))
            new = pool.try_take(shared(1))
            assert await new.ready() is not old
            assert pool.try_take(shared(1)) is None
            for slot in (*slots, new):
                slot.release()
            await until(lambda: old.stops)
            assert pool.counts() == (0, 1)

    asyncio.run(story())


def test_a_runtime_may_say_that_there_can_be_fewer_instances():
    async def story():
        async with opened(max_instances=5) as pool:
            pool._runtime.most_instances = 1
            slot = pool.try_take(F)
            assert pool.try_take(F) is None
            slot.release()

    asyncio.run(story())


def test_what_the_runtime_says_of_a_new_version_does_not_count_the_old_one():
    async def story():
        async with opened(max_instances=5) as pool:
            pool._runtime.most_instances = 1
            old = pool.try_take(F)
            await old.ready()
            new = pool.try_take(replace(F, code="1"))
            assert new is not None
            assert pool.try_take(replace(F, code="1")) is None
            old.release()
            new.release()

    asyncio.run(story())


def test_who_waits_is_served_when_a_start_has_shown_that_there_may_be_more_instances():
    async def story():
        async with opened(max_instances=5) as pool:
            runtime, slow = pool._runtime, function(start={"block": "gate"})
            runtime.most_instances = 1
            slot = pool.try_take(slow)
            start = asyncio.create_task(slot.ready())
            waiters = [asyncio.create_task(pool.take(slow)) for _ in range(2)]
            await turns()
            assert not any(waiter.done() for waiter in waiters)
            runtime.most_instances = 3
            runtime.open("gate")
            await start
            slots = await asyncio.gather(*waiters)
            assert pool.try_take(slow) is None
            for each in (slot, *slots):
                each.release()

    asyncio.run(story())


@pytest.mark.parametrize("concurrency", [1, 2])
def test_one_that_dies_between_being_taken_and_being_used_is_replaced(concurrency):
    async def story():
        async with opened(max_instances=1) as pool:
            slot = pool.try_take(shared(concurrency))
            old = await slot.ready()
            slot.release()
            slot = pool.try_take(shared(concurrency))
            old.crash()
            new = await slot.ready()
            assert new is not old
            assert new.is_alive
            await until(lambda: old.stops)
            assert pool.counts() == (1, 0)
            slot.release()
            assert pool.counts() == (0, 1)

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
