"""Waiting for executions: woken by changes on disk, no daemon asked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from fun_local.cli import output
from fun_local.model.execution import Status
from fun_local.store import buckets, logs
from fun_local.store.documents import Document
from fun_local.store.files import make_private_folder
from fun_local.store.history import History
from fun_local.watch import Changes


def until_final(
    home: str,
    invocation_ids: list[str],
    *,
    timeout_seconds: float | None = None,
    on_change: Callable[[Document], None] = lambda document: None,
) -> list[tuple[int, Document]] | None:
    """The final records of all these executions, or None when the time is over first."""
    history = History(home)
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    make_private_folder(buckets.folder(home))
    final: dict[str, tuple[int, Document]] = {}
    seen: dict[str, str] = {}
    with Changes() as changes:
        changes.add(buckets.folder(home))
        while True:
            for invocation_id in invocation_ids:
                if invocation_id not in final:
                    seq, document = history.find(invocation_id)
                    if seen.get(invocation_id) != document["status"]:
                        seen[invocation_id] = document["status"]
                        on_change(document)
                    if is_settled(document):
                        final[invocation_id] = seq, document
            if len(final) == len(set(invocation_ids)):
                return [final[invocation_id] for invocation_id in invocation_ids]
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            changes.wait(left)


def is_settled(document: Document) -> bool:
    """Whether it has ended, and its outcome has reached its destination (or failed to)."""
    status = Status(document["status"])
    if not status.is_final:
        return False
    wanted = "onSuccess" if status is Status.SUCCEEDED else "onFailure"
    destination = document["asyncConfig"]["destinationConfig"].get(wanted)
    return not destination or bool(document["destinationStatus"])


def exit_code(documents: list[tuple[int, Document]] | None, expect: str = Status.SUCCEEDED) -> int:
    """0 when all have ended as expected, 3 when one has not, 4 when the time was over."""
    if documents is None:
        return output.TIMED_OUT
    if all(document["status"] == expect for _, document in documents):
        return 0
    return output.FUNCTION_FAILED


def follow_log(home: str, invocation_id: str) -> Iterator[bytes]:
    """The log of an execution as it grows, until the execution has ended."""
    history = History(home)
    make_private_folder(buckets.folder(home))
    printed = 0  # of the whole log, over all attempts
    with Changes() as changes:
        changes.add(buckets.folder(home))
        while True:
            _, document = history.find(invocation_id)
            for file, _, _ in document["logs"]:
                changes.add(os.path.join(logs.folder(home), file))
            text = read_log(home, document)
            if len(text) > printed:
                yield text[printed:]
                printed = len(text)
            if Status(document["status"]).is_final:
                return
            changes.wait()


def read_log(home: str, document: Document) -> bytes:
    """What all attempts of an execution have logged so far."""
    parts = []
    end_marker = f"FC Invoke End RequestId: {document['requestId']}".encode()
    for file, start, end in document["logs"]:
        try:
            with open(os.path.join(logs.folder(home), file), "rb") as log:
                log.seek(start)
                part = log.read() if end is None else log.read(end - start)
        except FileNotFoundError:
            continue
        if end is None and (found := part.find(end_marker)) >= 0:
            # The attempt is over though its record does not say so yet: what follows is not its own.
            part = part[: part.find(b"\n", found) + 1 or len(part)]
        parts.append(part)
    return b"".join(parts)
