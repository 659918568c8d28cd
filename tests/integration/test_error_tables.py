"""Every error that the vendor lists, asked for: its status, its code and its words, in each version.

The tables are fc-api 16.2 and mns 5. A row that nothing on this machine can lead to is in ``NEVER``, with the
reason; nothing of ours may use its code for something else.
"""

import asyncio
import re
import time
from pathlib import Path

import pytest

import fun_local
from fun_local.errors import Conflict, Unavailable
from fun_local.http.fc.dialects import FC_2023
from tests import mns_api, signing
from tests.fakes import SERVICE
from tests.fc_api import VERSIONS, gated, story, zipped
from tests.integration.test_mns_api_errors import REFUSALS

#: What can't happen here.
NEVER = {
    "LimitExceededError": "there are no quotas",
    "DomainNameNotResolved": "custom domains are told apart by the host that is called, not looked up",
    "DomainNameResolveError": "as above",
    "InstanceMetricsRequired": "nothing measures instances for others",
    "EventBridgeTriggerConflict": "there is no event bus that could have another trigger",
    "ConcurrentUpdateError": "changes are made one after another",
    "AsyncInvocationStopped": "a record says Stopped; nobody waits for an asynchronous call",
    "ClientClosedRequest": "who has closed the connection reads no error",
    "DestinationDeliveryFailed": "a record says so; no request waits for a delivery",
    "ProvisionConfigExist": "configurations are put, not created",
    "ResidentScalingConfigExists": "as above",
    "ResourcePoolInsufficientCapacity": "there are no resource pools",
    "InvalidDegist": "clients send another digest than the header is for (mns 2, rule 10)",
    "QueueDeletedRecently": "a name is free at once",
    "QpsLimitExceeded": "there is no limit",
}


def new(**fields):
    body = {"functionName": "n", "runtime": "python3", "handler": "i.h", "code": {"zipFile": zipped()}}
    return {**body, **fields}


def sends(method, path, body=None, **options):
    """A request; ``path`` may hold {f}, the function, and {scope}, what its versions belong to."""

    async def send(api):
        filled = path.replace("{f}", api.of()).replace("{scope}", api.scope())
        return await api.send(method, filled, body, **options)

    return send


async def too_large(api):
    return await api.later(b"x" * (128 * 1024 + 1))


async def major_version(api):
    alias = {"aliasName": "b", "versionId": "1", "additionalVersionWeight": {"1": 0.5}}
    return await api.send("POST", f"{api.scope()}/aliases", alias)


async def no_destination(api):
    config = {"destinationConfig": {"onSuccess": {"destination": ""}}}
    return await api.send("PUT", f"{api.of()}/async-invoke-config", config)


async def no_service(api):
    return await api.send("GET", "/services/no")


async def no_execution(api):
    return await api.get(f"{api.executions()}/nobody")


async def same_id(api):
    await api.later(b"x", "mine")
    return await api.later(b"x", "mine")


async def stop_of_what_has_ended(api):
    await api.later(b"x", "done")
    path = f"{api.executions()}/done"
    while (await api.get(path))["status"] != "Succeeded":
        await asyncio.sleep(0)
    return await api.send("PUT", api.stop_of("done"))


async def second(api, path, body):
    assert (await api.send("POST", path, body)).status == 200
    return await api.send("POST", path, body)


async def same_trigger(api):
    config = {"cronExpression": "@every 60m", "enable": False}
    return await second(
        api, f"{api.of()}/triggers", {"triggerName": "t", "triggerType": "timer", "triggerConfig": config}
    )


async def function_with_trigger(api):
    await same_trigger(api)
    return await api.send("DELETE", api.of())


async def same_alias(api):
    return await second(api, f"{api.scope()}/aliases", {"aliasName": "b", "versionId": "1"})


async def same_function(api):
    return await second(api, api.functions, new())


async def same_domain(api):
    return await second(api, "/custom-domains", {"domainName": "shop.example.com", "protocol": "HTTP"})


async def another_tag(api):
    return await api.send("PUT", api.of(), {}, headers={"If-Match": "other"})


def fails_with(error):
    """A call that ends with what the pool or an instance may raise."""

    async def fail(api):
        async def invoke(*_, **__):
            raise error

        api.stage.emulator.invoke = invoke
        return await api.invoke(b"x")

    return fail


async def no_instances(api):
    version = "2023-03-30" if not api.dialect.has_services else "2021-04-06"
    seen = api.as_in(version)
    if api.dialect.has_services:
        await seen.ok("PUT", f"{seen.of()}/on-demand-config", {"maximumInstanceCount": 0})
    else:
        await seen.ok("PUT", f"{seen.of()}/concurrency", {"reservedConcurrency": 0})
    return await api.invoke(b"x")


async def defect(api):
    api.stage.emulator.history.find_in = lambda *_: 1 / 0
    return await no_execution(api)


FC_2 = (*(v for v in VERSIONS if v != FC_2023.version),)
FC_3 = (FC_2023.version,)
ALL = (*VERSIONS,)

#: Status, code, what the message must hold, how it comes about, where.
FC_TABLE = [
    (400, "InvalidArgument", "limit", sends("GET", "{scope}/aliases", limit="0"), ALL),
    (400, "PathNotSupported", "against 'GET' is not supported", sends("GET", "/nowhere"), ALL),
    (
        *(400, "EntityTooLarge", "payload size exceeds maximum allowed size (131072 bytes)"),
        *(too_large, ALL),
    ),
    (400, "AdditionalVersionContainsMajorVersion", "'1'", major_version, ALL),
    (400, "InvalidDestinationResources", "destination can't be empty", no_destination, ALL),
    (404, "ServiceNotFound", "service 'no' does not exist", no_service, FC_2),
    (
        *(404, "FunctionNotFound", f"function 'no' does not exist in service '{SERVICE}'"),
        *(sends("GET", f"/services/{SERVICE}/functions/no"), FC_2),
    ),
    (404, "FunctionNotFound", "function 'no' does not exist.", sends("GET", "/functions/no"), FC_3),
    (
        *(404, "AliasNotFound", f"alias 'no' of service '{SERVICE}' does not exist"),
        *(sends("GET", "{scope}/aliases/no"), FC_2),
    ),
    (404, "AliasNotFound", "alias 'no' of function 'f'", sends("GET", "{scope}/aliases/no"), FC_3),
    (
        *(404, "VersionNotFound", f"version '7' of service '{SERVICE}' does not exist"),
        *(sends("DELETE", "{scope}/versions/7"), FC_2),
    ),
    (404, "VersionNotFound", "version '7' of function 'f'", sends("DELETE", "{scope}/versions/7"), FC_3),
    (404, "TriggerNotFound", "'no'", sends("GET", "{f}/triggers/no"), ALL),
    (404, "DomainNameNotFound", "no.example.com", sends("GET", "/custom-domains/no.example.com"), ALL),
    (404, "AsyncConfigNotExists", "AsyncConfig for ", sends("GET", "{f}/async-invoke-config"), ALL),
    (404, "StatefulAsyncInvocationNotFound", "'nobody'", no_execution, FC_2),
    (404, "AsyncTaskNotFound", "'nobody'", no_execution, FC_3),
    (404, "OnDemandConfigNotFound", "on-demand", sends("GET", "{f}/on-demand-config"), FC_2),
    (409, "AliasAlreadyExists", "alias 'b' already exists", same_alias, ALL),
    (409, "DomainNameAlreadyExists", "shop.example.com", same_domain, ALL),
    (409, "ServiceAlreadyExists", f"'{SERVICE}'", sends("POST", "/services", {"serviceName": SERVICE}), FC_2),
    (409, "FunctionAlreadyExists", "function 'n' already exists", same_function, ALL),
    (409, "TriggerAlreadyExists", "trigger 't' already exists", same_trigger, ALL),
    (409, "StatefulAsyncInvocationAlreadyExists", "'mine'", same_id, FC_2),
    (409, "AsyncTaskAlreadyExists", "'mine'", same_id, FC_3),
    (409, "FunctionNotEmpty", "function 'f' has active triggers", function_with_trigger, ALL),
    (409, "ServiceNotEmpty", "'f'", sends("DELETE", f"/services/{SERVICE}"), FC_2),
    (412, "PreconditionFailed", "the resource being modified has been changed", another_tag, ALL),
    (412, "StatefulAsyncInvocationAlreadyCompleted", "Succeeded", stop_of_what_has_ended, FC_2),
    (412, "AsyncTaskAlreadyCompleted", "Succeeded", stop_of_what_has_ended, FC_3),
    *(
        (412, code, "does not start", fails_with(Conflict(code, "it does not start")), ALL)
        for code in ("CAExited", "CAFileNotFound", "CAFilePermission")
    ),
    (429, "ResourceExhausted", "no instances", no_instances, ALL),
    (500, "InternalServerError", "an internal error has occurred", defect, ALL),
    (
        *(503, "ResourceThrottled", "no processes"),
        *(fails_with(Unavailable("ResourceThrottled", "the system has no processes left")), ALL),
    ),
]


@pytest.mark.parametrize(
    ("status", "code", "text", "cause", "version"),
    [
        pytest.param(*row, version, id=f"{row[1]}-{version}")
        for *row, versions in FC_TABLE
        for version in versions
    ],
)
def test_an_error_of_the_table_has_its_status_and_its_words(tmp_path, status, code, text, cause, version):
    async def play(api):
        await api.create()
        if code not in ("AsyncConfigNotExists",):
            await api.configure()
        await api.ok("POST", f"{api.scope()}/versions", {})
        reply = await cause(api)
        assert reply.refusal == (status, code), reply.body
        assert text in reply["ErrorMessage"]
        assert reply["Code"] == code and reply["Message"] == reply["ErrorMessage"]
        assert reply["RequestId"] == reply.headers["X-Fc-Request-Id"]
        assert "X-Fc-Error-Type" not in reply.headers

    story(tmp_path, VERSIONS[version], play)


# --- who asks


LIST = {
    "2016-08-15": ("/2016-08-15/services", signing.fc),
    "2021-04-06": ("/2021-04-06/services", signing.acs3),
    "2023-03-30": ("/2023-03-30/functions", signing.acs3),
}


def without_date(sign):
    """A request that was signed without a date."""
    name = "x-acs-date" if sign is signing.acs3 else "date"
    return {"headers": {name: ""}}


#: Status, code, what the message must hold, what is different from a request that is let in.
KEY_TABLE = [
    (400, "MissingRequiredHeader", "required HTTP header {date} was not specified", without_date),
    (403, "MissingRequiredHeader", "Authorization was not specified", lambda _: {"sign": None}),
    (
        *(403, "SignatureNotMatch", "The request signature we calculated does not match the signature"),
        lambda _: {"secret": "wrong"},
    ),
    (403, "InvalidAccessKeyID", "invalid access key ID 'nobody'", lambda _: {"key": "nobody"}),
    (403, "AccessDenied", "", lambda _: {"headers": {"Origin": "http://evil.example"}}),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("status", "code", "text", "how"), KEY_TABLE, ids=[f"{row[0]}-{row[1]}" for row in KEY_TABLE]
)
def test_who_may_not_ask_is_told_so_as_in_the_table(tmp_path, status, code, text, how, version):
    target, sign = LIST[version]
    date = "x-acs-date" if sign is signing.acs3 else "Date"

    async def main():
        async with gated(tmp_path) as api:
            reply = await api.ask("GET", target, **{"sign": sign, **how(sign)})
            assert reply.refusal == (status, code)
            assert text.format(date=date) in reply["Message"]
            assert (await api.ask("GET", target, sign=sign)).status == 200

    asyncio.run(main())


# --- MNS


OLD = time.time() - 3600

MNS_KEY_TABLE = [
    (403, "InvalidAccessKeyId", {"key": "nobody"}),
    (403, "SignatureDoesNotMatch", {"secret": "wrong"}),
    (400, "InvalidAuthorizationHeader", {"sign": None, "headers": {"authorization": "MNS nonsense"}}),
    (400, "MissingAuthorizationHeader", {"sign": None, "headers": {"x-mns-version": "2015-06-06"}}),
    (400, "InvalidDateHeader", {"headers": {"date": "yesterday"}}),
    (400, "MissingDateHeader", {"headers": {"date": ""}}),
    (408, "TimeExpired", {"at": OLD}),
    (403, "AccessDenied", {"headers": {"Origin": "http://evil.example"}}),
]


@pytest.mark.parametrize(("status", "code", "how"), MNS_KEY_TABLE, ids=[row[1] for row in MNS_KEY_TABLE])
def test_who_may_not_ask_mns_is_told_so_as_in_the_table(tmp_path, status, code, how):
    async def main():
        async with gated(tmp_path) as api:
            reply = await api.ask("GET", "/queues", **{"sign": signing.mns, **how})
            found = mns_api.Reply(reply.status, list(reply.headers.items()), reply.body.decode())
            assert (found.status, found["Code"]) == (status, code)
            assert found["RequestId"] == reply.headers["x-mns-request-id"]
            assert (await api.ask("GET", "/queues", sign=signing.mns)).status == 200

    asyncio.run(main())


def test_a_subscription_of_the_same_name_is_told_from_the_one_that_is_there(tmp_path):
    async def told(api):
        await api.good(201, "PUT", "/topics/t")
        target = "/topics/t/subscriptions/s"
        await api.good(201, "PUT", target, mns_api.xml("Subscription", Endpoint="http://127.0.0.1:1/"))
        other = mns_api.xml("Subscription", Endpoint="http://127.0.0.1:1/other")
        await api.refused(409, "SubscriptionAlreadyExist", "PUT", target, other)

    mns_api.story(tmp_path, told)


# --- the tables are complete


#: fc-api 16.2 and mns 5, with the statuses there.
FC_ROWS = {
    400: "InvalidArgument MissingRequiredHeader PathNotSupported EntityTooLarge LimitExceededError "
    "AdditionalVersionContainsMajorVersion DomainNameNotResolved DomainNameResolveError "
    "InvalidDestinationResources InstanceMetricsRequired",
    403: "AccessDenied SignatureNotMatch InvalidAccessKeyID",
    404: "ServiceNotFound FunctionNotFound AliasNotFound VersionNotFound TriggerNotFound DomainNameNotFound "
    "AsyncConfigNotExists StatefulAsyncInvocationNotFound AsyncTaskNotFound OnDemandConfigNotFound",
    409: "AliasAlreadyExists DomainNameAlreadyExists EventBridgeTriggerConflict ConcurrentUpdateError "
    "ServiceAlreadyExists FunctionAlreadyExists TriggerAlreadyExists "
    "StatefulAsyncInvocationAlreadyExists FunctionNotEmpty ServiceNotEmpty",
    412: "PreconditionFailed StatefulAsyncInvocationAlreadyCompleted AsyncInvocationStopped CAExited "
    "CAFileNotFound CAFilePermission",
    429: "ResourceExhausted",
    499: "ClientClosedRequest",
    500: "InternalServerError DestinationDeliveryFailed",
    503: "ResourceThrottled",
    0: "ProvisionConfigExist ResidentScalingConfigExists ResourcePoolInsufficientCapacity",
}
MNS_ROWS = {
    400: "InvalidAuthorizationHeader MissingAuthorizationHeader InvalidDateHeader MissingDateHeader "
    "InvalidDegist InvalidRequestURL InvalidQueryString MalformedXML InvalidArgument MissingReceiptHandle "
    "ReceiptHandleError MissingVisibilityTimeout QueueDeletedRecently InvalidQueueName "
    "QueueNameLengthError QpsLimitExceeded",
    403: "AccessDenied InvalidAccessKeyId SignatureDoesNotMatch",
    404: "MessageNotExist QueueNotExist TopicNotExist SubscriptionNotExist",
    408: "TimeExpired",
    409: "QueueAlreadyExist TopicAlreadyExist SubscriptionAlreadyExist",
    500: "InternalError",
}


def test_every_row_of_the_tables_is_asked_for_or_can_not_happen():
    asked = {(row[0], row[1]) for row in FC_TABLE} | {(row[0], row[1]) for row in KEY_TABLE}
    for status, codes in FC_ROWS.items():
        for code in codes.split():
            assert ((status, code) in asked) != (code in NEVER), code
    asked = {(row[0], row[1]) for row in REFUSALS} | {(row[0], row[1]) for row in MNS_KEY_TABLE}
    asked |= {(409, "SubscriptionAlreadyExist"), (500, "InternalError")}  # above, and test_mns_api_errors.py
    for status, codes in MNS_ROWS.items():
        for code in codes.split():
            assert ((status, code) in asked) != (code in NEVER), code


def test_a_code_that_can_not_happen_means_nothing_else_here():
    written = "\n".join(path.read_text() for path in Path(fun_local.__file__).parent.rglob("*.py"))
    for code in NEVER:
        assert not re.search(rf'"{code}"', written), code
