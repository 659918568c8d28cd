"""What we have as the elements that MNS answers with: every one that the SDKs insist on (mns 2, 8, 9, 13)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from fun_local.errors import FunLocalError
from fun_local.http.mns.document import Tree
from fun_local.mns import NewMessage, QueueInfo, QueueMessage, Sent, SubscriptionInfo, TopicInfo
from fun_local.model.topics import RETENTION_SECONDS

_PROPERTIES = {"UserProperties": "PropertyValue", "SystemProperties": "SystemPropertyValue"}


def leaves(**texts: object) -> list[Tree]:
    """Elements with a text each."""
    return [(name, str(value)) for name, value in texts.items()]


def md5(text: str) -> str:
    """Of a body as it travels (mns section 11)."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def message_of(error: FunLocalError) -> str:
    """What people read of an error: what is wrong and what to do."""
    return f"{error.message}. {error.hint}" if error.hint else error.message


def queue(info: QueueInfo) -> list[Tree]:
    """A queue's attributes and counts (mns section 8.3). Times in seconds."""
    attributes = info.queue
    return leaves(
        QueueName=attributes.name,
        CreateTime=info.created_ms // 1000,
        LastModifyTime=info.modified_ms // 1000,
        VisibilityTimeout=attributes.visibility_seconds,
        MaximumMessageSize=attributes.max_message_bytes,
        MessageRetentionPeriod=attributes.retention_seconds,
        DelaySeconds=attributes.delay_seconds,
        PollingWaitSeconds=attributes.polling_wait_seconds,
        ActiveMessages=info.active,
        InactiveMessages=info.inactive,
        DelayMessages=info.delayed,
        LoggingEnabled=attributes.logging_enabled,
    )


def topic(info: TopicInfo) -> list[Tree]:
    """A topic's attributes and counts (mns section 13). Times in seconds."""
    return leaves(
        TopicName=info.topic.name,
        CreateTime=info.created_ms // 1000,
        LastModifyTime=info.modified_ms // 1000,
        MaximumMessageSize=info.topic.max_message_bytes,
        MessageRetentionPeriod=RETENTION_SECONDS,
        MessageCount=info.messages,
        LoggingEnabled=info.topic.logging_enabled,
    )


def subscription(info: SubscriptionInfo, account_id: str) -> list[Tree]:
    """A subscription (mns section 13). Times in seconds."""
    found = info.subscription
    tree = leaves(
        TopicOwner=account_id,
        TopicName=found.topic,
        SubscriptionName=found.name,
        Endpoint=found.endpoint,
        NotifyStrategy=found.strategy,
        NotifyContentFormat=found.format,
        CreateTime=info.created_ms // 1000,
        LastModifyTime=info.modified_ms // 1000,
    )
    return [*tree, ("FilterTag", found.filter_tag)] if found.filter_tag else tree


def sent(message: NewMessage, became: Sent | FunLocalError, *, batch: bool) -> list[Tree]:
    """What became of a message that was sent; in a batch exactly two elements (mns section 9.2)."""
    if isinstance(became, FunLocalError):
        return leaves(ErrorCode=became.code, ErrorMessage=message_of(became))
    tree = leaves(MessageId=became.message_id, MessageBodyMD5=md5(message.body.decode()))
    return [*tree, ("ReceiptHandle", became.receipt)] if became.receipt and not batch else tree


def received(message: QueueMessage) -> list[Tree]:
    """A message as its receiver gets it (mns section 9.3). Times in milliseconds."""
    return peeked(message) + leaves(ReceiptHandle=message.receipt, NextVisibleTime=message.next_visible_ms)


def peeked(message: QueueMessage) -> list[Tree]:
    """A message that stays where it is (mns section 9.4). Times in milliseconds."""
    body = message.wire_text
    return leaves(
        MessageId=message.message_id,
        MessageBody=body,
        MessageBodyMD5=md5(body),
        EnqueueTime=message.sent_ms,
        FirstDequeueTime=message.first_dequeue_ms,
        DequeueCount=message.dequeue_count,
        Priority=message.priority,
    ) + _extras(message.extras)


def _extras(extras: Mapping[str, object]) -> list[Tree]:
    trees: list[Tree] = []
    for name, value in extras.items():
        if isinstance(value, str):
            trees.append((name, value))
        elif isinstance(value, Sequence) and value:
            trees.append((name, [(_PROPERTIES[name], leaves(**item)) for item in value]))
    return trees
