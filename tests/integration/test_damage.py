"""Damaged files, files of later versions, two daemons, full disks: said clearly and mended easily."""

import asyncio
import contextlib
import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections import Counter

import pytest

from fun_local import settings
from fun_local.cli.client import Client
from fun_local.errors import Conflict, CorruptState, FunLocalError, InvalidRequest, Unavailable
from fun_local.model.names import FunctionRef
from fun_local.model.resources import Resources, Service
from fun_local.ports import Draft
from fun_local.store import buckets, database, files, queue, registry
from fun_local.store.history import History, Query
from tests.crash import victim


@pytest.fixture
def home(tmp_path):
    return victim.make_home(str(tmp_path / "home"))


@pytest.fixture
def short_home():
    """For a daemon: Unix sockets have short addresses."""
    folder = tempfile.mkdtemp(prefix="fl-")
    home = victim.make_home(os.path.join(folder, "h"))
    yield home
    with contextlib.suppress(FunLocalError):
        Client(home).call("shutdown", start=False)
    assert Client(home).wait_until_down()
    shutil.rmtree(folder)


def serve(home, *actions):
    asyncio.run(victim.serve(home, actions))


def invoke(id, **plan):
    return ["invoke", {"id": id, **plan}]


def put(home, id):
    now_ms = time.time_ns() // 1_000_000
    draft = Draft(id, f"r-{id}", FunctionRef("shop", "order"), now_ms, now_ms, b"{}", stateful=True)
    return database.write_once(home, lambda connection: queue.insert(connection, draft))


def path(home, name):
    return os.path.join(home, name)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def overwrite(path, content=b"this is not what was written here"):
    with open(path, "wb") as file:
        file.write(content)


def move_queue_away(home):
    folder = path(home, "away")
    os.mkdir(folder)
    for name in os.listdir(home):
        if name.startswith("queue.db"):
            os.rename(path(home, name), path(folder, name))


def statuses(home):
    return {d["invocationId"]: d["status"] for _, d in History(home).all(Query(), ascending=True)}


def start_fails(home):
    """The error of a daemon that does not start, as its starter gets it."""
    with pytest.raises(Unavailable) as caught:
        Client(home).start()
    assert not Client(home).is_up()
    deadline = time.monotonic() + 10
    while caught.value.message not in (text := read(path(home, "daemon.log")).decode()):
        assert time.monotonic() < deadline, text  # it reports first, then it writes its log
    assert "Traceback" not in text
    return caught.value


# --- damaged


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("registry.json", "fun deploy"),
        ("queue.db", "move the file away"),
        ("executions/00000000.json", "remove the file"),
        ("settings.toml", "Mend or remove"),
    ],
)
def test_a_daemon_does_not_start_on_a_damaged_file_and_names_it(short_home, name, hint):
    serve(short_home, invoke("one"))
    whole = read(path(short_home, name))
    overwrite(path(short_home, name))
    error = start_fails(short_home)
    assert error.code == "CorruptState"
    assert path(short_home, name) in error.message
    assert hint in error.hint
    assert read(path(short_home, name)) == b"this is not what was written here"
    overwrite(path(short_home, name), whole)  # a copy put back
    Client(short_home).start()
    assert Client(short_home).call("status")["running_executions"] == 0
    assert statuses(short_home) == {"one": "Succeeded"}


def test_a_damaged_registry_refuses_invocations_without_a_daemon(home):
    overwrite(path(home, "registry.json"))
    with pytest.raises(CorruptState):
        registry.read(home)
    os.unlink(path(home, "registry.json"))
    assert not registry.read(home).functions


@pytest.mark.parametrize("kind", ["overwritten", "cut", "empty"])
def test_a_damaged_queue_is_named_and_can_be_moved_away(home, kind):
    serve(home, invoke("one"))
    file = path(home, "queue.db")
    if kind == "overwritten":
        overwrite(file)
    elif kind == "cut":
        os.truncate(file, 5000)
    else:
        os.truncate(file, 0)
    if kind == "empty":  # nothing is a new database
        serve(home, ["create_queue", {}], invoke("two"))
        return
    with pytest.raises(CorruptState) as caught:
        serve(home, invoke("two"))
    assert file in caught.value.message and "move the file away" in caught.value.hint
    with pytest.raises(CorruptState):
        list(History(home).all(Query()))
    move_queue_away(home)
    serve(home, ["create_queue", {}], invoke("two"))
    assert statuses(home) == {"one": "Succeeded", "two": "Succeeded"}


def test_an_empty_queue_does_not_take_the_numbers_of_old_records(home):
    """Records are kept by their message's number: used again, a new call would pass for an old one."""
    serve(home, invoke("one"), invoke("two", fail=9))
    move_queue_away(home)
    put(home, "three")
    serve(home, ["create_queue", {}])
    assert victim.calls(home)["r-three"] == 1
    assert statuses(home) == {"one": "Succeeded", "two": "Failed", "three": "Succeeded"}


def test_an_older_copy_of_the_queue_does_not_take_the_numbers_of_newer_records(home):
    serve(home, invoke("one"))
    copy = path(home, "copy")
    shutil.copy(path(home, "queue.db"), copy)
    serve(home, invoke("two"), invoke("three", fail=9))
    for name in ("queue.db-wal", "queue.db-shm"):
        assert not os.path.exists(path(home, name))
    shutil.move(copy, path(home, "queue.db"))
    serve(home, invoke("four"))
    serve(home, invoke("five"))
    assert statuses(home) == {
        "one": "Succeeded",
        "two": "Succeeded",
        "three": "Failed",
        "four": "Succeeded",
        "five": "Succeeded",
    }


def test_a_damaged_old_bucket_harms_only_the_reading_of_it(home):
    serve(home, invoke("old"))
    skip(home, 5 * buckets.BUCKET_SIZE)
    serve(home, invoke("new"))
    overwrite(buckets.bucket_path(home, 0))
    serve(home, invoke("newer"))
    history = History(home)
    assert history.find("newer")[1]["status"] == "Succeeded"
    with pytest.raises(CorruptState) as caught:
        history.find("old")
    assert buckets.bucket_path(home, 0) in caught.value.message
    with pytest.raises(CorruptState):
        list(history.all(Query()))
    os.unlink(buckets.bucket_path(home, 0))
    assert statuses(home) == {"new": "Succeeded", "newer": "Succeeded"}


def skip(home, seq):
    database.write_once(
        home, lambda db: db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages'", (seq,))
    )


@pytest.mark.parametrize(
    "document",
    [{}, {"invocationId": "one"}, {"status": "Sleeping"}, [], None],
    ids=str,
)
def test_a_record_that_makes_no_sense_is_a_damaged_file(home, document):
    """Somebody edited it, and the execution is still owed."""
    victim.run_child(home, [invoke("one", sleep=9)], {"on": "record", "of": "Running", "when": "after"})
    bucket = buckets.bucket_path(home, 0)
    with open(bucket) as file:
        table = json.load(file)
    old = table["_default"]["1"]
    table["_default"]["1"] = {**old, **document} if document == {"status": "Sleeping"} else document
    overwrite(bucket, json.dumps(table).encode())
    with pytest.raises(CorruptState) as caught:
        serve(home)
    assert bucket in caught.value.message
    table["_default"]["1"] = old
    overwrite(bucket, json.dumps(table).encode())
    victim.stay_awake(home)
    serve(home)
    assert statuses(home) == {"one": "Succeeded"}


def test_a_missing_payload_is_named(home):
    serve(home, invoke("one", size=9000))
    seq, document = History(home).find("one")
    file = buckets.payload_path(home, seq, "returnPayload")
    assert History(home).payload(seq, document, "returnPayload") == b"x" * 9000
    os.unlink(file)
    with pytest.raises(CorruptState) as caught:
        History(home).payload(seq, document, "returnPayload")
    assert file in caught.value.message
    assert statuses(home) == {"one": "Succeeded"}  # the list needs no payloads


# --- settings


@pytest.mark.parametrize(
    ("text", "kind", "named"),
    [
        ("max_instances = ", CorruptState, "settings.toml"),
        ("\x00", CorruptState, "settings.toml"),
        ("max_instance = 3", InvalidRequest, "max_instance"),
        ('max_instances = "many"', InvalidRequest, "max_instances"),
        ("max_instances = 0", InvalidRequest, "max_instances"),
        ("idle_seconds = -1", InvalidRequest, "idle_seconds"),
        ("idle_seconds = true", InvalidRequest, "idle_seconds"),
        ("[max_instances]\na = 1", InvalidRequest, "max_instances"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path, text, kind, named):
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(kind) as caught:
        settings.load(str(tmp_path), {})
    assert named in caught.value.message and "settings.toml" in caught.value.message


def test_settings_that_are_not_text_are_a_damaged_file(tmp_path):
    (tmp_path / "settings.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CorruptState):
        settings.load(str(tmp_path), {})


# --- later versions


def test_a_queue_of_a_later_version_is_refused_and_left(short_home):
    with contextlib.closing(database.connect(short_home)) as connection:
        connection.execute(f"PRAGMA user_version={database.FORMAT + 1}")
    error = start_fails(short_home)
    assert error.code == "CorruptState" and f"format {database.FORMAT + 1}" in error.message
    assert "upgrade" in error.hint
    with pytest.raises(CorruptState):
        put(short_home, "one")
    with pytest.raises(CorruptState):
        list(History(short_home).all(Query()))


def test_a_registry_of_a_later_version_is_refused_and_left(short_home):
    file = path(short_home, "registry.json")
    overwrite(file, text := json.dumps({"format": registry.FORMAT + 1}).encode())
    error = start_fails(short_home)
    assert error.code == "CorruptState" and f"format {registry.FORMAT + 1}" in error.message
    assert read(file) == text


# --- two daemons


def test_a_second_daemon_is_refused_and_the_first_goes_on(short_home):
    Client(short_home).start()
    pid = Client(short_home).call("status")["pid"]
    read_fd, write_fd = os.pipe()
    second = subprocess.run(
        [sys.executable, "-m", "fun_local.daemon", short_home, str(write_fd)],
        pass_fds=(write_fd,),
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
    )
    os.close(write_fd)
    with os.fdopen(read_fd) as pipe:
        error = json.loads(pipe.read())["error"]
    assert second.returncode == 1
    assert error["code"] == "DaemonRunning"
    assert f"pid {pid}" in error["message"] and short_home in error["message"]
    assert "fun daemon stop" in error["hint"]
    assert error["message"] in second.stderr and "Traceback" not in second.stderr
    assert Client(short_home).call("status")["pid"] == pid


def test_daemons_started_at_once_become_one(short_home):
    command = [sys.executable, "-m", "fun_local.daemon", short_home]
    processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(4)]
    try:
        Client(short_home).start()
        pid = Client(short_home).call("status")["pid"]
        (serving,) = [process for process in processes if process.pid == pid] or [None]
        for process in processes:
            if process is not serving:
                assert process.wait(20) == 1
        Client(short_home).call("shutdown")
        if serving is not None:
            assert serving.wait(20) == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_daemon_takes_over_from_one_that_was_killed(short_home):
    Client(short_home).start()
    pid = Client(short_home).call("status")["pid"]
    os.kill(pid, signal.SIGKILL)
    assert Client(short_home).wait_until_down()
    assert os.path.exists(path(short_home, "daemon.sock"))
    Client(short_home).start()
    assert Client(short_home).call("status")["pid"] != pid


def test_a_daemon_that_ends_leaves_no_socket(short_home):
    Client(short_home).start()
    Client(short_home).call("shutdown")
    assert Client(short_home).wait_until_down()
    assert not os.path.exists(path(short_home, "daemon.sock"))
    with pytest.raises(Unavailable) as caught:
        Client(short_home).call("status", start=False)
    assert caught.value.code == "DaemonUnreachable" and "fun daemon start" in caught.value.hint


# --- full disks


class FullDisk:
    """Writing and syncing files fails while ``is_full``."""

    def __init__(self, monkeypatch):
        self.is_full = False
        self.refused = Counter()
        for name in ("write", "fsync"):
            monkeypatch.setattr(os, name, self._guard(name, getattr(os, name)))

    def _guard(self, name, real):
        def guarded(fd, *arguments):
            if self.is_full and self._is_file(fd):
                self.refused[name] += 1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(fd, *arguments)

        return guarded

    @staticmethod
    def _is_file(fd):
        mode = os.fstat(fd).st_mode
        return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def test_executions_go_on_when_a_full_disk_has_space_again(home, monkeypatch, caplog):
    disk = FullDisk(monkeypatch)

    def errors():
        return {record.action for record in caplog.records if record.levelname == "ERROR"}

    async def story():
        async with victim.application(home) as emulator:
            emulator.look()
            disk.is_full = True
            await victim.invoke_all(emulator, {"one": {}, "two": {"fail": 1}, "three": {"size": 9000}})
            # Some writes are refused that are repeated anyway: until one is that was promised.
            await victim.until(lambda: sum(disk.refused.values()) > 6 and errors())
            assert victim.owed(home) == 3
            assert victim.leftovers(home) == []
            disk.is_full = False
            await victim.until(lambda: victim.owed(home) == 0)

    asyncio.run(story())
    assert statuses(home) == {"one": "Succeeded", "two": "Succeeded", "three": "Succeeded"}
    assert sum(victim.calls(home).values()) == 4
    assert list(victim.outcomes(home).values()) == [1, 1, 1]
    assert errors() == {"write-failed"}


def test_a_folder_that_can_not_be_synced_is_a_full_disk_too(home, monkeypatch):
    """Everything was written, only the renames may not be safe: nothing is promised yet."""
    real = os.fsync
    refused = []

    def fsync(fd):
        if stat.S_ISDIR(os.fstat(fd).st_mode) and len(refused) < 4:
            refused.append(fd)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    serve(home, invoke("one"))
    assert len(refused) == 4
    assert statuses(home) == {"one": "Succeeded"}


def test_a_deploy_on_a_full_disk_leaves_what_was_deployed(home, monkeypatch):
    before = registry.read(home)
    disk = FullDisk(monkeypatch)

    async def story():
        async with victim.application(home) as emulator:
            disk.is_full = True
            with pytest.raises(Unavailable) as caught:
                await emulator.deployments.deploy("other", Resources((Service("new"),)))
            assert caught.value.code == "StorageFull"
            assert "new" not in emulator.deployed.services
            assert registry.read(home) == before
            assert victim.leftovers(home) == []
            disk.is_full = False
            await emulator.deployments.deploy("other", Resources((Service("new"),)))
            assert "new" in registry.read(home).services

    asyncio.run(story())


LIMITED = """\
import json, resource, signal, sys
from fun_local.errors import FunLocalError
from tests.integration.test_damage import put
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
home, limit = sys.argv[1], int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    for n in range(1000):
        put(home, f"id-{n}")
        print(f"id-{n}", flush=True)
except FunLocalError as error:
    print(json.dumps([type(error).__name__, error.code, error.message, error.hint]), flush=True)
"""


def test_files_that_may_not_grow_refuse_puts_and_keep_what_was_accepted(home):
    """``ulimit -f``: the file system refuses, but it is not full."""
    limit = os.path.getsize(path(home, "queue.db")) + 30_000
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, home, str(limit)],
        cwd=victim.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    *accepted, last = done.stdout.split("\n")[:-1]
    assert done.returncode == 0
    kind, code, message, _ = json.loads(last)
    assert (kind, code) in {("FunLocalError", "StorageError"), ("Unavailable", "StorageFull")}
    assert path(home, "queue.db") in message
    assert sorted(victim.ids(home)) == sorted(accepted)
    serve(home, invoke("after"))
    assert set(statuses(home).values()) == {"Succeeded"}


@pytest.fixture
def small_disk():
    """A file system of two megabytes."""
    folder = tempfile.mkdtemp(prefix="fl-")
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        mounted, reason = done.returncode == 0, done.stdout.strip()
    except OSError as error:
        mounted, reason = False, str(error)
    if not mounted:
        os.rmdir(folder)
        pytest.skip(f"can't mount a small file system here: {reason}")
    yield folder
    subprocess.run(["umount", folder], check=True)
    os.rmdir(folder)


def test_a_disk_that_is_full_refuses_and_then_goes_on(small_disk):
    home = victim.make_home(path(small_disk, "home"))
    serve(home, invoke("before"))
    ballast = path(small_disk, "ballast")
    with pytest.raises(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    accepted = ["before"]
    with pytest.raises(FunLocalError) as caught:
        for n in range(1000):
            put(home, f"id-{n}")
            accepted.append(f"id-{n}")
    assert caught.value.code in ("StorageFull", "StorageError")
    os.unlink(ballast)
    put(home, "after")
    serve(home)
    assert statuses(home) == dict.fromkeys([*accepted, "after"], "Succeeded")
    assert victim.leftovers(home) == []


def test_a_database_that_is_full_refuses_puts_and_keeps_what_was_accepted(home):
    """SQLite's own word for it, wherever it runs."""

    async def story():
        async with victim.application(home) as emulator:
            emulator.look()
            await victim.invoke(emulator, "one")
            await victim.until(lambda: victim.owed(home) == 0)
            limit = emulator._queue._write
            await limit(lambda db: db.execute("PRAGMA max_page_count = 1"))  # no less than there are
            with pytest.raises(Unavailable) as caught:
                for n in range(10):
                    await emulator.invoke_async("order", b"x" * 100_000, invocation_id=f"id-{n}")
            assert caught.value.code == "StorageFull"
            assert "Nothing was accepted" in caught.value.hint
            accepted = victim.ids(home)
            await limit(lambda db: db.execute("PRAGMA max_page_count = 1000000"))
            await victim.until(lambda: victim.owed(home) == 0)
            await victim.invoke(emulator, "after")
            assert sorted(victim.ids(home)) == sorted([*accepted, "after"])
            await victim.until(lambda: victim.owed(home) == 0)

    asyncio.run(story())
    with pytest.raises(Conflict):
        put(home, "one")


def test_other_errors_of_the_system_name_the_file(tmp_path):
    file = tmp_path / "a" / "file"
    with pytest.raises(FunLocalError) as caught:
        files.write_atomically(str(file), b"")
    assert caught.value.code == "StorageError"
    with pytest.raises(FunLocalError):
        put(str(tmp_path / "missing"), "one")
