"""The SQLite file that holds what is owed: accepted invocations, ids in use, MNS queues and topics.

Journal: WAL (a commit costs half of what a rollback journal costs, and readers never hold up the writer).
SQLite before 3.51.3 has a rare race between a connection that checkpoints and another one that writes at
the same instant. It can't happen here: only the daemon checkpoints, and it does so under ``queue.lock``,
which every other writer holds while it writes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from fun_local.errors import STORAGE_FULL, CorruptState, FunLocalError, Unavailable
from fun_local.store import buckets

Answer = TypeVar("Answer")

#: Commits between two checkpoints: about 4 MB of log.
_CHECKPOINT_COMMITS = 500

_FORMAT_1 = """
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    invocation_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    service TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    accepted_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    is_stateful INTEGER NOT NULL,
    is_delivered INTEGER NOT NULL DEFAULT 0,
    rerun_of TEXT NOT NULL DEFAULT '',
    payload BLOB NOT NULL
) STRICT;
CREATE INDEX messages_by_function ON messages (service, function, qualifier, due_ms, seq);
CREATE INDEX messages_by_due ON messages (due_ms);

-- Ids in use: deduplication is this key, not a check. Also the index from an id to its bucket.
CREATE TABLE ids (
    id TEXT NOT NULL,
    service TEXT NOT NULL,
    function TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (id, service, function)
) STRICT, WITHOUT ROWID;
CREATE INDEX ids_by_seq ON ids (seq);

-- What a bucket of finished executions holds, so that filters can pass it over. Made from the buckets.
CREATE TABLE summaries (
    bucket INTEGER PRIMARY KEY,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    last_end_ms INTEGER NOT NULL,
    counts TEXT NOT NULL
) STRICT;

CREATE TABLE mns_queues (
    name TEXT PRIMARY KEY,
    attributes TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mns_messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    message_id TEXT NOT NULL,
    body BLOB NOT NULL,
    priority INTEGER NOT NULL,
    sent_ms INTEGER NOT NULL,
    visible_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    first_dequeue_ms INTEGER NOT NULL DEFAULT 0,
    dequeue_count INTEGER NOT NULL DEFAULT 0,
    receipt TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX mns_messages_by_order ON mns_messages (queue, priority, seq);
CREATE INDEX mns_messages_by_visibility ON mns_messages (queue, visible_ms);
"""

_FORMAT_2 = """
CREATE TABLE mns_topics (
    name TEXT PRIMARY KEY,
    attributes TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mns_subscriptions (
    topic TEXT NOT NULL,
    name TEXT NOT NULL,
    attributes TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    PRIMARY KEY (topic, name)
) STRICT, WITHOUT ROWID;

-- A published message lives as long as a push of it is owed. Numbers are never given twice: a push that is
-- on its way while its subscription is made anew must not settle one of the new subscription's.
CREATE TABLE mns_topic_messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    message_id TEXT NOT NULL,
    body BLOB NOT NULL,
    tag TEXT NOT NULL,
    published_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX mns_topic_messages_by_topic ON mns_topic_messages (topic);
CREATE TABLE mns_pushes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message INTEGER NOT NULL,
    topic TEXT NOT NULL,
    subscription TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL
) STRICT;
CREATE INDEX mns_pushes_by_message ON mns_pushes (message);
CREATE INDEX mns_pushes_by_subscription ON mns_pushes (topic, subscription, due_ms, seq);
CREATE INDEX mns_pushes_by_due ON mns_pushes (due_ms);
"""

# How many outcomes led to an invocation (a circle of functions that are each other's destinations must end),
# and where its own goes should its function, and with it the configuration, be deleted meanwhile.
_FORMAT_3 = """
ALTER TABLE messages ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN on_failure TEXT NOT NULL DEFAULT '';
"""

# Bodies that came over HTTP go back as they are; others travel encoded (mns section 12). Extras: JSON.
_FORMAT_4 = """
ALTER TABLE mns_messages ADD COLUMN is_wire INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mns_messages ADD COLUMN extras TEXT NOT NULL DEFAULT '';
CREATE TABLE mns_account (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""

_FORMAT_5 = """
ALTER TABLE messages ADD COLUMN fault TEXT NOT NULL DEFAULT '';
"""

#: What makes each format of the one before it, the first of nothing. A step that was published never changes.
_STEPS = (_FORMAT_1, _FORMAT_2, _FORMAT_3, _FORMAT_4, _FORMAT_5)

#: The tables' present form: a newer file is refused, an older one is brought up to date in place.
FORMAT = len(_STEPS)


def path_of(home: str) -> str:
    """Where a home keeps its database."""
    return os.path.join(home, "queue.db")


def connect(home: str, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to a home's database; made if it is not there (not with ``read_only``).

    Raises:
        CorruptState: the file is not a database of ours, or a newer version wrote it.
        Unavailable: the disk is full.
    """
    path = path_of(home)
    with _translated(path):
        if not read_only:
            # SQLite would create it readable for everybody, as the umask says.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            f"file:{_quoted(path)}?mode={'ro' if read_only else 'rw'}",
            uri=True,
            isolation_level=None,
            timeout=30,
            check_same_thread=False,
        )
        try:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > FORMAT:
                raise CorruptState(
                    path,
                    f"format {found}, this version knows up to {FORMAT}",
                    hint="A newer fun-local wrote it: upgrade, or use another FUN_LOCAL_HOME.",
                )
            if not read_only:
                _prepare(connection, found, home)
            elif 0 < found < FORMAT:
                _upgrade(home)
        except BaseException:
            connection.close()
            raise
    return connection


def _upgrade(home: str) -> None:
    """Bring an older home's tables up to date for a reader, which can't."""
    with _lock(home):
        connect(home).close()


def _prepare(connection: sqlite3.Connection, found: int, home: str) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    if found < FORMAT:
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have made the tables while this one waited for the lock.
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            for step in _STEPS[found:]:
                for statement in step.split(";\n"):
                    connection.execute(statement)
            if found < FORMAT:
                _count_on(connection, home)
                connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _count_on(connection: sqlite3.Connection, home: str) -> None:
    """Number messages after the newest record, also where the database is new or an older copy.

    Records go by their message's number: were one given again, a new message would pass for an old,
    finished one.
    """
    newest = max(buckets.buckets_on_disk(home), default=0)
    last_seq = max(buckets.read_bucket(buckets.bucket_path(home, newest)), default=0)
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchone()
    if last_seq > (row[0] if row else 0):
        connection.execute("DELETE FROM sqlite_sequence WHERE name = 'messages'")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('messages', ?)", (last_seq,))


def write_once(home: str, operation: Callable[[sqlite3.Connection], Answer]) -> Answer:
    """Run one write in a transaction of its own, from a process that is not the daemon."""
    with _translated(path_of(home)), _lock(home), contextlib.closing(connect(home)) as connection:
        answer: Answer = _transaction(connection, [operation])[0]
        return answer


class Writer:
    """The daemon's writing connection: a batch of operations becomes one synced transaction."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._path = path_of(home)
        self._connection = connect(home)
        self._commits = 0
        try:
            with _translated(self._path):
                _transaction(self._connection, [lambda connection: _count_on(connection, home)])
        except BaseException:
            self._connection.close()
            raise

    def commit(self, operations: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[Any]:
        """Run the operations in order. One that raises is undone alone; its error is its answer.

        Raises:
            Unavailable: nothing of the batch is stored (disk full).
        """
        with _translated(self._path):
            answers = _transaction(self._connection, operations, keep_errors=True)
            self._commits += 1
            if self._commits >= _CHECKPOINT_COMMITS:
                self.checkpoint()
        return answers

    def checkpoint(self) -> None:
        """Move the log into the file, while no other process writes."""
        self._commits = 0
        with _lock(self._home):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        with _translated(self._path), _lock(self._home):
            self._connection.close()


def _transaction(
    connection: sqlite3.Connection,
    operations: Sequence[Callable[[sqlite3.Connection], Any]],
    *,
    keep_errors: bool = False,
) -> list[Any]:
    """Run operations as one. One that raises undoes all, or with ``keep_errors`` itself alone."""
    try:
        with _begun(connection):
            return [operation(connection) for operation in operations]
    except FunLocalError:
        if not keep_errors:
            raise
    # Rare: somebody asked for what can't be. Again, now with a way back for each; operations look at
    # nothing but the tables, so they may be run twice. To always have that way back costs half a commit.
    with _begun(connection):
        return [_or_error(connection, operation) for operation in operations]


@contextlib.contextmanager
def _begun(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _or_error(connection: sqlite3.Connection, operation: Callable[[sqlite3.Connection], Any]) -> Any:
    connection.execute("SAVEPOINT operation")
    try:
        answer = operation(connection)
    except FunLocalError as error:
        connection.execute("ROLLBACK TO operation")
        answer = error
    connection.execute("RELEASE operation")
    return answer


@contextlib.contextmanager
def _lock(home: str) -> Iterator[None]:
    fd = os.open(os.path.join(home, "queue.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def _translated(path: str) -> Iterator[None]:
    """SQLite's errors in our words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise Unavailable(
                STORAGE_FULL,
                f"no space left on the disk that holds {path}",
                hint="Nothing was accepted. Free some space (fun executions prune), then try again.",
            ) from error
        if code == sqlite3.SQLITE_CANTOPEN and not os.path.exists(path):
            raise FileNotFoundError(path) from error
        # To read it, too, SQLite has to write: a file of its own, beside it.
        is_closed = code == sqlite3.SQLITE_READONLY
        hint = "Make the home writable, or use a copy of it: FUN_LOCAL_HOME." if is_closed else ""
        raise FunLocalError("StorageError", f"{path}: {error}", hint=hint) from error
    except sqlite3.DatabaseError as error:
        raise CorruptState(
            path,
            str(error),
            hint="Put back a copy, or move the file away to start with an empty queue.",
        ) from error
    except OSError as error:
        from fun_local.store.files import raise_unavailable

        raise_unavailable(path, error)


def _quoted(path: str) -> str:
    """A path inside an SQLite URI."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
