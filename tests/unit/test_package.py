"""The zip that would be uploaded: the same for the same code, whole or not there."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from fun_local.errors import InvalidRequest, Unavailable
from fun_local.store import code_meter
from fun_local.store.code import CodeStore
from fun_local.store.package import write_package


@dataclass(frozen=True)
class Source:
    files: dict | None = None
    folder: str | None = None
    archive: bytes | None = None
    ignored: Callable[[str, bool], bool] | None = None


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "project"
    (path / "pkg").mkdir(parents=True)
    (path / "pkg" / "a.py").write_text("x")
    (path / "run").write_text("#!/bin/sh")
    (path / "run").chmod(0o755)
    (path / "empty").mkdir()
    return path


def test_a_folder_is_packed_with_its_modes_sorted(project, tmp_path):
    package = write_package(Source(folder=str(project)), str(tmp_path / "out.zip"))
    with zipfile.ZipFile(package.path) as archive:
        infos = archive.infolist()
        modes = {info.filename: oct(info.external_attr >> 16) for info in infos}
        assert archive.read("pkg/a.py") == b"x"
        assert archive.testzip() is None
    assert modes == {"empty/": "0o40755", "pkg/a.py": "0o100644", "run": "0o100755"}
    assert [info.filename for info in infos] == sorted(modes)


def test_a_package_says_what_it_is(project, tmp_path):
    package = write_package(Source(folder=str(project)), str(tmp_path / "out.zip"))
    content = (tmp_path / "out.zip").read_bytes()
    assert (package.files, package.bytes) == (2, len(content))
    assert package.md5 == hashlib.md5(content).hexdigest()


def test_the_same_code_is_the_same_bytes_whenever_and_wherever(project, tmp_path):
    first = write_package(Source(folder=str(project)), str(tmp_path / "out.zip"))
    other = tmp_path / "other"
    (other / "empty").mkdir(parents=True)
    (other / "run").write_text("#!/bin/sh")
    (other / "run").chmod(0o700)
    (other / "pkg").mkdir()
    (other / "pkg" / "a.py").write_text("x")
    os.utime(other / "pkg" / "a.py", (0, 0))
    second = write_package(Source(folder=str(other)), str(tmp_path / "out2.zip"))
    assert first.md5 == second.md5
    (other / "pkg" / "a.py").write_text("y")
    assert write_package(Source(folder=str(other)), str(tmp_path / "out3.zip")).md5 != first.md5


def test_a_package_holds_what_a_deploy_would_keep(project, tmp_path):
    (project / "run.log").write_text("x")
    source = Source(folder=str(project), ignored=lambda name, is_folder: name.endswith(".log"))
    package = write_package(source, str(tmp_path / "out.zip"))
    store = CodeStore(str(tmp_path / "code"))
    assert store.add(Source(archive=(tmp_path / "out.zip").read_bytes())) == store.add(source)
    assert package.files == 2


def test_a_package_does_not_hold_itself(project):
    path = str(project / "out.zip")
    first = write_package(Source(folder=str(project)), path)
    assert write_package(Source(folder=str(project)), path) == first


def test_an_archive_is_taken_as_it_is(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("z", "1")
        archive.writestr("a", "2")
    package = write_package(Source(archive=buffer.getvalue()), str(tmp_path / "out.zip"))
    assert (tmp_path / "out.zip").read_bytes() == buffer.getvalue()
    assert package.files == 2


@pytest.mark.parametrize("source", [Source(files={}), Source(archive=b"PK\x05\x06" + b"\0" * 18)])
def test_nothing_is_no_package(tmp_path, source):
    with pytest.raises(InvalidRequest, match="no code"):
        write_package(source, str(tmp_path / "out.zip"))
    assert os.listdir(tmp_path) == []


def test_a_folder_of_which_nothing_is_left_is_named(project, tmp_path):
    with pytest.raises(InvalidRequest, match=str(project)) as error:
        write_package(Source(folder=str(project), ignored=lambda *_: True), str(tmp_path / "out.zip"))
    assert ".funignore" in error.value.hint


def test_a_package_that_can_not_be_finished_leaves_the_old_one(project, tmp_path, monkeypatch):
    path = tmp_path / "out" / "out.zip"
    path.parent.mkdir()
    path.write_text("old")
    monkeypatch.setattr(code_meter, "MAX_BYTES", 3)
    with pytest.raises(InvalidRequest, match="larger than 3 bytes"):
        write_package(Source(folder=str(project)), str(path))
    monkeypatch.undo()

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(Unavailable):
        write_package(Source(folder=str(project)), str(path))
    assert os.listdir(path.parent) == ["out.zip"]
    assert path.read_text() == "old"


def test_packing_tells_how_far_it_is(tmp_path):
    seen = []
    source = Source(files={"a": b"x" * 200_000, "b": b"y"})
    write_package(source, str(tmp_path / "out.zip"), lambda done, total: seen.append((done, total)))
    assert seen == sorted(set(seen))
    assert {total for _, total in seen} == {200_001}
    assert seen[-1][0] == 200_001


def test_a_package_may_be_read_by_others(project, tmp_path):
    old = os.umask(0o022)
    try:
        write_package(Source(folder=str(project)), str(tmp_path / "out.zip"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "out.zip").stat().st_mode) == 0o644
