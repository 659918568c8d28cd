"""The quick way for invocations lets in what the long way lets in, and leaves it everything else."""

import asyncio
import contextlib
import logging
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fun_local.errors import Unavailable
from fun_local.http import quick
from fun_local.http.limits import Limits
from tests import signing
from tests.fakes import SERVICE, function, until
from tests.fc_api import KEY, gated, zipped
from tests.integration.test_endpoint import Wire

ASYNC = {"x-fc-invocation-type": "Async"}
TARGET = f"/2016-08-15/services/{SERVICE}/functions/f/invocations"
IN_2021 = TARGET.replace("2016-08-15", "2021-04-06")
IN_2023 = "/2023-03-30/functions/g/invocations"


def written(target, headers=None, body=b"{}", *, sign=signing.fc, extra=(), **keys):
    """A signed request as it goes over the wire. ``extra`` lines are not signed."""
    told = {**ASYNC, **(headers or {}), "content-length": str(len(body))}
    options = {**KEY, **keys}
    if sign is signing.acs3:
        sent = sign("POST", target, told, body, **options)
    else:
        sent = {"host": "127.0.0.1", **sign("POST", target, told, **options)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (*sent.items(), *extra))
    return f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Watch:
    """Counts what went the quick way, and what was handed on to the long one."""

    def __init__(self, monkeypatch):
        self.quick = self.long = 0
        answer_of, hand_on = quick.QuickWay.answer, quick.Door._hand_on

        async def answering(way, invocation):
            answer = await answer_of(way, invocation)
            self.quick += 1
            return answer

        def handing(door, data):
            self.long += 1
            hand_on(door, data)

        monkeypatch.setattr(quick.QuickWay, "answer", answering)
        monkeypatch.setattr(quick.Door, "_hand_on", handing)


@pytest.fixture
def watch(monkeypatch):
    return Watch(monkeypatch)


@contextlib.asynccontextmanager
async def opened(home, **options):
    async with gated(home, function(max_retries=0), **options) as api:
        api.wires = []

        async def wire():
            port = int(api.url.rpartition(":")[2])
            api.wires.append(Wire(*await asyncio.open_connection("127.0.0.1", port)))
            return api.wires[-1]

        api.wire = wire
        new = f'{{"functionName":"g","runtime":"python3","handler":"i.h","code":{{"zipFile":"{zipped()}"}}}}'
        made = await api.ask("POST", "/2023-03-30/functions", new.encode())
        assert made.status == 200
        try:
            yield api
        finally:
            for one in api.wires:
                one.close()


def plays(play):
    """A test: a story told to an endpoint that has both ways."""

    def test(tmp_path, watch):
        async def main():
            async with opened(tmp_path) as api:
                watch.quick = watch.long = 0
                await asyncio.wait_for(play(api, watch), 60)

        asyncio.run(main())

    test.__name__, test.__doc__ = play.__name__, play.__doc__
    return test


async def answers(api, data, count=1):
    wire = await api.wire()
    wire.send(data)
    return [await wire.answer() for _ in range(count)]


@plays
async def test_what_the_clients_of_all_versions_send_is_accepted_quickly(api, watch):
    for target in (TARGET, TARGET.replace(SERVICE, f"{SERVICE}.LATEST"), IN_2021, IN_2023):
        for sign in (signing.fc, signing.acs3):
            (answer,) = await answers(api, written(target, sign=sign))
            assert (answer.status, answer.body) == (202, b"")
            assert "Content-Type" not in answer.headers
            assert len(answer.headers["X-Fc-Request-Id"]) == (32 if target == IN_2023 else 36)
    assert (watch.quick, watch.long) == (8, 0)
    await api.stage.until_calls(8)


@plays
async def test_the_headers_of_an_invocation_mean_what_they_mean(api, watch):
    headers = {
        "x-fc-stateful-async-invocation-id": "mine",
        "x-fc-trace-id": "traced",
        "x-fc-async-delay": "60",
        "x-fc-stateful-async-invocation-enable": "true",
        "content-type": "application/json",
    }
    (answer,) = await answers(api, written(TARGET, headers, b"[1]"))
    assert answer.headers["X-Fc-Stateful-Async-Invocation-Id"] == "mine"
    assert answer.headers["X-Fc-Request-Id"] == "traced"
    (message,) = [api.stage.queue.get(seq) for seq in api.stage.queue.unsettled()]
    assert (message.invocation_id, message.request_id, message.payload) == ("mine", "traced", b"[1]")
    assert message.due_ms - message.accepted_ms == 60_000
    assert watch.quick == 1


@plays
async def test_an_answer_has_the_same_headers_on_both_ways(api, watch):
    headers = {"x-fc-stateful-async-invocation-id": "a", "x-fc-trace-id": "t"}
    (short,) = await answers(api, written(TARGET, headers))
    headers["x-fc-stateful-async-invocation-id"] = "b"
    (long,) = await answers(api, written(TARGET, headers, extra=[("connection", "Keep-Alive, x")]))
    assert (watch.quick, watch.long) == (1, 1)
    assert sorted(short.headers) == sorted(long.headers)
    same = {"X-Fc-Request-Id", "Server", "Content-Length"}
    assert {name: short.headers[name] for name in same} == {name: long.headers[name] for name in same}


SYNC = {"x-fc-invocation-type": "Sync"}


@pytest.mark.parametrize("target", [TARGET, IN_2023], ids=["2016", "2023"])
@pytest.mark.parametrize(
    "body", [b"text", b"", b'{"return": [1]}', b'{"raise": "oops", "type": "MyError"}', b'{"die": true}']
)
def test_a_call_that_waits_has_the_same_answer_on_both_ways(tmp_path, watch, target, body):
    async def main():
        async with opened(tmp_path) as api:
            watch.quick = watch.long = 0
            headers = {**SYNC, "x-fc-trace-id": "traced"}
            (short,) = await answers(api, written(target, headers, body))
            (long,) = await answers(
                api, written(target, headers, body, extra=[("connection", "Keep-Alive, x")])
            )
            assert (watch.quick, watch.long) == (1, 1)
            assert (short.status, short.body) == (long.status, long.body)
            assert list(short.headers) == list(long.headers)
            changing = {"Date", "X-Fc-Invocation-Duration", "X-Fc-Max-Memory-Usage", "X-Fc-Instance-Id"}
            assert {name: short.headers[name] for name in set(short.headers) - changing} == {
                name: long.headers[name] for name in set(long.headers) - changing
            }
            assert len(api.stage.runtime.calls) == 2

    asyncio.run(main())


@plays
async def test_a_call_that_wants_its_log_takes_the_long_way(api, watch):
    (answer,) = await answers(api, written(TARGET, {**SYNC, "x-fc-log-type": "Tail"}))
    assert answer.headers["X-Fc-Log-Result"]
    assert (watch.quick, watch.long) == (0, 1)
    assert len(api.stage.runtime.calls) == 1


@plays
async def test_a_call_for_which_there_is_no_room_is_told_at_once_and_tried_once(api, watch):
    api.stage.runtime.is_exhausted = True
    (short,) = await answers(api, written(TARGET, {**SYNC, "x-fc-trace-id": "t"}))
    assert (short.status, short.json["Code"]) == (503, "ResourceThrottled")
    assert (watch.quick, watch.long) == (1, 0)
    assert len(api.stage.runtime.throttled_ms) == 1
    (long,) = await answers(
        api, written(TARGET, {**SYNC, "x-fc-trace-id": "t"}, extra=[("connection", "Keep-Alive, x")])
    )
    assert (long.status, long.body) == (short.status, short.body)


@plays
async def test_a_call_of_what_is_not_there_is_refused_and_runs_nothing(api, watch):
    (answer,) = await answers(api, written(TARGET.replace("/f/", "/no/"), SYNC))
    assert (answer.status, answer.json["Code"]) == (404, "FunctionNotFound")
    assert (watch.quick, watch.long) == (0, 1)
    assert not api.stage.runtime.calls


@plays
async def test_many_come_over_one_connection(api, watch):
    wire = await api.wire()
    for n in range(20):
        wire.send(written(TARGET, {"x-fc-stateful-async-invocation-id": f"job-{n}"}))
        assert (await wire.answer()).headers["X-Fc-Stateful-Async-Invocation-Id"] == f"job-{n}"
    assert (watch.quick, watch.long) == (20, 0)


@plays
async def test_a_connection_may_go_on_with_anything_else(api, watch):
    wire = await api.wire()
    wire.send(written(TARGET))
    assert (await wire.answer()).status == 202
    wire.send(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    assert (await wire.answer()).json == {"status": "ok"}
    wire.send(written(TARGET))
    assert (await wire.answer()).status == 202
    assert (watch.quick, watch.long) == (1, 1)


@plays
async def test_what_comes_while_one_is_accepted_waits_its_turn(api, watch):
    wire = await api.wire()
    for n in range(3):
        wire.send(written(TARGET, {"x-fc-stateful-async-invocation-id": f"job-{n}"}))
        await asyncio.sleep(0)
    wire.send(written(TARGET, {"x-fc-stateful-async-invocation-id": "job-0"}))
    ids = [(await wire.answer()).headers["X-Fc-Stateful-Async-Invocation-Id"] for _ in range(3)]
    assert ids == ["job-0", "job-1", "job-2"]
    assert (await wire.answer()).status == 409


@plays
async def test_a_request_in_pieces_takes_the_long_way(api, watch):
    data = written(TARGET)
    for cut in (1, 30, len(data) - 1):
        wire = await api.wire()
        wire.send(data[:cut])
        await until(lambda: watch.long)
        wire.send(data[cut:])
        assert (await wire.answer()).status == 202
        watch.long = 0
    assert watch.quick == 0


REFUSED = {
    "SignatureNotMatch": (403, lambda: written(TARGET, secret="wrong")),
    "InvalidAccessKeyID": (403, lambda: written(TARGET, key="nobody")),
    "RequestTimeTooSkewed": (403, lambda: written(TARGET, at=1_000_000_000)),
    "ServiceNotFound": (404, lambda: written(TARGET.replace(SERVICE, "no"))),
    "FunctionNotFound": (404, lambda: written(TARGET.replace("/f/", "/no/"))),
    "VersionNotFound": (404, lambda: written(TARGET.replace(SERVICE, f"{SERVICE}.7"))),
    "EntityTooLarge": (400, lambda: written(TARGET, body=b"x" * (128 * 1024 + 1))),
    "InvalidArgument": (400, lambda: written(TARGET, {"x-fc-async-delay": "3601"})),
    "AccessDenied": (403, lambda: written(TARGET, extra=[("origin", "http://evil.example")])),
}


@pytest.mark.parametrize(("code", "case"), REFUSED.items(), ids=REFUSED)
def test_what_is_not_accepted_is_refused_in_the_words_of_the_long_way(tmp_path, watch, code, case):
    status, make = case

    async def main():
        async with opened(tmp_path) as api:
            watch.long = 0
            (answer,) = await answers(api, make())
            assert (answer.status, answer.json["Code"]) == (status, code)
            assert (watch.quick, watch.long) == (0, 1)
            assert api.stage.queue.count() == 0

    asyncio.run(main())


@plays
async def test_a_body_other_than_the_signed_one_is_not_accepted(api, watch):
    data = written(TARGET, body=b"signed", sign=signing.acs3).replace(b"signed", b"forged")
    forged = data[: -len(b"forged")].replace(b"forged", b"signed") + b"forged"
    (answer,) = await answers(api, forged)
    assert (answer.status, answer.json["Code"]) == (403, "SignatureNotMatch")
    assert (watch.quick, api.stage.queue.count()) == (0, 0)


@plays
async def test_an_id_is_accepted_once_however_it_comes(api, watch):
    headers = {"x-fc-stateful-async-invocation-id": "once"}
    assert (await answers(api, written(TARGET, headers)))[0].status == 202
    for extra in ((), [("connection", "close")]):
        (answer,) = await answers(api, written(TARGET, headers, extra=extra))
        assert (answer.status, answer.json["Code"]) == (409, "StatefulAsyncInvocationAlreadyExists")
    await api.stage.until_settled()
    assert len(api.stage.runtime.calls) == 1


@plays
async def test_a_full_disk_is_told_and_nothing_is_kept(api, watch):
    async def put(_):
        raise Unavailable("StorageFull", "no space left")

    api.stage.emulator._queue.put = put
    (answer,) = await answers(api, written(TARGET))
    assert (answer.status, answer.json["Code"]) == (503, "StorageFull")


def test_a_defect_ends_the_connection_and_is_logged(tmp_path, watch, caplog):
    """It is not tried again: nobody knows whether the invocation was stored."""

    async def main():
        async with opened(tmp_path) as api:
            api.stage.emulator.feed.accepted = lambda _: 1 / 0
            wire = await api.wire()
            wire.send(written(TARGET))
            assert await wire.is_cut() == b""
            assert api.stage.queue.count() == 1

    asyncio.run(main())
    assert "division" in caplog.text


@plays
async def test_a_custom_domain_has_this_path_too(api, watch):
    route = '{"path":"/*","functionName":"g"}'
    domain = f'{{"domainName":"shop.example.com","routeConfig":{{"routes":[{route}]}}}}'
    made = await api.ask("POST", "/2023-03-30/custom-domains", domain.encode())
    assert made.status == 200, made.body
    watch.quick = watch.long = 0
    data = written(TARGET, {"x-fc-async-delay": "60"})
    data = data.replace(b"host: 127.0.0.1", b"host: shop.example.com")
    (answer,) = await answers(api, data)
    assert (watch.quick, watch.long) == (0, 1)
    assert answer.status == 202
    (message,) = [api.stage.queue.get(seq) for seq in api.stage.queue.unsettled()]
    assert message.function.function == "g"  # which the domain leads to, and not what the path names


@plays
async def test_a_disabled_function_is_disabled(api, watch):
    assert (await api.ask("POST", "/2023-03-30/functions/g/invoke/disable")).status == 200
    (answer,) = await answers(api, written(IN_2023))
    assert (answer.status, answer.json["Code"]) == (403, "FunctionInvocationDisabled")


# Clocks and places


def timed(play, **limits):
    def test(tmp_path):
        async def main():
            async with opened(tmp_path, limits=Limits(**limits)) as api:
                await asyncio.wait_for(play(api), 60)

        asyncio.run(main())

    return test


async def _silent(api):
    assert await (await api.wire()).is_cut() == b""


async def _idle(api):
    wire = await api.wire()
    wire.send(written(TARGET))
    assert (await wire.answer()).status == 202
    assert await wire.is_cut() == b""


async def _slow(api):
    gate = asyncio.Event()
    put = api.stage.emulator._queue.put

    async def slowly(draft):
        await gate.wait()
        return await put(draft)

    api.stage.emulator._queue.put = slowly
    wire = await api.wire()
    wire.send(written(TARGET))
    assert await (await api.wire()).is_cut() == b""  # had the same time, and nothing to do
    gate.set()
    assert (await wire.answer()).status == 202


test_a_client_that_says_nothing_is_cut = timed(_silent, head_seconds=0.3)
test_a_connection_that_is_not_used_again_is_closed = timed(_idle, idle_seconds=0.3)
test_no_clock_runs_while_one_is_accepted = timed(_slow, head_seconds=0.3, idle_seconds=0.3)


def test_connections_on_both_ways_are_counted_together(tmp_path):
    async def main():
        async with opened(tmp_path, limits=Limits(connections=3)) as api:
            await api.session.close()  # it holds one
            wires = [await api.wire() for _ in range(3)]
            wires[0].send(written(TARGET))
            wires[1].send(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            assert [(await wire.answer()).status for wire in wires[:2]] == [202, 200]
            refused = await api.wire()
            assert (await refused.answer()).status == 503
            for place in (0, 1):
                wires[place].close()
                await wires[place].writer.wait_closed()

            async def is_there_room():
                wire = await api.wire()
                with contextlib.suppress(ConnectionError, IndexError):
                    wire.send(written(TARGET))
                    return (await wire.answer()).status == 202
                return False

            while not await is_there_room():
                pass

    asyncio.run(main())


def test_what_is_being_accepted_when_the_daemon_ends_has_its_answer(tmp_path):
    async def main():
        gate = asyncio.Event()
        async with opened(tmp_path) as api:
            put = api.stage.emulator._queue.put

            async def slowly(draft):
                gate.set()
                await asyncio.sleep(0)
                return await put(draft)

            api.stage.emulator._queue.put = slowly
            busy, idle = await api.wire(), await api.wire()
            busy.send(written(TARGET))
            await gate.wait()
            wires, api.wires = api.wires, []
        assert b" 202 " in await busy.is_cut()
        assert await idle.is_cut() == b""
        for wire in wires:
            wire.close()

    asyncio.run(main())


def test_a_call_whose_client_has_gone_ends_with_the_daemon_at_the_latest(tmp_path):
    async def main():
        async with opened(tmp_path) as api:
            wire = await api.wire()
            wire.send(written(TARGET, SYNC, b'{"block": "gate"}'))
            await api.stage.until_calls(1)
            wire.close()
            await wire.writer.wait_closed()
        assert not [task for task in asyncio.all_tasks() if "Door._serve" in repr(task.get_coro())]

    asyncio.run(main())


# The two ways agree

_LINES = st.sampled_from(
    [
        b"x: y\r\n",
        b"X-Fc-Invocation-Type: Async\r\n",
        b"x-fc-log-type: None\r\n",
        b"transfer-encoding: chunked\r\n",
        b"content-length: 2\r\n",
        b"content-length: 1\r\n",
        b"Connection: close\r\n",
        b"connection: keep-alive\r\n",
        b"expect: 100-continue\r\n",
        b"x-mns-version: 2015-06-06\r\n",
        b"sec-fetch-site: cross-site\r\n",
        b" folded\r\n",
        b"x\x00: y\r\n",
        b"x : y\r\n",
        b"\r\n",
        b"\n",
        b"x: \xff\r\n",
        b"authorization: FC ak:x\r\n",
        b"date: x\r\n",
    ]
)


@st.composite
def changed(draw):
    """A good request, and what may have been done to it."""
    target = draw(st.sampled_from([TARGET, IN_2021, IN_2023]))
    sign = draw(st.sampled_from([signing.fc, signing.acs3]))
    body = draw(st.sampled_from([b"", b"{}", b"\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n"]))
    data = written(target, draw(st.sampled_from([{}, SYNC])), body, sign=sign)
    kind = draw(st.sampled_from(["none", "line", "byte", "cut", "more", "target"]))
    first = data.index(b"\r\n") + 2
    if kind == "line":
        return data[:first] + draw(_LINES) + data[first:]
    if kind == "byte":
        position = draw(st.integers(0, len(data) - 1))
        return data[:position] + bytes([draw(st.integers(0, 255))]) + data[position + 1 :]
    if kind == "cut":
        return data[: draw(st.integers(0, len(data) - 1))]
    if kind == "more":
        return data + draw(st.sampled_from([b"\r\n", b"x", b"GET /health HTTP/1.1\r\n\r\n"]))
    if kind == "target":
        wanted = draw(st.sampled_from([b"?qualifier=LATEST", b"?", b"/", b"#x", b"%20", b"/../x"]))
        return data.replace(target.encode(), target.encode() + wanted, 1)
    return data


async def _heard(api, data):
    """Status and code of the first answer; ends when one has come."""
    wire = await api.wire()
    wire.send(data)
    said = b""
    try:
        with contextlib.suppress(ConnectionError):
            while b"\r\n\r\n" not in said and (more := await wire.reader.read(65_536)):
                said += more
    finally:
        wire.close()
    code = re.search(rb'"Code":"(\w+)"', said)
    return said.split(b" ")[1:2], code and code[1]


async def _agree(both, long, data):
    """Fails if one of them answers something else than the other, or nothing."""
    asked = [asyncio.create_task(_heard(api, data)) for api in (both, long)]
    done, _ = await asyncio.wait(asked, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
    if done:
        async with asyncio.timeout(20):
            ours, theirs = await asyncio.gather(*asked)
        assert ours == theirs, data
    else:  # a part of a request: both wait for the rest
        for task in asked:
            task.cancel()
        await asyncio.wait(asked)


def test_both_ways_say_the_same_of_whatever_comes(tmp_path):
    logging.disable(logging.CRITICAL)
    counter = iter(range(10_000))

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(changed(), min_size=10, max_size=10))
    def run(requests):
        async def main():
            number = next(counter)
            homes = [tmp_path / f"{number}-{way}" for way in ("both", "long")]
            for home in homes:
                home.mkdir()
            async with opened(homes[0]) as both, opened(homes[1], quick=False) as long:
                for data in requests:
                    await _agree(both, long, data)
                # In the end, since one whose answer nobody waited for may be stored a little later.
                async with asyncio.timeout(20):
                    await until(lambda: both.stage.queue.last_seq() == long.stage.queue.last_seq())

        asyncio.run(main())

    try:
        run()
    finally:
        logging.disable(logging.NOTSET)
