"""The rehearsal of failures: who is struck, where an instance, room for one or a destination would be asked.

Off unless somebody asks for it, for one call or for a function: then every question ends at two comparisons.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from fun_local.errors import RESOURCES, InvalidRequest, Unavailable
from fun_local.model.faults import DELIVERING, STARTING, Fault, Rule, result_of
from fun_local.model.outcome import Result
from fun_local.model.resources import Function
from fun_local.ports import Instance, Message

log = logging.getLogger(__name__)


class Faults:
    """The failures that are rehearsed in a home.

    ``save`` makes rules safe, ``last_seq`` tells the number of the newest invocation.
    """

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        *,
        save: Callable[[Sequence[Rule]], Any] = lambda rules: None,
        last_seq: Callable[[], int] = lambda: 0,
    ) -> None:
        self._rules = tuple(rules)
        self._save = save
        self._last_seq = last_seq
        self._calls: Counter[str] = Counter()  # synchronous ones, of functions with rules
        for rule in rules:
            log.warning("%s fails on purpose: %s", rule.function, rule.fault, extra={"action": "fault"})

    @property
    def rules(self) -> Sequence[Rule]:
        return self._rules

    def set(self, function: str, fault: Fault, *, rate: float = 1.0, seed: int = 0) -> Rule:
        """Have calls of a function struck from now on; a rule for the same kind of failure is replaced.

        Raises:
            InvalidRequest: the rate is none.
        """
        rule = Rule(function, fault, rate, seed, self._last_seq())
        others = [r for r in self._rules if (r.function, r.fault.kind) != (function, fault.kind)]
        self._replace((*others, rule))
        self._calls.pop(function, None)
        return rule

    def clear(self, function: str = "") -> int:
        """Drop the rules of a function, or all; how many there were."""
        kept = [rule for rule in self._rules if function and rule.function != function]
        dropped = len(self._rules) - len(kept)
        if dropped:
            self._replace(kept)
        return dropped

    def _replace(self, rules: Sequence[Rule]) -> None:
        self._save(rules)
        self._rules = tuple(rules)

    # --- who is struck

    def of_message(self, message: Message, attempt: int, kinds: Collection[str]) -> Fault | None:
        """What strikes an asynchronous invocation.

        ``kinds`` says where it is, ``attempt`` how often it has been there, this time included.
        """
        if not message.fault and not self._rules:
            return None
        own = Fault.parse(message.fault) if message.fault else None
        if own is not None and own.kind in kinds and own.reaches(attempt):
            return _struck(own, message.invocation_id, attempt)
        for rule in self._rules:
            if rule.fault.kind in kinds and rule.function == message.function.path:
                call = rule.call(message.seq, message.invocation_id, message.request_id)
                if rule.strikes(call, attempt):
                    return _struck(rule.fault, message.invocation_id, attempt)
        return None

    def of_call(self, function: str, own: str, request_id: str) -> Fault | None:
        """What strikes a synchronous call, which has one attempt. ``own`` is the failure asked for with it.

        Raises:
            InvalidRequest: there is no such failure, or a synchronous call can't have it.
        """
        if own:
            return _struck(_of_one_call(own), request_id, 1)
        if not self._rules:
            return None
        rules = [r for r in self._rules if r.function == function and r.fault.kind not in DELIVERING]
        if not rules:
            return None
        self._calls[function] += 1
        call = f"sync #{self._calls[function]}"
        fault = next((rule.fault for rule in rules if rule.strikes(call, 1)), None)
        return _struck(fault, request_id, 1) if fault else None


def _of_one_call(text: str) -> Fault:
    fault = Fault.parse(text)
    if fault.kind in DELIVERING:
        raise InvalidRequest(
            "InvalidArgument",
            f"a synchronous call has no destination, so {fault.kind} can't happen to it",
            hint="Invoke it asynchronously: -t Async.",
        )
    return fault


def _struck(fault: Fault, request: str, attempt: int) -> Fault:
    log.warning("%s at attempt %d of %s, on purpose", fault.kind, attempt, request, extra={"action": "fault"})
    return fault


# --- what comes of it


def check_room(fault: Fault | None) -> None:
    """Raise what a start raises for which the system has no room, if that is what is rehearsed."""
    if fault is not None and fault.kind in STARTING:
        raise Unavailable(RESOURCES, "there is no room for an instance, on purpose (a rehearsed fault)")


async def instead_of_running(fault: Fault, instance: Instance, function: Function) -> Result:
    """The result of an attempt that is struck. An instance that has died of it runs nothing any more."""
    result = result_of(fault, function, instance_id=instance.id)
    if fault.kind != "error":
        await instance.stop()
    return result
