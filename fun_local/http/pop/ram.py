"""RAM 2015-05-01: roles and policies. They are kept for their owner and have no effect on this machine."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from fun_local.http.pop.call import Action, Call, Json, time
from fun_local.model.permissions import CUSTOM, SYSTEM, Permissions, Policy, Role


async def create_role(call: Call) -> Json:
    name = call.required("RoleName")
    document = call.required("AssumeRolePolicyDocument")
    now_ms = call.context.now_ms()
    new = call.context.permissions.change(
        lambda old: old.create_role(name, call.get("Description"), document, now_ms)
    )
    return {"Role": _role(call, new.role(name))}


async def get_role(call: Call) -> Json:
    return {"Role": _role(call, call.context.permissions.read().role(call.required("RoleName")))}


async def list_roles(call: Call) -> Json:
    """Those that somebody has made."""
    roles = call.context.permissions.read().roles.values()
    return {"Roles": {"Role": [_role(call, role) for role in roles]}, "IsTruncated": False}


async def delete_role(call: Call) -> Json:
    name = call.required("RoleName")
    call.context.permissions.change(lambda old: old.delete_role(name))
    return {}


async def list_policies_for_role(call: Call) -> Json:
    permissions = call.context.permissions.read()
    attached = permissions.role(call.required("RoleName")).attached
    return {"Policies": {"Policy": [_listed(permissions, *entry.split("/", 1)) for entry in attached]}}


async def attach_policy_to_role(call: Call) -> Json:
    role, kind, name = (call.required(key) for key in ("RoleName", "PolicyType", "PolicyName"))
    call.context.permissions.change(lambda old: old.attach(role, kind, name))
    return {}


async def detach_policy_from_role(call: Call) -> Json:
    role, kind, name = (call.required(key) for key in ("RoleName", "PolicyType", "PolicyName"))
    call.context.permissions.change(lambda old: old.detach(role, kind, name))
    return {}


async def create_policy(call: Call) -> Json:
    name, document = call.required("PolicyName"), call.required("PolicyDocument")
    now_ms = call.context.now_ms()
    new = call.context.permissions.change(
        lambda old: old.create_policy(name, call.get("Description"), document, now_ms)
    )
    return {"Policy": _policy(new.policy(name))}


async def get_policy(call: Call) -> Json:
    permissions = call.context.permissions.read()
    kind, name = call.required("PolicyType"), call.required("PolicyName")
    permissions.check_policy(kind, name)
    if kind == SYSTEM:
        return {"Policy": _listed(permissions, kind, name)}
    policy = permissions.policy(name)
    return {"Policy": _policy(policy), "DefaultPolicyVersion": _version(policy, policy.default)}


async def delete_policy(call: Call) -> Json:
    name = call.required("PolicyName")
    call.context.permissions.change(lambda old: old.delete_policy(name))
    return {}


async def list_policy_versions(call: Call) -> Json:
    permissions = call.context.permissions.read()
    kind, name = call.required("PolicyType"), call.required("PolicyName")
    permissions.check_policy(kind, name)
    policy = permissions.policy(name) if kind == CUSTOM else Policy(name, versions={"v1": ""})
    return {"PolicyVersions": {"PolicyVersion": [_version(policy, number) for number in policy.versions]}}


async def create_policy_version(call: Call) -> Json:
    name, document = call.required("PolicyName"), call.required("PolicyDocument")
    is_default, now_ms = call.is_true("SetAsDefault"), call.context.now_ms()
    new = call.context.permissions.change(
        lambda old: old.create_version(name, document, is_default=is_default, now_ms=now_ms)
    )
    policy = new.policy(name)
    return {"PolicyVersion": _version(policy, f"v{policy.count}")}


async def delete_policy_version(call: Call) -> Json:
    name, number = call.required("PolicyName"), call.required("VersionId")
    call.context.permissions.change(lambda old: old.delete_version(name, number))
    return {}


ACTIONS: Mapping[str, Action] = {
    "CreateRole": create_role,
    "GetRole": get_role,
    "ListRoles": list_roles,
    "DeleteRole": delete_role,
    "ListPoliciesForRole": list_policies_for_role,
    "AttachPolicyToRole": attach_policy_to_role,
    "DetachPolicyFromRole": detach_policy_from_role,
    "CreatePolicy": create_policy,
    "GetPolicy": get_policy,
    "DeletePolicy": delete_policy,
    "ListPolicyVersions": list_policy_versions,
    "CreatePolicyVersion": create_policy_version,
    "DeletePolicyVersion": delete_policy_version,
}


def _role(call: Call, role: Role) -> Json:
    account = call.context.account_id
    return {
        "RoleName": role.name,
        "RoleId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"fun-local:role/{role.name}")),
        "Arn": f"acs:ram::{account}:role/{role.name}",
        "Description": role.description,
        "AssumeRolePolicyDocument": role.document,
        "MaxSessionDuration": 3600,
        "CreateDate": time(role.created_ms),
    }


def _listed(permissions: Permissions, kind: str, name: str) -> Json:
    if kind == CUSTOM:
        return _policy(permissions.policy(name))
    return {"PolicyName": name, "PolicyType": kind, "Description": "", "DefaultVersion": "v1"}


def _policy(policy: Policy) -> Json:
    return {
        "PolicyName": policy.name,
        "PolicyType": CUSTOM,
        "Description": policy.description,
        "DefaultVersion": policy.default,
        "CreateDate": time(policy.created_ms),
        "UpdateDate": time(policy.modified_ms),
    }


def _version(policy: Policy, number: str) -> Json:
    return {
        "VersionId": number,
        "IsDefaultVersion": number == policy.default,
        "PolicyDocument": policy.versions[number],
    }
