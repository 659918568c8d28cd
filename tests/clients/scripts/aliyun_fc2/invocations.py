"""Invocations with `aliyun-fc2`: results, errors, logs, and asynchronous ones that leave a record."""

import base64
import json

import fc2
from claims import claim, refused, run
from laptop import ask, function, here, record, start, stateful


@claim
def a_result_comes_back_byte_for_byte():
    names = function()
    event = bytes(range(1, 256)).decode("latin-1").encode()
    assert here.invoke_function(*names, event).data == event
    assert here.invoke_function(*names).data == b""


@claim
def an_error_of_the_function_is_raised_with_what_it_says():
    error = refused(fc2.FcError, lambda: here.invoke_function(*function(), b"raise too much"))
    assert error.status_code == 200
    assert json.loads(error.message)["errorMessage"] == "too much"
    assert json.loads(error.message)["errorType"] == "ValueError"


@claim
def the_end_of_the_log_comes_with_the_answer_on_request():
    names = function()
    answer = here.invoke_function(*names, b"say good morning", headers={"x-fc-log-type": "Tail"})
    log = base64.b64decode(answer.headers["x-fc-log-result"]).decode()
    assert "good morning" in log and answer.headers["x-fc-request-id"] in log
    assert "x-fc-log-result" not in here.invoke_function(*names, b"say it again").headers


@claim
def an_asynchronous_invocation_leaves_a_record():
    names = stateful()
    identifier = start(names, b'{"n": 7}')
    found = record(names, identifier, "Succeeded")
    assert (found["invocationPayload"], found["returnPayload"]) == ('{"n": 7}', '{"n": 7}')
    events = [event["status"] for event in found["events"]]
    assert (events[0], events[-1]) == ("Enqueued", "Succeeded")


@claim
def an_id_that_is_in_use_is_a_conflict():
    names = stateful()
    identifier = start(names, b"first")
    headers = {"x-fc-stateful-async-invocation-id": identifier}
    error = refused(fc2.FcError, lambda: start(names, b"second", **headers))
    assert (error.status_code, error.err_code) == (409, "StatefulAsyncInvocationAlreadyExists"), error
    assert record(names, identifier, "Succeeded")["invocationPayload"] == "first"


@claim
def a_running_invocation_is_stopped():
    names = stateful()
    identifier = start(names, b"sleep 600")
    record(names, identifier, "Running")
    assert ask("PUT", names, f"/{identifier}").status_code < 300
    record(names, identifier, "Stopped")


@claim
def invocations_are_listed_and_an_unknown_one_is_refused():
    names = stateful()
    started = {start(names, b"1"), start(names, b"2")}
    found = ask("GET", names).json()["invocations"]
    assert {one["invocationId"] for one in found} == started
    assert refused(fc2.FcError, lambda: ask("GET", names, "/nobody")).status_code == 404


@claim
def a_failure_is_tried_again_as_often_as_configured():
    names = stateful(maxAsyncRetryAttempts=1)
    found = record(names, start(names, b"raise no"), "Failed")
    assert found["alreadyRetriedTimes"] == 1


run()
