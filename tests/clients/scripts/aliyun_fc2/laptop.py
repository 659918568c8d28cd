"""The client `aliyun-fc2`, pointed at the laptop."""

import os
import tempfile

import fc2
from claims import archive, eventually, fresh


def client(**other):
    keys = {"accessKeyID": os.environ["ACCESS_KEY_ID"], "accessKeySecret": os.environ["ACCESS_KEY_SECRET"]}
    return fc2.Client(endpoint=os.environ["FC_ENDPOINT"], **{**keys, **other})


here = client()


def service():
    return here.create_service(fresh("service")).data["serviceName"]


def zip_file():
    path = os.path.join(tempfile.mkdtemp(), "code.zip")
    with open(path, "wb") as file:
        file.write(archive())
    return path


def function():
    """A service with a function; both names."""
    name = service()
    here.create_function(name, "work", "python3", "index.handler", codeZipFile=zip_file())
    return name, "work"


def stateful(**config):
    """A function whose asynchronous invocations are recorded."""
    names = function()
    config = {"statefulInvocation": True, "maxAsyncRetryAttempts": 0, **config}
    here.put_function_async_invoke_config(names[0], "LATEST", names[1], config)
    return names


def start(names, event, **headers):
    """Starts an asynchronous invocation; its id. ``qualifier`` and other headers by keyword."""
    identifier = fresh("job")
    sent = {"x-fc-invocation-type": "Async", "x-fc-stateful-async-invocation-id": identifier, **headers}
    here.invoke_function(*names, event, headers=sent)
    return identifier


def ask(method, names, path=""):
    """The client has no calls for stateful invocations: a request that it signs (wire 3.3)."""
    path = f"/2016-08-15/services/{names[0]}/functions/{names[1]}/stateful-async-invocations{path}"
    return here._do_request(method, path, here._build_common_headers(method, path, {}))


def record(names, identifier, status):
    """The record of an invocation, once it has this status."""
    return eventually(
        lambda: ask("GET", names, f"/{identifier}").json(), lambda found: found["status"] == status
    )
