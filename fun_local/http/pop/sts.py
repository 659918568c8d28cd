"""STS 2015-04-01: who somebody is, and keys for a while."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fun_local.errors import InvalidRequest
from fun_local.http.pop.call import Action, Call, Json, time

#: STS documentation: AssumeRole.
_ROLE_ARN = re.compile(r"acs:ram::(?P<account>[^:/\s]*):role/(?P<name>[A-Za-z0-9.@_/-]{1,128})")
_SESSION = re.compile(r"[A-Za-z0-9.@_-]{2,64}")


async def assume_role(call: Call) -> Json:
    """Any role may be assumed. The keys are those of functions: good as long as this daemon lives."""
    arn, session = call.required("RoleArn"), call.required("RoleSessionName")
    match = _ROLE_ARN.fullmatch(arn)
    if match is None:
        message = f"RoleArn is acs:ram::ACCOUNT:role/NAME, not {arn[:160]!r}"
        raise InvalidRequest("InvalidParameter.RoleArn", message)
    if not _SESSION.fullmatch(session):
        message = "RoleSessionName has 2 to 64 letters, digits, '.', '@', '-' and '_'"
        raise InvalidRequest("InvalidParameter.RoleSessionName", message)
    seconds = call.whole("DurationSeconds", 3600, most=43_200)
    keyring = call.context.keyring
    name = match["name"]
    return {
        "Credentials": {
            "AccessKeyId": keyring.session.id,
            "AccessKeySecret": keyring.session.secret,
            "SecurityToken": keyring.session_token,
            "Expiration": time(call.context.now_ms() + seconds * 1000),
        },
        "AssumedRoleUser": {
            "Arn": f"acs:ram::{match['account']}:assumed-role/{name}/{session}",
            "AssumedRoleId": f"{name}:{session}",
        },
    }


async def get_caller_identity(call: Call) -> Json:
    account = call.context.account_id
    return {
        "AccountId": account,
        "UserId": account,
        "PrincipalId": account,
        "IdentityType": "Account",
        "Arn": f"acs:ram::{account}:root",
    }


ACTIONS: Mapping[str, Action] = {"AssumeRole": assume_role, "GetCallerIdentity": get_caller_identity}
