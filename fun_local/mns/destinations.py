"""Where outcomes go that MNS takes: ports.Destination for queues and topics."""

from __future__ import annotations

from fun_local.mns.queues import Mns
from fun_local.mns.topics import Topics
from fun_local.model.names import DestinationAddress


class QueueDestination:
    """ports.Destination for MNS queues."""

    def __init__(self, mns: Mns) -> None:
        self._mns = mns

    async def deliver(self, address: DestinationAddress, body: bytes, *, seq: int) -> None:
        await self._mns.send(address.name, body, settles=seq)


class TopicDestination:
    """ports.Destination for MNS topics: an outcome is published without a tag."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    async def deliver(self, address: DestinationAddress, body: bytes, *, seq: int) -> None:
        await self._topics.publish(address.name, body, settles=seq)
