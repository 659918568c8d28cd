"""Queues, topics and subscriptions as parts of a template: deployments.MnsResources over MNS."""

from __future__ import annotations

from fun_local.mns.queues import Mns
from fun_local.model import changes
from fun_local.model.changes import Messaging
from fun_local.model.resources import Queue, Topic


class Shelf:
    """Puts a template's queues, topics and subscriptions into MNS, and takes them away."""

    def __init__(self, mns: Mns) -> None:
        self._mns = mns

    def resources(self) -> changes.Mns:
        topics = self._mns.topics
        queues = [queue for name in self._mns.names() if (queue := self._mns.find(name))]
        found = [topic for name in topics.names() if (topic := topics.find(name))]
        subscriptions = [info.subscription for topic in found for info in topics.subscriptions(topic.name)]
        return changes.Mns(
            queues={queue.path: queue for queue in queues},
            topics={topic.path: topic for topic in found},
            subscriptions={subscription.path: subscription for subscription in subscriptions},
        )

    async def put(self, item: Messaging) -> None:
        is_new = self.resources().find(item) is None
        if isinstance(item, Queue):
            await (self._mns.create(item) if is_new else self._mns.set_attributes(item))
        elif isinstance(item, Topic):
            await (self._mns.topics.create(item) if is_new else self._mns.topics.set_attributes(item))
        elif is_new:
            await self._mns.topics.subscribe(item)
        else:
            await self._mns.topics.set_subscription(item)

    async def drop(self, item: Messaging) -> None:
        if self.resources().find(item) is None:
            return  # gone with its topic, or by hand
        if isinstance(item, Queue):
            await self._mns.delete(item.name)
        elif isinstance(item, Topic):
            await self._mns.topics.delete(item.name)
        else:
            await self._mns.topics.unsubscribe(item.topic, item.name)
