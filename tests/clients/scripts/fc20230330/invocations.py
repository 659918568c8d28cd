"""Invocations with `alibabacloud-fc20230330`, and asynchronous tasks."""

import base64
import json

from alibabacloud_fc20230330 import models
from alibabacloud_tea_openapi.exceptions import ClientException
from claims import claim, refused, run
from laptop import code, function, here, invoke, recorded, result, start, task


def listed(name, **query):
    return here.list_async_tasks(name, models.ListAsyncTasksRequest(**query)).body


def stop(name, identifier):
    return here.stop_async_task(name, identifier, models.StopAsyncTaskRequest())


@claim
def a_result_comes_back_byte_for_byte():
    event = bytes(range(256))
    name = function(code=code("def handler(event, context):\n    return event\n"))
    assert result(name, event) == event
    assert result(name) == b""


@claim
def an_error_of_the_function_is_an_answer_that_says_so():
    answer = invoke(function(), b"raise too much")
    assert answer.status_code == 200 and answer.headers["x-fc-error-type"]
    assert json.loads(answer.body.read())["errorMessage"] == "too much"


@claim
def the_end_of_the_log_comes_with_the_answer_on_request():
    answer = invoke(function(), b"say good morning", x_fc_log_type="Tail")
    assert "good morning" in base64.b64decode(answer.headers["x-fc-log-result"]).decode()


@claim
def a_task_leaves_a_record():
    name = recorded()
    answer = invoke(name, b'{"n": 7}', x_fc_invocation_type="Async", x_fc_async_task_id="named-by-me")
    assert (answer.status_code, answer.body.read()) == (202, b"")
    assert answer.headers["x-fc-async-task-id"] == "named-by-me"
    found = task(name, "named-by-me", "Succeeded")
    assert (found.task_payload, found.return_payload) == ('{"n": 7}', '{"n": 7}')
    assert (found.request_id, found.qualifier) == (answer.headers["x-fc-request-id"], "LATEST")
    assert found.function_arn.endswith(name) and found.started_time <= found.end_time
    statuses = [event.status for event in found.events]
    assert (statuses[0], statuses[-1]) == ("Enqueued", "Succeeded")


@claim
def a_failure_is_tried_again_as_often_as_configured():
    name = recorded(max_async_retry_attempts=1)
    assert task(name, start(name, b"raise no"), "Failed").already_retried_times == 1


@claim
def a_running_task_is_stopped_once():
    name = recorded()
    identifier = start(name, b"sleep 600")
    task(name, identifier, "Running")
    assert stop(name, identifier).status_code < 300
    task(name, identifier, "Stopped")
    assert refused(ClientException, lambda: stop(name, identifier)).status_code in (400, 412)


@claim
def tasks_are_listed_by_status_prefix_and_page():
    name = recorded()
    for n in range(3):
        task(name, start(name, str(n).encode(), f"good-{n}"), "Succeeded")
    task(name, start(name, b"raise it", "bad"), "Failed")
    first = listed(name, prefix="good-", limit=2, sort_order_by_time="desc")
    rest = listed(name, prefix="good-", limit=2, sort_order_by_time="desc", next_token=first.next_token)
    assert [one.task_id for one in first.tasks + rest.tasks] == ["good-2", "good-1", "good-0"]
    failed = listed(name, status="Failed", include_payload=True).tasks
    assert [(one.task_id, one.task_payload) for one in failed] == [("bad", "raise it")]


@claim
def an_id_in_use_an_invalid_id_and_an_unknown_one_are_refused():
    name = recorded()
    start(name, b"first", "mine")
    assert refused(ClientException, lambda: start(name, b"second", "mine")).status_code == 409
    assert refused(ClientException, lambda: start(name, b"", "1 bad id")).status_code == 400
    assert refused(ClientException, lambda: task(name, "nobody", "Succeeded")).status_code == 404
    assert refused(ClientException, lambda: stop(name, "nobody")).status_code == 404


run()
