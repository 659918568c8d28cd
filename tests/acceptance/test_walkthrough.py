"""The main job, end to end, with real commands, a real daemon and real functions."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.acceptance.templates import template
from tests.conftest import corpus_file, wait_for

UNHANDLED = "UnhandledInvocationError"

CHILDREN = """
    import os, subprocess, sys, time, logging

    def handler(event, context):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        logging.info("children started")
        time.sleep(600)
"""


def deploy(shell, text: str, *options: str, queue: str = "dlq") -> None:
    shell.write("template.yml", text)
    if queue:
        shell.fun("mns", "queue", "create", queue)
    shell.fun("deploy", "--stack-name", "demo-1", *options)


def wait_for_status(shell, invocation_id: str, status: str) -> dict:
    def is_there() -> dict | None:
        record = shell.record(invocation_id)
        return record if record["status"] == status else None

    return wait_for(is_there)


def processes_with(mark: str) -> list[str]:
    """Processes whose environment holds ``mark``."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if mark.encode() in file.read():
                    found.append(pid)
        except OSError:
            continue
    return found


def test_the_public_sample_deploys_runs_stops_and_leaves_its_dead_letter(shell):
    text = corpus_file("seed/template.a17dbe3.yml").read_bytes()
    path = shell.write("template.yml", "")
    path.write_bytes(text)
    shell.fun("mns", "queue", "create", "stateful-invocation-dlq")

    refused = shell.fun("deploy", "--use-ros", "--stack-name", "demo-1", check=1)
    for destination in ("OnSuccess", "OnFailure"):
        where = f"Resources/Function/Properties/AsyncConfiguration/Destination/{destination}"
        assert re.search(rf"template\.yml:\d+:\d+: {where}: .*{{please_replace_me}}", refused.err)
    assert "--replace please_replace_me=VALUE" in refused.err
    assert shell.fun("info", "--json").json["functions"] == []

    arguments = ["deploy", "--use-ros", "--stack-name", "demo-1"]
    arguments += ["--replace", "please_replace_me=stateful-invocation-dlq"]
    deployed = shell.fun(*arguments, "--json").json
    assert [s["serviceName"] for s in deployed["services"]] == ["Stateful-Invocation-demo-1"]
    (function,) = deployed["functions"]
    assert (function["functionName"], function["action"]) == ("main", "Add")
    arn = "acs:mns:::/queues/stateful-invocation-dlq/messages"
    assert function["asyncConfig"] == {
        "statefulInvocation": True,
        "maxAsyncRetryAttempts": 1,
        "maxAsyncEventAgeInSeconds": 172800,
        "destinationConfig": {"onSuccess": {"destination": arn}, "onFailure": {"destination": arn}},
    }
    assert [r["name"] for r in deployed["notEmulated"]] == ["RAMRole"]
    assert path.read_bytes() == text

    again = shell.fun(*arguments)
    assert "Nothing to change" in again.out
    assert shell.fun(*arguments, "--json").json["unchanged"] is True

    invocation_id = shell.invk("main", "-t", "Async", "-s", '{"failure":true}').out.strip()
    wait_for_status(shell, invocation_id, "Running")
    wait_for(lambda: "long running function running" in shell.fun("executions", "logs", invocation_id).out)
    log = shell.fun("executions", "logs", invocation_id).out
    time_format = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.search(rf"^{time_format} {invocation_id} \[INFO\] long running function started$", log, re.M)

    assert shell.fun("executions", "stop", invocation_id).out.split() == [invocation_id, "Stopped"]
    record = shell.record(invocation_id)
    assert [event["status"] for event in record["events"]] == [
        "Enqueued",
        "Dequeued",
        "Running",
        "Stopping",
        "Stopped",
    ]

    message = shell.fun("mns", "queue", "receive", "stateful-invocation-dlq", "--wait", "5", "--json").json
    letter = json.loads(message["messageBody"])
    # The sample's own message (README of the sample project), key by key and in its order.
    assert list(letter) == [
        "timestamp",
        "requestContext",
        "requestPayload",
        "responseContext",
        "responsePayload",
    ]
    assert list(letter["requestContext"].items()) == [
        ("requestId", record["requestId"]),
        ("functionArn", "acs:fc:::services/Stateful-Invocation-demo-1.LATEST/functions/main"),
        ("condition", UNHANDLED),
        ("approximateInvokeCount", 1),
    ]
    assert letter["requestPayload"] == '{"failure":true}'
    assert list(letter["responseContext"].items()) == [("statusCode", 200), ("functionError", UNHANDLED)]
    text = re.fullmatch(
        r'{"errorMessage":"Process exited unexpectedly before completing request '
        r'\(duration: (\d+)ms, maxMemoryUsage: (\d+\.\d\d)MB\)"}',
        letter["responsePayload"],
    )
    assert text
    assert int(text[1]) == record["durationMs"] > 0
    assert float(text[2]) > 1
    assert " " not in message["messageBody"].split('"responsePayload"')[0]


def test_a_function_that_takes_too_long_is_retried_and_leaves_one_message(shell):
    code = """
        import time
        def handler(event, context):
            time.sleep(60)
    """
    deploy(shell, template(code, timeout=1, retries=1))
    first = shell.invk("main", "-t", "Async", "-s", "{}").out.strip()
    shell.wait(first, expect="Failed")
    again = shell.fun("executions", "retry", first).out.strip()
    assert again != first
    shell.wait(again, expect="Failed")
    for invocation_id, rerun_of in ((first, ""), (again, first)):
        record = shell.record(invocation_id)
        statuses = [event["status"] for event in record["events"]]
        assert statuses == ["Enqueued", "Dequeued", "Running", "Retrying", "Running", "Failed"]
        assert record["alreadyRetriedTimes"] == 1
        assert record["rerunOf"] == rerun_of
        assert record["invocationPayload"] == "{}"
        letter = shell.letter("dlq")
        assert letter["requestContext"]["requestId"] == record["requestId"]
        assert letter["requestContext"]["approximateInvokeCount"] == 2
        assert json.loads(letter["responsePayload"])["errorMessage"].startswith(
            "Function timed out after 1 seconds (maxMemoryUsage: "
        )
    assert shell.fun("mns", "queue", "info", "dlq", "--json").json["activeMessages"] == 0


def test_a_stop_takes_the_process_and_its_children(shell):
    deploy(shell, template(CHILDREN))
    invocation_id = shell.invk("main", "-t", "Async", "-s", "{}").out.strip()
    wait_for(lambda: "children started" in shell.fun("executions", "logs", invocation_id).out)
    mark = f"FC_INSTANCE_ID={shell.record(invocation_id)['instanceId']}"
    assert len(processes_with(mark)) == 3
    shell.fun("executions", "stop", invocation_id)
    assert processes_with(mark) == []
    events = shell.record(invocation_id)["events"]
    assert events[-1]["timestamp"] - events[-2]["timestamp"] < 1000


def test_a_success_keeps_its_result_and_goes_to_its_destination(shell):
    code = """
        import json
        def handler(event, context):
            return {"got": json.loads(event), "request": context.request_id}
    """
    deploy(shell, template(code))
    record = shell.invk("main", "-t", "Async", "-s", '{"k": 1}', "--wait", "--json").json
    assert record["status"] == "Succeeded"
    assert json.loads(record["returnPayload"]) == {"got": {"k": 1}, "request": record["requestId"]}
    assert record["destinationStatus"] == "Succeeded"
    assert record["invocationErrorMessage"] == ""
    result = shell.fun("executions", "get", record["invocationId"], "--result").out
    assert result == record["returnPayload"]
    letter = shell.letter("dlq")
    assert letter["requestContext"]["condition"] == ""
    assert letter["responseContext"] == {"statusCode": 200, "functionError": ""}
    assert letter["responsePayload"] == record["returnPayload"]


FAILURES = {
    "raises": (
        "def handler(event, context):\n    raise ValueError('no good')",
        {"errorMessage": "no good", "errorType": "ValueError"},
    ),
    "sys_exit": ("import sys\ndef handler(event, context):\n    sys.exit(0)", "Process exited unexpectedly"),
    "signal": (
        "import os, signal\ndef handler(event, context):\n    os.kill(os.getpid(), signal.SIGKILL)",
        "Process exited unexpectedly",
    ),
    "import": (
        "import not_there",
        {"errorMessage": "Unable to import module 'index'", "errorType": "ImportModuleError"},
    ),
    "no_handler": (
        "def other(event, context): ...",
        {
            "errorMessage": "Handler 'handler' is missing on module 'index'",
            "errorType": "HandlerNotFound",
        },
    ),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failing_function_gives_its_documented_payload_and_is_retried(shell, kind):
    code, expected = FAILURES[kind]
    deploy(shell, template(code, retries=1))
    done = shell.invk("main", "-t", "Async", "-s", "{}", "--wait", "--json", check=3)
    record = done.json
    assert record["status"] == "Failed"
    assert record["alreadyRetriedTimes"] == 1
    assert record["invocationErrorMessage"] == UNHANDLED
    payload = json.loads(record["returnPayload"])
    if isinstance(expected, str):
        assert list(payload) == ["errorMessage"]
        assert re.fullmatch(
            expected + r" before completing request \(duration: \d+ms, maxMemoryUsage: [\d.]+MB\)",
            payload["errorMessage"],
        )
    else:
        assert {key: payload[key] for key in expected} == expected
        assert isinstance(payload["stackTrace"], list)
    if kind == "raises":
        assert payload["stackTrace"] == [
            ['File "/code/index.py"', "line 2", "in handler", "raise ValueError('no good')"]
        ]
    letter = shell.letter("dlq")
    assert letter["responsePayload"] == record["returnPayload"]
    assert letter["requestContext"]["approximateInvokeCount"] == 2
    end = f"FC Invoke End RequestId: {record['requestId']}, Error: "
    assert shell.fun("executions", "logs", record["invocationId"]).out.count(end) == 2


def test_new_code_runs_at_the_next_call_after_a_deploy(shell):
    deploy(shell, template("def handler(event, context): return 'old'"))
    assert shell.invk("main", "-s", "{}").out == "old"
    pid = shell.fun("daemon", "status", "--json").json["pid"]
    deploy(shell, template("def handler(event, context): return 'new'"))
    assert shell.invk("main", "-s", "{}").out == "new"
    assert shell.fun("daemon", "status", "--json").json["pid"] == pid


def test_instances_are_reused(shell):
    code = """
        import os
        calls = []
        def handler(event, context):
            calls.append(1)
            return f"{os.getpid()} {len(calls)}"
    """
    deploy(shell, template(code))
    first, second = (shell.invk("main", "-s", "{}").out.split() for _ in range(2))
    assert first[0] == second[0]
    assert (first[1], second[1]) == ("1", "2")


def test_what_left_the_template_is_deleted_and_other_stacks_stay(shell):
    deploy(shell, template("def handler(e, c): ...", service="one"))
    shell.write("other.yml", template("def handler(e, c): ...", service="two"))
    shell.fun("deploy", "-t", "other.yml", "--stack-name", "demo-2")
    deploy(shell, template("def handler(e, c): ...", service="one", function="renamed"))
    paths = [(f["serviceName"], f["functionName"]) for f in shell.fun("info", "--json").json["functions"]]
    assert paths == [("one", "renamed"), ("two", "main")]


def test_a_daemon_that_is_killed_loses_nothing(shell):
    code = """
        import time
        def handler(event, context):
            time.sleep(float(event))
            return "done"
    """
    deploy(shell, template(code, retries=1))
    ids = [shell.invk("main", "-t", "Async", "-s", s).out.strip() for s in ("30", "0", "0.01")]
    wait_for_status(shell, ids[0], "Running")
    os.kill(shell.fun("daemon", "status", "--json").json["pid"], 9)
    ids.append(shell.invk("main", "-t", "Async", "-s", "0").out.strip())  # starts the next one
    shell.wait(*ids[1:])
    record = wait_for(lambda: (r := shell.record(ids[0]))["status"] == "Running" and r)
    statuses = [event["status"] for event in record["events"]]
    assert statuses == ["Enqueued", "Dequeued", "Running", "Retrying", "Running"]
    shell.fun("executions", "stop", ids[0])


FUNCRAFT = """
ROSTemplateFormatVersion: '2015-09-01'
Transform: 'Aliyun::Serverless-2018-04-03'
Resources:
  shop:
    Type: 'Aliyun::Serverless::Service'
    orders:
      Type: 'Aliyun::Serverless::Function'
      Properties:
        Handler: app.handler
        Runtime: python3
        CodeUri: ./code
        EnvironmentVariables: {GREETING: hello}
      Events:
        nightly:
          Type: Timer
          Properties: {CronExpression: '@every 1h', Enable: true}
"""


def test_a_funcraft_template_deploys_its_folder_of_code_directly(shell):
    shell.write("template.yml", FUNCRAFT)
    missing = shell.fun("deploy", check=1)
    assert "CodeUri" in missing.err
    shell.write("code/app.py", "import os\ndef handler(event, context): return os.environ['GREETING']\n")
    done = shell.fun("deploy", "--json").json
    assert [(f["serviceName"], f["functionName"]) for f in done["functions"]] == [("shop", "orders")]
    assert done["notEmulated"] == []
    assert shell.invk("orders", "-s", "{}").out == "hello"
    shell.write("template.yml", FUNCRAFT.replace("shop", "other"))
    shell.fun("deploy")
    services = [s["serviceName"] for s in shell.fun("info", "--json").json["services"]]
    assert services == ["other", "shop"]  # a direct deploy owns nothing, so it deletes nothing


def test_the_same_template_as_a_stack_has_a_suffix_in_its_services_name(shell):
    shell.write("template.yml", FUNCRAFT)
    shell.write("code/app.py", "def handler(event, context): ...\n")
    done = shell.fun("deploy", "--use-ros", "--stack-name", "demo-1", "--json").json
    assert re.fullmatch(r"demo-1-shop-[0-9A-F]{12}", done["services"][0]["serviceName"])


def test_the_later_edition_of_the_public_sample_deploys_from_its_s_yaml(shell):
    shell.write("s.yaml", corpus_file("seed/s.77cf135.yml").read_text())
    shell.write("code/index.py", "def handler(event, context): return b'done'\n")
    assert "please_replace_me" in shell.fun("deploy", check=1).err
    done = shell.fun("deploy", "--replace", "please_replace_me=dlq", "--create-queues", "--json").json
    (function,) = done["functions"]
    assert (function["serviceName"], function["functionName"]) == ("fc-job", "fc-job-function")
    assert function["asyncConfig"]["maxAsyncRetryAttempts"] == 1
    assert [queue["queueName"] for queue in done["queues"]] == ["dlq"]
    record = shell.invk("fc-job-function", "-t", "Async", "-s", "{}", "--wait", "--json").json
    assert record["status"] == "Succeeded"
    assert shell.letter("dlq")["responsePayload"] == "done"


FC3 = """
edition: 3.0.0
name: NAME
access: default
resources:
  one:
    component: fc3
    props:
      region: cn-shanghai
      functionName: NAME
      runtime: python3.10
      handler: index.handler
      code: ./code
      environmentVariables: {WHO: "${env('WHO', 'nobody')}"}
"""


def test_functions_without_a_service_share_one_between_projects(shell):
    shell.write("code/index.py", "import os\ndef handler(event, context): return os.environ['WHO']\n")
    shell.environment["WHO"] = "somebody"
    for name in ("first", "second"):
        shell.write("s.yaml", FC3.replace("NAME", name))
        shell.fun("deploy", "--use-ros", "--stack-name", name)
    assert shell.invk("first", "-s", "").out == shell.invk("second", "-s", "").out == "somebody"
