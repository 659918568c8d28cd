"""RAM and STS at the endpoint, and who may call any RPC (wire 2 and 3.1)."""

import asyncio
import json
from urllib.parse import quote, urlencode

import pytest

from fun_local.http.pop import signature as pop
from fun_local.http.pop.serving import VERSIONS
from tests import signing
from tests.cloud_api import ACCOUNT, KEY, NOW, RAM, ROS, STS, on_cloud, serving

ROLE = "aliyunfcgeneratedrole-cn-shanghai-shop"
POLICY = "AliyunFcGeneratedMNSPolicy-cn-shanghai-shop"
DOCUMENT = json.dumps({"Version": "1", "Statement": []})

#: All parameters that an action knows.
NAMES = (
    *("RoleName", "RoleArn", "RoleSessionName", "DurationSeconds", "AssumeRolePolicyDocument", "Description"),
    *("PolicyName", "PolicyType", "PolicyDocument", "VersionId", "SetAsDefault"),
    *("StackName", "StackId", "ChangeSetId", "ChangeSetName", "ChangeSetType", "TemplateBody", "TemplateURL"),
    *("UsePreviousParameters", "PageSize", "PageNumber"),
)

# Who may call


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_signed_request_is_answered(tmp_path, method):
    @on_cloud
    async def story(cloud):
        told = await cloud.ok(STS, "GetCallerIdentity", method=method, Odd="a b+ü&*~/")
        assert told["AccountId"] == ACCOUNT
        assert told["Arn"] == f"acs:ram::{ACCOUNT}:root"

    story(tmp_path)


FORGED = {
    "another secret": ({"key": {"key": "ak", "secret": "x"}}, (400, "SignatureDoesNotMatch")),
    "another key": ({"key": {"key": "x", "secret": "sk"}}, (404, "InvalidAccessKeyId.NotFound")),
    "of yesterday": ({"at": NOW - 86_400}, (400, "InvalidTimeStamp.Expired")),
    "no time": ({"Timestamp": "yesterday"}, (400, "InvalidTimeStamp.Format")),
    "another method": ({"SignatureMethod": "HMAC-SHA256"}, (400, "InvalidParameter.SignatureMethod")),
    "no key": ({"AccessKeyId": ""}, (400, "MissingParameter")),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("how", "refusal"), FORGED.values(), ids=FORGED)
def test_a_wrong_signature_changes_nothing(tmp_path, how, refusal, method):
    @on_cloud
    async def story(cloud):
        given = {"RoleName": ROLE, "AssumeRolePolicyDocument": DOCUMENT, **how}
        await cloud.refused(*refusal, RAM, "CreateRole", method=method, **given)
        assert (await cloud.ok(RAM, "ListRoles"))["Roles"] == {"Role": []}

    story(tmp_path)


@on_cloud
async def test_every_parameter_is_covered_by_the_signature(cloud):
    asked = {"Action": "GetRole", "Version": RAM, "RoleName": "mine"}
    signed = signing.rpc("POST", asked, at=NOW, **KEY)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for change in ({"RoleName": "other"}, {"Extra": "x"}, {"Action": "DeleteRole"}):
        body = urlencode({**signed, **change}, quote_via=quote).encode()
        refused = await cloud.send("POST", "/", form, body)
        assert (refused.status, refused.json["Code"]) == (400, "SignatureDoesNotMatch")
    in_query = urlencode({"RoleName": "other"})
    refused = await cloud.send("POST", f"/?{in_query}&Extra=x", form, urlencode(signed).encode())
    assert refused.json["Code"] == "SignatureDoesNotMatch"
    # As GET it is another request, and without a signature none at all.
    assert (await cloud.send("GET", f"/?{urlencode(signed)}")).json["Code"] == "SignatureDoesNotMatch"
    assert (await cloud.send("GET", f"/?{urlencode(asked)}")).json["Code"] == "MissingParameter"


@on_cloud
async def test_generated_sdks_sign_the_same_requests_with_acs3(cloud):
    named = {"host": "sts.aliyuncs.com", "x-acs-action": "GetCallerIdentity", "x-acs-version": STS}
    body = b"Odd=1"
    headers = {**named, "content-type": "application/x-www-form-urlencoded"}
    signed = signing.acs3("POST", "/", headers, body, at=NOW, **KEY)
    assert (await cloud.send("POST", "/", signed, body)).json["AccountId"] == ACCOUNT
    forged = await cloud.send("POST", "/", signed, b"Odd=2")
    assert (forged.status, forged.json["Code"]) == (403, "SignatureNotMatch")
    wrong = signing.acs3("POST", "/", headers, body, at=NOW, key="ak", secret="x")
    refused = await cloud.send("POST", "/", wrong, body)
    assert (refused.status, refused.json["Code"]) == (400, "SignatureDoesNotMatch")


@on_cloud
async def test_an_unknown_action_or_version_says_what_there_is(cloud):
    for version, action in ((RAM, "MakeCoffee"), ("2014-05-26", "DescribeInstances"), (STS, "GetRole")):
        message = await cloud.refused(404, "InvalidAction.NotFound", version, action)
        assert action in message and "RAM 2015-05-01" in message
    await cloud.refused(400, "MissingParameter", STS, "")
    await cloud.refused(400, "MissingParameter.RoleName", RAM, "GetRole")


ODD = [
    "x",
    "1" * 40,
    "-1",
    "../..",
    "\0",
    "ü" * 200,
    "\ud800",
    "{}",
    "[" * 5000,
    "&a [*a]",
    '{"ROSTemplateFormatVersion": "2015-09-01", "Parameters": [1], "Resources": {"a": 1}}',
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_parameters_are_refused_or_taken_and_never_a_defect(tmp_path, odd):
    names = [*NAMES, "Parameters__1__ParameterKey", "Parameters__1__ParameterValue", "StackName__1"]

    async def main():
        async with serving(tmp_path, checks_signatures=False) as cloud:
            for version, actions in VERSIONS.items():
                for action in actions:
                    asked = {"Action": action, "Version": version, **dict.fromkeys(names, odd)}
                    named = {name.replace("__", "."): value for name, value in asked.items()}
                    form = urlencode(named, errors="surrogatepass").encode()
                    headers = {"Host": "ram.aliyuncs.com", "Content-Type": pop.FORM}
                    reply = await cloud.send("POST", "/", headers, form)
                    assert reply.status < 500, (action, reply.body)
                    assert reply.json["RequestId"]

    asyncio.run(main())


@on_cloud
async def test_what_is_no_text_is_said_even_by_who_has_no_key(cloud):
    form = b"Action=GetRole&Version=2015-05-01&AccessKeyId=%FF&Signature=%FF&Timestamp=%FF"
    refused = await cloud.send("POST", "/", {"Content-Type": pop.FORM}, form)
    assert (refused.status, refused.json["Code"]) == (404, "InvalidAccessKeyId.NotFound")


@on_cloud
async def test_a_page_of_somebody_elses_is_refused(cloud):
    asked = {"Action": "GetCallerIdentity", "Version": STS}
    target = f"/?{urlencode(signing.rpc('GET', asked, at=NOW, **KEY))}"
    assert (await cloud.send("GET", target)).status == 200
    refused = await cloud.send("GET", target, {"Origin": "http://evil.example"})
    assert (refused.status, refused.json["Code"]) == (403, "AccessDenied")


@on_cloud
async def test_a_form_has_a_bound(cloud):
    given = {"RoleName": "x", "Description": "x" * 2_200_000}
    await cloud.refused(400, "EntityTooLarge", RAM, "CreateRole", **given)


@on_cloud
async def test_of_forms_that_have_proved_nothing_few_are_read_at_a_time(cloud):
    head = b"POST / HTTP/1.1\r\nHost: ram.aliyuncs.com\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    stuck = []
    for _ in range(16):
        _, writer = await asyncio.open_connection("127.0.0.1", cloud.port)
        writer.write(head + b"Content-Length: 1000\r\n\r\nAction=")
        await writer.drain()
        stuck.append(writer)
    # Answered after them, so they have all been begun.
    assert (await cloud.oss("PUT")).status == 200
    waiting = asyncio.ensure_future(cloud.rpc(STS, "GetCallerIdentity"))
    for _ in range(5):
        assert (await cloud.oss("GET", sub="location")).status == 200
    assert not waiting.done()
    stuck.pop().close()
    async with asyncio.timeout(20):
        assert (await waiting).status == 200
    for writer in stuck:
        writer.close()


def test_without_signatures_only_names_that_mean_this_machine_are_answered(tmp_path):
    async def main():
        async with serving(tmp_path, checks_signatures=False) as cloud:
            for host in ("ram.aliyuncs.com", "sts.cn-shanghai.aliyuncs.com", f"127.0.0.1:{cloud.port}"):
                query = f"/?Action=GetCallerIdentity&Version={STS}"
                assert (await cloud.send("GET", query, {"Host": host})).status == 200, host
            for host in ("evil.example", "aliyuncs.com", "ram.aliyuncs.com.evil.example"):
                refused = await cloud.send("GET", query, {"Host": host})
                assert (refused.status, refused.json["Code"]) == (403, "AccessDenied"), host
            by_name = {"Host": "bucket.oss-cn-shanghai.aliyuncs.com"}
            assert (await cloud.send("PUT", "/", by_name)).status == 200
            by_path = {"Host": "evil.example", "Authorization": "OSS x:y"}
            assert (await cloud.send("PUT", "/bucket-2", by_path)).status == 403

    asyncio.run(main())


# RAM


@on_cloud
async def test_the_first_deploy_of_funcrafts_gets_its_role(cloud):
    """wire 3.1, RAM: its calls, in their order. A role need not have been made."""
    role = (await cloud.ok(RAM, "GetRole", method="GET", RoleName=ROLE))["Role"]
    assert role["Arn"] == f"acs:ram::{ACCOUNT}:role/{ROLE}"
    listed = await cloud.ok(RAM, "ListPoliciesForRole", RoleName=ROLE)
    assert [policy["PolicyName"] for policy in listed["Policies"]["Policy"]] == ["AdministratorAccess"]
    invocation = {"PolicyType": "System", "PolicyName": "AliyunFCInvocationAccess", "RoleName": ROLE}
    assert "Code" not in await cloud.ok(RAM, "AttachPolicyToRole", **invocation)
    custom = {"PolicyType": "Custom", "PolicyName": POLICY}
    await cloud.refused(404, "EntityNotExist.Policy", RAM, "GetPolicy", **custom)
    await cloud.ok(RAM, "CreatePolicy", PolicyName=POLICY, Description="d", PolicyDocument=DOCUMENT)
    await cloud.ok(RAM, "AttachPolicyToRole", RoleName=ROLE, **custom)
    listed = await cloud.ok(RAM, "ListPoliciesForRole", RoleName=ROLE)
    assert [(p["PolicyType"], p["PolicyName"]) for p in listed["Policies"]["Policy"]] == [
        ("System", "AdministratorAccess"),
        ("System", "AliyunFCInvocationAccess"),
        ("Custom", POLICY),
    ]
    await cloud.refused(409, "EntityAlreadyExists.Role.Policy", RAM, "AttachPolicyToRole", **invocation)


def test_a_later_deploy_renews_its_policy_after_a_restart_too(tmp_path):
    """wire 3.1, RAM: later deploys."""
    custom = {"PolicyType": "Custom", "PolicyName": POLICY}

    async def main():
        async with serving(tmp_path) as cloud:
            await cloud.ok(RAM, "CreatePolicy", PolicyName=POLICY, PolicyDocument=DOCUMENT)
        for round_ in range(2, 9):
            async with serving(tmp_path) as cloud:
                assert (await cloud.ok(RAM, "GetPolicy", **custom))["Policy"]["PolicyName"] == POLICY
                listed = await cloud.ok(RAM, "ListPolicyVersions", **custom)
                for version in listed["PolicyVersions"]["PolicyVersion"]:
                    if not version["IsDefaultVersion"]:
                        given = {"PolicyName": POLICY, "VersionId": version["VersionId"]}
                        await cloud.ok(RAM, "DeletePolicyVersion", **given)
                new = {"PolicyName": POLICY, "PolicyDocument": DOCUMENT, "SetAsDefault": "true"}
                made = await cloud.ok(RAM, "CreatePolicyVersion", **new)
                assert made["PolicyVersion"]["VersionId"] == f"v{round_}"
                assert made["PolicyVersion"]["IsDefaultVersion"]

    asyncio.run(main())


@on_cloud
async def test_a_role_that_was_made_is_told_as_it_was_made(cloud):
    made = {"RoleName": "mine", "Description": "d", "AssumeRolePolicyDocument": DOCUMENT}
    role = (await cloud.ok(RAM, "CreateRole", **made))["Role"]
    assert role == (await cloud.ok(RAM, "GetRole", RoleName="mine"))["Role"]
    assert (role["Description"], role["AssumeRolePolicyDocument"]) == ("d", DOCUMENT)
    assert (await cloud.ok(RAM, "ListRoles"))["Roles"]["Role"] == [role]
    assert (await cloud.ok(RAM, "ListPoliciesForRole", RoleName="mine"))["Policies"] == {"Policy": []}
    await cloud.refused(409, "EntityAlreadyExists.Role", RAM, "CreateRole", **made)
    policy = {"PolicyType": "System", "PolicyName": "AliyunOSSFullAccess", "RoleName": "mine"}
    await cloud.ok(RAM, "AttachPolicyToRole", **policy)
    await cloud.refused(409, "DeleteConflict.Role.Policy", RAM, "DeleteRole", RoleName="mine")
    await cloud.ok(RAM, "DetachPolicyFromRole", **policy)
    await cloud.refused(404, "EntityNotExist.Role.Policy", RAM, "DetachPolicyFromRole", **policy)
    await cloud.ok(RAM, "DeleteRole", RoleName="mine")
    await cloud.refused(404, "EntityNotExist.Role", RAM, "DeleteRole", RoleName="mine")


@on_cloud
async def test_a_policy_that_is_in_use_stays(cloud):
    custom = {"PolicyType": "Custom", "PolicyName": "p"}
    await cloud.ok(RAM, "CreatePolicy", PolicyName="p", PolicyDocument=DOCUMENT)
    await cloud.refused(
        409, "EntityAlreadyExists.Policy", RAM, "CreatePolicy", PolicyName="p", PolicyDocument="{}"
    )
    found = await cloud.ok(RAM, "GetPolicy", **custom)
    assert found["DefaultPolicyVersion"]["PolicyDocument"] == DOCUMENT
    await cloud.ok(RAM, "AttachPolicyToRole", RoleName="r", **custom)
    await cloud.refused(409, "DeleteConflict.Policy.Role", RAM, "DeletePolicy", PolicyName="p")
    await cloud.ok(RAM, "DetachPolicyFromRole", RoleName="r", **custom)
    for _ in range(4):
        await cloud.ok(RAM, "CreatePolicyVersion", PolicyName="p", PolicyDocument="{}")
    too_many = {"PolicyName": "p", "PolicyDocument": "{}"}
    await cloud.refused(409, "LimitExceeded.Policy.Version", RAM, "CreatePolicyVersion", **too_many)
    await cloud.refused(409, "DeleteConflict.Policy.Version", RAM, "DeletePolicy", PolicyName="p")
    default = {"PolicyName": "p", "VersionId": "v1"}
    await cloud.refused(409, "DeleteConflict.Policy.Version.Default", RAM, "DeletePolicyVersion", **default)
    for number in range(2, 6):
        await cloud.ok(RAM, "DeletePolicyVersion", PolicyName="p", VersionId=f"v{number}")
    gone = {"PolicyName": "p", "VersionId": "v2"}
    await cloud.refused(404, "EntityNotExist.Policy.Version", RAM, "DeletePolicyVersion", **gone)
    await cloud.ok(RAM, "DeletePolicy", PolicyName="p")
    await cloud.refused(404, "EntityNotExist.Policy", RAM, "GetPolicy", **custom)
    system = {"PolicyType": "System", "PolicyName": "AliyunFCFullAccess"}
    assert (await cloud.ok(RAM, "GetPolicy", **system))["Policy"]["PolicyType"] == "System"


BAD = [
    ("GetRole", {"RoleName": "a/b"}, "InvalidParameter.RoleName"),
    ("GetRole", {"RoleName": "x" * 65}, "InvalidParameter.RoleName"),
    (
        "CreateRole",
        {"RoleName": "r", "AssumeRolePolicyDocument": "x" * 6145},
        "InvalidParameter.AssumeRolePolicyDocument.Length",
    ),
    ("CreatePolicy", {"PolicyName": "a b", "PolicyDocument": "{}"}, "InvalidParameter.PolicyName"),
    ("GetPolicy", {"PolicyName": "p", "PolicyType": "Mine"}, "InvalidParameter.PolicyType"),
    ("CreatePolicy", {"PolicyName": "p"}, "MissingParameter.PolicyDocument"),
]


@pytest.mark.parametrize(("action", "given", "code"), BAD)
def test_what_is_wrong_with_a_role_or_policy_is_said(tmp_path, action, given, code):
    @on_cloud
    async def story(cloud):
        await cloud.refused(400, code, RAM, action, **given)

    story(tmp_path)


@on_cloud
async def test_a_damaged_file_of_permissions_is_named_and_harms_nobody_else(cloud):
    with open(f"{cloud.stage.home}/permissions.json", "w") as file:
        file.write("{")
    message = await cloud.refused(500, "CorruptState", RAM, "ListRoles")
    assert "permissions.json" in message and "Remove it" in message
    await cloud.ok(STS, "GetCallerIdentity")
    assert (await cloud.ok(ROS, "ListStacks"))["Stacks"] == []


# STS


@on_cloud
async def test_the_keys_of_an_assumed_role_are_good_here(cloud):
    given = {"RoleArn": "acs:ram::1:role/reader", "RoleSessionName": "me", "DurationSeconds": 900}
    told = await cloud.ok(STS, "AssumeRole", **given)
    keys = told["Credentials"]
    assert keys["AccessKeyId"].startswith("STS.")
    assert keys["SecurityToken"]
    assert keys["Expiration"] == "2026-11-18T11:21:40Z"
    assert told["AssumedRoleUser"]["Arn"] == "acs:ram::1:assumed-role/reader/me"
    own = {"key": keys["AccessKeyId"], "secret": keys["AccessKeySecret"]}
    await cloud.ok(STS, "GetCallerIdentity", key=own, SecurityToken=keys["SecurityToken"])


BAD_STS = [
    ({"RoleArn": "reader", "RoleSessionName": "me"}, "InvalidParameter.RoleArn"),
    ({"RoleArn": "acs:ram::1:role/r", "RoleSessionName": "m"}, "InvalidParameter.RoleSessionName"),
    ({"RoleArn": "acs:ram::1:role/r"}, "MissingParameter.RoleSessionName"),
    (
        {"RoleArn": "acs:ram::1:role/r", "RoleSessionName": "me", "DurationSeconds": "1h"},
        "InvalidParameter",
    ),
]


@pytest.mark.parametrize(("given", "code"), BAD_STS)
def test_what_is_wrong_with_a_session_is_said(tmp_path, given, code):
    @on_cloud
    async def story(cloud):
        await cloud.refused(400, code, STS, "AssumeRole", **given)

    story(tmp_path)
