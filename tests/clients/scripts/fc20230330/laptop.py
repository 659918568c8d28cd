"""The client `alibabacloud-fc20230330`, pointed at the laptop. Its functions have no services."""

import io
import os

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from claims import SOURCE, archive64, eventually, fresh

#: Funcraft's variable has a scheme, this client's endpoint none (wire 3.4).
ENDPOINT = os.environ["FC_ENDPOINT"].removeprefix("http://")


def client(**other):
    keys = {
        "access_key_id": os.environ["ACCESS_KEY_ID"],
        "access_key_secret": os.environ["ACCESS_KEY_SECRET"],
    }
    config = {"endpoint": ENDPOINT, "protocol": "HTTP", "region_id": os.environ["REGION"]}
    return Client(Config(**{**keys, **config, **other}))


here = client()


def code(source=SOURCE):
    return models.InputCodeLocation(zip_file=archive64(source))


def create(name, **fields):
    fields = {"runtime": "python3.10", "handler": "index.handler", "code": code(), **fields}
    body = models.CreateFunctionInput(function_name=name, **fields)
    return here.create_function(models.CreateFunctionRequest(body=body))


def function(**fields):
    return create(fresh("work"), **fields).body.function_name


def update(name, **fields):
    return here.update_function(
        name, models.UpdateFunctionRequest(body=models.UpdateFunctionInput(**fields))
    ).body


def get(name, qualifier=None):
    return here.get_function(name, models.GetFunctionRequest(qualifier=qualifier)).body


def configure(name, qualifier=None, **fields):
    body = models.PutAsyncInvokeConfigInput(**fields)
    return here.put_async_invoke_config(
        name, models.PutAsyncInvokeConfigRequest(body=body, qualifier=qualifier)
    ).body


def recorded(**config):
    """A function whose asynchronous invocations are tasks: they leave records."""
    name = function()
    configure(name, **{"async_task": True, "max_async_retry_attempts": 0, **config})
    return name


def invoke(name, event=b"", qualifier=None, **headers):
    request = models.InvokeFunctionRequest(body=io.BytesIO(event), qualifier=qualifier)
    headers = models.InvokeFunctionHeaders(**headers)
    return here.invoke_function_with_options(name, request, headers, RuntimeOptions())


def result(name, event=b"", qualifier=None):
    return invoke(name, event, qualifier).body.read()


def start(name, event, identifier="", **options):
    """Starts an asynchronous task; its id."""
    identifier = identifier or fresh("job")
    answer = invoke(name, event, x_fc_invocation_type="Async", x_fc_async_task_id=identifier, **options)
    assert answer.status_code == 202
    return identifier


def task(name, identifier, status):
    """The record of a task, once it has this status."""
    return eventually(
        lambda: here.get_async_task(name, identifier, models.GetAsyncTaskRequest()).body,
        lambda found: found.status == status,
    )
