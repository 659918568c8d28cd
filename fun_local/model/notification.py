"""What a topic's subscriber receives, and how often that is tried (mns section 14). Pure."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from email.utils import formatdate
from xml.sax.saxutils import escape

from fun_local.model.resources import Subscription
from fun_local.model.topics import TopicMessage

#: mns section 3.
_NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"
_VERSION = "2015-06-06"

_CONTENT_TYPES = {
    "XML": "text/xml;charset=utf-8",
    "JSON": "application/json;charset=utf-8",
    "SIMPLIFIED": "text/plain;charset=utf-8",
}

#: BACKOFF_RETRY, as the vendor's page NotifyStrategy has it: so many retries, each after 10 to 20 seconds.
_BACKOFF_RETRIES = 3
_BACKOFF_SECONDS = (10.0, 20.0)

#: EXPONENTIAL_DECAY_RETRY, from the same page: 1, 2, 4, … 256 s, then 167 times 512 s; a day in all.
_DECAY_RETRIES = 176
_DECAY_CAP_SECONDS = 512

# What no XML can hold, however it is written.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def notification(message: TopicMessage, subscription: Subscription, account_id: str) -> bytes:
    """The body for one subscriber, in the format it asked for."""
    if subscription.format == "SIMPLIFIED":
        return message.body
    fields = {
        "TopicOwner": account_id,
        "TopicName": message.topic,
        "Subscriber": account_id,
        "SubscriptionName": subscription.name,
        "MessageId": message.message_id,
        "Message": message.body.decode(),
        "MessageMD5": hashlib.md5(message.body, usedforsecurity=False).hexdigest().upper(),
        **({"MessageTag": message.tag} if message.tag else {}),
        # Text in JSON too: so it is in the vendor's example (page NotifyContentFormat).
        "PublishTime": str(message.published_ms),
    }
    if subscription.format == "JSON":
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    children = "".join(f"<{name}>{_xml_text(text)}</{name}>" for name, text in fields.items())
    head = '<?xml version="1.0" encoding="utf-8"?>'
    return f'{head}<Notification xmlns="{_NAMESPACE}">{children}</Notification>'.encode()


def push_headers(
    message: TopicMessage, subscription: Subscription, body: bytes, *, request_id: str, now_ms: int
) -> dict[str, str]:
    """The headers of a push over HTTP: all that a signature covers, but none of their own.

    The service signs with the key of a certificate that it publishes under its own address, and subscribers
    are told to believe no other: a local signature could only be a wrong one.
    """
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    headers = {
        # The base64 of the text of the digest, as everywhere in MNS (mns section 2, rule 10).
        "Content-MD5": base64.b64encode(md5.encode()).decode(),
        "Content-Type": _CONTENT_TYPES[subscription.format],
        "Date": formatdate(now_ms / 1000, usegmt=True),
        "x-mns-request-id": request_id,
        "x-mns-version": _VERSION,
    }
    if subscription.format == "SIMPLIFIED":
        headers["x-mns-message-id"] = message.message_id
        if message.tag:
            headers["x-mns-message-tag"] = message.tag
    return headers


def retry_ms(strategy: str, failures: int, draw: float) -> int | None:
    """Milliseconds to wait after so many failed tries (1 or more); None to give up.

    ``draw``, from 0 to 1, places the wait where the strategy leaves it to chance.
    """
    if strategy == "EXPONENTIAL_DECAY_RETRY":
        # The exponent is bounded as well: 2**175 seconds would be computed only to be thrown away.
        seconds = min(2 ** min(failures - 1, 10), _DECAY_CAP_SECONDS)
        return seconds * 1000 if failures <= _DECAY_RETRIES else None
    low, high = _BACKOFF_SECONDS
    return int((low + (high - low) * draw) * 1000) if failures <= _BACKOFF_RETRIES else None


def _xml_text(text: str) -> str:
    # A bare CR would be read as LF.
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})
