"""Handing the outcome of an execution to its destination."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from fun_local.errors import STORAGE_FULL, FunLocalError, InvalidRequest, Unavailable
from fun_local.model.execution import Execution
from fun_local.model.names import parse_destination
from fun_local.model.outcome import outcome_message, target_of
from fun_local.model.retry import Backoff
from fun_local.ports import Clock, Destination

log = logging.getLogger(__name__)

#: async-semantics 23: a delivery is tried three times; that never changes the invocation's status.
_TRIES = 3

DELIVERED, UNDELIVERED = "Succeeded", "Failed"


class Delivery:
    """Delivers outcomes; ``destinations`` by the kind of address they serve."""

    def __init__(self, destinations: Mapping[str, Destination], clock: Clock, backoff: Backoff) -> None:
        self._destinations = destinations
        self._clock = clock
        self._backoff = backoff

    async def deliver(self, execution: Execution, is_down: Callable[[int], bool]) -> tuple[str, bool]:
        """Hand an outcome to its destination. ``is_down``: whether a try is to fail on purpose.

        The vendor's word for how that went, and whether the queue's note of it has been made.
        """
        target = target_of(execution)
        body = outcome_message(execution)
        tries = 0
        while tries < _TRIES:
            try:
                if is_down(tries + 1):
                    raise Unavailable("DestinationDown", "it is down, on purpose (a rehearsed fault)")
                return DELIVERED, await self._try(target, body, execution.seq)
            except FunLocalError as error:
                # A full disk is no fault of the destination's: what is owed waits until there is room.
                tries += error.code != STORAGE_FULL
                log.warning(
                    "execution %s: not delivered to %s: %s",
                    execution.invocation_id,
                    target,
                    error,
                    extra={"action": "delivery-failed"},
                )
                if isinstance(error, InvalidRequest):
                    break  # it will be no better the next time
                if tries < _TRIES:
                    await self._clock.sleep(self._backoff.delay_ms(max(tries, 1)) / 1000)
        return UNDELIVERED, False

    async def _try(self, target: str, body: bytes, seq: int) -> bool:
        address = parse_destination(target)
        destination = self._destinations.get(address.kind)
        if destination is None:
            raise InvalidRequest(
                "InvalidDestinationResources",
                f"destinations of the kind '{address.kind}' are not supported yet",
            )
        await destination.deliver(address, body, seq=seq)
        return destination.settles
