"""What can be asked of a worker: to run the handler or one of the hooks (runtime.md 2.7)."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from fun_local.model.resources import Function
from fun_local.runtime import frames

INVOKE, INITIALIZER, PRE_STOP, PRE_FREEZE = range(4)


@dataclass(frozen=True, slots=True)
class Phase:
    """Something to ask: its number in the frame, its name in the log, its time, its handler.

    Without a handler the worker takes what it was told at the start.
    """

    kind: int
    marker: str
    seconds: int
    handler: str = ""

    def question(
        self, request_id: str, retry_count: int = 0, payload: bytes = b"", http: bytes = b""
    ) -> bytes:
        """The frame that asks for it. ``http``: what a request says besides its body, as JSON."""
        more = b',"handler":%b' % orjson.dumps(self.handler) if self.handler else b""
        if http:
            more += b',"http":%b' % http
        asked = (self.kind, retry_count, orjson.dumps(request_id), more)
        return frames.pack(b'{"kind":%d,"retry_count":%d,"request_id":%b%b}' % asked, payload)


@dataclass(frozen=True, slots=True)
class Phases:
    """A function's; None for a hook that it does not have."""

    invoke: Phase
    initialize: Phase | None
    pre_stop: Phase | None
    pre_freeze: Phase | None


def phases_of(function: Function) -> Phases:
    def hook(kind: int, marker: str, handler: str, seconds: int) -> Phase | None:
        return Phase(kind, marker, seconds, handler) if handler else None

    seconds = function.initialization_timeout_seconds
    return Phases(
        Phase(INVOKE, "Invoke", function.timeout_seconds),
        hook(INITIALIZER, "Initialize", function.initializer, seconds),
        hook(PRE_STOP, "PreStop", function.pre_stop, function.pre_stop_timeout_seconds),
        hook(PRE_FREEZE, "PreFreeze", function.pre_freeze, function.pre_freeze_timeout_seconds),
    )
