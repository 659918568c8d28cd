"""The events of timers and topics, as the service sends them."""

import hashlib
import json

import pytest

from fun_local.model import events
from fun_local.model.resources import Trigger
from fun_local.model.topics import TopicMessage

#: 2018-02-09T05:49:00Z
AT_MS = 1_518_155_340_000
ACCOUNT = "1234567890123456"


def timer(**config):
    return Trigger("svc", "f", "timer-trigger", "timer", {"cronExpression": "@every 1m", **config})


def topic(source="acs:mns:cn-shanghai:1:/topics/news", **config):
    return Trigger("svc", "f", "on-news", "mns_topic", config, source_arn=source)


def message(body="hello topic", tag="", name="news"):
    return TopicMessage(name, "3405CA51807661353B3", body.encode(), tag, AT_MS)


def test_the_event_of_a_timer_has_three_texts_and_no_spaces():
    event = events.timer_event(timer(payload="awesome-fc"), AT_MS)
    assert event == (
        b'{"triggerTime":"2018-02-09T05:49:00Z","triggerName":"timer-trigger","payload":"awesome-fc"}'
    )


def test_a_timer_without_a_payload_sends_an_empty_one():
    assert json.loads(events.timer_event(timer(), AT_MS))["payload"] == ""


def test_a_payload_is_text_whatever_is_in_it():
    event = json.loads(events.timer_event(timer(payload='{"k": "\u4f60"}'), AT_MS))
    assert event["payload"] == '{"k": "\u4f60"}'


@pytest.mark.parametrize("config", [{}, {"NotifyContentFormat": "STREAM"}, {"notifyContentFormat": "STREAM"}])
def test_a_stream_is_the_body_alone(config):
    assert events.topic_event(topic(**config), message(), ACCOUNT) == b"hello topic"


@pytest.mark.parametrize("key", ["NotifyContentFormat", "notifyContentFormat"])
def test_json_says_which_message_of_which_topic_it_is(key):
    event = events.topic_event(topic(**{key: "JSON"}), message(), ACCOUNT)
    assert json.loads(event) == {
        "TopicOwner": ACCOUNT,
        "Message": "hello topic",
        "Subscriber": ACCOUNT,
        "PublishTime": AT_MS,
        "SubscriptionName": "on-news",
        "MessageMD5": hashlib.md5(b"hello topic").hexdigest().upper(),
        "TopicName": "news",
        "MessageId": "3405CA51807661353B3",
    }


def test_json_has_the_tag_of_a_message_that_has_one():
    event = events.topic_event(topic(NotifyContentFormat="JSON"), message(tag="a"), ACCOUNT)
    assert json.loads(event)["MessageTag"] == "a"


@pytest.mark.parametrize(
    ("trigger", "given", "expected"),
    [
        (topic(), message(), True),
        (topic(), message(tag="a"), True),
        (topic(), message(name="other"), False),
        (topic(FilterTag="a"), message(tag="a"), True),
        (topic(filterTag="a"), message(tag="b"), False),
        (topic(FilterTag="a"), message(), False),
        (topic("acs:mns:::topics/news"), message(), True),
        (topic(""), message(name=""), False),
        (topic("acs:mns:cn-shanghai:1:/queues/news"), message(), False),
        (timer(), message(name=""), False),
    ],
)
def test_a_trigger_takes_the_messages_of_its_topic_that_its_filter_lets_pass(trigger, given, expected):
    assert events.takes(trigger, given) is expected
