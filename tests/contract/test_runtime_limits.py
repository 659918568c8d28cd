"""What an instance may take, and what happens to one that takes more (runtime.md 5.3, 5.5, 5.10).

``EXIT_TEXT`` is what a caller sees of any of them: the service tells no more.
"""

import asyncio
import contextlib
import json
import os
import time

import pytest

from fun_local.model.outcome import UNHANDLED, Ending
from fun_local.runtime import limits, patrol, processes
from fun_local.runtime.census import Tree
from tests.contract.test_runtime import EXIT_TEXT, Lab, linux, log_shows, read


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    for instance in lab.instances:
        assert processes.bearers(instance.id) == []


def killed(lab, result):
    """The reason in the log, after a check of what the caller has got."""
    assert (result.ending, result.error_type) == (Ending.EXITED, UNHANDLED)
    match = EXIT_TEXT.fullmatch(result.payload)
    assert float(match[2]) == round(result.memory_mb, 2)
    assert not lab.is_alive
    assert lab.log.endswith(f"Error: {json.loads(result.payload)['errorMessage']}\n")
    (reason,) = [line for line in lab.log.splitlines() if line.startswith("fun-local: killed: ")]
    return reason


async def gone(pid):
    deadline = time.monotonic() + 10
    while processes.start_time(pid):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


# --- memory -----------------------------------------------------------------------------------------------


@linux
def test_more_memory_than_the_function_has_costs_the_process(lab):
    result = lab.invoke("greedy", "index.memory", b"200", memory_mb=128)
    assert "MB of memory, the limit is 128 MB" in killed(lab, result)
    assert 128 < result.memory_mb < 300
    assert lab.instances[0].exit_code == -9


@linux
def test_memory_under_the_limit_is_fine(lab):
    result = lab.invoke("greedy", "index.memory", b"200", memory_mb=512, timeout_seconds=1)
    assert result.ending is Ending.TIMED_OUT
    assert 200 < result.memory_mb < 300


@linux
def test_memory_of_children_counts_wherever_they_have_gone(lab):
    """An orphan in a session of its own, without an environment, is still in the tree."""
    result = lab.invoke("greedy", "index.child_memory", b"200", memory_mb=128)
    assert "the limit is 128 MB" in killed(lab, result)
    assert result.memory_mb > 128


@linux
def test_what_a_function_left_running_counts_between_invocations_too(lab, monkeypatch):
    monkeypatch.setattr(patrol, "IDLE_SECONDS", 0.05)

    async def run():
        async with lab.instance("greedy", "index.leaves_child_memory", memory_mb=128) as instance:
            result = await instance.invoke("request-1", b"0.5", attempts=1)
            await log_shows(instance, "fun-local: killed: ")
            assert not instance.is_alive
            return result

    assert asyncio.run(run()).payload == b"left"


@linux
def test_memory_that_processes_share_counts_once(lab):
    """Eight children of a process with 40 MB take 40 MB."""
    result = lab.invoke("greedy", "index.shared_memory", b"1.5", memory_mb=128)
    assert result.payload == b"shared", lab.log


def test_the_memory_of_a_result_is_at_least_that_of_the_tree(lab):
    """What was seen of the tree counts where the worker's own figure is smaller."""
    lab.look = lambda roots: [Tree(100.5, 3) for _ in roots]
    assert lab.invoke("sleeps", payload=b"0.5").memory_mb == 100.5
    lab.look = lambda roots: [Tree(1.5, 3) for _ in roots]
    assert lab.invoke("sleeps", payload=b"0.5").memory_mb > 1.5


# --- processes and threads --------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("handler", ["index.processes", "index.threads"])
def test_too_many_processes_and_threads_cost_the_process(lab, monkeypatch, handler):
    monkeypatch.setattr(limits, "TASKS", 40)
    result = lab.invoke("greedy", handler, b"60", memory_mb=4096)
    assert "more than 40 processes and threads" in killed(lab, result)


# --- output -----------------------------------------------------------------------------------------------


@linux
def test_a_flood_of_output_is_cut_and_the_function_goes_on(lab, monkeypatch):
    monkeypatch.setattr(limits, "LOG_BYTES", 1 << 20)

    async def run():
        async with lab.instance("greedy", "index.flood") as instance:
            biggest = 0
            running = asyncio.create_task(instance.invoke("r", b"1.5", attempts=1))
            while not running.done():
                biggest = max(biggest, os.path.getsize(instance.log_path))
                await asyncio.sleep(0.02)
            name, end = instance.log_position()
            assert end == os.path.getsize(os.path.join(lab.log_dir, name))
            return running.result(), read(instance)

    result, log = asyncio.run(run())
    assert result.payload == b"dry"
    assert log[: 1 << 20].startswith(
        "FunctionCompute python3 runtime inited.\nFC Invoke Start RequestId: r\nflood"
    )
    assert "\nfun-local: an invocation may print " in log
    assert log.endswith("the last line\nFC Invoke End RequestId: r\n")


@linux
def test_an_instance_with_a_long_log_is_not_used_again(lab, monkeypatch):
    monkeypatch.setattr(limits, "LOG_FILE_BYTES", 1 << 20)

    async def run():
        async with lab.instance("greedy", "index.flood") as instance:
            result = await instance.invoke("r", b"0.5", attempts=1)
            assert not instance.is_alive
            return result

    assert asyncio.run(run()).payload == b"dry"


# --- files ------------------------------------------------------------------------------------------------


def test_an_instance_has_a_scratch_folder_of_its_own_for_as_long_as_it_lives(lab):
    async def run():
        async with (
            lab.instance("greedy", "index.scratch") as one,
            lab.instance("greedy", "index.scratch") as two,
        ):
            results = [await instance.invoke("r", b"", attempts=1) for instance in (one, one, two)]
            found = [json.loads(result.payload) for result in results]
            assert all(os.path.exists(path) for path, _, _ in found)
            return found

    (first, size, mode), (again, more, _), (other, other_size, _) = asyncio.run(run())
    assert (first, size, more, mode) == (again, 1, 2, "0o700")
    assert (other != first, other_size) == (True, 1)
    assert not os.path.exists(os.path.dirname(first))
    assert not os.path.exists(os.path.dirname(other))


@linux
def test_open_files_and_core_dumps_are_limited(lab):
    core, files = json.loads(lab.invoke("greedy", "index.limits").payload)
    assert core == [0, 0]
    assert files[0] == min(100_000, files[1]) or files[1] == -1


# --- the end ----------------------------------------------------------------------------------------------


@linux
def test_orphans_without_a_trace_of_us_end_with_the_instance(lab):
    """Neither group, nor session, nor environment leads to them: only the tree does."""

    async def run():
        async with lab.instance("greedy", "index.orphans_pid") as instance:
            pid = int((await instance.invoke("r", b"", attempts=1)).payload)
            assert processes.start_time(pid)
            assert pid not in processes.bearers(instance.id)
            await instance.stop()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 0)
            await gone(pid)

    asyncio.run(run())
