"""Outcomes for services that are not emulated: written to files that a person can read, and sent nowhere.

``HOME/destinations/KIND-NAME.jsonl`` has one line of JSON per outcome, in the order of delivery.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from fun_local.errors import FunLocalError, InvalidRequest
from fun_local.model.names import DestinationAddress
from fun_local.ports import Clock
from fun_local.store.files import make_private_folder, raise_unavailable, sync_folder
from fun_local.store.group_commit import GroupCommit

log = logging.getLogger(__name__)

#: What the cloud calls them, and the largest message that each takes (async-semantics 14).
SERVICES = {"eventbridge": ("EventBridge", 64 * 1024), "rocketmq": ("RocketMQ", 4 * 1024 * 1024)}

#: An outcome's number in its home, and the request id, which tells homes apart that a file outlived.
_Identity = tuple[int, str]


@dataclass(frozen=True, slots=True)
class _Line:
    path: str
    identity: _Identity
    text: bytes


def folder(home: str) -> str:
    """Where a home keeps them."""
    return os.path.join(home, "destinations")


def path_of(home: str, address: DestinationAddress) -> str:
    """The file of one destination."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", address.name)[:200]
    return os.path.join(folder(home), f"{address.kind}-{name}.jsonl")


class RecordedDestination:
    """ports.Destination for everything in SERVICES; must be made inside the running loop."""

    settles = False

    def __init__(self, home: str, clock: Clock) -> None:
        self._home = home
        self._clock = clock
        self._group: GroupCommit[_Line, None] = GroupCommit("destinations", self._commit)
        # What files held before: a crash may have come between a line and the queue's note of it. Of what is
        # written later nothing comes twice. Used by the committer's thread only.
        self._known: dict[str, set[_Identity]] = {}

    async def deliver(self, address: DestinationAddress, body: bytes, *, seq: int) -> None:
        service, limit = SERVICES[address.kind]
        if len(body) > limit:
            raise InvalidRequest(
                "EntityTooLarge",
                f"the message has {len(body)} bytes; {service} takes {limit} at most",
            )
        message = orjson.loads(body)
        path = path_of(self._home, address)
        line = {
            "recordedTime": self._clock.now_ms(),
            "note": f"recorded only: {service} is not emulated, nothing was sent",
            "kind": address.kind,
            "name": address.name,
            "seq": seq,
            "message": message,
        }
        identity = (seq, message["requestContext"]["requestId"])
        await self._group.add(_Line(path, identity, orjson.dumps(line) + b"\n"))
        log.warning(
            "%s is not emulated: the outcome of request %s is in %s",
            service,
            identity[1],
            path,
            extra={"action": "recorded"},
        )

    async def close(self) -> None:
        await self._group.close()

    def _commit(self, lines: list[_Line]) -> Sequence[FunLocalError | None]:
        """Append, a sync per file. Where that fails nobody knows what the file holds: it is read again."""
        by_path: dict[str, list[_Line]] = {}
        for line in lines:
            by_path.setdefault(line.path, []).append(line)
        failed: dict[str, FunLocalError] = {}
        for path, some in by_path.items():
            try:
                self._append(path, some)
            except FunLocalError as error:
                self._known.pop(path, None)
                failed[path] = error
        return [failed.get(line.path) for line in lines]

    def _append(self, path: str, lines: Sequence[_Line]) -> None:
        make_private_folder(folder(self._home))
        is_new = not os.path.exists(path)
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                if path not in self._known:
                    self._known[path] = _mend(fd, path)
                new = b"".join(line.text for line in lines if line.identity not in self._known[path])
                view = memoryview(new)
                while view:
                    view = view[os.write(fd, view) :]
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise_unavailable(path, error)
        if is_new:
            sync_folder(folder(self._home))


def _mend(fd: int, path: str) -> set[_Identity]:
    """What a file holds. A last line without its end is one that a crash or a full disk cut off: it goes."""
    found: set[_Identity] = set()
    whole = 0
    with open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            try:
                document = orjson.loads(line)
                found.add((document["seq"], document["message"]["requestContext"]["requestId"]))
            except (ValueError, KeyError, TypeError):
                continue  # somebody has edited it; what it says is nobody's outcome
    os.ftruncate(fd, whole)
    return found
