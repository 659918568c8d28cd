"""What was built is put in place as a whole; where that is broken off, nothing wrong is believed of it."""

from __future__ import annotations

import os
import shutil
import threading

import pytest

from fun_local.build.artifacts import Artifacts, Digests
from fun_local.build.files import linked_copy, replace_folder, swap
from fun_local.errors import Conflict, FunLocalError

OLD, NEW = Digests("old", "p"), Digests("new", "p")


def put(artifacts, digests, functions=("s/a", "s/b")):
    with artifacts.stage() as stage:
        staged = {}
        for number, function in enumerate(functions):
            staged[function] = os.path.join(stage, str(number))
            os.mkdir(staged[function])
            with open(os.path.join(staged[function], "code"), "w") as file:
                file.write(digests.code)
        artifacts.replace(
            staged,
            template=digests.code.encode(),
            stamps={"/x": digests.code.replace("old", "1").replace("new", "2")},
            folders=(),
            digests=dict.fromkeys(functions, digests),
        )


def code(artifacts, function):
    with open(os.path.join(artifacts.code(function), "code")) as file:
        return file.read()


@pytest.fixture
def artifacts(tmp_path):
    found = Artifacts(str(tmp_path))
    put(found, OLD)
    return found


class Cut(BaseException):
    """The end of the process, as far as that can be had without one."""


def cut_after(monkeypatch, count):
    """The next renames work, and then none any more."""
    done = []
    rename = os.rename

    def limited(source, target):
        if len(done) >= count:
            raise Cut
        done.append(target)
        rename(source, target)

    monkeypatch.setattr(os, "rename", limited)


#: Notes, two folders of which each is moved away and replaced, the template, notes.
RENAMES = 7


@pytest.mark.parametrize("count", range(RENAMES))
def test_whatever_a_build_is_cut_off_in_the_next_one_knows_what_to_do(artifacts, monkeypatch, count):
    with monkeypatch.context() as patch:
        cut_after(patch, count)
        with pytest.raises(Cut):
            put(artifacts, NEW)
    for function, digests in artifacts.digests().items():
        assert code(artifacts, function) == digests.code
    assert artifacts.stamps() == {"/x": "1"}, "so that it is not deployed by itself"
    put(artifacts, NEW)
    assert [code(artifacts, function) for function in ("s/a", "s/b")] == ["new", "new"]
    assert (artifacts.digests(), artifacts.stamps()) == ({"s/a": NEW, "s/b": NEW}, {"/x": "2"})
    assert sorted(os.listdir(artifacts.folder)) == ["meta.json", "s", "template.yml"]


def test_that_is_all_a_build_does(artifacts, monkeypatch):
    cut_after(monkeypatch, RENAMES)
    put(artifacts, NEW)


def test_what_is_not_named_any_more_goes_with_its_service(artifacts):
    put(artifacts, NEW, ("t/a",))
    assert sorted(os.listdir(artifacts.folder)) == ["meta.json", "t", "template.yml"]


def test_a_build_that_changes_nothing_writes_nothing(artifacts):
    def times():
        return {e.name: e.stat().st_mtime_ns for e in os.scandir(artifacts.folder)}

    before = times()
    with artifacts.stage():
        artifacts.replace(
            {}, template=b"old", stamps={"/x": "1"}, folders=(), digests={"s/a": OLD, "s/b": OLD}
        )
    assert times() == before


def test_only_one_at_a_time_prepares_a_build(artifacts):
    refused = []

    def another():
        try:
            with artifacts.stage():
                pass
        except Conflict as error:
            refused.append(error.code)

    with artifacts.stage():
        thread = threading.Thread(target=another)
        thread.start()
        thread.join()
    another()
    assert refused == ["BuildRunning"]


def test_notes_of_others_make_are_no_notes(artifacts):
    with open(os.path.join(artifacts.folder, "meta.json"), "w") as file:
        file.write('{"modifiedTimestamps": {}, "buildOps": {"functions": {"s/a": {"odd": 1}, "s/b": 2}}}')
    assert artifacts.digests() == {}


def test_a_swap_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    with monkeypatch.context() as patch:
        rename = os.rename
        patch.setattr(os, "rename", lambda s, t: 1 / 0 if os.path.basename(s) == "new" else rename(s, t))
        with pytest.raises(ZeroDivisionError):
            swap(str(tmp_path / "new"), str(tmp_path / "old"))
    assert os.listdir(tmp_path / "old") == ["old"]
    swap(str(tmp_path / "new"), str(tmp_path / "old"))
    assert (os.listdir(tmp_path), os.listdir(tmp_path / "old")) == (["old"], ["new"])


def test_a_folder_is_replaced_or_stays(tmp_path):
    base = str(tmp_path)
    with pytest.raises(ZeroDivisionError), replace_folder(base, "a/b") as new:
        assert os.path.isdir(new)
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []
    for text in ("one", "two"):
        with replace_folder(base, "a/b") as new:
            (tmp_path / "a" / os.path.basename(new) / text).touch()
    assert (os.listdir(tmp_path / "a"), os.listdir(tmp_path / "a" / "b")) == (["b"], ["two"])
    (tmp_path / "file").touch()
    with pytest.raises(FunLocalError, match="file"), replace_folder(base, "file/b"):
        pass


def test_a_copy_outlives_what_it_was_made_of(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    (tmp_path / "a" / "link").symlink_to("b/c")
    linked_copy(str(tmp_path / "a"), str(tmp_path / "new"))
    shutil.rmtree(tmp_path / "a")
    assert (tmp_path / "new" / "link").read_text() == "x"
    linked_copy(str(tmp_path / "gone"), str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
