"""The queue of accepted invocations, as SQL.

A message has no "being run" mark: there is one consumer, which knows what it is running, and after a
crash everything that has not been acknowledged is owed again. The record tells how far it had come.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from fun_local.errors import Conflict
from fun_local.model.names import FunctionRef
from fun_local.ports import Draft, Message

_COLUMNS = (
    "seq, invocation_id, request_id, service, function, qualifier, accepted_ms, due_ms, payload,"
    " is_stateful, attempts, is_delivered, rerun_of, depth, on_failure, fault"
)


def insert(connection: sqlite3.Connection, draft: Draft) -> Message:
    """Store a draft. Putting the same draft twice (same request id) gives the message of the first time.

    That second put comes from a caller that never saw the first answer.

    Raises:
        Conflict: another invocation of the function has that id.
    """
    function = draft.function
    if draft.stateful:
        taken = connection.execute(
            "SELECT seq FROM ids WHERE id = ? AND service = ? AND function = ?",
            (draft.invocation_id, function.service, function.function),
        ).fetchone()
        if taken:
            same = _fetch(connection, "WHERE seq = ? AND request_id = ?", (taken[0], draft.request_id))
            if same:
                return same[0]
            raise Conflict(
                "StatefulAsyncInvocationAlreadyExists",
                f"invocation id {draft.invocation_id!r} is already used in {function.path}",
                hint=f"See it with: fun executions get {draft.invocation_id}",
            )
    seq = connection.execute(
        "INSERT INTO messages (invocation_id, request_id, service, function, qualifier, accepted_ms,"
        " due_ms, is_stateful, rerun_of, depth, on_failure, fault, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            draft.invocation_id,
            draft.request_id,
            function.service,
            function.function,
            function.qualifier,
            draft.accepted_ms,
            draft.due_ms,
            int(draft.stateful),
            draft.rerun_of,
            draft.depth,
            draft.on_failure,
            draft.fault,
            draft.payload,
        ),
    ).lastrowid
    if seq is None:
        raise sqlite3.DatabaseError("an insert gave no row id")
    if draft.stateful:
        connection.execute(
            "INSERT INTO ids VALUES (?, ?, ?, ?)",
            (draft.invocation_id, function.service, function.function, seq),
        )
    return Message(
        seq,
        draft.invocation_id,
        draft.request_id,
        function,
        draft.accepted_ms,
        draft.due_ms,
        draft.payload,
        draft.stateful,
        rerun_of=draft.rerun_of,
        depth=draft.depth,
        on_failure=draft.on_failure,
        fault=draft.fault,
    )


def between(connection: sqlite3.Connection, first_seq: int, last_seq: int) -> list[Message]:
    """Messages by order of acceptance, both ends included."""
    return _fetch(connection, "WHERE seq BETWEEN ? AND ? ORDER BY seq", (first_seq, last_seq))


def count(connection: sqlite3.Connection) -> int:
    """How many messages have not been acknowledged."""
    return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


def _fetch(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[Message]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM messages {where}", values)  # noqa: S608
    return [
        Message(
            row[0],
            row[1],
            row[2],
            FunctionRef(row[3], row[4], row[5]),
            row[6],
            row[7],
            row[8],
            bool(row[9]),
            row[10],
            bool(row[11]),
            row[12],
            row[13],
            row[14],
            row[15],
        )
        for row in rows
    ]


class DiskQueue:
    """ports.Queue on the daemon's connections: reads at once, writes in groups."""

    def __init__(
        self,
        reader: sqlite3.Connection,
        write: Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]],
    ) -> None:
        self._reader = reader
        self._write = write

    def put(self, draft: Draft) -> Awaitable[Message]:
        return self._write(lambda connection: insert(connection, draft))

    def hand_on(self, draft: Draft, *, settles: int) -> Awaitable[Message | None]:
        def hand_on(connection: sqlite3.Connection) -> Message | None:
            settled = connection.execute(
                "UPDATE messages SET is_delivered = 1 WHERE seq = ? AND is_delivered = 0", (settles,)
            )
            return insert(connection, draft) if settled.rowcount else None

        return self._write(hand_on)

    def due(
        self, function: FunctionRef, now_ms: int, *, skip: Collection[int], limit: int
    ) -> Sequence[Message]:
        # Skipped by SQLite: to fetch them would cost more than to fetch the others.
        skipped = json.dumps(list(skip))
        return _fetch(
            self._reader,
            "WHERE service = ? AND function = ? AND qualifier = ? AND due_ms <= ?"
            " AND seq NOT IN (SELECT value FROM json_each(?)) ORDER BY due_ms, seq LIMIT ?",
            (function.service, function.function, function.qualifier, now_ms, skipped, limit),
        )

    def get(self, seq: int) -> Message | None:
        found = between(self._reader, seq, seq)
        return found[0] if found else None

    def functions(self) -> Sequence[FunctionRef]:
        # One index probe per function, however many messages each has.
        found = []
        row = ("", "", "")
        while (
            row := self._reader.execute(
                "SELECT service, function, qualifier FROM messages WHERE"
                " (service, function, qualifier) > (?, ?, ?)"
                " ORDER BY service, function, qualifier LIMIT 1",
                row,
            ).fetchone()
        ) is not None:
            found.append(FunctionRef(*row))
        return found

    def unsettled(self) -> Sequence[int]:
        """Every message's seq, oldest first."""
        return [row[0] for row in self._reader.execute("SELECT seq FROM messages ORDER BY seq")]

    def count(self) -> int:
        return count(self._reader)

    def last_seq(self) -> int:
        """The number of the newest message, acknowledged or not."""
        row = self._reader.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchone()
        return int(row[0]) if row else 0

    def next_due_ms(self, after_ms: int) -> int | None:
        row = self._reader.execute("SELECT min(due_ms) FROM messages WHERE due_ms > ?", (after_ms,))
        found = row.fetchone()[0]
        return None if found is None else int(found)

    def postpone(self, seq: int, *, due_ms: int, attempts: int) -> Awaitable[None]:
        return self._update("due_ms = ?, attempts = ?", (due_ms, attempts, seq))

    def mark_delivered(self, seq: int) -> Awaitable[None]:
        return self._update("is_delivered = ?", (1, seq))

    def ack(self, seq: int) -> Awaitable[None]:
        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM messages WHERE seq = ?", (seq,))

        return self._write(delete)

    def release_ids(self, seqs: Sequence[int]) -> Awaitable[None]:
        """Let the ids of deleted records be used again."""

        def release(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM ids WHERE seq = ?", [(seq,) for seq in seqs])

        return self._write(release)

    def _update(self, change: str, values: tuple[int, ...]) -> Awaitable[None]:
        def update(connection: sqlite3.Connection) -> None:
            connection.execute(f"UPDATE messages SET {change} WHERE seq = ?", values)  # noqa: S608

        return self._write(update)
