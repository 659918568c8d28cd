"""Requests and responses of functions behind URLs: what of them is whose business, how they are mapped."""

import base64
import json

import pytest

from fun_local.errors import InvalidRequest
from fun_local.model import web_event
from fun_local.model.names import FunctionRef
from fun_local.model.resources import Domain
from fun_local.model.web import WebRequest, WebResponse, http_params, pack, sendable, unpack
from fun_local.model.web_routes import domain_of, route_of

BASE = "/2016-08-15/proxy/svc/f"


def request(target="/", **parts):
    return WebRequest("POST", target, **parts)


# --- requests


@pytest.mark.parametrize(
    ("target", "base", "raw", "path"),
    [
        (f"{BASE}/a%20b?x=1", BASE, "/a%20b", "/a b"),
        (BASE, BASE, "/", "/"),
        (f"{BASE}?x=1", BASE, "/", "/"),
        (f"{BASE}/", BASE, "/", "/"),
        ("/a/b", "", "/a/b", "/a/b"),
    ],
)
def test_the_path_of_a_function_begins_behind_what_leads_to_it(target, base, raw, path):
    found = request(target, base_path=base)
    assert (found.raw_path, found.path) == (raw, path)


def test_the_vendors_parameters_hold_the_whole_request():
    headers = (("A", "1"), ("A", "2"), ("X-Fc-Forged", "1"), ("Content-Length", "3"), ("Te", "x"))
    found = http_params(
        request(f"{BASE}/p?b=2&a=1&b=3&c", base_path=BASE, headers=headers, client_ip="10.0.0.7", host="h:1")
    )
    assert found == {
        "path": "/p",
        "method": "POST",
        "requestURI": f"{BASE}/p?b=2&a=1&b=3&c",
        "clientIP": "10.0.0.7",
        "headersMap": {"A": ["1", "2"]},
        "queriesMap": {"b": ["2", "3"], "a": ["1"], "c": [""]},
        "host": "h:1",
    }


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"headers": (("a", "x" * 8192),)}, "headers"),
        ({"target": "/" + "x" * 4096}, "path and query"),
        ({"target": "/?" + "x" * 4096}, "path and query"),
    ],
)
def test_a_head_over_the_vendors_limits_is_refused(parts, what):
    with pytest.raises(InvalidRequest, match=what) as refused:
        request(**parts).check()
    assert refused.value.code == "InvalidArgument"


def test_a_head_of_just_the_vendors_limits_is_let_in():
    request("/" + "x" * 4095, headers=(("a", "x" * 8191),)).check()
    request(BASE + "/" + "x" * 4095, base_path=BASE).check()


def test_a_request_is_the_same_after_it_was_queued():
    sent = request(
        f"{BASE}/x?y", base_path=BASE, headers=(("A", "é"), ("A", "2")), body=b"\n\x00\xff\n", host="h"
    )
    assert unpack(pack(sent)) == sent


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"fun-local request", b"fun-local request []\n", b"fun-local request {}\nx"]
)
def test_an_event_is_no_request(payload):
    assert unpack(payload) is None


# --- responses


def test_what_the_platform_says_itself_is_left_out_of_a_response():
    names = ("Connection", "CONTENT-LENGTH", "Date", "Keep-Alive", "Server", "Upgrade", "x-fc-mine", "X-Mine")
    found = sendable(WebResponse(200, tuple((name, "v") for name in names), b"body"))
    assert found == WebResponse(200, (("X-Mine", "v"),), b"body")


def test_fc_3_leaves_out_what_makes_browsers_save():
    response = WebResponse(200, (("Content-Disposition", "inline"),))
    assert sendable(response) == response
    assert sendable(response, drops=web_event.DROPPED) == WebResponse(200)


@pytest.mark.parametrize(
    "response",
    [
        WebResponse(0),
        WebResponse(101),
        WebResponse(600),
        WebResponse(200, (("a b", "v"),)),
        WebResponse(200, (("", "v"),)),
        WebResponse(200, (("a", "v\r\nX-Injected: 1"),)),
        WebResponse(200, (("a", "x" * 8192),)),
    ],
)
def test_what_can_not_be_sent_is_said(response):
    assert isinstance(sendable(response), str)


# --- events of FC 3.0


def event_of(sent):
    made = web_event.event(sent, account_id="123", request_id="1-2-3", now_ms=1_700_000_000_123)
    return json.loads(made)


def test_a_request_is_an_event_as_the_vendor_documents_it():
    sent = request(
        "/a%20b?x=1&y=2&x=3",
        headers=(
            ("content-type", "text/plain; charset=utf-8"),
            ("ACCEPT", "a"),
            ("accept", "b"),
            ("user-agent", "curl"),
        ),
        body="é".encode(),
        client_ip="10.0.0.7",
        host="shop.example.com:9000",
    )
    assert event_of(sent) == {
        "version": "v1",
        "rawPath": "/a%20b",
        "headers": {"Content-Type": "text/plain; charset=utf-8", "Accept": "a,b", "User-Agent": "curl"},
        "queryParameters": {"x": "1,3", "y": "2"},
        "body": "é",
        "isBase64Encoded": False,
        "requestContext": {
            "accountId": "123",
            "domainName": "shop.example.com",
            "domainPrefix": "shop",
            "requestId": "1-2-3",
            "time": "2023-11-14T22:13:20Z",
            "timeEpoch": "1700000000123",
            "http": {
                "method": "POST",
                "path": "/a b",
                "protocol": "HTTP/1.1",
                "sourceIp": "10.0.0.7",
                "userAgent": "curl",
            },
        },
    }


@pytest.mark.parametrize(
    ("kind", "is_base64"),
    [
        ("text/html", False),
        ("application/json; charset=utf-8", False),
        ("Application/LD+JSON", False),
        ("application/javascript", False),
        ("application/octet-stream", True),
        ("application/x-www-form-urlencoded", True),
        ("", True),
    ],
)
def test_only_types_of_text_are_left_as_text(kind, is_base64):
    headers = (("Content-Type", kind),) if kind else ()
    event = event_of(request(headers=headers, body=b"a=1"))
    assert event["isBase64Encoded"] == is_base64
    assert event["body"] == (base64.b64encode(b"a=1").decode() if is_base64 else "a=1")


def test_text_that_is_none_is_in_base64():
    event = event_of(request(headers=(("Content-Type", "text/plain"),), body=b"\xff"))
    assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)


def test_an_empty_body_without_a_type_is_said_to_be_base64():
    event = event_of(request())
    assert (event["body"], event["isBase64Encoded"]) == ("", True)


JSON = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    ("result", "response"),
    [
        ({"statusCode": 201, "body": "é"}, WebResponse(201, (JSON,), "é".encode())),
        ({"statusCode": "404"}, WebResponse(404, (JSON,))),
        ({"statusCode": 200, "body": {"a": [1]}}, WebResponse(200, (JSON,), b'{"a":[1]}')),
        ({"statusCode": 200, "body": "/w==", "isBase64Encoded": True}, WebResponse(200, (JSON,), b"\xff")),
        ({"statusCode": 200, "body": "no!", "isBase64Encoded": True}, WebResponse(200, (JSON,), b"no!")),
        (
            {"statusCode": 200, "headers": {"content-type": "text/html", "N": 1, "Set-Cookie": ["a", "b"]}},
            WebResponse(
                200, (("content-type", "text/html"), ("N", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b"))
            ),
        ),
    ],
)
def test_a_result_with_a_status_is_the_response(result, response):
    assert web_event.response(json.dumps(result).encode()) == response


@pytest.mark.parametrize("result", [b'{"a":1}', b"[1]", b'"text"', b"\xff", b"", b'{"statusCode":true}'])
def test_any_other_result_is_a_body(result):
    assert web_event.response(result) == WebResponse(200, (JSON,), result)


# --- domains

DOMAIN = Domain(
    "Shop.example.com",
    routes={
        "/*": ("svc", "all", "LATEST"),
        "/a/*": ("svc", "a", "prod"),
        "/a/b/*": ("svc", "ab", "LATEST"),
        "/a/b": ("svc", "exact", "LATEST"),
        "/login": ("svc", "login", "LATEST"),
    },
)


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/", "all"),
        ("/x", "all"),
        ("/a", "a"),
        ("/ab", "all"),
        ("/a/x", "a"),
        ("/a/b", "exact"),
        ("/a/b/", "ab"),
        ("/a/b/c", "ab"),
        ("/login", "login"),
        ("/login/", "all"),
    ],
)
def test_the_longest_route_that_fits_is_taken(path, function):
    _, ref = route_of(DOMAIN, path)
    assert ref.function == function


def test_a_route_leads_to_a_qualifier():
    assert route_of(DOMAIN, "/a/x") == ("/a/*", FunctionRef("svc", "a", "prod"))


def test_a_path_without_a_route_leads_nowhere():
    assert route_of(Domain("d", routes={"/a": ("svc", "f", "LATEST")}), "/b") is None


@pytest.mark.parametrize(
    "host",
    ["shop.example.com", "SHOP.example.com:9000", "shop.example.com.", "shop.example.com.localhost:80"],
)
def test_a_domain_is_known_by_its_name_and_below_localhost(host):
    assert domain_of({DOMAIN.name: DOMAIN}, host) is DOMAIN


@pytest.mark.parametrize(
    "host", ["", "example.com", "x.shop.example.com", "http://shop.example.com", "[::1]:9000"]
)
def test_other_hosts_are_no_domain(host):
    assert domain_of({DOMAIN.name: DOMAIN}, host) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_domain_can_not_take_this_machines_own_names(host):
    assert domain_of({host: Domain(host)}, f"{host}:9000") is None
