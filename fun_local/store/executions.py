"""The execution store: TinyDB in buckets, written in groups.

Stock TinyDB rewrites its whole file, in place, at every change: 37 ms at 1,000 records, torn by a crash.
Here a file holds 200 records, all changes that arrive while one write is running share the next, and a
write replaces the file. So costs do not grow with history, and a kill leaves the old file or the new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document as TinyDocument

from fun_local.errors import FunLocalError
from fun_local.model.execution import FINAL, Execution
from fun_local.store import buckets
from fun_local.store.buckets import BUCKET_SIZE, bucket_of
from fun_local.store.documents import Document, from_document, is_long, to_document
from fun_local.store.files import make_private_folder, remove_temporaries, sync_folder, write_atomically
from fun_local.store.group_commit import GroupCommit

#: Buckets kept in memory. The ones being filled are few; old ones come back for late finishers.
_OPEN_BUCKETS = 16

#: Seconds between two writes under load. An instance does not wait for them, only the acknowledgement.
_PAUSE_SECONDS = 0.02

#: Seconds that a change which promises nothing may wait for company.
_TICK_SECONDS = 0.005

SummaryRow = tuple[int, int, int, int, str]

_FINAL = frozenset(status.value for status in FINAL)

Write = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]


class BucketStorage(Storage):
    """TinyDB's storage for one bucket: state in memory, replaced on disk when told to."""

    def __init__(self, path: str) -> None:
        self._path = path
        found = buckets.read_bucket(path)
        self._data: dict[str, dict[str, Any]] = {
            buckets.TABLE: {str(seq): document for seq, document in found.items()}
        }

    def read(self) -> dict[str, dict[str, Any]]:
        return self._data

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        self._data = data

    def save(self) -> None:
        write_atomically(self._path, orjson.dumps(self._data))


class Bucket:
    """One open bucket. Used by the store's thread only."""

    def __init__(self, path: str) -> None:
        self._database = TinyDB(path, storage=BucketStorage)
        self._storage: BucketStorage = self._database.storage  # type: ignore[assignment]

    @property
    def documents(self) -> dict[str, Document]:
        return self._storage.read()[buckets.TABLE]

    def put(self, documents: dict[int, Document]) -> None:
        """Insert or replace documents: two passes over the table, however many they are."""
        table = self._database.table(buckets.TABLE)
        known = self.documents
        new = [TinyDocument(doc, seq) for seq, doc in documents.items() if str(seq) not in known]
        changed = [seq for seq in documents if str(seq) in known]
        if changed:
            versions = iter([documents[seq] for seq in changed])

            # A callable instead of fields: fields that are gone must go. It is called in order.
            def replace(old: Any) -> None:
                old.clear()
                old.update(next(versions))

            table.update(replace, doc_ids=changed)
        if new:
            table.insert_multiple(new)

    def remove(self, seqs: Sequence[int]) -> None:
        present = [seq for seq in seqs if str(seq) in self.documents]
        self._database.table(buckets.TABLE).remove(doc_ids=present)

    def save(self) -> None:
        self._storage.save()


@dataclass(frozen=True, slots=True)
class _Removal:
    """Records of one bucket that are to be deleted."""

    bucket: int
    seqs: tuple[int, ...]


class DiskExecutionStore:
    """ports.ExecutionStore over buckets; must be made inside the running loop.

    ``write`` runs an operation in the next transaction of the home's database, which holds the index.
    """

    def __init__(self, home: str, write: Write) -> None:
        self._home = home
        self._folder = buckets.folder(home)
        self._payloads = os.path.join(self._folder, "payloads")
        self._write_index = write
        for folder in (self._folder, self._payloads):
            make_private_folder(folder)
            remove_temporaries(folder)
        self._loop = asyncio.get_running_loop()
        self._group: GroupCommit[Execution | _Removal, None] = GroupCommit(
            "store", self._commit, pause_seconds=_PAUSE_SECONDS
        )
        # The newest version of everything that is not on disk yet.
        self._unsaved: dict[int, Execution] = {}
        self._soon: dict[int, Execution] = {}
        self._tick: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # The rest belongs to the store's thread.
        self._open: OrderedDict[int, Bucket] = OrderedDict()
        self._stored_payloads: dict[tuple[int, str], bytes] = {}
        self._full: dict[int, SummaryRow] = {}

    def get(self, seq: int) -> Execution | None:
        if (unsaved := self._unsaved.get(seq)) is not None:
            return unsaved
        document = buckets.read_bucket(buckets.bucket_path(self._home, bucket_of(seq))).get(seq)
        return None if document is None else self._execution(seq, document)

    def unsaved(self) -> Collection[Execution]:
        """What is not on disk yet, as it is now."""
        return self._unsaved.values()

    def records_in(self, number: int) -> dict[int, Execution]:
        """All records of a bucket, by seq. For the start, when nothing is unsaved."""
        return {
            seq: self._execution(seq, document)
            for seq, document in buckets.read_bucket(buckets.bucket_path(self._home, number)).items()
        }

    def _execution(self, seq: int, document: Document) -> Execution:
        try:
            return from_document(seq, document, partial(buckets.read_payload, self._home, seq))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise buckets.not_a_bucket(buckets.bucket_path(self._home, bucket_of(seq)), error) from None

    def save(self, execution: Execution) -> None:
        self._unsaved[execution.seq] = self._soon[execution.seq] = execution
        if self._tick is None:
            self._tick = self._loop.call_later(_TICK_SECONDS, self._flush)

    def save_durably(self, execution: Execution) -> Awaitable[None]:
        self._unsaved[execution.seq] = execution
        self._soon.pop(execution.seq, None)
        return self._group.add(execution)

    async def remove(self, seqs: Sequence[int]) -> None:
        """Delete records and their payloads. That they are final is the caller's business."""
        by_bucket: dict[int, list[int]] = {}
        for seq in seqs:
            by_bucket.setdefault(bucket_of(seq), []).append(seq)
        removals = [_Removal(bucket, tuple(group)) for bucket, group in by_bucket.items()]
        await asyncio.gather(*(self._group.add(removal) for removal in removals))

    async def close(self) -> None:
        """Write what is pending."""
        self._flush()
        await self._group.close()

    def _flush(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        soon, self._soon = self._soon, {}
        for execution in soon.values():
            self._group.add(execution)

    # --- on the store's thread

    def _commit(self, items: list[Execution | _Removal]) -> list[Exception | None]:
        changes: dict[int, dict[int, Execution]] = {}
        errors: dict[int, Exception] = {}
        for item in items:
            if isinstance(item, Execution):
                changes.setdefault(bucket_of(item.seq), {})[item.seq] = item
        for number, executions in changes.items():
            try:
                self._save(number, executions)
            except FunLocalError as error:
                errors[number] = error
        for item in items:
            if isinstance(item, _Removal):
                try:
                    self._remove(item)
                except FunLocalError as error:
                    errors[item.bucket] = error
        sync_folder(self._folder)
        self._summarize(changes.keys() - errors.keys())
        saved = [
            execution
            for number, executions in changes.items()
            if number not in errors
            for execution in executions.values()
        ]
        self._loop.call_soon_threadsafe(self._forget, saved)
        return [
            errors.get(bucket_of(item.seq) if isinstance(item, Execution) else item.bucket) for item in items
        ]

    def _save(self, number: int, executions: dict[int, Execution]) -> None:
        for execution in executions.values():
            self._save_long_payloads(execution)
        bucket = self._bucket(number)
        bucket.put({seq: to_document(execution) for seq, execution in executions.items()})
        bucket.save()

    def _save_long_payloads(self, execution: Execution) -> None:
        """Before the document that speaks of them."""
        for field, data in (
            ("invocationPayload", execution.payload),
            ("returnPayload", execution.result),
        ):
            key = (execution.seq, field)
            # The same object: every attempt has a result of its own.
            if data is None or not is_long(data) or self._stored_payloads.get(key) is data:
                continue
            write_atomically(buckets.payload_path(self._home, execution.seq, field), data)
            sync_folder(self._payloads)
            self._stored_payloads[key] = data
        if execution.status.is_final:
            for field in ("invocationPayload", "returnPayload"):
                self._stored_payloads.pop((execution.seq, field), None)

    def _remove(self, removal: _Removal) -> None:
        bucket = self._bucket(removal.bucket)
        bucket.remove(removal.seqs)
        self._full.pop(removal.bucket, None)
        if bucket.documents:
            bucket.save()
        else:
            del self._open[removal.bucket]
            with contextlib.suppress(FileNotFoundError):
                os.unlink(buckets.bucket_path(self._home, removal.bucket))
        for seq in removal.seqs:
            for field in ("invocationPayload", "returnPayload"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(buckets.payload_path(self._home, seq, field))

    def _bucket(self, number: int) -> Bucket:
        bucket = self._open.pop(number, None) or Bucket(buckets.bucket_path(self._home, number))
        self._open[number] = bucket
        if len(self._open) > _OPEN_BUCKETS:
            self._open.popitem(last=False)
        return bucket

    def _summarize(self, touched: Iterable[int]) -> None:
        """Note what buckets hold that nothing will be added to, so that filters can pass them over.

        A summary must never say less than its bucket: it is stored only when no message of the
        bucket is left in the queue, and a bucket of the current hundreds may still get new ones.
        """
        for number in touched:
            documents = self._bucket(number).documents.values()
            if documents and all(document["status"] in _FINAL for document in documents):
                self._full[number] = summary_row(number, documents)
            else:
                self._full.pop(number, None)
        newest = max(self._open, default=0)
        for number, row in list(self._full.items()):
            if number < newest:
                self._loop.call_soon_threadsafe(self._store_summary, row)

    # --- on the loop again

    def _store_summary(self, row: SummaryRow) -> None:
        def store(connection: sqlite3.Connection) -> bool:
            first = row[0] * BUCKET_SIZE
            return bool(
                connection.execute(
                    "INSERT OR REPLACE INTO summaries SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS"
                    " (SELECT 1 FROM messages WHERE seq BETWEEN ? AND ?)",
                    (*row, first, first + BUCKET_SIZE - 1),
                ).rowcount
            )

        async def store_and_forget() -> None:
            if await self._write_index(store):
                self._full.pop(row[0], None)

        self._tasks.add(task := self._loop.create_task(store_and_forget()))
        task.add_done_callback(self._tasks.discard)

    def _forget(self, saved: Sequence[Execution]) -> None:
        for execution in saved:
            if self._unsaved.get(execution.seq) is execution:
                del self._unsaved[execution.seq]


def summary_row(number: int, documents: Collection[Document]) -> SummaryRow:
    """A row of the table ``summaries``."""
    counts = Counter(f"{doc['serviceName']}/{doc['functionName']} {doc['status']}" for doc in documents)
    started = [doc["startedTime"] for doc in documents]
    return number, min(started), max(started), max(d["endTime"] for d in documents), json.dumps(counts)
