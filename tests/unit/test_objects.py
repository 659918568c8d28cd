import os

import pytest

from fun_local.errors import CorruptState, InvalidRequest, NotFound, Unavailable
from fun_local.store import files
from fun_local.store.objects import Objects


@pytest.fixture
def objects(tmp_path):
    objects = Objects(str(tmp_path / "oss"))
    objects.make_bucket("bucket")
    return objects


def only_file(tmp_path):
    (path,) = (tmp_path / "oss" / "bucket").iterdir()
    return path


def test_an_object_is_found_and_read_by_its_key(objects, tmp_path):
    stored = objects.put("bucket", "a/b", b"line\nline", "text/plain")
    assert objects.find("bucket", "a/b") == stored
    assert objects.read("bucket", "a/b") == (stored, b"line\nline")
    assert (stored.key, stored.content_type, stored.bytes) == ("a/b", "text/plain", 9)
    assert os.stat(only_file(tmp_path)).st_mode & 0o077 == 0
    assert objects.get("bucket", "a/b") == b"line\nline"
    assert objects.has("bucket", "a/b")


def test_what_is_not_there_is_none(objects):
    for bucket, key in (("bucket", "x"), ("none", "x"), ("bucket", ""), ("bucket", "\ud800"), ("..", "x")):
        assert objects.get(bucket, key) is None
        assert not objects.has(bucket, key)
    with pytest.raises(NotFound):
        objects.read("bucket", "x")
    with pytest.raises(InvalidRequest):
        objects.put("bucket", "\ud800", b"")


def test_a_newer_object_replaces_the_older(objects, tmp_path):
    objects.put("bucket", "k", b"old", "text/plain")
    objects.put("bucket", "k", b"new")
    assert objects.read("bucket", "k")[1] == b"new"
    only_file(tmp_path)


def test_a_full_disk_leaves_the_old_object(objects, tmp_path, monkeypatch):
    objects.put("bucket", "k", b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(Unavailable):
        objects.put("bucket", "k", b"new")
    monkeypatch.undo()
    assert objects.get("bucket", "k") == b"old"
    only_file(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"{}\n" + content,
        lambda content: content[:20],
        lambda content: content[:-1] + b"?",
        lambda content: content.replace(b'"format": 1', b'"format": 2'),
        lambda content: b"[" * 20_000,
    ],
)
def test_a_damaged_object_is_named_and_never_taken_for_whole(objects, tmp_path, damage):
    objects.put("bucket", "k", b"content")
    path = only_file(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CorruptState, match=path.name):
        objects.read("bucket", "k")
    objects.put("bucket", "k", b"content")
    assert objects.get("bucket", "k") == b"content"


def test_the_next_start_removes_what_an_upload_left_that_was_cut_off(objects, tmp_path):
    objects.put("bucket", "k", b"content")
    left = tmp_path / "oss" / "bucket" / "abc.123.tmp"
    left.write_bytes(b"half")
    objects.remove_leftovers()
    assert not left.exists()
    assert objects.get("bucket", "k") == b"content"
    Objects(str(tmp_path / "nothing")).remove_leftovers()
