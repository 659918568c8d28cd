"""What the dispatcher may rely on, from every implementation of ports.ExecutionStore; then the files."""

import asyncio
import contextlib
import json
import os
import random
import time
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tinydb import Query, TinyDB

from fun_local.errors import CorruptState, Unavailable
from fun_local.model.execution import TRANSITIONS, Execution, LogSegment, Status
from fun_local.model.names import FunctionRef
from fun_local.model.resources import AsyncConfig
from fun_local.ports import Draft
from fun_local.store import buckets, database, executions, files, queue
from fun_local.store import history as reading
from fun_local.store.buckets import BUCKET_SIZE
from fun_local.store.documents import INLINE_BYTES
from fun_local.store.executions import DiskExecutionStore
from fun_local.store.group_commit import GroupCommit

ORDER = FunctionRef("shop", "order")
LONG = INLINE_BYTES + 1


class DiskBackend:
    """The daemon's store over a home."""

    def __init__(self, home):
        self.home = str(home)

    @contextlib.asynccontextmanager
    async def open(self):
        writer = database.Writer(self.home)
        group = GroupCommit("queue", writer.commit)
        store = DiskExecutionStore(self.home, group.add)
        try:
            yield store
        finally:
            await store.close()
            await group.close()
            writer.close()

    def read(self, seq):
        """A record as another process sees it right now."""
        return buckets.read_bucket(self.path(seq // BUCKET_SIZE)).get(seq)

    def path(self, number):
        return buckets.bucket_path(self.home, number)

    def put(self, seqs):
        """Messages with these numbers into the queue."""

        def insert(connection):
            for seq in seqs:
                message = queue.insert(connection, Draft(f"id-{seq}", f"r-{seq}", ORDER, seq, seq, b"", True))
                connection.execute("UPDATE ids SET seq = ? WHERE seq = ?", (seq, message.seq))
                connection.execute("UPDATE messages SET seq = ? WHERE seq = ?", (seq, message.seq))
            connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages'", (max(seqs),))

        database.write_once(self.home, insert)

    def ack(self, seqs):
        def delete(connection):
            connection.executemany("DELETE FROM messages WHERE seq = ?", [(seq,) for seq in seqs])

        database.write_once(self.home, delete)

    def summaries(self):
        with contextlib.closing(database.connect(self.home)) as connection:
            return {row[0]: row[1:] for row in connection.execute("SELECT * FROM summaries")}


@pytest.fixture(params=[DiskBackend])
def backend(request, tmp_path):
    return request.param(tmp_path)


def execution(seq=1, status=Status.SUCCEEDED, **changes):
    """An execution that came to a status by the shortest way."""
    found = Execution.accepted(
        seq=seq,
        invocation_id=f"id-{seq}",
        request_id=f"r-{seq}",
        function=ORDER,
        accepted_ms=1000 + seq,
        payload=b'{"k": 1}',
    )
    for step in WAYS[status]:
        found = found.to(step, 2000 + seq)
    return replace(found, **changes)


def shortest_ways():
    ways = {Status.ENQUEUED: []}
    waiting = [Status.ENQUEUED]
    for before in waiting:
        for after in sorted(TRANSITIONS.get(before, ())):
            if after not in ways:
                ways[after] = [*ways[before], after]
                waiting.append(after)
    return ways


WAYS = shortest_ways()


def run(backend, story):
    async def main():
        async with backend.open() as store:
            return await story(store)

    return asyncio.run(main())


async def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.001)


def test_there_is_no_record_before_the_first_save(backend):
    async def story(store):
        assert store.get(1) is None
        await store.save_durably(execution(1))
        assert store.get(2) is None

    run(backend, story)


def test_a_saved_record_is_seen_at_once(backend):
    async def story(store):
        running = execution(1, Status.RUNNING)
        store.save(running)
        assert store.get(1) == running
        assert backend.read(1) is None

    run(backend, story)


def test_a_save_is_on_disk_in_a_moment(backend):
    async def story(store):
        running = execution(1, Status.RUNNING)
        store.save(running)
        await until(lambda: backend.read(1) is not None)
        assert backend.read(1)["status"] == "Running"
        assert store.get(1) == running

    run(backend, story)


def test_a_durable_save_is_on_disk_when_it_returns(backend):
    async def story(store):
        for n, status in enumerate(Status):
            await store.save_durably(execution(n, status))
            assert backend.read(n)["status"] == status

    run(backend, story)


def test_a_durable_save_is_synced_when_it_returns(backend, monkeypatch):
    synced = Counter()
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: (synced.update([os.readlink(f"/proc/self/fd/{fd}")]), fsync(fd))
    )

    async def story(store):
        synced.clear()
        await store.save_durably(execution(1, result=b"x" * LONG))
        folder = buckets.folder(backend.home)
        payloads = os.path.join(folder, "payloads")
        whole = [path for path in synced if path.endswith(files.TEMPORARY)]
        assert {os.path.dirname(path) for path in whole} == {folder, payloads}
        assert synced[folder] and synced[payloads]

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    run(backend, story)


def test_of_several_versions_the_newest_wins(backend):
    async def story(store):
        for status in (Status.DEQUEUED, Status.RUNNING, Status.RETRYING):
            store.save(execution(1, status))
        final = execution(1, Status.FAILED)
        await store.save_durably(final)
        assert store.get(1) == final
        assert backend.read(1)["status"] == "Failed"

    run(backend, story)
    assert backend.read(1)["status"] == "Failed"


def test_an_earlier_soft_save_never_overwrites_a_durable_one(backend):
    async def story(store):
        for seq in range(100):
            store.save(execution(seq, Status.RUNNING))
            if seq % 3:
                await asyncio.sleep(0)
            durable = asyncio.ensure_future(store.save_durably(execution(seq)))
            if seq % 2:
                await durable

    run(backend, story)
    assert {backend.read(seq)["status"] for seq in range(100)} == {"Succeeded"}


def test_closing_writes_what_is_pending(backend):
    async def story(store):
        for seq in range(10):
            store.save(execution(seq, Status.RUNNING))
        store.save_durably(execution(10))

    run(backend, story)
    assert [backend.read(seq)["status"] for seq in range(11)] == ["Running"] * 10 + ["Succeeded"]


def test_everything_of_a_record_comes_back(backend):
    full = execution(
        7,
        Status.FAILED,
        payload=b"\x00\xff",
        config=AsyncConfig(1, 60, True, "acs:mns:::/queues/a/messages", "acs:mns:::/queues/b/messages"),
        duration_ms=12.0,
        memory_mb=34.56,
        error="UnhandledInvocationError",
        result=b'{"errorMessage": "no"}',
        instance_id="c-1",
        destination_status="Succeeded",
        logs=(LogSegment("c-1.log", 3, 9), LogSegment("c-2.log", 0, None)),
        rerun_of="id-0",
        faults=("crash@1", "throttle@4"),
    )

    async def save(store):
        await store.save_durably(full)

    async def read(store):
        return store.get(7), store.records_in(0)

    run(backend, save)
    assert run(backend, read) == (full, {7: full})


@pytest.mark.parametrize("size", [0, 1, INLINE_BYTES, INLINE_BYTES + 1, 128 * 1024])
def test_a_payload_of_any_size_comes_back(backend, size):
    payload = random.Random(size).randbytes(size)

    async def story(store):
        await store.save_durably(execution(1, payload=payload, result=payload[::-1]))
        found = store.get(1)
        assert (found.payload, found.result) == (payload, payload[::-1])

    run(backend, story)
    names = sorted(os.listdir(os.path.join(buckets.folder(backend.home), "payloads")))
    assert names == (["1.invocationPayload", "1.returnPayload"] if size > INLINE_BYTES else [])
    if size > INLINE_BYTES:
        assert os.path.getsize(backend.path(0)) < 2000
        assert buckets.read_payload(backend.home, 1, "returnPayload") == payload[::-1]


def test_no_result_and_an_empty_one_are_different(backend):
    async def story(store):
        await store.save_durably(execution(1, result=None))
        await store.save_durably(execution(2, result=b""))
        assert (store.get(1).result, store.get(2).result) == (None, b"")

    run(backend, story)


def test_a_long_result_of_a_failed_attempt_is_replaced_by_that_of_the_next(backend):
    first, second = b"1" * LONG, b"2" * (LONG + 10)

    async def story(store):
        await store.save_durably(execution(1, Status.RETRYING, result=first))
        assert store.get(1).result == first
        await store.save_durably(execution(1, Status.FAILED, result=second))
        assert store.get(1).result == second
        await store.save_durably(execution(2, Status.RETRYING, result=first))
        await store.save_durably(execution(2, Status.SUCCEEDED, result=b"short"))
        assert store.get(2).result == b"short"

    run(backend, story)


def test_a_long_payload_is_written_once_on_the_way_to_the_end(backend, monkeypatch):
    written = count_writes(monkeypatch)

    async def story(store):
        payload = b"x" * LONG
        for status in (Status.DEQUEUED, Status.RUNNING, Status.SUCCEEDED):
            await store.save_durably(execution(1, status, payload=payload))
        assert written["1.invocationPayload"][0] == 1

    run(backend, story)


homes = iter(range(10**6))
payloads = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.builds(lambda part, n: part * n, st.binary(min_size=1, max_size=5), st.integers(800, 1700)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=payloads, result=st.none() | payloads, error=st.text(max_size=20))
def test_any_bytes_come_back(backend, tmp_path, payload, result, error):
    home = tmp_path / str(next(homes))
    home.mkdir()
    # Lone surrogates can't be encoded; error types are names of ours.
    saved = execution(3, payload=payload, result=result, error=error.encode(errors="replace").decode())

    async def save(store):
        await store.save_durably(saved)

    async def read(store):
        return store.get(3)

    other = type(backend)(home)
    run(other, save)
    assert run(other, read) == saved


# --- files that others may read


def test_a_bucket_opens_with_plain_tinydb(backend):
    async def story(store):
        store.save(execution(1, Status.RUNNING))
        await asyncio.gather(*(store.save_durably(execution(n, s)) for n, s in enumerate(Status, 2)))

    run(backend, story)
    with TinyDB(backend.path(0)) as found:
        assert len(found) == 11
        assert found.get(doc_id=1)["status"] == "Running"
        record = Query()
        assert [d.doc_id for d in found.search(record.status == "Failed")] == [
            2 + list(Status).index(Status.FAILED)
        ]
        assert found.search((record.functionName == "order") & (record.invocationId == "id-3"))
        found.insert({"status": "a document of theirs"})  # numbers go on after ours


def test_records_lie_in_buckets_by_their_number(backend):
    seqs = [0, 1, BUCKET_SIZE - 1, BUCKET_SIZE, 3 * BUCKET_SIZE + 7]

    async def story(store):
        await asyncio.gather(*(store.save_durably(execution(seq)) for seq in seqs))
        assert set(store.records_in(0)) == {0, 1, BUCKET_SIZE - 1}
        assert set(store.records_in(2)) == set()

    run(backend, story)
    assert list(buckets.buckets_on_disk(backend.home)) == [0, 1, 3]


def test_only_their_owner_can_read_the_files(backend):
    old = os.umask(0)
    try:

        async def story(store):
            await store.save_durably(execution(1, result=b"x" * LONG))

        run(backend, story)
    finally:
        os.umask(old)
    for folder, _, names in os.walk(buckets.folder(backend.home)):
        assert os.stat(folder).st_mode & 0o777 == 0o700
        for name in names:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o777 == 0o600


def test_what_writes_left_that_were_cut_off_is_removed_at_the_start(backend):
    async def story(store):
        await store.save_durably(execution(1, result=b"x" * LONG))

    run(backend, story)
    folder = buckets.folder(backend.home)
    left = [
        os.path.join(folder, "00000000.json.1234abcd.tmp"),
        os.path.join(folder, "payloads", "1.returnPayload.0.tmp"),
    ]
    for path in left:
        with open(path, "w") as file:
            file.write('{"_default": {"1": {"sta')

    async def look(store):
        assert store.get(1).result == b"x" * LONG

    run(backend, look)
    assert not any(map(os.path.exists, left))


# --- summaries


def names_of(found):
    return sorted(document["invocationId"] for _, document in found)


def test_a_bucket_gets_a_summary_when_all_in_it_is_settled(backend):
    async def story(store):
        backend.put([1, 2, BUCKET_SIZE])
        await store.save_durably(execution(1))
        await store.save_durably(execution(2, Status.RUNNING))
        await store.save_durably(execution(BUCKET_SIZE, Status.RUNNING))
        backend.ack([1])
        await store.save_durably(execution(2, Status.FAILED))
        await settle(store)
        assert backend.summaries() == {}  # 2 is final, but still owed
        backend.ack([2])
        await store.save_durably(execution(BUCKET_SIZE))
        await until(backend.summaries)
        first, last, last_end, counts = backend.summaries()[0]
        assert (first, last, last_end) == (1001, 1002, 2002)
        assert json.loads(counts) == {"shop/order Succeeded": 1, "shop/order Failed": 1}
        assert list(backend.summaries()) == [0]  # the newest bucket may still grow

    run(backend, story)


def test_a_bucket_with_somebody_who_waits_gets_no_summary(backend):
    """A waiting one has no record; a summary of the others would hide it once it has one."""

    async def story(store):
        backend.put([1, 2, BUCKET_SIZE])
        await store.save_durably(execution(1))
        backend.ack([1])
        await store.save_durably(execution(BUCKET_SIZE))
        await settle(store)
        assert backend.summaries() == {}

    run(backend, story)


async def settle(store):
    """What a commit of the store has set going on the loop has gone through the database."""
    await asyncio.sleep(0.02)
    await until(lambda: not store._tasks)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_summary_never_hides_a_match(backend, tmp_path, data):
    """Records are finished, acknowledged and deleted in any order, over three buckets."""
    home = tmp_path / str(next(homes))
    home.mkdir()
    other = type(backend)(home)
    seqs = [1, 2, 3, BUCKET_SIZE, BUCKET_SIZE + 1, 2 * BUCKET_SIZE]
    steps = data.draw(st.permutations(seqs * 3))
    ends = {seq: data.draw(st.sampled_from(sorted(s for s in Status if s.is_final))) for seq in seqs}

    async def story(store):
        other.put(seqs)
        expected = {f"id-{seq}": "Enqueued" for seq in seqs}
        done = Counter()
        for seq in steps:
            done[seq] += 1
            if done[seq] == 1:
                store.save(execution(seq, Status.DEQUEUED))
                await store.save_durably(execution(seq, ends[seq]))
                expected[f"id-{seq}"] = str(ends[seq])
            elif done[seq] == 2:
                other.ack([seq])
            elif seq % 2:
                await store.remove([seq])
                del expected[f"id-{seq}"]
            for status in {*expected.values(), "Running"}:
                query = reading.Query(statuses=frozenset({Status(status)}), function=ORDER, since_ms=1)
                found = names_of(reading.History(other.home).all(query))
                assert found == sorted(id for id, known in expected.items() if known == status)
        await settle(store)

    run(other, story)


# --- removing


def test_removing_deletes_the_record_and_its_payloads(backend):
    async def story(store):
        long = {"payload": b"x" * LONG, "result": b"y" * LONG}
        await asyncio.gather(*(store.save_durably(execution(n, **long)) for n in (1, 2)))
        await store.remove([1])
        assert store.get(1) is None
        assert store.get(2).result == b"y" * LONG

    run(backend, story)
    assert sorted(os.listdir(os.path.join(buckets.folder(backend.home), "payloads"))) == [
        "2.invocationPayload",
        "2.returnPayload",
    ]
    assert set(buckets.read_bucket(backend.path(0))) == {2}


def test_an_empty_bucket_is_deleted(backend):
    async def story(store):
        seqs = [1, 2, BUCKET_SIZE, 5 * BUCKET_SIZE]
        await asyncio.gather(*(store.save_durably(execution(seq)) for seq in seqs))
        await store.remove([1, 2, 5 * BUCKET_SIZE])
        assert list(buckets.buckets_on_disk(backend.home)) == [1]
        await store.save_durably(execution(3))  # a bucket may come back
        assert list(buckets.buckets_on_disk(backend.home)) == [0, 1]
        assert set(store.records_in(0)) == {3}

    run(backend, story)


def test_removing_what_is_not_there_does_nothing(backend):
    async def story(store):
        await store.save_durably(execution(1))
        await store.remove([2, 10 * BUCKET_SIZE])
        await store.remove([])
        assert store.get(1) == execution(1)

    run(backend, story)


# --- costs


def count_writes(monkeypatch):
    """How often each file is written, and how many bytes at the most."""
    written = {}
    write = files.write_atomically

    def counted(path, data):
        times, size = written.get(os.path.basename(path), (0, 0))
        written[os.path.basename(path)] = times + 1, max(size, len(data))
        write(path, data)

    monkeypatch.setattr(executions, "write_atomically", counted)
    return written


def test_what_a_save_costs_does_not_grow_with_history(backend, monkeypatch):
    async def fill(store):
        seqs = range(20 * BUCKET_SIZE)
        await asyncio.gather(*(store.save_durably(execution(seq)) for seq in seqs))

    async def save_one(store):
        written.clear()
        await store.save_durably(execution(40 * BUCKET_SIZE))
        return dict(written)

    written = count_writes(monkeypatch)
    alone = run(type(backend)(make_folder(backend.home, "alone")), save_one)
    run(backend, fill)
    opened = []
    read = buckets.read_bucket
    monkeypatch.setattr(buckets, "read_bucket", lambda path: opened.append(path) or read(path))
    assert run(backend, save_one) == alone
    assert list(alone.values()) == [(1, pytest.approx(900, rel=0.5))]
    assert len(opened) == 2  # the newest at the start, and its own


def make_folder(*parts):
    path = os.path.join(*parts)
    os.mkdir(path)
    return path


def test_what_is_saved_meanwhile_shares_a_write(backend, monkeypatch):
    written = count_writes(monkeypatch)

    async def story(store):
        for status in (Status.DEQUEUED, Status.RUNNING):
            for seq in range(BUCKET_SIZE):
                store.save(execution(seq, status))
        await asyncio.gather(*(store.save_durably(execution(seq)) for seq in range(BUCKET_SIZE)))
        assert written["00000000.json"][0] <= 3

    run(backend, story)
    assert {d["status"] for d in buckets.read_bucket(backend.path(0)).values()} == {"Succeeded"}


def test_a_bounded_number_of_buckets_is_kept_in_memory(backend):
    async def story(store):
        for number in range(40):
            await store.save_durably(execution(number * BUCKET_SIZE))
        assert len(store._open) <= 16
        for number in range(40):  # the ones that had to go come back
            await store.save_durably(execution(number * BUCKET_SIZE + 1))
        assert not store._unsaved

    run(backend, story)
    assert all(len(buckets.read_bucket(backend.path(number))) == 2 for number in range(40))


# --- when the disk says no


def test_a_save_that_fails_says_so_and_can_be_repeated(backend, monkeypatch):
    def full(path, data):
        raise Unavailable("StorageFull", "no space")

    async def story(store):
        await store.save_durably(execution(1, Status.RUNNING))
        with monkeypatch.context() as patched:
            patched.setattr(executions, "write_atomically", full)
            with pytest.raises(Unavailable):
                await store.save_durably(execution(1))
            store.save(execution(2, Status.RUNNING))
            assert backend.read(1)["status"] == "Running"
            assert store.get(1).status == Status.SUCCEEDED  # what happened, if not yet on disk
        await store.save_durably(execution(1))
        assert backend.read(1)["status"] == "Succeeded"

    run(backend, story)


def test_a_damaged_bucket_does_not_keep_others_from_being_saved(backend):
    async def story(store):
        with open(backend.path(0), "w") as file:
            file.write("not JSON")
        saves = [store.save_durably(execution(seq)) for seq in (1, BUCKET_SIZE)]
        damaged, sound = await asyncio.gather(*saves, return_exceptions=True)
        assert isinstance(damaged, CorruptState)
        assert sound is None
        assert backend.read(BUCKET_SIZE)["status"] == "Succeeded"
        os.unlink(backend.path(0))
        await store.save_durably(execution(1))
        assert backend.read(1)["status"] == "Succeeded"

    run(backend, story)
