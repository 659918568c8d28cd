"""One asynchronous call as a test sees it: asked about, waited for, stopped, run again."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fun_local.cli import waiting
from fun_local.cli.client import Client
from fun_local.model.execution import Status
from fun_local.store.documents import Document
from fun_local.store.history import History
from fun_local.testing.failures import UnexpectedEnd, unfinished
from fun_local.testing.values import from_bytes, to_bytes


@dataclass(frozen=True, slots=True)
class Event:
    """A state that an execution has reached, when, and what is said of it: an error, most often nothing."""

    status: Status
    time_ms: int
    detail: Any = None


class Execution:
    """An execution. Its attributes tell what is so now; after its end they stay as they are."""

    def __init__(self, client: Client, invocation_id: str) -> None:
        self.id = invocation_id
        self._client = client
        self._history = History(client.home)
        self._settled: tuple[int, Document] | None = None

    def wait(self, *, timeout: float = 30.0, expect: str | None = Status.SUCCEEDED) -> Execution:
        """Wait for its end, and for its outcome to reach its destination; this same execution.

        ``expect`` is the status that it must end with, None: any.

        Raises:
            UnexpectedEnd: it has ended otherwise. Its message has the error, the history and the log's end.
            NotInTime: it goes on.
        """
        __tracebackhide__ = True
        wanted = Status(expect) if expect is not None else None
        if waiting.until_final(self._client.home, [self.id], timeout_seconds=timeout) is None:
            raise unfinished(self, timeout, wanted or "its end")
        if wanted is not None and self.status is not wanted:
            raise UnexpectedEnd(self, wanted)
        return self

    def stop(self) -> Execution:
        """Stop it, and wait until it has stopped. Raises Conflict when it has ended already."""
        self._client.call("stop", id=self.id)
        return self.wait(expect=Status.STOPPED)

    def retry(self, event: object = None) -> Execution:
        """Run it again, with the same event or another one: a new execution."""
        arguments: dict[str, Any] = {"id": self.id}
        if event is not None:
            arguments["payload"] = base64.b64encode(to_bytes(event)).decode()
        return Execution(self._client, self._client.call("retry", **arguments)["invocationId"])

    @property
    def status(self) -> Status:
        return Status(self._document["status"])

    @property
    def function(self) -> str:
        """``service/function``."""
        return f"{self._document['serviceName']}/{self._document['functionName']}"

    @property
    def error(self) -> str:
        """The type of its error; empty when there is none."""
        return str(self._document["invocationErrorMessage"])

    @property
    def result(self) -> Any:
        """What it returned, or what is said of its error; None while there is neither.

        What JSON says; of what is no JSON the text; of what is no text the bytes.
        """
        data = self._bytes("returnPayload")
        return None if data is None else from_bytes(data)

    @property
    def has_result(self) -> bool:
        return "returnPayload" in self._document

    @property
    def event(self) -> Any:
        """What it was called with, read as ``result`` is."""
        return from_bytes(self._bytes("invocationPayload") or b"")

    @property
    def log(self) -> str:
        """What all its attempts have logged so far."""
        return waiting.read_log(self._client.home, self._document).decode(errors="replace")

    @property
    def events(self) -> Sequence[Event]:
        """Its history."""
        return [
            Event(
                Status(event["status"]),
                event["timestamp"],
                from_bytes(event["eventDetail"].encode()) if event["eventDetail"] else None,
            )
            for event in self._document["events"]
        ]

    @property
    def attempts(self) -> int:
        """How often its function was run."""
        return int(self._document["attempts"])

    @property
    def duration_ms(self) -> int:
        """How long the last attempt took."""
        return int(self._document["durationMs"])

    @property
    def destination_status(self) -> str:
        """``Succeeded`` or ``Failed``: whether its outcome has reached its destination; empty without one."""
        return str(self._document["destinationStatus"])

    @property
    def rerun_of(self) -> str:
        """The id of the execution that this one repeats; empty when it repeats none."""
        return str(self._document["rerunOf"])

    @property
    def faults(self) -> list[str]:
        """The failures that it met on purpose: ``crash@2`` struck its second attempt."""
        return list(self._document.get("faults", ()))

    @property
    def record(self) -> Document:
        """All that is known of it, in the vendor's field names and ours."""
        return dict(self._document)

    @property
    def _document(self) -> Document:
        return self._found()[1]

    def _found(self) -> tuple[int, Document]:
        if self._settled is not None:
            return self._settled
        found = self._history.find(self.id)
        if waiting.is_settled(found[1]):
            self._settled = found
        return found

    def _bytes(self, field: str) -> bytes | None:
        seq, document = self._found()
        return self._history.payload(seq, document, field)

    def __repr__(self) -> str:
        return f"<Execution {self.id}: {self.status}>"
