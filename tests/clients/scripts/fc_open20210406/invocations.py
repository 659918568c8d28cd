"""Invocations with `alibabacloud-fc-open20210406`, and the records of stateful asynchronous ones."""

import base64
import json

from alibabacloud_fc_open20210406 import models
from alibabacloud_tea_openapi.exceptions import ClientException
from claims import claim, refused, run
from laptop import function, here, invoke, record, start, stateful


def listed(names, **query):
    request = models.ListStatefulAsyncInvocationsRequest(**query)
    return here.list_stateful_async_invocations(*names, request).body


def stop(names, identifier):
    return here.stop_stateful_async_invocation(
        *names, identifier, models.StopStatefulAsyncInvocationRequest()
    )


@claim
def a_result_comes_back_byte_for_byte():
    names = function()
    event = bytes(range(1, 256)).decode("latin-1").encode()
    assert invoke(names, event).body == event
    assert invoke(names).body == b""


@claim
def an_error_of_the_function_is_an_answer_that_says_so():
    answer = invoke(function(), b"raise too much")
    assert answer.status_code == 200 and answer.headers["x-fc-error-type"]
    assert json.loads(answer.body)["errorMessage"] == "too much"


@claim
def the_end_of_the_log_comes_with_the_answer_on_request():
    answer = invoke(function(), b"say good morning", x_fc_log_type="Tail")
    assert "good morning" in base64.b64decode(answer.headers["x-fc-log-result"]).decode()


@claim
def an_asynchronous_invocation_leaves_a_record():
    names = stateful()
    answer = invoke(
        *(names, b'{"n": 7}'),
        x_fc_invocation_type="Async",
        x_fc_stateful_async_invocation_id="named-by-me",
    )
    assert (answer.status_code, answer.body) == (202, b"")
    assert answer.headers["x-fc-stateful-async-invocation-id"] == "named-by-me"
    found = record(names, "named-by-me", "Succeeded")
    assert (found.function_name, found.qualifier) == (names[1], "LATEST")
    assert (found.invocation_payload, found.return_payload) == ('{"n": 7}', '{"n": 7}')
    assert found.request_id == answer.headers["x-fc-request-id"]
    assert found.started_time <= found.end_time and found.already_retried_times == 0
    statuses = [event.status for event in found.events]
    assert (statuses[0], statuses[-1]) == ("Enqueued", "Succeeded")


@claim
def a_failure_is_tried_again_and_its_record_says_why():
    names = stateful(max_async_retry_attempts=1)
    found = record(names, start(names, b"raise no"), "Failed")
    assert found.already_retried_times == 1
    assert "no" in found.invocation_error_message + found.return_payload


@claim
def a_running_invocation_is_stopped_once():
    names = stateful()
    identifier = start(names, b"sleep 600")
    record(names, identifier, "Running")
    assert stop(names, identifier).status_code < 300
    record(names, identifier, "Stopped")
    assert refused(ClientException, lambda: stop(names, identifier)).status_code in (400, 412)


@claim
def invocations_are_listed_by_status_prefix_time_and_page():
    names = stateful()
    for n in range(3):
        record(names, start(names, str(n).encode(), f"good-{n}"), "Succeeded")
    bad = record(names, start(names, b"raise it", "bad"), "Failed")
    order = [found.invocation_id for found in listed(names, sort_order_by_time="asc").invocations]
    assert order == ["good-0", "good-1", "good-2", "bad"]
    first = listed(names, invocation_id_prefix="good-", limit=2, sort_order_by_time="desc")
    rest = listed(
        names, invocation_id_prefix="good-", limit=2, sort_order_by_time="desc", next_token=first.next_token
    )
    found = [one.invocation_id for one in first.invocations + rest.invocations]
    assert found == ["good-2", "good-1", "good-0"]
    failed = listed(names, status="Failed", include_payload=True).invocations
    assert [(one.invocation_id, one.invocation_payload) for one in failed] == [("bad", "raise it")]
    assert listed(names, started_time_begin=bad.started_time + 60_000).invocations == []


@claim
def a_delayed_invocation_waits_and_can_be_stopped_before_it_runs():
    names = stateful()
    delay = {"common_headers": {"X-Fc-Async-Delay": "3600"}}
    identifier = start(names, b"later", **delay)
    assert [event.status for event in record(names, identifier, "Enqueued").events] == ["Enqueued"]
    stop(names, identifier)
    assert "Running" not in [event.status for event in record(names, identifier, "Stopped").events]
    too_long = {"common_headers": {"X-Fc-Async-Delay": "3601"}}
    assert refused(ClientException, lambda: start(names, b"", **too_long)).code == "InvalidArgument"


@claim
def a_record_belongs_to_its_qualifier():
    names = stateful()
    here.publish_service_version(names[0], models.PublishServiceVersionRequest())
    config = models.PutFunctionAsyncInvokeConfigRequest(qualifier="1", stateful_invocation=True)
    here.put_function_async_invoke_config(*names, config)
    record(names, start(names, b"of one", "mine", qualifier="1"), "Succeeded")
    assert [one.invocation_id for one in listed(names, qualifier="1").invocations] == ["mine"]
    assert listed(names).invocations == []
    of_latest = models.GetStatefulAsyncInvocationRequest(qualifier="LATEST")
    error = refused(ClientException, lambda: here.get_stateful_async_invocation(*names, "mine", of_latest))
    assert (error.status_code, error.code) == (404, "StatefulAsyncInvocationNotFound")


@claim
def functions_with_records_are_listed():
    names = stateful()
    request = models.ListStatefulAsyncInvocationFunctionsRequest(limit=100)
    found = here.list_stateful_async_invocation_functions(request).body.data
    assert names in [(one.service_name, one.function_name) for one in found]


@claim
def an_id_in_use_an_invalid_id_and_an_unknown_one_are_refused():
    names = stateful()
    start(names, b"first", "mine")
    error = refused(ClientException, lambda: start(names, b"second", "mine"))
    assert (error.status_code, error.code) == (409, "StatefulAsyncInvocationAlreadyExists")
    assert refused(ClientException, lambda: start(names, b"", "1 bad id")).status_code == 400
    assert refused(ClientException, lambda: record(names, "nobody", "Succeeded")).status_code == 404
    assert refused(ClientException, lambda: stop(names, "nobody")).status_code == 404


@claim
def a_function_without_records_takes_asynchronous_calls_all_the_same():
    names = function()
    answer = invoke(names, b"x", x_fc_invocation_type="Async")
    assert answer.status_code == 202 and answer.headers["x-fc-request-id"]
    assert "x-fc-stateful-async-invocation-id" not in answer.headers


run()
