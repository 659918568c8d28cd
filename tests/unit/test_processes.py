"""Process trees: looked at and ended, with real processes."""

import json
import os
import signal
import subprocess
import sys

import pytest

from fun_local.runtime import processes

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc")

SLEEP = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def start():
    """Start Python code with an instance's id; waits for its first line."""
    started = []

    def start(code=SLEEP, instance_id="c-1"):
        environment = {**os.environ, "FC_INSTANCE_ID": instance_id}
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def unique(tmp_path):
    return f"c-{tmp_path.name}-{os.getpid()}"


def test_a_start_time_tells_processes_apart(start):
    process = start()
    assert processes.start_time(process.pid) >= processes.start_time(os.getpid()) > 0
    process.kill()
    process.wait()
    assert processes.start_time(process.pid) == 0


def test_memory_is_that_of_the_whole_tree(start):
    child = "held = bytes(40 << 20).replace(b'\\0', b'x'); " + SLEEP
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = start(code)
    assert len(processes.descendants(process.pid)) == 1
    assert 40 < processes.peak_memory_mb(process.pid) < 150
    processes.kill_tree(process.pid, "c-nobody", signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_who_is_gone_has_no_memory_and_no_children():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert processes.peak_memory_mb(process.pid) == 0.0
    assert processes.descendants(process.pid) == []
    processes.kill_tree(process.pid, "c-nobody", signal.SIGTERM)


def test_leftovers_are_ended_and_their_notes_removed(start, tmp_path, unique):
    process = start(instance_id=unique)
    note = tmp_path / f"{unique}.json"
    processes.write_note(str(note), process.pid)
    (tmp_path / "python_worker.pyc").touch()
    assert processes.kill_leftovers(str(tmp_path)) == [unique]
    assert process.wait() == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["python_worker.pyc"]


def test_a_stranger_with_the_pid_of_a_leftover_is_left_alone(start, tmp_path, unique):
    process = start()
    started = processes.start_time(process.pid)
    note = {"pid": process.pid, "start_time": started - 1}
    (tmp_path / f"{unique}.json").write_text(json.dumps(note))
    processes.kill_leftovers(str(tmp_path))
    assert process.poll() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": null, "start_time": 1}'])
def test_a_note_that_was_not_finished_leads_by_the_instance_id(start, tmp_path, unique, text):
    process = start(instance_id=unique)
    (tmp_path / f"{unique}.json").write_text(text)
    assert processes.kill_leftovers(str(tmp_path)) == [unique]
    assert process.wait() == -signal.SIGKILL


def test_no_notes_no_leftovers(tmp_path):
    assert processes.kill_leftovers(str(tmp_path / "never made")) == []
