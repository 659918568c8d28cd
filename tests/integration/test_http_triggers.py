"""Functions behind URLs, at the endpoint over real sockets: who may call, what they get and answer.

Instances are scripted: a request's body says what its function does (fakes.py).
"""

import asyncio
import contextlib
import io
import json
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
from yarl import URL

from fun_local.http import endpoint, fc
from fun_local.http.limits import Limits
from fun_local.http.refusals import Family
from fun_local.http.web import Visits
from fun_local.model import kept
from fun_local.model.names import IMPLICIT_SERVICE, FunctionRef
from fun_local.model.resources import Domain, Service, Trigger
from fun_local.model.web import WebRequest, unpack
from fun_local.store.archives import Archives
from fun_local.store.code import CodeStore
from fun_local.store.objects import Objects
from tests import signing
from tests.fakes import SERVICE, function, stage

ACCOUNT = "1234567890123456"
NOW = 1_795_000_000.0
KEY = {"key": "ak", "secret": "sk"}
OPEN = f"/2016-08-15/proxy/{SERVICE}/open"
CLOSED = f"/2016-08-15/proxy/{SERVICE}/closed"
NEW = f"/2016-08-15/proxy/{IMPLICIT_SERVICE}/new"
METHODS = ["HEAD", "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


def trigger(name, *, service=SERVICE, auth="anonymous", qualifier="LATEST", **config):
    given = {"authType": auth, "methods": METHODS, **config}
    return Trigger(service, name, "web", "http", given, qualifier=qualifier)


FUNCTIONS = (
    function("open"),
    function("closed"),
    function("bare"),
    replace(function("server"), runtime="custom"),
    replace(function("new"), service=IMPLICIT_SERVICE),
    replace(function("newer"), service=IMPLICIT_SERVICE),
)
TRIGGERS = (
    trigger("open"),
    trigger("closed", auth="function", methods=["GET", "POST"]),
    trigger("server"),
    trigger("new", service=IMPLICIT_SERVICE),
)
DOMAINS = (
    Domain(
        "shop.example.com",
        routes={
            "/*": (SERVICE, "open", "LATEST"),
            "/closed/*": (SERVICE, "closed", "LATEST"),
            "/bare": (SERVICE, "bare", "LATEST"),
            "/gone": (SERVICE, "gone", "LATEST"),
            "/newer": (IMPLICIT_SERVICE, "newer", "LATEST"),
            "/server": (SERVICE, "server", "LATEST"),
        },
    ),
    Domain("one.example.com", routes={"/only": (SERVICE, "open", "LATEST")}),
)


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def refusal(self):
        found = json.loads(self.body)
        assert found["ErrorMessage"]
        return self.status, found["ErrorCode"]


@dataclass
class Site:
    """A home with functions behind URLs."""

    stage: Any
    session: aiohttp.ClientSession
    port: int

    async def ask(self, method, target, body=b"", *, signed=False, **headers) -> Answer:
        """A request; names of headers have underscores. A body that is not bytes is a script."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if signed:
            sent = signing.fc(method, target, {k.lower(): v for k, v in sent.items()}, at=NOW, **KEY)
        url = URL(f"http://127.0.0.1:{self.port}{target}", encoded=True)
        # As a stream: aiohttp's client warns of large bodies that are none.
        content = io.BytesIO(data) if data else None
        skip = ("Content-Type", "User-Agent", "Accept", "Accept-Encoding")
        options = {"headers": sent, "data": content, "skip_auto_headers": skip, "allow_redirects": False}
        async with self.session.request(method, url, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    @property
    def request(self) -> WebRequest:
        """The one that the last instance got last."""
        return self.stage.runtime.instances[-1].requests[-1]

    @property
    def event(self) -> Any:
        """The one that was handed over last, as JSON."""
        return json.loads(self.stage.runtime.calls[-1].payload)


@contextlib.asynccontextmanager
async def site(home, **options):
    async with stage(home, *FUNCTIONS[:4]) as opened:
        emulator = opened.emulator

        def deploy(deployed, now_ms):
            return replace(
                deployed,
                services={**deployed.services, IMPLICIT_SERVICE: Service(IMPLICIT_SERVICE)},
                functions={**deployed.functions, **{f.path: f for f in FUNCTIONS[4:]}},
                triggers={t.path: t for t in TRIGGERS},
                domains={d.path: d for d in DOMAINS},
            )

        await emulator.deployments.edit(deploy)
        listener = endpoint.bind("127.0.0.1", 0)
        archives = Archives(f"{opened.home}/archives", CodeStore(f"{opened.home}/code"))
        objects = Objects(f"{opened.home}/oss")
        context = fc.Context("cn-shanghai", ACCOUNT, lambda: listener.url, archives, objects, b"secret")
        limits = Limits()
        app = endpoint.application(
            fc.routes(emulator, context),
            port=listener.port,
            secrets=lambda: {"ak": "sk"},
            limits=limits,
            now=lambda: NOW,
            visits=Visits(emulator, context),
            **options,
        )
        jar = aiohttp.DummyCookieJar()
        async with (
            endpoint.serve(app, listener, limits),
            aiohttp.ClientSession(cookie_jar=jar, auto_decompress=False) as session,
        ):
            yield Site(opened, session, listener.port)


def told(play=None, **options):
    """A test from a story that is given a site."""

    def decorate(play):
        def test(tmp_path):
            async def main():
                async with site(tmp_path, **options) as opened:
                    await asyncio.wait_for(play(opened), 60)

            asyncio.run(main())

        test.__name__, test.__doc__ = play.__name__, play.__doc__
        return test

    return decorate(play) if play else decorate


# --- who may call


@told
async def test_an_anonymous_function_is_called_without_a_signature(site):
    answer = await site.ask("POST", f"{OPEN}/hello", {"return": "hi"})
    assert (answer.status, answer.body) == (200, b'"hi"')


@told
async def test_a_function_that_wants_a_signature_is_not_called_without_one(site):
    assert (await site.ask("GET", f"{CLOSED}/")).refusal == (403, "MissingRequiredHeader")
    assert site.stage.runtime.calls == []


@told
async def test_a_signature_covers_the_query(site):
    target = f"{CLOSED}/2/x%20y?b=2&a=1&b=1"
    assert (await site.ask("GET", target, signed=True)).status == 200
    headers = signing.fc("GET", target, at=NOW, **KEY)
    assert (await site.ask("GET", f"{target}&c=3", **headers)).refusal == (403, "SignatureNotMatch")


@told(checks_signatures=False)
async def test_without_checks_every_function_is_called(site):
    assert (await site.ask("GET", f"{CLOSED}/")).status == 200


@told
async def test_the_path_of_2021_leads_to_the_same_function(site):
    assert (await site.ask("GET", OPEN.replace("2016-08-15", "2021-04-06"))).status == 200


@told
async def test_what_is_not_there_is_said_without_a_signature(site):
    for target, code in (
        ("/2016-08-15/proxy/nobody/f/", "ServiceNotFound"),
        (f"/2016-08-15/proxy/{SERVICE}/nobody/", "FunctionNotFound"),
        (f"/2016-08-15/proxy/{SERVICE}.prod/open/", "AliasNotFound"),
        (f"/2016-08-15/proxy/{SERVICE}/bare/", "TriggerNotFound"),
    ):
        assert (await site.ask("GET", target)).refusal == (404, code)


@told
async def test_a_method_that_the_trigger_does_not_name_is_refused(site):
    answer = await site.ask("PUT", f"{CLOSED}/", signed=True)
    assert answer.refusal == (405, "MethodNotAllowed")
    assert answer.headers["Allow"] == "GET, POST"


@told
async def test_all_methods_that_a_trigger_names_reach_the_function(site):
    for method in METHODS:
        assert (await site.ask(method, f"{OPEN}/x")).status == 200
        assert site.request.method == method


@told
async def test_pages_of_this_machine_may_call_an_anonymous_function(site):
    for headers in (
        {"Origin": "http://localhost:3000", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "https://127.0.0.1:8443"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ):
        assert (await site.ask("OPTIONS", f"{OPEN}/", **headers)).status == 200


@told
async def test_pages_of_other_sites_may_not(site):
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "https://localhost.evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
    ):
        assert (await site.ask("GET", f"{OPEN}/", **headers)).refusal == (403, "AccessDenied")
    assert site.stage.runtime.calls == []


@told
async def test_pages_of_this_machine_may_not_call_a_function_that_wants_a_signature(site):
    answer = await site.ask("GET", f"{CLOSED}/", signed=True, Origin="http://localhost:3000")
    assert answer.refusal == (403, "AccessDenied")


# --- what the function gets


@told
async def test_a_function_gets_the_request_as_it_was_sent(site):
    body = json.dumps({"return": 1}).encode()
    await site.ask("PUT", f"{OPEN}/a%2Fb/../c%20d?x=%20&x=2&y", body, X_Mine="1", Cookie="a=1; b=2")
    request = site.request
    assert (request.method, request.body, request.base_path) == ("PUT", body, OPEN)
    assert request.target == f"{OPEN}/a%2Fb/../c%20d?x=%20&x=2&y"
    assert (request.client_ip, request.host) == ("127.0.0.1", f"127.0.0.1:{site.port}")
    assert (request.header("x-mine"), request.header("cookie")) == ("1", "a=1; b=2")


@told
async def test_a_body_may_be_large_binary_and_compressed(site):
    body = bytes(range(256)) * (20 * 4096)
    answer = await site.ask("POST", f"{OPEN}/", body, Content_Encoding="gzip")
    assert (answer.status, answer.body) == (200, body)
    assert site.request.header("content-encoding") == "gzip"


@told
async def test_a_body_over_the_limit_is_refused(site):
    answer = await site.ask("POST", f"{OPEN}/", bytes(32 * 1024 * 1024 + 1))
    assert answer.refusal == (400, "EntityTooLarge")


@told
async def test_a_head_over_the_limits_is_refused(site):
    assert (await site.ask("GET", f"{OPEN}/{'x' * 4096}")).refusal == (400, "InvalidArgument")
    headers = {"A": "x" * 4000, "B": "x" * 4000, "C": "x" * 400}
    assert (await site.ask("GET", f"{OPEN}/", **headers)).refusal == (400, "InvalidArgument")


@told
async def test_a_server_of_a_functions_own_gets_the_whole_path(site):
    target = f"/2016-08-15/proxy/{SERVICE}/server/a?b"
    await site.ask("GET", target)
    assert (site.request.target, site.request.base_path) == (target, target.removesuffix("/a?b"))


@told
async def test_a_function_of_fc_3_gets_an_event(site):
    await site.ask("POST", f"{NEW}/a%20b?x=1", b"text", Content_Type="text/plain", X_Fc_Trace_Id="mine")
    event = site.event
    assert (event["rawPath"], event["body"], event["isBase64Encoded"]) == ("/a%20b", "text", False)
    assert event["queryParameters"] == {"x": "1"}
    assert event["requestContext"]["accountId"] == ACCOUNT
    assert event["requestContext"]["requestId"] == "mine"


# --- what the client gets


@told
async def test_status_headers_and_body_are_the_functions(site):
    script = {
        "return": 1,
        "status": 418,
        "headers": [
            ["Content-Type", "text/html"],
            ["Set-Cookie", "a=1"],
            ["Set-Cookie", "b=2"],
            ["Content-Disposition", "inline"],
            ["X-Fc-Forged", "1"],
            ["Transfer-Encoding", "chunked"],
            ["Location", "/elsewhere"],
        ],
    }
    answer = await site.ask("POST", f"{OPEN}/", script)
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (418, b"1", "text/html")
    assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
    assert (answer.headers["Content-Disposition"], answer.headers["Location"]) == ("inline", "/elsewhere")
    assert not {"X-Fc-Forged", "Transfer-Encoding"} & set(answer.headers)


@told
async def test_an_answer_of_fc_2_tells_of_the_invocation(site):
    answer = await site.ask("POST", f"{OPEN}/", X_Fc_Log_Type="Tail")
    assert len(answer.headers["X-Fc-Request-Id"]) == 36
    assert answer.headers["X-Fc-Instance-Id"] == "c-0001"
    assert answer.headers["X-Fc-Invocation-Service-Version"] == "LATEST"
    assert {"X-Fc-Invocation-Duration", "X-Fc-Max-Memory-Usage", "X-Fc-Log-Result"} <= set(answer.headers)
    assert "x-fc-request-id" in answer.headers["Access-Control-Expose-Headers"]


@told
async def test_an_answer_of_fc_3_tells_the_id_of_the_request_alone(site):
    answer = await site.ask("POST", f"{NEW}/", X_Fc_Log_Type="Tail")
    assert [name for name in answer.headers if name.lower().startswith(("x-fc", "access"))] == [
        "X-Fc-Request-Id"
    ]
    assert answer.headers["Content-Type"] == "application/json"


@told
async def test_the_callers_request_id_is_kept(site):
    answer = await site.ask("GET", f"{OPEN}/", X_Fc_Trace_Id="mine")
    assert answer.headers["X-Fc-Request-Id"] == "mine"
    assert site.stage.runtime.calls[-1].request_id == "mine"


@told
async def test_a_function_that_fails_is_a_bad_gateway_with_its_error(site):
    answer = await site.ask("POST", f"{OPEN}/", {"raise": "no such page"})
    assert answer.status == 502
    assert answer.headers["X-Fc-Error-Type"] == "UnhandledInvocationError"
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.body)["errorMessage"] == "no such page"


@told
async def test_fc_3_does_not_say_how_a_function_failed(site):
    script = {"raise": "secret"}
    opened = site.stage.emulator.deployments

    def fails(deployed, now_ms):
        path = f"{IMPLICIT_SERVICE}/new"
        changed = replace(deployed.functions[path], environment={"SCRIPT": json.dumps(script)})
        return replace(deployed, functions={**deployed.functions, path: changed})

    await opened.edit(fails)
    answer = await site.ask("POST", f"{NEW}/")
    assert (answer.status, answer.body) == (502, b"Internal Server Error")
    assert "X-Fc-Error-Type" not in answer.headers


@told
async def test_a_response_that_can_not_be_sent_is_a_bad_response(site):
    for script in ({"status": 42}, {"headers": [["a", "b\r\nc: d"]]}, {"headers": [["a", "x" * 9000]]}):
        answer = await site.ask("POST", f"{OPEN}/", {"return": 1, **script})
        assert answer.refusal == (502, "BadResponse")


@told
async def test_head_gets_the_length_that_the_function_tells_and_no_body(site):
    script = {"return": "body", "headers": [["Content-Length", "1234"], ["ETag", '"1"']]}
    opened = site.stage.emulator.deployments

    def scripted(deployed, now_ms):
        path = f"{SERVICE}/open"
        changed = replace(deployed.functions[path], environment={"SCRIPT": json.dumps(script)})
        return replace(deployed, functions={**deployed.functions, path: changed})

    await opened.edit(scripted)
    answer = await site.ask("HEAD", f"{OPEN}/")
    assert (answer.status, answer.body) == (200, b"")
    assert (answer.headers["Content-Length"], answer.headers["ETag"]) == ("1234", '"1"')
    # The connection is good for another request.
    assert (await site.ask("GET", f"{OPEN}/")).status == 200


@told
async def test_a_disabled_function_refuses_requests_too(site):
    def disable(deployed, now_ms):
        for name in ("open", "new"):
            service = IMPLICIT_SERVICE if name == "new" else SERVICE
            deployed = kept.put(deployed, kept.Kind.DISABLED, FunctionRef(service, name), {}, now_ms)
        return deployed

    await site.stage.emulator.deployments.edit(disable)
    for target in (OPEN, NEW):
        assert (await site.ask("GET", target)).refusal == (403, "FunctionInvocationDisabled")
        headers = {"X_Fc_Invocation_Type": "Async"}
        assert (await site.ask("GET", target, **headers)).refusal == (403, "FunctionInvocationDisabled")


# --- asynchronous requests


@told
async def test_an_asynchronous_request_is_accepted_and_run_later(site):
    headers = {"X_Fc_Invocation_Type": "Async", "X_Fc_Stateful_Async_Invocation_Id": "page-1"}
    headers["X_Fc_Stateful_Async_Invocation_Enable"] = "true"
    answer = await site.ask("PUT", f"{OPEN}/later?x=1", {"return": 1}, **headers)
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["X-Fc-Stateful-Async-Invocation-Id"] == "page-1"
    await site.stage.until_settled()
    _, record = site.stage.emulator.history.find("page-1")
    assert record["status"] == "Succeeded"
    request = unpack(site.stage.runtime.calls[-1].payload)
    assert (request.method, request.target, request.body) == ("PUT", f"{OPEN}/later?x=1", b'{"return": 1}')


@told
async def test_an_asynchronous_request_to_fc_3_is_queued_as_its_event(site):
    headers = {"X_Fc_Invocation_Type": "Async", "X_Fc_Async_Task_Id": "page-1"}
    headers["X_Fc_Stateful_Async_Invocation_Enable"] = "true"
    answer = await site.ask("PUT", f"{NEW}/later", **headers)
    assert (answer.status, answer.headers["X-Fc-Async-Task-Id"]) == (202, "page-1")
    await site.stage.until_settled()
    assert site.event["rawPath"] == "/later"


@told
async def test_an_invocation_type_that_is_none_is_refused(site):
    answer = await site.ask("GET", f"{OPEN}/", X_Fc_Invocation_Type="Later")
    assert answer.refusal == (400, "InvalidArgument")


# --- custom domains


@told
async def test_a_domain_leads_to_its_function_with_the_whole_path(site):
    for host in ("shop.example.com", f"shop.example.com.localhost:{site.port}"):
        assert (await site.ask("GET", "/a/b?c", Host=host)).status == 200
        request = site.request
        assert (request.target, request.base_path, request.host) == ("/a/b?c", "", host)


@told
async def test_a_domain_has_all_of_its_paths(site):
    for target in ("/queues/q", "/2016-08-15/services", "/health", "/openapi.json", CLOSED):
        answer = await site.ask("GET", target, Host="shop.example.com")
        assert (answer.status, site.request.target) == (200, target)


async def nobody(request):
    raise AssertionError("not for this API")


@told(apis={Family.POP: nobody})
async def test_a_domain_has_what_elsewhere_would_be_an_rpc(site):
    host = {"Host": "shop.example.com"}
    assert (await site.ask("GET", "/?Action=GetRole&Signature=x", **host)).status == 200
    form = {**host, "Content_Type": "application/x-www-form-urlencoded"}
    assert (await site.ask("POST", "/", b"Action=GetRole&Signature=x", **form)).status == 200
    assert site.request.body == b"Action=GetRole&Signature=x"


@told
async def test_a_body_for_a_domain_may_be_large_on_any_path(site):
    body = bytes(2 * 1024 * 1024)
    assert (await site.ask("POST", "/any", body, Host="shop.example.com")).body == body


@told
async def test_a_domains_function_may_want_a_signature_over_the_query(site):
    host = {"Host": "shop.example.com"}
    assert (await site.ask("GET", "/closed/x?b=1", **host)).refusal == (403, "MissingRequiredHeader")
    signed = signing.fc("GET", "/closed/x?b=1&a=2", at=NOW, covers_query=True, **KEY)
    assert (await site.ask("GET", "/closed/x?b=1&a=2", **host, **signed)).status == 200
    assert (await site.ask("GET", "/closed/x?b=1&a=3", **host, **signed)).refusal == (
        403,
        "SignatureNotMatch",
    )


@told
async def test_a_route_without_a_trigger_leads_to_functions_of_fc_3_only(site):
    assert (await site.ask("GET", "/newer", Host="shop.example.com")).status == 200
    assert (await site.ask("GET", "/bare", Host="shop.example.com")).refusal == (404, "TriggerNotFound")


@told
async def test_a_path_without_a_route_and_a_route_without_a_function_say_so(site):
    assert (await site.ask("GET", "/x", Host="one.example.com")).refusal == (404, "DomainRouteNotFound")
    assert (await site.ask("GET", "/gone", Host="shop.example.com")).refusal == (404, "FunctionNotFound")


@told
async def test_pages_of_other_sites_may_not_call_a_domain(site):
    answer = await site.ask("GET", "/", Host="shop.example.com", Origin="https://evil.example")
    assert answer.refusal == (403, "AccessDenied")


@told
async def test_the_endpoint_is_as_it_was_for_other_hosts(site):
    assert (await site.ask("GET", "/health")).body == b'{"status":"ok"}'
    assert (await site.ask("GET", "/2016-08-15/services")).refusal == (403, "MissingRequiredHeader")
    assert (await site.ask("GET", "/2016-08-15/services", signed=True)).status == 200


@pytest.mark.parametrize("config", [{}, {"authType": "function"}, {"authType": "other"}])
def test_only_a_trigger_that_says_so_is_anonymous(tmp_path, config):
    async def main():
        async with site(tmp_path) as opened:
            changed = Trigger(SERVICE, "open", "web", "http", config)
            await opened.stage.emulator.deployments.edit(
                lambda deployed, _: replace(deployed, triggers={changed.path: changed})
            )
            assert (await opened.ask("GET", f"{OPEN}/")).refusal == (403, "MissingRequiredHeader")

    asyncio.run(main())
