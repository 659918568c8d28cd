"""Where outcomes go that MNS takes: ports.Destination for queues and topics."""

from __future__ import annotations

from fun_local.mns.queues import Mns
from fun_local.mns.topics import Topics
from fun_local.model.names import DestinationAddress


class QueueDestination:
    """ports.Destination for MNS queues.

    Which encoding Function Compute gives a body is not documented. Clients decode base64 unless told not to,
    so that is how it travels; ``is_raw`` sends the JSON as it is (mns sections 12 and 17).
    """

    settles = True

    def __init__(self, mns: Mns, *, is_raw: bool = False) -> None:
        self._mns = mns
        self._is_raw = is_raw

    async def deliver(self, address: DestinationAddress, body: bytes, *, seq: int) -> None:
        await self._mns.send(address.name, body, is_wire=self._is_raw, settles=seq)


class TopicDestination:
    """ports.Destination for MNS topics: an outcome is published without a tag."""

    settles = True

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    async def deliver(self, address: DestinationAddress, body: bytes, *, seq: int) -> None:
        await self._topics.publish(address.name, body, settles=seq)
