"""Logs, health and payloads as the console reads them, from files."""

import os

import orjson
import pytest

from fun_local.console import logs, pages
from fun_local.console.health import PARTS, HealthReader, percentile
from fun_local.model.execution import Execution, LogSegment, Status
from fun_local.model.names import FunctionRef
from fun_local.store import buckets, history
from fun_local.store.documents import to_document
from fun_local.store.files import make_private_folder, write_atomically
from tests.conftest import ROOT
from tests.console.picture import MOST_BYTES

REF = FunctionRef("svc", "fn")
STATIC = ROOT / "fun_local" / "console" / "static"


def execution(seq=1, *, at=1000, status=Status.RUNNING, **changes):
    found = Execution.accepted(
        seq=seq, invocation_id=f"id-{seq}", request_id="r", function=REF, accepted_ms=at, payload=b""
    )
    return found.having(status=status, **changes)


# Logs


@pytest.fixture
def written(tmp_path):
    """A home with two log files."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_bytes(b"other|first attempt\n|other")
    (tmp_path / "logs" / "b.log").write_bytes("second é\nand more".encode())
    return str(tmp_path)


BOTH = (LogSegment("a.log", 6, 20), LogSegment("b.log", 0))


def test_attempts_are_one_text(written):
    part = logs.read(written, execution(logs=BOTH))
    assert part.text == "first attempt\nsecond é\nand more"
    assert part.attempts == (0, 14)
    assert (part.start, part.end, part.size) == (0, 32, 32)


def test_a_part_may_lie_across_files(written):
    part = logs.read(written, execution(logs=BOTH), 6, 20)
    assert (part.text, part.start, part.end) == ("attempt\nsecond", 6, 20)


def test_a_character_that_is_not_whole_yet_is_left_for_later(written):
    part = logs.read(written, execution(logs=BOTH), 14, 22)
    assert (part.text, part.end) == ("second ", 21)
    assert logs.read(written, execution(logs=BOTH), part.end, 24).text == "é\n"


@pytest.mark.parametrize("character", ["é", "中", "🙂"])
def test_every_character_comes_whole_however_it_is_cut(tmp_path, character):
    (tmp_path / "logs").mkdir()
    data = f"{character}a{character}".encode()
    (tmp_path / "logs" / "x.log").write_bytes(data)
    running = execution(logs=(LogSegment("x.log", 0),))
    text, start = "", 0
    for end in range(1, len(data) + 1):
        part = logs.read(str(tmp_path), running, start, end)
        text, start = text + part.text, part.end
    assert text == data.decode()


def test_a_log_that_is_no_text_is_shown_all_the_same(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "x.log").write_bytes(b"\xff\xfe\x80\x80\x80\x80")
    part = logs.read(str(tmp_path), execution(logs=(LogSegment("x.log", 0),)))
    assert part.end == 6


def test_the_end_of_a_long_log_begins_with_a_line(tmp_path):
    (tmp_path / "logs").mkdir()
    lines = b"".join(b"line %d\n" % number for number in range(60_000))
    (tmp_path / "logs" / "x.log").write_bytes(lines)
    part = logs.read(str(tmp_path), execution(logs=(LogSegment("x.log", 0, len(lines)),)))
    assert part.text.startswith("line ")
    assert part.end == part.size == len(lines)
    assert 0 < part.end - part.start <= logs.MOST_AT_ONCE


def test_a_log_file_that_is_gone_leaves_places_as_they_are(written):
    os.unlink(os.path.join(written, "logs", "a.log"))
    part = logs.read(written, execution(logs=BOTH))
    assert part.text == " " * 14 + "second é\nand more"


def test_an_attempt_that_a_crash_ended_has_no_part_of_its_own(written):
    part = logs.read(written, execution(logs=BOTH, status=Status.FAILED))
    assert part.text == "first attempt\n"


# Health


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7], 0.5, 7),
        ([1, 2, 3, 4], 0.5, 2),
        (list(range(1, 101)), 0.99, 99),
        ([1, 2], 0.99, 2),
    ],
)
def test_a_percentile_is_one_of_the_values(values, share, expected):
    assert percentile(values, share) == expected


def put(home, number, *executions):
    make_private_folder(buckets.folder(home))
    documents = {str(one.seq): to_document(one) for one in executions}
    write_atomically(buckets.bucket_path(home, number), orjson.dumps({buckets.TABLE: documents}))


def test_health_is_by_function_and_part_of_the_time(tmp_path):
    home = str(tmp_path)
    put(
        home,
        0,
        execution(1, at=0, status=Status.SUCCEEDED, duration_ms=5),
        execution(2, at=2999, status=Status.FAILED, duration_ms=50),
        execution(3, at=2999, status=Status.RUNNING),
        execution(4, at=1500, status=Status.EXPIRED),
    )
    found = HealthReader(home).read(0, 3000)[0]["svc/fn"]
    assert found.counts == {"Succeeded": 1, "Failed": 1, "Running": 1, "Expired": 1}
    assert (found.succeeded[0], found.failed[PARTS - 1], found.failed[PARTS // 2]) == (1, 1, 1)
    assert found.durations == [5, 50]
    assert found.to_dict()["p99Ms"] == 50


def test_health_sees_what_has_changed_and_reads_nothing_else_again(tmp_path, monkeypatch):
    home = str(tmp_path)
    put(home, 0, execution(1, status=Status.SUCCEEDED))
    put(home, 1, execution(201))
    reader = HealthReader(home)
    assert reader.read(0, 3000)[0]["svc/fn"].counts == {"Succeeded": 1, "Running": 1}
    read = []
    original = buckets.read_bucket
    monkeypatch.setattr(buckets, "read_bucket", lambda path: read.append(path) or original(path))
    put(home, 1, execution(201, status=Status.FAILED))
    assert reader.read(0, 3000)[0]["svc/fn"].counts == {"Succeeded": 1, "Failed": 1}
    assert read == [buckets.bucket_path(home, 1)]


def test_health_stops_where_everything_is_too_old(tmp_path, monkeypatch):
    home = str(tmp_path)
    put(home, 0, execution(1, at=10))
    put(home, 1, execution(201, at=20))
    put(home, 2, execution(401, at=5000))
    read = []
    original = buckets.read_bucket
    monkeypatch.setattr(buckets, "read_bucket", lambda path: read.append(path) or original(path))
    assert HealthReader(home).read(4000, 6000)[0]["svc/fn"].counts == {"Running": 1}
    assert buckets.bucket_path(home, 0) not in read


def test_health_says_when_there_is_more_than_it_looks_at(tmp_path, monkeypatch):
    monkeypatch.setattr("fun_local.console.health._MOST_BUCKETS", 2)
    home = str(tmp_path)
    for number in range(3):
        put(home, number, execution(number * 200 + 1))
    found, is_whole = HealthReader(home).read(0, 3000)
    assert (found["svc/fn"].counts, is_whole) == ({"Running": 2}, False)


# Lists


def test_a_prefix_reads_only_where_ids_begin_so(stand, monkeypatch):
    for number in range(410):
        stand.invoke("fast", id=f"plain-{number}")
    stand.settled(stand.invoke("fast", id="special"), "fast")
    read = []
    original = buckets.read_bucket
    monkeypatch.setattr(buckets, "read_bucket", lambda path: read.append(path) or original(path))
    found = history.History(stand.shell.home).page(history.Query(prefix="spec"), limit=10)
    assert [document["invocationId"] for _, document in found.documents] == ["special"]
    assert len(read) == 1


# The page's files


def test_the_page_is_small_as_it_lies_there_and_smaller_on_the_way():
    files = [path for path in STATIC.rglob("*") if path.suffix in (".js", ".css", ".html", ".svg")]
    assert sum(path.stat().st_size for path in files) < 150_000
    assert (
        sum(len(file.packed) for name, file in pages._files().items() if not name.endswith(".txt")) < 60_000
    )


def test_the_picture_of_the_readme_is_small():
    assert (ROOT / "docs" / "console.png").stat().st_size < MOST_BYTES


def test_the_page_names_no_other_host():
    for path in STATIC.rglob("*"):
        if path.suffix in (".js", ".css", ".html"):
            text = path.read_text().replace("http://www.w3.org/", "")  # names, not addresses
            assert "https://" not in text and "http://" not in text, path.name


def test_what_others_wrote_has_its_licence_beside_it():
    text = (STATIC / "vendor" / "LICENSES.txt").read_text()
    assert "MIT License" in text and "Apache License" in text
    assert {path.name for path in (STATIC / "vendor").iterdir()} == {"preact.js", "LICENSES.txt"}


def test_the_page_writes_no_html_by_hand():
    for path in STATIC.glob("*.js"):
        text = path.read_text()
        for word in (
            "innerHTML",
            "dangerouslySet",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert word not in text, f"{word} in {path.name}"


def test_a_part_that_has_not_changed_is_not_sent_again(stand):
    first = stand.ask("GET", "/console/static/app.js", headers={})
    again = stand.ask("GET", "/console/static/app.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status, again.status, again.body) == (200, 304, b"")


def test_parts_that_are_not_there_are_refused(stand):
    for target in (
        "/console/static/none.js",
        "/console/static/../routes.py",
        "/console/static/%2e%2e/routes.py",
    ):
        answer = stand.ask("GET", target, headers={})
        assert answer.status >= 400 or b'id="app"' in answer.body


def test_the_console_has_one_entrance(stand):
    answer = stand.ask("GET", "/console", headers={})
    assert (answer.status, answer.headers["Location"]) == (302, "/console/")
