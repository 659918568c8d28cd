"""Looking after instances: when is looked, at whom, and what is made of it."""

import asyncio
import logging
import os
import shutil
import subprocess
import sys

import pytest

from fun_local.runtime import limits, patrol
from fun_local.runtime.census import Root, Tree, look_in_proc, look_with_ps, read_ps
from fun_local.runtime.patrol import Patrol


class Instance:
    """Remembers what it was told."""

    def __init__(self, pid=1, log_path="/no/log", *, is_busy=True):
        self.pid = pid
        self.log_path = log_path
        self.memory_limit_mb = 128
        self.is_busy = is_busy
        self.heeded = asyncio.Queue()

    def heed(self, tree, log_size):
        self.heeded.put_nowait((tree, log_size))


def look(roots):
    return [Tree(root.pid, int(root.limit_mb)) for root in roots]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(patrol, "BUSY_SECONDS", 0.005)


async def told(instance):
    return await asyncio.wait_for(instance.heeded.get(), 10)


def test_a_busy_instance_is_looked_at_again_and_again(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"12345")

    async def run():
        rounds = Patrol(look)
        instance = Instance(7, str(path))
        rounds.add(instance)
        rounds.wake()
        seen = [await told(instance) for _ in range(3)]
        rounds.remove(instance)
        return seen

    assert asyncio.run(run()) == [(Tree(7, 128), 5)] * 3


def test_an_idle_instance_is_looked_at_seldom(monkeypatch):
    """Once at the beginning, then as often as IDLE_SECONDS says; waking looks at the busy ones alone."""
    asked = []

    def noted(roots):
        asked.append([root.pid for root in roots])
        return look(roots)

    async def run():
        rounds = Patrol(noted)
        idle, busy = Instance(1, is_busy=False), Instance(2)
        for instance in (idle, busy):
            rounds.add(instance)
        rounds.wake()
        for _ in range(3):
            await told(busy)
        busy.is_busy = False
        while rounds.is_awake:
            await asyncio.sleep(0)
        monkeypatch.setattr(patrol, "IDLE_SECONDS", 0.005)
        rounds._all_due = 0.0
        rounds.wake()
        await told(idle)
        await told(idle)
        assert not rounds.is_awake

    asyncio.run(run())
    assert asked[:3] == [[1, 2], [2], [2]]
    assert asked[-1] == [1, 2]


def test_without_instances_nothing_is_waited_for():
    async def run():
        rounds = Patrol(look)
        instance = Instance()
        rounds.add(instance)
        rounds.remove(instance)
        assert rounds._timer is None

    asyncio.run(run())


def test_a_look_that_fails_is_told_and_not_the_last(caplog):
    calls = iter([True, False])

    def fails_once(roots):
        if next(calls, False):
            raise RuntimeError("no eyes")
        return look(roots)

    async def run():
        rounds = Patrol(fails_once)
        instance = Instance()
        rounds.add(instance)
        rounds.wake()
        await told(instance)
        rounds.remove(instance)

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert [record.action for record in caplog.records] == ["patrol"]


# --- verdicts ---------------------------------------------------------------------------------------------


def test_up_to_its_limits_an_instance_may_go():
    assert limits.excess(Tree(128.0, limits.TASKS), 128) == ""


def test_more_is_told_with_the_figure_and_what_to_do():
    text = limits.excess(Tree(128.25, 1), 128)
    assert "128.25 MB" in text
    assert "limit is 128 MB (memorySize)" in text
    assert "more than 1024 processes and threads" in limits.excess(Tree(1.0, 1025), 128)


# --- looking ----------------------------------------------------------------------------------------------


def test_lines_of_ps_become_trees():
    text = "  10 1 10 1024\n 11 10 10 2048\n 12 11 12 1024\n 13 1 10 512\n 20 1 20 4096\nnonsense\n"
    assert read_ps(text, [Root(10, 1.0), Root(20, 1.0), Root(99, 1.0)]) == [
        Tree(4.5, 4),
        Tree(4.0, 1),
        Tree(0.0, 0),
    ]


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc")
def test_threads_and_children_are_counted():
    code = (
        "import os, threading, time\n"
        "if os.fork() == 0: time.sleep(600)\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        "print('up', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            process.stdout.readline()
            (tree,) = look_in_proc([Root(process.pid, 1000.0)])
            assert tree.tasks == 3
            assert 5 < tree.memory_mb < 100
            (exact,) = look_in_proc([Root(process.pid, 0.0)])
            assert 0 < exact.memory_mb < tree.memory_mb
            if shutil.which("ps"):
                (rough,) = look_with_ps([Root(process.pid, 1000.0)])
                assert rough.tasks == 2
        finally:
            os.killpg(process.pid, 9)


def test_who_has_gone_takes_nothing():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert look_in_proc([Root(process.pid, 0.0)]) == [Tree(0.0, 0)]


def test_without_ps_nothing_is_seen(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert look_with_ps([Root(1, 1.0)]) == [Tree(0.0, 0)]
