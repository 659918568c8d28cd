"""Reading executions: one by id, pages by filter. Needs no daemon; used by it too.

What waits is in the queue, what has been dequeued is in a bucket, and for a moment it is in both: then
the bucket says more. So the queue is read first; the other way round a record could slip through.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.execution import Status
from fun_local.model.names import FunctionRef
from fun_local.store import buckets, database
from fun_local.store.buckets import BUCKET_SIZE
from fun_local.store.documents import Document, get_bytes, to_document

if TYPE_CHECKING:
    from fun_local.ports import Message

#: How many candidates an ambiguous prefix lists.
_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Query:
    """A filter over executions. Times are milliseconds of acceptance, both ends included.

    Of ``function`` the qualifier does not count; ``qualifier`` is a filter of its own.
    """

    function: FunctionRef | None = None
    statuses: frozenset[Status] = frozenset()
    prefix: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    ended_before_ms: int | None = None
    qualifier: str = ""

    def matches(self, document: Document) -> bool:
        function = self.function
        return (
            (
                function is None
                or (document["serviceName"], document["functionName"])
                == (function.service, function.function)
            )
            and (not self.statuses or document["status"] in self.statuses)
            and document["invocationId"].startswith(self.prefix)
            and (not self.qualifier or document["qualifier"] == self.qualifier)
            and (self.since_ms is None or document["startedTime"] >= self.since_ms)
            and (self.until_ms is None or document["startedTime"] <= self.until_ms)
            and (self.ended_before_ms is None or 0 < document["endTime"] < self.ended_before_ms)
        )

    @property
    def reaches_queue(self) -> bool:
        """Whether what waits in the queue, with no record yet, can match: it is always Enqueued."""
        return not self.statuses or Status.ENQUEUED in self.statuses

    def may_match(self, first_ms: int, last_ms: int, counts: dict[str, int]) -> bool:
        """Whether a bucket with this summary can hold a match."""
        if self.since_ms is not None and last_ms < self.since_ms:
            return False
        if self.until_ms is not None and first_ms > self.until_ms:
            return False
        # Nothing ends before it was accepted.
        if self.ended_before_ms is not None and first_ms >= self.ended_before_ms:
            return False
        keys = [key.rsplit(" ", 1) for key in counts]
        return any(
            (self.function is None or path == self.function.path)
            and (not self.statuses or status in self.statuses)
            for path, status in keys
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Documents in the order asked for, and what to pass to get the next ones (empty at the end)."""

    documents: list[tuple[int, Document]]
    next_token: str


class History:
    """All executions of a home, read from its files."""

    def __init__(self, home: str) -> None:
        self._home = home

    def find(self, text: str) -> tuple[int, Document]:
        """The execution with this id, or with the only id that begins so; its seq and document.

        An id that several functions have used (they may) means the newest.

        Raises:
            NotFound: there is none.
            InvalidRequest: several ids begin so.
        """
        with self._connection() as connection:
            rows = [] if connection is None or not text else _ids(connection, text)
            exact = [seq for found, seq in rows if found == text]
            if exact:
                return self._load(connection, max(exact))
            if not rows:
                raise NotFound(
                    "StatefulAsyncInvocationNotFound",
                    f"no execution has the id {text!r}",
                    hint="See them with: fun executions list",
                )
            if len({found for found, _ in rows}) > 1:
                listed = ", ".join(found for found, _ in rows[:_CANDIDATES])
                more = ", …" if len(rows) > _CANDIDATES else ""
                raise InvalidRequest(
                    "AmbiguousInvocationId",
                    f"several ids begin with {text!r}: {listed}{more}",
                    hint="Write more of the one that is meant.",
                )
            return self._load(connection, max(seq for _, seq in rows))

    def find_in(self, function: FunctionRef, invocation_id: str) -> tuple[int, Document]:
        """The execution of a function with exactly this id. Raises NotFound."""
        with self._connection() as connection:
            row = (
                connection
                and connection.execute(
                    "SELECT seq FROM ids WHERE id = ? AND service = ? AND function = ?",
                    (invocation_id, function.service, function.function),
                ).fetchone()
            )
            if not row:
                message = f"no execution of {function.path} has the id {invocation_id!r}"
                hint = "See them with: fun executions list"
                raise NotFound("StatefulAsyncInvocationNotFound", message, hint=hint)
            return self._load(connection, row[0])

    def payload(self, seq: int, document: Document, field: str = "invocationPayload") -> bytes | None:
        """The event (``invocationPayload``) or result (``returnPayload``), byte for byte."""
        return get_bytes(document, field, lambda: buckets.read_payload(self._home, seq, field))

    def page(self, query: Query, *, limit: int, token: str = "", ascending: bool = False) -> Page:
        """At most ``limit`` matches from where ``token`` says, by order of acceptance.

        Raises:
            InvalidRequest: the token is not one of ours.
        """
        start = _read_token(token)
        found: list[tuple[int, Document]] = []
        for seq, document in self.all(query, start=start, ascending=ascending):
            if len(found) == limit:
                return Page(found, _make_token(seq))
            found.append((seq, document))
        return Page(found, "")

    def all(
        self, query: Query, *, start: int | None = None, ascending: bool = False
    ) -> Iterator[tuple[int, Document]]:
        """Every match, from ``start`` on (included)."""
        with self._connection() as connection:
            if connection is None:
                return
            for bucket in self._candidates(connection, query, start, ascending):
                documents = self._bucket(connection, bucket, with_queue=query.reaches_queue)
                for seq in sorted(documents, reverse=not ascending):
                    if start is not None and (seq < start if ascending else seq > start):
                        continue
                    if query.matches(documents[seq]):
                        yield seq, documents[seq]

    def _candidates(
        self, connection: sqlite3.Connection, query: Query, start: int | None, ascending: bool
    ) -> list[int]:
        """The buckets that can hold a match, in order."""
        last_seq = connection.execute(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'messages'"
        ).fetchone()[0]
        numbers = set(buckets.buckets_on_disk(self._home))
        if query.reaches_queue:
            rows = connection.execute("SELECT DISTINCT seq / ? FROM messages", (BUCKET_SIZE,))
            numbers.update(row[0] for row in rows)
        rows = connection.execute("SELECT bucket, first_ms, last_ms, counts FROM summaries")
        for number, first_ms, last_ms, counts in rows:
            if not query.may_match(first_ms, last_ms, json.loads(counts)):
                numbers.discard(number)
        if query.prefix:
            # Ids have an index; without it a prefix that few have would mean reading everything.
            low, high = _between(query.prefix)
            rows = connection.execute(
                "SELECT DISTINCT seq / ? FROM ids WHERE id >= ? AND id < ?", (BUCKET_SIZE, low, high)
            )
            numbers &= {row[0] for row in rows}
        if start is not None:
            edge = start // BUCKET_SIZE
            numbers = {n for n in numbers if (n >= edge if ascending else n <= edge)}
        return sorted((n for n in numbers if n * BUCKET_SIZE <= last_seq), reverse=not ascending)

    def _bucket(
        self, connection: sqlite3.Connection, number: int, *, with_queue: bool = True
    ) -> dict[int, Document]:
        first = number * BUCKET_SIZE
        last = first + BUCKET_SIZE - 1
        waiting = _waiting(connection, first, last) if with_queue else []
        recorded = buckets.read_bucket(buckets.bucket_path(self._home, number))
        if waiting := [message for message in waiting if message.stateful and message.seq not in recorded]:
            from fun_local.store import registry  # costly, and most often nothing waits

            deployed = registry.read(self._home)
            for message in waiting:
                config = deployed.async_config(message.function)
                recorded[message.seq] = to_document(replace(message.accepted(), config=config))
        return recorded

    def _load(self, connection: sqlite3.Connection | None, seq: int) -> tuple[int, Document]:
        if connection is not None:
            document = self._bucket(connection, seq // BUCKET_SIZE).get(seq)
            if document is not None:
                return seq, document
        raise NotFound("StatefulAsyncInvocationNotFound", "the record of that execution is gone")

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection | None]:
        """A read-only connection; None when the home has no database yet."""
        try:
            connection = database.connect(self._home, read_only=True)
        except FileNotFoundError:
            yield None
            return
        with contextlib.closing(connection):
            yield connection


def _waiting(connection: sqlite3.Connection, first: int, last: int) -> list[Message]:
    """The messages with these numbers, and those between them."""
    if not connection.execute("SELECT 1 FROM messages WHERE seq BETWEEN ? AND ?", (first, last)).fetchone():
        return []
    from fun_local.store import queue  # costly, and most often nothing waits

    return list(queue.between(connection, first, last))


def _ids(connection: sqlite3.Connection, prefix: str) -> list[tuple[str, int]]:
    return connection.execute(
        "SELECT id, seq FROM ids WHERE id >= ? AND id < ? ORDER BY id LIMIT 100", _between(prefix)
    ).fetchall()


def _between(prefix: str) -> tuple[str, str]:
    """Between what everything lies that begins so: ids are ASCII, so nothing in them comes after DEL."""
    return prefix, prefix + "\x7f"


def _make_token(seq: int) -> str:
    return base64.urlsafe_b64encode(f"seq:{seq}".encode()).decode()


def _read_token(token: str) -> int | None:
    if not token:
        return None
    try:
        kind, _, seq = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if kind == "seq":
            return int(seq)
    except (ValueError, binascii.Error):
        pass
    raise InvalidRequest(
        "InvalidArgument",
        f"{token!r} is not a next token",
        hint="Pass nextToken as the list before gave it.",
    )
