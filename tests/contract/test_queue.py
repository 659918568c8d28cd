"""What the dispatcher may rely on, from every implementation of ports.Queue."""

import asyncio
import contextlib
import itertools
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fun_local.errors import Conflict, CorruptState
from fun_local.model.names import FunctionRef
from fun_local.ports import Draft, Message
from fun_local.store import database, queue
from fun_local.store.group_commit import GroupCommit
from fun_local.store.queue import DiskQueue

ORDER = FunctionRef("shop", "order")
BILL = FunctionRef("shop", "bill")
OTHER_VERSION = FunctionRef("shop", "order", "v1")


class DiskBackend:
    """The daemon's queue over a home."""

    def __init__(self, home):
        self.home = str(home)

    @contextlib.asynccontextmanager
    async def open(self):
        writer = database.Writer(self.home)
        reader = database.connect(self.home, read_only=True)
        group = GroupCommit("queue", writer.commit)
        try:
            yield DiskQueue(reader, group.add)
        finally:
            await group.close()
            reader.close()
            writer.close()

    def put_elsewhere(self, draft):
        """Put as another process does."""
        return database.write_once(self.home, lambda connection: queue.insert(connection, draft))


@pytest.fixture(params=[DiskBackend])
def backend(request, tmp_path):
    return request.param(tmp_path)


def draft(id, function=ORDER, *, due_ms=1000, **changes):
    fields = {"accepted_ms": 1000, "payload": b'{"k": 1}', "stateful": True, **changes}
    return Draft(id, fields.pop("request_id", f"request-{id}"), function, due_ms=due_ms, **fields)


def run(backend, story):
    """Run a story on an open queue."""

    async def main():
        async with backend.open() as opened:
            return await story(opened)

    return asyncio.run(main())


def ids(messages):
    return [message.invocation_id for message in messages]


def due(opened, now_ms=5000, *, function=ORDER, skip=(), limit=100):
    return opened.due(function, now_ms, skip=skip, limit=limit)


def test_a_message_comes_back_as_it_was_put(backend):
    everything = draft(
        "a", OTHER_VERSION, payload=bytes(range(256)), rerun_of="b", stateful=False, due_ms=1500
    )

    async def story(opened):
        message = await opened.put(everything)
        assert message == Message(
            message.seq, "a", "request-a", OTHER_VERSION, 1000, 1500, bytes(range(256)), False, rerun_of="b"
        )
        assert opened.get(message.seq) == message
        assert list(due(opened, function=OTHER_VERSION)) == [message]

    run(backend, story)


def test_a_message_keeps_how_deep_it_is_where_its_failure_goes_and_its_fault(backend):
    async def story(opened):
        bad = "acs:mns:::/queues/bad/messages"
        message = await opened.put(draft("a", depth=3, on_failure=bad, fault="crash@1"))
        assert (message.depth, message.on_failure, message.fault) == (3, bad, "crash@1")
        assert opened.get(message.seq) == message

    run(backend, story)


def test_an_outcome_is_handed_on_once(backend):
    async def story(opened):
        source = await opened.put(draft("a"))
        handed = await asyncio.gather(
            *(opened.hand_on(draft(f"b{n}", BILL), settles=source.seq) for n in range(5))
        )
        assert [message and message.invocation_id for message in handed] == ["b0", None, None, None, None]
        assert ids(due(opened, function=BILL)) == ["b0"]
        assert opened.get(source.seq).is_delivered

    run(backend, story)


def test_what_is_gone_has_no_outcome_to_hand_on(backend):
    async def story(opened):
        source = await opened.put(draft("a"))
        await opened.ack(source.seq)
        assert await opened.hand_on(draft("b", BILL), settles=source.seq) is None
        assert ids(due(opened, function=BILL)) == []

    run(backend, story)


def test_an_outcome_that_can_not_be_handed_on_is_not_delivered(backend):
    async def story(opened):
        source = await opened.put(draft("a"))
        await opened.put(draft("taken", BILL))
        with pytest.raises(Conflict):
            await opened.hand_on(draft("taken", BILL, request_id="other"), settles=source.seq)
        assert not opened.get(source.seq).is_delivered

    run(backend, story)


def test_messages_are_numbered_in_the_order_of_acceptance(backend):
    async def story(opened):
        messages = await asyncio.gather(*(opened.put(draft(f"a{n}")) for n in range(20)))
        assert ids(sorted(messages, key=lambda m: m.seq)) == [f"a{n}" for n in range(20)]
        assert list(opened.unsettled()) == sorted(m.seq for m in messages)

    run(backend, story)


def test_numbers_are_not_used_again(backend):
    async def story(opened):
        first = await opened.put(draft("a"))
        await opened.ack(first.seq)
        assert (await opened.put(draft("b"))).seq > first.seq

    run(backend, story)


def test_what_is_due_comes_oldest_first(backend):
    async def story(opened):
        for id, due_ms in (("late", 3000), ("first", 1000), ("second", 1000), ("middle", 2000)):
            await opened.put(draft(id, due_ms=due_ms))
        assert ids(due(opened, 999)) == []
        assert ids(due(opened, 1000)) == ["first", "second"]
        assert ids(due(opened, 2999)) == ["first", "second", "middle"]
        assert ids(due(opened, 3000)) == ["first", "second", "middle", "late"]

    run(backend, story)


def test_due_passes_over_what_is_being_run_and_keeps_to_its_limit(backend):
    async def story(opened):
        messages = [await opened.put(draft(f"a{n}")) for n in range(6)]
        skip = {messages[0].seq, messages[2].seq}
        assert ids(due(opened, skip=skip)) == ["a1", "a3", "a4", "a5"]
        assert ids(due(opened, skip=skip, limit=2)) == ["a1", "a3"]
        assert ids(due(opened, skip={m.seq for m in messages})) == []
        assert ids(due(opened, limit=1)) == ["a0"]
        assert ids(due(opened, skip={999_999}, limit=3)) == ["a0", "a1", "a2"]

    run(backend, story)


def test_each_function_and_version_has_its_own_line(backend):
    async def story(opened):
        await opened.put(draft("a", ORDER))
        await opened.put(draft("b", BILL))
        await opened.put(draft("c", OTHER_VERSION))
        assert ids(due(opened)) == ["a"]
        assert ids(due(opened, function=BILL)) == ["b"]
        assert ids(due(opened, function=OTHER_VERSION)) == ["c"]
        assert set(opened.functions()) == {ORDER, BILL, OTHER_VERSION}

    run(backend, story)


def test_functions_are_those_with_a_message_each_once(backend):
    async def story(opened):
        assert list(opened.functions()) == []
        messages = [await opened.put(draft(f"a{n}", due_ms=10**13)) for n in range(3)]
        assert list(opened.functions()) == [ORDER]
        for message in messages:
            await opened.ack(message.seq)
        assert list(opened.functions()) == []

    run(backend, story)


def test_an_id_in_use_is_refused(backend):
    async def story(opened):
        message = await opened.put(draft("a"))
        for _ in range(2):
            with pytest.raises(Conflict) as caught:
                await opened.put(draft("a", request_id="another"))
            assert caught.value.code == "StatefulAsyncInvocationAlreadyExists"
            assert "'a'" in caught.value.message and "shop/order" in caught.value.message
            await opened.ack(message.seq)  # for the second round: finished or not makes no difference
        with pytest.raises(Conflict):
            await opened.put(draft("a", OTHER_VERSION, request_id="a version is the same function"))
        assert opened.count() == 0

    run(backend, story)


def test_ids_are_unique_per_function_only(backend):
    async def story(opened):
        await opened.put(draft("a"))
        await opened.put(draft("a", BILL))
        await opened.put(draft("a", FunctionRef("other", "order")))
        assert opened.count() == 3

    run(backend, story)


def test_the_same_request_twice_gives_the_first_message(backend):
    async def story(opened):
        first = await opened.put(draft("a"))
        again = await opened.put(replace(draft("a"), payload=b"other", accepted_ms=2000))
        assert again == first
        await opened.postpone(first.seq, due_ms=7000, attempts=1)
        assert (await opened.put(draft("a"))).attempts == 1
        assert opened.count() == 1

    run(backend, story)


def test_of_equal_ids_put_at_once_one_is_accepted(backend):
    async def story(opened):
        drafts = [draft("a", request_id=f"r{n}") for n in range(10)]
        answers = await asyncio.gather(*map(opened.put, drafts), return_exceptions=True)
        assert [type(answer) for answer in answers] == [Message] + [Conflict] * 9
        assert opened.count() == 1

    run(backend, story)


def test_a_refused_put_leaves_the_others_of_its_batch_alone(backend):
    async def story(opened):
        await opened.put(draft("taken"))
        batch = [draft("a"), draft("taken", request_id="r"), draft("b")]
        answers = await asyncio.gather(*map(opened.put, batch), return_exceptions=True)
        assert isinstance(answers[1], Conflict)
        assert ids(due(opened)) == ["taken", "a", "b"]

    run(backend, story)


def test_plain_invocations_may_share_an_id(backend):
    async def story(opened):
        await opened.put(draft("a", stateful=False))
        await opened.put(draft("a", stateful=False, request_id="r"))
        await opened.put(draft("a"))
        assert ids(due(opened)) == ["a", "a", "a"]

    run(backend, story)


def test_a_released_id_can_be_used_again(backend):
    async def story(opened):
        message = await opened.put(draft("a"))
        await opened.ack(message.seq)
        await opened.release_ids([message.seq])
        assert (await opened.put(draft("a", request_id="r"))).seq > message.seq

    run(backend, story)


def test_postponing_keeps_the_message_for_later(backend):
    async def story(opened):
        first = await opened.put(draft("a"))
        await opened.put(draft("b", due_ms=2000))
        await opened.postpone(first.seq, due_ms=3000, attempts=2)
        assert ids(due(opened, 2999)) == ["b"]
        assert ids(due(opened, 3000)) == ["b", "a"]
        assert opened.get(first.seq) == replace(first, due_ms=3000, attempts=2)

    run(backend, story)


def test_a_delivery_is_marked(backend):
    async def story(opened):
        message = await opened.put(draft("a"))
        assert not opened.get(message.seq).is_delivered
        await opened.mark_delivered(message.seq)
        assert opened.get(message.seq) == replace(message, is_delivered=True)

    run(backend, story)


def test_an_acknowledged_message_is_gone(backend):
    async def story(opened):
        message = await opened.put(draft("a"))
        await opened.ack(message.seq)
        assert opened.get(message.seq) is None
        assert list(due(opened)) == []
        assert opened.count() == 0
        # Late words about it do nothing.
        await opened.ack(message.seq)
        await opened.postpone(message.seq, due_ms=1, attempts=1)
        await opened.mark_delivered(message.seq)
        assert opened.count() == 0

    run(backend, story)


def test_next_due_is_the_earliest_after_a_time(backend):
    async def story(opened):
        assert opened.next_due_ms(0) is None
        for id, due_ms in (("a", 3000), ("b", 2000), ("c", 4000)):
            await opened.put(draft(id, due_ms=due_ms))
        assert opened.next_due_ms(0) == 2000
        assert opened.next_due_ms(1999) == 2000
        assert opened.next_due_ms(2000) == 3000
        assert opened.next_due_ms(4000) is None

    run(backend, story)


def test_what_another_process_puts_is_seen(backend):
    async def story(opened):
        first = await opened.put(draft("a"))
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as thread:
            other = await loop.run_in_executor(thread, backend.put_elsewhere, draft("b"))
            with pytest.raises(Conflict):
                await loop.run_in_executor(thread, backend.put_elsewhere, draft("a", request_id="r"))
        assert other.seq > first.seq
        assert ids(due(opened)) == ["a", "b"]
        with pytest.raises(Conflict):
            await opened.put(draft("b", request_id="r"))

    run(backend, story)


def test_everything_is_there_after_a_restart(backend):
    async def before(opened):
        for id in "abc":
            await opened.put(draft(id))
        a, b, _ = due(opened)
        await opened.ack(a.seq)
        await opened.postpone(b.seq, due_ms=4000, attempts=3)
        return list(due(opened)), list(opened.unsettled())

    async def after(opened):
        return list(due(opened)), list(opened.unsettled())

    assert run(backend, before) == run(backend, after)


def test_what_awaits_a_put_sees_it(backend):
    """Reading needs no waiting: an answered write is in what is read next."""

    async def story(opened):
        for n in range(50):
            message = await opened.put(draft(f"a{n}"))
            assert opened.get(message.seq) == message
            await opened.ack(message.seq)
            assert opened.get(message.seq) is None

    run(backend, story)


# --- against a model: a plain list


class Model:
    """The queue as a list of messages."""

    def __init__(self):
        self.messages = []
        self.taken = {}

    def find(self, seq):
        return next((m for m in self.messages if m.seq == seq), None)

    def change(self, seq, **changes):
        self.messages = [replace(m, **changes) if m.seq == seq else m for m in self.messages]

    def due(self, function, now_ms, skip, limit):
        found = [m for m in self.messages if m.function == function and m.due_ms <= now_ms]
        found.sort(key=lambda m: (m.due_ms, m.seq))
        return [m for m in found if m.seq not in skip][:limit]


FUNCTIONS = [ORDER, BILL, OTHER_VERSION]
times = st.integers(0, 20)
functions = st.sampled_from(FUNCTIONS)
numbers = st.integers(0, 30)

verbs = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 8), functions, times, st.booleans(), st.integers(0, 2)),
    st.tuples(st.just("postpone"), numbers, times, st.integers(0, 4)),
    st.tuples(st.just("mark_delivered"), numbers),
    st.tuples(st.just("ack"), numbers),
    st.tuples(st.just("release_ids"), numbers),
    st.tuples(st.just("due"), functions, times, st.sets(numbers, max_size=5), st.integers(1, 6)),
    st.tuples(st.just("next_due_ms"), times),
)

homes = itertools.count()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(verbs, max_size=40))
def test_the_queue_does_what_a_list_would(backend, tmp_path, story):
    home = tmp_path / str(next(homes))
    home.mkdir()
    model = Model()

    async def play(opened):
        seqs = []  # by order of the puts, so that verbs can name messages by small numbers
        for verb, *values in story:
            if verb == "put":
                id, function, due_ms, stateful, request = values
                wanted = draft(
                    f"i{id}", function, due_ms=due_ms, stateful=stateful, request_id=f"r{id}-{request}"
                )
                key = (wanted.invocation_id, function.path)
                old = model.find(model.taken.get(key)) if stateful else None
                if stateful and key in model.taken and (old is None or old.request_id != wanted.request_id):
                    with pytest.raises(Conflict):
                        await opened.put(wanted)
                    continue
                message = await opened.put(wanted)
                if old is not None:
                    assert message == old
                    continue
                seqs.append(message.seq)
                assert message.seq == max(seqs)
                if stateful:
                    model.taken[key] = message.seq
                fields = (message.seq, wanted.invocation_id, wanted.request_id, function, 1000, due_ms)
                model.messages.append(Message(*fields, wanted.payload, stateful))
            elif verb == "due":
                function, now_ms, skip, limit = values
                skip = {seqs[n] for n in skip if n < len(seqs)}
                assert list(opened.due(function, now_ms, skip=skip, limit=limit)) == model.due(
                    function, now_ms, skip, limit
                )
            elif verb == "next_due_ms":
                later = [m.due_ms for m in model.messages if m.due_ms > values[0]]
                assert opened.next_due_ms(values[0]) == min(later, default=None)
            elif values[0] < len(seqs):
                seq = seqs[values[0]]
                if verb == "postpone":
                    await opened.postpone(seq, due_ms=values[1], attempts=values[2])
                    model.change(seq, due_ms=values[1], attempts=values[2])
                elif verb == "mark_delivered":
                    await opened.mark_delivered(seq)
                    model.change(seq, is_delivered=True)
                elif verb == "ack":
                    await opened.ack(seq)
                    model.messages = [m for m in model.messages if m.seq != seq]
                elif model.find(seq) is None:  # only records that are finished are deleted
                    await opened.release_ids([seq])
                    model.taken = {key: used for key, used in model.taken.items() if used != seq}
            assert list(opened.unsettled()) == [m.seq for m in model.messages]
            assert opened.count() == len(model.messages)
            assert [opened.get(seq) for seq in seqs] == [model.find(seq) for seq in seqs]
            assert set(opened.functions()) == {m.function for m in model.messages}

    run(type(backend)(home), play)


# --- the file itself

PUTTER = """\
import sys
from fun_local.model.names import FunctionRef
from fun_local.ports import Draft
from fun_local.store import database, queue

home, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for n in range(count):
    draft = Draft(f"{name}-{n}", f"r-{name}-{n}", FunctionRef("shop", name), 1, 1, b"x" * 2000, True)
    print(database.write_once(home, lambda connection: queue.insert(connection, draft)).seq, flush=True)
"""


def test_processes_that_put_at_once_lose_nothing(tmp_path, monkeypatch):
    """While the daemon commits, acknowledges and moves the log into the file as often as it can."""
    monkeypatch.setattr(database, "_CHECKPOINT_COMMITS", 3)
    backend = DiskBackend(tmp_path)
    commits = 0

    async def story(opened):
        nonlocal commits
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PUTTER, str(tmp_path), f"f{n}", "50"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(4)
        ]
        while commits < 20 or any(process.poll() is None for process in processes):
            message = await opened.put(draft(f"own-{commits}", payload=b"y" * 5000))
            if commits % 2:
                await opened.ack(message.seq)
            commits += 1
        seqs = []
        for process in processes:
            out, _ = process.communicate()
            assert process.returncode == 0
            seqs += [int(line) for line in out.split()]
        assert len(set(seqs)) == 200
        for n in range(4):
            found = opened.due(FunctionRef("shop", f"f{n}"), 1, skip=(), limit=1000)
            assert ids(found) == [f"f{n}-{i}" for i in range(50)]
        assert set(seqs) <= set(opened.unsettled())
        assert len(due(opened, limit=100_000)) == (commits + 1) // 2

    run(backend, story)
    assert commits > 10
    with contextlib.closing(database.connect(str(tmp_path))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM messages").fetchone()[0] == 200 + (commits + 1) // 2


def test_processes_that_make_the_database_at_once_make_one(tmp_path):
    command = [sys.executable, "-c", PUTTER, str(tmp_path)]
    processes = [subprocess.Popen([*command, f"f{n}", "3"], stdout=subprocess.PIPE) for n in range(4)]
    assert [(process.communicate(), process.returncode)[1] for process in processes] == [0] * 4
    with contextlib.closing(database.connect(str(tmp_path), read_only=True)) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone()[0] == 12


def test_of_a_batch_only_the_failing_operation_is_undone(tmp_path):
    writer = database.Writer(str(tmp_path))

    def half(connection):
        queue.insert(connection, draft("half"))
        raise Conflict("Code", "no")

    answers = writer.commit(
        [
            lambda connection: queue.insert(connection, draft("a")),
            half,
            lambda connection: queue.insert(connection, draft("b")),
        ]
    )
    assert [answer.invocation_id for answer in (answers[0], answers[2])] == ["a", "b"]
    assert isinstance(answers[1], Conflict)
    rows = writer.commit([lambda connection: connection.execute("SELECT id FROM ids ORDER BY id").fetchall()])
    assert rows == [[("a",), ("b",)]]
    writer.close()


def test_a_defect_undoes_the_whole_batch(tmp_path):
    writer = database.Writer(str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        writer.commit([lambda connection: queue.insert(connection, draft("a")), lambda connection: 1 / 0])
    assert writer.commit([lambda connection: queue.insert(connection, draft("a")).invocation_id]) == ["a"]
    writer.close()


def test_the_log_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_CHECKPOINT_COMMITS", 10)
    writer = database.Writer(str(tmp_path))
    log = tmp_path / "queue.db-wal"
    sizes = []
    for n in range(100):
        writer.commit([lambda connection, n=n: queue.insert(connection, draft(f"a{n}", payload=b"x" * 4000))])
        sizes.append(log.stat().st_size)
    assert max(sizes[20:]) <= 2 * max(sizes[:20])
    writer.close()


def test_only_its_owner_can_read_the_database(tmp_path):
    old = os.umask(0)
    try:
        backend = DiskBackend(tmp_path)
        backend.put_elsewhere(draft("a"))
    finally:
        os.umask(old)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "queue.db": 0o600,
        "queue.lock": 0o600,
    }


def test_a_home_with_unusual_characters_has_a_database(tmp_path):
    home = tmp_path / "a b?c#d%20ü'"
    home.mkdir()
    DiskBackend(home).put_elsewhere(draft("a"))
    assert (home / "queue.db").exists()


def test_reading_makes_no_database(tmp_path):
    with pytest.raises(FileNotFoundError):
        database.connect(str(tmp_path), read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_format_is_refused(tmp_path):
    backend = DiskBackend(tmp_path)
    backend.put_elsewhere(draft("a"))
    with contextlib.closing(database.connect(str(tmp_path))) as connection:
        connection.execute(f"PRAGMA user_version={database.FORMAT + 1}")
    for read_only in (True, False):
        with pytest.raises(CorruptState) as caught:
            database.connect(str(tmp_path), read_only=read_only)
        assert f"format {database.FORMAT + 1}" in caught.value.message and "upgrade" in caught.value.hint


@pytest.mark.parametrize("form", range(1, database.FORMAT))
def test_whoever_only_reads_an_older_home_finds_its_tables_up_to_date(tmp_path, form):
    with contextlib.closing(sqlite3.connect(database.path_of(str(tmp_path)))) as connection:
        connection.executescript("".join(database._STEPS[:form]))
        connection.execute(
            "INSERT INTO messages (invocation_id, request_id, service, function, qualifier, accepted_ms,"
            " due_ms, is_stateful, payload) VALUES ('i', 'r', 's', 'f', 'LATEST', 1, 1, 1, x'7b7d')"
        )
        connection.execute(f"PRAGMA user_version={form}")
        connection.commit()
    for _ in range(2):
        with contextlib.closing(database.connect(str(tmp_path), read_only=True)) as connection:
            assert [found.depth for found in queue.between(connection, 0, 9)] == [0]
