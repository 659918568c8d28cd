"""Drives the function with the Python SDK of 2021-04-06, which knows stateful invocations.

Needs the package alibabacloud-fc-open20210406. The same program works in the cloud: only the environment
differs.
"""

import json
import os
import sys
import time

from alibabacloud_fc_open20210406 import models
from alibabacloud_fc_open20210406.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions

#: The last status a record can have.
FINAL = ("Succeeded", "Failed", "Stopped", "Expired", "Invalid")


def client():
    scheme, _, address = os.environ["FC_ENDPOINT"].partition("://")
    return Client(
        Config(
            access_key_id=os.environ["ACCESS_KEY_ID"],
            access_key_secret=os.environ["ACCESS_KEY_SECRET"],
            endpoint=address,
            protocol=scheme.upper(),
            region_id=os.environ["REGION"],
        )
    )


def main(text):
    fc = client()
    invoke = models.InvokeFunctionRequest(body=json.dumps({"text": text}).encode())
    headers = models.InvokeFunctionHeaders(x_fc_invocation_type="Async")
    answer = fc.invoke_function_with_options("library", "count", invoke, headers, RuntimeOptions())
    identifier = answer.headers["x-fc-stateful-async-invocation-id"]
    while True:
        request = models.GetStatefulAsyncInvocationRequest()
        record = fc.get_stateful_async_invocation("library", "count", identifier, request).body
        if record.status in FINAL:
            print(record.status, record.return_payload)
            return
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1])
