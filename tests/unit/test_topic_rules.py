"""What may be asked of topics. Section numbers are those of the MNS fact sheet."""

import pytest

from fun_local.errors import InvalidRequest
from fun_local.model.resources import Subscription, Topic
from fun_local.model.topics import (
    Endpoint,
    check_message,
    check_subscription,
    check_tag,
    check_topic,
    parse_endpoint,
    passes,
)

URL = "http://localhost:8080/news"


@pytest.mark.parametrize("name", ["a", "0", "a" * 256, "my-topic", "A1-"])
def test_a_good_name_is_taken(name):
    check_topic(Topic(name))
    check_subscription(Subscription("t", name, URL))


@pytest.mark.parametrize("name", ["", "a" * 257, "a b", "-a", "a_b", "ü", "a\n", "../a"])
def test_a_bad_name_is_refused_with_what_it_names(name):
    for check in (
        lambda: check_topic(Topic(name)),
        lambda: check_subscription(Subscription("t", name, URL)),
    ):
        with pytest.raises(InvalidRequest) as caught:
            check()
        assert caught.value.code == "InvalidArgument"
        assert repr(name) in caught.value.message and "letters" in caught.value.hint


@pytest.mark.parametrize("size", [1024, 65_536])
def test_a_topic_may_take_messages_of_1_to_64_kb(size):
    check_topic(Topic("t", size))


@pytest.mark.parametrize("size", [1023, 65_537])
def test_other_sizes_are_refused(size):
    with pytest.raises(InvalidRequest, match=f"'t' must be 1024 to 65536 bytes, not {size}"):
        check_topic(Topic("t", size))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"strategy": "backoff"}, "BACKOFF_RETRY, EXPONENTIAL_DECAY_RETRY, not 'backoff'"),
        ({"format": "YAML"}, "XML, JSON, SIMPLIFIED, not 'YAML'"),
        ({"filter_tag": "t" * 17}, "at most 16 characters"),
        ({"endpoint": "ftp://x"}, "'ftp://x'"),
    ],
)
def test_a_subscription_with_a_bad_attribute_is_refused(changed, named):
    with pytest.raises(InvalidRequest) as caught:
        check_subscription(Subscription("t", "s", **{"endpoint": URL, **changed}))
    assert caught.value.code == "InvalidArgument" and named in caught.value.message


@pytest.mark.parametrize("tag", ["", "t" * 16, "important", "重要"])
def test_a_good_tag_is_taken(tag):
    check_tag(tag)


@pytest.mark.parametrize("tag", ["t" * 17, "a\r\nX-Evil: 1", "\x00"])
def test_a_long_tag_or_one_that_would_break_a_header_is_refused(tag):
    with pytest.raises(InvalidRequest):
        check_tag(tag)


@pytest.mark.parametrize(
    ("filter_tag", "tag", "expected"),
    [("", "", True), ("", "red", True), ("red", "red", True), ("red", "blue", False), ("red", "", False)],
)
def test_a_filter_lets_its_own_tag_through_and_no_filter_everything(filter_tag, tag, expected):
    assert passes(filter_tag, tag) is expected


@pytest.mark.parametrize("body", [b"", b"x" * 1025, b"\xff\xfe"])
def test_a_message_that_is_empty_too_large_or_no_text_is_refused(body):
    with pytest.raises(InvalidRequest) as caught:
        check_message(Topic("t", 1024), body, "")
    assert caught.value.code == "InvalidArgument"
    check_message(Topic("t", 1024), b"x" * 1024, "")


# --- endpoints (13, 14)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("acs:mns:cn-hangzhou:123:queues/dlq", Endpoint("queue", "dlq")),
        ("acs:mns::127:queues/dlq", Endpoint("queue", "dlq")),
        ("mail:directmail:a@b.c", Endpoint("idle", "mail:directmail:a@b.c")),
        ("sms:directsms:anonymous", Endpoint("idle", "sms:directsms:anonymous")),
        (URL, Endpoint("http", URL)),
        ("https://example.com:8443/a?b=%20c", Endpoint("http", "https://example.com:8443/a?b=%20c")),
        ("http://my_host/x", Endpoint("http", "http://my_host/x")),
        ("http://192.168.1.2/x", Endpoint("http", "http://192.168.1.2/x")),
        ("http://[::1]:80/x", Endpoint("http", "http://[::1]:80/x")),
    ],
)
def test_an_endpoint_of_a_known_form_is_understood(text, endpoint):
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://a.b", "http://a.b/notifications"),
        ("http://a.b:1?x=1", "http://a.b:1/notifications?x=1"),
        ("http://a.b/", "http://a.b/"),
    ],
)
def test_an_endpoint_without_a_path_gets_the_usual_one(text, url):
    assert parse_endpoint(text) == Endpoint("http", url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "queue",
        "ftp://a/b",
        "file:///etc/passwd",
        "acs:mns:r:a:/queues/q",
        "acs:mns:r:a:topics/t",
        "acs:mns:r:a:queues/a_b",
        "http://",
        "http:///path",
        "http://:80/",
        "http://a:0/",
        "http://a:99999/",
        "http://a:x/",
        "http://user:secret@a/",
        "http://user@a/",
        "http://a/#fragment",
        "http://a b/",
        "http://a/\r\nX-Evil: 1",
        "http://ä/",
        "http://a\\b/",
        "http://a..b/",
        "http://-a/",
        "http://[::1/",
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://169.254.43518/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://a/" + "x" * 2048,
    ],
)
def test_an_endpoint_that_nothing_should_be_sent_to_is_refused(text):
    with pytest.raises(InvalidRequest) as caught:
        parse_endpoint(text)
    assert caught.value.code == "InvalidArgument"
