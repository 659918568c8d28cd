"""Domains, tags and what is kept for a function's owner, through each version of the Function Compute API."""

import asyncio

import orjson
import pytest

from fun_local.store import registry
from tests.fc_api import SERVICE, VERSIONS, in_all, only_2023, story, with_services

# --- custom domains


def route(api, path="/*", name="f", **more):
    service = {"serviceName": SERVICE} if api.dialect.has_services else {}
    return {"path": path, **service, "functionName": name, **more}


def domain(api, name="shop.example.com", **more):
    return {"domainName": name, "protocol": "HTTP", "routeConfig": {"routes": [route(api)]}, **more}


@in_all
async def test_a_domain_is_given_back_as_it_was_created(api):
    sent = domain(
        api,
        routeConfig={"routes": [route(api, qualifier="LATEST", methods=["GET"], rewriteConfig={"a": 1})]},
        certConfig={"certName": "c", "certificate": "PEM", "privateKey": "secret"},
        apiVersion="v1",
    )
    made = await api.ok("POST", "/custom-domains", sent)
    assert made == await api.ok("GET", "/custom-domains/shop.example.com")
    assert {key: made[key] for key in ("domainName", "protocol", "routeConfig", "apiVersion")} == {
        key: sent[key] for key in ("domainName", "protocol", "routeConfig", "apiVersion")
    }
    # A key that is not kept can't be lost.
    assert made["certConfig"] == {"certName": "c", "certificate": "PEM"}
    assert made["createdTime"] == made["lastModifiedTime"]
    assert made["localUrl"] == "http://shop.example.com.localhost:9000/"


@in_all
async def test_only_what_is_sent_changes_in_a_domain(api):
    await api.ok("POST", "/custom-domains", domain(api, wafConfig={"enableWAF": True}))
    await api.clock.advance(2)
    changed = await api.ok(
        "PUT", "/custom-domains/shop.example.com", {"routeConfig": {"routes": [route(api, "/a")]}}
    )
    assert [one["path"] for one in changed["routeConfig"]["routes"]] == ["/a"]
    assert changed["wafConfig"] == {"enableWAF": True}
    assert changed["createdTime"] < changed["lastModifiedTime"]
    again = await api.ok("PUT", "/custom-domains/shop.example.com", changed)
    assert {**again, "lastModifiedTime": ""} == {**changed, "lastModifiedTime": ""}


@in_all
async def test_domains_are_listed_in_pages(api):
    for name in ("b.example.com", "a.example.com", "c.other.com"):
        await api.ok("POST", "/custom-domains", domain(api, name))
    first = await api.ok("GET", "/custom-domains", limit=1)
    assert [one["domainName"] for one in first["customDomains"]] == ["a.example.com"]
    rest = await api.ok("GET", "/custom-domains", nextToken=first["nextToken"])
    assert [one["domainName"] for one in rest["customDomains"]] == ["b.example.com", "c.other.com"]
    some = await api.ok("GET", "/custom-domains", prefix="c.")
    assert [one["domainName"] for one in some["customDomains"]] == ["c.other.com"]


@in_all
async def test_a_domain_is_there_once_and_then_gone(api):
    path = "/custom-domains/shop.example.com"
    assert (await api.send("GET", path)).refusal == (404, "DomainNameNotFound")
    await api.ok("POST", "/custom-domains", domain(api))
    assert (await api.send("POST", "/custom-domains", domain(api))).refusal == (
        409,
        "DomainNameAlreadyExists",
    )
    await api.gone(path)
    assert (await api.send("DELETE", path)).refusal == (404, "DomainNameNotFound")
    assert (await api.send("PUT", path, {})).refusal == (404, "DomainNameNotFound")


@in_all
async def test_what_is_no_domain_is_refused(api):
    for wrong, named in (
        ({"domainName": "no domain"}, "domainName"),
        ({"domainName": "localhost"}, "domainName"),
        ({"domainName": ""}, "domainName"),
        ({"protocol": "FTP"}, "protocol"),
        ({"routeConfig": {"routes": ["x"]}}, "routes[0]"),
        ({"routeConfig": {"routes": [route(api, "no-slash")]}}, "no-slash"),
        ({"routeConfig": {"routes": [route(api), route(api)]}}, "two routes"),
        ({"routeConfig": {"routes": [{"path": "/"}]}}, "functionName"),
        ({"routeConfig": {"routes": [route(api, methods="GET")]}}, "methods"),
    ):
        reply = await api.send("POST", "/custom-domains", {**domain(api), **wrong})
        assert reply.refusal == (400, "InvalidArgument")
        assert named in reply["ErrorMessage"], wrong


@with_services
async def test_fc_3_sees_the_same_domain_without_services(api):
    await api.ok("POST", "/custom-domains", domain(api))
    seen = await api.as_in("2023-03-30").ok("GET", "/custom-domains/shop.example.com")
    assert seen["routeConfig"]["routes"] == [
        {"path": "/*", "functionName": f"{SERVICE}$f", "qualifier": "LATEST"}
    ]


# --- disabled functions


@only_2023
async def test_a_disabled_function_refuses_calls_until_it_is_enabled(api):
    await api.create()
    assert await api.ok("POST", f"{api.of()}/invoke/disable", {"reason": "too dear"}) == {"success": True}
    restriction = (await api.ok("GET", api.of()))["invocationRestriction"]
    assert (restriction["disable"], restriction["reason"]) == (True, "too dear")
    for reply in (await api.invoke(b"x"), await api.later(b"x")):
        assert reply.refusal == (403, "FunctionInvocationDisabled")
        assert "too dear" in reply["ErrorMessage"]
    assert api.stage.runtime.calls == []
    await api.ok("POST", f"{api.of()}/invoke/enable")
    assert (await api.invoke(b"x")).status == 200
    assert (await api.later(b"x")).status == 202
    assert "invocationRestriction" not in await api.ok("GET", api.of())


@only_2023
async def test_a_function_stays_disabled_when_it_is_changed_but_not_when_it_comes_back(api):
    await api.create()
    await api.ok("POST", f"{api.of()}/invoke/disable")
    await api.ok("PUT", api.of(), {"timeout": 7})
    assert (await api.invoke()).refusal == (403, "FunctionInvocationDisabled")
    await api.gone(api.of())
    await api.create()
    assert (await api.invoke()).status == 200


@only_2023
async def test_what_is_not_there_can_not_be_disabled(api):
    for verb in ("disable", "enable"):
        assert (await api.send("POST", f"/functions/no/invoke/{verb}")).refusal == (404, "FunctionNotFound")


# --- provisioned instances and the like


def kept_configs(api):
    """Path, content, what is shown besides, and the list: its path and key. Of all that a version has."""
    named = {"resource": f"services/{SERVICE}.LATEST/functions/f"}
    if not api.dialect.has_services:
        arn = "acs:fc:cn-shanghai:1234567890123456:functions/f"
        named = {"functionArn": f"{arn}/LATEST"}
    found = [
        (
            "provision-config",
            {"target": 3},
            {"current": 3, **named},
            ("/provision-configs", "provisionConfigs"),
        ),
    ]
    if api.dialect.has_services:
        found.append(
            ("on-demand-config", {"maximumInstanceCount": 2}, named, ("/on-demand-configs", "configs"))
        )
    else:
        scaling = {"minInstances": 1, "horizontalScalingPolicies": [{"name": "x"}]}
        found.append(("scaling-config", scaling, named, ("/scaling-configs", "scalingConfigs")))
        found.append(
            (
                "concurrency",
                {"reservedConcurrency": 4},
                {"functionArn": arn},
                ("/concurrency-configs", "configs"),
            )
        )
    return found


@in_all
async def test_what_is_put_is_given_back_and_listed(api):
    await api.create()
    for path, content, besides, (listed, key) in kept_configs(api):
        assert (await api.ok("GET", listed))[key] == []
        missing = await api.send("GET", f"{api.of()}/{path}")
        assert (missing.status, missing.code[-14:]) == (404, "ConfigNotFound")
        put = await api.ok("PUT", f"{api.of()}/{path}", content)
        assert put == {**content, **besides}
        assert await api.ok("GET", f"{api.of()}/{path}") == put
        assert (await api.ok("GET", listed))[key] == [put]
        assert (await api.ok("GET", listed, functionName="other"))[key] == []


@in_all
async def test_what_is_kept_goes_when_it_is_deleted_or_its_function(api):
    await api.create()
    for path, content, _, (listed, key) in kept_configs(api):
        await api.ok("PUT", f"{api.of()}/{path}", content)
        if not (api.dialect.has_services and path == "provision-config"):
            await api.gone(f"{api.of()}/{path}")
            await api.gone(f"{api.of()}/{path}")
            assert (await api.ok("GET", listed))[key] == []
            await api.ok("PUT", f"{api.of()}/{path}", content)
    await api.gone(api.of())
    for _, _, _, (listed, key) in kept_configs(api):
        assert (await api.ok("GET", listed))[key] == []


@in_all
async def test_numbers_of_instances_are_checked(api):
    await api.create()
    for path, content, _, _ in kept_configs(api):
        name = next(iter(content))
        for wrong in (-1, "3", True, 1.5):
            reply = await api.send("PUT", f"{api.of()}/{path}", {name: wrong})
            assert reply.refusal == (400, "InvalidArgument")
            assert name in reply["ErrorMessage"]
        gone = await api.send("PUT", f"{api.of('no')}/{path}", content)
        assert gone.refusal == (404, "FunctionNotFound")


@in_all
async def test_a_configuration_belongs_to_its_qualifier(api):
    await api.create()
    await api.ok("POST", f"{api.scope()}/versions")
    await api.ok("POST", f"{api.scope()}/aliases", {"aliasName": "prod", "versionId": "1"})
    await api.ok("PUT", f"{api.of()}/provision-config", {"target": 1}, qualifier="prod")
    assert (await api.send("GET", f"{api.of()}/provision-config")).status == 404
    found = await api.ok("GET", f"{api.of()}/provision-config", qualifier="prod")
    assert found["target"] == found["current"] == 1


async def busy_of_three(api) -> int:
    """How many of three calls run at a time."""
    calls = [asyncio.create_task(api.invoke(b'{"block": "gate"}')) for _ in range(3)]
    await api.stage.until_calls(1)
    api.stage.runtime.open("gate")
    assert {(await call).status for call in calls} == {200}
    return api.stage.runtime.most_busy.total()


@with_services
async def test_no_more_instances_run_than_an_on_demand_configuration_allows(api):
    await api.create()
    await api.ok("PUT", f"{api.of()}/on-demand-config", {"maximumInstanceCount": 1})
    assert await busy_of_three(api) == 1


@only_2023
async def test_no_more_instances_run_than_a_concurrency_configuration_allows(api):
    await api.create()
    await api.ok("PUT", f"{api.of()}/concurrency", {"reservedConcurrency": 1})
    assert await busy_of_three(api) == 1


@with_services
async def test_a_function_that_may_have_no_instances_is_exhausted(api):
    await api.create()
    await api.ok("PUT", f"{api.of()}/on-demand-config", {"maximumInstanceCount": 0})
    assert (await api.invoke()).refusal == (429, "ResourceExhausted")
    await api.gone(f"{api.of()}/on-demand-config")
    assert (await api.invoke()).status == 200


# --- tags


@with_services
async def test_tags_of_a_service_are_added_shown_and_removed(api):
    await api.create()
    arn = f"acs:fc:cn-shanghai:1234567890123456:services/{SERVICE}"
    assert (await api.ok("GET", "/tag", resourceArn=arn))["tags"] == {}
    await api.ok("POST", "/tag", {"resourceArn": arn, "tags": {"a": "1", "b": "2"}})
    await api.ok("POST", "/tag", {"resourceArn": f"services/{SERVICE}", "tags": {"b": "3", "c": "4"}})
    assert await api.ok("GET", "/tag", resourceArn=arn) == {
        "resourceArn": arn,
        "tags": {"a": "1", "b": "3", "c": "4"},
    }
    await api.ok("PUT", "/tag", {"resourceArn": arn, "tagKeys": ["a", "x"]})
    assert (await api.ok("GET", "/tag", resourceArn=arn))["tags"] == {"b": "3", "c": "4"}
    await api.ok("PUT", "/tag", {"resourceArn": arn, "all": True})
    assert (await api.ok("GET", "/tag", resourceArn=arn))["tags"] == {}


@with_services
async def test_tags_are_removed_as_the_clients_of_2016_ask_for_it(api):
    await api.create()
    arn = f"services/{SERVICE}"
    await api.ok("POST", "/tag", {"resourceArn": arn, "tags": {"a": "1", "b": "2"}})
    await api.ok("DELETE", "/tag", {"resourceArn": arn, "tagKeys": ["a"], "all": False})
    assert (await api.ok("GET", "/tag", resourceArn=arn))["tags"] == {"b": "2"}
    await api.ok("DELETE", "/tag", {"resourceArn": arn, "tagKeys": None, "all": True})
    assert (await api.ok("GET", "/tag", resourceArn=arn))["tags"] == {}


@with_services
async def test_services_are_listed_by_their_tags(api):
    for name, tags in (("a", {"k": "1", "l": "2"}), ("b", {"k": "2"}), ("c", {})):
        await api.ok("POST", "/services", {"serviceName": name})
        if tags:
            await api.ok("POST", "/tag", {"resourceArn": f"services/{name}", "tags": tags})
    for query, names in (
        ({"tag_k": "1"}, ["a"]),
        ({"tag_k": ""}, ["a", "b"]),
        ({"tag_k": "1", "tag_l": "3"}, []),
        ({"tag_none": "1"}, []),
    ):
        listed = await api.ok("GET", "/services", **query)
        assert [service["serviceName"] for service in listed["services"]] == names, query


@only_2023
async def test_functions_are_created_with_tags_and_listed_by_them(api):
    tags = [{"Key": "k", "Value": "v"}]
    assert (await api.create("a", tags=tags))["tags"] == tags
    assert "tags" not in await api.create("b")
    await api.ok("POST", "/tags-v2", {"ResourceId": ["b"], "Tag": [{"Key": "k", "Value": "w"}]})
    assert (await api.ok("GET", "/functions/b"))["tags"] == [{"Key": "k", "Value": "w"}]
    for wanted, names in ((tags, ["a"]), ([{"Key": "k"}], ["a", "b"]), ([{"Key": "x"}], [])):
        listed = await api.ok("GET", "/functions", tags=orjson.dumps(wanted).decode())
        assert [function["functionName"] for function in listed["functions"]] == names, wanted
    assert (await api.get("/functions", tags="k")).refusal == (400, "InvalidArgument")
    found = (await api.ok("GET", "/tags-v2", ResourceId='["a"]'))["TagResources"]
    assert [(one["TagKey"], one["TagValue"]) for one in found] == [("k", "v")]
    refused = await api.send("POST", "/functions", {"functionName": "c", "tags": [{}]})
    assert refused.status == 400


@only_2023
async def test_tags_of_functions_are_added_listed_and_removed(api):
    for name in ("f", "g"):
        await api.create(name)
    arn = "acs:fc:cn-shanghai:1234567890123456:functions/"
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    sent = {"ResourceId": [f"{arn}f", "g"], "ResourceType": "function", "Tag": tags}
    await api.ok("POST", "/tags-v2", sent)

    async def listed(**query):
        found = await api.ok("GET", "/tags-v2", **query)
        return [(t["ResourceId"], t["TagKey"], t["TagValue"]) for t in found["TagResources"]]

    assert await listed() == [
        (f"{arn}f", "a", "1"),
        (f"{arn}f", "b", ""),
        (f"{arn}g", "a", "1"),
        (f"{arn}g", "b", ""),
    ]
    assert await listed(ResourceId='["g"]', Tag='[{"Key": "a", "Value": "1"}]') == [(f"{arn}g", "a", "1")]
    page = await api.ok("GET", "/tags-v2", Limit="3")
    assert len(page["TagResources"]) == 3
    assert await listed(NextToken=page["NextToken"]) == [(f"{arn}g", "b", "")]

    await api.gone("/tags-v2", ResourceId='["f"]', TagKey='["a"]')
    assert await listed(ResourceId='["f"]') == [(f"{arn}f", "b", "")]
    await api.gone("/tags-v2", ResourceId=f'["{arn}f", "g"]', All="true")
    assert await listed() == []


@pytest.mark.parametrize("version", list(VERSIONS))
def test_tags_that_are_none_and_resources_that_are_not_there_are_refused(tmp_path, version):
    dialect = VERSIONS[version]

    async def play(api):
        await api.create()
        if dialect.has_services:
            good = f"services/{SERVICE}"
            wrong = [
                ("POST", {"resourceArn": good, "tags": {}}, {}, 400),
                ("POST", {"resourceArn": good, "tags": {"a": 1}}, {}, 400),
                ("POST", {"resourceArn": "nonsense", "tags": {"a": "1"}}, {}, 400),
                ("POST", {"resourceArn": "services/no", "tags": {"a": "1"}}, {}, 404),
                ("POST", {"resourceArn": good, "tags": {str(n): "" for n in range(21)}}, {}, 400),
                ("PUT", {"resourceArn": good}, {}, 400),
                ("GET", None, {}, 400),
            ]
            path = "/tag"
        else:
            pair = [{"Key": "a"}]
            wrong = [
                ("POST", {"ResourceId": [], "Tag": pair}, {}, 400),
                ("POST", {"ResourceId": ["f"], "Tag": []}, {}, 400),
                ("POST", {"ResourceId": ["f"], "Tag": ["a"]}, {}, 400),
                ("POST", {"ResourceId": ["f"], "Tag": [{"Value": "1"}]}, {}, 400),
                ("POST", {"ResourceId": ["no"], "Tag": pair}, {}, 404),
                ("GET", None, {"ResourceId": "f"}, 400),
                ("GET", None, {"ResourceId": "[1]"}, 400),
                ("DELETE", None, {"ResourceId": '["f"]'}, 400),
            ]
            path = "/tags-v2"
        for method, body, query, status in wrong:
            reply = await api.send(method, path, body, **query)
            assert reply.status == status, (body, query, reply.body)

    story(tmp_path, dialect, play)


@in_all
async def test_tags_and_settings_survive_the_daemon(api):
    await api.create()
    await api.ok("PUT", f"{api.of()}/provision-config", {"target": 5})
    await api.ok("POST", "/custom-domains", domain(api))
    assert api.stage.emulator.deployed.settings
    assert registry.read(api.stage.home) == api.stage.emulator.deployed
