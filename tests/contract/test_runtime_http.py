"""What a handler of FC 2.0 sees of a request, and what of its answer comes back (runtime.md 2.10, 3.8)."""

import asyncio
import json
import os
import sys

import pytest

from fun_local.model.outcome import UNHANDLED
from fun_local.model.web import WebRequest, pack
from fun_local.runtime import processes
from tests.contract.test_runtime import Lab, log_shows, read

BASE = "/2016-08-15/proxy/shop/order"
REQUEST = WebRequest(
    "POST",
    f"{BASE}/caf%C3%A9/x?a=1&b=2&b=3&empty=&plus=x+y",
    BASE,
    (
        ("Host", "127.0.0.1:9000"),
        ("Content-Type", "text/plain"),
        ("Accept", "a"),
        ("accept", "b"),
        ("X-Name", "café"),
        ("X-Fc-Request-Id", "forged"),
        ("Connection", "close"),
    ),
    b"body \x00\xff",
    "10.0.0.7",
    "127.0.0.1:9000",
)


class Web(Lab):
    """A lab for handlers of requests."""

    def ask(self, handler, request=REQUEST, *, code="http_python", **configuration):
        """What came of a request to a new instance; the log is in ``self.log``."""

        async def act():
            async with self.instance(code, f"index.{handler}", **configuration) as instance:
                found = await instance.request("request-1", request, attempts=1)
                self.is_alive = instance.is_alive
                self.log = read(instance)
                return found

        return asyncio.run(act())

    def ask_node(self, handler, request=REQUEST, runtime="nodejs14"):
        return self.ask(handler, request, code="http_node", runtime=runtime)


@pytest.fixture
def lab(tmp_path):
    lab = Web(tmp_path)
    yield lab
    for instance in lab.instances:
        assert processes.bearers(instance.id) == []


def error_of(found):
    assert found.response is None
    assert found.result.error_type == UNHANDLED
    return json.loads(found.result.payload)


# --- Python


def test_a_wsgi_handler_gets_the_environment_of_the_vendor(lab):
    answer = lab.ask("shows").response
    shown = json.loads(answer.body)
    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        # Bytes as WSGI has them, so that frameworks decode them right.
        "PATH_INFO": "/café/x".encode().decode("latin-1"),
        "QUERY_STRING": "a=1&b=2&b=3&empty=&plus=x+y",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "7",
        "REMOTE_ADDR": "10.0.0.7",
        "SERVER_NAME": "FCRUNTIME",
        "SERVER_PORT": "9000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "FCRUNTIME/1.0",
        "HTTP": "on",
        "HTTP_HOST": "127.0.0.1:9000",
        "HTTP_ACCEPT": "a,b",
        "HTTP_X_NAME": "café".encode().decode("latin-1"),
        "HTTP_X_FC_FUNCTION_HANDLER": "index.shows",
        "wsgi.version": [1, 0],
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "fc.request_uri": f"{BASE}/caf%C3%A9/x?a=1&b=2&b=3&empty=&plus=x+y",
        "read": "body \x00\xff",
        "request id": "request-1",
    }
    assert {key: shown.get(key) for key in expected} == expected
    assert (answer.status, answer.headers) == (200, (("Content-Type", "application/json"),))


def test_what_is_the_platforms_own_business_does_not_reach_a_handler(lab):
    shown = json.loads(lab.ask("shows").response.body)
    assert not {"HTTP_X_FC_REQUEST_ID", "HTTP_CONNECTION", "HTTP_CONTENT_TYPE"} & set(shown)


def test_the_environment_of_the_process_is_below_that_of_the_request(lab):
    environment = {"MINE": "1", "REQUEST_METHOD": "not this"}
    shown = json.loads(lab.ask("shows", environment=environment).response.body)
    assert (shown["MINE"], shown["REQUEST_METHOD"]) == ("1", "POST")


def test_a_request_without_a_type_or_a_path_has_those_of_the_vendor(lab):
    shown = json.loads(lab.ask("shows", WebRequest("GET", BASE, BASE)).response.body)
    assert (shown["CONTENT_TYPE"], shown["PATH_INFO"]) == ("application/octet-stream", "/")
    assert (shown["QUERY_STRING"], shown["CONTENT_LENGTH"]) == ("", "0")


def test_status_repeated_headers_and_bytes_come_back(lab):
    answer = lab.ask("cookies").response
    assert (answer.status, answer.body) == (418, b"bin\x00\xff")
    assert answer.headers == (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Name", "café"))


@pytest.mark.parametrize(
    ("handler", "body"),
    [
        ("writes", b"first second third fourth"),
        ("plain_bytes", b"as it is"),
        ("late", b"made"),
        ("Application", b"by a class"),
    ],
)
def test_an_application_may_answer_in_all_ways_of_wsgi(lab, handler, body):
    assert lab.ask(handler).response.body == body
    assert ("closed\n" in lab.log) == (handler == "Application")


def test_an_exception_is_the_callers_error_and_shows_none_of_our_frames(lab):
    error = error_of(lab.ask("raises"))
    assert (error["errorMessage"], error["errorType"]) == ("no such page", "ValueError")
    assert [frame[2] for frame in error["stackTrace"]] == ["in raises"]
    assert "FC Invoke End RequestId: request-1, Error: Unhandled function error" in lab.log
    assert lab.is_alive


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("no_iterable", "invalid response type"),
        ("no_start", "the handler has not called start_response"),
        ("bad_status", "invalid literal for int() with base 10: 'fine'"),
        ("long_headers", "the headers of the response are too long"),
        ("big", "response payload size exceeds maximum allowed size (33554432 bytes)"),
    ],
)
def test_what_is_no_response_is_an_error_that_says_so(lab, handler, message):
    assert error_of(lab.ask(handler))["errorMessage"] == message
    assert lab.is_alive


def test_an_event_handler_behind_a_url_is_told_what_it_lacks(lab):
    assert error_of(lab.ask("event"))["errorMessage"] == "the handler has not called start_response"


def test_a_request_that_was_queued_reaches_its_handler_as_one(lab):
    result = lab.invoke("http_python", "index.shows", pack(REQUEST))
    shown = json.loads(result.payload)
    assert (shown["REQUEST_METHOD"], shown["read"], shown["retries"]) == ("POST", "body \x00\xff", 0)


def test_an_event_after_a_request_is_an_event(lab):
    async def act():
        async with lab.instance("http_python", "index.event") as instance:
            await instance.request("request-1", REQUEST, attempts=1)
            return await instance.invoke("request-2", b"an event", attempts=1)

    assert asyncio.run(act()).payload == b"an event"


def test_a_function_that_forges_the_daemons_answer_has_no_response(lab, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(
        "import os, struct, sys\n"
        "def handler(environ, start_response):\n"
        '    head = b\'{"kind": "ok", "max_rss_kb": 1, "status": 200, "headers": ["x"]}\'\n'
        "    for fd in range(3, 20):\n"
        "        try:\n"
        "            if os.readlink(f'/proc/self/fd/{fd}').startswith('socket:'):\n"
        "                os.write(fd, struct.pack('>II', len(head), 0) + head)\n"
        "        except OSError:\n"
        "            pass\n"
        "    start_response('200 OK', [])\n"
        "    return []\n"
    )
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    found = lab.ask("handler", code=tmp_path / "code", environment={"PYTHON": sys.executable})
    assert found.response is None


# --- Node.js


def test_a_request_of_node_has_the_vendors_properties_and_is_a_stream(lab):
    answer = lab.ask_node("shows").response
    assert json.loads(answer.body) == {
        "method": "POST",
        "path": "/café/x",
        "url": f"{BASE}/caf%C3%A9/x?a=1&b=2&b=3&empty=&plus=x+y",
        "headers": {
            "host": "127.0.0.1:9000",
            "content-type": "text/plain",
            "accept": "a, b",
            "x-name": "café",
        },
        "queries": {"a": "1", "b": ["2", "3"], "empty": "", "plus": "x y"},
        "clientIP": "10.0.0.7",
        "body": "body \x00\xff",
        "accept": "a, b",
        "isMessage": True,
        "requestId": "request-1",
        "read": "body \x00\xff",
    }
    assert answer.headers == (("Content-Type", "application/json"),)


@pytest.mark.parametrize("runtime", ["nodejs14", "nodejs20"])
def test_what_a_handler_of_requests_returns_counts_for_nothing(lab, runtime):
    assert lab.ask_node("shows", runtime=runtime).response.body.startswith(b'{"method"')


def test_of_headers_that_count_once_the_first_is_taken(lab):
    request = WebRequest("GET", "/", headers=(("User-Agent", "one"), ("user-agent", "two")))
    assert json.loads(lab.ask_node("shows", request).response.body)["headers"] == {"user-agent": "one"}


def test_an_empty_body_ends_the_stream_too(lab):
    shown = json.loads(lab.ask_node("shows", WebRequest("GET", "/")).response.body)
    assert (shown["body"], shown["read"], shown["queries"]) == ("", "", {})


def test_a_response_of_node_has_its_status_headers_and_bytes(lab):
    answer = lab.ask_node("cookies").response
    assert (answer.status, answer.body) == (418, b"\x00\xff")
    assert answer.headers == (
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("X-Name", "café"),
        ("X-Has", "true"),
        ("X-Has", "false"),
    )


@pytest.mark.parametrize(("handler", "body"), [("stream", b"one two"), ("nothing", b""), ("twice", b"first")])
def test_a_body_may_be_a_stream_or_nothing_and_is_sent_once(lab, handler, body):
    assert lab.ask_node(handler).response.body == body


def test_what_is_sent_can_not_be_changed(lab):
    async def act():
        async with lab.instance("http_node", "index.twice", runtime="nodejs14") as instance:
            await instance.request("request-1", REQUEST, attempts=1)
            await log_shows(instance, "complaints: 3")  # after the answer

    asyncio.run(act())


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("raises", "no such page"),
        ("rejects", "no such page"),
        ("object", "the body of a response must be a Buffer, a string or a readable stream"),
        ("longHeaders", "the headers of the response are too long"),
        ("big", "response payload size exceeds maximum allowed size (33554432 bytes)"),
    ],
)
def test_what_goes_wrong_in_node_is_the_callers_error(lab, handler, message):
    assert error_of(lab.ask_node(handler))["errorMessage"] == message
    assert lab.is_alive
