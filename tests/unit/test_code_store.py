"""The code store: what goes in comes out, what may not go in does not, and nothing is ever half there."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fun_local.errors import InvalidRequest, NotFound, Unavailable
from fun_local.store import code, code_entries, code_meter
from fun_local.store.code import CodeStore


@dataclass(frozen=True)
class Source:
    """What the template package hands over, without importing it."""

    files: dict | None = None
    folder: str | None = None
    archive: bytes | None = None
    ignored: Callable[[str, bool], bool] | None = None


@pytest.fixture
def store(tmp_path):
    return CodeStore(str(tmp_path / "code"))


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "project"
    path.mkdir()
    return path


def content(folder):
    """Every file below a folder by its relative name, folders as None."""
    found = {}
    for parent, folders, files in os.walk(folder):
        relative = os.path.relpath(parent, folder)
        for name in folders:
            found[os.path.normpath(os.path.join(relative, name))] = None
        for name in files:
            with open(os.path.join(parent, name), "rb") as file:
                found[os.path.normpath(os.path.join(relative, name))] = file.read()
    return found


def zipped(*members, compression=zipfile.ZIP_DEFLATED):
    """An archive of (name, content, mode) members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = compression
            archive.writestr(info, data)
    return buffer.getvalue()


def file(name, data=b"x", mode=0o100644):
    return (name, data, mode)


def test_a_folder_comes_out_as_it_went_in(store, project):
    (project / "index.py").write_text("print(1)")
    (project / "pkg" / "deep").mkdir(parents=True)
    (project / "pkg" / "deep" / "a.txt").write_bytes(b"\0\xff")
    (project / "empty").mkdir()
    digest = store.add(Source(folder=str(project)))
    assert content(store.path(digest)) == content(project)


def test_the_same_content_is_one_digest_wherever_it_came_from(store, project):
    (project / "pkg").mkdir()
    (project / "pkg" / "a.py").write_text("x")
    (project / "b.py").write_text("y")
    by_folder = store.add(Source(folder=str(project)))
    by_files = store.add(Source(files={"b.py": b"y", "pkg/a.py": b"x"}))
    by_archive = store.add(
        Source(archive=zipped(file("pkg/", b"", 0o40755), file("pkg/a.py"), file("b.py", b"y")))
    )
    assert by_folder == by_files == by_archive
    assert len(os.listdir(os.path.dirname(store.path(by_folder)))) == 1


def test_different_content_is_a_different_digest(store):
    sources = [
        {"a": b"x"},
        {"a": b"y"},
        {"b": b"x"},
        {"a": b"x", "b": b""},
        {"a": b"", "b": b"x"},
        {"a/b": b"x"},
        {},
    ]
    digests = [store.add(Source(files=files)) for files in sources]
    assert len(set(digests)) == len(sources)
    executable = store.add(Source(archive=zipped(file("a", b"x", 0o100755))))
    assert executable not in digests


def test_only_the_owner_may_read_and_executables_stay_so(store, project):
    (project / "bootstrap").write_text("#!/bin/sh")
    (project / "bootstrap").chmod(0o755)
    (project / "data").write_text("x")
    (project / "data").chmod(0o666)
    (project / "sub").mkdir()
    (project / "sub" / "x").write_text("x")
    old = os.umask(0)
    try:
        folder = store.path(store.add(Source(folder=str(project))))
    finally:
        os.umask(old)
    modes = {
        n: stat.S_IMODE(os.stat(os.path.join(folder, n)).st_mode) for n in ("bootstrap", "data", "sub", ".")
    }
    assert modes == {"bootstrap": 0o700, "data": 0o600, "sub": 0o700, ".": 0o700}
    assert stat.S_IMODE(os.stat(os.path.dirname(folder)).st_mode) == 0o700


def test_what_is_ignored_is_not_kept(store, project):
    (project / "kept" / "gone").mkdir(parents=True)
    (project / "kept" / "gone" / "x").write_text("x")
    (project / "kept" / "x").write_text("x")
    asked = []

    def ignored(name, is_folder):
        asked.append((name, is_folder))
        return name == "kept/gone"

    folder = store.path(store.add(Source(folder=str(project), ignored=ignored)))
    assert content(folder) == {"kept": None, "kept/x": b"x"}
    # Never about what is in an ignored folder: it may be large.
    assert sorted(asked) == [("kept", True), ("kept/gone", True), ("kept/x", False)]


def test_ignored_files_do_not_change_the_digest(store, project):
    source = Source(folder=str(project), ignored=lambda name, is_folder: name.endswith(".log"))
    (project / "index.py").write_text("x")
    before = store.add(source)
    (project / "run.log").write_text("1")
    assert store.add(source) == before
    (project / "run.txt").write_text("1")
    assert store.add(source) != before


def test_what_is_ignored_may_be_a_link_that_would_be_refused(store, project):
    (project / "out").symlink_to("/etc/passwd")
    (project / "nowhere").symlink_to("nowhere-at-all")
    os.mkfifo(project / "pipe")
    assert content(store.path(store.add(Source(folder=str(project), ignored=lambda *_: True)))) == {}


def test_a_link_to_a_folder_is_asked_about_as_a_file_as_git_does(store, project):
    (project / "lib").mkdir()
    (project / "link").symlink_to("lib")
    asked = {}
    store.add(Source(folder=str(project), ignored=asked.setdefault))
    assert asked == {"lib": True, "link": False}


def test_a_bootstrap_can_be_started_whatever_its_mode_was(store, project):
    (project / "bootstrap").write_text("#!/bin/sh")
    (project / "sub").mkdir()
    (project / "sub" / "bootstrap").write_text("#!/bin/sh")
    by_folder = store.path(store.add(Source(folder=str(project))))
    assert os.access(os.path.join(by_folder, "bootstrap"), os.X_OK)
    assert not os.access(os.path.join(by_folder, "sub", "bootstrap"), os.X_OK)
    by_files = store.path(store.add(Source(files={"bootstrap": b"#!/bin/sh"})))
    assert os.access(os.path.join(by_files, "bootstrap"), os.X_OK)


@pytest.mark.parametrize(
    "source",
    [
        Source(files={"a": b"x" * 200_000, "b": b"", "c": b"y"}),
        Source(archive=zipped(file("a", b"x" * 200_000), file("b", b""), file("c", b"y"))),
        Source(files={}),
    ],
)
def test_progress_grows_from_nothing_to_all(store, source):
    for _ in range(2):  # new, then there already
        calls = mock.Mock()
        store.add(source, calls)
        seen = [call.args for call in calls.call_args_list]
        assert {total for _, total in seen} == {0 if source.files == {} else 400_002}
        done = [done for done, _ in seen]
        assert done == sorted(done) and len(done) == len(set(done))
        assert seen[-1][0] == seen[-1][1]


def test_a_file_that_grows_does_not_make_progress_of_more_than_all(store, project):
    (project / "a").write_bytes(b"x" * 100_000)
    (project / "b").write_bytes(b"x")
    seen = []

    def note(done, total):
        seen.append((done, total))
        (project / "b").write_bytes(b"x" * 1_000_000)

    store.add(Source(folder=str(project)), note)
    assert seen[-1] == (200_002, 200_002)
    assert all(done < total for done, total in seen[:-1])


def test_the_store_does_not_swallow_itself(project):
    store = CodeStore(str(project / "home" / "code"))
    (project / "index.py").write_text("x")
    first = store.add(Source(folder=str(project)))
    assert first
    second = store.add(Source(folder=str(project)))
    assert content(store.path(second)) == {"index.py": b"x", "home": None}


def test_the_home_of_the_store_is_nobodys_code(project):
    home = project / "home"
    store = CodeStore(str(home / "code"), home=str(home))
    (project / "index.py").write_text("x")
    first = store.add(Source(folder=str(project)))
    (home / "queue.db").write_text("x")
    assert store.add(Source(folder=str(project))) == first
    assert content(store.path(first)) == {"index.py": b"x"}


def test_links_inside_the_folder_become_what_they_lead_to(store, project):
    (project / "lib").mkdir()
    (project / "lib" / "a.py").write_text("x")
    (project / "file").symlink_to("lib/a.py")
    (project / "folder").symlink_to(project / "lib")
    folder = store.path(store.add(Source(folder=str(project))))
    assert content(folder) == {
        "lib": None,
        "lib/a.py": b"x",
        "file": b"x",
        "folder": None,
        "folder/a.py": b"x",
    }
    assert not os.path.islink(os.path.join(folder, "file"))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/etc/passwd", "leads out of"),
        ("../outside", "leads out of"),
        ("nowhere", "leads nowhere"),
        (".", "leads back"),
        ("link", "leads nowhere"),
    ],
)
def test_other_links_are_refused_by_name(store, project, target, message):
    (project.parent / "outside").write_text("secret")
    (project / "link").symlink_to(target)
    with pytest.raises(InvalidRequest, match=message) as error:
        store.add(Source(folder=str(project)))
    assert str(project / "link") in error.value.message


def test_a_link_into_a_folder_with_a_like_name_leads_out(store, project):
    (project.parent / "project-2").mkdir()
    (project / "link").symlink_to("../project-2")
    with pytest.raises(InvalidRequest, match="leads out of"):
        store.add(Source(folder=str(project)))


def test_a_folder_may_itself_be_reached_by_a_link(store, project):
    (project / "index.py").write_text("x")
    link = project.parent / "link"
    link.symlink_to(project)
    assert content(store.path(store.add(Source(folder=str(link))))) == {"index.py": b"x"}


def test_pipes_and_devices_are_refused(store, project):
    os.mkfifo(project / "pipe")
    with pytest.raises(InvalidRequest, match="neither a file nor a folder"):
        store.add(Source(folder=str(project)))


def test_a_folder_that_is_not_there_is_refused(store, project):
    with pytest.raises(InvalidRequest, match="can't be read"):
        store.add(Source(folder=str(project / "nowhere")))


def test_folders_have_bounds(store, project, monkeypatch):
    for i in range(4):
        (project / f"{i}").write_bytes(b"x" * 10)
    monkeypatch.setattr(code_entries, "MAX_FOLDER_FILES", 3)
    with pytest.raises(InvalidRequest, match="more than 3 files"):
        store.add(Source(folder=str(project)))
    monkeypatch.undo()
    monkeypatch.setattr(code_meter, "MAX_BYTES", 39)
    with pytest.raises(InvalidRequest, match="larger than 39 bytes"):
        store.add(Source(folder=str(project)))


@pytest.mark.parametrize(
    "name",
    ["/etc/x", "../x", "a/../../x", "..\\x", "C:\\x", "c:x", "a/..", "x" * 300, "/".join("a" * 200)],
)
def test_names_that_lead_out_of_an_archive_are_refused(store, tmp_path, name):
    with pytest.raises(InvalidRequest, match="not a safe name"):
        store.add(Source(archive=zipped(file("ok"), file(name))))
    with pytest.raises(InvalidRequest, match="not a safe name"):
        store.add(Source(files={name: b"x"}))
    assert os.listdir(tmp_path) == []


def test_names_have_one_spelling(store):
    archive = zipped(file("./a"), file("b\\c"), file("d//e"), file("./", b"", 0o40755))
    assert set(content(store.path(store.add(Source(archive=archive))))) == {"a", "b", "b/c", "d", "d/e"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([file("link", b"/etc/passwd", 0o120777)], "a link or a device"),
        ([file("fifo", b"", 0o010644)], "a link or a device"),
        ([file("a"), file("./a")], "twice"),
        ([file("a"), file("a/b")], "a file and a folder"),
        ([file("a/b/c"), file("a/b")], "a file and a folder"),
        ([file("a"), file("a/", b"", 0o40755)], "a file and a folder"),
    ],
)
def test_archives_that_are_not_just_files_are_refused(store, members, message):
    with pytest.raises(InvalidRequest, match=message):
        store.add(Source(archive=zipped(*members)))


def test_archives_have_bounds_as_they_say_and_as_they_are(store, monkeypatch):
    archive = zipped(file("a", b"x" * 1000), file("b", b"x" * 1000))
    monkeypatch.setattr(code_entries, "MAX_BYTES", 1999)
    with pytest.raises(InvalidRequest, match="larger than 1999 bytes"):
        store.add(Source(archive=archive))
    monkeypatch.undo()
    # What is read counts, whatever the archive declares.
    monkeypatch.setattr(code_meter, "MAX_BYTES", 1999)
    with pytest.raises(InvalidRequest, match="larger than 1999 bytes"):
        store.add(Source(archive=archive))
    monkeypatch.undo()
    monkeypatch.setattr(code_entries, "MAX_ARCHIVE_FILES", 1)
    with pytest.raises(InvalidRequest, match="more than 1"):
        store.add(Source(archive=archive))
    monkeypatch.undo()
    monkeypatch.setattr(code_entries, "_MAX_TABLE", 50)
    with pytest.raises(InvalidRequest, match="holds more than"):
        store.add(Source(archive=archive))


def test_an_archive_that_lies_about_its_sizes_is_refused(store):
    archive = bytearray(zipped(file("a", b"x" * 100_000)))
    table = archive.rfind(b"PK\x01\x02")
    archive[table + 24 : table + 28] = (10).to_bytes(4, "little")
    with pytest.raises(InvalidRequest, match="can't be read"):
        store.add(Source(archive=bytes(archive)))


@pytest.mark.parametrize("archive", [b"", b"PK", b"not a zip", b"PK\x05\x06" + b"\0" * 17])
def test_what_is_no_archive_is_refused(store, archive):
    with pytest.raises(InvalidRequest, match="not a zip archive"):
        store.add(Source(archive=archive))


def test_encrypted_archives_are_refused(store):
    archive = bytearray(zipped(file("a")))
    archive[archive.rfind(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InvalidRequest, match="encrypted"):
        store.add(Source(archive=bytes(archive)))


ARCHIVE = zipped(file("a.py", b"print(1)" * 50), file("pkg/b", b"\0" * 500), file("x/", b"", 0o40755))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, len(ARCHIVE) - 1), st.integers(0, 255)), max_size=6))
def test_damaged_archives_are_kept_or_refused_and_leave_nothing_behind(tmp_path, places):
    archive = bytearray(ARCHIVE)
    for place, value in places:
        archive[place] = value
    store = CodeStore(str(tmp_path / "code"))
    try:
        digest = store.add(Source(archive=bytes(archive)))
    except InvalidRequest:
        pass
    else:
        assert os.path.isdir(store.path(digest))
    assert set(os.listdir(tmp_path)) <= {"code"}
    if (tmp_path / "code").exists():
        assert not [name for name in os.listdir(tmp_path / "code") if name.startswith(".new-")]


def test_code_that_is_not_there_is_not_found(store):
    for digest in ("", "0" * 64, "../..", "x"):
        with pytest.raises(NotFound, match="is not in"):
            store.path(digest)


def test_code_appears_whole_or_not_at_all(store, project, monkeypatch):
    (project / "a").write_text("x")
    seen = []

    def stopped(source, target):
        seen.append((content(source), os.path.exists(target)))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", stopped)
    with pytest.raises(Unavailable):
        store.add(Source(folder=str(project)))
    assert seen == [({"a": b"x"}, False)]
    assert os.listdir(project.parent / "code") == []


def test_two_who_add_the_same_at_once_both_succeed(store, project, monkeypatch):
    (project / "a").write_text("x")
    rename = os.rename
    other = CodeStore(str(project.parent / "code"))

    def late(source, target):
        monkeypatch.setattr(os, "rename", rename)
        other.add(Source(folder=str(project)))
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    digest = store.add(Source(folder=str(project)))
    assert os.listdir(project.parent / "code") == [digest]
    assert content(store.path(digest)) == {"a": b"x"}


def test_what_changes_while_it_is_copied_is_named_by_what_was_copied(store, project, monkeypatch):
    (project / "a").write_text("before")
    read = code.read_code
    calls = []

    def changing(*args):
        digest = read(*args)
        if not calls:
            (project / "a").write_text("after")
        calls.append(digest)
        return digest

    monkeypatch.setattr(code, "read_code", changing)
    digest = store.add(Source(folder=str(project)))
    assert content(store.path(digest)) == {"a": b"after"}
    assert digest == CodeStore(str(project.parent / "other")).add(Source(files={"a": b"after"}))


def age(path, seconds):
    now = os.stat(path).st_mtime
    os.utime(path, (now - seconds, now - seconds))


def test_unused_code_goes_when_it_is_old_enough(store, tmp_path):
    kept, old, young = (store.add(Source(files={name: b""})) for name in ("kept", "old", "young"))
    root = tmp_path / "code"
    (root / ".new-left-by-a-crash" / "x").mkdir(parents=True)
    (root / ".new-being-written").mkdir()
    (root / "not-ours").mkdir()
    for name in (kept, old, ".new-left-by-a-crash", "not-ours"):
        age(root / name, 1000)
    store.remove_unused({kept}, older_than_seconds=500)
    assert set(os.listdir(root)) == {kept, young, ".new-being-written", "not-ours"}


def test_adding_again_makes_code_young(store, tmp_path):
    source = Source(files={"a": b"x"})
    digest = store.add(source)
    age(tmp_path / "code" / digest, 1000)
    assert store.add(source) == digest
    store.remove_unused((), older_than_seconds=500)
    assert store.path(digest)


def test_there_may_be_nothing_to_remove(store):
    store.remove_unused((), older_than_seconds=0)
