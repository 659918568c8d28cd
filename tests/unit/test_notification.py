"""What subscribers receive, byte for byte, and how often. Section numbers are those of the MNS fact sheet."""

import base64
import hashlib
import json
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.model.notification import notification, push_headers, retry_ms
from fun_local.model.resources import Subscription
from fun_local.model.topics import TopicMessage

NAMESPACE = "{http://mns.aliyuncs.com/doc/v1/}"
MESSAGE = TopicMessage("news", "ID1", b'{"k": "<&>"}', "red", 1_700_000_000_123)
MD5 = hashlib.md5(MESSAGE.body).hexdigest().upper()


def body(message, format):
    return notification(message, Subscription("news", "web", "http://a", format=format), "42")


def children(xml):
    root = ElementTree.fromstring(xml)
    assert root.tag == f"{NAMESPACE}Notification"
    return {child.tag.removeprefix(NAMESPACE): child.text for child in root}


def test_a_notification_in_xml_says_all_there_is_to_say():
    assert body(MESSAGE, "XML").decode() == (
        '<?xml version="1.0" encoding="utf-8"?><Notification xmlns="http://mns.aliyuncs.com/doc/v1/">'
        "<TopicOwner>42</TopicOwner><TopicName>news</TopicName><Subscriber>42</Subscriber>"
        "<SubscriptionName>web</SubscriptionName><MessageId>ID1</MessageId>"
        '<Message>{"k": "&lt;&amp;&gt;"}</Message>'
        f"<MessageMD5>{MD5}</MessageMD5><MessageTag>red</MessageTag><PublishTime>1700000000123</PublishTime>"
        "</Notification>"
    )


def test_a_notification_in_json_has_the_same_names():
    found = json.loads(body(MESSAGE, "JSON"))
    assert found == children(body(MESSAGE, "XML"))
    assert found["Message"] == MESSAGE.body.decode()


def test_a_simplified_notification_is_the_message_alone():
    assert body(MESSAGE, "SIMPLIFIED") == MESSAGE.body


@pytest.mark.parametrize("format", ["XML", "JSON"])
def test_without_a_tag_a_notification_has_none(format):
    untagged = TopicMessage("news", "ID1", b"x", "", 1)
    assert b"MessageTag" not in body(untagged, format)


@given(st.text(min_size=1))
def test_whatever_text_was_published_an_xml_parser_reads_it_or_a_sign_that_it_can_not(text):
    message = TopicMessage("news", "ID1", text.encode(), "", 1)
    read = children(body(message, "XML"))["Message"]
    # XML has no form at all for these.
    lost = {*map(chr, range(0x20)), "\ufffe", "\uffff"} - {"\t", "\n", "\r"}
    assert read == "".join("\ufffd" if char in lost else char for char in text)


# --- over HTTP (14)


def headers(format, message=MESSAGE):
    subscription = Subscription("news", "web", "http://a", format=format)
    return push_headers(message, subscription, b"abc", request_id="R1", now_ms=1_436_410_894_000)


@pytest.mark.parametrize(
    ("format", "kind"),
    [("XML", "text/xml"), ("JSON", "application/json"), ("SIMPLIFIED", "text/plain")],
)
def test_a_push_carries_what_a_signature_would_cover_and_no_signature(format, kind):
    found = headers(format)
    assert found["Content-Type"] == f"{kind};charset=utf-8"
    assert found["Date"] == "Thu, 09 Jul 2015 03:01:34 GMT"
    assert (found["x-mns-version"], found["x-mns-request-id"]) == ("2015-06-06", "R1")
    assert base64.b64decode(found["Content-MD5"]).decode() == hashlib.md5(b"abc").hexdigest()
    assert not {"authorization", "x-mns-signing-cert-url"} & {name.lower() for name in found}


def test_only_a_simplified_push_says_id_and_tag_in_its_headers():
    found = headers("SIMPLIFIED")
    assert (found["x-mns-message-id"], found["x-mns-message-tag"]) == ("ID1", "red")
    assert "x-mns-message-tag" not in headers("SIMPLIFIED", TopicMessage("news", "ID1", b"x", "", 1))
    for format in ("XML", "JSON"):
        assert not {"x-mns-message-id", "x-mns-message-tag"} & set(headers(format))


# --- strategies


def waits(strategy, draw=0.5):
    found = []
    while (wait := retry_ms(strategy, len(found) + 1, draw)) is not None:
        found.append(wait / 1000)
    return found


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 10), (0.5, 15), (1.0, 20)])
def test_back_off_is_three_retries_after_10_to_20_seconds(draw, seconds):
    assert waits("BACKOFF_RETRY", draw) == [seconds] * 3


def test_exponential_decay_is_176_retries_within_a_day():
    found = waits("EXPONENTIAL_DECAY_RETRY")
    assert found == [1, 2, 4, 8, 16, 32, 64, 128, 256] + [512] * 167
    assert sum(found) < 86_400
