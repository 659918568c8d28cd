"""ROS at the endpoint: templates that come over the wire become stacks of this home (wire 3.1)."""

import asyncio
import json

import pytest

from tests.cloud_api import BUCKET, REGION, ROS, on_cloud, serving
from tests.fc_api import archive

SERVERLESS = {
    "ROSTemplateFormatVersion": "2015-09-01",
    "Transform": "Aliyun::Serverless-2018-04-03",
    "Resources": {
        "shop": {
            "Type": "Aliyun::Serverless::Service",
            "Properties": {"Description": "sells things"},
            "order": {
                "Type": "Aliyun::Serverless::Function",
                "Properties": {
                    "Handler": "index.handler",
                    "Runtime": "python3",
                    "CodeUri": f"oss://{BUCKET}/code.zip",
                },
                "Events": {
                    "http": {
                        "Type": "HTTP",
                        "Properties": {"AuthType": "ANONYMOUS", "Methods": ["GET"]},
                    }
                },
            },
        }
    },
}

PLAIN = {
    "ROSTemplateFormatVersion": "2015-09-01",
    "Parameters": {
        "Memory": {"Type": "Number", "Default": 128},
        "Secret": {"Type": "String", "Default": "none", "NoEcho": True},
    },
    "Resources": {
        "Service": {"Type": "ALIYUN::FC::Service", "Properties": {"ServiceName": "shop"}},
        "Function": {
            "Type": "ALIYUN::FC::Function",
            "Properties": {
                "ServiceName": {"Fn::GetAtt": ["Service", "ServiceName"]},
                "FunctionName": "order",
                "Runtime": "python3",
                "Handler": "index.handler",
                "MemorySize": {"Ref": "Memory"},
                "EnvironmentVariables": {"SECRET": {"Ref": "Secret"}},
                "Code": {"OssBucketName": BUCKET, "OssObjectName": "code.zip"},
            },
        },
    },
    "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Function", "FunctionName"]}}},
}


def changed(template, **properties):
    """A template whose one function of plain ROS has other properties."""
    new = json.loads(json.dumps(template))
    new["Resources"]["Function"]["Properties"].update(properties)
    return new


async def create(cloud, template, stack="demo", **given):
    made = {"ChangeSetName": "fun-1", "ChangeSetType": "CREATE", "StackName": stack}
    return await cloud.ok(ROS, "CreateChangeSet", **made, TemplateBody=json.dumps(template), **given)


def update(stack_id, template, **given):
    """The parameters of a change set that updates a stack, as Funcraft sends them."""
    made = {"ChangeSetName": "fun-2", "ChangeSetType": "UPDATE", "StackId": stack_id}
    return {**made, "UsePreviousParameters": "true", "TemplateBody": json.dumps(template), **given}


async def deploy(cloud, template, stack="demo", **given):
    """A new stack, deployed; its id."""
    made = await create(cloud, template, stack, **given)
    await cloud.ok(ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    events = await cloud.settled(made["StackId"])
    assert events[0]["Status"] == "CREATE_COMPLETE", events[0]
    return made["StackId"]


def only_function(cloud):
    (function,) = cloud.stage.emulator.deployed.functions.values()
    return function


@on_cloud
async def test_a_stack_comes_about_as_funcraft_has_it_made(cloud):
    await cloud.upload(archive())
    listed = {"StackName__1": "demo", "PageSize": 50, "PageNumber": 1, "ShowNestedStack": "false"}
    assert await cloud.ok(ROS, "ListStacks", **listed) | {"RequestId": ""} == {
        "Stacks": [],
        "TotalCount": 0,
        "PageNumber": 1,
        "PageSize": 50,
        "RequestId": "",
    }
    made = await create(cloud, SERVERLESS)
    assert not cloud.stage.emulator.deployed.functions
    found = await cloud.ok(ROS, "GetChangeSet", ChangeSetId=made["ChangeSetId"], ShowTemplate="true")
    assert [tuple(c["ResourceChange"].values()) for c in found["Changes"]] == [
        ("shop", "ALIYUN::FC::Service", "Add", []),
        ("shoporder", "ALIYUN::FC::Function", "Add", []),
        ("shoporderhttp", "ALIYUN::FC::Trigger", "Add", []),
    ]
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert found["Parameters"] == []
    review = await cloud.ok(ROS, "GetStack", StackId=made["StackId"])
    assert review["Status"] == "REVIEW_IN_PROGRESS"
    await cloud.ok(ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    events = await cloud.settled(made["StackId"])
    own = [event["Status"] for event in events if event["ResourceType"] == "ALIYUN::ROS::Stack"]
    assert own == ["CREATE_COMPLETE", "CREATE_IN_PROGRESS"]
    assert [e["Status"] for e in events if e["LogicalResourceId"] == "shoporder"] == [
        "CREATE_COMPLETE",
        "CREATE_IN_PROGRESS",
    ]
    function = only_function(cloud)
    assert (function.name, function.stack) == ("order", "demo")
    template = json.loads((await cloud.ok(ROS, "GetTemplate", StackId=made["StackId"]))["TemplateBody"])
    properties = template["Resources"]["shoporder"]["Properties"]
    assert (
        properties["ServiceName"]
        == function.service
        == template["Resources"]["shop"]["Properties"]["ServiceName"]
    )
    trigger = template["Resources"]["shoporderhttp"]
    assert (trigger["Type"], trigger["Properties"]["TriggerName"]) == ("ALIYUN::FC::Trigger", "http")
    (stack,) = (await cloud.ok(ROS, "ListStacks", **listed))["Stacks"]
    assert (stack["StackId"], stack["Status"]) == (made["StackId"], "CREATE_COMPLETE")
    resources = (await cloud.ok(ROS, "ListStackResources", StackId=stack["StackId"]))["Resources"]
    assert {resource["LogicalResourceId"] for resource in resources} == set(template["Resources"])


@on_cloud
async def test_its_function_has_the_code_that_was_uploaded(cloud):
    await cloud.upload(archive(index__py="x = 1"))
    await deploy(cloud, PLAIN)
    code = f"{cloud.stage.home}/code/{only_function(cloud).code}/index.py"
    with open(code) as file:
        assert file.read() == "x = 1"


@on_cloud
async def test_an_update_keeps_the_parameters_that_it_does_not_give(cloud):
    await cloud.upload(archive())
    given = {"Parameters__1__ParameterKey": "Memory", "Parameters__1__ParameterValue": 256}
    given |= {"Parameters__2__ParameterKey": "Secret", "Parameters__2__ParameterValue": "hidden"}
    stack_id = await deploy(cloud, PLAIN, **given)
    assert (only_function(cloud).memory_mb, only_function(cloud).environment) == (256, {"SECRET": "hidden"})
    made = await cloud.ok(ROS, "CreateChangeSet", **update(stack_id, changed(PLAIN, Timeout=9)))
    found = await cloud.ok(ROS, "GetChangeSet", ChangeSetId=made["ChangeSetId"])
    (change,) = (change["ResourceChange"] for change in found["Changes"])
    assert (change["Action"], [d["Target"]["Name"] for d in change["Details"]]) == ("Modify", ["Timeout"])
    assert change["LogicalResourceId"] == "Function"
    assert found["Parameters"] == [
        {"ParameterKey": "Memory", "ParameterValue": "256"},
        {"ParameterKey": "Secret", "ParameterValue": "******"},
    ]
    await cloud.ok(ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    assert (await cloud.settled(stack_id))[0]["Status"] == "UPDATE_COMPLETE"
    assert (only_function(cloud).memory_mb, only_function(cloud).timeout_seconds) == (256, 9)
    fewer = changed(PLAIN, MemorySize=512, Timeout=9)
    del fewer["Parameters"]["Memory"]
    await cloud.ok(ROS, "CreateChangeSet", **update(stack_id, fewer))
    told = await cloud.ok(ROS, "GetStack", StackId=stack_id)
    assert told["Outputs"] == [{"OutputKey": "Name", "OutputValue": "order", "Description": ""}]
    assert told["Status"] == "UPDATE_COMPLETE"
    assert "hidden" not in json.dumps(told)


@on_cloud
async def test_the_same_again_is_refused_in_the_words_that_funcraft_looks_for(cloud):
    await cloud.upload(archive())
    stack_id = await deploy(cloud, PLAIN)
    before = cloud.stage.emulator.deployed
    message = await cloud.refused(400, "NotSupported", ROS, "CreateChangeSet", **update(stack_id, PLAIN))
    assert "Update the completely same stack" in message
    # The same files under another name are the same, too.
    await cloud.upload(archive(), "again.zip")
    other = changed(PLAIN, Code={"OssBucketName": BUCKET, "OssObjectName": "again.zip"})
    await cloud.refused(400, "NotSupported", ROS, "CreateChangeSet", **update(stack_id, other))
    assert cloud.stage.emulator.deployed == before


@on_cloud
async def test_what_leaves_the_template_leaves_the_stack(cloud):
    await cloud.upload(archive())
    stack_id = await deploy(cloud, PLAIN)
    less = json.loads(json.dumps(PLAIN))
    del less["Resources"]["Function"], less["Outputs"]
    made = await cloud.ok(ROS, "CreateChangeSet", **update(stack_id, less))
    found = await cloud.ok(ROS, "GetChangeSet", ChangeSetId=made["ChangeSetId"])
    (change,) = (change["ResourceChange"] for change in found["Changes"])
    assert (change["Action"], change["LogicalResourceId"]) == ("Remove", "Function")
    await cloud.ok(ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    events = await cloud.settled(stack_id)
    assert events[1]["Status"] == "DELETE_COMPLETE"
    assert not cloud.stage.emulator.deployed.functions


@on_cloud
async def test_a_folder_of_the_project_is_refused_with_the_way_out(cloud):
    """Were it read, it would be one of the daemon's own."""
    for uri in ("./", "code", "/etc", "../..", "registry.json"):
        template = changed(PLAIN, CodeUri=uri)
        del template["Resources"]["Function"]["Properties"]["Code"]
        sent = {"ChangeSetName": "c", "ChangeSetType": "CREATE", "StackName": "s"}
        sent["TemplateBody"] = json.dumps(template)
        message = await cloud.refused(400, "StackValidationFailed", ROS, "CreateChangeSet", **sent)
        assert "Resources/Function/Properties/CodeUri" in message
        assert "fun package" in message and "fun deploy --use-ros" in message
    await cloud.refused(404, "StackNotFound", ROS, "GetStack", StackId="s")


@on_cloud
async def test_code_that_was_not_uploaded_is_refused_with_its_address(cloud):
    sent = {"ChangeSetName": "c", "ChangeSetType": "CREATE", "StackName": "s"}
    sent["TemplateBody"] = json.dumps(SERVERLESS)
    message = await cloud.refused(400, "StackValidationFailed", ROS, "CreateChangeSet", **sent)
    assert f"oss://{BUCKET}/code.zip" in message
    await cloud.upload(b"no archive")
    message = await cloud.refused(400, "StackValidationFailed", ROS, "CreateChangeSet", **sent)
    assert "is not a zip archive" in message


BAD = [
    ({"TemplateBody": "{"}, 400, "StackValidationFailed"),
    ({"TemplateBody": "[]"}, 400, "StackValidationFailed"),
    ({"TemplateBody": "edition: 1.0.0"}, 400, "StackValidationFailed"),
    ({"TemplateBody": ""}, 400, "MissingParameter.TemplateBody"),
    ({"TemplateBody": "", "TemplateURL": "oss://a/b"}, 400, "MissingParameter.TemplateBody"),
    ({"StackName": "../x"}, 400, "InvalidParameter"),
    ({"StackName": ""}, 400, "MissingParameter.StackName"),
    ({"ChangeSetName": ""}, 400, "MissingParameter.ChangeSetName"),
    ({"ChangeSetType": "IMPORT"}, 400, "InvalidParameter"),
    ({"ChangeSetType": "UPDATE", "StackId": "x"}, 404, "StackNotFound"),
    ({"Parameters__1__ParameterKey": "Memory"}, 400, "InvalidParameter"),
    (
        {"Parameters__1__ParameterKey": "Nothing", "Parameters__1__ParameterValue": "1"},
        400,
        "StackValidationFailed",
    ),
]


@pytest.mark.parametrize(("wrong", "status", "code"), BAD)
def test_what_is_wrong_with_a_change_set_is_said(tmp_path, wrong, status, code):
    @on_cloud
    async def story(cloud):
        await cloud.upload(archive())
        sent = {"ChangeSetName": "c", "ChangeSetType": "CREATE", "StackName": "s"}
        sent["TemplateBody"] = json.dumps(PLAIN)
        await cloud.refused(status, code, ROS, "CreateChangeSet", **{**sent, **wrong})
        assert (await cloud.ok(ROS, "ListStacks"))["TotalCount"] == 0

    story(tmp_path)


@on_cloud
async def test_a_placeholder_is_to_be_filled_in_by_hand(cloud):
    await cloud.upload(archive())
    config = {"Destination": {"OnFailure": "acs:mns:::/queues/{please_replace_me}/messages"}}
    sent = {"StackName": "s", "TemplateBody": json.dumps(changed(PLAIN, AsyncConfiguration=config))}
    message = await cloud.refused(400, "StackValidationFailed", ROS, "CreateStack", **sent)
    assert "{please_replace_me}" in message
    assert "Write its value in its place" in message


@on_cloud
async def test_a_message_lists_the_first_of_many_problems(cloud):
    many = {f"F{i}": {"Type": "ALIYUN::FC::Function", "Properties": {}} for i in range(20)}
    template = json.dumps({"ROSTemplateFormatVersion": "2015-09-01", "Resources": many})
    sent = {"StackName": "s", "TemplateBody": template}
    message = await cloud.refused(400, "StackValidationFailed", ROS, "CreateStack", **sent)
    assert "Resources/F0" in message
    assert message.count("TemplateBody:") == 10
    assert message.splitlines()[-1].startswith("and ")


@on_cloud
async def test_a_stack_of_somebody_elses_is_not_taken_over(cloud):
    await cloud.upload(archive())
    await deploy(cloud, PLAIN)
    sent = {"ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": json.dumps(PLAIN)}
    await cloud.refused(409, "StackExists", ROS, "CreateChangeSet", StackName="demo", **sent)
    message = await cloud.refused(409, "StackConflict", ROS, "CreateChangeSet", StackName="other", **sent)
    assert "belongs to stack 'demo'" in message


@on_cloud
async def test_a_change_set_is_carried_out_once_and_ends_when_it_is_deleted(cloud):
    await cloud.upload(archive())
    made = await create(cloud, PLAIN)
    await cloud.ok(ROS, "DeleteChangeSet", ChangeSetId=made["ChangeSetId"])
    await cloud.refused(404, "ChangeSetNotFound", ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    await cloud.ok(ROS, "DeleteStack", StackId=made["StackId"])
    assert (await cloud.ok(ROS, "GetStack", StackId=made["StackId"]))["Status"] == "DELETE_COMPLETE"
    made = await create(cloud, PLAIN)
    await cloud.ok(ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    await cloud.settled(made["StackId"])
    await cloud.refused(400, "NotSupported", ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    found = await cloud.ok(ROS, "GetChangeSet", ChangeSetId=made["ChangeSetId"])
    assert found["ExecutionStatus"] == "EXECUTE_COMPLETE"


@on_cloud
async def test_a_deploy_that_fails_says_why_in_its_events_and_changes_nothing(cloud):
    await cloud.upload(archive())
    made = await create(cloud, PLAIN)
    cloud.stage.disk_is_full = True
    await cloud.ok(ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    event = (await cloud.settled(made["StackId"]))[0]
    assert (event["Status"], event["ResourceType"]) == ("CREATE_FAILED", "ALIYUN::ROS::Stack")
    assert event["StatusReason"]
    assert not cloud.stage.emulator.deployed.functions
    assert (await cloud.ok(ROS, "ListStacks"))["Stacks"] == []
    cloud.stage.disk_is_full = False
    stack_id = await deploy(cloud, PLAIN)
    made = await cloud.ok(ROS, "CreateChangeSet", **update(stack_id, changed(PLAIN, Timeout=9)))
    cloud.stage.disk_is_full = True
    await cloud.ok(ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    assert (await cloud.settled(stack_id))[0]["Status"] == "UPDATE_FAILED"
    assert (await cloud.ok(ROS, "GetStack", StackId=stack_id))["Status"] == "UPDATE_FAILED"
    assert only_function(cloud).timeout_seconds == 3


@on_cloud
async def test_the_events_of_a_large_deploy_come_in_pages_that_end_with_its_begin(cloud):
    """Funcraft turns the pages until it finds the stack in progress (wire 3.1)."""
    await cloud.upload(archive())
    template = json.loads(json.dumps(PLAIN))
    function = template["Resources"].pop("Function")
    del template["Outputs"]
    for i in range(40):
        properties = {**function["Properties"], "FunctionName": f"f{i}"}
        template["Resources"][f"F{i}"] = {**function, "Properties": properties}
    stack_id = await deploy(cloud, template)
    statuses = []
    for number in (1, 2):
        page = await cloud.ok(ROS, "ListStackEvents", StackId=stack_id, PageSize=50, PageNumber=number)
        assert (page["TotalCount"], page["PageNumber"]) == (84, number)
        statuses += [(e["LogicalResourceId"], e["Status"]) for e in page["Events"]]
    assert len(statuses) == len(set(statuses)) == 84
    assert (statuses[0], statuses[-1]) == (("demo", "CREATE_COMPLETE"), ("demo", "CREATE_IN_PROGRESS"))
    # The next deploy tells its own story alone.
    made = await cloud.ok(ROS, "CreateChangeSet", **update(stack_id, changed_first(template)))
    await cloud.ok(ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    assert [e["Status"] for e in await cloud.settled(stack_id)] == [
        "UPDATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
    ]


def changed_first(template):
    new = json.loads(json.dumps(template))
    new["Resources"]["F0"]["Properties"]["Timeout"] = 9
    return new


@on_cloud
async def test_a_stack_can_be_made_changed_and_deleted_without_change_sets(cloud):
    await cloud.upload(archive())
    sent = {"StackName": "demo", "TemplateBody": json.dumps(PLAIN)}
    stack_id = (await cloud.ok(ROS, "CreateStack", **sent))["StackId"]
    await cloud.settled(stack_id)
    await cloud.refused(409, "StackExists", ROS, "CreateStack", **sent)
    new = {"StackId": stack_id, "TemplateBody": json.dumps(changed(PLAIN, Timeout=9))}
    assert (await cloud.ok(ROS, "UpdateStack", **new))["StackId"] == stack_id
    await cloud.settled(stack_id)
    assert only_function(cloud).timeout_seconds == 9
    await cloud.refused(400, "NotSupported", ROS, "UpdateStack", **new)
    await cloud.ok(ROS, "DeleteStack", StackId=stack_id)
    assert (await cloud.ok(ROS, "GetStack", StackId=stack_id))["Status"] == "DELETE_COMPLETE"
    assert not cloud.stage.emulator.deployed.functions
    await cloud.refused(404, "StackNotFound", ROS, "UpdateStack", **new)
    await cloud.refused(404, "StackNotFound", ROS, "DeleteStack", StackId="x")


@on_cloud
async def test_stacks_are_listed_in_pages_and_by_name_id_and_status(cloud):
    await cloud.upload(archive())
    ids = {}
    for name in ("a", "b", "c"):
        template = json.loads(json.dumps(PLAIN).replace('"shop"', f'"shop-{name}"'))
        ids[name] = await deploy(cloud, template, name)

    async def names(**given):
        found = await cloud.ok(ROS, "ListStacks", **given)
        return {stack["StackName"] for stack in found["Stacks"]}, found["TotalCount"]

    assert await names() == ({"a", "b", "c"}, 3)
    first, _ = await names(PageSize=2)
    rest, total = await names(PageSize=2, PageNumber=2)
    assert (first | rest, len(first), total) == ({"a", "b", "c"}, 2, 3)
    assert await names(StackName__1="a", StackName__2="c") == ({"a", "c"}, 2)
    assert await names(StackId=ids["b"]) == ({"b"}, 1)
    assert await names(Status__1="UPDATE_COMPLETE") == (set(), 0)
    for wrong in ({"PageSize": 0}, {"PageSize": 51}, {"PageNumber": "x"}):
        await cloud.refused(400, "InvalidParameter", ROS, "ListStacks", **wrong)
    assert (await cloud.ok(ROS, "DescribeRegions"))["Regions"][0]["RegionId"] == REGION


def test_a_stack_that_the_daemon_finds_is_told_of_like_one_that_it_made(tmp_path):
    async def main():
        async with serving(tmp_path) as cloud:
            await cloud.upload(archive())
            given = {"Parameters__1__ParameterKey": "Memory", "Parameters__1__ParameterValue": 256}
            stack_id = await deploy(cloud, PLAIN, **given)
        async with serving(tmp_path) as cloud:
            told = await cloud.ok(ROS, "GetStack", StackId=stack_id)
            assert (told["StackName"], told["Status"]) == ("demo", "CREATE_COMPLETE")
            events = (await cloud.ok(ROS, "ListStackEvents", StackId=stack_id))["Events"]
            assert [e["Status"] for e in events] == ["CREATE_COMPLETE", "CREATE_IN_PROGRESS"]
            await cloud.refused(400, "NotSupported", ROS, "CreateChangeSet", **update(stack_id, PLAIN))

    asyncio.run(main())


@on_cloud
async def test_warnings_are_the_reason_of_a_stack_that_is_complete(cloud):
    await cloud.upload(archive())
    config = {"Destination": {"OnFailure": "acs:mns:::/queues/nowhere/messages"}}
    stack_id = await deploy(cloud, changed(PLAIN, AsyncConfiguration=config))
    assert "nowhere" in (await cloud.ok(ROS, "GetStack", StackId=stack_id))["StatusReason"]


@on_cloud
async def test_a_daemon_that_ends_in_the_middle_of_a_deploy_takes_it_back(cloud):
    """The call that the template asks for never ends: the function's instance does not answer."""
    await cloud.upload(archive())
    template = json.loads(json.dumps(PLAIN))
    template["Resources"]["Queue"] = {"Type": "ALIYUN::MNS::Queue", "Properties": {"QueueName": "letters"}}
    template["Resources"]["Invoker"] = {
        "Type": "ALIYUN::FC::FunctionInvoker",
        "Properties": {
            "ServiceName": "shop",
            "FunctionName": {"Fn::GetAtt": ["Function", "FunctionName"]},
            "ExecuteVersion": 1,
            "Event": json.dumps({"block": "gate"}),
        },
    }
    made = await create(cloud, template)
    await cloud.ok(ROS, "ExecuteChangeSet", ChangeSetId=made["ChangeSetId"])
    async with asyncio.timeout(20):
        while not cloud.stage.runtime.calls:
            await asyncio.sleep(0.01)
    told = await cloud.ok(ROS, "GetStack", StackId=made["StackId"])
    assert told["Status"] == "CREATE_IN_PROGRESS"
    await cloud.stacks.close()
    assert not cloud.stage.emulator.deployed.functions
    assert "letters" not in cloud.stage.mns.names()
