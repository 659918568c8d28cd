"""Requests that are legal and rare, and such as are neither: answered as HTTP says, to nobody else's harm.

Sizes, slow clients and numbers of connections: test_endpoint.py.
"""

import asyncio
import json
import logging

import pytest

from tests import signing
from tests.fakes import function
from tests.fc_api import KEY, SERVICE, gated
from tests.integration.test_endpoint import INVOKE, NOW, PLAIN, QUEUE, on_stage, staged

SIGNED = {"at": NOW, **KEY}


def head(method, target, headers, version="1.1"):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {target} HTTP/{version}\r\n{lines}\r\n".encode("utf-8", "surrogateescape")


def signed(method, target, headers=None, sign=signing.fc):
    return list(sign(method, target, {"host": "127.0.0.1", **(headers or {})}, **SIGNED).items())


async def all_said(stage, data):
    """What a connection says to some bytes until it is closed."""
    wire = await stage.wire()
    wire.send(data)
    return await wire.is_cut()


# Rare, and legal


@on_stage()
async def test_http_1_0_is_answered_and_then_closed(stage):
    headers = signed("POST", INVOKE, {"content-length": "3"})
    said = await all_said(stage, head("POST", INVOKE, headers, "1.0") + b"abc")
    assert said.split(b" ")[1] == b"200"
    assert said.endswith(b"\r\n\r\nabc")
    assert b"transfer-encoding" not in said.lower()


@on_stage()
async def test_who_waits_to_be_told_to_go_on_is_told(stage):
    wire = await stage.wire()
    headers = signed("POST", INVOKE, {"expect": "100-continue", "content-length": "3"})
    wire.send(head("POST", INVOKE, headers))
    assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(b"abc")
    assert (await wire.answer()).body == b"abc"


@on_stage()
async def test_another_expectation_can_not_be_met(stage):
    wire = await stage.wire()
    wire.send(head("POST", INVOKE, signed("POST", INVOKE, {"expect": "wonders", "content-length": "0"})))
    answer = await wire.answer()
    assert (answer.status, answer.json["Code"]) == (417, "InvalidArgument")


@on_stage()
async def test_requests_that_come_together_are_answered_in_their_order(stage):
    wire = await stage.wire()
    bodies = [b"one", b"two", b"", b"four" * 5000]
    for body in bodies:
        wire.send(head("POST", INVOKE, signed("POST", INVOKE, {"content-length": str(len(body))})) + body)
    assert [(await wire.answer()).body for _ in bodies] == bodies
    assert stage.bodies == bodies


@on_stage()
async def test_a_request_in_pieces_is_one(stage):
    wire = await stage.wire()
    data = head("POST", INVOKE, signed("POST", INVOKE, {"content-length": "6"})) + b"abcdef"
    for position in range(0, len(data), 7):
        wire.send(data[position : position + 7])
        await wire.writer.drain()
        await asyncio.sleep(0)
    assert (await wire.answer()).body == b"abcdef"


@on_stage()
async def test_chunks_in_pieces_are_one_body(stage):
    wire = await stage.wire()
    data = head("POST", INVOKE, signed("POST", INVOKE, {"transfer-encoding": "chunked"}))
    for piece in (data, b"3\r\nab", b"c\r", b"\n3\r\nde", b"f\r\n0\r", b"\n\r\n"):
        wire.send(piece)
        await wire.writer.drain()
        await asyncio.sleep(0)
    assert (await wire.answer()).body == b"abcdef"


@on_stage()
async def test_head_gets_no_body_and_the_connection_goes_on(stage):
    wire = await stage.wire()
    wire.send(head("HEAD", "/health", [("host", "127.0.0.1")]))
    assert b" 200 " in await wire.reader.readuntil(b"\r\n\r\n")
    assert (await stage.ask("GET", "/health", sign=None, wire=wire)).json == {"status": "ok"}


@pytest.mark.parametrize("sign", [signing.fc, signing.acs3, signing.mns])
@pytest.mark.parametrize(
    "target", ["/a%20b", "/%E4%BD%A0", "/a%2Fb", "/a+b", "/a%zz", "/%", "/a%FF", "/a;b=c"]
)
def test_a_target_is_signed_and_found_however_it_is_encoded(sign, target):
    """What is bad percent-encoding stays as it was sent: the names in it are of nothing that is there."""

    async def main():
        async with staged() as stage:
            root = "/queues/q" if sign is signing.mns else "/2016-08-15"
            answer = await stage.ask("GET", root + target, sign=sign)
            assert answer.status == 400
            assert b"PathNotSupported" in answer.body or b"InvalidRequestURL" in answer.body

    asyncio.run(main())


@pytest.mark.parametrize("query", ["?", "?a", "?a=", "?=b", "?a=%zz", "?a=1&a=2", "?&&", "?a=%FF", "?a=b=c"])
def test_a_query_that_means_nothing_changes_nothing(query):
    async def main():
        async with staged() as stage:
            for sign in (signing.fc, signing.mns):
                assert (await stage.ask("GET", PLAIN + query, sign=sign)).status == 200

    asyncio.run(main())


# Neither


TWICE = {
    "lengths that differ": [("content-length", "3"), ("content-length", "4")],
    "a length and chunks": [("content-length", "3"), ("transfer-encoding", "chunked")],
    "a coding nobody knows": [("transfer-encoding", "wonders")],
    "chunks that are not last": [("transfer-encoding", "chunked, gzip")],
    "a length that is none": [("content-length", "3x")],
    "a length below nothing": [("content-length", "-3")],
    "a length with a sign": [("content-length", "+3")],
}


@pytest.mark.parametrize("lines", TWICE.values(), ids=TWICE)
def test_where_a_body_ends_must_be_clear(lines):
    """Two readers of one connection must never take one's body for another's request."""

    async def main():
        async with staged() as stage:
            hidden = head("POST", INVOKE, signed("POST", INVOKE, {"content-length": "6"})) + b"hidden"
            headers = [*signed("POST", INVOKE), *lines]
            said = await all_said(stage, head("POST", INVOKE, headers) + b"3\r\nabc\r\n0\r\n\r\n" + hidden)
            assert said.split(b" ")[1] == b"400"
            assert said.count(b"HTTP/1.") == 1
            assert not stage.bodies

    asyncio.run(main())


HEADS = {
    "a name with a space": b"GET /health HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    "no colon": b"GET /health HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
    "no name": b"GET /health HTTP/1.1\r\n: 127.0.0.1\r\n\r\n",
    "nothing in a value": b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n",
    "nothing in a target": b"GET /hea\0lth HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a method of letters that are none": "G\u00c9T /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(),
    "a version that is none": b"GET /health HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    "no version": b"GET /health\r\nHost: 127.0.0.1\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(100),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "nothing but ends of lines": b"\r\n\r\n\r\n\r\n GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS)
def test_what_is_no_request_is_told_so_and_cut(data, caplog):
    async def main():
        async with staged() as stage:
            said = await all_said(stage, data)
            assert said.split(b" ")[1] == b"400", said[:200]
            assert json.loads(said.partition(b"\r\n\r\n")[2])["Code"] == "InvalidArgument"
            assert (await stage.ask("GET", "/health", sign=None)).status == 200

    asyncio.run(main())
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@on_stage()
async def test_two_signatures_are_none(stage):
    for lines in (
        [*signed("GET", PLAIN), ("authorization", "FC nobody:x")],
        [("authorization", "FC nobody:x"), *signed("GET", PLAIN)],
    ):
        wire = await stage.wire()
        wire.send(head("GET", PLAIN, lines))
        assert (await wire.answer()).status in (400, 403)
    assert not stage.bodies


@on_stage()
async def test_a_header_that_comes_twice_is_signed_as_one(stage):
    """So that no second value can be added to one that is signed."""
    lines = signed("POST", INVOKE, {"x-fc-invocation-type": "Sync", "content-length": "0"})
    wire = await stage.wire()
    wire.send(head("POST", INVOKE, [*lines, ("X-Fc-Invocation-Type", "Async")]))
    assert (await wire.answer()).status == 403
    assert not stage.bodies


@pytest.mark.parametrize(
    "target", ["*", "http://127.0.0.1/2016-08-15/services", "//evil.example/health", "health"]
)
def test_a_target_of_another_form_leads_nowhere_else(target):
    async def main():
        async with staged() as stage:
            for method in ("GET", "OPTIONS"):
                wire = await stage.wire()
                wire.send(head(method, target, [("host", "127.0.0.1"), ("connection", "close")]))
                said = await wire.is_cut()
                assert 400 <= int(said.split(b" ")[1]) < 500, said
            assert not stage.bodies

    asyncio.run(main())


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "PROPFIND", "get", "X" * 100])
def test_a_method_that_nobody_serves_is_refused(method):
    async def main():
        async with staged() as stage:
            wire = await stage.wire()
            wire.send(head(method, PLAIN + "/x", [*signed(method, PLAIN + "/x"), ("connection", "close")]))
            said = await wire.is_cut()
            assert 400 <= int(said.split(b" ")[1]) < 500, said

    asyncio.run(main())


@on_stage()
async def test_an_upgrade_is_not_taken(stage):
    wire = await stage.wire()
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "content-length": "0"}
    wire.send(head("POST", INVOKE, signed("POST", INVOKE, upgrade)))
    assert (await wire.answer()).status in (200, 400)


# The whole endpoint


@pytest.mark.parametrize(
    "content_type", ["", "text/xml", "application/json", "nonsense", "a/b; charset=\xff"]
)
def test_a_content_type_decides_nothing(tmp_path, content_type):
    """wire 1, rules 5 and 6."""

    async def main():
        async with gated(tmp_path, function()) as api:
            headers = {"content-type": content_type} if content_type else {}
            made = await api.ask("POST", "/2016-08-15/services", b'{"serviceName":"s"}', headers=headers)
            assert made.status == 200
            target = f"/2016-08-15/services/{SERVICE}/functions/f/invocations"
            assert (await api.ask("POST", target, b"{not json", headers=headers)).status == 200
            queue = await api.ask("PUT", "/queues/q", b"<Queue/>", headers=headers, sign=signing.mns)
            assert queue.status == 201

    asyncio.run(main())


def test_an_invocation_whose_body_is_cut_off_never_runs(tmp_path):
    async def main():
        async with gated(tmp_path, function()) as api:
            target = f"/2016-08-15/services/{SERVICE}/functions/f/invocations"
            port = int(api.url.rpartition(":")[2])
            for lines in ({"content-length": "10"}, {"transfer-encoding": "chunked"}):
                headers = signing.fc("POST", target, {"x-fc-invocation-type": "Async", **lines}, **KEY)
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(head("POST", target, [("host", "x"), *headers.items()]) + b"3\r\nab")
                await writer.drain()
                writer.close()
            whole = await api.ask("POST", target, b"{}", headers={"x-fc-invocation-type": "Async"})
            assert whole.status == 202
            await api.stage.until_calls(1)
            assert len(api.stage.runtime.calls) == 1

    asyncio.run(main())


def test_a_queue_survives_odd_requests(tmp_path):
    async def main():
        async with gated(tmp_path) as api:
            assert (await api.ask("PUT", QUEUE, sign=signing.mns)).status == 201
            for target in (
                f"{QUEUE}/messages?waitseconds=%zz",
                f"{QUEUE}/messages?ReceiptHandle=%",
                "/queues/%",
            ):
                reply = await api.ask("GET", target, sign=signing.mns)
                assert reply.status in (400, 404), target
                assert reply.headers["x-mns-request-id"]

    asyncio.run(main())
