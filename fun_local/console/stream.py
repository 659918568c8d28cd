"""What happens, as it happens: server-sent events (docs/console.md).

    event: hello        once; the page has nothing before it
    event: executions   {"rows": […], "leftOut": n}   changed executions, newest first
    event: record       one execution as a whole, where one is watched
    event: log          {"start", "end", "size", "text", "attempts"}   what it has written since
    event: reset        something was missed: load what is shown anew

Each ``executions`` has an id; who comes back with it in Last-Event-ID is told what was missed, or to reset.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web

from fun_local.console import logs
from fun_local.console.records import current, record, row_of, rows_of
from fun_local.emulator import Emulator
from fun_local.feed import Frame
from fun_local.http.refusals import Refused
from fun_local.model.execution import Execution
from fun_local.model.names import FunctionRef

#: Seconds of silence after which a word is said, so that both ends notice when the other is gone.
_BEAT_SECONDS = 15.0

#: Seconds between two looks at a log that may grow.
_LOG_SECONDS = 0.2

#: Streams at a time: each holds a connection.
_MOST_READERS = 60


class Stream:
    """One reader of the feed. ``watched`` is the execution whose record and log are told instead of rows."""

    def __init__(
        self,
        emulator: Emulator,
        home: str,
        response: web.StreamResponse,
        watched: tuple[FunctionRef, str] | None,
        log_from: int,
    ) -> None:
        self._emulator = emulator
        self._home = home
        self._response = response
        self._watched = watched
        self._execution: Execution | None = None
        self._log_from = log_from

    async def run(self, last_id: str) -> None:
        """Until the client has gone, or the daemon ends."""
        feed = self._emulator.feed
        if feed.readers >= _MOST_READERS:
            raise Refused(503, "ResourceThrottled", "too many consoles are open: close some")
        seq = self._emulator.execution(*self._watched)[0] if self._watched else None
        with feed.reading(seq):
            place = _place(last_id, feed.epoch)
            await self._say("hello", {"epoch": feed.epoch})
            if self._watched:
                await self._tell_record(current(self._emulator, *self._watched)[1])
            else:
                # Who reads the files from now on misses nothing: what is not in them yet is told here.
                await self._say("executions", rows_of(self._emulator.unsaved()))
            if place is None:
                place = feed.newest
                if last_id:
                    await self._say("reset", {})
            while not feed.is_closed:
                frames = feed.since(place)
                if frames is None:
                    place = feed.newest
                    await self._say("reset", {})
                for frame in frames or ():
                    await self._tell(frame)
                    place = frame.number
                await self._tell_log()
                await self._rest(place)

    async def _rest(self, place: int) -> None:
        feed = self._emulator.feed
        is_growing = self._execution is not None and not self._execution.status.is_final
        seconds = _LOG_SECONDS if is_growing else _BEAT_SECONDS
        await feed.wait(place, seconds)
        if not is_growing and feed.newest <= place and not feed.is_closed:
            await self._response.write(b": still here\n\n")

    async def _tell(self, frame: Frame) -> None:
        if self._watched is None:
            await self._response.write(_text_of(frame, self._emulator.feed.epoch))
            return
        for execution in frame.executions:
            if self._execution is not None and execution.seq == self._execution.seq:
                await self._tell_record(execution)

    async def _tell_record(self, execution: Execution) -> None:
        self._execution = execution
        await self._say("record", record(execution))

    async def _tell_log(self) -> None:
        if self._execution is None:
            return
        while True:
            part = logs.read(self._home, self._execution, self._log_from)
            if part.start >= part.end:
                return
            self._log_from = part.end
            shown = {
                "start": part.start,
                "end": part.end,
                "size": part.size,
                "text": part.text,
                "attempts": part.attempts,
            }
            await self._say("log", shown)
            await asyncio.sleep(0)  # a long log must not keep everybody waiting

    async def _say(self, event: str, data: Any) -> None:
        await self._response.write(b"event: " + event.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n")


def _text_of(frame: Frame, epoch: str) -> bytes:
    """The rows of a frame; made once for all readers."""
    if (known := frame.texts.get("rows")) is None:
        data = {"rows": [row_of(execution) for execution in frame.executions], "leftOut": frame.left_out}
        head = f"id: {epoch}-{frame.number}\nevent: executions\ndata: ".encode()
        known = frame.texts["rows"] = head + orjson.dumps(data) + b"\n\n"
    return known


def _place(last_id: str, epoch: str) -> int | None:
    """The number of the frame with an id; None where it is another daemon's, or none."""
    whose, _, number = last_id.partition("-")
    return int(number) if whose == epoch and number.isdigit() else None
