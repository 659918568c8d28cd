"""What is due, per function: only a short stretch of each backlog is in memory, the rest stays on disk.

What is delayed or waits for a retry is not due: it lies in the queue and costs nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from fun_local.model.names import FunctionRef
from fun_local.ports import Clock, Message, Queue

#: Messages of one function read from disk at a time, and kept in memory at most.
_STRETCH = 100
_MEMORY = 1000


@dataclass(slots=True)
class _Backlog:
    """What is due of one function: the oldest in memory, the rest on disk."""

    ready: deque[Message] = field(default_factory=deque)
    has_more_on_disk: bool = True


class Backlogs:
    """The messages that wait for an instance. ``busy`` are the numbers of those that are worked on."""

    def __init__(self, queue: Queue, clock: Clock, busy: Collection[int]) -> None:
        self._queue = queue
        self._clock = clock
        self._busy = busy
        self._by_function: dict[FunctionRef, _Backlog] = {}
        # The messages in memory.
        self._ready: set[int] = set()

    def functions(self) -> list[FunctionRef]:
        """Those of which something may be due."""
        return list(self._by_function)

    def __contains__(self, item: int | FunctionRef) -> bool:
        """Whether a message is in memory here; whether something of a function may be due."""
        return item in (self._ready if isinstance(item, int) else self._by_function)

    def add(self, message: Message) -> None:
        """A message that is due, and was just accepted here: no need to read it from disk."""
        backlog = self._by_function.get(message.function)
        if backlog is None:
            # Nothing else of that function is due, or ``look`` would have found it.
            self._by_function[message.function] = _Backlog(deque([message]), has_more_on_disk=False)
            self._ready.add(message.seq)
        elif not backlog.has_more_on_disk and len(backlog.ready) < _MEMORY:
            backlog.ready.append(message)
            self._ready.add(message.seq)
        else:
            backlog.has_more_on_disk = True

    def expect(self, function: FunctionRef) -> None:
        """There may be messages of a function on disk that nobody has told of."""
        self._by_function.setdefault(function, _Backlog()).has_more_on_disk = True

    def is_empty(self, function: FunctionRef) -> bool:
        """Whether nothing of a function is due. Looks on disk when nothing is in memory."""
        backlog = self._by_function.get(function)
        if backlog is not None and (backlog.ready or self._load(function, backlog)):
            return False
        self._by_function.pop(function, None)
        return True

    def take(self, function: FunctionRef) -> Message:
        """The oldest message of a function whose backlog is not empty."""
        message = self._by_function[function].ready.popleft()
        self._ready.discard(message.seq)
        return message

    def remove(self, message: Message) -> None:
        """Take a message out, if it is in memory."""
        backlog = self._by_function.get(message.function)
        if backlog is not None and message.seq in self._ready:
            backlog.ready = deque(other for other in backlog.ready if other.seq != message.seq)
            self._ready.discard(message.seq)

    def _load(self, function: FunctionRef, backlog: _Backlog) -> bool:
        if not backlog.has_more_on_disk:
            return False
        found = self._queue.due(function, self._clock.now_ms(), skip=self._busy, limit=_STRETCH)
        backlog.ready.extend(found)
        self._ready.update(message.seq for message in found)
        backlog.has_more_on_disk = len(found) == _STRETCH
        return bool(found)
