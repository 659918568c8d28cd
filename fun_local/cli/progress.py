"""Progress of long work, for people: a bar on stderr where that is a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Work that takes no longer shows nothing: no flicker, and nothing is imported for it.
_PATIENCE_SECONDS = 0.3


class Shown:
    """A bar while the block runs, gone after it. Without a ``total`` it only says that something happens.

    ``unit`` is what is counted; bytes are shown as sizes. ``is_wanted``: not where the result
    streams into the same terminal.
    """

    def __init__(
        self, text: str, total: int | None = None, *, unit: str = "", is_wanted: bool = True
    ) -> None:
        self._text = text
        self._total = total
        self._unit = unit
        self._is_wanted = is_wanted
        self._done = 0
        self._lock = threading.Lock()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._timer: threading.Timer | None = None

    def to(self, done: int, total: int | None = None) -> None:
        """So much is done, of so much if that is known now."""
        self._done = done
        self._total = self._total if total is None else total
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, total=self._total)

    def forward(self, count: int = 1) -> None:
        """So much more is done."""
        self.to(self._done + count)

    def __enter__(self) -> Shown:
        if self._is_wanted and sys.stderr.isatty():
            self._timer = threading.Timer(_PATIENCE_SECONDS, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        with self._lock:
            self._timer = None  # a bar that is about to be shown no longer is
            if self._bar is not None:
                self._bar.stop()

    def _show(self) -> None:
        # 50 ms to import: only for who waits, and looks.
        from rich import progress
        from rich.console import Console

        counted: list[progress.ProgressColumn] = [progress.TextColumn(f"{{task.completed:,}} {self._unit}")]
        if self._unit == "bytes":
            counted = [progress.DownloadColumn()]
        columns = [
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}", markup=False),
            *([progress.BarColumn(bar_width=None)] if self._total is not None else []),
            *(counted if self._unit else []),
            progress.TimeElapsedColumn(),
        ]
        with self._lock:
            if self._timer is None:
                return
            bar = progress.Progress(
                *columns, console=Console(stderr=True), transient=True, redirect_stdout=False
            )
            self._task = bar.add_task(self._text, total=self._total, completed=self._done)
            bar.start()
            self._bar = bar
