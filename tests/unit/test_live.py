"""Logs that are handed on as they are written."""

from fun_local.local.live import followed
from tests.conftest import wait_for


def write(path, text):
    with open(path, "ab") as file:
        file.write(text)


def test_what_is_written_is_handed_on_before_the_end(tmp_path):
    parts = []
    with followed(str(tmp_path), parts.append):
        write(tmp_path / "one.log", b"first ")
        wait_for(lambda: b"".join(parts) == b"first ")
        write(tmp_path / "one.log", b"second")
        wait_for(lambda: b"".join(parts) == b"first second")


def test_what_was_written_last_is_handed_on_as_well(tmp_path):
    parts = []
    with followed(str(tmp_path), parts.append):
        write(tmp_path / "one.log", b"x" * 1_000_000)
    assert b"".join(parts) == b"x" * 1_000_000


def test_a_log_that_was_cut_is_followed_from_its_new_end(tmp_path):
    parts = []
    path = tmp_path / "one.log"
    with followed(str(tmp_path), parts.append):
        write(path, b"a long beginning")
        wait_for(lambda: parts)
        path.write_bytes(b"cut")
        write(tmp_path / "two.log", b".")  # once this has come the cut has been seen
        wait_for(lambda: b"".join(parts).endswith(b"."))
        write(path, b"the rest")
    assert b"".join(parts) == b"a long beginning.the rest"
