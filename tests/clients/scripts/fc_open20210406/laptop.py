"""The client `alibabacloud-fc-open20210406`, pointed at the laptop."""

import os

from alibabacloud_fc_open20210406 import models
from alibabacloud_fc_open20210406.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from claims import archive64, eventually, fresh

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


def service():
    return here.create_service(models.CreateServiceRequest(service_name=fresh("service"))).body.service_name


def work(**fields):
    """A request for a function."""
    code = models.Code(zip_file=archive64())
    fields = {
        "function_name": "work",
        "runtime": "python3",
        "handler": "index.handler",
        "code": code,
        **fields,
    }
    return models.CreateFunctionRequest(**fields)


def function(**fields):
    """A service with a function; both names."""
    name = service()
    return name, here.create_function(name, work(**fields)).body.function_name


def stateful(**config):
    """A function whose asynchronous invocations are recorded."""
    names = function()
    config = {"stateful_invocation": True, "max_async_retry_attempts": 0, **config}
    here.put_function_async_invoke_config(*names, models.PutFunctionAsyncInvokeConfigRequest(**config))
    return names


def invoke(names, event=b"", qualifier=None, **headers):
    request = models.InvokeFunctionRequest(body=event, qualifier=qualifier)
    return here.invoke_function_with_options(
        *names, request, models.InvokeFunctionHeaders(**headers), RuntimeOptions()
    )


def start(names, event, identifier="", **options):
    """Starts an asynchronous invocation; its id."""
    identifier = identifier or fresh("job")
    answer = invoke(
        names, event, x_fc_invocation_type="Async", x_fc_stateful_async_invocation_id=identifier, **options
    )
    assert answer.status_code == 202
    return identifier


def record(names, identifier, status):
    """The record of an invocation, once it has this status."""
    request = models.GetStatefulAsyncInvocationRequest()
    return eventually(
        lambda: here.get_stateful_async_invocation(*names, identifier, request).body,
        lambda found: found.status == status,
    )
