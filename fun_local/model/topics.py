"""What may be asked of MNS topics, and where their messages go (mns sections 6 and 13). Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from fun_local.errors import InvalidRequest
from fun_local.model.resources import Subscription, Topic

#: mns section 6. Sizes in bytes, tags in characters.
MIN_MESSAGE_BYTES, MAX_MESSAGE_BYTES = 1024, 65_536
MAX_TAG = 16
MAX_SUBSCRIPTIONS = 100
RETENTION_SECONDS = 86_400

FORMATS = ("XML", "JSON", "SIMPLIFIED")
STRATEGIES = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")

#: Where a push goes whose endpoint names no path (mns section 14).
_DEFAULT_PATH = "/notifications"
_MAX_URL = 2048

# As for queues: mns section 6.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,255}")
# Region and account are whatever the caller makes of them: mns section 13, "sample quirk".
_QUEUE_ADDRESS = re.compile(r"acs:mns:[^:]*:[^:]*:queues/([^/]+)")
_HOST = re.compile(r"(?!.*\.\.)[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
#: 127.1, 2130706433 and 0x7f000001 are addresses to some resolvers: one form is enough, the plain one.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


@dataclass(frozen=True, slots=True)
class TopicMessage:
    """A message as it was published."""

    topic: str
    message_id: str
    body: bytes
    tag: str
    published_ms: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a subscription's messages go: ``kind`` is ``queue`` (``target`` its name), ``http`` (a URL) or
    ``idle`` (mail and SMS, which no laptop sends)."""

    kind: str
    target: str


def passes(filter_tag: str, tag: str) -> bool:
    """Whether a subscription's filter lets a message through: without one, all pass."""
    return not filter_tag or filter_tag == tag


def check_topic(topic: Topic) -> None:
    """Raise InvalidRequest unless a topic may have this name and these attributes."""
    _check_name("topic", topic.name)
    if not MIN_MESSAGE_BYTES <= topic.max_message_bytes <= MAX_MESSAGE_BYTES:
        raise InvalidRequest(
            "InvalidArgument",
            f"MaximumMessageSize of topic '{topic.name}' must be {MIN_MESSAGE_BYTES} to {MAX_MESSAGE_BYTES}"
            f" bytes, not {topic.max_message_bytes}",
        )


def check_subscription(subscription: Subscription) -> None:
    """Raise InvalidRequest unless there may be such a subscription."""
    _check_name("subscription", subscription.name)
    parse_endpoint(subscription.endpoint)
    for what, given, known in (
        ("NotifyStrategy", subscription.strategy, STRATEGIES),
        ("NotifyContentFormat", subscription.format, FORMATS),
    ):
        if given not in known:
            raise InvalidRequest(
                "InvalidArgument", f"{what} must be one of {', '.join(known)}, not {given!r}"
            )
    check_tag(subscription.filter_tag)


def check_tag(tag: str) -> None:
    """Raise InvalidRequest unless a message or a filter may have this tag; empty is none."""
    if len(tag) > MAX_TAG:
        raise InvalidRequest(
            "InvalidArgument", f"a tag has at most {MAX_TAG} characters, {tag!r} has {len(tag)}"
        )
    if not tag.isprintable():  # it travels in a header
        raise InvalidRequest("InvalidArgument", f"tag {tag!r} holds characters that can't be printed")


def check_message(topic: Topic, body: bytes, tag: str) -> None:
    """Raise InvalidRequest unless the topic takes this message."""
    check_tag(tag)
    if not body:
        raise InvalidRequest("InvalidArgument", "a message body can't be empty")
    if len(body) > topic.max_message_bytes:
        raise InvalidRequest(
            "InvalidArgument",
            f"message of {len(body)} bytes is over the {topic.max_message_bytes} that"
            f" topic '{topic.name}' takes",
        )
    try:
        body.decode()
    except UnicodeDecodeError:
        # In MNS it came as XML, so it can be nothing else; notifications are text too.
        raise InvalidRequest(
            "InvalidArgument",
            "a topic's messages are text in UTF-8, and this body is not",
            hint="Encode it, for example in base64.",
        ) from None


def parse_endpoint(text: str) -> Endpoint:
    """Read the endpoint of a subscription (mns section 13).

    Raises:
        InvalidRequest: none of the known forms, or a host that nothing should be sent to.
    """
    if match := _QUEUE_ADDRESS.fullmatch(text):
        _check_name("queue", match[1])
        return Endpoint("queue", match[1])
    if text.startswith(("mail:", "sms:")):
        return Endpoint("idle", text)
    if text.lower().startswith(("http://", "https://")):
        return Endpoint("http", _url(text))
    raise InvalidRequest(
        "InvalidArgument",
        f"endpoint {text!r} is not an address we know",
        hint="Write http://HOST[:PORT][/PATH] or acs:mns:REGION:ACCOUNT:queues/NAME.",
    )


def _url(text: str) -> str:
    """The URL that is posted to."""
    try:
        parts = urlsplit(text)
        is_good_port = parts.port is None or parts.port > 0
    except ValueError:
        raise _bad_url(text, "its host or port can't be read") from None
    if len(text) > _MAX_URL or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise _bad_url(text[:100], f"a URL has at most {_MAX_URL} characters, printable ones of ASCII")
    if parts.username is not None or parts.fragment:
        raise _bad_url(text, "it can't hold a user, a password or a fragment")
    if not is_good_port or not _is_sane_host(parts.hostname or ""):
        raise _bad_url(text, "nothing can be sent to its host or port")
    return urlunsplit(parts._replace(path=parts.path or _DEFAULT_PATH))


def _is_sane_host(host: str) -> bool:
    """A name, or the address of one machine; not of a network, nor of what clouds answer secrets on."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(_HOST.fullmatch(host)) and not _NUMBER.fullmatch(host.rpartition(".")[2])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    is_no_machine = address.is_multicast or address.is_unspecified or address.is_reserved
    return address.is_loopback or not (is_no_machine or address.is_link_local)


def _bad_url(text: str, why: str) -> InvalidRequest:
    return InvalidRequest("InvalidArgument", f"endpoint {text!r} is not valid: {why}")


def _check_name(kind: str, name: str) -> None:
    # The vendor's own codes for these names are not documented (mns section 5).
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "InvalidArgument",
            f"{kind} name {name!r} is not valid",
            hint="Use 1 to 256 letters, digits and '-', starting with a letter or digit.",
        )
