"""Files that are whole at every instant."""

import errno
import os
import stat
import threading

import pytest

from fun_local.errors import FunLocalError, Unavailable
from fun_local.store import files


def names(folder):
    return sorted(os.listdir(folder))


def test_a_file_is_written_and_replaced(tmp_path):
    path = str(tmp_path / "file")
    for data in (b"first", b"", b"second" * 100_000):
        files.write_atomically(path, data)
        assert (tmp_path / "file").read_bytes() == data
    assert names(tmp_path) == ["file"]


def test_only_its_owner_can_read_it(tmp_path):
    old = os.umask(0)
    try:
        files.write_atomically(str(tmp_path / "file"), b"x")
        files.make_private_folder(str(tmp_path / "folder"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700


def test_readers_see_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "file"
    versions = [bytes([n]) * 50_000 for n in range(8)]
    files.write_atomically(str(path), versions[0])
    is_done = threading.Event()
    seen = []

    def read():
        while not is_done.is_set():
            seen.append(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for version in versions:
            files.write_atomically(str(path), version)
    is_done.set()
    reader.join()
    assert seen and set(seen) <= set(versions)


def test_writers_at_the_same_time_leave_one_whole_file(tmp_path):
    path = str(tmp_path / "file")
    versions = [bytes([n]) * 10_000 for n in range(4)]
    threads = [
        threading.Thread(target=lambda v=version: [files.write_atomically(path, v) for _ in range(25)])
        for version in versions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_bytes() in versions
    assert names(tmp_path) == ["file"]


def test_a_write_that_is_taken_in_pieces_is_completed(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data[:7])))
    files.write_atomically(str(tmp_path / "file"), b"in many pieces, one after the other")
    assert (tmp_path / "file").read_bytes() == b"in many pieces, one after the other"


@pytest.mark.parametrize("operation", ["open", "write", "fsync", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path, monkeypatch, operation, number):
    path = str(tmp_path / "file")
    files.write_atomically(path, b"old")

    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, operation, fail)
        with pytest.raises(Unavailable) as caught:
            files.write_atomically(path, b"new")
    assert caught.value.code == "StorageFull"
    assert path in caught.value.message
    assert "prune" in caught.value.hint
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_any_other_failure_names_the_file_and_the_reason(tmp_path):
    path = str(tmp_path / "missing" / "file")
    with pytest.raises(FunLocalError) as caught:
        files.write_atomically(path, b"x")
    assert caught.value.code == "StorageError"
    assert path in caught.value.message and "No such file" in caught.value.message


def test_a_write_is_synced_before_it_is_renamed(tmp_path, monkeypatch):
    order = []
    for name in ("fsync", "rename"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (order.append(name), real(*a)))
    files.write_atomically(str(tmp_path / "file"), b"x")
    assert order == ["fsync", "rename"]


def test_syncing_a_folder_that_is_full_says_so(tmp_path, monkeypatch):
    def fail(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unavailable):
        files.sync_folder(str(tmp_path))
    with pytest.raises(FunLocalError):
        files.sync_folder(str(tmp_path / "missing"))


def test_folders_are_made_with_their_parents_and_may_be_there(tmp_path):
    for _ in range(2):
        files.make_private_folder(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_where_a_file_is_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(FunLocalError) as caught:
            files.make_private_folder(str(path))
        assert str(path) in caught.value.message


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    for name in ("a.json.12.tmp", "b.json.34.tmp", "a.json", "tmp", "a.tmp.json"):
        (tmp_path / name).write_text("")
    files.remove_temporaries(str(tmp_path), of="a.json")
    assert names(tmp_path) == ["a.json", "a.tmp.json", "b.json.34.tmp", "tmp"]
    files.remove_temporaries(str(tmp_path))
    assert names(tmp_path) == ["a.json", "a.tmp.json", "tmp"]
