"""Invocations, asynchronous configurations and executions through each version of the vendor's API."""

import base64
import uuid

import pytest

from fun_local.model.execution import Status
from tests.fakes import queue_arn, until
from tests.fc_api import FC_2023, SERVICE, VERSIONS, story


def plays(versions):
    """A test per version: its body is a story told to that version's API."""

    def decorate(play):
        @pytest.mark.parametrize("version", versions)
        def test(tmp_path, version):
            story(tmp_path, VERSIONS[version], play)

        test.__name__, test.__doc__ = play.__name__, play.__doc__
        return test

    return decorate


in_all = plays(list(VERSIONS))
with_services = plays(["2016-08-15", "2021-04-06"])


async def settled(api):
    """Everything accepted is done, and its records are on disk."""
    await api.stage.until_settled(passing=True)


# --- synchronous


@in_all
async def test_a_call_answers_what_the_function_returned(api):
    await api.create()
    for body in (b"", b"\x00\xff raw", b'{"return": [1, 2]}'):
        reply = await api.invoke(body)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/octet-stream")
        assert reply.body == (b"[1, 2]" if b"return" in body else body)
        assert "X-Fc-Error-Type" not in reply.headers
    assert reply.headers["X-Fc-Invocation-Duration"] == "0"
    assert reply.headers["X-Fc-Max-Memory-Usage"] == "10.86"
    assert reply.headers["X-Fc-Instance-Id"] == "c-0001"
    assert reply.headers["X-Fc-Invocation-Service-Version"] == "LATEST"
    assert reply.headers["X-Fc-Code-Checksum"] == (await api.ok("GET", api.of()))["codeChecksum"]


@in_all
async def test_the_body_of_a_call_is_not_read_whatever_its_type(api):
    await api.create()
    for content_type in ("application/json", "text/plain", "multipart/form-data"):
        reply = await api.invoke(b"{not json", headers={"Content-Type": content_type})
        assert (reply.status, reply.body) == (200, b"{not json")


@in_all
async def test_an_error_of_the_function_is_a_success_with_a_header(api):
    await api.create()
    reply = await api.invoke({"raise": "boom", "type": "ValueError"})
    assert (reply.status, reply.headers["X-Fc-Error-Type"]) == (200, "UnhandledInvocationError")
    assert reply.json == {"errorMessage": "boom", "errorType": "ValueError"}


@in_all
async def test_the_log_comes_only_where_it_was_asked_for(api):
    await api.create()
    assert "X-Fc-Log-Result" not in (await api.invoke(b"x")).headers
    reply = await api.invoke(b"x", headers={"x-fc-log-type": "Tail", "x-fc-invocation-type": "Sync"})
    log = base64.b64decode(reply.headers["X-Fc-Log-Result"])
    assert b"c-0001.log" in log
    assert b"Memory Size: 128 MB" in log


@in_all
async def test_the_callers_trace_id_is_the_request_id(api):
    await api.create()
    assert (await api.invoke(headers={"X-Fc-Trace-Id": "mine"})).headers["X-Fc-Request-Id"] == "mine"
    assert api.stage.runtime.calls[-1].request_id == "mine"
    mine = await api.send("GET", "/nowhere", headers={"X-Fc-Trace-Id": "mine"})
    assert (mine["RequestId"], mine.headers["X-Fc-Request-Id"]) == ("mine", "mine")
    refused = await api.invoke(headers={"X-Fc-Trace-Id": "two words"})
    assert refused.refusal == (400, "InvalidArgument")


@in_all
async def test_a_call_of_an_alias_runs_the_version_it_leads_to(api):
    await api.create(description="then")
    await api.ok("POST", f"{api.scope()}/versions", {})
    await api.ok("POST", f"{api.scope()}/aliases", {"aliasName": "prod", "versionId": "1"})
    await api.ok("PUT", api.of(), {"description": "now"})
    reply = await api.invoke(b"x", qualifier="prod")
    assert reply.headers["X-Fc-Invocation-Service-Version"] == "1"
    assert api.stage.runtime.instances[-1].function.description == "then"
    assert (await api.invoke(b"x", qualifier="beta")).refusal == (404, "AliasNotFound")


@with_services
async def test_a_qualifier_may_be_in_the_path(api):
    await api.create()
    await api.ok("POST", f"{api.scope()}/versions", {})
    reply = await api.send("POST", f"/services/{SERVICE}.1/functions/f/invocations", b"x")
    assert reply.headers["X-Fc-Invocation-Service-Version"] == "1"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            {"X-Fc-Log-Type": "Invalid"},
            "LogType is set to an invalid value (allowed: Tail | None, actual: 'Invalid')",
        ),
        (
            {"X-Fc-Log-Type": "Tail", "X-Fc-Invocation-Type": "Async"},
            "LogType is set to an invalid value (allowed: None, actual: 'Tail')",
        ),
        ({"X-Fc-Invocation-Type": "Soon"}, None),
        ({"X-Fc-Invocation-Type": "Async", "X-Fc-Async-Delay": "soon"}, None),
        ({"X-Fc-Invocation-Type": "Async", "X-Fc-Async-Delay": "3601"}, None),
        ({"X-Fc-Invocation-Type": "Async", "X-Fc-Async-Delay": "-1"}, None),
        ({"X-Fc-Invocation-Type": "Async", "X-Fc-Stateful-Async-Invocation-Enable": "maybe"}, None),
        ({"X-Fc-Invocation-Type": "Async", "X-Fc-Stateful-Async-Invocation-Id": "1 2"}, None),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_header_that_means_nothing_is_refused(tmp_path, version, headers, message):
    async def play(api):
        await api.create()
        await api.configure()
        reply = await api.invoke(b"x", headers=headers)
        assert reply.refusal == (400, "InvalidArgument")
        if message:
            assert reply["ErrorMessage"] == message
        assert api.stage.runtime.calls == []

    story(tmp_path, VERSIONS[version], play)


@in_all
async def test_an_event_that_is_too_large_is_refused(api):
    await api.create()
    assert (await api.later(b"x" * (128 * 1024 + 1))).refusal == (400, "EntityTooLarge")
    assert (await api.invoke(b"x" * (32 * 1024 * 1024 + 1))).refusal == (400, "EntityTooLarge")


# --- asynchronous


@in_all
async def test_an_accepted_call_has_no_body_and_no_type(api):
    await api.create()
    reply = await api.later(b"x", "mine")
    assert (reply.status, reply.body) == (202, b"")
    assert "Content-Type" not in reply.headers
    # Without task mode the caller's id has no effect.
    assert api.dialect.id_header not in reply.headers
    await api.configure()
    reply = await api.later(b"x", "mine")
    assert reply.headers[api.dialect.id_header] == "mine"
    generated = await api.later(b"x")
    assert generated.headers[api.dialect.id_header] == generated.headers["X-Fc-Request-Id"]


@in_all
async def test_either_spelling_of_the_id_counts(api):
    await api.create()
    await api.configure()
    for number, header in enumerate(("X-Fc-Stateful-Async-Invocation-Id", "x-fc-async-task-id")):
        reply = await api.later(b"x", **{header: f"job{number}"})
        assert reply.headers[api.dialect.id_header] == f"job{number}"


@in_all
async def test_one_call_can_be_stateful_where_the_function_is_not(api):
    await api.create()
    reply = await api.later(b"x", "mine", **{"X-Fc-Stateful-Async-Invocation-Enable": "True"})
    assert reply.headers[api.dialect.id_header] == "mine"
    await settled(api)
    assert (await api.ok("GET", f"{api.executions()}/mine"))["status"] == "Succeeded"
    reply = await api.later(b"x", "other", **{"X-Fc-Stateful-Async-Invocation-Enable": "false"})
    assert api.dialect.id_header not in reply.headers


@in_all
async def test_a_delayed_call_runs_no_earlier(api):
    await api.create()
    await api.later(b"x", **{"X-Fc-Async-Delay": "60"})
    await api.clock.advance(59)
    assert api.stage.runtime.calls == []
    await api.clock.advance(2)
    await api.stage.until_calls(1)


@in_all
async def test_an_id_is_accepted_once(api):
    code = "AsyncTaskAlreadyExists" if api.dialect is FC_2023 else "StatefulAsyncInvocationAlreadyExists"
    await api.create()
    await api.configure()
    assert (await api.later(b"x", "mine")).status == 202
    assert (await api.later(b"x", "mine")).refusal == (409, code)
    await settled(api)
    assert len(api.stage.runtime.calls) == 1


# --- configurations


@in_all
async def test_a_configuration_is_given_back_as_it_was_put_and_nothing_else(api):
    stateful = api.dialect.named("statefulInvocation")
    whole = {
        "destinationConfig": {"onSuccess": {"destination": queue_arn("q")}},
        "maxAsyncEventAgeInSeconds": 3600,
        "maxAsyncRetryAttempts": 0,
        stateful: True,
    }
    await api.create()
    path = f"{api.of()}/async-invoke-config"
    for sent in (whole, {"maxAsyncRetryAttempts": 3}, {stateful: False}, {"destinationConfig": {}}, {}):
        put = await api.ok("PUT", path, sent)
        assert put.keys() >= TIMES
        assert {key: value for key, value in put.items() if key not in TIMES | OWNERS} == sent
        assert await api.ok("GET", path) == put
        await api.gone(path)
    assert (await api.get(path)).refusal == (404, "AsyncConfigNotExists")


TIMES = {"createdTime", "lastModifiedTime"}
OWNERS = {"service", "function", "qualifier", "functionArn"}


@in_all
async def test_fields_that_are_not_put_keep_their_values(api):
    await api.create()
    await api.configure(maxAsyncEventAgeInSeconds=60)
    await api.clock.advance(5)
    path = f"{api.of()}/async-invoke-config"
    put = await api.ok("PUT", path, {"MaxAsyncRetryAttempts": 5, "maxAsyncEventAgeInSeconds": None})
    assert put[api.dialect.named("statefulInvocation")] is True
    assert (put["maxAsyncEventAgeInSeconds"], put["maxAsyncRetryAttempts"]) == (60, 5)
    assert put["createdTime"] < put["lastModifiedTime"]


@in_all
async def test_a_configuration_says_whose_it_is(api):
    await api.create()
    put = await api.configure()
    if api.dialect.has_services:
        assert (put["service"], put["function"], put["qualifier"]) == (SERVICE, "f", "LATEST")
    else:
        assert put["functionArn"] == "acs:fc:cn-shanghai:1234567890123456:functions/f"


@in_all
async def test_each_qualifier_has_a_configuration_of_its_own(api):
    await api.create()
    await api.ok("POST", f"{api.scope()}/versions", {})
    await api.ok("POST", f"{api.scope()}/aliases", {"aliasName": "prod", "versionId": "1"})
    await api.configure()
    path = f"{api.of()}/async-invoke-config"
    assert (await api.get(path, qualifier="prod")).refusal == (404, "AsyncConfigNotExists")
    await api.ok("PUT", path, {"maxAsyncRetryAttempts": 7}, qualifier="prod")
    assert (await api.ok("GET", path, qualifier="prod"))["maxAsyncRetryAttempts"] == 7
    assert (await api.ok("GET", path))["maxAsyncRetryAttempts"] == 0
    configs = f"{api.of()}/async-invoke-configs" if api.dialect.has_services else "/async-invoke-configs"
    query = {} if api.dialect.has_services else {"functionName": "f"}
    first = await api.ok("GET", configs, limit=1, **query)
    rest = await api.ok("GET", configs, nextToken=first["nextToken"], **query)
    assert [config["maxAsyncRetryAttempts"] for config in first["configs"] + rest["configs"]] == [0, 7]
    await api.gone(path, qualifier="prod")
    await api.gone(path, qualifier="prod")
    assert len((await api.ok("GET", configs, **query))["configs"]) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"maxAsyncRetryAttempts": 9}, "InvalidArgument"),
        ({"maxAsyncRetryAttempts": "3"}, "InvalidArgument"),
        ({"maxAsyncRetryAttempts": True}, "InvalidArgument"),
        ({"maxAsyncEventAgeInSeconds": 0}, "InvalidArgument"),
        ({"maxAsyncEventAgeInSeconds": 2_592_001}, "InvalidArgument"),
        ({"statefulInvocation": "yes", "asyncTask": "yes"}, "InvalidArgument"),
        ({"destinationConfig": []}, "InvalidArgument"),
        ({"destinationConfig": {"onSuccess": "x"}}, "InvalidArgument"),
        ({"destinationConfig": {"onSuccess": {"destination": ""}}}, "InvalidDestinationResources"),
        ({"destinationConfig": {"onFailure": {"destination": "x"}}}, "InvalidDestinationResources"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_configuration_that_makes_no_sense_is_refused(tmp_path, version, fields, code):
    async def play(api):
        await api.create()
        path = f"{api.of()}/async-invoke-config"
        assert (await api.send("PUT", path, fields)).refusal == (400, code)
        assert (await api.get(path)).refusal == (404, "AsyncConfigNotExists")

    story(tmp_path, VERSIONS[version], play)


# --- executions


@in_all
async def test_an_execution_is_shown_with_its_history(api):
    await api.create()
    await api.configure()
    accepted = await api.later({"return": "done"}, "job")
    await settled(api)
    shown = await api.ok("GET", f"{api.executions()}/job")
    named = api.dialect.named
    assert shown[named("invocationId")] == "job"
    assert shown["requestId"] == accepted.headers["X-Fc-Request-Id"]
    assert (shown["status"], shown["qualifier"], shown["alreadyRetriedTimes"]) == ("Succeeded", "LATEST", 0)
    assert shown[named("invocationPayload")] == '{"return":"done"}'
    assert shown["returnPayload"] == '"done"'
    assert shown[named("invocationErrorMessage")] == ""
    assert all(isinstance(shown[name], int) for name in ("startedTime", "endTime", "durationMs"))
    assert [event["status"] for event in shown["events"]] == ["Enqueued", "Dequeued", "Running", "Succeeded"]
    assert [event["eventId"] for event in shown["events"]] == [1, 2, 3, 4]
    owner = {key: shown[key] for key in ("serviceName", "functionName", "functionArn") if key in shown}
    if api.dialect.has_services:
        assert owner == {"serviceName": SERVICE, "functionName": "f"}
    else:
        assert owner == {"functionArn": "acs:fc:cn-shanghai:1234567890123456:functions/f"}


@in_all
async def test_only_what_an_execution_is_known_for_by_the_vendor_is_shown(api):
    await api.create()
    await api.configure()
    await api.later(b"x", "job")
    await settled(api)
    shown = await api.ok("GET", f"{api.executions()}/job")
    assert not {"logs", "asyncConfig", "attempts", "memoryMb", "rerunOf"} & shown.keys()


@in_all
async def test_executions_are_listed_the_newest_first_in_pages(api):
    await api.create()
    await api.configure()
    for number in range(5):
        await api.later(b"x", f"job{number}")
        await api.clock.advance(1)
    await settled(api)
    name, key = api.dialect.named("invocations"), api.dialect.named("invocationId")
    seen, token = [], ""
    while True:
        page = await api.ok("GET", api.executions(), limit=2, nextToken=token)
        seen += [item[key] for item in page[name]]
        if not (token := page["nextToken"]):
            break
    assert seen == ["job4", "job3", "job2", "job1", "job0"]
    ascending = await api.ok("GET", api.executions(), sortOrderByTime="asc")
    assert [item[key] for item in ascending[name]] == seen[::-1]


@in_all
async def test_executions_can_be_filtered(api):
    await api.create()
    await api.configure()
    await api.later(b"x", "good")
    await api.clock.advance(10)
    await api.later({"raise": "no"}, "bad")
    await settled(api)
    name, key = api.dialect.named("invocations"), api.dialect.named("invocationId")
    times = {item[key]: item["startedTime"] for item in (await api.ok("GET", api.executions()))[name]}
    for query, expected in (
        ({"status": "Failed"}, ["bad"]),
        ({"status": "succeeded"}, ["good"]),
        ({"status": "Running"}, []),
        ({api.dialect.named("invocationIdPrefix"): "go"}, ["good"]),
        ({"startedTimeBegin": times["bad"]}, ["bad"]),
        ({"startedTimeEnd": times["good"]}, ["good"]),
        ({"startedTimeBegin": times["good"], "startedTimeEnd": times["bad"]}, ["bad", "good"]),
    ):
        listed = await api.ok("GET", api.executions(), **query)
        assert [item[key] for item in listed[name]] == expected, query


@in_all
async def test_a_list_holds_payloads_only_where_they_were_asked_for(api):
    await api.create()
    await api.configure()
    await api.later(b"long" * 2000, "job")
    await settled(api)
    name, payload = api.dialect.named("invocations"), api.dialect.named("invocationPayload")
    for wanted, is_there in (("True", True), ("true", True), ("False", False), ("", False)):
        (item,) = (await api.ok("GET", api.executions(), includePayload=wanted))[name]
        assert (item.get(payload) == "long" * 2000) is is_there
        assert ("returnPayload" in item) is is_there


@in_all
async def test_executions_belong_to_a_qualifier(api):
    await api.create()
    await api.configure()
    await api.ok("POST", f"{api.scope()}/versions", {})
    config = {api.dialect.named("statefulInvocation"): True}
    await api.ok("PUT", f"{api.of()}/async-invoke-config", config, qualifier="1")
    await api.later(b"x", "latest")
    headers = {"X-Fc-Invocation-Type": "Async", api.dialect.id_header: "first"}
    await api.invoke(b"x", headers=headers, qualifier="1")
    await settled(api)
    name, key = api.dialect.named("invocations"), api.dialect.named("invocationId")
    for query, expected in (({}, ["latest"]), ({"qualifier": "1"}, ["first"])):
        listed = await api.ok("GET", api.executions(), **query)
        assert [item[key] for item in listed[name]] == expected
    # An id is a function's, so it is found without its qualifier; another's it is not.
    assert (await api.ok("GET", f"{api.executions()}/first"))["qualifier"] == "1"
    assert (await api.get(f"{api.executions()}/latest", qualifier="1")).status == 404


@in_all
async def test_a_running_execution_can_be_stopped_and_a_finished_one_not(api):
    unknown = api.dialect.codes.get("StatefulAsyncInvocationNotFound", "StatefulAsyncInvocationNotFound")
    over = (
        "AsyncTaskAlreadyCompleted" if api.dialect is FC_2023 else "StatefulAsyncInvocationAlreadyCompleted"
    )
    await api.create()
    await api.configure()
    await api.later({"block": "never"}, "job")
    await api.stage.until_calls(1)
    assert await api.ok("PUT", api.stop_of("job")) == {}
    await settled(api)
    assert (await api.ok("GET", f"{api.executions()}/job"))["status"] == "Stopped"
    assert (await api.send("PUT", api.stop_of("job"))).refusal == (412, over)
    assert (await api.send("PUT", api.stop_of("nobody"))).refusal == (404, unknown)
    # A part of an id is none: unlike on the command line.
    assert (await api.get(f"{api.executions()}/jo")).refusal == (404, unknown)


@in_all
async def test_the_same_id_in_two_functions_means_two_executions(api):
    await api.create("f")
    await api.create("g")
    for name in ("f", "g"):
        await api.configure(name)
    await api.later({"return": "f"}, "job", name="f")
    await api.later({"block": "never"}, "job", name="g")
    await api.stage.until_calls(2)
    await until(lambda: api.stage.dispatcher.running == 1)
    path = f"{api.of('g')}/{api.executions().rpartition('/')[2]}/job"
    await api.ok("PUT", path if api.dialect.has_services else f"{path}/stop")
    await settled(api)
    assert (await api.ok("GET", f"{api.executions('f')}/job"))["status"] == Status.SUCCEEDED
    assert (await api.ok("GET", f"{api.executions('g')}/job"))["status"] == Status.STOPPED


@with_services
async def test_functions_that_leave_records_are_listed(api):
    await api.create("f")
    await api.create("g")
    await api.create("h")
    assert await api.ok("GET", "/stateful-async-invocation-functions") == {"data": [], "nextToken": ""}
    for name in ("f", "h"):
        await api.configure(name)
    await api.ok("PUT", f"{api.of('g')}/async-invoke-config", {"statefulInvocation": False})
    await api.ok("POST", f"{api.scope()}/versions", {})
    await api.ok("PUT", f"{api.of('g')}/async-invoke-config", {"statefulInvocation": True}, qualifier="1")
    listed = await api.ok("GET", "/stateful-async-invocation-functions")
    found = [(item["functionName"], item["qualifier"]) for item in listed["data"]]
    assert found == [("f", "LATEST"), ("g", "1"), ("h", "LATEST")]


@in_all
async def test_nothing_is_known_of_the_executions_of_a_function_that_is_not_there(api):
    code = "ServiceNotFound" if api.dialect.has_services else "FunctionNotFound"
    for path in (api.executions(), f"{api.executions()}/job", f"{api.of()}/async-invoke-config"):
        assert (await api.get(path)).refusal == (404, code)
    assert (await api.later(b"x", "job")).refusal == (404, code)


@in_all
async def test_request_ids_have_the_form_of_their_version(api):
    for path in ("/functions", "/nowhere", "/services"):
        given = (await api.get(path)).headers["X-Fc-Request-Id"]
        if api.dialect.has_services:
            assert str(uuid.UUID(given)) == given
        else:
            assert [len(part) for part in given.split("-")] == [1, 8, 8, 12]
