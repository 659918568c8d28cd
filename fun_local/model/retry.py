"""Whether a failed attempt is followed by another one, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling waits: 0.5 s, 1 s, 2 s, … up to a cap.

    async-semantics 7 gives these figures for throttling; the gap after a function error is not
    documented, so the same is used. The cap is ours.
    """

    first_seconds: float = 0.5
    cap_seconds: float = 60.0

    def delay_ms(self, attempts: int) -> int:
        """Milliseconds to wait after ``attempts`` attempts (1 or more) have failed."""
        doublings = min(attempts - 1, 32)
        return int(min(self.first_seconds * 2**doublings, self.cap_seconds) * 1000)


@dataclass(frozen=True, slots=True)
class Throttling:
    """The tries of an invocation for which there is no room: a back-off of its own, for hours.

    async-semantics 7: doubling from half a second, for up to five hours; these tries are no retries.
    """

    backoff: Backoff = Backoff()
    limit_seconds: float = 5 * 3600.0

    def again_after_ms(self, tries: int, waited_ms: int) -> int | None:
        """Milliseconds until the next try after ``tries`` (1 or more), or None when it took too long."""
        if waited_ms >= self.limit_seconds * 1000:
            return None
        return self.backoff.delay_ms(tries)


def retry_after_ms(attempts: int, max_retries: int, backoff: Backoff) -> int | None:
    """Milliseconds until the next attempt, or None when the budget (1 + max_retries) is used up."""
    if attempts > max_retries:
        return None
    return backoff.delay_ms(attempts)


def is_expired(accepted_ms: int, now_ms: int, max_age_seconds: int) -> bool:
    """Whether a message is too old to run: checked when it is taken off the queue (async-semantics 8)."""
    return now_ms - accepted_ms > max_age_seconds * 1000
