"""What functions receive from the event sources that work here: timers and MNS topics. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime

from fun_local.model.resources import Trigger
from fun_local.model.topics import TopicMessage, passes

#: The source of a trigger on a topic (template.md 3.5). Region and account are whatever they are.
_TOPIC_ARN = re.compile(r"acs:mns:[^:]*:[^:]*:/?topics/([^/]+)")


def timer_event(trigger: Trigger, at_ms: int) -> bytes:
    """A firing of a timer that was due at ``at_ms`` (the vendor's page *Trigger event format*)."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return compact(
        {
            "triggerTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "triggerName": trigger.name,
            "payload": str(trigger.config.get("payload") or ""),
        }
    )


def topic_of(trigger: Trigger) -> str:
    """The topic whose messages start a function; empty where the trigger names none."""
    match = _TOPIC_ARN.fullmatch(trigger.source_arn) if trigger.type == "mns_topic" else None
    return match[1] if match else ""


def takes(trigger: Trigger, message: TopicMessage) -> bool:
    """Whether a message starts the function of a trigger."""
    return topic_of(trigger) == message.topic != "" and passes(_setting(trigger, "FilterTag"), message.tag)


def topic_event(trigger: Trigger, message: TopicMessage, account_id: str) -> bytes:
    """A message of a topic, in the format that the trigger asks for: STREAM, the body alone, is the default.

    JSON as the README of the vendor's Go events has it, where PublishTime is a number, unlike in what other
    subscribers get (mns section 14).
    """
    if _setting(trigger, "NotifyContentFormat") != "JSON":
        return message.body
    return compact(
        {
            "TopicOwner": account_id,
            "Message": message.body.decode(),
            "Subscriber": account_id,
            "PublishTime": message.published_ms,
            "SubscriptionName": trigger.name,
            "MessageMD5": hashlib.md5(message.body, usedforsecurity=False).hexdigest().upper(),
            "TopicName": message.topic,
            "MessageId": message.message_id,
            **({"MessageTag": message.tag} if message.tag else {}),
        }
    )


def compact(value: object) -> bytes:
    """JSON without spaces, as text in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _setting(trigger: Trigger, key: str) -> str:
    # Capitals in what Funcraft sends, none in what the later API names (template.md 3.5).
    value = trigger.config.get(key) or trigger.config.get(key[:1].lower() + key[1:])
    return str(value or "")
