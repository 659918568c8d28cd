"""Waiting for files to change."""

import os
import sys
import threading
import time

import pytest

from fun_local.store.files import write_atomically
from fun_local.watch import Changes

linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify; elsewhere every wait ends soon")


def append(path, text="x"):
    with open(path, "a") as file:
        file.write(text)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    return str(path)


@linux
@pytest.mark.parametrize(
    "change",
    [
        lambda folder: append(os.path.join(folder, "new")),
        lambda folder: os.unlink(os.path.join(folder, "file")),
        lambda folder: os.rename(os.path.join(folder, "file"), os.path.join(folder, "other")),
        lambda folder: write_atomically(os.path.join(folder, "file"), b"replaced"),
    ],
    ids=["created", "deleted", "renamed", "replaced"],
)
def test_a_folder_changes_when_a_file_comes_or_goes(tmp_path, file, change):
    with Changes() as changes:
        changes.add(str(tmp_path))
        change(str(tmp_path))
        assert changes.wait(10)
        assert not changes.wait(0)  # told once


@linux
def test_a_file_changes_when_it_is_written(file):
    with Changes() as changes:
        changes.add(file)
        append(file)
        assert changes.wait(10)


@linux
def test_nothing_changes_when_nothing_is_done(tmp_path, file):
    with Changes() as changes:
        changes.add(str(tmp_path))
        changes.add(file)
        with open(file) as opened:
            opened.read()
        start = time.monotonic()
        assert not changes.wait(0.05)
        assert 0.04 < time.monotonic() - start < 5


@linux
def test_writing_into_a_file_is_no_change_of_its_folder(tmp_path, file):
    """A log that grows must not wake whoever waits for records."""
    with Changes() as changes:
        changes.add(str(tmp_path))
        append(file)
        assert not changes.wait(0)


@linux
def test_what_happens_between_adding_and_waiting_is_not_missed(file):
    with Changes() as changes:
        changes.add(file)
        append(file)
        assert changes.wait(0)


@linux
def test_a_burst_is_one_change(tmp_path, file):
    with Changes() as changes:
        changes.add(str(tmp_path))
        for n in range(3000):  # more than one read takes
            os.rename(file, file := str(tmp_path / f"file-with-a-rather-long-name-{n}"))
        assert changes.wait(10)
        assert not changes.wait(0)


@linux
def test_a_wait_without_end_is_ended_by_a_change(tmp_path, file):
    with Changes() as changes:
        changes.add(str(tmp_path))
        changes.add(file)
        timer = threading.Timer(0.02, append, [file])
        timer.start()
        assert changes.wait()
        timer.join()


def test_adding_twice_or_what_is_not_there_does_no_harm(tmp_path, file):
    with Changes() as changes:
        changes.add(str(tmp_path / "missing"))
        changes.add(file)
        changes.add(file)
        append(file)
        assert changes.wait(10)


@linux
def test_a_file_that_was_not_there_can_be_added_later(tmp_path):
    path = str(tmp_path / "later")
    with Changes() as changes:
        changes.add(path)
        append(path)
        assert not changes.wait(0)
        changes.add(path)
        append(path)
        assert changes.wait(10)


def test_leaving_closes_what_was_opened(file):
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    for _ in range(5):
        with Changes() as changes:
            changes.add(file)
    assert (os.listdir("/proc/self/fd") if before else []) == before


def test_without_the_kernels_help_it_looks_often(monkeypatch, file):
    monkeypatch.setattr(sys, "platform", "other")
    with Changes() as changes:
        changes.add(file)
        start = time.monotonic()
        assert changes.wait()
        assert changes.wait(0.001)
        assert time.monotonic() - start < 5
