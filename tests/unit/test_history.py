"""Reading executions: one by id, pages by filter."""

import asyncio
import base64
import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fun_local.errors import CorruptState, InvalidRequest, NotFound
from fun_local.model.deployed import Deployed
from fun_local.model.execution import Status
from fun_local.model.names import FunctionRef
from fun_local.model.resources import AsyncConfig, Function, Service
from fun_local.ports import Draft
from fun_local.store import buckets, database, queue, registry
from fun_local.store.buckets import BUCKET_SIZE
from fun_local.store.executions import DiskExecutionStore, summary_row
from fun_local.store.history import History, Query

ORDER = FunctionRef("shop", "order")
BILL = FunctionRef("shop", "bill")
OTHER = FunctionRef("other", "order")
FUNCTIONS = [ORDER, BILL, OTHER]

WAITING = Status.ENQUEUED


class Home:
    """A home that is filled directly: what waits goes into the queue, all else into buckets."""

    def __init__(self, path):
        self.path = str(path)
        self.history = History(self.path)
        self.records = {}

    def add(self, *rows, settled=True):
        """Executions: (id, function, status, accepted_ms[, ended_ms]), each after the last one."""
        records = []

        def insert(connection):
            for id, function, status, accepted_ms, *ended_ms in rows:
                draft = Draft(id, f"r-{id}-{accepted_ms}", function, accepted_ms, accepted_ms, b"{}", True)
                message = queue.insert(connection, draft)
                record = replace(message.accepted(), status=status, ended_ms=ended_ms[0] if ended_ms else 0)
                if status is not WAITING:
                    records.append(record)
                    if settled and status.is_final:
                        connection.execute("DELETE FROM messages WHERE seq = ?", (message.seq,))
                self.records[message.seq] = record

        database.write_once(self.path, insert)
        self.save(*records)
        return self

    def save(self, *records):
        async def save():
            async def no_index(operation):
                return False

            store = DiskExecutionStore(self.path, no_index)
            for record in records:
                store.save(record)
            await store.close()

        if records:
            asyncio.run(save())

    def skip_to(self, seq):
        """The next execution gets this number."""

        def skip(connection):
            connection.execute("DELETE FROM sqlite_sequence WHERE name = 'messages'")
            connection.execute("INSERT INTO sqlite_sequence VALUES ('messages', ?)", (seq - 1,))

        database.write_once(self.path, skip)

    def summarize(self, *numbers):
        """Summaries of buckets, as the daemon writes them."""
        rows = [
            summary_row(number, list(buckets.read_bucket(buckets.bucket_path(self.path, number)).values()))
            for number in numbers
        ]
        database.write_once(
            self.path, lambda db: db.executemany("INSERT OR REPLACE INTO summaries VALUES (?,?,?,?,?)", rows)
        )

    def ids(self, query=None, **options):
        return [document["invocationId"] for _, document in self.history.all(query or Query(), **options)]

    def pages(self, query, limit, *, ascending=False):
        token, pages = "", []
        while True:
            page = self.history.page(query, limit=limit, token=token, ascending=ascending)
            pages.append([document["invocationId"] for _, document in page.documents])
            if not (token := page.next_token):
                return pages


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


ROWS = [
    ("a-1", ORDER, Status.SUCCEEDED, 1000, 1500),
    ("a-2", ORDER, Status.FAILED, 2000, 2500),
    ("b-1", BILL, Status.SUCCEEDED, 3000, 3500),
    ("b-2", BILL, Status.RUNNING, 4000),
    ("c-1", OTHER, Status.STOPPED, 5000, 5500),
    ("c-2", ORDER, WAITING, 6000),
]


# --- one by id


def test_an_execution_is_found_by_its_id(home):
    home.add(*ROWS)
    for seq, row in enumerate(ROWS, 1):
        found, document = home.history.find(row[0])
        assert (found, document["invocationId"], document["status"]) == (seq, row[0], row[2])


def test_an_execution_is_found_by_the_beginning_of_its_id(home):
    home.add(("order-17", ORDER, Status.SUCCEEDED, 1), ("bill-17", BILL, WAITING, 2))
    assert home.history.find("o")[1]["invocationId"] == "order-17"
    assert home.history.find("bill-1")[1]["invocationId"] == "bill-17"


def test_a_whole_id_is_no_prefix(home):
    home.add(("a", ORDER, WAITING, 1), ("ab", ORDER, WAITING, 2), ("abc", ORDER, Status.FAILED, 3))
    assert home.history.find("a")[0] == 1
    assert home.history.find("ab")[0] == 2


def test_an_ambiguous_beginning_lists_the_candidates(home):
    home.add(*((f"id-{n}", ORDER, WAITING, n) for n in range(8)))
    with pytest.raises(InvalidRequest) as caught:
        home.history.find("id-")
    assert caught.value.code == "AmbiguousInvocationId"
    assert "id-0, id-1, id-2, id-3, id-4, …" in caught.value.message
    home.add(("x-1", ORDER, WAITING, 1), ("x-2", ORDER, WAITING, 1))
    with pytest.raises(InvalidRequest) as caught:
        home.history.find("x")
    assert caught.value.message.endswith("x-1, x-2")


@pytest.mark.parametrize("text", ["", "unknown", "b-12", "B-1", "b%", "_-1", "b-1\x00", "é", "~"])
def test_an_unknown_id_is_not_found(home, text):
    home.add(("b-1", ORDER, WAITING, 1))
    with pytest.raises(NotFound) as caught:
        home.history.find(text)
    assert caught.value.code == "StatefulAsyncInvocationNotFound"
    assert repr(text) in caught.value.message


def test_an_id_of_several_functions_means_the_newest(home):
    home.add(("a", ORDER, WAITING, 1), ("a", BILL, Status.FAILED, 2), ("a", OTHER, Status.SUCCEEDED, 3))
    assert home.history.find("a")[1]["serviceName"] == "other"
    home.add(("ab", ORDER, WAITING, 1), ("ab", BILL, WAITING, 2))
    assert home.history.find("ab")[1]["functionName"] == "bill"


def test_the_beginning_of_an_id_of_several_functions_is_not_ambiguous(home):
    home.add(("abc", ORDER, WAITING, 1), ("abc", BILL, Status.FAILED, 2))
    assert home.history.find("ab")[0] == 2


def test_a_record_that_was_deleted_is_not_found(home):
    home.add(("a", ORDER, Status.SUCCEEDED, 1))
    with open(buckets.bucket_path(home.path, 0), "w") as file:
        file.write('{"_default": {}}')
    with pytest.raises(NotFound):
        home.history.find("a")


def test_what_waits_is_read_from_the_queue(home):
    config = AsyncConfig(1, 60, True)
    function = Function("shop", "order", "python3", "index.handler", "0" * 64, async_config=config)
    registry.write(home.path, Deployed({"shop": Service("shop")}, {function.path: function}))
    home.add(("a", ORDER, WAITING, 1000))
    seq, document = home.history.find("a")
    assert document["status"] == "Enqueued"
    assert [event["status"] for event in document["events"]] == ["Enqueued"]
    assert document["asyncConfig"] == config.to_dict()
    assert home.history.payload(seq, document) == b"{}"
    assert home.history.payload(seq, document, "returnPayload") is None


def test_a_record_says_more_than_its_message(home):
    """Until it is acknowledged an execution is in both places."""
    home.add(("a", ORDER, Status.RUNNING, 1), ("b", ORDER, Status.SUCCEEDED, 2, 3), settled=False)
    assert home.history.find("a")[1]["status"] == "Running"
    assert home.history.find("b")[1]["status"] == "Succeeded"
    assert home.ids() == ["b", "a"]


def test_plain_invocations_are_not_listed(home):
    draft = Draft("plain", "r", ORDER, 1, 1, b"{}", stateful=False)
    database.write_once(home.path, lambda connection: queue.insert(connection, draft))
    home.add(("a", ORDER, WAITING, 2))
    assert home.ids() == ["a"]
    with pytest.raises(NotFound):
        home.history.find("plain")


def test_payloads_come_back_wherever_they_lie(home):
    home.add(("a", ORDER, Status.RUNNING, 1))
    for payload in (b"text", b"\xff\x00", b"x" * 100_000):
        record = replace(home.records[1], payload=payload, result=payload[::-1])
        home.save(record)
        seq, document = home.history.find("a")
        assert home.history.payload(seq, document) == payload
        assert home.history.payload(seq, document, "returnPayload") == payload[::-1]


# --- filters


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"]),
        (Query(function=ORDER), ["a-1", "a-2", "c-2"]),
        (Query(function=FunctionRef("shop", "order", "v1")), ["a-1", "a-2", "c-2"]),
        (Query(function=OTHER), ["c-1"]),
        (Query(function=FunctionRef("shop", "nobody")), []),
        (Query(statuses=frozenset({Status.SUCCEEDED})), ["a-1", "b-1"]),
        (Query(statuses=frozenset({Status.ENQUEUED, Status.RUNNING})), ["b-2", "c-2"]),
        (Query(statuses=frozenset({Status.INVALID})), []),
        (Query(prefix="a-"), ["a-1", "a-2"]),
        (Query(prefix="c-2"), ["c-2"]),
        (Query(prefix="-1"), []),
        (Query(since_ms=3000), ["b-1", "b-2", "c-1", "c-2"]),
        (Query(since_ms=3001), ["b-2", "c-1", "c-2"]),
        (Query(until_ms=3000), ["a-1", "a-2", "b-1"]),
        (Query(until_ms=2999), ["a-1", "a-2"]),
        (Query(since_ms=2000, until_ms=4000), ["a-2", "b-1", "b-2"]),
        (Query(since_ms=4000, until_ms=2000), []),
        (Query(since_ms=0), ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"]),
        (Query(until_ms=0), []),
        (Query(ended_before_ms=2501), ["a-1", "a-2"]),
        (Query(ended_before_ms=2500), ["a-1"]),
        (Query(function=ORDER, statuses=frozenset({Status.FAILED})), ["a-2"]),
        (Query(function=BILL, prefix="a"), []),
        (
            Query(
                function=ORDER,
                statuses=frozenset({Status.SUCCEEDED, Status.FAILED}),
                prefix="a-",
                since_ms=1001,
                until_ms=9000,
                ended_before_ms=9000,
            ),
            ["a-2"],
        ),
    ],
)
def test_a_filter_finds_what_it_says_in_both_orders(home, query, expected):
    home.add(*ROWS)
    assert home.ids(query, ascending=True) == expected
    assert home.ids(query) == expected[::-1]
    assert home.pages(query, 2, ascending=True) == chunks(expected, 2)
    assert home.pages(query, 2) == chunks(expected[::-1], 2)


def chunks(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)] or [[]]


def test_pages_visit_each_match_once_across_buckets(home):
    statuses = [Status.SUCCEEDED, WAITING, Status.FAILED, Status.RUNNING]
    home.add(*((f"id-{n}", FUNCTIONS[n % 3], statuses[n % 4], n) for n in range(3 * BUCKET_SIZE)))
    everything = [f"id-{n}" for n in range(3 * BUCKET_SIZE)]
    for limit in (1, 7, BUCKET_SIZE, 3 * BUCKET_SIZE):
        some = everything if limit > 1 else everything[:20]
        query = Query(until_ms=len(some) - 1)
        assert home.pages(query, limit, ascending=True) == chunks(some, limit)
        assert home.pages(query, limit) == chunks(some[::-1], limit)


def test_a_full_last_page_has_no_next_token(home):
    home.add(*ROWS)
    page = home.history.page(Query(), limit=6)
    assert len(page.documents) == 6 and page.next_token == ""


def test_what_comes_between_two_pages_disturbs_neither(home):
    home.add(*((f"id-{n}", ORDER, Status.SUCCEEDED, n) for n in range(6)))
    first = home.history.page(Query(), limit=3)
    home.add(("new", ORDER, WAITING, 99))
    second = home.history.page(Query(), limit=3, token=first.next_token)
    assert [d["invocationId"] for _, d in (*first.documents, *second.documents)] == [
        f"id-{n}" for n in range(5, -1, -1)
    ]


def test_a_token_survives_the_deletion_of_what_it_points_to(home):
    home.add(*((f"id-{n}", ORDER, WAITING, n) for n in range(6)))
    first = home.history.page(Query(), limit=3)
    database.write_once(home.path, lambda db: db.execute("DELETE FROM messages WHERE seq = 3"))
    second = home.history.page(Query(), limit=3, token=first.next_token)
    assert [document["invocationId"] for _, document in second.documents] == ["id-1", "id-0"]


@pytest.mark.parametrize(
    "token",
    [
        "no token",
        "é",
        "====",
        "a",
        base64.urlsafe_b64encode(b"seq:").decode(),
        base64.urlsafe_b64encode(b"seq:one").decode(),
        base64.urlsafe_b64encode(b"page:1").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_token_that_is_not_ours_is_refused(home, token):
    home.add(*ROWS)
    with pytest.raises(InvalidRequest) as caught:
        home.history.page(Query(), limit=3, token=token)
    assert caught.value.code == "InvalidArgument"
    assert token in caught.value.message
    assert "nextToken" in caught.value.hint


def test_a_token_from_beyond_the_ends_is_an_empty_page_or_all(home):
    home.add(*ROWS)
    far = base64.urlsafe_b64encode(b"seq:999999999999").decode()
    assert len(home.history.page(Query(), limit=9, token=far).documents) == 6
    assert home.history.page(Query(), limit=9, token=far, ascending=True).documents == []


# --- homes without anything


def test_a_home_without_a_database_has_no_executions(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        history = History(str(path))
        assert history.page(Query(), limit=10).documents == []
        assert list(history.all(Query())) == []
        with pytest.raises(NotFound):
            history.find("a")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_has_no_executions(home):
    database.connect(home.path).close()
    assert home.ids() == []
    with pytest.raises(NotFound):
        home.history.find("a")


# --- summaries


def test_a_bucket_whose_summary_excludes_a_match_is_not_read(home):
    home.add(("a", ORDER, Status.SUCCEEDED, 1000, 2000))
    home.skip_to(BUCKET_SIZE)
    home.add(("b", BILL, Status.FAILED, 5000, 6000))
    home.summarize(0, 1)
    with open(buckets.bucket_path(home.path, 0), "w") as file:
        file.write("reading this would fail")
    for query in (
        Query(function=BILL),
        Query(statuses=frozenset({Status.FAILED, Status.RUNNING})),
        Query(since_ms=1001),
        Query(prefix="b"),
        Query(function=BILL, statuses=frozenset({Status.FAILED}), since_ms=1001, until_ms=9000),
    ):
        assert home.ids(query) == ["b"]
    assert home.ids(Query(until_ms=999)) == []
    assert home.ids(Query(function=ORDER, statuses=frozenset({Status.FAILED}))) == []
    for query in (Query(), Query(function=ORDER), Query(since_ms=1000), Query(prefix="a")):
        with pytest.raises(CorruptState):
            home.ids(query)


functions = st.sampled_from(FUNCTIONS)
statuses = st.sampled_from(sorted(Status))
times = st.integers(0, 30)
rows = st.tuples(functions, statuses, times, st.integers(0, 10), st.integers(0, 2))
queries = st.builds(
    Query,
    st.none() | functions,
    st.frozensets(statuses, max_size=3),
    st.sampled_from(["", "a", "b-", "id-1"]),
    st.none() | times,
    st.none() | times,
    st.none() | times,
)
homes = iter(range(10**6))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    some=st.lists(rows, max_size=12),
    some_queries=st.lists(queries, min_size=1, max_size=8),
    limit=st.integers(1, 5),
    with_summaries=st.booleans(),
)
def test_page_by_page_equals_a_filter_over_all(tmp_path, some, some_queries, limit, with_summaries):
    path = tmp_path / str(next(homes))
    path.mkdir()
    home = Home(path)
    expected = []
    database.connect(home.path).close()
    for n, (function, status, accepted_ms, took_ms, gap) in enumerate(some):
        ended_ms = accepted_ms + took_ms + 1  # nothing ends before it was accepted
        if gap == 2:  # the rest of this bucket stays empty
            home.skip_to((n + 1) * BUCKET_SIZE)
        id = f"{['id', 'a', 'b'][n % 3]}-{n}"
        home.add((id, function, status, accepted_ms, *([ended_ms] if status.is_final else [])))
        expected.append((id, function, status, accepted_ms, ended_ms if status.is_final else 0))
    if with_summaries:
        settled = {}
        for seq, record in home.records.items():
            settled.setdefault(seq // BUCKET_SIZE, []).append(record.status.is_final)
        home.summarize(*(number for number, ends in settled.items() if all(ends)))
    for query in some_queries:
        wanted = [row[0] for row in expected if is_wanted(query, *row)]
        assert home.ids(query, ascending=True) == wanted
        assert home.pages(query, limit, ascending=True) == chunks(wanted, limit)
        assert home.pages(query, limit) == chunks(wanted[::-1], limit)


def is_wanted(query, id, function, status, accepted_ms, ended_ms):
    """The same filter, said once more."""
    if query.function and query.function.path != function.path:
        return False
    if query.statuses and status not in query.statuses:
        return False
    if query.since_ms is not None and accepted_ms < query.since_ms:
        return False
    if query.until_ms is not None and accepted_ms > query.until_ms:
        return False
    if query.ended_before_ms is not None and not (ended_ms and ended_ms < query.ended_before_ms):
        return False
    return id[: len(query.prefix)] == query.prefix


def test_reading_leaves_no_file_open_and_changes_nothing(home):
    home.add(*ROWS)
    before = {path.name: path.stat().st_mtime_ns for path in home_files(home)}
    for _ in range(3):
        home.ids()
        home.history.find("a-1")
        with contextlib.suppress(NotFound):
            home.history.find("nobody")
    after = {path.name: path.stat().st_mtime_ns for path in home_files(home)}
    assert {name: time for name, time in after.items() if not name.startswith("queue.db-")} == before


def home_files(home):
    return [path for path in Path(home.path).rglob("*") if path.is_file()]


def test_documents_have_the_vendors_field_names(home):
    """fc-api 13.3."""
    home.add(*ROWS[:1])
    _, document = home.history.find("a-1")
    assert {
        "invocationId",
        "requestId",
        "serviceName",
        "functionName",
        "qualifier",
        "status",
        "startedTime",
        "endTime",
        "durationMs",
        "alreadyRetriedTimes",
        "instanceId",
        "destinationStatus",
        "invocationErrorMessage",
        "invocationPayload",
        "events",
    } <= set(document)
    assert json.loads(json.dumps(document)) == document
