"""Where outcomes go that a function takes: ports.Destination for functions of this home."""

from __future__ import annotations

from collections.abc import Callable

from fun_local import accept
from fun_local.errors import InvalidRequest
from fun_local.model.circles import MAX_DEPTH
from fun_local.model.deployed import Deployed
from fun_local.model.names import IMPLICIT_SERVICE, DestinationAddress, FunctionRef
from fun_local.ports import Clock, Message, Queue


class FunctionDestination:
    """Invokes the function asynchronously, with the outcome as its event (async-semantics 14, 16).

    The new invocation and the note that the outcome is delivered are one transaction, so there is one,
    whatever crashes. It follows the target's own asynchronous configuration. ``offer`` hears of each.
    """

    settles = True

    def __init__(
        self,
        queue: Queue,
        *,
        deployed: Callable[[], Deployed],
        offer: Callable[[Message], None],
        clock: Clock,
        new_request_id: Callable[[], str],
    ) -> None:
        self._queue = queue
        self._deployed = deployed
        self._offer = offer
        self._clock = clock
        self._new_request_id = new_request_id

    async def deliver(self, address: DestinationAddress, body: bytes, *, seq: int) -> None:
        source = self._queue.get(seq)
        if source is None:
            return  # it has been settled already
        if source.depth >= MAX_DEPTH:
            raise InvalidRequest(
                "InvalidDestinationResources",
                f"function '{address.name}' would be the {MAX_DEPTH + 1}th in a row to get an outcome",
                hint="Functions that are each other's destinations would call each other for ever.",
            )
        deployed = self._deployed()
        draft = accept.draft(
            deployed,
            address.name,
            body,
            now_ms=self._clock.now_ms(),
            request_id=self._new_request_id(),
            qualifier=address.qualifier,
            depth=source.depth + 1,
        )
        _check_event_function(deployed, draft.function)
        message = await self._queue.hand_on(draft, settles=seq)
        if message is not None:
            self._offer(message)


def _check_event_function(deployed: Deployed, ref: FunctionRef) -> None:
    """FC 2.0 takes event functions only, not those with an HTTP trigger; FC 3.0 knows no such difference."""
    is_http = any(
        trigger.type == "http" and (trigger.service, trigger.function) == (ref.service, ref.function)
        for trigger in deployed.triggers.values()
    )
    if is_http and ref.service != IMPLICIT_SERVICE:
        raise InvalidRequest(
            "InvalidDestinationResources",
            f"function '{ref.path}' has an HTTP trigger: only event functions can be destinations",
        )
