"""How much of some code has been read: no more than may be, and told to whoever waits."""

from __future__ import annotations

from collections.abc import Callable

from fun_local.errors import InvalidRequest

#: Bytes of the code of one function, unpacked (fc-api 17).
MAX_BYTES = 500 * 1024 * 1024

#: Told of bytes done and bytes in all; the last call has them equal.
OnProgress = Callable[[int, int], None]


class Meter:
    """Counts what is really read: what an archive says of its sizes may be wrong, and files grow."""

    def __init__(self, total: int, on_progress: OnProgress | None = None, *, passes: int = 1) -> None:
        self._total = total * passes
        self._on_progress = on_progress
        self._done = self._in_pass = 0

    def start_pass(self) -> None:
        """What follows is read from the beginning."""
        self._in_pass = 0

    def add(self, count: int) -> None:
        """Note bytes that have been read. Raises InvalidRequest when it gets too much."""
        self._in_pass += count
        if self._in_pass > MAX_BYTES:
            raise InvalidRequest("InvalidCode", f"the code is larger than {MAX_BYTES} bytes")
        self._done += count
        if self._on_progress and self._done < self._total:
            self._on_progress(self._done, self._total)

    def finish(self) -> None:
        """Nothing more is to be read, also when it was less than expected."""
        if self._on_progress:
            self._on_progress(self._total, self._total)
