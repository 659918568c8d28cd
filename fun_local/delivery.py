"""Handing the outcome of an execution to its destination."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fun_local.errors import STORAGE_FULL, FunLocalError, InvalidRequest
from fun_local.model.execution import Execution, Status
from fun_local.model.names import parse_destination
from fun_local.model.outcome import envelope
from fun_local.model.retry import Backoff
from fun_local.ports import Clock, Destination

log = logging.getLogger(__name__)

#: async-semantics 23: a delivery is tried three times; that never changes the invocation's status.
_TRIES = 3

DELIVERED, UNDELIVERED = "Succeeded", "Failed"


def target_of(execution: Execution) -> str:
    """The address that an end is delivered to; empty when there is none."""
    if execution.status is Status.SUCCEEDED:
        return execution.config.on_success
    return execution.config.on_failure


class Delivery:
    """Delivers outcomes; ``destinations`` by the kind of address they serve."""

    def __init__(self, destinations: Mapping[str, Destination], clock: Clock, backoff: Backoff) -> None:
        self._destinations = destinations
        self._clock = clock
        self._backoff = backoff

    async def deliver(self, execution: Execution) -> str:
        """Hand an outcome to its destination; the vendor's word for how that went."""
        target = target_of(execution)
        body = self._envelope(execution)
        tries = 0
        while tries < _TRIES:
            try:
                await self._try(target, body, execution.seq)
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
            else:
                return DELIVERED
        return UNDELIVERED

    async def _try(self, target: str, body: bytes, seq: int) -> None:
        address = parse_destination(target)
        destination = self._destinations.get(address.kind)
        if destination is None:
            raise InvalidRequest(
                "InvalidDestinationResources",
                f"destinations of the kind '{address.kind}' are not supported yet",
            )
        await destination.deliver(address, body, seq=seq)

    def _envelope(self, execution: Execution) -> bytes:
        never_ran = execution.status in (Status.EXPIRED, Status.INVALID)
        return envelope(
            timestamp_ms=self._clock.now_ms(),
            request_id=execution.request_id,
            function=execution.function,
            condition=execution.error,
            attempts=execution.attempts,
            request_payload=execution.payload,
            function_error="" if never_ran else execution.error,
            response_payload=b"" if never_ran else execution.result or b"",
        )
