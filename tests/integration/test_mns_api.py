"""Every operation of MNS over HTTP, as the SDKs send it. Section numbers are those of the MNS fact sheet."""

import base64
import hashlib
from types import SimpleNamespace

import pytest

from fun_local.http.operations import queue_peek
from fun_local.mns import QueueDestination
from fun_local.model.names import FunctionRef, parse_destination, queue_arn
from fun_local.model.resources import Queue
from fun_local.ports import Draft
from tests.fakes import START_MS
from tests.mns_api import ACCOUNT, batch, handles, message, story, xml

SECONDS = START_MS // 1000


@pytest.fixture
def play(tmp_path):
    """Runs a story with the API of a home that has a queue `q`."""

    def run(told, **attributes):
        async def with_queue(api):
            await api.mns.create(Queue("q", **attributes))
            await told(api)

        story(tmp_path, with_queue)

    return run


def md5(text):
    return hashlib.md5(text.encode()).hexdigest().upper()


# --- what every answer has (2, 3)


def test_every_answer_carries_a_request_id_and_the_version_in_lower_case(play):
    async def told(api):
        ids = set()
        for method, target, status in [
            ("PUT", "/queues/new", 201),
            ("PUT", "/queues/new", 204),
            ("GET", "/queues", 200),
            ("GET", "/queues/nobody", 404),
            ("DELETE", "/queues/new", 204),
            ("PATCH", "/queues/new", 400),
        ]:
            reply = await api.good(status, method, target)
            assert reply.header("x-mns-version") == "2015-06-06"
            assert reply.header("Date")
            ids.add(reply.header("x-mns-request-id"))
            if status in (200, 404, 400):
                assert reply.header("Content-Type") == "text/xml;charset=utf-8"
                assert int(reply.header("Content-Length")) == len(reply.text.encode())
            else:
                assert reply.text == ""
        assert len(ids) == 6 and None not in ids

    play(told)


def test_addresses_are_made_of_the_host_that_the_client_called(play):
    async def told(api):
        host = "1234567890123456.mns.cn-shanghai.localhost:8080"
        reply = await api.good(201, "PUT", "/queues/new", Host=host)
        assert reply.header("Location") == f"http://{host}/queues/new"
        assert (await api.good(200, "GET", "/queues", Host=host)).listed[0] == {
            "QueueURL": f"http://{host}/queues/new"
        }
        failed = await api.good(404, "GET", "/queues/nobody", Host=host)
        assert failed["HostId"] == f"http://{host}"

    play(told)


@pytest.mark.parametrize("host", [b"", b"Host: <script>\r\n", b"Host: a b\r\n", b"Host: \xff\r\n"])
def test_a_host_that_is_none_gets_into_no_answer(play, host):
    async def told(api):
        answer = await api.raw(b"PUT /queues/new HTTP/1.0\r\n" + host + b"\r\n")
        assert answer.startswith(b"HTTP/1.0 201") and b"Location: http://localhost/queues/new\r\n" in answer

    play(told)


# --- queues (8)


def test_a_queue_is_created_with_what_is_given_and_defaults_for_the_rest(play):
    async def told(api):
        body = xml(
            "Queue",
            DelaySeconds=1,
            MaximumMessageSize=2048,
            MessageRetentionPeriod=86_400,
            VisibilityTimeout=40,
            PollingWaitSeconds=3,
            LoggingEnabled="True",
        )
        reply = await api.good(201, "PUT", "/queues/orders", body)
        assert reply.header("Location") == f"{api.url}/queues/orders"
        assert api.mns.find("orders") == Queue("orders", 1, 2048, 86_400, 40, 3, True)
        for n, empty in enumerate([b"", xml("Queue"), "<Queue/>", "<Queue>\n  </Queue>"]):
            await api.good(201, "PUT", f"/queues/d-{n}", empty)
            assert api.mns.find(f"d-{n}") == Queue(f"d-{n}")

    play(told)


def test_creating_a_queue_again_is_no_error_if_it_is_alike_when_defaults_are_filled_in(play):
    async def told(api):
        reply = await api.good(204, "PUT", "/queues/q", xml("Queue", VisibilityTimeout=30))
        assert reply.header("Location") == f"{api.url}/queues/q"
        await api.refused(409, "QueueAlreadyExist", "PUT", "/queues/q", xml("Queue", VisibilityTimeout=31))

    play(told)


@pytest.mark.parametrize("spelling", ["metaoverride=true", "metaOverride=true", "Metaoverride=True"])
def test_setting_attributes_changes_those_that_are_given(play, spelling):
    async def told(api):
        await api.clock.advance(10)
        await api.good(204, "PUT", f"/queues/q?{spelling}", xml("Queue", VisibilityTimeout=99))
        await api.good(204, "PUT", f"/queues/q?{spelling}", xml("Queue", LoggingEnabled="true"))
        await api.good(204, "PUT", f"/queues/q?{spelling}")
        found = api.mns.info("q")
        assert found.queue == Queue("q", delay_seconds=7, visibility_seconds=99, logging_enabled=True)
        assert (found.created_ms, found.modified_ms) == (START_MS, START_MS + 10_000)

    play(told, delay_seconds=7)


def test_a_queue_tells_its_attributes_and_counts(play):
    async def told(api):
        await api.clock.advance(2)
        for delay in (0, 0, 0, 60):
            await api.mns.send("q", b"x", delay_seconds=delay)
        await api.mns.receive("q", limit=2)
        reply = await api.good(200, "GET", "/queues/q")
        assert reply.root == "Queue"
        assert dict(reply.items) == {
            "QueueName": "q",
            "CreateTime": str(SECONDS),
            "LastModifyTime": str(SECONDS),
            "VisibilityTimeout": "30",
            "MaximumMessageSize": "65536",
            "MessageRetentionPeriod": "345600",
            "DelaySeconds": "0",
            "PollingWaitSeconds": "0",
            "ActiveMessages": "1",
            "InactiveMessages": "2",
            "DelayMessages": "1",
            "LoggingEnabled": "False",
        }

    play(told)


def test_deleting_a_queue_is_no_error_if_there_is_none(play):
    async def told(api):
        await api.good(204, "DELETE", "/queues/q")
        assert api.mns.names() == []
        await api.good(204, "DELETE", "/queues/q")

    play(told)


def test_queues_are_listed_by_prefix_and_by_pages(play):
    async def told(api):
        for name in ("a-3", "a-1", "b-1", "a-2"):
            await api.mns.create(Queue(name))
        everything = await api.good(200, "GET", "/queues")
        assert [item["QueueURL"] for item in everything.listed] == [
            f"{api.url}/queues/{name}" for name in ("a-1", "a-2", "a-3", "b-1", "q")
        ]
        first = await api.good(200, "GET", "/queues", x_mns_prefix="a-", x_mns_ret_number="2")
        assert [item["QueueURL"][-3:] for item in first.listed] == ["a-1", "a-2"]
        # What goes meanwhile moves nothing.
        await api.mns.delete("a-1")
        second = await api.good(
            200, "GET", "/queues", x_mns_prefix="a-", x_mns_ret_number="2", x_mns_marker=first["NextMarker"]
        )
        assert [item["QueueURL"][-3:] for item in second.listed] == ["a-3"]
        assert "NextMarker" not in second.text and "NextMarker" not in everything.text

    play(told)


def test_a_list_of_nothing_is_empty(play):
    async def told(api):
        for target in ("/queues", "/topics"):
            reply = await api.good(200, "GET", target, x_mns_prefix="none")
            assert (reply.root, reply.items) == (target[1:].capitalize(), "")

    play(told)


def test_a_list_holds_attributes_if_they_are_asked_for(play):
    async def told(api):
        (plain,) = (await api.good(200, "GET", "/queues")).listed
        assert list(plain) == ["QueueURL"]
        (found,) = (await api.good(200, "GET", "/queues", x_mns_with_meta="true")).listed
        assert found["QueueURL"] == f"{api.url}/queues/q" and found["VisibilityTimeout"] == "30"
        assert all(found.values()), "an empty element breaks the SDK"

    play(told)


# --- messages (9)


def test_a_message_is_sent_received_and_deleted(play):
    async def told(api):
        body = base64.b64encode("hello 你好".encode()).decode()
        sent = await api.good(201, "POST", "/queues/q/messages", message(body))
        assert sent.root == "Message"
        assert dict(sent.items) == {"MessageId": sent["MessageId"], "MessageBodyMD5": md5(body)}
        await api.clock.advance(3)
        got = await api.good(200, "GET", "/queues/q/messages")
        assert got.root == "Message"
        assert dict(got.items) == {
            "MessageId": sent["MessageId"],
            "ReceiptHandle": got["ReceiptHandle"],
            "MessageBody": body,
            "MessageBodyMD5": md5(body),
            "EnqueueTime": str(START_MS),
            "FirstDequeueTime": str(START_MS + 3000),
            "NextVisibleTime": str(START_MS + 33_000),
            "DequeueCount": "1",
            "Priority": "8",
        }
        target = f"/queues/q/messages?ReceiptHandle={got['ReceiptHandle']}"
        assert got["ReceiptHandle"].replace("-", "").isalnum()
        await api.good(204, "DELETE", target)
        await api.refused(404, "MessageNotExist", "GET", "/queues/q/messages")
        await api.refused(404, "MessageNotExist", "DELETE", target)

    play(told)


@pytest.mark.parametrize(
    "body",
    [
        "<a>&amp;</a>",
        ' "quoted" ',
        "a\tb\nc",
        "crlf\r\nend\r",
        "你好 \U0001f600",
        "\x7f\x85\u2028",
        "]]>",
        " ",
    ],
    ids=ascii,
)
def test_a_body_comes_back_exactly_as_it_was_sent(play, body):
    async def told(api):
        escaped = "".join(f"&#{ord(character)};" for character in body)
        sent = await api.good(201, "POST", "/queues/q/messages", message(escaped))
        got = await api.good(200, "GET", "/queues/q/messages")
        assert got["MessageBody"] == body
        assert got["MessageBodyMD5"] == sent["MessageBodyMD5"] == md5(body)

    play(told)


@pytest.mark.parametrize("is_raw", [False, True])
def test_an_outcome_travels_in_base64_as_clients_expect_or_raw_if_the_home_says_so(play, is_raw):
    async def told(api):
        draft = Draft("id", "r", FunctionRef("shop", "order"), START_MS, START_MS, b"{}", stateful=True)
        seq = (await api.queue.put(draft)).seq
        letter = '{"responsePayload":"你好"}'
        destination = QueueDestination(api.mns, is_raw=is_raw)
        await destination.deliver(parse_destination(queue_arn("q")), letter.encode(), seq=seq)
        got = await api.good(200, "GET", "/queues/q/messages")
        assert got["MessageBody"] == (letter if is_raw else base64.b64encode(letter.encode()).decode())
        assert got["MessageBodyMD5"] == md5(got["MessageBody"])

    play(told)


def test_people_are_shown_what_clients_have_encoded(play):
    async def told(api):
        emulator = SimpleNamespace(mns=api.mns)
        encoded = base64.b64encode("你好".encode()).decode()
        await api.good(201, "POST", "/queues/q/messages", batch(encoded, "plain"))
        await api.mns.send("q", encoded.encode())
        shown = (await queue_peek(emulator, "q", 16))["messages"]
        assert [one["messageBody"] for one in shown] == ["你好", "plain", encoded]

    play(told)


def test_what_is_no_text_travels_in_base64(play):
    async def told(api):
        for body in (bytes(range(256)), b"\x00", "\uffff".encode()):
            for is_wire in (False, True):
                await api.mns.send("q", body, is_wire=is_wire)
                got = await api.good(200, "GET", "/queues/q/messages")
                assert base64.b64decode(got["MessageBody"]) == body

    play(told)


def test_a_message_can_have_a_delay_and_a_priority(play):
    async def told(api):
        await api.good(201, "POST", "/queues/q/messages", message("low", Priority=16))
        await api.good(201, "POST", "/queues/q/messages", message("high", Priority=1))
        sent = await api.good(201, "POST", "/queues/q/messages", message("later", DelaySeconds=5))
        assert [name for name, _ in sent.items] == ["MessageId", "MessageBodyMD5", "ReceiptHandle"]
        assert (await api.good(200, "GET", "/queues/q/messages"))["MessageBody"] == "high"
        assert (await api.good(200, "GET", "/queues/q/messages"))["MessageBody"] == "low"
        await api.refused(404, "MessageNotExist", "GET", "/queues/q/messages")
        await api.clock.advance(5)
        assert (await api.good(200, "GET", "/queues/q/messages"))["MessageBody"] == "later"

    play(told)


def test_a_delayed_message_can_be_deleted_or_hurried_by_its_sender(play):
    async def told(api):
        async def delayed():
            return (await api.good(201, "POST", "/queues/q/messages", message(DelaySeconds=500)))[
                "ReceiptHandle"
            ]

        await api.good(204, "DELETE", f"/queues/q/messages?ReceiptHandle={await delayed()}")
        receipt = await delayed()
        await api.good(200, "PUT", f"/queues/q/messages?ReceiptHandle={receipt}&VisibilityTimeout=2")
        assert api.mns.info("q").delayed == 1
        await api.clock.advance(2)
        assert (await api.good(200, "GET", "/queues/q/messages"))["DequeueCount"] == "1"

    play(told)


def test_properties_and_group_come_back_with_the_message(play):
    async def told(api):
        value = "<Name>n</Name><Value>5</Value><Type>NUMBER</Type>"
        trace = "<Name>traceparent</Name><Value>00-1</Value><Type>STRING</Type>"
        body = xml(
            "Message",
            f"<UserProperties><PropertyValue>{value}</PropertyValue></UserProperties>",
            f"<SystemProperties><SystemPropertyValue>{trace}</SystemPropertyValue></SystemProperties>",
            MessageBody="x",
            MessageGroupId="g",
        )
        await api.good(201, "POST", "/queues/q/messages", body)
        for target in ("/queues/q/messages?peekonly=true", "/queues/q/messages"):
            got = await api.good(200, "GET", target)
            assert got["MessageGroupId"] == "g"
            assert got["UserProperties"] == [
                ("PropertyValue", [("Name", "n"), ("Value", "5"), ("Type", "NUMBER")])
            ]
            assert dict(got["SystemProperties"][0][1])["Value"] == "00-1"

    play(told)


def test_a_batch_is_sent_in_order_and_told_of_each(play):
    async def told(api):
        bodies = [f"m{n}" for n in range(16)]
        sent = await api.good(201, "POST", "/queues/q/messages", batch(*bodies))
        assert sent.root == "Messages" and [item["MessageBodyMD5"] for item in sent.listed] == [
            md5(body) for body in bodies
        ]
        got = await api.good(200, "GET", "/queues/q/messages?numOfMessages=16")
        assert [item["MessageId"] for item in got.listed] == [item["MessageId"] for item in sent.listed]
        assert [item["MessageBody"] for item in got.listed] == bodies

    play(told)


def test_of_a_batch_the_queue_takes_what_it_can_and_says_what_it_could_not(play):
    async def told(api):
        reply = await api.good(500, "POST", "/queues/q/messages", batch("a", "x" * 1025, "b"))
        assert reply.root == "Messages"
        # Exactly these and nothing else: the SDK compares the sets (2, rule 14).
        assert [sorted(item) for item in reply.listed] == [
            ["MessageBodyMD5", "MessageId"],
            ["ErrorCode", "ErrorMessage"],
            ["MessageBodyMD5", "MessageId"],
        ]
        assert reply.listed[1]["ErrorCode"] == "InvalidArgument"
        assert [found.body for found in api.mns.peek("q", limit=16)] == [b"a", b"b"]

    play(told, max_message_bytes=1024)


def test_a_batch_of_receives_is_a_list_even_of_one(play):
    async def told(api):
        await api.good(201, "POST", "/queues/q/messages", batch("only"))
        got = await api.good(200, "GET", "/queues/q/messages?numOfMessages=1")
        assert got.root == "Messages" and len(got.listed) == 1
        await api.refused(404, "MessageNotExist", "GET", "/queues/q/messages?numOfMessages=16")

    play(told)


def test_peeking_shows_messages_and_leaves_them_as_they_are(play):
    async def told(api):
        await api.refused(404, "MessageNotExist", "GET", "/queues/q/messages?peekonly=true")
        await api.good(201, "POST", "/queues/q/messages", batch("a", "b"))
        await api.clock.advance(1)
        one = await api.good(200, "GET", "/queues/q/messages?peekonly=true")
        assert one.root == "Message" and dict(one.items) == {
            "MessageId": one["MessageId"],
            "MessageBody": "a",
            "MessageBodyMD5": md5("a"),
            "EnqueueTime": str(START_MS),
            "FirstDequeueTime": str(START_MS),
            "DequeueCount": "0",
            "Priority": "8",
        }
        both = await api.good(200, "GET", "/queues/q/messages?peekonly=true&numOfMessages=16")
        assert both.root == "Messages" and [item["MessageBody"] for item in both.listed] == ["a", "b"]
        assert api.mns.info("q").active == 2

    play(told)


def test_a_batch_is_deleted_and_told_what_could_not_be(play):
    async def told(api):
        await api.good(201, "POST", "/queues/q/messages", batch("a", "b", "c"))
        got = await api.good(200, "GET", "/queues/q/messages?numOfMessages=3")
        first, second, third = (item["ReceiptHandle"] for item in got.listed)
        reply = await api.good(
            404, "DELETE", "/queues/q/messages", handles("1-1-00", first, "rubbish", second)
        )
        assert reply.root == "Errors" and reply.listed == [
            {
                "ErrorCode": "MessageNotExist",
                "ErrorMessage": reply.listed[0]["ErrorMessage"],
                "ReceiptHandle": "1-1-00",
            },
            {
                "ErrorCode": "ReceiptHandleError",
                "ErrorMessage": reply.listed[1]["ErrorMessage"],
                "ReceiptHandle": "rubbish",
            },
        ]
        await api.good(204, "DELETE", "/queues/q/messages", handles(third))
        await api.clock.advance(60)
        assert api.mns.info("q").active == 0

    play(told)


@pytest.mark.parametrize(
    "query", ["ReceiptHandle={}&VisibilityTimeout=5", "receiptHandle={}&visibilityTimeout=5"]
)
def test_the_visibility_of_a_message_can_be_changed(play, query):
    async def told(api):
        await api.good(201, "POST", "/queues/q/messages", message())
        first = (await api.good(200, "GET", "/queues/q/messages"))["ReceiptHandle"]
        await api.clock.advance(20)
        reply = await api.good(200, "PUT", f"/queues/q/messages?{query.format(first)}")
        assert reply.root == "ChangeVisibility"
        # From the moment of the call, not on top of what was left (9.7).
        assert reply["NextVisibleTime"] == str(START_MS + 25_000)
        await api.refused(404, "MessageNotExist", "DELETE", f"/queues/q/messages?ReceiptHandle={first}")
        await api.clock.advance(5)
        again = await api.good(200, "GET", "/queues/q/messages")
        assert again["DequeueCount"] == "2"
        # Lapsed with the time that it was given for.
        old = f"/queues/q/messages?ReceiptHandle={reply['ReceiptHandle']}"
        await api.refused(404, "MessageNotExist", "DELETE", old)

    play(told)


def test_a_receipt_lapses_when_the_message_is_too_old(play):
    async def told(api):
        await api.good(201, "POST", "/queues/q/messages", message())
        receipt = (await api.good(200, "GET", "/queues/q/messages"))["ReceiptHandle"]
        await api.clock.advance(60)
        target = f"/queues/q/messages?ReceiptHandle={receipt}"
        await api.refused(404, "MessageNotExist", "DELETE", target)
        await api.refused(404, "MessageNotExist", "PUT", f"{target}&VisibilityTimeout=5")

    play(told, retention_seconds=60, visibility_seconds=100)


def test_messages_and_receipts_outlive_a_restart(play, tmp_path):
    receipts = []

    async def before(api):
        await api.good(201, "POST", "/queues/q/messages", batch("a", "b"))
        receipts.append((await api.good(200, "GET", "/queues/q/messages"))["ReceiptHandle"])

    async def after(api):
        await api.good(204, "DELETE", f"/queues/q/messages?ReceiptHandle={receipts[0]}")
        assert (await api.good(200, "GET", "/queues/q/messages"))["MessageBody"] == "b"

    play(before)
    story(tmp_path, after)


# --- topics and subscriptions (13)


def test_a_topic_is_created_told_of_changed_and_deleted(play):
    async def told(api):
        reply = await api.good(201, "PUT", "/topics/t", xml("Topic", MaximumMessageSize=2048))
        assert reply.header("Location") == f"{api.url}/topics/t"
        again = await api.good(204, "PUT", "/topics/t", xml("Topic", MaximumMessageSize=2048))
        assert again.header("Location") == f"{api.url}/topics/t"
        await api.refused(409, "TopicAlreadyExist", "PUT", "/topics/t", xml("Topic"))
        await api.clock.advance(5)
        await api.good(204, "PUT", "/topics/t?metaoverride=true", xml("Topic", LoggingEnabled="True"))
        found = await api.good(200, "GET", "/topics/t")
        assert found.root == "Topic" and dict(found.items) == {
            "TopicName": "t",
            "CreateTime": str(SECONDS),
            "LastModifyTime": str(SECONDS + 5),
            "MaximumMessageSize": "2048",
            "MessageRetentionPeriod": "86400",
            "MessageCount": "0",
            "LoggingEnabled": "True",
        }
        (listed,) = (await api.good(200, "GET", "/topics", x_mns_with_meta="true")).listed
        assert listed["TopicURL"] == f"{api.url}/topics/t" and listed["MaximumMessageSize"] == "2048"
        await api.good(204, "DELETE", "/topics/t")
        await api.good(204, "DELETE", "/topics/t")
        await api.refused(404, "TopicNotExist", "GET", "/topics/t")

    play(told)


def test_a_queue_subscribes_and_gets_what_is_published(play):
    async def told(api):
        await api.good(201, "PUT", "/topics/t")
        path = "/topics/t/subscriptions/s"
        body = xml(
            "Subscription", Endpoint="acs:mns:127:0:queues/q", NotifyContentFormat="SIMPLIFIED", FilterTag="a"
        )
        assert (await api.good(201, "PUT", path, body)).header("Location") == api.url + path
        assert (await api.good(204, "PUT", path, body)).header("Location") == api.url + path
        other = xml("Subscription", Endpoint="acs:mns:127:0:queues/other")
        await api.refused(409, "SubscriptionAlreadyExist", "PUT", path, other)
        sent = await api.good(201, "POST", "/topics/t/messages", message("&lt;news&gt;", MessageTag="a"))
        assert dict(sent.items) == {"MessageId": sent["MessageId"], "MessageBodyMD5": md5("<news>")}
        await api.good(201, "POST", "/topics/t/messages", message("other", MessageTag="b"))
        assert (await api.good(200, "GET", "/queues/q/messages"))["MessageBody"] == "<news>"
        await api.refused(404, "MessageNotExist", "GET", "/queues/q/messages")
        await api.good(204, "DELETE", path)
        await api.good(204, "DELETE", path)
        await api.good(201, "POST", "/topics/t/messages", message("late", MessageTag="a"))
        await api.refused(404, "MessageNotExist", "GET", "/queues/q/messages")

    play(told)


def test_a_copy_in_xml_is_the_notification_as_text(play):
    async def told(api):
        await api.good(201, "PUT", "/topics/t")
        await api.good(
            201, "PUT", "/topics/t/subscriptions/s", xml("Subscription", Endpoint="acs:mns:::queues/q")
        )
        await api.good(201, "POST", "/topics/t/messages", message("news"))
        text = (await api.good(200, "GET", "/queues/q/messages"))["MessageBody"]
        assert text.startswith("<?xml") and "<Message>news</Message>" in text

    play(told)


def test_a_subscription_tells_its_attributes_and_of_them_the_strategy_can_be_changed(play):
    async def told(api):
        await api.good(201, "PUT", "/topics/t")
        path = "/topics/t/subscriptions/s"
        await api.good(201, "PUT", path, xml("Subscription", Endpoint="http://127.0.0.1:1/x", FilterTag="a"))
        await api.clock.advance(5)
        change = xml("Subscription", NotifyStrategy="EXPONENTIAL_DECAY_RETRY", Endpoint="http://other/")
        await api.good(204, "PUT", f"{path}?metaoverride=true", change)
        await api.good(204, "PUT", f"{path}?metaoverride=true", xml("Subscription"))
        found = await api.good(200, "GET", path)
        assert found.root == "Subscription" and dict(found.items) == {
            "TopicOwner": ACCOUNT,
            "TopicName": "t",
            "SubscriptionName": "s",
            "Endpoint": "http://127.0.0.1:1/x",
            "NotifyStrategy": "EXPONENTIAL_DECAY_RETRY",
            "NotifyContentFormat": "XML",
            "CreateTime": str(SECONDS),
            "LastModifyTime": str(SECONDS + 5),
            "FilterTag": "a",
        }

    play(told)


def test_subscriptions_are_listed_by_pages(play):
    async def told(api):
        await api.good(201, "PUT", "/topics/t")
        body = xml("Subscription", Endpoint="acs:mns:::queues/q")
        for n in range(3):
            await api.good(201, "PUT", f"/topics/t/subscriptions/s{n}", body)
        path = "/topics/t/subscriptions"
        first = await api.good(200, "GET", path, x_mns_ret_number="2")
        assert first.root == "Subscriptions"
        assert [item["SubscriptionURL"] for item in first.listed] == [
            f"{api.url}{path}/s0",
            f"{api.url}{path}/s1",
        ]
        second = await api.good(200, "GET", path, x_mns_marker=first["NextMarker"])
        assert [item["SubscriptionURL"] for item in second.listed] == [f"{api.url}{path}/s2"]

    play(told)


# --- the account (15)


def test_the_account_keeps_its_logging_bucket(play):
    async def told(api):
        assert dict((await api.good(200, "GET", "/?accountmeta=true")).items) == {"LoggingBucket": ""}
        await api.good(204, "PUT", "/?accountmeta=true", xml("Account", LoggingBucket="logs"))
        await api.good(204, "PUT", "/?accountmeta=true", xml("Account"))
        reply = await api.good(200, "GET", "/?AccountMeta=True")
        assert (reply.root, reply["LoggingBucket"]) == ("Account", "logs")

    play(told)


def test_the_service_is_open(play):
    async def told(api):
        reply = await api.good(200, "POST", "/commonbuy/openservice")
        assert reply.root == "OpenService" and reply["OrderId"]

    play(told)
