"""The message for destinations, byte for byte, in every variant of async-semantics section 16."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.model.execution import Execution, Status
from fun_local.model.names import FunctionRef
from fun_local.model.outcome import (
    EXHAUSTED,
    HANDLED,
    INVALID,
    UNHANDLED,
    Ending,
    Result,
    envelope,
    error_payload,
    exit_payload,
    interrupted,
    outcome_message,
    stopped_payload,
    target_of,
    timeout_payload,
)
from fun_local.model.resources import AsyncConfig

NOW_MS = 1_700_000_000_000

ARN = "acs:fc:::services/S.LATEST/functions/main"
EXIT_TEXT = (
    "Process exited unexpectedly before completing request (duration: 13689ms, maxMemoryUsage: 10.86MB)"
)


def message(condition="", attempts=1, function_error=None, response=b"", request=b'{"k":1}'):
    return envelope(
        timestamp_ms=1_700_000_000_000,
        request_id="0f3a",
        function=FunctionRef("S", "main"),
        condition=condition,
        attempts=attempts,
        request_payload=request,
        function_error=condition if function_error is None else function_error,
        response_payload=response,
    )


VARIANTS = {
    "success": (message(response=b'"done"'), "", 1, "", r"\"done\""),
    "exception": (
        message(UNHANDLED, 2, response=error_payload("oops", "MyError")),
        UNHANDLED,
        2,
        UNHANDLED,
        r"{\"errorMessage\":\"oops\",\"errorType\":\"MyError\"}",
    ),
    "handled error": (
        message(HANDLED, 1, response=error_payload("oops")),
        HANDLED,
        1,
        HANDLED,
        r"{\"errorMessage\":\"oops\"}",
    ),
    "process exit": (
        message(UNHANDLED, 1, response=exit_payload(13689.9, 10.857)),
        UNHANDLED,
        1,
        UNHANDLED,
        r"{\"errorMessage\":\"" + EXIT_TEXT + r"\"}",
    ),
    "time-out": (
        message(UNHANDLED, 2, response=timeout_payload(5, 9.12)),
        UNHANDLED,
        2,
        UNHANDLED,
        r"{\"errorMessage\":\"Function timed out after 5 seconds (maxMemoryUsage: 9.12MB)\"}",
    ),
    "stopped before it ran": (
        message(UNHANDLED, 0, response=exit_payload(0, 0)),
        UNHANDLED,
        0,
        UNHANDLED,
        r"{\"errorMessage\":\"Process exited unexpectedly before completing request"
        r" (duration: 0ms, maxMemoryUsage: 0.00MB)\"}",
    ),
    "throttled out": (message("FunctionResourceExhausted", 3, ""), "FunctionResourceExhausted", 3, "", ""),
    "expired": (message("EventAgeExceeded", 0, ""), "EventAgeExceeded", 0, "", ""),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_has_exactly_these_bytes(variant):
    body, condition, count, function_error, response = VARIANTS[variant]
    assert body.decode() == (
        '{"timestamp":1700000000000,"requestContext":{"requestId":"0f3a",'
        f'"functionArn":"{ARN}","condition":"{condition}","approximateInvokeCount":{count}}},'
        r'"requestPayload":"{\"k\":1}",'
        f'"responseContext":{{"statusCode":200,"functionError":"{function_error}"}},'
        f'"responsePayload":"{response}"}}'
    )


#: The keys of the message that the vendor's best-practice page prints for a run stopped by hand, with
#: their order and the kind of their values (async-semantics 15 and 22).
PUBLISHED = {
    "timestamp": int,
    "requestContext": {
        "requestId": str,
        "functionArn": "acs:fc:::services/Stateful-Invocation-demo.LATEST/functions/main",
        "condition": "UnhandledInvocationError",
        "approximateInvokeCount": 1,
    },
    "requestPayload": '{"failure":true}',
    "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
    "responsePayload": json.dumps({"errorMessage": EXIT_TEXT}, separators=(",", ":")),
}


def test_a_stopped_run_gives_the_published_message():
    body = envelope(
        timestamp_ms=1_700_000_000_000,
        request_id="0f3a",
        function=FunctionRef("Stateful-Invocation-demo", "main"),
        condition=UNHANDLED,
        attempts=1,
        request_payload=b'{"failure":true}',
        function_error=UNHANDLED,
        response_payload=exit_payload(13689, 10.86),
    )
    compare(json.loads(body), PUBLISHED)


def compare(found, expected):
    assert list(found) == list(expected)
    for key, value in expected.items():
        if isinstance(value, dict):
            compare(found[key], value)
        elif isinstance(value, type):
            assert type(found[key]) is value, key
        else:
            assert (found[key], type(found[key])) == (value, type(value)), key


@given(request=st.binary(max_size=99), response=st.binary(max_size=99))
def test_any_payload_makes_a_readable_message(request, response):
    body = message(request=request, response=response)
    found = json.loads(body.decode())
    assert found["requestPayload"] == request.decode(errors="replace")
    assert found["responsePayload"] == response.decode(errors="replace")
    assert b"\n" not in body


def test_text_stays_text():
    body = message(request="{'k': '函数'}".encode(), response="✓".encode())
    assert "{'k': '函数'}" in body.decode()
    assert "✓" in body.decode()


def test_a_result_succeeds_when_it_has_no_error_type():
    assert Result(Ending.RETURNED, b"1").is_success
    assert not Result(Ending.RAISED, b"{}", UNHANDLED).is_success


# --- from an execution


def execution(*statuses, **changes):
    found = Execution.accepted(
        seq=1,
        invocation_id="task-1",
        request_id="0f3a",
        function=FunctionRef("S", "main"),
        accepted_ms=NOW_MS,
        payload=b"1",
    )
    for number, status in enumerate(statuses, 1):
        found = found.to(Status(status), NOW_MS + 1000 * number)
    return found.having(**changes)


def test_an_attempt_that_a_crash_cut_off_ended_like_a_process_that_exits():
    result = interrupted(execution("Dequeued", "Running", instance_id="c-1"), NOW_MS + 9000)
    assert (result.ending, result.error_type, result.instance_id) == (Ending.EXITED, UNHANDLED, "c-1")
    assert result.payload == exit_payload(7000, 0)


@pytest.mark.parametrize(
    ("statuses", "duration_ms"),
    [
        (["Stopping"], 0),
        (["Dequeued", "Stopping"], 0),
        (["Dequeued", "Running", "Stopping"], 1000),
        (["Dequeued", "Running", "Retrying", "Stopping"], 0),
    ],
)
def test_what_was_stopped_without_a_result_ran_as_long_as_its_history_says(statuses, duration_ms):
    assert stopped_payload(execution(*statuses)) == exit_payload(duration_ms, 0)


def test_what_was_stopped_with_a_result_ran_as_long_as_that_says():
    result = Result(Ending.STOPPED, b"", UNHANDLED, duration_ms=13689, memory_mb=10.86)
    stopped = execution("Dequeued", "Running", "Stopping")
    assert stopped_payload(stopped, result) == exit_payload(13689, 10.86)


def test_only_a_success_goes_to_the_destination_for_success():
    config = AsyncConfig(on_success="good", on_failure="bad")
    ends = {
        "Succeeded": ["Dequeued", "Running", "Succeeded"],
        "Failed": ["Dequeued", "Running", "Failed"],
        "Stopped": ["Stopping", "Stopped"],
        "Expired": ["Dequeued", "Expired"],
        "Invalid": ["Dequeued", "Invalid"],
    }
    found = {name: target_of(execution(*statuses, config=config)) for name, statuses in ends.items()}
    assert found.pop("Succeeded") == "good"
    assert set(found.values()) == {"bad"}


def test_the_time_stamp_of_a_message_is_the_end_whenever_it_is_delivered():
    ended = execution("Dequeued", "Running", "Succeeded", result=b"1")
    assert json.loads(outcome_message(ended))["timestamp"] == NOW_MS + 3000
    assert outcome_message(ended) == outcome_message(ended)


def test_tries_to_get_an_instance_count_only_when_that_is_how_it_ended():
    def count(**changes):
        ended = execution("Dequeued", "Invalid", throttles=3, **changes)
        return json.loads(outcome_message(ended))["requestContext"]["approximateInvokeCount"]

    assert count(error=EXHAUSTED) == 3
    assert count(error=EXHAUSTED, attempts=2) == 5
    assert count(error=INVALID) == 0
