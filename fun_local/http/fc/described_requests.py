"""What the description says of requests: parameters and the fields of bodies. Data only.

The bounds are the ones that reading.py and its callers enforce; tests send what is described
(tests/integration/test_description.py). Answers: described_answers.py.
"""

from __future__ import annotations

from typing import Any

from fun_local.accept import MAX_DELAY_SECONDS
from fun_local.http.fc import domains, function_fields, kept_configs, services
from fun_local.model.domains import PROTOCOLS
from fun_local.model.execution import Status
from fun_local.model.resources import MAX_AGE_SECONDS, MAX_RETRIES

Json = dict[str, Any]

_TEXT: Json = {"type": "string", "maxLength": 1024}
FLAG: Json = {"type": "boolean"}
OBJECT: Json = {"type": "object"}
_WORD: Json = {"type": "string", "minLength": 1, "maxLength": 128}
MILLISECONDS: Json = {"type": "integer", "minimum": 0, "description": "milliseconds since 1970"}

#: fc-api 4. Names of functions are shorter in FC 2.0 (Dialect.longest_function_name).
NAME: Json = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,127}$"}
_ID: Json = {**NAME, "description": "the id of an execution; made here where none is given"}


def _whole(low: int, high: int, **more: Any) -> Json:
    return {"type": "integer", "minimum": low, "maximum": high, **more}


def one_of(*words: str) -> Json:
    return {"type": "string", "enum": list(words)}


def object_of(needed: str = "", /, **properties: Json) -> Json:
    """``needed`` holds the names of those that are always there."""
    found: Json = {"type": "object", "properties": properties}
    return {**found, "required": needed.split()} if needed else found


#: Parameters in paths, queries and headers, by name; any other is a text.
PARAMETERS: dict[str, Json] = {
    "limit": _whole(1, 100),
    "Limit": _whole(1, 100),
    "direction": one_of("BACKWARD", "FORWARD"),
    "sortOrderByTime": one_of("asc", "desc"),
    "status": one_of(*Status),
    "includePayload": FLAG,
    "startedTimeBegin": MILLISECONDS,
    "startedTimeEnd": MILLISECONDS,
    "fcVersion": one_of("v2", "v3"),
    "tags": {"type": "string", "description": 'a list in JSON: [{"Key": "k", "Value": "v"}]'},
    "All": FLAG,
    "resourceArn": _TEXT,
    "X-Fc-Invocation-Type": one_of("Sync", "Async"),
    "X-Fc-Log-Type": one_of("None", "Tail"),
    "X-Fc-Trace-Id": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    "X-Fc-Stateful-Async-Invocation-Id": _ID,
    "X-Fc-Async-Task-Id": _ID,
    "X-Fc-Stateful-Async-Invocation-Enable": FLAG,
    "X-Fc-Async-Delay": _whole(0, MAX_DELAY_SECONDS),
    "X-Fc-Code-Checksum": {"type": "string", "pattern": "^[0-9]{1,20}$", "description": "CRC-64 (ECMA-182)"},
    "If-Match": {"type": "string", "description": "the ETag of what is to be changed"},
}

#: Parameters without which nothing can be done.
REQUIRED_PARAMETERS = frozenset({("GetResourceTags", "resourceArn"), ("UntagResources", "ResourceId")})

_KINDS: dict[type, Json] = {
    str: {"type": "string"},
    bool: FLAG,
    int: {"type": "integer"},
    dict: OBJECT,
    list: {"type": "array", "items": {}},
}
_HOOK = object_of(handler={"type": "string", "maxLength": 128}, timeout=_whole(1, 90))
_INITIALIZER = object_of(handler={"type": "string", "maxLength": 128}, timeout=_whole(1, 300))
_DESTINATION = object_of(destination={"type": "string", "description": "an address: acs:mns:… or acs:fc:…"})
_TAG = object_of("Key", Key=_WORD, Value={"type": "string", "maxLength": 128})
COUNT = _whole(0, 100_000)

#: What is only kept, by the kinds that are enforced.
_KEPT: dict[str, type] = {
    **services.KEPT,
    **function_fields.KEPT,
    **domains.KEPT,
    **{name: kind for what in kept_configs.ALL for name, kind in what.others.items()},
}

#: Fields of bodies, by name.
FIELDS: dict[str, Json] = {
    **{name: _KINDS[kind] for name, kind in _KEPT.items()},
    "serviceName": NAME,
    "functionName": NAME,
    "description": _TEXT,
    "role": _TEXT,
    "internetAccess": FLAG,
    "logConfig": object_of(project=_TEXT, logstore=_TEXT),
    "runtime": one_of(*function_fields.RUNTIMES),
    "handler": {"type": "string", "minLength": 1, "maxLength": 128},
    "timeout": _whole(1, 86_400),
    "memorySize": _whole(128, 32_768, multipleOf=64),
    "environmentVariables": {"type": "object", "additionalProperties": {"type": "string"}},
    "instanceConcurrency": _whole(1, 200),
    "initializer": {"type": "string", "maxLength": 128},
    "initializationTimeout": _whole(1, 300),
    "caPort": _whole(1, 65_535),
    "instanceLifecycleConfig": object_of(initializer=_INITIALIZER, preFreeze=_HOOK, preStop=_HOOK),
    "code": object_of(
        "zipFile", zipFile={"type": "string", "format": "byte", "description": "a zip archive in base64"}
    ),
    "layers": {"type": "array", "items": {"type": "string"}},
    "cpu": {"type": "number", "minimum": 0.05, "maximum": 16, "description": "a multiple of 0.05"},
    "diskSize": {"type": "integer", "enum": [512, 10_240]},
    "tags": {"type": "array", "items": _TAG, "maxItems": 20},
    "aliasName": NAME,
    "versionId": {"type": "string", "minLength": 1, "maxLength": 10},
    "additionalVersionWeight": {
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "triggerName": NAME,
    "triggerType": {"type": "string", "minLength": 1, "maxLength": 64},
    "triggerConfig": OBJECT,  # as text since 2021
    "qualifier": {"type": "string", "maxLength": 128},
    "sourceArn": _TEXT,
    "invocationRole": _TEXT,
    "statefulInvocation": FLAG,
    "maxAsyncRetryAttempts": _whole(0, MAX_RETRIES),
    "maxAsyncEventAgeInSeconds": _whole(1, MAX_AGE_SECONDS),
    "destinationConfig": object_of(onSuccess=_DESTINATION, onFailure=_DESTINATION),
    **{name: COUNT for what in kept_configs.ALL for name in what.numbers},
    "reason": _TEXT,
    "abortOngoingRequest": FLAG,
    "resourceArn": _TEXT,
    "tagKeys": {"type": "array", "items": {"type": "string"}},
    "all": FLAG,
    "resourceId": {"type": "array", "items": {"type": "string"}},
    "resourceType": _TEXT,
    "tag": {"type": "array", "items": _TAG},
    "domainName": {"type": "string", "minLength": 1, "maxLength": 253},
    "protocol": one_of(*PROTOCOLS),
    "routeConfig": object_of(
        routes={"type": "array", "items": object_of("path functionName", path=_WORD, functionName=_WORD)}
    ),
}

#: The tags of a service in FC 2.0; those of functions are a list.
TAGS_OF_A_SERVICE: Json = {"type": "object", "additionalProperties": {"type": "string"}}

#: Fields without which an operation can't be done.
REQUIRED_FIELDS: dict[str, tuple[str, ...]] = {
    "CreateService": ("serviceName",),
    "CreateFunction": ("functionName", "runtime", "handler", "code"),
    "CreateAlias": ("aliasName", "versionId"),
    "CreateTrigger": ("triggerName", "triggerType"),
    "CreateCustomDomain": ("domainName",),
    "TagResource": ("resourceArn", "tags"),
    "UntagResource": ("resourceArn",),
    "DeleteResourceTags": ("resourceArn",),
    "TagResources": ("resourceId", "tag"),
    "PutFunctionOnDemandConfig": ("maximumInstanceCount",),
    "PutConcurrencyConfig": ("reservedConcurrency",),
}
