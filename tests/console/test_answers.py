"""What the console asks beyond the vendor's APIs, of a daemon, without a browser."""

import base64
import http.client
import json
import time
from urllib.parse import urlsplit

import pytest

from tests import signing
from tests.conftest import wait_for


class Events:
    """A stream of events, read as they come."""

    def __init__(self, stand, query="", last_id=""):
        self.connection = http.client.HTTPConnection(urlsplit(stand.url).netloc, timeout=30)
        headers = {**stand.session, **({"Last-Event-ID": last_id} if last_id else {})}
        self.connection.request("GET", f"/local/events?{query}", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    def next(self, wanted):
        """The next event of a kind: its data, and its id."""
        return self.next_of(wanted)[1:]

    def next_of(self, *wanted):
        """The next event of one of some kinds: which, its data, and its id."""
        # The stream says something now and then: waiting for the wrong thing would never end.
        deadline = time.monotonic() + 25
        while True:
            assert time.monotonic() < deadline, f"nothing of {wanted} has come"
            fields = {}
            while line := self.answer.readline().decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields[name] = value
            assert fields, "the stream has ended"
            if fields.get("event") in wanted:
                return fields["event"], json.loads(fields["data"]), fields.get("id", "")

    def until(self, wanted, test):
        while True:
            data, id = self.next(wanted)
            if test(data):
                return data, id

    def close(self):
        self.connection.close()


@pytest.fixture
def events(stand):
    opened = []

    def open_(query="", last_id=""):
        opened.append(Events(stand, query, last_id))
        return opened[-1]

    yield open_
    for stream in opened:
        stream.close()


def has(id, status):
    return lambda data: any((r["invocationId"], r["status"]) == (id, status) for r in data["rows"])


# The stream


def test_the_stream_tells_of_changes(stand, events):
    stream = events()
    stream.next("hello")
    id = stand.invoke("fast")
    stream.until("executions", has(id, "Succeeded"))


def test_a_stream_goes_on_where_it_was(stand, events):
    stream = events()
    stream.next("hello")
    first = stand.invoke("fast")
    _, last_id = stream.until("executions", has(first, "Succeeded"))
    stream.close()
    missed = stand.invoke("fast")
    stand.settled(missed, "fast")
    resumed = events(last_id=last_id)
    data, _ = resumed.until("executions", has(missed, "Succeeded"))
    assert first not in [row["invocationId"] for row in data["rows"]]


@pytest.mark.parametrize("last_id", ["00000000-5", "nonsense", "-", "é"])
def test_a_stream_from_elsewhere_is_told_to_begin_anew(stand, events, last_id):
    stream = events(last_id=last_id.encode().decode("latin-1"))
    stream.next("reset")


def test_a_watched_execution_is_told_whole_with_its_log(stand, events):
    gate = stand.gate()
    id = stand.invoke(until=gate, steps=2, say="hello")
    stand.reaches(id, "Running")
    stream = events(f"function=shop/work&id={id}")
    record, _ = stream.next("record")
    assert (record["status"], record["invocationId"]) == ("Running", id)
    text = ""
    while "step 1 hello" not in text:
        part, _ = stream.next("log")
        assert part["start"] == len(text.encode())
        text += part["text"]
    stand.open(gate)
    while "FC Invoke End" not in text or record["status"] != "Succeeded":
        kind, data, _ = stream.next_of("record", "log")
        if kind == "log":
            text += data["text"]
        else:
            record = data


def test_a_log_is_told_from_where_it_was_left(stand, events):
    stand.settled(id := stand.invoke(steps=3, say="again"))
    whole = stand.get(f"/local/log?function=shop/work&id={id}")
    stream = events(f"function=shop/work&id={id}&logStart=10")
    part, _ = stream.next("log")
    assert (part["start"], part["text"]) == (10, whole["text"][10:])


def test_a_stream_about_nothing_is_refused(stand):
    assert stand.ask("GET", "/local/events?function=shop/work&id=none").status == 404


def test_a_daemon_with_open_streams_ends_at_once(stand):
    from tests.console.stand import serving

    with serving() as other:
        stream = Events(other)
        stream.next("hello")
        other.shell.fun("daemon", "stop")
        assert b"hello" not in stream.answer.read()
        stream.close()


# Lists and records


def test_rows_come_newest_first_and_in_pages_in_both_directions(stand):
    ids = [stand.invoke("fast", id=f"row-{number}") for number in range(7)]

    def page(query=""):
        found = stand.get(f"/local/executions?prefix=row-&limit=3{query}")
        return [row["invocationId"] for row in found["rows"]], found

    names, found = page()
    assert (names, found["more"]) == ([ids[6], ids[5], ids[4]], True)
    names, found = page(f"&before={found['rows'][-1]['seq']}")
    assert (names, found["more"]) == ([ids[3], ids[2], ids[1]], True)
    middle = found["rows"][0]["seq"]
    names, found = page(f"&before={found['rows'][-1]['seq']}")
    assert (names, found["more"]) == ([ids[0]], False)
    assert page(f"&after={middle}")[0] == [ids[6], ids[5], ids[4]]


def test_statuses_are_names_or_groups_of_them(stand):
    gate = stand.gate()
    stand.reaches(stand.invoke(until=gate, id="group-a"), "Running")
    stand.settled(stand.invoke(id="group-b"))

    def names(query):
        rows = stand.get(f"/local/executions?prefix=group-&{query}")["rows"]
        return [row["invocationId"] for row in rows]

    wait_for(lambda: names("status=final") == ["group-b"])  # until it is on disk
    assert names("status=active") == ["group-a"]
    assert names("status=Running&status=Succeeded") == ["group-b", "group-a"]
    assert names("status=Failed") == []


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("status=Odd", "active"),
        ("before=-1", "before"),
        ("since=now", "since"),
        ("limit=x", "limit"),
        ("function=main", "service/function"),
        ("function=%3Cb%3E", "function name"),
    ],
)
def test_a_filter_that_can_not_be_read_is_named(stand, query, word):
    answer = stand.ask("GET", f"/local/executions?{query}")
    assert answer.status == 400
    assert word in answer.json["ErrorMessage"]


def test_a_row_and_a_record_agree(stand):
    stand.settled(id := stand.invoke(fail="x"))
    record = stand.record(id)
    row = next(
        r for r in stand.get("/local/executions?function=shop/work")["rows"] if r["invocationId"] == id
    )
    assert {name: record[name] for name in row} == row


def test_a_record_shows_payloads_as_text_and_what_is_none_in_base64_too(stand):
    stand.settled(id := stand.invoke("fast", body=b"\xff\x00z"), "fast")
    record = stand.record(id, "fast")
    assert base64.b64decode(record["invocationPayload"]["base64"]) == b"\xff\x00z"
    assert record["invocationPayload"]["size"] == 3
    stand.settled(id := stand.invoke("fast", body="Zoë".encode()), "fast")
    assert stand.record(id, "fast")["returnPayload"] == {"text": "Zoë", "size": 4, "isWhole": True}


def test_a_long_payload_is_whole(stand):
    body = json.dumps({"text": "x" * 100_000}).encode()
    stand.settled(id := stand.invoke("fast", body=body), "fast")
    assert stand.record(id, "fast")["invocationPayload"]["text"].encode() == body


def test_an_id_that_two_functions_use_means_the_one_of_its_function(stand):
    stand.settled(stand.invoke("fast", id="twice", number=1), "fast")
    stand.settled(stand.invoke("work", id="twice", number=2))
    assert json.loads(stand.record("twice", "fast")["invocationPayload"]["text"]) == {"number": 1}
    answer = stand.ask("POST", "/local/retry", json={"function": "shop/fast", "id": "twice"})
    assert json.loads(stand.settled(answer.json["invocationId"], "fast")["invocationPayload"]["text"]) == {
        "number": 1
    }


def test_a_request_id_leads_to_its_execution(stand):
    record = stand.settled(stand.invoke("fast", id="found-by-request"), "fast")
    query = f"function=shop/fast&requestId={record['requestId']}&endTime={record['endTime']}"
    assert stand.get(f"/local/find?{query}")["invocationId"] == "found-by-request"
    assert stand.ask("GET", "/local/find?function=shop/fast&requestId=none").status == 404


# Running again


def test_a_retry_takes_another_payload(stand):
    stand.settled(id := stand.invoke("fast", number=1), "fast")
    sent = {"function": "shop/fast", "id": id, "payloadBase64": base64.b64encode(b"\xff").decode()}
    new = stand.ask("POST", "/local/retry", json=sent).json
    assert stand.record(new["invocationId"], "fast")["invocationPayload"]["size"] == 1
    assert new["rerunOf"] == id


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"{", 400, "JSON"),
        (b"[]", 400, "object"),
        (b"{}", 400, "function"),
        (b'{"function":"shop/fast","id":"none"}', 404, "none"),
        (b'{"function":"shop/fast","id":"none","payloadBase64":"?"}', 400, "base64"),
    ],
)
def test_a_retry_that_can_not_be_is_refused(stand, body, status, word):
    answer = stand.ask("POST", "/local/retry", body=body)
    assert answer.status == status
    assert word in answer.json["ErrorMessage"]


def test_a_running_execution_can_not_be_run_again(stand):
    stand.reaches(id := stand.invoke(until=stand.gate()), "Running")
    answer = stand.ask("POST", "/local/retry", json={"function": "shop/work", "id": id})
    assert (answer.status, answer.json["ErrorCode"]) == (409, "StatefulAsyncInvocationNotCompleted")


# Logs, health, who may ask


def test_a_part_of_a_log_is_where_it_says(stand):
    stand.settled(id := stand.invoke(steps=5, say="é"))
    whole = stand.get(f"/local/log?function=shop/work&id={id}")
    data = whole["text"].encode()
    assert whole["size"] == len(data)
    part = stand.get(f"/local/log?function=shop/work&id={id}&start=20&end=60")
    assert (part["start"], part["end"], part["text"].encode()) == (20, 60, data[20:60])


def test_each_attempt_begins_where_the_log_says(stand):
    stand.settled(id := stand.invoke(fail="x"))
    log = stand.get(f"/local/log?function=shop/work&id={id}")
    assert [
        log["text"].encode()[at:].decode().startswith("FC Invoke Start") for at in log["attempts"][1:]
    ] == [True]
    assert len(log["attempts"]) == 2


def test_health_counts_what_the_list_shows(stand):
    stand.settled(stand.invoke(fail="x"))
    rows = stand.get("/local/executions?function=shop/work&limit=200")["rows"]
    counted = wait_for(lambda: failed(stand, rows))
    assert counted["counts"]["Failed"] == sum(row["status"] == "Failed" for row in rows)
    assert counted["p50Ms"] is not None and counted["p50Ms"] <= counted["p99Ms"]
    assert sum(counted["failed"]) == counted["counts"]["Failed"]


def failed(stand, rows):
    """The health of a function, as soon as it is no longer the one of a moment ago."""
    health = stand.get("/local/health?seconds=3600")["functions"]["shop/work"]
    return health if health["counts"].get("Failed", 0) == sum(r["status"] == "Failed" for r in rows) else None


def test_who_signs_may_ask_as_well(stand):
    keys = stand.shell.fun("env", "--json").json
    pair = {"key": keys["ACCESS_KEY_ID"], "secret": keys["ACCESS_KEY_SECRET"]}
    headers = signing.fc("GET", "/local/status", **pair)
    assert stand.ask("GET", "/local/status", headers=headers).json["region"] == "cn-shanghai"
