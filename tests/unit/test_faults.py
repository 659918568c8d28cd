"""Failures on purpose: which there are, which calls they strike, what comes of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.errors import CorruptState, InvalidRequest
from fun_local.model.faults import KINDS, Fault, Rule, marked, result_of
from fun_local.model.outcome import Ending
from fun_local.model.resources import Function
from fun_local.store import faults as stored

FUNCTION = Function("svc", "f", "python3", "index.handler", code="0", timeout_seconds=3, memory_mb=256)


@pytest.mark.parametrize("text", [*KINDS, "error:ValueError", "error:my.Error@2", "crash@1", "throttle@10"])
def test_a_fault_is_written_as_it_is_read(text):
    assert str(Fault.parse(text)) == text


@pytest.mark.parametrize("text", ["", "Crash", "crash@0", "crash@", "crash:X", "error:", "error:a b", "fire"])
def test_what_is_no_fault_is_refused_with_those_there_are(text):
    with pytest.raises(InvalidRequest, match="there is no fault") as caught:
        Fault.parse(text)
    assert all(kind in caught.value.hint for kind in KINDS)


@pytest.mark.parametrize("rate", [0, -0.1, 1.01, float("nan")])
def test_a_rate_is_a_part_of_all(rate):
    with pytest.raises(InvalidRequest, match="a rate of"):
        Rule("svc/f", Fault("crash"), rate)


@given(st.integers(), st.text(max_size=20), st.integers(1, 9), st.floats(0.001, 1))
def test_a_strike_follows_from_seed_call_and_attempt_alone(seed, call, attempt, rate):
    first, second = (Rule("svc/f", Fault("crash"), rate, seed, after_seq=n) for n in (0, 1))
    assert first.strikes(call, attempt) == second.strikes(call, attempt)


@given(st.integers(), st.text(max_size=20), st.integers(1, 9))
def test_what_a_low_rate_strikes_a_higher_one_strikes_too(seed, call, attempt):
    struck = [Rule("svc/f", Fault("crash"), n / 10, seed).strikes(call, attempt) for n in range(1, 11)]
    assert struck == sorted(struck)
    assert struck[-1]


def test_about_as_many_are_struck_as_the_rate_says_and_others_by_another_seed():
    calls = [f"#{n}" for n in range(1, 2001)]
    seven, eight = (
        [Rule("svc/f", Fault("crash"), 0.2, seed).strikes(call, 1) for call in calls] for seed in (7, 8)
    )
    assert 340 <= sum(seven) <= 460
    assert seven != eight
    second = [Rule("svc/f", Fault("crash"), 0.2, 7).strikes(call, 2) for call in calls]
    assert second != seven


def test_only_the_first_attempts_are_struck_when_so_asked():
    rule = Rule("svc/f", Fault.parse("crash@2"))
    assert [rule.strikes("#1", attempt) for attempt in (1, 2, 3)] == [True, True, False]


def test_a_call_is_known_by_its_callers_id_else_by_its_number_since_the_rule_was_made():
    rule = Rule("svc/f", Fault("crash"), after_seq=40)
    assert rule.call(43, "request", "request") == "#3"
    assert rule.call(43, "order-7", "request") == "order-7"


def test_results_are_those_of_the_real_failures():
    crash, timeout, oom, error, typed = (
        result_of(Fault.parse(text), FUNCTION, instance_id="c-1", memory_mb=10.5)
        for text in ("crash", "timeout", "oom", "error", "error:KeyError")
    )
    died = "Process exited unexpectedly before completing request (duration: 0ms, maxMemoryUsage: %sMB)"
    assert (crash.ending, json.loads(crash.payload)) == (Ending.EXITED, {"errorMessage": died % "10.50"})
    assert (oom.ending, json.loads(oom.payload)) == (Ending.EXITED, {"errorMessage": died % "256.00"})
    assert timeout.ending is Ending.TIMED_OUT and timeout.duration_ms == 3000
    assert json.loads(timeout.payload)["errorMessage"] == (
        "Function timed out after 3 seconds (maxMemoryUsage: 10.50MB)"
    )
    assert (error.ending, json.loads(error.payload)["errorType"]) == (Ending.RAISED, "Exception")
    assert json.loads(typed.payload)["errorType"] == "KeyError"
    assert {r.error_type for r in (crash, timeout, oom, error)} == {"UnhandledInvocationError"}
    assert crash.instance_id == "c-1"


def test_of_what_is_tried_for_hours_only_the_last_time_is_marked():
    marks = ()
    for fault, attempt in (("throttle", 1), ("throttle", 2), ("crash", 1), ("crash@2", 2), ("timeout", 3)):
        marks = marked(marks, Fault.parse(fault), attempt)
    assert marks == ("throttle@2", "crash@1", "crash@2", "timeout@3")


def test_rules_are_on_disk_as_they_were_made(tmp_path):
    rules = [Rule("svc/f", Fault.parse("error:X@2"), 0.25, -7, 12), Rule("svc/g", Fault("oom"))]
    assert stored.read(str(tmp_path)) == []
    stored.write(str(tmp_path), rules)
    assert stored.read(str(tmp_path)) == rules


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 2, "rules": []}', '{"format": 1, "rules": [{"fault": 1}]}']
)
def test_a_damaged_file_is_named_and_may_go(tmp_path, text):
    (tmp_path / "faults.json").write_text(text)
    with pytest.raises(CorruptState, match=r"faults\.json") as caught:
        stored.read(str(tmp_path))
    assert "Remove it" in caught.value.hint
