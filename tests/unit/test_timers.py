"""Timers against a clock of our own: what fires, when, and what never fires twice."""

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest

from fun_local.errors import Unavailable
from fun_local.model.resources import Trigger
from fun_local.timers import Timers
from tests.fakes import START_MS, FakeClock, turns

MINUTE = 60_000

#: 20 s past a full minute.
assert START_MS % MINUTE == 20_000


def timer(expression="@every 1m", name="t", **config):
    config = {"cronExpression": expression, **config}
    return Trigger("svc", "f", name, "timer", config, created_ms=START_MS, modified_ms=START_MS)


class Home:
    """Timers over a list of triggers, and what they have fired: (name, seconds after the start)."""

    def __init__(self, *triggers, clock=None):
        self.triggers = list(triggers)
        self.clock = clock or FakeClock()
        self.events = []
        self.fired = []
        self.problem = None
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.timers = Timers(triggers=self._deployed, fire=self._fire, clock=self.clock)

    def _deployed(self):
        return {trigger.path: trigger for trigger in self.triggers}

    async def _fire(self, trigger, event):
        await self.is_open.wait()
        if self.problem:
            raise self.problem
        self.events.append(json.loads(event))
        self.fired.append((trigger.name, (self.clock.now_ms() - START_MS) / 1000))

    @property
    def names(self):
        return [name for name, _ in self.fired]

    @property
    def times(self):
        return [seconds for _, seconds in self.fired]


@contextlib.asynccontextmanager
async def running(*triggers, clock=None):
    home = Home(*triggers, clock=clock)
    home.timers.start()
    try:
        yield home
    finally:
        await home.timers.close()


def run(test):
    asyncio.run(test())


def test_a_timer_fires_again_and_again_at_its_times():
    async def test():
        async with running(timer("@every 90s")) as home:
            await home.clock.advance(89.9)
            assert home.times == []
            await home.clock.advance(200)
            assert home.times == [90, 180, 270]
            assert [event["triggerTime"] for event in home.events] == [
                "2023-11-14T22:14:50Z",
                "2023-11-14T22:16:20Z",
                "2023-11-14T22:17:50Z",
            ]

    run(test)


def test_an_event_says_when_the_timer_was_due():
    async def test():
        async with running(timer("0 * * * * *", name="minutely", payload="hello")) as home:
            await home.clock.advance(40)
        assert home.events == [
            {"triggerTime": "2023-11-14T22:14:00Z", "triggerName": "minutely", "payload": "hello"}
        ]

    run(test)


def test_several_timers_fire_each_at_its_own_times():
    async def test():
        async with running(timer("@every 20s", name="a"), timer("0 * * * * *", name="b")) as home:
            await home.clock.advance(41)
            assert home.fired == [("a", 20), ("a", 40), ("b", 40)]

    run(test)


def test_only_timers_that_are_switched_on_fire():
    async def test():
        http = Trigger("svc", "f", "web", "http", {"cronExpression": "@every 1s"})
        async with running(timer("@every 1s", enable=False), http) as home:
            assert home.timers.next() is None
            await home.clock.advance(5)
            assert home.fired == []
            assert home.clock.sleepers == 0

    run(test)


def test_one_alarm_is_set_for_the_earliest_and_no_more():
    async def test():
        async with running(*(timer(f"@every {n}s", name=f"t{n}") for n in range(30, 60))) as home:
            await turns()
            assert home.clock.sleepers == 1
            assert home.timers.next() == ("svc/f/t30", START_MS + 30_000)

    run(test)


def test_a_timer_that_is_deployed_later_fires_from_then_on():
    async def test():
        async with running() as home:
            await home.clock.advance(100)
            home.triggers.append(replace(timer("@every 30s"), modified_ms=home.clock.now_ms()))
            home.timers.look()
            await home.clock.advance(31)
            assert home.times == [130]

    run(test)


def test_a_timer_that_is_removed_fires_no_more():
    async def test():
        async with running(timer("@every 30s")) as home:
            await home.clock.advance(29)
            home.triggers.clear()
            home.timers.look()
            await home.clock.advance(100)
            assert home.fired == []

    run(test)


def test_a_timer_that_is_changed_goes_by_what_it_says_now():
    async def test():
        async with running(timer("@every 30s")) as home:
            await home.clock.advance(20)
            home.triggers[0] = replace(timer("@every 1h"), modified_ms=home.clock.now_ms())
            home.timers.look()
            await home.clock.advance(3599)
            assert home.fired == []
            await home.clock.advance(2)
            assert home.times == [3620]

    run(test)


def test_a_deploy_that_changes_nothing_does_not_put_a_timer_off():
    async def test():
        async with running(timer("@every 30s")) as home:
            for _ in range(10):
                await home.clock.advance(5)
                home.timers.look()
            assert home.times == [30]

    run(test)


def test_a_new_daemon_goes_on_with_the_times_of_the_old_one():
    async def test():
        clock = FakeClock()
        async with running(timer("@every 30s"), clock=clock) as first:
            await clock.advance(40)
        async with running(timer("@every 30s"), clock=clock) as second:
            await clock.advance(30)
        assert (first.times, second.times) == ([30], [60])

    run(test)


@pytest.mark.parametrize("later", [0, 0.001, 0.5])
def test_a_daemon_started_in_the_second_of_a_firing_does_not_repeat_it(later):
    async def test():
        clock = FakeClock()
        async with running(timer("0 * * * * *"), clock=clock) as first:
            await clock.advance(40)
        await clock.advance(later)
        async with running(timer("0 * * * * *"), clock=clock) as second:
            await clock.advance(30)
        assert (first.times, second.times) == ([40], [])

    run(test)


def test_what_falls_due_while_no_daemon_runs_is_not_made_up_for():
    async def test():
        async with running(timer("@every 30s"), clock=FakeClock(START_MS + 95_000)) as home:
            await home.clock.advance(30)
            assert home.times == [120]

    run(test)


def test_a_machine_that_slept_fires_once_for_all_it_missed():
    async def test():
        async with running(timer("@every 10m")) as home:
            await home.clock.advance(30)
            home.clock.set_back(-3 * 3600)  # the time of day goes on, the sleep does not
            await home.clock.advance(60)
            assert len(home.fired) == 1
            assert home.events[0]["triggerTime"] == "2023-11-14T22:23:20Z"
            await home.clock.advance(600)
            assert len(home.fired) == 2

    run(test)


def test_a_clock_that_is_corrected_fires_nothing_twice():
    async def test():
        async with running(timer("0 * * * * *")) as home:
            await home.clock.advance(40)
            home.clock.set_back(2)
            home.timers.look()
            await home.clock.advance(30)
            assert len(home.fired) == 1
            await home.clock.advance(40)
            assert [event["triggerTime"] for event in home.events] == [
                "2023-11-14T22:14:00Z",
                "2023-11-14T22:15:00Z",
            ]

    run(test)


def test_a_clock_that_is_set_back_far_does_not_stop_timers():
    async def test():
        async with running(timer("0 * * * * *")) as home:
            await home.clock.advance(40)
            home.clock.set_back(7200)  # to 20:14:00; noticed after a minute
            await home.clock.advance(181)
            assert [event["triggerTime"] for event in home.events[1:]] == [
                "2023-11-14T20:16:00Z",
                "2023-11-14T20:17:00Z",
            ]

    run(test)


def test_a_firing_that_can_not_be_accepted_is_logged_and_the_next_one_goes_on(caplog):
    async def test():
        async with running(timer("@every 10s")) as home:
            home.problem = Unavailable("StorageFull", "no space left")
            await home.clock.advance(10)
            assert "timer svc/f/t did not fire: no space left" in caplog.text
            home.problem = None
            await home.clock.advance(10)
            assert home.times == [20]

    run(test)


def test_a_timer_that_an_older_version_took_is_named_in_the_log_and_holds_up_no_other(caplog):
    async def test():
        async with running(timer("every day", name="bad"), timer("@every 10s")) as home:
            await home.clock.advance(10)
            assert home.names == ["t"]
        assert "timer svc/f/bad never fires" in caplog.text

    run(test)


def test_a_firing_that_takes_long_holds_up_no_other():
    async def test():
        async with running(timer("@every 10s")) as home:
            home.is_open.clear()
            await home.clock.advance(30)
            home.is_open.set()
            await turns()
            assert len(home.fired) == 3

    run(test)


def test_closing_waits_until_what_was_fired_is_accepted():
    async def test():
        home = Home(timer("@every 10s"))
        home.timers.start()
        home.is_open.clear()
        await home.clock.advance(10)
        closing = asyncio.ensure_future(home.timers.close())
        await turns()
        assert not closing.done()
        home.is_open.set()
        await closing
        assert home.names == ["t"]
        assert home.clock.sleepers == 0

    run(test)


def test_nothing_fires_before_the_start():
    async def test():
        home = Home(timer("@every 10s"))
        home.timers.look()
        await home.clock.advance(60)
        assert home.fired == []

    run(test)
