"""Templates for the acceptance tests, small and in the shape of the public sample."""

from __future__ import annotations

import json
import textwrap


def template(
    code: str,
    *,
    service: str = "demo",
    function: str = "main",
    handler: str = "index.handler",
    timeout: int = 30,
    retries: int | None = 0,
    queue: str = "dlq",
    stateful: bool = True,
    **extra: object,
) -> str:
    """One service with one function; both destinations are ``queue`` (none when empty)."""
    properties: dict[str, object] = {
        "ServiceName": service,
        "FunctionName": function,
        "Handler": handler,
        "Runtime": "python3",
        "MemorySize": 128,
        "Timeout": timeout,
        "Code": {"SourceCode": textwrap.dedent(code)},
        **extra,
    }
    if retries is not None:
        properties["AsyncConfiguration"] = {
            "StatefulInvocation": stateful,
            "MaxAsyncRetryAttempts": retries,
            "MaxAsyncEventAgeInSeconds": 3600,
            "Destination": {
                key: f"acs:mns:::/queues/{queue}/messages" for key in ("OnSuccess", "OnFailure") if queue
            },
        }
    return json.dumps(
        {
            "ROSTemplateFormatVersion": "2015-09-01",
            "Resources": {
                "Service": {"Type": "ALIYUN::FC::Service", "Properties": {"ServiceName": service}},
                "Function": {
                    "Type": "ALIYUN::FC::Function",
                    "DependsOn": "Service",
                    "Properties": properties,
                },
            },
        },
        indent=1,
    )
