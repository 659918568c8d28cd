"""Names, ids and addresses: what is accepted and how it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.errors import InvalidRequest
from fun_local.model.names import (
    DestinationAddress,
    FunctionRef,
    check_invocation_id,
    check_name,
    check_queue_name,
    parse_destination,
    parse_function,
    queue_arn,
)

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("main", ("", "main", "")),
        ("svc/main", ("svc", "main", "")),
        ("svc.prod/main", ("svc", "main", "prod")),
        ("_a-1/_b-2", ("_a-1", "_b-2", "")),
    ],
)
def test_a_function_is_written_in_three_ways(text, parts):
    assert parse_function(text) == parts


@pytest.mark.parametrize(
    "text",
    ["", "/", "/main", "svc/", "a/b/c", "1main", "svc/1main", "1svc/main", "ma in", "main\n", "m" * 129, "é"],
)
def test_what_is_no_function_name_is_refused(text):
    with pytest.raises(InvalidRequest) as caught:
        parse_function(text)
    assert caught.value.code == "InvalidArgument"
    assert repr(text) in caught.value.message


@given(service=NAMES, name=NAMES)
def test_a_reference_is_read_as_it_is_written(service, name):
    for ref in (FunctionRef(service, name), FunctionRef(service, name, "v1")):
        found_service, found_name, qualifier = parse_function(str(ref))
        assert FunctionRef(found_service, found_name, qualifier or "LATEST") == ref
        assert ref.path == f"{service}/{name}"


def test_the_arn_in_messages_has_the_qualifier_and_no_region():
    ref = FunctionRef("Stateful-Invocation-demo", "main")
    assert ref.arn == "acs:fc:::services/Stateful-Invocation-demo.LATEST/functions/main"


@pytest.mark.parametrize(
    ("qualifier", "arn"), [("LATEST", "acs:fc:::functions/main"), ("prod", "acs:fc:::functions/main.prod")]
)
def test_the_arn_of_a_function_without_a_service_names_none(qualifier, arn):
    assert FunctionRef("_default", "main", qualifier).arn == arn
    assert parse_destination(arn) == DestinationAddress("function", "_default/main", qualifier)


@pytest.mark.parametrize("good", ["a", "_", "A1-_", "x" * 128])
def test_names_and_ids_start_with_a_letter_or_underscore(good):
    check_name("service", good)
    check_invocation_id(good)


@pytest.mark.parametrize("bad", ["", "1a", "-a", "a.b", "a b", "a/b", "a\n", "x" * 129, "é"])
def test_other_names_and_ids_are_refused(bad):
    with pytest.raises(InvalidRequest, match="service name"):
        check_name("service", bad)
    with pytest.raises(InvalidRequest, match="invocation id"):
        check_invocation_id(bad)


def test_queue_names_have_letters_digits_and_hyphens():
    for good in ("q", "1q", "stateful-invocation-dlq", "q" * 256):
        check_queue_name(good)
    for bad, code in (
        ("", "QueueNameLengthError"),
        ("q" * 257, "QueueNameLengthError"),
        ("-q", "InvalidQueueName"),
        ("a_b", "InvalidQueueName"),
        ("a b", "InvalidQueueName"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            check_queue_name(bad)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("arn", "address"),
    [
        ("acs:mns:::/queues/dlq/messages", DestinationAddress("queue", "dlq")),
        ("acs:mns:cn-shanghai:123:/queues/dlq/messages", DestinationAddress("queue", "dlq")),
        ("acs:mns:::/topics/t/messages", DestinationAddress("topic", "t")),
        ("acs:fc:::services/s.q/functions/f", DestinationAddress("function", "s/f", "q")),
        ("acs:fc:::services/s/functions/f", DestinationAddress("function", "s/f", "LATEST")),
        ("acs:fc:cn-shanghai:123:services/s/functions/f", DestinationAddress("function", "s/f", "LATEST")),
        ("acs:fc:cn-shanghai:123:functions/f", DestinationAddress("function", "_default/f", "LATEST")),
        ("acs:fc:cn-shanghai:123:/functions/f", DestinationAddress("function", "_default/f", "LATEST")),
        ("acs:fc:::functions/f.prod", DestinationAddress("function", "_default/f", "prod")),
        ("acs:eventbridge:::eventbus/orders", DestinationAddress("eventbridge", "orders")),
        ("acs:eventbridge:cn-hangzhou:123:eventbus/orders", DestinationAddress("eventbridge", "orders")),
        ("acs:mq:cn-hangzhou:123:/instances/MQ_1/topic/t", DestinationAddress("rocketmq", "MQ_1/t")),
        ("acs:rocketmq:::instances/MQ_1/topics/t", DestinationAddress("rocketmq", "MQ_1/t")),
    ],
)
def test_destinations_are_read_in_their_short_and_long_form(arn, address):
    assert parse_destination(arn) == address


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "dlq",
        "acs:mns:::/queues//messages",
        "acs:mns:::/queues/a/b/messages",
        "acs:mns:::/queues/dlq",
        "acs:mns:::/queues/dlq/messages\n",
        "acs:oss:::bucket",
        "acs:fc:::services/s/functions/",
        "acs:fc:::functions/",
        "acs:fc:::functions/a/b",
        "acs:fc:::functions/f.",
        "acs:fc:functions/f",
        "acs:eventbridge:::eventbus/orders/rule/r",
        "acs:mq:::/instances/MQ_1",
    ],
)
def test_other_destinations_are_refused(arn):
    with pytest.raises(InvalidRequest) as caught:
        parse_destination(arn)
    assert caught.value.code == "InvalidDestinationResources"


def test_a_queues_address_is_read_back():
    assert parse_destination(queue_arn("dlq")) == DestinationAddress("queue", "dlq")


def test_a_dot_without_a_qualifier_is_no_function_name():
    with pytest.raises(InvalidRequest):
        parse_function("svc./f")
