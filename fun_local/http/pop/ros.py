"""ROS 2019-09-10: stacks, by way of change sets or directly (wire 3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import orjson

from fun_local.errors import InvalidRequest, InvalidTemplate
from fun_local.http.pop.call import Action, Call, Json, time
from fun_local.model.stacks import Event
from fun_local.stacks import ChangeSet, StackInfo

_T = TypeVar("_T")

#: ROS documentation: CreateStack, CreateChangeSet, ListStacks.
_STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_MOST_ON_PAGE = 50

#: Problems of a template that a message lists.
_MOST_PROBLEMS = 10


async def create_change_set(call: Call) -> Json:
    name, kind = call.required("ChangeSetName"), call.get("ChangeSetType", "UPDATE").upper()
    if kind == "CREATE":
        stack = _new_name(call)
    elif kind == "UPDATE":
        stack = _stack(call).name
    else:
        raise InvalidRequest("InvalidParameter", f"ChangeSetType is CREATE or UPDATE, not {kind[:40]!r}")
    made = await _prepared(call, kind, stack, name)
    return {"ChangeSetId": made.id, "StackId": call.context.stacks.id_of(stack)}


async def get_change_set(call: Call) -> Json:
    stacks = call.context.stacks
    change_set = stacks.change_set(call.required("ChangeSetId"))
    return {
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "ChangeSetType": change_set.kind,
        "StackId": stacks.id_of(change_set.stack),
        "StackName": change_set.stack,
        "RegionId": call.context.region,
        "CreateTime": time(change_set.created_ms, has_zone=False),
        "Status": "CREATE_COMPLETE",
        "StatusReason": "\n".join(change_set.warnings),
        "ExecutionStatus": "EXECUTE_COMPLETE" if change_set.is_executed else "AVAILABLE",
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in change_set.sent.shown.items()
        ],
        "Changes": [
            {
                "Type": "Resource",
                "ResourceChange": {
                    "LogicalResourceId": change.name,
                    "ResourceType": change.type,
                    "Action": change.action,
                    "Details": [
                        {"Target": {"Attribute": "Properties", "Name": name}} for name in change.properties
                    ],
                },
            }
            for change in change_set.changes
        ],
    }


async def execute_change_set(call: Call) -> Json:
    call.context.stacks.execute(call.required("ChangeSetId"))
    return {}


async def delete_change_set(call: Call) -> Json:
    call.context.stacks.forget(call.required("ChangeSetId"))
    return {}


async def create_stack(call: Call) -> Json:
    return await _deploy(call, "CREATE", _new_name(call))


async def update_stack(call: Call) -> Json:
    return await _deploy(call, "UPDATE", _stack(call).name)


async def delete_stack(call: Call) -> Json:
    await call.context.stacks.remove(call.required("StackId"))
    return {}


async def list_stacks(call: Call) -> Json:
    names, ids, statuses = call.several("StackName"), call.several("StackIds"), call.several("Status")
    wanted = call.get("StackId")
    found = [
        stack
        for stack in call.context.stacks.all()
        if (not names or stack.name in names)
        and (not ids or stack.id in ids)
        and (not statuses or stack.status in statuses)
        and (not wanted or stack.id == wanted)
    ]
    page, counts = _page(call, found)
    return {"Stacks": [_shown(call, stack) for stack in page], **counts}


async def get_stack(call: Call) -> Json:
    stack = _stack(call)
    outputs = [
        {"OutputKey": key, "OutputValue": value, "Description": ""} for key, value in stack.outputs.items()
    ]
    pseudo = {"AccountId": call.context.account_id, "Region": call.context.region}
    pseudo |= {"StackId": stack.id, "StackName": stack.name}
    parameters = [
        {"ParameterKey": f"ALIYUN::{key}", "ParameterValue": value} for key, value in pseudo.items()
    ]
    return {**_shown(call, stack), "Outputs": outputs, "Parameters": parameters}


async def get_template(call: Call) -> Json:
    template = call.context.stacks.template(_stack(call))
    return {"TemplateBody": orjson.dumps(template).decode()}


async def list_stack_events(call: Call) -> Json:
    stack = _stack(call)
    page, counts = _page(call, call.context.stacks.events(stack))

    def shown(event: Event) -> Json:
        return {
            "EventId": event.id,
            "StackId": stack.id,
            "StackName": stack.name,
            "LogicalResourceId": event.name,
            "PhysicalResourceId": "",
            "ResourceType": event.type,
            "Status": event.status,
            "StatusReason": event.reason,
            "CreateTime": time(event.time_ms, has_zone=False),
        }

    return {"Events": [shown(event) for event in page], **counts}


async def list_stack_resources(call: Call) -> Json:
    stack = _stack(call)
    resources = call.context.stacks.template(stack)["Resources"]
    found = [
        {"LogicalResourceId": name, "ResourceType": resource["Type"], "Status": "CREATE_COMPLETE"}
        for name, resource in resources.items()
    ]
    return {"Resources": [{**item, "StackId": stack.id, "StackName": stack.name} for item in found]}


async def describe_regions(call: Call) -> Json:
    region = call.context.region
    return {"Regions": [{"RegionId": region, "LocalName": region, "RegionEndpoint": "ros.aliyuncs.com"}]}


ACTIONS: Mapping[str, Action] = {
    "CreateChangeSet": create_change_set,
    "GetChangeSet": get_change_set,
    "ExecuteChangeSet": execute_change_set,
    "DeleteChangeSet": delete_change_set,
    "CreateStack": create_stack,
    "UpdateStack": update_stack,
    "DeleteStack": delete_stack,
    "ListStacks": list_stacks,
    "GetStack": get_stack,
    "GetTemplate": get_template,
    "ListStackEvents": list_stack_events,
    "ListStackResources": list_stack_resources,
    "DescribeRegions": describe_regions,
}


async def _deploy(call: Call, kind: str, stack: str) -> Json:
    """A change set that is carried out at once."""
    made = await _prepared(call, kind, stack, "")
    call.context.stacks.execute(made.id)
    return {"StackId": call.context.stacks.id_of(stack)}


async def _prepared(call: Call, kind: str, stack: str, name: str) -> ChangeSet:
    body = call.get("TemplateBody")
    if not body:
        hint = "TemplateURL and TemplateId are not supported." if call.get("TemplateURL") else ""
        raise InvalidRequest(
            "MissingParameter.TemplateBody", "the parameter TemplateBody is missing", hint=hint
        )
    keys = call.several("Parameters", "ParameterKey")
    values = call.several("Parameters", "ParameterValue")
    if len(keys) != len(values):
        raise InvalidRequest("InvalidParameter", "each ParameterKey needs its ParameterValue")
    try:
        return await call.context.stacks.prepare(
            kind,
            stack,
            body.encode("utf-8", "surrogateescape"),
            dict(zip(keys, values, strict=True)),
            name=name,
            keeps_parameters=call.is_true("UsePreviousParameters"),
        )
    except InvalidTemplate as error:
        listed = [str(problem) for problem in error.problems[:_MOST_PROBLEMS]]
        more = len(error.problems) - len(listed)
        text = "\n".join([*listed, *([f"and {more} more"] if more else [])])
        raise InvalidRequest("StackValidationFailed", text) from None


def _new_name(call: Call) -> str:
    name = call.required("StackName")
    if not _STACK_NAME.fullmatch(name):
        message = f"{name[:80]!r} is not the name of a stack: letters, digits, hyphens and underscores"
        raise InvalidRequest("InvalidParameter", message)
    return name


def _stack(call: Call) -> StackInfo:
    return call.context.stacks.get(call.required("StackId"))


def _page(call: Call, found: Sequence[_T]) -> tuple[Sequence[_T], Json]:
    size = call.whole("PageSize", 10, most=_MOST_ON_PAGE)
    number = call.whole("PageNumber", 1, most=1_000_000)
    counts = {"TotalCount": len(found), "PageNumber": number, "PageSize": size}
    return found[(number - 1) * size : number * size], counts


def _shown(call: Call, stack: StackInfo) -> Json:
    changed = {"UpdateTime": time(stack.modified_ms, has_zone=False)}
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "RegionId": call.context.region,
        "Status": stack.status,
        "StatusReason": stack.reason,
        "CreateTime": time(stack.created_ms, has_zone=False),
        **(changed if stack.modified_ms != stack.created_ms else {}),
    }
