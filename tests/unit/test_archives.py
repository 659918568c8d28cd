import errno
import io
import os
import shutil
import zipfile

import pytest

from fun_local.errors import InvalidRequest, NotFound, Unavailable
from fun_local.store.archives import Archives
from fun_local.store.code import CodeStore
from fun_local.store.crc64 import crc64
from fun_local.template.code import CodeSource


def packed(text: str = "x = 1", *, year: int = 2020) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py", (year, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


@pytest.fixture
def code(tmp_path):
    return CodeStore(str(tmp_path / "code"))


@pytest.fixture
def archives(tmp_path, code):
    return Archives(str(tmp_path / "archives"), code)


def names(tmp_path):
    return sorted(os.listdir(tmp_path / "archives"))


def test_an_uploaded_archive_is_kept_as_it_came(archives, code):
    digest = archives.add(packed())
    found = archives.of(digest)
    assert open_bytes(found.path) == packed()
    assert (found.checksum, found.bytes) == (crc64(packed()), len(packed()))
    assert os.listdir(code.path(digest)) == ["index.py"]


def test_of_the_same_code_packed_twice_the_newer_archive_counts(archives):
    first = archives.add(packed(year=2020))
    os.utime(archives.of(first).path, ns=(0, 0))
    second = archives.add(packed(year=2021))
    assert first == second
    assert archives.of(first).checksum == crc64(packed(year=2021))
    assert archives.add(packed(year=2020)) == first
    os.utime(
        next(path for path in every_path(archives, first) if crc64(packed(year=2021)) in path), ns=(0, 0)
    )
    assert archives.of(first).checksum == crc64(packed(year=2020))


def test_the_folder_is_looked_at_again_only_when_something_has_changed(archives, monkeypatch):
    looks = []
    scandir = os.scandir
    monkeypatch.setattr("os.scandir", lambda path: looks.append(path) or scandir(path))
    digest = archives.add(packed("a"))
    looks.clear()
    for _ in range(3):
        assert archives.known(digest)
        assert archives.known("0" * 64) is None
    assert len(looks) == 1
    assert archives.known(archives.add(packed("b"))).checksum == crc64(packed("b"))


def test_code_from_a_folder_gets_its_archive_when_it_is_asked_for(archives, code):
    digest = code.add(CodeSource(files={"index.py": b"x = 1"}))
    assert archives.known(digest) is None
    made = archives.of(digest)
    assert archives.known(digest) == made
    assert made.checksum == crc64(open_bytes(made.path))
    with zipfile.ZipFile(made.path) as archive:
        assert archive.read("index.py") == b"x = 1"


def test_what_is_no_archive_leaves_nothing(archives, tmp_path):
    with pytest.raises(InvalidRequest):
        archives.add(b"no archive")
    assert not (tmp_path / "archives").exists()


def test_there_is_no_archive_of_code_that_is_not_there(archives):
    for digest in ("0" * 64, "../x", ""):
        with pytest.raises(NotFound):
            archives.of(digest)


def test_archives_whose_code_is_gone_are_deleted(archives, code, tmp_path):
    kept, gone = archives.add(packed("kept")), archives.add(packed("gone"))
    shutil.rmtree(code.path(gone))
    (tmp_path / "archives" / f"{kept}.1234.tmp").write_bytes(b"half")
    archives.remove_unused()
    assert names(tmp_path) == [os.path.basename(archives.of(kept).path)]


def test_a_home_without_archives_has_none_to_delete(archives):
    archives.remove_unused()


def test_a_full_disk_is_said(archives, monkeypatch):
    digest = archives.add(packed())

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("os.open", full)
    with pytest.raises(Unavailable):
        archives.add(packed(year=2022))
    assert archives.of(digest).checksum == crc64(packed())


def open_bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def every_path(archives, digest):
    folder = os.path.dirname(archives.of(digest).path)
    return [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith(digest)]
