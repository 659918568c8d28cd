"""Buckets on disk: 200 executions by order of acceptance, each a file that TinyDB can open.

    executions/00000007.json            documents 1400 to 1599, keyed by seq
    executions/payloads/1403.invocationPayload   a payload too long for a document

This module reads them without TinyDB, whose import costs more than the reading: `fun executions list`
is a fresh process each time. Writing is store/executions.py, through TinyDB.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from fun_local.errors import CorruptState
from fun_local.store.documents import Document

#: Measured: writing hardly depends on it, reading one execution or one page grows with it.
BUCKET_SIZE = 200

#: TinyDB's name of the table that ``TinyDB(path)`` itself reads and writes.
TABLE = "_default"

#: What every document has (store/documents.py): a bucket with another one is not what we wrote.
_FIELDS = frozenset(
    {"invocationId", "requestId", "serviceName", "functionName", "qualifier", "status", "startedTime"}
    | {"endTime", "destinationStatus", "asyncConfig", "events"}
)


def bucket_of(seq: int) -> int:
    return seq // BUCKET_SIZE


def folder(home: str) -> str:
    return os.path.join(home, "executions")


def bucket_path(home: str, bucket: int) -> str:
    return os.path.join(folder(home), f"{bucket:08}.json")


def payload_path(home: str, seq: int, field: str) -> str:
    return os.path.join(folder(home), "payloads", f"{seq}.{field}")


def read_bucket(path: str) -> dict[int, Document]:
    """The documents of a bucket by seq; empty when there is no such file.

    Raises:
        CorruptState: the file is not a bucket.
    """
    try:
        with open(path, "rb") as file:
            table = json.loads(file.read())[TABLE]
        for seq, document in table.items():
            if missing := _FIELDS - document.keys():
                raise ValueError(f"document {seq} lacks {', '.join(sorted(missing))}")
        return {int(seq): document for seq, document in table.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise not_a_bucket(path, error) from None


def not_a_bucket(path: str, error: Exception) -> CorruptState:
    """The error for a file whose content is not what we write."""
    return CorruptState(
        path,
        f"not a bucket of executions ({error})",
        hint="Put back a copy, or remove the file: only the records in it are lost.",
    )


def read_payload(home: str, seq: int, field: str) -> bytes:
    """A payload that lies in a file of its own."""
    path = payload_path(home, seq, field)
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise CorruptState(path, "the file is missing") from None


def buckets_on_disk(home: str) -> Iterable[int]:
    """The numbers of all buckets, lowest first."""
    try:
        names = os.listdir(folder(home))
    except FileNotFoundError:
        return []
    return sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit())
