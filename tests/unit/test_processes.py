"""Process trees: looked at and ended, with real processes."""

import json
import os
import signal
import subprocess
import sys
import time

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
    processes.kill_tree(process.pid, "c-nobody")
    assert process.wait() == -signal.SIGKILL


def test_who_is_gone_has_no_memory_and_no_children():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert processes.peak_memory_mb(process.pid) == 0.0
    assert processes.descendants(process.pid) == []
    processes.terminate(process.pid)
    processes.kill_tree(process.pid, "c-nobody")


def test_a_tree_that_forks_all_the_time_ends(start, unique):
    """Each child is stopped before any is killed, else those would start others meanwhile."""
    code = (
        "import os, time\n"
        "print('up', flush=True)\n"
        "while True:\n"
        "    if os.fork() == 0: os.setsid(); time.sleep(0.02); os.fork(); time.sleep(600)\n"
        "    time.sleep(0.02)\n"
    )
    process = start(code, instance_id=unique)
    deadline = time.monotonic() + 10
    while len(processes.descendants(process.pid)) < 5:
        assert time.monotonic() < deadline
    processes.kill_tree(process.pid, unique)
    assert process.wait() == -signal.SIGKILL
    assert processes.bearers(unique) == []


def test_a_family_is_found_when_nobody_holds_it_together_any_more(start):
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}], env={{}})"
    process = start(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], env={{}})")
    family = processes.family(process.pid)
    assert len(family) == 2
    process.kill()
    process.wait()
    strangers = [(pid, started - 1) for pid, started in family]
    processes.kill_members(strangers)
    assert [processes.start_time(pid) for pid, _ in family] == [started for _, started in family]
    processes.kill_members(family)
    deadline = time.monotonic() + 10
    while any(processes.start_time(pid) == started and not is_zombie(pid) for pid, started in family):
        assert time.monotonic() < deadline


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_note_is_written_over_by_one_that_says_more(start, tmp_path, unique):
    path = str(tmp_path / f"{unique}.json")
    process = start()
    (tmp_path / "fun-scratch").mkdir()
    for pid in (0, process.pid):
        processes.write_note(path, pid, str(tmp_path / "fun-scratch"))
    assert processes.kill_leftovers(str(tmp_path)) == [unique]
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "fun-scratch").exists()


def test_a_leftovers_scratch_folder_goes_with_it(tmp_path, unique):
    scratch, precious = tmp_path / "fun-scratch", tmp_path / "precious"
    run_dir = tmp_path / "run"
    for folder in (scratch, precious, run_dir):
        folder.mkdir()
    names = [f"{unique}-1", f"{unique}-2"]
    for name, path in zip(names, (scratch, precious), strict=True):
        processes.write_note(str(run_dir / f"{name}.json"), 0, str(path))
    assert sorted(processes.kill_leftovers(str(run_dir))) == names
    assert (scratch.exists(), precious.exists()) == (False, True)


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


def test_what_prints_to_an_instances_log_comes_from_it(start, tmp_path, unique):
    """Even in a session of its own, without our environment, its parent gone. Who reads the log does not."""
    log = tmp_path / f"{unique}.log"
    with open(log, "ab") as out, open(log, "rb") as read:
        printing = subprocess.Popen(
            [sys.executable, "-c", SLEEP],
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={},
        )
        reading = subprocess.Popen([sys.executable, "-c", SLEEP], stdin=read, stdout=subprocess.DEVNULL)
    try:
        assert processes.bearers(unique) == [printing.pid]
        processes.write_note(str(tmp_path / f"{unique}.json"), 0)
        log.unlink()
        assert processes.kill_leftovers(str(tmp_path)) == [unique]
        assert printing.wait() == -signal.SIGKILL
        assert reading.poll() is None
    finally:
        for process in (printing, reading):
            process.kill()
            process.wait()
