"""Lines of ours in an instance's log, and the log of one that prints without end."""

from fun_local.runtime import instance_log


def test_our_line_starts_on_a_line_of_its_own(tmp_path):
    path = tmp_path / "log"
    path.write_text("whole\n")
    instance_log.add_line(str(path), "ours")
    assert path.read_text() == "whole\nours\n"
    path.write_text("torn")
    instance_log.add_line(str(path), "ours")
    assert path.read_text() == "torn\nours\n"
    path.write_text("")
    instance_log.add_line(str(path), "ours")
    assert path.read_text() == "ours\n"


def test_a_log_is_cut_to_its_beginning_and_its_last_lines(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"begin " + b"x" * 20_000 + b"\n" + b"y" * 3_000 + b"\nlast\n")
    instance_log.cut(str(path), 6, "enough")
    assert path.read_bytes() == b"begin \nfun-local: enough\n" + b"y" * 3_000 + b"\nlast\n"
    path.write_bytes(b"one\ntwo\n")
    instance_log.cut(str(path), 4, "enough")
    assert path.read_bytes() == b"one\nfun-local: enough\n"


def test_a_log_that_somebody_removed_stays_away(tmp_path):
    path = str(tmp_path / "log")
    instance_log.cut(path, 1, "enough")
    assert instance_log.size(path) == 0
