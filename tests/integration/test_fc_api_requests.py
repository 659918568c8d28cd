"""What no client of the vendor's would send: refused in the vendor's words, never an error of ours."""

import base64
import json
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fun_local.http.fc import document, routes
from fun_local.http.fc.function_fields import RUNTIMES
from fun_local.http.fc.operations import OPERATIONS, rows
from fun_local.template import schema
from tests.fc_api import FC_2016, FC_2023, SERVICE, VERSIONS, archive, story, zipped

BAD_ZIP = base64.b64encode(b"no archive").decode()


def new(**fields):
    body = {"functionName": "n", "runtime": "python3", "handler": "i.h", "code": {"zipFile": zipped()}}
    return {key: value for key, value in {**body, **fields}.items() if value is not ...}


#: A body for a new function, and what it must say.
BAD_FUNCTIONS = [
    (new(functionName=...), "functionName"),
    (new(functionName=""), "functionName"),
    (new(functionName="1x"), "function name"),
    (new(functionName="a/b"), "function name"),
    (new(functionName="x" * 129), "functionName"),
    (new(functionName=7), "functionName"),
    (new(runtime=...), "runtime"),
    (new(runtime="cobol"), "Runtime is set to an invalid value"),
    (new(handler=...), "handler"),
    (new(handler="x" * 129), "handler"),
    (new(code=...), "code"),
    (new(code={}), "code"),
    (new(code="x"), "code"),
    (new(code={"zipFile": "%%%"}), "base64"),
    (new(code={"zipFile": BAD_ZIP}), "zip"),
    (new(code={"zipFile": 5}), "code.zipFile"),
    (new(code={"ossBucketName": "b", "ossObjectName": "o"}), "OSS"),
    (new(timeout=0), "timeout"),
    (new(timeout=86_401), "timeout"),
    (new(timeout="3"), "timeout"),
    (new(timeout=True), "timeout"),
    (new(timeout=1.5), "timeout"),
    (new(memorySize=64), "memorySize"),
    (new(memorySize=130), "memorySize"),
    (new(memorySize=32_832), "memorySize"),
    (new(instanceConcurrency=0), "instanceConcurrency"),
    (new(environmentVariables=[]), "environmentVariables"),
    (new(environmentVariables={"A": 1}), "environmentVariables.A"),
    (new(environmentVariables={"1A": "x"}), "environmentVariables"),
    (new(environmentVariables={"FC_X": "x"}), "FC_X"),
    (new(environmentVariables={"topic": "x"}), "topic"),
    (new(environmentVariables={"A": "x" * 4097}), "4096"),
    (new(environmentVariables={"A": "a\0b"}), "environmentVariables"),
    (new(layers="l"), "layers"),
    (new(layers=[1]), "layers"),
    (new(layers=[{"size": 1}]), "layers"),
    (new(cpu="1"), "cpu"),
    (new(cpu=True), "cpu"),
    (new(cpu=0.04), "cpu"),
    (new(cpu=0.07), "cpu"),
    (new(cpu=16.05), "cpu"),
    (new(diskSize=1024), "diskSize"),
    (new(diskSize="512"), "diskSize"),
    (new(vpcConfig=[]), "vpcConfig"),
    (new(caPort=70_000), "caPort"),
    (new(instanceLifecycleConfig={"preStop": {"handler": "i.s", "timeout": 91}}), "timeout"),
    (new(instanceLifecycleConfig={"preStop": "i.s"}), "instanceLifecycleConfig.preStop"),
    (new(customRuntimeConfig={"command": "node"}), "customRuntimeConfig.command"),
    (new(customRuntimeConfig={"command": [1]}), "customRuntimeConfig.command"),
]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_function_that_can_not_be_is_refused_and_named(tmp_path, version):
    async def play(api):
        await api.create()
        for body, word in BAD_FUNCTIONS:
            reply = await api.send("POST", api.functions, body)
            assert reply.refusal == (400, "InvalidArgument"), body
            assert word in reply["ErrorMessage"], reply.json
        listed = await api.ok("GET", api.functions)
        assert [function["functionName"] for function in listed["functions"]] == ["f"]

    story(tmp_path, VERSIONS[version], play)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_bad_update_changes_nothing(tmp_path, version):
    async def play(api):
        created = await api.create()
        for body, _ in BAD_FUNCTIONS:
            if not {"functionName", "code"} & {key for key in body if body[key] != new().get(key)}:
                update = {key: value for key, value in body.items() if new().get(key) != value}
                if update:
                    assert (await api.send("PUT", api.of(), update)).status == 400, update
        assert await api.ok("GET", api.of()) == created

    story(tmp_path, VERSIONS[version], play)


def test_a_client_that_knows_no_services_is_told_of_none(tmp_path):
    async def play(api):
        await api.create()
        await api.configure()
        await api.later(b"x", "mine")
        for reply in (
            await api.later(b"x", "mine"),
            await api.get(f"{api.executions()}/nobody"),
            await api.send("PUT", api.stop_of("nobody")),
            await api.get(f"{api.of('no')}/async-invoke-config"),
        ):
            assert reply.status in (404, 409)
            assert "_default" not in reply["ErrorMessage"]

    story(tmp_path, FC_2023, play)


def test_names_of_functions_are_longer_in_the_newest_version(tmp_path):
    async def play(api):
        await api.create()
        for length, version in ((64, "2021-04-06"), (65, "2021-04-06"), (128, "2023-03-30")):
            seen = api.as_in(version)
            reply = await seen.send("POST", seen.functions, new(functionName="x" * length))
            assert reply.status == (400 if length == 65 else 200)

    story(tmp_path, FC_2016, play)


def test_what_is_there_already_or_not_there_at_all_is_said(tmp_path):
    async def play(api):
        await api.create()
        service = f"/services/{SERVICE}"
        for method, path, body, refusal in (
            ("POST", "/services", {"serviceName": SERVICE}, (409, "ServiceAlreadyExists")),
            ("POST", api.functions, new(functionName="f"), (409, "FunctionAlreadyExists")),
            ("POST", "/services/no/functions", new(), (404, "ServiceNotFound")),
            ("PUT", "/services/no", {}, (404, "ServiceNotFound")),
            ("DELETE", "/services/no", None, (404, "ServiceNotFound")),
            ("GET", "/services/no/functions", None, (404, "ServiceNotFound")),
            ("GET", "/services/no/versions", None, (404, "ServiceNotFound")),
            ("GET", f"{service}.7", None, (404, "VersionNotFound")),
            ("GET", f"{service}.7/functions", None, (404, "VersionNotFound")),
            ("PUT", api.of("no"), {}, (404, "FunctionNotFound")),
            ("DELETE", api.of("no"), None, (404, "FunctionNotFound")),
            ("GET", f"{api.of('no')}/code", None, (404, "FunctionNotFound")),
            ("GET", f"{api.of('no')}/triggers", None, (404, "FunctionNotFound")),
            ("POST", f"{api.of('no')}/triggers", {}, (404, "FunctionNotFound")),
            ("PUT", f"{api.of()}/triggers/no", {}, (404, "TriggerNotFound")),
            ("DELETE", f"{api.of()}/triggers/no", None, (404, "TriggerNotFound")),
            ("PUT", f"{service}/aliases/no", {}, (404, "AliasNotFound")),
            ("DELETE", f"{service}/aliases/no", None, (404, "AliasNotFound")),
            ("DELETE", f"{service}/versions/7", None, (404, "VersionNotFound")),
            ("GET", f"{service}.no/functions/f", None, (404, "AliasNotFound")),
            ("POST", "/services", {"serviceName": "1"}, (400, "InvalidArgument")),
            ("POST", "/services", {}, (400, "InvalidArgument")),
        ):
            reply = await api.send(method, path, body)
            assert reply.refusal == refusal, (method, path)

    story(tmp_path, FC_2016, play)


@pytest.mark.parametrize("version", VERSIONS)
def test_queries_that_mean_nothing_are_refused(tmp_path, version):
    async def play(api):
        await api.create()
        await api.configure()
        for path, query in (
            (api.functions, {"limit": "0"}),
            (api.functions, {"limit": "101"}),
            (api.functions, {"limit": "many"}),
            (api.functions, {"limit": "\u0663"}),
            (api.functions, {"nextToken": "x"}),
            (api.functions, {"nextToken": base64.b64encode(b"seq:5").decode()}),
            (f"{api.scope()}/versions", {"direction": "UP"}),
            (f"{api.scope()}/versions", {"startKey": "x"}),
            (f"{api.scope()}/aliases", {"limit": "-1"}),
            (f"{api.of()}/triggers", {"limit": "1.5"}),
            (api.executions(), {"limit": "101"}),
            (api.executions(), {"status": "Gone"}),
            (api.executions(), {"sortOrderByTime": "up"}),
            (api.executions(), {"startedTimeBegin": "yesterday"}),
            (api.executions(), {"startedTimeEnd": "1" * 30}),
            (api.executions(), {"includePayload": "2"}),
            (api.executions(), {"nextToken": "x"}),
        ):
            assert (await api.get(path, **query)).refusal == (400, "InvalidArgument"), (path, query)

    story(tmp_path, VERSIONS[version], play)


@pytest.mark.parametrize("version", VERSIONS)
def test_bodies_that_are_no_json_object_are_refused(tmp_path, version):
    async def play(api):
        await api.create()
        for body in (b"{", b"[]", b'"x"', b"1", b"null", b"\xff", b'{"a": NaN}', b"[" * 100_000):
            for method, path in (
                ("POST", api.functions),
                ("PUT", api.of()),
                ("POST", f"{api.of()}/triggers"),
            ):
                assert (await api.send(method, path, body)).refusal == (400, "InvalidArgument"), body

    story(tmp_path, VERSIONS[version], play)


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain", "application/json"])
def test_a_body_is_read_by_its_route_and_not_by_its_type(tmp_path, content_type):
    async def play(api):
        headers = {"Content-Type": content_type}
        assert (await api.send("POST", "/services", {"serviceName": "s"}, headers=headers)).status == 200

    story(tmp_path, FC_2016, play)


@pytest.mark.parametrize("version", VERSIONS)
def test_paths_and_methods_that_are_none_are_refused_in_the_words_of_the_api(tmp_path, version):
    async def play(api):
        await api.create()
        for method, path in (
            ("GET", "/nowhere"),
            ("PATCH", api.of()),
            ("POST", api.of()),
            ("DELETE", api.functions),
            ("GET", f"{api.of()}/invocations"),
            ("GET", ""),
            ("GET", "/"),
            ("GET", "//"),
        ):
            reply = await api.send(method, path)
            assert reply.refusal == (400, "PathNotSupported"), (method, path)
            full = f"/{version}{path}"
            assert reply["ErrorMessage"] == f"'{full}' against '{method}' is not supported"

    story(tmp_path, VERSIONS[version], play)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_error_can_be_read_by_the_clients_of_all_versions(tmp_path, version):
    async def play(api):
        reply = await api.get("/nowhere")
        assert reply["ErrorCode"] == reply["Code"]
        assert reply["ErrorMessage"] == reply["Message"]
        assert reply["RequestId"] == reply.headers["X-Fc-Request-Id"]
        assert reply.headers["Content-Type"] == "application/json"
        # The mark of a function's error, which this is not (fc-api 16.1).
        assert "X-Fc-Error-Type" not in reply.headers

    story(tmp_path, VERSIONS[version], play)


def test_a_failure_of_ours_is_logged_and_told_without_its_innards(tmp_path, monkeypatch, caplog):
    async def play(api):
        monkeypatch.setattr("fun_local.http.fc.rendering.service", lambda _: 1 / 0)
        reply = await api.send("POST", "/services", {"serviceName": "s"})
        assert reply.refusal == (500, "InternalServerError")
        assert "division" not in reply["ErrorMessage"]
        assert "division" in caplog.text

    story(tmp_path, FC_2016, play)


def test_runtimes_are_those_of_templates():
    properties = json.loads(Path(schema.__file__).with_suffix(".json").read_text())
    assert sorted(RUNTIMES) == sorted(properties["$defs"]["Runtime"]["enum"])


# --- anything at all

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = sorted({field for operation in OPERATIONS for field in operation.fields})
_QUERIES = sorted({name for operation in OPERATIONS for name in operation.query})
_HEADERS = sorted({name for operation in OPERATIONS for name in operation.headers})
BODIES = st.dictionaries(st.sampled_from(_FIELDS) | st.text(max_size=10), JSON, max_size=6)
TEXTS = st.sampled_from(["", "1", "LATEST", "true", "-1", "é", "x y", "%00"]) | st.text(max_size=8)
SAFE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8)


@pytest.mark.parametrize("version", VERSIONS)
def test_whatever_is_sent_is_answered_and_never_by_an_error_of_ours(tmp_path, version):
    """Every operation, with any fields, queries and headers, against a home that has one of each."""
    operations = [(operation, path) for dialect, operation, path in rows() if dialect.version == version]
    names = {"service": SERVICE, "function": "f", "version": "1", "alias": "a", "trigger": "t", "id": "job"}
    names["domain"] = "shop.example.com"
    requests = st.tuples(
        st.sampled_from(operations),
        st.dictionaries(
            st.sampled_from(sorted(names)), st.sampled_from(["no", "1", "a$b", "%2F", "a.b"]), max_size=1
        ),
        BODIES | JSON | st.binary(max_size=20),
        st.dictionaries(st.sampled_from(_QUERIES), TEXTS, max_size=3),
        st.dictionaries(st.sampled_from(_HEADERS), SAFE, max_size=2),
    )
    batches = st.lists(requests, min_size=1, max_size=20)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(batches)
    def run(batch):
        story(tmp_path_of(), VERSIONS[version], lambda api: send_all(api, batch))

    counter = iter(range(10_000))

    def tmp_path_of():
        folder = tmp_path / str(next(counter))
        folder.mkdir()
        return folder

    async def send_all(api, batch):
        await api.create()
        await api.configure()
        await api.ok("POST", f"{api.scope()}/versions", {})
        await api.ok("POST", f"{api.scope()}/aliases", {"aliasName": "a", "versionId": "1"})
        await api.later(b"x", "job")
        await api.ok("POST", "/custom-domains", {"domainName": "shop.example.com"})
        for (operation, path), odd, body, query, headers in batch:
            filled = path.removeprefix(f"/{version}").format(**{**names, **odd})
            data = body if isinstance(body, bytes) else orjson.dumps(body)
            reply = await api.send(operation.method, filled, data, headers=headers, **query)
            assert reply.status < 500, (operation.name, filled, body, query, headers, reply.body)
            if reply.status >= 400:
                assert reply.code == reply["Code"]

    run()


# --- the description


def test_the_description_holds_every_route_and_no_other():
    described = {(path, method.upper()) for path, item in document()["paths"].items() for method in item}
    served = {(route.path, route.method) for route in routes(None, None)}
    extra = {("/downloads/code/{digest}.zip", "GET")} | {
        (f"/{version}{{rest:.*}}", "*") for version in VERSIONS
    }
    assert served - extra == described
    assert extra <= served


def test_the_description_names_each_operation_once_and_its_parameters():
    operations = [item for path in document()["paths"].values() for item in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    get = document()["paths"]["/2023-03-30/functions/{function}/async-tasks/{id}"]["get"]
    assert get["operationId"] == "GetAsyncTask-2023-03-30"
    assert [(p["name"], p["in"]) for p in get["parameters"]] == [
        ("function", "path"),
        ("id", "path"),
        ("qualifier", "query"),
    ]
    put = document()["paths"]["/2023-03-30/functions/{function}/async-invoke-config"]["put"]
    fields = put["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert "asyncTask" in fields
    assert "statefulInvocation" not in fields


def test_the_description_is_plain_json():
    assert orjson.loads(orjson.dumps(document())) == document()


def test_code_that_leads_out_of_its_folder_is_refused(tmp_path):
    async def play(api):
        await api.create()
        text = base64.b64encode(archive(**{"../x__py": "x"})).decode()
        reply = await api.send("PUT", api.of(), {"code": {"zipFile": text}})
        assert reply.refusal == (400, "InvalidArgument")
        assert "not a safe name" in reply["ErrorMessage"]

    story(tmp_path, FC_2023, play)
