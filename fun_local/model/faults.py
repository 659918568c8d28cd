"""Failures that are rehearsed: which there are, which calls they strike, and what comes of them. Pure.

    crash            the process dies in the middle       error[:TYPE]       the handler raises TYPE
    timeout          it takes longer than it may          throttle           there is no room for an instance
    oom              it is killed for its memory          destination-down   its outcome can't be delivered

Each may end in ``@N``: only the first N attempts (starts, deliveries) of a call are struck, so that the next
one shows whether a retry helps.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.model.outcome import (
    UNHANDLED,
    Ending,
    Result,
    error_payload,
    exit_payload,
    timeout_payload,
)
from fun_local.model.resources import Function

#: What can go wrong while a function runs; before; and after.
RUNNING = frozenset({"crash", "timeout", "oom", "error"})
STARTING = frozenset({"throttle"})
DELIVERING = frozenset({"destination-down"})

KINDS = ("crash", "timeout", "oom", "error", "throttle", "destination-down")

_TEXT = re.compile(r"(?P<kind>[a-z-]+)(:(?P<type>[A-Za-z_][\w.]{0,127}))?(@(?P<attempts>[1-9]\d{0,8}))?")


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure. ``attempts``: how many of a call's attempts it strikes, 0 all; ``type`` is an error's."""

    kind: str
    type: str = ""
    attempts: int = 0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read ``crash``, ``error:ValueError``, ``timeout@1``.

        Raises:
            InvalidRequest: there is no such failure.
        """
        match = _TEXT.fullmatch(text)
        if not match or match["kind"] not in KINDS or (match["type"] and match["kind"] != "error"):
            raise InvalidRequest(
                "InvalidArgument",
                f"there is no fault {text!r}",
                hint=f"Write {', '.join(KINDS)} or error:TYPE; with @N for the first N attempts only.",
            )
        return cls(match["kind"], match["type"] or "", int(match["attempts"] or 0))

    def __str__(self) -> str:
        attempts = f"@{self.attempts}" if self.attempts else ""
        return f"{self.kind}:{self.type}{attempts}" if self.type else self.kind + attempts

    def reaches(self, attempt: int) -> bool:
        """Whether this attempt of a call (1 or more) is one of those that it strikes."""
        return not self.attempts or attempt <= self.attempts


@dataclass(frozen=True, slots=True)
class Rule:
    """A failure that strikes calls of a function at a rate; ``seed`` decides which.

    ``after_seq`` is the newest invocation when the rule was made: calls are counted from there, so that the
    same calls in the same order meet the same failures again.
    """

    function: str
    fault: Fault
    rate: float = 1.0
    seed: int = 0
    after_seq: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise InvalidRequest(
                "InvalidArgument",
                f"a rate of {self.rate:g} is not over 0 and at most 1",
                hint="0.2 strikes a fifth of all attempts.",
            )

    def strikes(self, call: str, attempt: int) -> bool:
        """Whether it strikes an attempt of a call; the same answer for the same seed, call and attempt."""
        return self.fault.reaches(attempt) and (
            self.rate == 1 or _draw(f"{self.seed} {self.fault.kind} {attempt} {call}") < self.rate
        )

    def call(self, seq: int, invocation_id: str, request_id: str) -> str:
        """What a call is known by: an id that its caller chose, else how many came before it."""
        return f"#{seq - self.after_seq}" if invocation_id == request_id else invocation_id

    def to_dict(self) -> dict[str, Any]:
        return {
            "function": self.function,
            "fault": str(self.fault),
            "rate": self.rate,
            "seed": self.seed,
            "afterSeq": self.after_seq,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Rule:
        return cls(
            data["function"], Fault.parse(data["fault"]), data["rate"], data["seed"], data.get("afterSeq", 0)
        )


def result_of(fault: Fault, function: Function, *, instance_id: str, memory_mb: float = 0.0) -> Result:
    """What an attempt comes to that is struck: the very result of the real failure (async-semantics 20).

    The time that a time-out names is not spent, nor is the function run.
    """
    if fault.kind == "timeout":
        seconds = function.timeout_seconds
        payload = timeout_payload(seconds, memory_mb)
        return Result(Ending.TIMED_OUT, payload, UNHANDLED, seconds * 1000, memory_mb, instance_id)
    if fault.kind == "error":
        body = error_payload("a rehearsed failure", fault.type or "Exception")
        return Result(Ending.RAISED, body, UNHANDLED, 0.0, memory_mb, instance_id)
    # runtime.md 5.3: of memory callers hear no more than of any other end; the figure tells.
    memory_mb = float(function.memory_mb) if fault.kind == "oom" else memory_mb
    return Result(Ending.EXITED, exit_payload(0, memory_mb), UNHANDLED, 0.0, memory_mb, instance_id)


def marked(marks: Collection[str], fault: Fault, attempt: int) -> tuple[str, ...]:
    """The marks of a record and one more: ``crash@2`` for the second attempt.

    Of what is tried again for hours only the last time is noted.
    """
    if fault.kind not in RUNNING:
        marks = [mark for mark in marks if not mark.startswith(f"{fault.kind}@")]
    return (*marks, f"{fault.kind}@{attempt}")


def _draw(text: str) -> float:
    """A number from 0 to 1, always the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
