"""The endpoint over real sockets: who is let in, in which words others are refused, what a client may do."""

import asyncio
import contextlib
import json
import logging
import socket
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from fun_local.errors import InvalidRequest, NotFound, Unavailable
from fun_local.http import endpoint
from fun_local.http.limits import Limits, body_limit, body_time
from fun_local.http.refusals import Family
from tests import signing
from tests.fakes import until

NOW = 1_795_000_000.0
KEY = {"key": "ak", "secret": "sk"}
INVOKE = "/2016-08-15/services/svc/functions/fn/invocations"
PLAIN = "/2016-08-15/services"
QUEUE = "/queues/q"
MB = 1024 * 1024

#: For what is to be cut; one clock is short, so that no other cuts what is to go on.
SHORT_HEAD = Limits(head_seconds=0.3)
SHORT_IDLE = Limits(idle_seconds=0.3)


@dataclass
class Answer:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Wire:
    """A connection of a client that says what it likes."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    def send(self, data):
        self.writer.write(data)

    def request(self, method, target, headers=None, body=b""):
        lines = {"host": "127.0.0.1", **(headers or {})}
        if body and "content-length" not in lines and "transfer-encoding" not in lines:
            lines["content-length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)

    async def answer(self):
        status = int((await self.reader.readline()).split()[1])
        headers = {}
        while line := (await self.reader.readline()).decode().rstrip():
            name, _, value = line.partition(": ")
            headers[name] = value
        body = await self.reader.readexactly(int(headers.get("Content-Length", "0")))
        return Answer(status, headers, body)

    async def is_cut(self):
        """Wait until the server has closed it; what it said before."""
        said = b""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                while data := await self.reader.read(65_536):
                    said += data
        return said

    def close(self):
        self.writer.close()


@dataclass
class Stage:
    """An endpoint with routes for tests. ``bodies`` are those that handlers got."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    transports: list[asyncio.Transport] = field(default_factory=list)
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    wires: list[Wire] = field(default_factory=list)

    async def wire(self):
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port))
        self.wires.append(wire)
        return wire

    async def ask(self, method, target, headers=None, body=b"", *, sign=signing.fc, wire=None):
        """One request, signed unless ``sign`` is None."""
        headers = headers or {}
        if sign is signing.acs3:
            headers = sign(method, target, headers, body, at=NOW, **KEY)
        elif sign:
            headers = sign(method, target, headers, at=NOW, **KEY)
        wire = wire or await self.wire()
        wire.request(method, target, headers, body)
        async with asyncio.timeout(20):
            return await wire.answer()

    async def _echo(self, request):
        self.bodies.append(await request.read())
        return web.Response(body=self.bodies[-1], content_type="application/octet-stream")

    async def _wait(self, request):
        self.transports.append(request.transport)
        await self.is_open.wait()
        return web.json_response({})

    async def _big(self, request):
        self.transports.append(request.transport)
        return web.Response(body=bytes(64 * MB))

    async def _fail(self, request):
        kind = request.match_info["kind"]
        raise {
            "defect": RuntimeError("secret detail"),
            "missing": NotFound("FunctionNotFound", "function 'x' does not exist", hint="Deploy it"),
            "wrong": InvalidRequest("InvalidArgument", "no"),
        }[kind]

    def routes(self):
        return [
            web.post(INVOKE, self._echo),
            web.put("/queues/{queue}", self._echo),
            web.post("/2016-08-15/services/svc/functions", self._echo),
            web.route("*", PLAIN, self._echo),
            web.get("/2016-08-15/wait", self._wait),
            web.get("/2016-08-15/big", self._big),
            web.get("/{family:2016-08-15|queues}/fail/{kind}", self._fail),
            web.get("/downloads/code", self._echo),
        ]


@contextlib.asynccontextmanager
async def staged(limits=None, **options):
    """A stage that listens on a port of its own."""
    limits = limits or Limits()
    stage = Stage()
    listener = endpoint.bind("127.0.0.1", 0)
    stage.port = listener.port
    app = endpoint.application(
        stage.routes(),
        port=listener.port,
        secrets=lambda: {"ak": "sk"},
        limits=limits,
        now=lambda: NOW,
        documents={"/openapi.json": lambda: b'{"openapi":"3.0.3"}'},
        proven=("/downloads/",),
        **options,
    )
    async with endpoint.serve(app, listener, limits):
        try:
            yield stage
        finally:
            stage.is_open.set()
            for wire in stage.wires:
                wire.close()


def on_stage(limits=None, **options):
    """A test as a coroutine that is given the stage."""

    def decorated(test):
        def run():
            async def main():
                async with staged(limits, **options) as stage:
                    await test(stage)

            asyncio.run(main())

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorated


# Who is let in


@pytest.mark.parametrize("scheme", ["fc", "acs3", "mns"])
def test_a_signed_request_gets_its_answer(scheme):
    async def main():
        async with staged() as stage:
            target = QUEUE if scheme == "mns" else INVOKE
            method = "PUT" if scheme == "mns" else "POST"
            answer = await stage.ask(method, target, body=b"payload", sign=getattr(signing, scheme))
            assert (answer.status, answer.body) == (200, b"payload")

    asyncio.run(main())


@on_stage()
async def test_a_request_without_a_signature_is_refused_as_fc_refuses(stage):
    answer = await stage.ask("GET", PLAIN, sign=None)
    assert answer.status == 403
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["ErrorCode"] == answer.json["Code"] == "MissingRequiredHeader"
    assert answer.json["ErrorMessage"] == answer.json["Message"]
    assert answer.json["RequestId"] == answer.headers["X-Fc-Request-Id"]
    assert not stage.bodies


@on_stage()
async def test_a_request_without_a_signature_is_refused_as_mns_refuses(stage):
    answer = await stage.ask("PUT", QUEUE, {"x-mns-version": "2015-06-06"}, sign=None)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "text/xml;charset=utf-8"
    assert answer.headers["x-mns-version"] == "2015-06-06"
    text = answer.body.decode()
    assert "<Code>MissingAuthorizationHeader</Code>" in text
    assert f"<RequestId>{answer.headers['x-mns-request-id']}</RequestId>" in text
    assert f"<HostId>127.0.0.1:{stage.port}</HostId>" in text
    assert 'xmlns="http://mns.aliyuncs.com/doc/v1/"' in text


@on_stage()
async def test_what_a_client_said_can_not_break_the_error_that_repeats_it(stage):
    headers = {"date": "x", "authorization": "MNS a<b>&\u0085:x"}
    answer = await stage.ask("PUT", QUEUE, headers, sign=None)
    assert "'a&lt;b&gt;&amp;?'" in answer.body.decode()


@on_stage()
async def test_a_body_other_than_the_signed_one_is_refused(stage):
    headers = signing.acs3("POST", INVOKE, {"host": "127.0.0.1"}, b"signed", at=NOW, **KEY)
    answer = await stage.ask("POST", INVOKE, headers, b"forged", sign=None)
    assert (answer.status, answer.json["Code"]) == (403, "SignatureNotMatch")
    assert not stage.bodies


@on_stage()
async def test_a_signed_request_may_call_the_host_as_it_likes(stage):
    """wire 1, rule 8: the signature is the proof."""
    for host in ("127.0.0.1", f"http://127.0.0.1:{stage.port}", "somewhere.example"):
        assert (await stage.ask("GET", PLAIN, {"host": host})).status == 200
        assert (await stage.ask("GET", PLAIN, {"host": host}, sign=signing.acs3)).status == 200


@on_stage()
async def test_health_and_description_need_no_signature(stage):
    assert (await stage.ask("GET", "/health", sign=None)).json == {"status": "ok"}
    assert (await stage.ask("GET", "/openapi.json", sign=None)).json == {"openapi": "3.0.3"}
    assert (await stage.ask("POST", "/health", sign=None)).status == 403


@on_stage()
async def test_what_looks_for_a_proof_of_its_own_needs_no_signature(stage):
    assert (await stage.ask("GET", "/downloads/code", sign=None)).status == 200
    assert (await stage.ask("POST", "/downloads/code", sign=None)).status == 403


@on_stage()
async def test_unsigned_requests_must_call_this_machine_by_its_name(stage):
    for host in ("127.0.0.1", f"localhost:{stage.port}"):
        assert (await stage.ask("GET", "/health", {"host": host}, sign=None)).status == 200
    for host in ("rebound.example", f"rebound.example:{stage.port}", "127.0.0.1:1"):
        answer = await stage.ask("GET", "/health", {"host": host}, sign=None)
        assert (answer.status, answer.json["Code"]) == (403, "AccessDenied")


@on_stage()
async def test_two_hosts_are_none(stage):
    wire = await stage.wire()
    wire.send(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: rebound.example\r\n\r\n")
    assert (await wire.answer()).status in (400, 403)


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}])
@pytest.mark.parametrize("checks_signatures", [True, False])
def test_pages_of_other_sites_are_refused_whatever_they_send(headers, checks_signatures):
    async def main():
        async with staged(checks_signatures=checks_signatures) as stage:
            for method, target in (("POST", INVOKE), ("GET", "/health"), ("OPTIONS", PLAIN)):
                answer = await stage.ask(method, target, headers)
                assert (answer.status, answer.json["Code"]) == (403, "AccessDenied")
                assert not [name for name in answer.headers if name.startswith("Access-Control")]
            assert not stage.bodies

    asyncio.run(main())


@on_stage(checks_signatures=False)
async def test_without_signatures_everything_is_let_in_and_every_answer_says_so(stage):
    for target in (PLAIN, "/health", "/nothing", "/2016-08-15/fail/defect"):
        answer = await stage.ask("GET", target, sign=None)
        assert answer.status != 403
        assert "signatures are not checked" in answer.headers["X-Fun-Local-Warning"]
    wrong = {"authorization": "FC nobody:x"}
    assert (await stage.ask("POST", INVOKE, wrong, b"x", sign=None)).status == 200


@on_stage(checks_signatures=False)
async def test_without_signatures_the_name_of_the_host_counts(stage):
    assert (await stage.ask("GET", PLAIN, {"host": "rebound.example"}, sign=None)).status == 403


@on_stage()
async def test_with_signatures_no_answer_warns(stage):
    assert "X-Fun-Local-Warning" not in (await stage.ask("GET", PLAIN)).headers


# Errors


@on_stage()
async def test_what_is_nowhere_is_refused_in_the_words_of_the_api(stage):
    answer = await stage.ask("GET", "/2016-08-15/nowhere")
    assert (answer.status, answer.json["ErrorCode"]) == (400, "PathNotSupported")
    answer = await stage.ask("DELETE", INVOKE)
    assert (answer.status, answer.json["ErrorCode"]) == (400, "PathNotSupported")
    answer = await stage.ask("GET", "/queues/q/nowhere", sign=signing.mns)
    assert answer.status == 400
    assert b"<Code>InvalidRequestURL</Code>" in answer.body


@on_stage()
async def test_an_error_of_ours_keeps_its_code_and_tells_the_next_step(stage):
    answer = await stage.ask("GET", "/2016-08-15/fail/missing")
    assert (answer.status, answer.json["Code"]) == (404, "FunctionNotFound")
    assert answer.json["Message"] == "function 'x' does not exist. Deploy it"
    answer = await stage.ask("GET", "/queues/fail/wrong", sign=signing.mns)
    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body


def test_a_defect_is_logged_and_not_told(caplog):
    async def main():
        async with staged() as stage:
            return await stage.ask("GET", "/2016-08-15/fail/defect")

    answer = asyncio.run(main())
    assert (answer.status, answer.json["Code"]) == (500, "InternalServerError")
    assert b"secret detail" not in answer.body
    assert "secret detail" in caplog.text


def test_a_refusal_is_one_line_in_the_log_and_holds_no_signature(caplog):
    async def main():
        async with staged() as stage:
            await stage.ask(
                "GET", "/2016-08-15/a%0Ab?x-fc-signature=hidden&x-fc-access-key-id=nobody", sign=None
            )

    asyncio.run(main())
    (line,) = [record.getMessage() for record in caplog.records if record.name.endswith("endpoint")]
    assert line.startswith("refused GET /2016-08-15/a%0Ab: invalid access key ID 'nobody'")
    assert "hidden" not in line


# Sizes


@pytest.mark.parametrize(
    ("family", "path", "limit"),
    [
        (Family.FC, INVOKE, 32 * MB),
        (Family.FC, "/2023-03-30/functions/f/invocations", 32 * MB),
        (Family.FC, "/2016-08-15/proxy/svc/fn/any/path", 32 * MB),
        (Family.FC, "/2016-08-15/services/svc/functions", 140 * MB),
        (Family.FC, "/2021-04-06/services/svc/functions/fn", 140 * MB),
        (Family.FC, "/2023-03-30/functions", 140 * MB),
        (Family.FC, "/2023-03-30/functions/fn", 140 * MB),
        (Family.FC, "/2021-04-06/layers/common/versions", 140 * MB),
        (Family.FC, "/2023-03-30/functions/fn/async-invoke-config", MB),
        (Family.FC, PLAIN, MB),
        (Family.MNS, "/queues/q/messages", MB),
        (Family.MNS, INVOKE, MB),
    ],
)
def test_a_body_may_have_what_its_operation_needs(family, path, limit):
    assert body_limit(family, path) == limit


def test_a_large_body_has_more_time():
    limits = Limits()
    assert body_time(limits, 0) == 30
    assert body_time(limits, 140 * MB) == 170


@on_stage()
async def test_a_payload_of_the_largest_size_arrives(stage):
    answer = await stage.ask("POST", INVOKE, body=bytes(32 * MB))
    assert answer.status == 200
    assert stage.bodies == [bytes(32 * MB)]


@pytest.mark.parametrize(
    ("method", "target", "sign", "limit", "code"),
    [
        ("POST", INVOKE, signing.fc, 32 * MB, b'"ErrorCode":"EntityTooLarge"'),
        ("POST", PLAIN, signing.fc, MB, b'"ErrorCode":"EntityTooLarge"'),
        ("PUT", QUEUE, signing.mns, MB, b"<Code>InvalidArgument</Code>"),
    ],
)
def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(method, target, sign, limit, code):
    async def main():
        async with staged() as stage:
            answer = await stage.ask(method, target, {"content-length": str(limit + 1)}, sign=sign)
            assert answer.status == 400
            assert code in answer.body
            assert str(limit).encode() in answer.body
            assert not stage.bodies

    asyncio.run(main())


@on_stage()
async def test_a_body_without_a_length_is_refused_when_it_grows_too_large(stage):
    wire = await stage.wire()
    headers = signing.fc("POST", PLAIN, {"transfer-encoding": "chunked"}, at=NOW, **KEY)
    wire.request("POST", PLAIN, headers)
    chunk = b"%x\r\n%b\r\n" % (65_536, bytes(65_536))
    for _ in range(MB // 65_536 + 1):
        wire.send(chunk)
    answer = await wire.answer()
    assert (answer.status, answer.json["ErrorCode"]) == (400, "EntityTooLarge")
    assert not stage.bodies


@on_stage()
async def test_a_body_in_chunks_arrives_whole(stage):
    """wire 1, rule 4: one client sends all code this way."""
    headers = {"transfer-encoding": "chunked"}
    answer = await stage.ask("POST", INVOKE, headers, b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n")
    assert (answer.status, answer.body) == (200, b"abcdefg")


@on_stage()
async def test_a_packed_body_stays_packed(stage):
    """It is the payload, and its hash may be signed."""
    headers = {"content-encoding": "gzip"}
    answer = await stage.ask("POST", INVOKE, headers, b"not gzip at all", sign=signing.acs3)
    assert (answer.status, answer.body) == (200, b"not gzip at all")


@pytest.mark.parametrize("body", [b"ZZ\r\nabc\r\n", b"-1\r\n\r\n", b"3\r\nabcdef\r\n0\r\n\r\n"])
def test_broken_chunks_are_refused(body):
    async def main():
        async with staged() as stage:
            answer = await stage.ask("POST", INVOKE, {"transfer-encoding": "chunked"}, body)
            assert answer.status == 400
            assert not stage.bodies

    asyncio.run(main())


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx-long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /health?" + b"x" * 20_000 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(1000)) + b"\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=["long header", "long target", "many headers", "nonsense"],
)
def test_a_head_that_is_too_large_or_none_is_refused(head):
    async def main():
        async with staged() as stage:
            wire = await stage.wire()
            wire.send(head)
            said = await wire.is_cut()
            assert said.split()[1] == b"400"
            assert json.loads(said.partition(b"\r\n\r\n")[2])["ErrorCode"] == "InvalidArgument"

    asyncio.run(main())


# Patience


@on_stage(SHORT_HEAD)
async def test_a_client_that_says_nothing_is_cut(stage):
    wire = await stage.wire()
    assert await wire.is_cut() == b""


@on_stage(SHORT_HEAD)
async def test_a_head_that_comes_byte_by_byte_is_cut(stage):
    wire = await stage.wire()
    wire.send(b"GET /health HTTP/1.1\r\nx: ")

    async def trickle():
        while not wire.writer.is_closing():
            wire.send(b"x")
            await asyncio.sleep(0.005)

    trickling = asyncio.create_task(trickle())
    assert await wire.is_cut() == b""
    trickling.cancel()


@on_stage(SHORT_IDLE)
async def test_a_connection_that_is_not_used_again_is_closed(stage):
    wire = await stage.wire()
    assert (await stage.ask("GET", "/health", sign=None, wire=wire)).status == 200
    assert await wire.is_cut() == b""


@on_stage(SHORT_IDLE)
async def test_the_next_head_on_a_connection_has_a_limited_time_too(stage):
    wire = await stage.wire()
    assert (await stage.ask("GET", "/health", sign=None, wire=wire)).status == 200
    wire.send(b"GET /health HTTP/1.1\r\n")
    assert await wire.is_cut() == b""


@on_stage()
async def test_a_connection_serves_one_request_after_another(stage):
    wire = await stage.wire()
    for body in (b"a", b"b", b"c"):
        assert (await stage.ask("POST", INVOKE, body=body, wire=wire)).body == body
    assert stage.bodies == [b"a", b"b", b"c"]


@on_stage()
async def test_a_refusal_leaves_the_connection_in_order(stage):
    wire = await stage.wire()
    assert (await stage.ask("POST", INVOKE, body=b"unwanted", sign=None, wire=wire)).status == 403
    assert (await stage.ask("POST", INVOKE, body=b"wanted", wire=wire)).body == b"wanted"


@on_stage(Limits(head_seconds=0.5, idle_seconds=0.5, body_seconds=0.5, unread_seconds=0.5))
async def test_no_clock_runs_while_a_function_does(stage):
    working = await stage.wire()
    working.request("GET", "/2016-08-15/wait", signing.fc("GET", "/2016-08-15/wait", at=NOW, **KEY))
    await until(lambda: stage.transports)
    idle = await stage.wire()
    assert await idle.is_cut() == b""  # it was opened later, and had the same time
    stage.is_open.set()
    assert (await working.answer()).status == 200


@on_stage(Limits(body_seconds=0.3))
async def test_a_body_that_does_not_come_is_given_up(stage):
    wire = await stage.wire()
    wire.request("PUT", QUEUE, signing.mns("PUT", QUEUE, {"content-length": "10"}, at=NOW, **KEY))
    wire.send(b"x")
    said = await wire.is_cut()
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"<Code>RequestTimeout</Code>" in said
    assert not stage.bodies


def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error(caplog):
    async def main():
        async with staged() as stage:
            for body in ({"content-length": "10"}, {"transfer-encoding": "chunked"}):
                wire = await stage.wire()
                wire.request("POST", INVOKE, signing.fc("POST", INVOKE, body, at=NOW, **KEY))
                wire.send(b"3\r\nabc")
                await wire.writer.drain()
                wire.writer.transport.abort()
            assert (await stage.ask("POST", INVOKE, body=b"x")).status == 200
            assert stage.bodies == [b"x"]

    asyncio.run(main())
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@on_stage(Limits(unread_seconds=0.3))
async def test_an_answer_that_nobody_reads_is_given_up(stage):
    wire = await stage.wire()
    wire.request("GET", "/2016-08-15/big", signing.fc("GET", "/2016-08-15/big", at=NOW, **KEY))
    await until(lambda: stage.transports)
    await until(stage.transports[0].is_closing)


@on_stage(Limits(head_seconds=0.3, unread_seconds=1.0))
async def test_an_answer_that_is_read_slowly_arrives_whole(stage):
    wire = await stage.wire()
    wire.request("GET", "/2016-08-15/big", signing.fc("GET", "/2016-08-15/big", at=NOW, **KEY))
    await wire.reader.readuntil(b"\r\n\r\n")
    for _ in range(5):
        silent = await stage.wire()
        await silent.is_cut()  # as long as that takes, nothing is read
        await wire.reader.readexactly(8 * MB)
    await wire.reader.readexactly(24 * MB)


@on_stage(Limits(connections=3))
async def test_connections_beyond_the_limit_are_told_so_and_make_room_again(stage):
    wires = [await stage.wire() for _ in range(3)]
    for wire in wires:
        assert (await stage.ask("GET", "/health", sign=None, wire=wire)).status == 200
    for _ in range(4):
        refused = await stage.wire()
        answer = await refused.answer()
        assert (answer.status, answer.json["ErrorCode"]) == (503, "ResourceThrottled")
        assert await refused.is_cut() == b""
    wires[0].close()

    async def there_is_room():
        with contextlib.suppress(ConnectionError):
            return (await stage.ask("GET", "/health", sign=None)).status == 200
        return False

    while not await there_is_room():
        pass


@on_stage(Limits(connections=3))
async def test_a_rush_of_connections_gets_no_more_places_than_there_are(stage):
    wires = await asyncio.gather(*(stage.wire() for _ in range(20)))
    for wire in wires:
        wire.request("GET", "/2016-08-15/wait", signing.fc("GET", "/2016-08-15/wait", at=NOW, **KEY))
    await until(lambda: len(stage.transports) == 3)
    stage.is_open.set()
    statuses = [(await wire.answer()).status for wire in wires]
    assert sorted(statuses) == [200] * 3 + [503] * 17


# The port


def test_a_port_that_is_taken_is_named_with_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable) as caught:
            endpoint.bind("127.0.0.1", port)
    assert caught.value.code == "PortInUse"
    assert f"port {port}" in caught.value.message
    assert "fun config set port 0" in caught.value.hint


def test_a_bound_port_is_taken_before_anybody_serves_it():
    listener = endpoint.bind("127.0.0.1", 0)
    with listener.socket, pytest.raises(Unavailable):
        endpoint.bind("127.0.0.1", listener.port)


def test_an_address_that_this_machine_does_not_have_is_refused():
    with pytest.raises(Unavailable) as caught:
        endpoint.bind("192.0.2.1", 0)
    assert "192.0.2.1" in caught.value.message


def test_an_address_of_version_six_is_written_in_brackets():
    assert endpoint.Listener(None, "::1", 80).url == "http://[::1]:80"
