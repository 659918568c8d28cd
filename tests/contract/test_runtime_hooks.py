"""The hooks of an instance's life: preStop and preFreeze (runtime.md 2.7, 5.1, 5.6)."""

import asyncio
import os
import re
import signal
import time

import pytest

from fun_local.model.outcome import Ending
from fun_local.runtime import processes
from tests.contract.test_runtime import Lab, log_shows, read


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    for instance in lab.instances:
        assert processes.bearers(instance.id) == []


def lines_after(log, text):
    lines = log.splitlines()
    return lines[lines.index(text) + 1 :]


# --- preStop ----------------------------------------------------------------------------------------------


def test_an_idle_instance_runs_pre_stop_before_it_goes(lab):
    async def run():
        async with lab.instance("hooks", pre_stop="index.pre_stop") as instance:
            await instance.invoke("request-1", b"", attempts=1)
            started = time.perf_counter()
            await instance.stop()
            return instance.pid, read(instance), time.perf_counter() - started

    pid, log, seconds = asyncio.run(run())
    start, said, end = lines_after(log, "FC Invoke End RequestId: request-1")
    request_id = re.fullmatch(r"FC PreStop Start RequestId: ([0-9a-f-]{36})", start)[1]
    assert said == f"goodbye from index.pre_stop {request_id} {pid}"
    assert end == f"FC PreStop End RequestId: {request_id}"
    assert seconds < lab.grace_seconds / 2


def stop_at_work(lab, handler, payload=b"600", **configuration):
    async def run():
        async with lab.instance("hooks", handler, **configuration) as instance:
            running = asyncio.create_task(instance.invoke("request-1", payload, attempts=1))
            await log_shows(instance, "at work")
            started = time.perf_counter()
            await instance.stop()
            seconds = time.perf_counter() - started
            result = await running
            lab.log = read(instance)
            return result, seconds

    return asyncio.run(run())


def test_a_running_handler_is_interrupted_for_pre_stop(lab):
    """So the code can end gracefully what is stopped: the hook is there for that (async-semantics 11)."""
    result, seconds = stop_at_work(lab, "index.handler", pre_stop="index.pre_stop")
    assert result.ending is Ending.STOPPED
    assert seconds < lab.grace_seconds / 2
    start, said, end, *rest = lines_after(lab.log, "at work")
    assert start.startswith("FC PreStop Start RequestId: ")
    assert said.startswith("goodbye from index.pre_stop ")
    assert end.startswith("FC PreStop End RequestId: ")
    assert " request-1 [ERROR] Dumping stack trace" in rest[0]  # SIGTERM comes after the hook
    assert rest[-1].startswith("FC Invoke End RequestId: request-1, Error: Process exited unexpectedly")


def test_a_result_and_the_end_of_pre_stop_are_told_apart(lab, tmp_path):
    (tmp_path / "index.py").write_text(
        "import time\n"
        "met = []\n"
        "def handler(event, context):\n"
        "    print('at work', flush=True)\n"
        "    while not met:\n"
        "        time.sleep(0.01)\n"
        "    return 'met'\n"
        "def pre_stop(context):\n"
        "    met.append(1)\n"
    )

    async def run():
        async with lab.instance(tmp_path, pre_stop="index.pre_stop") as instance:
            running = asyncio.create_task(instance.invoke("request-1", b"", attempts=1))
            await log_shows(instance, "at work")
            stopping = asyncio.create_task(instance.stop())
            return await running, await stopping, read(instance)

    result, _, log = asyncio.run(run())
    # SIGTERM may come before the handler has seen what the hook has done.
    assert (result.ending, result.payload) == (Ending.RETURNED, b"met") or result.ending is Ending.STOPPED
    assert "FC PreStop End RequestId: " in log


def test_pre_stop_has_its_time_and_no_more(lab):
    result, seconds = stop_at_work(lab, "index.handler", pre_stop="index.sleeps", pre_stop_timeout_seconds=1)
    assert result.ending is Ending.STOPPED
    assert 1 <= seconds < 3
    assert re.search(r"\nFC PreStop End RequestId: [0-9a-f-]{36}, Error: not done after 1 seconds\n", lab.log)


@pytest.mark.parametrize(
    ("hook", "line"),
    [
        ("index.raises", '"errorMessage": "no goodbye"'),
        ("index.missing", "Handler 'missing' is missing on module 'index'"),
        ("index.exits", "FC PreStop End RequestId: .*, Error: process exited"),
    ],
)
def test_a_pre_stop_that_fails_does_not_keep_the_instance(lab, hook, line):
    async def run():
        async with lab.instance("hooks", pre_stop=hook) as instance:
            await instance.invoke("request-1", b"", attempts=1)
            await instance.stop()
            return read(instance)

    assert re.search(line, asyncio.run(run()))


def test_a_function_that_runs_too_long_has_no_pre_stop(lab):
    result = lab.invoke("hooks", payload=b"600", pre_stop="index.pre_stop", timeout_seconds=1)
    assert result.ending is Ending.TIMED_OUT
    assert "PreStop" not in lab.log


def test_an_instance_that_was_never_initialized_has_no_pre_stop(lab):
    result = lab.invoke("hooks", initializer="index.raises", pre_stop="index.pre_stop")
    assert result.ending is Ending.RAISED
    assert "PreStop" not in lab.log


def test_without_a_hook_sigurg_does_nothing(lab):
    async def run():
        async with lab.instance("hooks") as instance:
            running = asyncio.create_task(instance.invoke("request-1", b"0.3", attempts=1))
            await log_shows(instance, "at work")
            os.kill(instance.pid, signal.SIGURG)
            return await running

    assert asyncio.run(run()).payload == b"done"


# --- preFreeze --------------------------------------------------------------------------------------------


def test_pre_freeze_runs_after_each_result_and_before_the_next_invocation(lab):
    async def run():
        async with lab.instance("hooks", pre_freeze="index.pre_freeze") as instance:
            results = [await instance.invoke(f"r{n}", b"", attempts=1) for n in (1, 2)]
            assert [result.payload for result in results] == [b"done", b"done"]
            await log_shows(instance, "FC Invoke End RequestId: r2\nFC PreFreeze Start")
            return read(instance)

    lines = lines_after(asyncio.run(run()), "FC Invoke End RequestId: r1")
    assert lines[0].startswith("FC PreFreeze Start RequestId: ")
    assert lines[1] == "good night from index.pre_freeze"
    assert lines[2].startswith("FC PreFreeze End RequestId: ")
    assert lines[3] == "FC Invoke Start RequestId: r2"


def test_a_caller_does_not_wait_for_pre_freeze(lab):
    async def run():
        async with lab.instance(
            "hooks", pre_freeze="index.sleeps", pre_freeze_timeout_seconds=60
        ) as instance:
            result = await instance.invoke("r", b"", attempts=1)
            assert instance.is_alive
            await log_shows(instance, "asleep in the hook")
            await instance.stop()
            return result

    assert asyncio.run(run()).payload == b"done"


def test_a_pre_freeze_without_end_costs_the_instance(lab):
    async def run():
        async with lab.instance("hooks", pre_freeze="index.sleeps", pre_freeze_timeout_seconds=1) as instance:
            first = await instance.invoke("r1", b"", attempts=1)
            second = await instance.invoke("r2", b"", attempts=1)
            assert not instance.is_alive
            return first, second

    first, second = asyncio.run(run())
    assert first.payload == b"done"
    assert second.ending is Ending.EXITED


def test_a_pre_freeze_that_fails_harms_nobody(lab):
    async def run():
        async with lab.instance("hooks", pre_freeze="index.raises") as instance:
            return [(await instance.invoke("r", b"", attempts=1)).payload for _ in range(3)]

    assert asyncio.run(run()) == [b"done"] * 3
