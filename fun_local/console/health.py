"""How functions have fared lately: counts by status, durations, and both over time.

Read bucket by bucket, newest first, and not beyond some thousand executions. What a bucket says is remembered
until its file changes, so that asking again costs little however much history there is.
"""

from __future__ import annotations

import os
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fun_local.store import buckets

Json = dict[str, Any]

#: Buckets looked at: 20,000 executions.
_MOST_BUCKETS = 100

#: Parts that the time is cut into for the plots.
PARTS = 30


@dataclass(slots=True)
class Health:
    """One function's. ``durations`` are of attempts that came to an end; the others by part of the time."""

    counts: Counter[str] = field(default_factory=Counter)
    durations: list[int] = field(default_factory=list)
    succeeded: list[int] = field(default_factory=lambda: [0] * PARTS)
    failed: list[int] = field(default_factory=lambda: [0] * PARTS)

    def to_dict(self) -> Json:
        ordered = sorted(self.durations)
        return {
            "counts": dict(self.counts),
            "p50Ms": percentile(ordered, 0.50),
            "p99Ms": percentile(ordered, 0.99),
            "succeeded": self.succeeded,
            "failed": self.failed,
        }


def percentile(ordered: Sequence[int], share: float) -> int | None:
    """The smallest value that at least a share of all does not exceed; None where there are none."""
    if not ordered:
        return None
    return ordered[max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1)]


#: Of one execution: function, status, when accepted, how long it ran.
_Fact = tuple[str, str, int, int]


class HealthReader:
    """Reads the health of a home's functions. Used by one thread at a time."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._known: OrderedDict[int, tuple[tuple[int, int, int], list[_Fact]]] = OrderedDict()

    def read(self, since_ms: int, now_ms: int) -> tuple[dict[str, Health], bool]:
        """By function's path, of what was accepted since; and whether that is all of it."""
        found: dict[str, Health] = {}
        span = max(1, now_ms - since_ms)
        for place, number in enumerate(reversed(list(buckets.buckets_on_disk(self._home)))):
            if place == _MOST_BUCKETS:
                return found, False
            facts = self._facts(number)
            for path, status, accepted_ms, duration_ms in facts:
                if accepted_ms < since_ms:
                    continue
                health = found.setdefault(path, Health())
                health.counts[status] += 1
                part = min(PARTS - 1, (accepted_ms - since_ms) * PARTS // span)
                if status == "Succeeded":
                    health.succeeded[part] += 1
                elif status in ("Failed", "Expired", "Invalid"):
                    health.failed[part] += 1
                if status in ("Succeeded", "Failed"):
                    health.durations.append(duration_ms)
            if facts and max(fact[2] for fact in facts) < since_ms:
                break  # buckets are filled by order of acceptance
        return found, True

    def _facts(self, number: int) -> list[_Fact]:
        path = buckets.bucket_path(self._home, number)
        try:
            stat = os.stat(path)
        except FileNotFoundError:
            return []
        version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._known.get(number)
        if known is None or known[0] != version:
            documents = buckets.read_bucket(path).values()
            facts = [
                (f"{d['serviceName']}/{d['functionName']}", d["status"], d["startedTime"], d["durationMs"])
                for d in documents
            ]
            self._known[number] = known = version, facts
            while len(self._known) > 2 * _MOST_BUCKETS:
                self._known.popitem(last=False)
        return known[1]
