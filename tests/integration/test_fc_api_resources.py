"""Services, functions, versions, aliases and triggers through each version of the Function Compute API."""

import json
import os
import re

import pytest

from fun_local.store.crc64 import crc64
from tests.fakes import START_MS, function, queue_arn
from tests.fc_api import (
    BASE_URL,
    FC_2016,
    FC_2021,
    FC_2023,
    SERVICE,
    archive,
    in_all,
    local,
    only_2016,
    only_2023,
    story,
    with_services,
    zipped,
)

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


# --- services


@with_services
async def test_a_service_is_given_back_as_it_was_created(api):
    sent = {
        "serviceName": "s",
        "description": "d",
        "role": "acs:ram::1:role/x",
        "internetAccess": False,
        "logConfig": {"project": "p", "logstore": "l", "enableRequestMetrics": False},
        "vpcConfig": {"vpcId": "", "vSwitchIds": []},
        "nasConfig": {"userId": -1, "groupId": -1, "mountPoints": []},
        "tracingConfig": {},
        "somethingNew": [1, None, {"a": "b"}],
    }
    created = await api.ok("POST", "/services", sent)
    assert {key: created[key] for key in sent} == sent
    assert TIME.fullmatch(created["createdTime"])
    assert created["createdTime"] == created["lastModifiedTime"]
    assert await api.ok("GET", "/services/s") == created


@with_services
async def test_what_funcraft_spells_with_capitals_comes_back_without_them(api):
    await api.ok(
        "POST",
        "/services",
        {
            "serviceName": "s",
            "vpcConfig": {"VpcId": "v", "VSwitchIds": ["w"], "SecurityGroupId": "g"},
            "nasConfig": {"UserId": 1, "MountPoints": [{"ServerAddr": "a", "MountDir": "/m"}]},
        },
    )
    found = await api.ok("GET", "/services/s")
    assert found["vpcConfig"] == {"vpcId": "v", "vSwitchIds": ["w"], "securityGroupId": "g"}
    assert found["nasConfig"] == {"userId": 1, "mountPoints": [{"serverAddr": "a", "mountDir": "/m"}]}


@with_services
async def test_a_service_always_says_whether_it_has_access_to_the_internet(api):
    await api.ok("POST", "/services", {"serviceName": "s", "description": None})
    shown = await api.ok("GET", "/services/s")
    assert shown["internetAccess"] is True
    assert (shown["description"], shown["role"]) == ("", "")
    assert shown["logConfig"] == {"project": "", "logstore": ""}


@with_services
async def test_an_update_of_a_service_changes_only_what_was_sent(api):
    created = await api.ok("POST", "/services", {"serviceName": "s", "description": "d", "role": "r"})
    await api.clock.advance(5)
    updated = await api.ok("PUT", "/services/s", {"description": "new", "role": None})
    changed = {key for key in created if created[key] != updated[key]}
    assert changed == {"description", "lastModifiedTime"}


@with_services
async def test_services_are_listed_by_name_in_pages(api):
    for name in ("b1", "a2", "a1", "a3"):
        await api.ok("POST", "/services", {"serviceName": name})
    first = await api.ok("GET", "/services", prefix="a", limit=2)
    assert [service["serviceName"] for service in first["services"]] == ["a1", "a2"]
    rest = await api.ok("GET", "/services", prefix="a", limit=2, nextToken=first["nextToken"], startKey="z")
    assert [service["serviceName"] for service in rest["services"]] == ["a3"]
    assert rest["nextToken"] == ""
    from_a2 = await api.ok("GET", "/services", startKey="a2")
    assert [service["serviceName"] for service in from_a2["services"]] == ["a2", "a3", "b1"]


@with_services
async def test_a_service_that_holds_functions_or_versions_is_not_deleted(api):
    await api.create()
    assert (await api.send("DELETE", f"/services/{SERVICE}")).refusal == (409, "ServiceNotEmpty")
    await api.ok("POST", f"/services/{SERVICE}/versions", {})
    await api.gone(api.of())
    assert (await api.send("DELETE", f"/services/{SERVICE}")).refusal == (409, "ServiceNotEmpty")
    await api.gone(f"/services/{SERVICE}/versions/1")
    await api.gone(f"/services/{SERVICE}")
    assert (await api.get(f"/services/{SERVICE}")).refusal == (404, "ServiceNotFound")


@with_services
async def test_a_service_is_shown_as_it_was_when_a_version_was_published(api):
    await api.create()
    await api.ok("PUT", f"/services/{SERVICE}", {"description": "then"})
    await api.ok("POST", f"/services/{SERVICE}/versions", {})
    await api.ok("POST", f"/services/{SERVICE}/aliases", {"aliasName": "prod", "versionId": "1"})
    await api.ok("PUT", f"/services/{SERVICE}", {"description": "now"})
    assert (await api.ok("GET", f"/services/{SERVICE}"))["description"] == "now"
    for qualifier in ("1", "prod"):
        # Either way in either version (wire 1, rule 10).
        assert (await api.ok("GET", f"/services/{SERVICE}.{qualifier}"))["description"] == "then"
        assert (await api.ok("GET", f"/services/{SERVICE}", qualifier=qualifier))["description"] == "then"


# --- functions


@in_all
async def test_a_function_is_given_back_as_it_was_created(api):
    sent = {
        "description": "d",
        "timeout": 30,
        "memorySize": 256,
        "environmentVariables": {"A": "1", "PATH": "/code/bin"},
        "instanceConcurrency": 5,
        "layers": ["acs:fc:::layers/x"],
        "cpu": 0.5,
        "diskSize": 512,
        "vpcConfig": {"vpcId": "v"},
        "somethingNew": {"a": [1]},
    }
    created = await api.create(**sent)
    if not api.dialect.has_services:
        # What FC 3.0 answers otherwise than it was sent: its client gives nothing at all for texts here.
        sent["layers"] = [{"arn": "acs:fc:::layers/x", "size": 0}]
    assert {key: created[key] for key in sent} == sent
    assert (created["functionName"], created["runtime"], created["handler"]) == (
        "f",
        "python3",
        "index.handler",
    )
    assert "code" not in created
    assert TIME.fullmatch(created["createdTime"])
    assert await api.ok("GET", api.of()) == created
    assert (await api.ok("GET", api.functions))["functions"] == [created]


@in_all
async def test_a_function_gets_the_defaults_for_what_was_null(api):
    created = await api.create(description=None, timeout=None, environmentVariables=None, tags=[])
    assert (created["description"], created["environmentVariables"], created["memorySize"]) == ("", {}, 128)
    assert created["timeout"] == (60 if api.dialect is FC_2016 else 3)
    assert "tags" not in created


@in_all
async def test_keys_count_whatever_their_case(api):
    await api.create(InstanceConcurrency=3, MemorySize=512)
    updated = await api.ok("PUT", api.of(), {"InstanceConcurrency": 7, "TIMEOUT": 9})
    assert (updated["instanceConcurrency"], updated["memorySize"], updated["timeout"]) == (7, 512, 9)


@in_all
async def test_an_update_of_a_function_changes_only_what_was_sent(api):
    created = await api.create(description="d", environmentVariables={"A": "1"}, layers=["l"])
    await api.clock.advance(5)
    updated = await api.ok("PUT", api.of(), {"timeout": 20, "description": None})
    assert {key for key in created if created[key] != updated[key]} == {"timeout", "lastModifiedTime"}


@in_all
async def test_an_update_replaces_all_environment_variables(api):
    await api.create(environmentVariables={"A": "1", "B": "2"})
    for variables in ({"C": "3"}, {}):
        updated = await api.ok("PUT", api.of(), {"environmentVariables": variables})
        assert updated["environmentVariables"] == variables


@in_all
async def test_a_whole_answer_can_be_sent_back(api):
    created = await api.create(description="d", layers=["l"], cpu=1, diskSize=10_240)
    assert await api.ok("PUT", api.of(), created) == created


@with_services
async def test_hooks_are_read_as_funcraft_spells_them(api):
    hooks = {"PreFreeze": {"Handler": ""}, "PreStop": {"Handler": "index.stop", "Timeout": 9}}
    created = await api.create(
        InstanceLifecycleConfig=hooks, initializer="index.init", initializationTimeout=7
    )
    assert created["instanceLifecycleConfig"] == {"preStop": {"handler": "index.stop", "timeout": 9}}
    seen = await api.as_in("2023-03-30").ok("GET", f"/functions/{SERVICE}$f")
    assert seen["instanceLifecycleConfig"]["initializer"] == {"handler": "index.init", "timeout": 7}
    assert "initializer" not in seen


@only_2023
async def test_the_initializer_hook_is_the_initializer_of_the_older_versions(api):
    hook = {"handler": "index.init", "timeout": 11}
    created = await api.create(instanceLifecycleConfig={"initializer": hook})
    assert created["instanceLifecycleConfig"] == {"initializer": hook}
    seen = await api.as_in("2021-04-06").ok("GET", "/services/_default/functions/f")
    assert (seen["initializer"], seen["initializationTimeout"]) == ("index.init", 11)


@only_2023
async def test_a_custom_runtime_is_started_as_it_says(api):
    config = {
        "command": ["node"],
        "args": ["app.js"],
        "port": 8080,
        "healthCheckConfig": {"periodSeconds": 3},
    }
    created = await api.create(runtime="custom.debian12", customRuntimeConfig=config)
    assert created["customRuntimeConfig"] == config
    seen = await api.as_in("2021-04-06").ok("GET", "/services/_default/functions/f")
    assert seen["caPort"] == 8080
    assert "port" not in seen["customRuntimeConfig"]
    function = api.stage.emulator.deployed.functions["_default/f"]
    assert (function.custom_command, function.custom_args, function.ca_port) == (("node",), ("app.js",), 8080)


@only_2023
async def test_a_function_of_its_own_has_what_used_to_be_its_services(api):
    log = {"project": "p", "logstore": "l"}
    created = await api.create(role="acs:ram::1:role/x", logConfig=log, internetAccess=False)
    assert (created["role"], created["logConfig"], created["internetAccess"]) == (
        "acs:ram::1:role/x",
        log,
        False,
    )
    assert created["functionArn"] == "acs:fc:cn-shanghai:1234567890123456:functions/f"
    assert (created["state"], created["lastUpdateStatus"]) == ("Active", "Successful")


@in_all
async def test_a_function_keeps_its_id_as_long_as_it_lives(api):
    created = await api.create()
    updated = await api.ok("PUT", api.of(), {"timeout": 20})
    assert updated["functionId"] == created["functionId"]
    await api.gone(api.of())
    await api.clock.advance(1)
    assert (await api.create())["functionId"] != created["functionId"]


@in_all
async def test_code_can_be_fetched_as_it_was_uploaded(api):
    uploaded = archive(index__py="x = 1")
    created = await api.create(code={"zipFile": zipped(index__py="x = 1")})
    assert created["codeSize"] == len(uploaded)
    assert created["codeChecksum"] == crc64(uploaded)
    code = await api.ok("GET", f"{api.of()}/code")
    assert code["checksum"] == created["codeChecksum"]
    fetched = await api.request("GET", local(api, code["url"]))
    assert (fetched.status, fetched.body) == (200, uploaded)


@in_all
async def test_new_code_replaces_the_old(api):
    await api.create()
    text = "def handler(event, context): return b'new'"
    updated = await api.ok("PUT", api.of(), {"code": {"zipFile": zipped(index__py=text)}})
    assert updated["codeChecksum"] == crc64(archive(index__py=text))


@in_all
async def test_code_that_was_uploaded_to_oss_is_taken_from_there(api):
    api.objects.make_bucket("releases")
    for text in ("x = 1", "x = 2"):
        api.objects.put("releases", text, archive(index__py=text))
    created = await api.create(code={"ossBucketName": "releases", "ossObjectName": "x = 1"})
    assert created["codeChecksum"] == crc64(archive(index__py="x = 1"))
    code = {"ossBucketName": "releases", "ossObjectName": "x = 2"}
    updated = await api.ok("PUT", api.of(), {"code": code})
    assert updated["codeChecksum"] == crc64(archive(index__py="x = 2"))
    fetched = await api.request("GET", local(api, (await api.ok("GET", f"{api.of()}/code"))["url"]))
    assert fetched.body == archive(index__py="x = 2")


@in_all
async def test_code_that_is_not_in_oss_is_refused_with_its_address(api):
    await api.create()
    before = await api.ok("GET", api.of())
    api.objects.make_bucket("releases")
    api.objects.put("releases", "text", b"no archive")
    for bucket, key, said in (
        ("none", "x", "bucket 'none' does not exist"),
        ("releases", "x", "no object 'x' in bucket 'releases'"),
        ("../..", "etc", "does not exist"),
        ("releases", "text", "zip"),
        ("releases", "", "name of an object"),
    ):
        refused = await api.send("PUT", api.of(), {"code": {"ossBucketName": bucket, "ossObjectName": key}})
        assert refused.status == 400, refused.body
        assert said in refused.json["ErrorMessage"]
    assert await api.ok("GET", api.of()) == before


@in_all
async def test_code_whose_checksum_differs_is_refused(api):
    await api.create()
    body = {"code": {"zipFile": zipped(index__py="x = 1")}}
    right = {"X-Fc-Code-Checksum": crc64(archive(index__py="x = 1"))}
    assert (await api.send("PUT", api.of(), body, headers=right)).status == 200
    wrong = {"X-Fc-Code-Checksum": "12345"}
    assert (await api.send("PUT", api.of(), body, headers=wrong)).refusal == (400, "InvalidArgument")
    body["code"]["checksum"] = "12345"
    assert (await api.send("PUT", api.of(), body)).refusal == (400, "InvalidArgument")


@in_all
async def test_a_download_link_works_for_ten_minutes_and_for_one_function_only(api):
    await api.create()
    url = local(api, (await api.ok("GET", f"{api.of()}/code"))["url"])
    later = url.with_query({**url.query, "Expires": str(int(url.query["Expires"]) + 1)})
    assert (await api.request("GET", later)).refusal == (403, "SignatureNotMatch")
    other = url.with_path(url.path[:-5] + "0.zip" if url.path[-5] != "0" else url.path[:-5] + "1.zip")
    assert (await api.request("GET", other.with_query(url.query))).refusal == (403, "SignatureNotMatch")


@in_all
async def test_functions_deployed_from_folders_have_an_archive_too(api):
    created = await api.create()
    digest = api.stage.emulator.deployed.functions[
        f"{SERVICE if api.dialect.has_services else '_default'}/f"
    ].code
    os.unlink(api.archives.of(digest).path)
    code = await api.ok("GET", f"{api.of()}/code")
    shown = await api.ok("GET", api.of())
    assert shown["codeChecksum"] == code["checksum"]
    assert shown["codeSize"] > 0
    assert crc64((await api.request("GET", local(api, code["url"]))).body) == code["checksum"]
    assert created["functionName"] == "f"


@in_all
async def test_a_function_that_triggers_start_is_not_deleted(api):
    await api.create()
    await api.ok("POST", f"{api.of()}/triggers", timer())
    assert (await api.send("DELETE", api.of())).refusal == (409, "FunctionNotEmpty")
    await api.gone(f"{api.of()}/triggers/t")
    await api.gone(api.of())
    assert (await api.get(api.of())).refusal == (404, "FunctionNotFound")


@in_all
async def test_a_change_is_made_only_to_what_the_caller_knows(api):
    await api.create()
    tag = (await api.get(api.of())).headers["ETag"]
    updated = await api.send("PUT", api.of(), {"timeout": 9}, headers={"If-Match": tag})
    assert updated.status == 200
    assert updated.headers["ETag"] != tag
    for method in ("PUT", "DELETE"):
        stale = await api.send(method, api.of(), {}, headers={"If-Match": tag})
        assert stale.refusal == (412, "PreconditionFailed")
    await api.gone(api.of(), headers={"If-Match": f'"{updated.headers["ETag"]}"'})


@with_services
async def test_services_and_triggers_have_tags_to_be_matched_as_well(api):
    await api.create()
    await api.ok("POST", f"{api.of()}/triggers", timer())
    for path in (f"/services/{SERVICE}", f"{api.of()}/triggers/t"):
        tag = (await api.get(path)).headers["ETag"]
        assert (await api.send("PUT", path, {}, headers={"If-Match": "old"})).refusal[0] == 412
        assert (await api.send("PUT", path, {}, headers={"If-Match": tag})).status == 200


@in_all
async def test_an_alias_is_changed_only_as_the_caller_knows_it(api):
    await api.create()
    await api.ok("POST", f"{api.scope()}/versions", {})
    made = await api.send("POST", f"{api.scope()}/aliases", {"aliasName": "a", "versionId": "1"})
    path, tag = f"{api.scope()}/aliases/a", made.headers["ETag"]
    assert (await api.get(path)).headers["ETag"] == tag
    moved = await api.send("PUT", path, {"description": "x"}, headers={"If-Match": tag})
    assert moved.status == 200 and moved.headers["ETag"] != tag
    for method in ("PUT", "DELETE"):
        stale = await api.send(method, path, {}, headers={"If-Match": tag})
        assert stale.refusal == (412, "PreconditionFailed")
    await api.gone(path, headers={"If-Match": moved.headers["ETag"]})


# --- one home, three versions


@in_all
async def test_a_function_is_seen_through_every_version(api):
    await api.create(description="d", timeout=33)
    service = SERVICE if api.dialect.has_services else "_default"
    name = f"{SERVICE}$f" if api.dialect.has_services else "f"
    for version in ("2016-08-15", "2021-04-06"):
        seen = await api.as_in(version).ok("GET", f"/services/{service}/functions/f")
        assert (seen["functionName"], seen["description"], seen["timeout"]) == ("f", "d", 33)
    new = api.as_in("2023-03-30")
    assert (await new.ok("GET", f"/functions/{name}"))["functionName"] == name
    generation = "v2" if api.dialect.has_services else "v3"
    for wanted, expected in ((generation, [name]), ("", [name]), ({"v2": "v3", "v3": "v2"}[generation], [])):
        listed = await new.ok("GET", "/functions", fcVersion=wanted)
        assert [function["functionName"] for function in listed["functions"]] == expected


@only_2023
async def test_the_service_of_functions_without_one_comes_with_the_first(api):
    assert (await api.as_in("2016-08-15").ok("GET", "/services"))["services"] == []
    await api.create("f")
    await api.create("g")
    listed = await api.as_in("2016-08-15").ok("GET", "/services")
    assert [service["serviceName"] for service in listed["services"]] == ["_default"]


# --- versions and aliases


@in_all
async def test_versions_are_numbered_and_listed_the_newest_first(api):
    await api.create()
    for number in ("1", "2", "3"):
        published = await api.ok("POST", f"{api.scope()}/versions", {"description": f"no {number}"})
        assert (published["versionId"], published["description"]) == (number, f"no {number}")
        await api.ok("PUT", api.of(), {"description": number})
    await api.gone(f"{api.scope()}/versions/3")
    listed = await api.ok("GET", f"{api.scope()}/versions", limit=1)
    assert [version["versionId"] for version in listed["versions"]] == ["2"]
    assert listed["direction"] == "BACKWARD"
    rest = await api.ok("GET", f"{api.scope()}/versions", nextToken=listed["nextToken"])
    assert [version["versionId"] for version in rest["versions"]] == ["1"]
    forward = await api.ok("GET", f"{api.scope()}/versions", direction="forward")
    assert [version["versionId"] for version in forward["versions"]] == ["1", "2"]
    # A number is never given twice.
    assert (await api.ok("POST", f"{api.scope()}/versions", {}))["versionId"] == "4"


@in_all
async def test_nothing_is_published_when_nothing_has_changed(api):
    await api.create()
    await api.ok("POST", f"{api.scope()}/versions", {})
    refused = await api.send("POST", f"{api.scope()}/versions", {})
    assert refused.refusal == (400, "InvalidArgument")


@in_all
async def test_a_version_keeps_the_function_as_it_was(api):
    await api.create(description="then")
    await api.ok("POST", f"{api.scope()}/versions", {})
    await api.ok("PUT", api.of(), {"description": "now"})
    assert (await api.ok("GET", api.of(), qualifier="1"))["description"] == "then"
    assert (await api.ok("GET", api.of()))["description"] == "now"
    assert (await api.get(api.of(), qualifier="7")).refusal == (404, "VersionNotFound")
    assert (await api.get(api.of(), qualifier="beta")).refusal == (404, "AliasNotFound")


@in_all
async def test_what_is_published_is_not_changed_by_naming_it(api):
    await api.create(description="then")
    await api.ok("POST", f"{api.scope()}/versions", {})
    await api.ok("POST", f"{api.scope()}/aliases", {"aliasName": "prod", "versionId": "1"})
    before = api.stage.emulator.deployed
    for qualifier in ("1", "prod", "7"):
        requests = [
            ("PUT", api.of(), {"description": "x"}, {"qualifier": qualifier}),
            ("DELETE", api.of(), None, {"qualifier": qualifier}),
            ("POST", f"{api.of()}/triggers", timer(), {"qualifier": qualifier}),
        ]
        if api.dialect.has_services:
            service = f"/services/{SERVICE}.{qualifier}"
            requests += [
                ("PUT", service, {"description": "x"}, {}),
                ("DELETE", service, None, {}),
                ("PUT", f"{service}/functions/f", {"description": "x"}, {}),
                ("DELETE", f"{service}/functions/f", None, {}),
                ("DELETE", f"{service}/aliases/prod", None, {}),
            ]
        for method, path, body, query in requests:
            reply = await api.send(method, path, body, **query)
            assert reply.refusal == (400, "InvalidArgument"), (method, path)
            assert f"'{qualifier}'" in reply["ErrorMessage"]
    assert api.stage.emulator.deployed == before


@with_services
async def test_the_qualifier_of_what_is_not_published_may_be_named(api):
    await api.create()
    path = f"/services/{SERVICE}.LATEST/functions/f"
    assert (await api.ok("PUT", path, {"description": "x"}))["description"] == "x"
    await api.gone(path)


@with_services
async def test_the_functions_of_a_version_are_listed_as_they_were(api):
    await api.create("f")
    await api.ok("POST", f"{api.scope()}/versions", {})
    await api.ok("POST", f"{api.scope()}/aliases", {"aliasName": "prod", "versionId": "1"})
    await api.create("g")
    for qualifier, names in (("1", ["f"]), ("prod", ["f"]), ("LATEST", ["f", "g"])):
        listed = await api.ok("GET", f"/services/{SERVICE}.{qualifier}/functions")
        assert [function["functionName"] for function in listed["functions"]] == names


@in_all
async def test_an_alias_is_given_back_as_it_was_created(api):
    await api.create()
    await api.ok("POST", f"{api.scope()}/versions", {})
    await api.ok("PUT", api.of(), {"description": "2"})
    await api.ok("POST", f"{api.scope()}/versions", {})
    sent = {"aliasName": "prod", "versionId": "1", "description": "d", "additionalVersionWeight": {"2": 0.25}}
    created = await api.ok("POST", f"{api.scope()}/aliases", sent)
    assert {key: created[key] for key in sent} == sent
    assert await api.ok("GET", f"{api.scope()}/aliases/prod") == created
    updated = await api.ok(
        "PUT", f"{api.scope()}/aliases/prod", {"versionId": "2", "additionalVersionWeight": {}}
    )
    assert (updated["versionId"], updated["description"]) == ("2", "d")
    assert updated["additionalVersionWeight"] is None
    assert (await api.ok("GET", f"{api.scope()}/aliases", prefix="p"))["aliases"] == [updated]
    await api.gone(f"{api.scope()}/aliases/prod")
    assert (await api.get(f"{api.scope()}/aliases/prod")).refusal == (404, "AliasNotFound")


@in_all
async def test_an_alias_that_can_lead_nowhere_is_refused(api):
    await api.create()
    await api.ok("POST", f"{api.scope()}/versions", {})
    aliases = f"{api.scope()}/aliases"
    for fields, refusal in (
        ({"versionId": "9"}, (404, "VersionNotFound")),
        ({"versionId": "1", "additionalVersionWeight": {"9": 0.5}}, (404, "VersionNotFound")),
        (
            {"versionId": "1", "additionalVersionWeight": {"1": 0.5}},
            (400, "AdditionalVersionContainsMajorVersion"),
        ),
        ({}, (400, "InvalidArgument")),
        ({"versionId": "1", "additionalVersionWeight": {"1": "much"}}, (400, "InvalidArgument")),
    ):
        assert (await api.send("POST", aliases, {"aliasName": "a", **fields})).refusal == refusal
    await api.ok("POST", aliases, {"aliasName": "a", "versionId": "1"})
    again = await api.send("POST", aliases, {"aliasName": "a", "versionId": "1"})
    assert again.refusal == (409, "AliasAlreadyExists")
    assert (await api.send("DELETE", f"{api.scope()}/versions/1")).refusal == (409, "VersionInUse")
    latest = await api.send("POST", aliases, {"aliasName": "LATEST", "versionId": "1"})
    assert latest.refusal == (400, "InvalidArgument")


# --- triggers


def timer(**fields):
    config = {"payload": "x", "cronExpression": "@every 60m", "enable": False}
    return {"triggerName": "t", "triggerType": "timer", "triggerConfig": config, **fields}


@in_all
async def test_a_trigger_is_given_back_as_it_was_created(api):
    await api.create()
    sent = timer(description="d", invocationRole="r")
    for config in (sent["triggerConfig"], json.dumps(sent["triggerConfig"])):
        created = await api.ok("POST", f"{api.of()}/triggers", {**sent, "triggerConfig": config})
        shown = created["triggerConfig"]
        if api.dialect is FC_2016:
            assert shown == sent["triggerConfig"]
        else:
            assert json.loads(shown) == sent["triggerConfig"]
        assert (created["triggerName"], created["triggerType"], created["description"]) == ("t", "timer", "d")
        assert created["invocationRole"] == "r"
        assert await api.ok("GET", f"{api.of()}/triggers/t") == created
        assert (await api.ok("GET", f"{api.of()}/triggers"))["triggers"] == [created]
        await api.gone(f"{api.of()}/triggers/t")
    assert (await api.get(f"{api.of()}/triggers/t")).refusal == (404, "TriggerNotFound")


@in_all
async def test_a_trigger_names_its_qualifier_only_if_it_was_named(api):
    await api.create()
    await api.ok("POST", f"{api.scope()}/versions", {})
    for qualifier, shown in ((None, None), ("LATEST", "LATEST"), ("1", "1")):
        fields = timer(triggerName=f"t{qualifier}", qualifier=qualifier)
        assert (await api.ok("POST", f"{api.of()}/triggers", fields))["qualifier"] == shown


@in_all
async def test_an_update_of_a_trigger_changes_only_what_was_sent(api):
    await api.create()
    created = await api.ok("POST", f"{api.of()}/triggers", timer(description="d"))
    await api.clock.advance(5)
    config = {"cronExpression": "@every 5m", "enable": False}
    updated = await api.ok("PUT", f"{api.of()}/triggers/t", {"triggerConfig": config, "triggerType": "timer"})
    assert {key for key in created if created[key] != updated[key]} == {"triggerConfig", "lastModifiedTime"}


@in_all
async def test_an_http_trigger_says_where_it_is_called(api):
    await api.create()
    sent = {"triggerName": "h", "triggerType": "http", "triggerConfig": {"authType": "anonymous"}}
    created = await api.ok("POST", f"{api.of()}/triggers", sent)
    urls = created if api.dialect.has_services else created["httpTrigger"]
    service = SERVICE if api.dialect.has_services else "_default"
    assert urls["urlInternet"] == f"{BASE_URL}/2016-08-15/proxy/{service}/f/"
    # One for each version or alias (fc-api 8).
    second = await api.send("POST", f"{api.of()}/triggers", {**sent, "triggerName": "h2"})
    assert second.refusal == (409, "TriggerAlreadyExists")


@in_all
async def test_a_trigger_that_could_never_fire_is_refused(api):
    await api.create()
    for fields, refusal in (
        (timer(triggerConfig={"cronExpression": "whenever"}), (400, "InvalidArgument")),
        (timer(triggerConfig={}), (400, "InvalidArgument")),
        (timer(triggerConfig="{"), (400, "InvalidArgument")),
        (timer(triggerConfig="[1]"), (400, "InvalidArgument")),
        (timer(qualifier="9"), (404, "VersionNotFound")),
        (timer(triggerName=""), (400, "InvalidArgument")),
        (timer(triggerType=None), (400, "InvalidArgument")),
    ):
        assert (await api.send("POST", f"{api.of()}/triggers", fields)).refusal == refusal, fields
    await api.ok("POST", f"{api.of()}/triggers", timer())
    again = await api.send("POST", f"{api.of()}/triggers", timer())
    assert again.refusal == (409, "TriggerAlreadyExists")


# --- what belongs to nobody in particular


@with_services
async def test_the_account_has_a_zone(api):
    assert (await api.ok("GET", "/account-settings"))["availableAZs"] == ["cn-shanghai-a"]


@only_2016
async def test_the_configuration_of_the_account_is_empty(api):
    assert await api.ok("GET", "/accountConfigs") == {}


@pytest.mark.parametrize(
    ("dialect", "path", "name"),
    [
        (FC_2016, "/reservedCapacities", "reservedCapacities"),
        (FC_2021, "/reserved-capacities", "reservedCapacities"),
        (FC_2016, "/on-demand-configs", "configs"),
        (FC_2021, "/provision-configs", "provisionConfigs"),
        (FC_2023, "/provision-configs", "provisionConfigs"),
        (FC_2023, "/scaling-configs", "scalingConfigs"),
        (FC_2023, "/concurrency-configs", "configs"),
        (FC_2023, "/layers", "layers"),
    ],
)
def test_lists_of_what_a_laptop_has_none_of_are_empty(tmp_path, dialect, path, name):
    async def play(api):
        assert await api.ok("GET", path) == {name: [], "nextToken": ""}

    story(tmp_path, dialect, play)


@only_2023
async def test_there_is_one_region(api):
    (region,) = (await api.ok("GET", "/regions"))["Regions"]["Region"]
    assert region["RegionId"] == "cn-shanghai"


def test_what_was_deployed_from_a_template_is_shown_too(tmp_path):
    async def play(api):
        shown = await api.ok("GET", api.of())
        assert (shown["functionName"], shown["timeout"], shown["codeSize"]) == ("f", 60, 0)
        config = await api.ok("GET", f"{api.of()}/async-invoke-config")
        assert config["destinationConfig"]["onSuccess"] == {"destination": queue_arn("good")}
        assert config["createdTime"] == "2023-11-14T22:13:20Z"
        await api.ok("PUT", api.of(), {"timeout": 9})
        assert api.stage.emulator.deployed.functions[f"{SERVICE}/f"].stack == "test"

    assert START_MS == 1_700_000_000_000
    story(tmp_path, FC_2021, play, function())


def test_changes_made_through_the_api_outlive_the_daemon(tmp_path):
    async def change(api):
        await api.create(layers=["l"], description="d")
        await api.configure(maxAsyncEventAgeInSeconds=60)
        await api.ok("POST", f"{api.of()}/triggers", timer(description="d"))

    seen = []

    async def look(api):
        paths = (
            api.of(),
            f"{api.of()}/async-invoke-config",
            f"{api.of()}/triggers/t",
            f"/services/{SERVICE}",
        )
        seen.append([await api.ok("GET", path) for path in paths])

    async def both(api):
        await change(api)
        await look(api)

    story(tmp_path, FC_2016, both)
    story(tmp_path, FC_2016, look)
    assert seen[0] == seen[1]


def test_a_full_disk_changes_nothing_and_is_no_error_of_ours(tmp_path):
    async def play(api):
        await api.create()
        api.stage.disk_is_full = True
        assert (await api.send("PUT", api.of(), {"timeout": 9})).refusal == (503, "StorageFull")
        assert (await api.ok("GET", api.of()))["timeout"] == 60

    story(tmp_path, FC_2016, play)
