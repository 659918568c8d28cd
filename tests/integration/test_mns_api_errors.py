"""What MNS over HTTP refuses, and with which words (mns section 5); nothing that comes is a fault of ours."""

import asyncio
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fun_local.errors import CorruptState, Unavailable
from fun_local.http.mns import document
from fun_local.http.mns.routing import OPERATIONS
from fun_local.model.resources import Queue, Topic
from tests.mns_api import NAMESPACE, batch, handles, message, serving, story, xml

Q = "/queues/q"
M = "/queues/q/messages"
T = "/topics/t"
S = "/topics/t/subscriptions/s"
OVERRIDE = "?metaoverride=true"


async def furnish(api):
    await api.mns.create(Queue("q"))
    await api.mns.topics.create(Topic("t"))


def deep(depth):
    return f"<Queue>{'<a>' * depth}{'</a>' * depth}</Queue>"


BOMB = '<!DOCTYPE Queue [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Queue>&b;</Queue>'
FETCH = '<!DOCTYPE Queue SYSTEM "http://127.0.0.1:1/x.dtd"><Queue/>'

REFUSALS = [
    # status, code, method, target, body: what the message must name
    (400, "InvalidRequestURL", "PATCH", Q, "", "PATCH"),
    (400, "InvalidRequestURL", "POST", "/queues", "", "POST"),
    (400, "InvalidRequestURL", "GET", f"{Q}/nothing", "", "/nothing"),
    (400, "InvalidRequestURL", "GET", "/queues/", "", "/queues/"),
    (400, "InvalidRequestURL", "GET", f"{T}/subscriptions/s/x", "", "/x"),
    (400, "InvalidRequestURL", "GET", "/", "", "accountmeta"),
    (400, "InvalidRequestURL", "GET", "/commonbuy/openservice", "", "GET"),
    (400, "InvalidQueryString", "GET", f"{M}?waitseconds=soon", "", "soon"),
    (400, "InvalidQueryString", "GET", f"{M}?waitseconds=", "", "waitseconds"),
    (400, "InvalidQueryString", "GET", f"{M}?waitseconds=1&WaitSeconds=2", "", "waitseconds"),
    (400, "InvalidQueryString", "GET", f"{M}?numOfMessages=1.5", "", "numOfMessages"),
    (400, "InvalidQueryString", "GET", f"{M}?peekonly=true&numOfMessages=%31%30x", "", "10x"),
    (400, "InvalidArgument", "GET", f"{M}?waitseconds=31", "", "30"),
    (400, "InvalidArgument", "GET", f"{M}?waitseconds=-1", "", "-1"),
    (400, "InvalidArgument", "GET", f"{M}?numOfMessages=17", "", "16"),
    (400, "InvalidArgument", "GET", f"{M}?numOfMessages=0", "", "16"),
    (400, "InvalidArgument", "GET", f"{M}?peekonly=true&numOfMessages=17", "", "16"),
    (400, "InvalidArgument", "GET", f"{M}?peekonly=true&numOfMessages=0", "", "16"),
    (400, "MalformedXML", "PUT", "/queues/new", "<Queue>", "well-formed"),
    (400, "MalformedXML", "PUT", "/queues/new", "{}", "well-formed"),
    (400, "MalformedXML", "PUT", "/queues/new", b"\xff\xfe", "well-formed"),
    (400, "MalformedXML", "PUT", "/queues/new", b"<Queue>\xff</Queue>", "well-formed"),
    (400, "MalformedXML", "PUT", "/queues/new", "<x:Queue/>", "prefix"),
    (400, "MalformedXML", "PUT", "/queues/new", "<Queue>&#0;</Queue>", "character"),
    (400, "MalformedXML", "PUT", "/queues/new", "<Queue>&#xD800;</Queue>", "character"),
    (400, "MalformedXML", "PUT", "/queues/new", "<Queue>&nothing;</Queue>", "entity"),
    (400, "MalformedXML", "PUT", "/queues/new", '<?xml version="1.0" encoding="no"?><Queue/>', "encoding"),
    (400, "MalformedXML", "PUT", "/queues/new", BOMB, "DOCTYPE"),
    (400, "MalformedXML", "PUT", "/queues/new", FETCH, "DOCTYPE"),
    (400, "MalformedXML", "PUT", "/queues/new", deep(8), "elements"),
    (400, "MalformedXML", "PUT", "/queues/new", deep(100_000), "elements"),
    (400, "MalformedXML", "PUT", "/queues/new", f"<Queue>{'<a/>' * 5000}</Queue>", "elements"),
    (400, "MalformedXML", "POST", M, "", "XML"),
    (400, "MalformedXML", "POST", f"{T}/messages", "", "XML"),
    (400, "MalformedXML", "PUT", S, "", "XML"),
    (400, "MalformedXML", "PUT", "/?accountmeta=true", "", "XML"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Topic"), "Topic"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", DelaySeconds="soon"), "DelaySeconds"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", DelaySeconds=""), "DelaySeconds"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", DelaySeconds="<a/>"), "DelaySeconds"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", DelaySeconds="9" * 5000), "DelaySeconds"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", DelaySeconds=-1), "604800"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", DelaySeconds=604_801), "604800"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", MaximumMessageSize=1023), "1024"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", MaximumMessageSize=65_537), "65536"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", MessageRetentionPeriod=59), "60"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", MessageRetentionPeriod=604_801), "604800"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", VisibilityTimeout=0), "VisibilityTimeout"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", VisibilityTimeout=43_201), "43200"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", PollingWaitSeconds=31), "30"),
    (400, "InvalidArgument", "PUT", "/queues/new", xml("Queue", LoggingEnabled="maybe"), "LoggingEnabled"),
    (400, "InvalidArgument", "PUT", f"{Q}{OVERRIDE}", xml("Queue", VisibilityTimeout=0), "VisibilityTimeout"),
    (
        400,
        "InvalidArgument",
        "PUT",
        "/queues/new",
        xml("Queue", "<DelaySeconds>1</DelaySeconds>", DelaySeconds=2),
        "twice",
    ),
    (400, "InvalidQueueName", "PUT", "/queues/a_b", "", "a_b"),
    (400, "InvalidQueueName", "PUT", "/queues/-a", "", "-a"),
    (400, "InvalidQueueName", "PUT", "/queues/a%2Fb", "", "a/b"),
    (400, "InvalidQueueName", "PUT", "/queues/%FF", "", "queue name"),
    (400, "InvalidQueueName", "PUT", "/queues/%E4%BD%A0", "", "queue name"),
    (400, "QueueNameLengthError", "PUT", f"/queues/{'a' * 257}", "", "256"),
    (404, "QueueNotExist", "GET", "/queues/nobody", "", "nobody"),
    (404, "QueueNotExist", "GET", "/queues/%FF", "", "does not exist"),
    (404, "QueueNotExist", "PUT", f"/queues/nobody{OVERRIDE}", "", "nobody"),
    (404, "QueueNotExist", "POST", "/queues/nobody/messages", message(), "nobody"),
    (404, "QueueNotExist", "POST", "/queues/nobody/messages", batch("a"), "nobody"),
    (404, "QueueNotExist", "GET", "/queues/nobody/messages", "", "nobody"),
    (404, "QueueNotExist", "GET", "/queues/nobody/messages?waitseconds=30", "", "nobody"),
    (404, "QueueNotExist", "GET", "/queues/nobody/messages?peekonly=true", "", "nobody"),
    (404, "QueueNotExist", "DELETE", "/queues/nobody/messages?ReceiptHandle=1-1-0a", "", "nobody"),
    (404, "QueueNotExist", "DELETE", "/queues/nobody/messages", handles("1-1-0a"), "nobody"),
    (
        404,
        "QueueNotExist",
        "PUT",
        "/queues/nobody/messages?ReceiptHandle=1-1-0a&VisibilityTimeout=1",
        "",
        "nobody",
    ),
    (409, "QueueAlreadyExist", "PUT", Q, xml("Queue", DelaySeconds=1), "'q'"),
    (404, "MessageNotExist", "GET", M, "", "'q'"),
    (404, "MessageNotExist", "GET", f"{M}?peekonly=true", "", "'q'"),
    (404, "MessageNotExist", "DELETE", f"{M}?ReceiptHandle=1-1-0a", "", "receipt"),
    (404, "MessageNotExist", "PUT", f"{M}?ReceiptHandle=1-1-0a&VisibilityTimeout=1", "", "receipt"),
    (400, "InvalidArgument", "POST", M, xml("Queue"), "Messages"),
    (400, "InvalidArgument", "POST", M, xml("Message"), "MessageBody"),
    (400, "InvalidArgument", "POST", M, message(""), "empty"),
    (400, "InvalidArgument", "POST", M, message("<a/>"), "MessageBody"),
    (400, "InvalidArgument", "POST", M, message("x" * 65_537), "65536"),
    (400, "InvalidArgument", "POST", M, message(Priority=0), "Priority"),
    (400, "InvalidArgument", "POST", M, message(Priority=17), "Priority"),
    (400, "InvalidArgument", "POST", M, message(Priority="high"), "Priority"),
    (400, "InvalidArgument", "POST", M, message(DelaySeconds=-1), "DelaySeconds"),
    (400, "InvalidArgument", "POST", M, message(DelaySeconds=604_801), "DelaySeconds"),
    (400, "InvalidArgument", "POST", M, message(UserProperties="<PropertyValue/>"), "PropertyValue"),
    (400, "InvalidArgument", "POST", M, batch(), "16"),
    (400, "InvalidArgument", "POST", M, batch(*["x"] * 17), "16"),
    (400, "InvalidArgument", "POST", M, batch("x", ""), "empty"),
    (400, "InvalidArgument", "POST", M, batch("x" * 40_000, "x" * 40_000), "65536"),
    (400, "InvalidArgument", "POST", M, xml("Messages", "<Other/>"), "Other"),
    (400, "InvalidArgument", "POST", M, message("x" * 1_100_000), ""),
    (400, "MissingReceiptHandle", "DELETE", M, "", "ReceiptHandle"),
    (400, "MissingReceiptHandle", "PUT", f"{M}?VisibilityTimeout=1", "", "ReceiptHandle"),
    (400, "MissingVisibilityTimeout", "PUT", f"{M}?ReceiptHandle=1-1-0a", "", "VisibilityTimeout"),
    (400, "ReceiptHandleError", "DELETE", f"{M}?ReceiptHandle=", "", "handle"),
    (400, "ReceiptHandleError", "DELETE", f"{M}?ReceiptHandle=1-ODU4+/==", "", "1-ODU4+/=="),
    (400, "ReceiptHandleError", "PUT", f"{M}?ReceiptHandle=%FF&VisibilityTimeout=1", "", "handle"),
    (400, "InvalidArgument", "PUT", f"{M}?ReceiptHandle=1-1-0a&VisibilityTimeout=0", "", "43200"),
    (400, "InvalidArgument", "PUT", f"{M}?ReceiptHandle=1-1-0a&VisibilityTimeout=43201", "", "43200"),
    (400, "InvalidQueryString", "PUT", f"{M}?ReceiptHandle=1-1-0a&VisibilityTimeout=x", "", "Visibility"),
    (400, "InvalidArgument", "DELETE", M, xml("Message"), "ReceiptHandles"),
    (400, "InvalidArgument", "DELETE", M, handles(), "16"),
    (400, "InvalidArgument", "DELETE", M, handles(""), "handle"),
    (400, "InvalidArgument", "DELETE", M, handles(*["1-1-0a"] * 17), "16"),
    (400, "InvalidArgument", "PUT", "/topics/a_b", "", "a_b"),
    (400, "InvalidArgument", "PUT", "/topics/new", xml("Topic", MaximumMessageSize=1), "1024"),
    (400, "InvalidArgument", "PUT", "/topics/new", xml("Queue"), "Topic"),
    (409, "TopicAlreadyExist", "PUT", T, xml("Topic", LoggingEnabled="True"), "'t'"),
    (404, "TopicNotExist", "GET", "/topics/nobody", "", "nobody"),
    (404, "TopicNotExist", "PUT", f"/topics/nobody{OVERRIDE}", "", "nobody"),
    (404, "TopicNotExist", "POST", "/topics/nobody/messages", message(), "nobody"),
    (404, "TopicNotExist", "GET", "/topics/nobody/subscriptions", "", "nobody"),
    (404, "TopicNotExist", "GET", "/topics/nobody/subscriptions/s", "", "nobody"),
    (
        404,
        "TopicNotExist",
        "PUT",
        "/topics/nobody/subscriptions/s",
        xml("Subscription", Endpoint="http://a/"),
        "",
    ),
    (400, "InvalidArgument", "POST", f"{T}/messages", message(""), "empty"),
    (400, "InvalidArgument", "POST", f"{T}/messages", message(MessageTag="x" * 17), "16"),
    (400, "InvalidArgument", "POST", f"{T}/messages", message("x" * 65_537), "65536"),
    (404, "SubscriptionNotExist", "GET", S, "", "'s'"),
    (404, "SubscriptionNotExist", "PUT", f"{S}{OVERRIDE}", xml("Subscription"), "'s'"),
    (
        404,
        "SubscriptionNotExist",
        "PUT",
        f"{S}{OVERRIDE}",
        xml("Subscription", NotifyStrategy="BACKOFF_RETRY"),
        "'s'",
    ),
    (400, "InvalidArgument", "PUT", S, xml("Subscription"), "Endpoint"),
    (400, "InvalidArgument", "PUT", S, xml("Subscription", Endpoint="ftp://x/"), "ftp"),
    (
        400,
        "InvalidArgument",
        "PUT",
        S,
        xml("Subscription", Endpoint="http://a/", NotifyStrategy="OFTEN"),
        "OFTEN",
    ),
    (
        400,
        "InvalidArgument",
        "PUT",
        S,
        xml("Subscription", Endpoint="http://a/", NotifyContentFormat="YAML"),
        "YAML",
    ),
    (400, "InvalidArgument", "PUT", S, xml("Subscription", Endpoint="http://a/", FilterTag="x" * 17), "16"),
    (400, "InvalidArgument", "PUT", "/?accountmeta=true", xml("Account", LoggingBucket="x" * 257), "256"),
]


@pytest.mark.parametrize(
    "case", REFUSALS, ids=lambda case: f"{case[1]}-{case[2]}-{case[3]}-{ascii(case[4])[:40]}"
)
def test_what_can_not_be_done_is_refused_in_the_words_of_mns(tmp_path, case):
    status, code, method, target, body, named = case

    async def told(api):
        await furnish(api)
        reply = await api.refused(status, code, method, target, body)
        assert named in reply["Message"]
        # Nothing was changed.
        assert api.mns.names() == ["q"] and api.mns.find("q") == Queue("q")
        assert api.mns.topics.names() == ["t"] and not api.mns.topics.subscriptions("t")
        assert api.mns.info("q").active == 0

    story(tmp_path, told)


@pytest.mark.parametrize(
    ("header", "value", "named"),
    [
        ("x-mns-ret-number", "0", "1000"),
        ("x-mns-ret-number", "1001", "1000"),
        ("x-mns-ret-number", "many", "many"),
        ("x-mns-ret-number", "-1", "-1"),
        ("x-mns-marker", "rubbish!", "NextMarker"),
        ("x-mns-marker", "/w==", "NextMarker"),
    ],
)
@pytest.mark.parametrize("target", ["/queues", "/topics", "/topics/t/subscriptions"])
def test_a_page_that_can_not_be_meant_is_refused(tmp_path, target, header, value, named):
    async def told(api):
        await furnish(api)
        reply = await api.refused(400, "InvalidArgument", "GET", target, **{header: value})
        assert named in reply["Message"]

    story(tmp_path, told)


def test_documents_are_read_whatever_their_namespace_prefix_or_encoding(tmp_path):
    async def told(api):
        inner = "<VisibilityTimeout>\n 5 </VisibilityTimeout><DlqPolicy><Enabled>x</Enabled></DlqPolicy>"
        prefixed = inner.replace("<V", "<m:V").replace("</V", "</m:V")
        for n, body in enumerate(
            [
                f"<Queue>{inner}</Queue>",
                f'<Queue xmlns="{NAMESPACE}">{inner}</Queue>',
                f'<Queue xmlns="urn:other">{inner}</Queue>',
                f'<m:Queue xmlns:m="{NAMESPACE}">{prefixed}</m:Queue>',
                f'<?xml version="1.0" encoding="utf-16"?><Queue>{inner}</Queue>'.encode("utf-16"),
                f"<!-- c --><Queue><?p i?>{inner}<![CDATA[ ]]></Queue>",
            ]
        ):
            await api.good(201, "PUT", f"/queues/n{n}", body)
            assert api.mns.find(f"n{n}") == Queue(f"n{n}", visibility_seconds=5)

    story(tmp_path, told)


def test_content_md5_is_not_checked(tmp_path):
    # The SDK sends the base64 of the hex digest: section 2, rule 10.
    async def told(api):
        await furnish(api)
        await api.good(201, "POST", M, message(), Content_MD5="bm9uc2Vuc2U=")

    story(tmp_path, told)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unavailable("StorageFull", "no space left", hint="Free some."), 503, "StorageFull"),
        (CorruptState("queue.db", "torn"), 500, "CorruptState"),
        (RuntimeError("secret detail"), 500, "InternalError"),
    ],
    ids=str,
)
def test_a_fault_of_ours_is_told_as_one(tmp_path, monkeypatch, error, status, code):
    async def told(api):
        def fail():
            raise error

        monkeypatch.setattr(api.mns, "names", fail)
        reply = await api.refused(status, code, "GET", "/queues")
        assert "secret" not in reply["Message"]

    story(tmp_path, told)


def test_a_body_that_is_cut_off_does_nothing(tmp_path):
    async def told(api):
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(b"PUT /queues/new HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<Queue>")
        writer.close()
        await reader.read()
        assert (await api.good(200, "GET", "/queues")).items == "" and api.mns.names() == []

    story(tmp_path, told)


# --- fuzz

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
ELEMENTS = st.sampled_from(
    [
        *("Queue", "Topic", "Message", "Messages", "MessageBody", "DelaySeconds", "Priority", "Account"),
        *("Subscription", "Endpoint", "ReceiptHandles", "ReceiptHandle", "UserProperties", "PropertyValue"),
        *("Name", "Value", "Type", "VisibilityTimeout", "LoggingEnabled", "MessageTag", "MessageGroupId"),
    ]
)
LEAF = st.one_of(TEXT, st.integers().map(str)).map(
    lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
)
DOCUMENT = st.recursive(
    LEAF,
    lambda inner: st.lists(st.tuples(ELEMENTS, inner), max_size=4).map(
        lambda children: "".join(f"<{name}>{content}</{name}>" for name, content in children)
    ),
)
BODY = st.one_of(
    st.just(b""),
    st.binary(max_size=50),
    st.tuples(ELEMENTS, DOCUMENT).map(lambda pair: f"<{pair[0]}>{pair[1]}</{pair[0]}>".encode()),
)
SEGMENT = st.one_of(
    st.sampled_from(["q", "t", "s", "queues", "topics", "messages", "subscriptions", "%2F", "%FF", "%zz"]),
    st.text("abz09-_.~%+é\u4f60", max_size=6),
)
TARGET = st.one_of(
    st.sampled_from(sorted(OPERATIONS)).map(
        lambda path: path.replace("{queue}", "q").replace("{topic}", "t").replace("{subscription}", "s")
    ),
    st.lists(SEGMENT, max_size=4).map(lambda parts: "/".join(["", "queues", *parts])),
    st.lists(SEGMENT, max_size=4).map(lambda parts: "/".join(["", "topics", *parts])),
)
KEYS = st.sampled_from(
    [
        *("metaoverride", "peekonly", "numOfMessages", "ReceiptHandle", "VisibilityTimeout", "accountmeta"),
        *("receiptHandle", "x", ""),
    ]
)
ITEM = st.tuples(KEYS, st.one_of(st.sampled_from(["true", "1", "16", "1-1-0a", "%FF", "%"]), TEXT))
QUERY = st.lists(ITEM, max_size=3).map(lambda items: "&".join(f"{key}={value}" for key, value in items))
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["x-mns-prefix", "x-mns-ret-number", "x-mns-marker", "Content-Encoding", "Host", "Date"]
        ),
        st.one_of(st.sampled_from(["gzip", "deflate", "1", "cQ==", "a:b"]), TEXT),
    ),
    max_size=2,
)
METHOD = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"])


def written(method, target, query, headers, body):
    """A request as it travels: whatever is no text of a head is left out."""

    def clean(text):
        return "".join(character for character in text if ord(character) > 32 and character != "\x7f")

    lines = [f"{method} {clean(target)}?{clean(query).replace('#', '')} HTTP/1.1", "Connection: close"]
    lines += [f"{name}: {clean(value)}" for name, value in headers]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(METHOD, TARGET, QUERY, HEADERS, BODY), min_size=20, max_size=40))
def test_whatever_is_sent_is_no_fault_of_ours(requests):
    async def main(home):
        async with serving(home) as api:
            await furnish(api)
            for request in requests:
                answer = await api.raw(written(*request))
                status = int(answer.split(b" ", 2)[1])
                assert status < 500, (request, answer)

    with tempfile.TemporaryDirectory() as home:
        asyncio.run(main(home))


TREE = st.recursive(
    st.tuples(ELEMENTS, TEXT), lambda inner: st.tuples(ELEMENTS, st.lists(inner, min_size=1, max_size=3))
)


def legal(tree):
    """A tree as XML can hold it."""
    name, content = tree
    if isinstance(content, str):
        return name, "".join(c for c in content if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
    return name, [legal(child) for child in content]


def read(element):
    return element.name, [read(child) for child in element.children] or element.text


@given(TREE)
def test_what_is_written_is_read_the_same(tree):
    tree = legal(tree)
    try:
        found = document.parse(document.write(tree))
    except Exception as error:
        assert "elements" in str(error), error  # too deep
    else:
        assert read(found) == tree
