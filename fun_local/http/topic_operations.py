"""What our own tools ask of MNS topics: JSON in, one use case, JSON out. A part of operations.py."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any

from fun_local.emulator import Emulator
from fun_local.mns import SubscriptionInfo, TopicInfo
from fun_local.model.resources import Subscription, Topic, fields_of
from fun_local.model.topics import RETENTION_SECONDS, parse_endpoint

Json = dict[str, Any]


async def topic_create(emulator: Emulator, attributes: Json) -> Json:
    return {"created": await emulator.mns.topics.create(Topic(**fields_of(Topic, attributes)))}


async def topic_list(emulator: Emulator) -> Json:
    topics = emulator.mns.topics
    return {"topics": [_topic(topics.info(name)) for name in topics.names()]}


async def topic_info(emulator: Emulator, name: str) -> Json:
    return _topic(emulator.mns.topics.info(name))


async def topic_delete(emulator: Emulator, name: str) -> Json:
    await emulator.mns.topics.delete(name)
    return {}


async def topic_publish(emulator: Emulator, name: str, body: str, tag: str) -> Json:
    return {"messageId": await emulator.mns.topics.publish(name, base64.b64decode(body), tag=tag)}


async def topic_subscribe(emulator: Emulator, attributes: Json) -> Json:
    subscription = Subscription(**fields_of(Subscription, attributes))
    created = await emulator.mns.topics.subscribe(subscription)
    return {"created": created, "warnings": _warnings(emulator, subscription)}


async def topic_unsubscribe(emulator: Emulator, topic: str, name: str) -> Json:
    await emulator.mns.topics.unsubscribe(topic, name)
    return {}


async def topic_subscriptions(emulator: Emulator, topic: str) -> Json:
    topics = emulator.mns.topics
    found = topics.subscriptions(topic)
    return {"subscriptions": [_subscription(info, topics.account_id) for info in found]}


def _warnings(emulator: Emulator, subscription: Subscription) -> list[str]:
    """What keeps messages from reaching a subscriber, as things are."""
    endpoint = parse_endpoint(subscription.endpoint)
    if endpoint.kind == "idle":
        return [f"nothing is sent to {endpoint.target}: mail and SMS are not emulated"]
    if endpoint.kind == "queue" and emulator.mns.find(endpoint.target) is None:
        create = f"fun mns queue create {endpoint.target}"
        return [f"queue '{endpoint.target}' does not exist: create it with: {create}"]
    return []


def _topic(info: TopicInfo) -> Json:
    """MNS's attributes in camelCase (mns section 13), and how many subscribe."""
    return {
        "topicName": info.topic.name,
        "createTime": info.created_ms // 1000,
        "lastModifyTime": info.modified_ms // 1000,
        "maximumMessageSize": info.topic.max_message_bytes,
        "messageRetentionPeriod": RETENTION_SECONDS,
        "messageCount": info.messages,
        "loggingEnabled": info.topic.logging_enabled,
        "subscriptions": info.subscriptions,
    }


def _subscription(info: SubscriptionInfo, account_id: str) -> Json:
    found = info.subscription
    answer: Json = {
        "topicOwner": account_id,
        "topicName": found.topic,
        "subscriptionName": found.name,
        "endpoint": found.endpoint,
        "notifyStrategy": found.strategy,
        "notifyContentFormat": found.format,
        "createTime": info.created_ms // 1000,
        "lastModifyTime": info.modified_ms // 1000,
    }
    if found.filter_tag:
        answer["filterTag"] = found.filter_tag
    return answer


TOPIC_OPERATIONS: dict[str, Callable[..., Awaitable[Json]]] = {
    "topic-create": topic_create,
    "topic-list": topic_list,
    "topic-info": topic_info,
    "topic-delete": topic_delete,
    "topic-publish": topic_publish,
    "topic-subscribe": topic_subscribe,
    "topic-unsubscribe": topic_unsubscribe,
    "topic-subscriptions": topic_subscriptions,
}
