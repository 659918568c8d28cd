"""What the description says of answers, whose tests hold them against it. Data only."""

from __future__ import annotations

from typing import Any

from fun_local.http.fc import kept_configs
from fun_local.http.fc.described_requests import (
    COUNT,
    FIELDS,
    FLAG,
    MILLISECONDS,
    OBJECT,
    TAGS_OF_A_SERVICE,
    object_of,
    one_of,
)
from fun_local.model.execution import Status

Json = dict[str, Any]


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_TIME: Json = {"type": "string", "description": "UTC: 2020-04-01T08:14:58Z; empty where it is not known"}
_TIMES = {"createdTime": _TIME, "lastModifiedTime": _TIME}
_STRING: Json = {"type": "string"}
_MAYBE: Json = {"type": "string", "nullable": True}

#: What is answered, by the names that ANSWERS uses. More fields may be there: what was sent and is kept.
SCHEMAS: dict[str, Json] = {
    "Error": object_of(
        "ErrorCode ErrorMessage Code Message RequestId",
        **dict.fromkeys(("ErrorCode", "ErrorMessage", "Code", "Message", "RequestId"), _STRING),
    ),
    "Service": object_of(
        "serviceName serviceId description role internetAccess logConfig createdTime lastModifiedTime",
        serviceName=_STRING,
        serviceId=_STRING,
        description=_STRING,
        role=_STRING,
        internetAccess=FLAG,
        logConfig=object_of("project logstore", project=_STRING, logstore=_STRING),
        **_TIMES,
    ),
    "Function": object_of(
        "functionName functionId description runtime handler timeout memorySize codeSize codeChecksum "
        "environmentVariables instanceConcurrency createdTime lastModifiedTime",
        **dict.fromkeys(("functionName", "functionId", "description", "runtime", "handler"), _STRING),
        timeout=FIELDS["timeout"],
        memorySize=FIELDS["memorySize"],
        codeChecksum=_STRING,
        codeSize={"type": "integer", "minimum": 0},
        environmentVariables=FIELDS["environmentVariables"],
        **{"instanceConcurrency": FIELDS["instanceConcurrency"], **_TIMES},
        # Of FC 3.0 alone, as objects and not as the texts that are sent.
        functionArn=_STRING,
        state=one_of("Active"),
        role=_STRING,
        layers={"type": "array", "items": {"oneOf": [_STRING, object_of("arn", arn=_STRING)]}},
    ),
    "Code": object_of("url checksum", url={"type": "string", "format": "uri"}, checksum=_STRING),
    "Version": object_of(
        "versionId description createdTime lastModifiedTime", versionId=_STRING, description=_STRING, **_TIMES
    ),
    "Alias": object_of(
        "aliasName versionId description additionalVersionWeight createdTime lastModifiedTime",
        aliasName=_STRING,
        versionId=_STRING,
        description=_STRING,
        additionalVersionWeight={**FIELDS["additionalVersionWeight"], "nullable": True},
        **_TIMES,
    ),
    "Trigger": object_of(
        "triggerName triggerId triggerType triggerConfig description createdTime lastModifiedTime",
        triggerName=_STRING,
        triggerId=_STRING,
        triggerType=_STRING,
        description=_STRING,
        triggerConfig={"oneOf": [OBJECT, _STRING]},
        **{"qualifier": _MAYBE, "sourceArn": _MAYBE, "invocationRole": _MAYBE, **_TIMES},
    ),
    "AsyncConfig": object_of(
        "createdTime lastModifiedTime",
        service=_STRING,
        function=_STRING,
        qualifier=_STRING,
        functionArn=_STRING,
        statefulInvocation=FLAG,
        asyncTask=FLAG,
        maxAsyncRetryAttempts=FIELDS["maxAsyncRetryAttempts"],
        maxAsyncEventAgeInSeconds=FIELDS["maxAsyncEventAgeInSeconds"],
        **{"destinationConfig": FIELDS["destinationConfig"], **_TIMES},
    ),
    "Execution": object_of(
        "qualifier status requestId startedTime endTime durationMs alreadyRetriedTimes destinationStatus "
        "instanceId events",
        invocationId=_STRING,
        taskId=_STRING,
        qualifier=_STRING,
        status=one_of(*Status),
        requestId=_STRING,
        startedTime=MILLISECONDS,
        endTime=MILLISECONDS,
        durationMs={"type": "integer"},
        alreadyRetriedTimes={"type": "integer", "minimum": 0},
        instanceId=_STRING,
        destinationStatus=one_of("", "Succeeded", "Failed"),
        serviceName=_STRING,
        functionName=_STRING,
        functionArn=_STRING,
        invocationPayload=_STRING,
        taskPayload=_STRING,
        returnPayload=_STRING,
        invocationErrorMessage=_STRING,
        taskErrorMessage=_STRING,
        events={"type": "array", "items": _ref("Event")},
    ),
    "Event": object_of(
        "eventId status timestamp eventDetail",
        eventId={"type": "integer", "minimum": 1},
        status=one_of(*Status),
        timestamp=MILLISECONDS,
        eventDetail=_STRING,
    ),
    "FunctionWithExecutions": object_of(
        "serviceName functionName qualifier", serviceName=_STRING, functionName=_STRING, qualifier=_STRING
    ),
    "CustomDomain": object_of(
        "domainName accountId protocol routeConfig createdTime lastModifiedTime",
        domainName=_STRING,
        accountId=_STRING,
        protocol=FIELDS["protocol"],
        **{"routeConfig": OBJECT, **_TIMES},
    ),
    "Tags": object_of("resourceArn tags", resourceArn=_STRING, tags=TAGS_OF_A_SERVICE),
    "Setting": object_of(**{name: COUNT for what in kept_configs.ALL for name in what.numbers}),
    "AccountSettings": object_of("availableAZs", availableAZs={"type": "array", "items": _STRING}),
    "Regions": object_of("Regions", Regions=object_of("Region", Region={"type": "array", "items": OBJECT})),
    "TaggedResources": object_of(
        "TagResources NextToken RequestId",
        TagResources={"type": "array", "items": OBJECT},
        NextToken=_STRING,
        RequestId=_STRING,
    ),
    "Done": OBJECT,
}

#: What an operation answers; of a list the key and what is in it.
ANSWERS: dict[str, str | tuple[str, str]] = {
    **dict.fromkeys(("CreateService", "GetService", "UpdateService"), "Service"),
    "ListServices": ("services", "Service"),
    **dict.fromkeys(("CreateFunction", "GetFunction", "UpdateFunction"), "Function"),
    "ListFunctions": ("functions", "Function"),
    "GetFunctionCode": "Code",
    "PublishServiceVersion": "Version",
    "ListServiceVersions": ("versions", "Version"),
    **dict.fromkeys(("CreateAlias", "GetAlias", "UpdateAlias"), "Alias"),
    "ListAliases": ("aliases", "Alias"),
    **dict.fromkeys(("CreateTrigger", "GetTrigger", "UpdateTrigger"), "Trigger"),
    "ListTriggers": ("triggers", "Trigger"),
    **dict.fromkeys(("PutFunctionAsyncInvokeConfig", "GetFunctionAsyncInvokeConfig"), "AsyncConfig"),
    "ListFunctionAsyncInvokeConfigs": ("configs", "AsyncConfig"),
    "GetStatefulAsyncInvocation": "Execution",
    "ListStatefulAsyncInvocations": ("invocations", "Execution"),
    "ListStatefulAsyncInvocationFunctions": ("data", "FunctionWithExecutions"),
    "GetAccountSettings": "AccountSettings",
    "DescribeRegions": "Regions",
    "ListLayers": ("layers", "Done"),
    "ListReservedCapacities": ("reservedCapacities", "Done"),
    **{
        f"{verb}{name}": "Setting"
        for verb in ("Put", "Get")
        for name in ("ProvisionConfig", "FunctionOnDemandConfig", "ScalingConfig", "ConcurrencyConfig")
    },
    "ListProvisionConfigs": ("provisionConfigs", "Setting"),
    "ListOnDemandConfigs": ("configs", "Setting"),
    "ListScalingConfigs": ("scalingConfigs", "Setting"),
    "ListConcurrencyConfigs": ("configs", "Setting"),
    **dict.fromkeys(("CreateCustomDomain", "GetCustomDomain", "UpdateCustomDomain"), "CustomDomain"),
    "ListCustomDomains": ("customDomains", "CustomDomain"),
    "GetResourceTags": "Tags",
    "ListTagResources": "TaggedResources",
    **dict.fromkeys(
        (
            *("StopStatefulAsyncInvocation", "GetAccountConfigs", "DisableFunctionInvocation"),
            *(
                "EnableFunctionInvocation",
                "TagResource",
                "UntagResource",
                "DeleteResourceTags",
                "TagResources",
            ),
        ),
        "Done",
    ),
}


def answer(name: str, key: Any) -> Json:
    """The schema of what an operation answers; ``key`` gives the name of a list in a version."""
    found = ANSWERS[name]
    if isinstance(found, str):
        return _ref(found)
    listed, item = found
    items = {"type": "array", "items": _ref(item)}
    return object_of(f"{key(listed)} nextToken", **{key(listed): items, "nextToken": _STRING})
