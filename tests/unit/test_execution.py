"""The state machine: every arrow, and what holds whichever way an execution goes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fun_local.errors import Conflict, CorruptState
from fun_local.model.execution import FINAL, TRANSITIONS, Execution, LogSegment, Status
from fun_local.model.names import FunctionRef
from fun_local.model.resources import AsyncConfig
from fun_local.store.documents import INLINE_BYTES, from_document, is_long, to_document

NOW_MS = 1_700_000_000_000

#: The arrows of async-semantics section 4, written out a second time.
ARROWS = {
    ("Enqueued", "Dequeued"),
    ("Enqueued", "Stopping"),
    ("Dequeued", "Running"),
    ("Dequeued", "Expired"),
    ("Dequeued", "Invalid"),
    ("Dequeued", "Stopping"),
    ("Running", "Succeeded"),
    ("Running", "Failed"),
    ("Running", "Retrying"),
    ("Running", "Stopping"),
    ("Retrying", "Running"),
    ("Retrying", "Expired"),
    ("Retrying", "Invalid"),
    ("Retrying", "Stopping"),
    ("Stopping", "Stopped"),
}

#: A way to every status.
PATHS = {
    Status.ENQUEUED: (),
    Status.DEQUEUED: (Status.DEQUEUED,),
    Status.RUNNING: (Status.DEQUEUED, Status.RUNNING),
    Status.RETRYING: (Status.DEQUEUED, Status.RUNNING, Status.RETRYING),
    Status.SUCCEEDED: (Status.DEQUEUED, Status.RUNNING, Status.SUCCEEDED),
    Status.FAILED: (Status.DEQUEUED, Status.RUNNING, Status.FAILED),
    Status.STOPPING: (Status.STOPPING,),
    Status.STOPPED: (Status.STOPPING, Status.STOPPED),
    Status.EXPIRED: (Status.DEQUEUED, Status.EXPIRED),
    Status.INVALID: (Status.DEQUEUED, Status.INVALID),
}


def accepted(payload=b"{}", at_ms=NOW_MS, **changes):
    return Execution.accepted(
        seq=changes.pop("seq", 7),
        invocation_id="task-1",
        request_id="00000000-0000-4000-8000-000000000001",
        function=FunctionRef("svc", "f"),
        accepted_ms=at_ms,
        payload=payload,
        **changes,
    )


def at(status):
    execution = accepted()
    for step in PATHS[status]:
        execution = execution.to(step, NOW_MS)
    return execution


def test_there_are_the_vendors_ten_statuses():
    assert {status.value for status in Status} == {
        "Enqueued",
        "Dequeued",
        "Running",
        "Retrying",
        "Succeeded",
        "Failed",
        "Stopping",
        "Stopped",
        "Expired",
        "Invalid",
    }


def test_transitions_cover_all_statuses():
    reached = set().union(*TRANSITIONS.values())
    assert set(TRANSITIONS) | reached == set(Status)
    assert set(TRANSITIONS) | FINAL == set(Status)
    assert not set(TRANSITIONS) & FINAL
    assert {status.value for status in FINAL} == {"Succeeded", "Failed", "Stopped", "Expired", "Invalid"}


@pytest.mark.parametrize("source", Status)
@pytest.mark.parametrize("target", Status)
def test_exactly_the_documented_arrows_are_legal(source, target):
    execution = at(source)
    if (source.value, target.value) in ARROWS:
        after = execution.to(target, NOW_MS + 1)
        assert after.status is target
        assert after.events[:-1] == execution.events
        assert after.events[-1].status is target
    else:
        with pytest.raises(Conflict) as caught:
            execution.to(target, NOW_MS + 1)
        assert caught.value.code == "InvalidTransition"
        assert "task-1" in caught.value.message
        assert execution == at(source)


def test_a_new_execution_is_enqueued_with_one_event():
    execution = accepted(rerun_of="task-0")
    assert execution.status is Status.ENQUEUED
    assert [(e.id, e.status, e.time_ms, e.detail) for e in execution.events] == [
        (1, Status.ENQUEUED, NOW_MS, "")
    ]
    assert (execution.attempts, execution.retries, execution.ended_ms) == (0, 0, 0)
    assert execution.rerun_of == "task-0"


def test_an_error_is_the_detail_of_its_event_and_stays_until_it_is_cleared():
    running = at(Status.RUNNING)
    retrying = running.to(Status.RETRYING, NOW_MS, error="UnhandledInvocationError")
    assert retrying.events[-1].detail == '{"Error":"UnhandledInvocationError"}'
    again = retrying.to(Status.RUNNING, NOW_MS)
    assert again.error == "UnhandledInvocationError"
    assert again.events[-1].detail == ""
    done = again.to(Status.SUCCEEDED, NOW_MS, error="", result=b"1")
    assert (done.error, done.events[-1].detail, done.result) == ("", "", b"1")


def test_retries_are_the_attempts_beyond_the_first():
    execution = at(Status.RETRYING)
    assert (execution.attempts, execution.retries) == (1, 0)
    execution = execution.to(Status.RUNNING, NOW_MS)
    assert (execution.attempts, execution.retries) == (2, 1)


def test_the_end_has_the_time_of_its_event_even_when_the_clock_stepped_back():
    execution = at(Status.RUNNING).to(Status.SUCCEEDED, NOW_MS - 5000)
    assert execution.ended_ms == execution.events[-1].time_ms == NOW_MS


class AnyLife(RuleBasedStateMachine):
    """Random legal and illegal steps, on a clock that also steps back, against a simple model."""

    @initialize()
    def accept(self):
        self.execution = accepted()
        self.model = ["Enqueued"]
        self.clock_ms = NOW_MS

    @rule(milliseconds=st.integers(-10_000, 10_000))
    def pass_time(self, milliseconds):
        self.clock_ms += milliseconds

    @precondition(lambda self: self.execution.status in TRANSITIONS)
    @rule(data=st.data())
    def take_a_legal_step(self, data):
        targets = sorted(target for source, target in ARROWS if source == self.model[-1])
        target = data.draw(st.sampled_from(targets))
        error = data.draw(st.sampled_from([None, "", "UnhandledInvocationError"]))
        before = self.execution
        self.execution = before.to(Status(target), self.clock_ms, error=error)
        self.model.append(target)
        assert self.execution.error == (before.error if error is None else error)

    @rule(status=st.sampled_from(Status))
    def try_an_illegal_step(self, status):
        if (self.model[-1], status.value) in ARROWS:
            return
        before = self.execution
        with pytest.raises(Conflict):
            before.to(status, self.clock_ms)
        assert self.execution == before

    @invariant()
    def the_history_is_the_model(self):
        events = self.execution.events
        assert [event.status.value for event in events] == self.model
        assert self.execution.status is events[-1].status
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        times = [event.time_ms for event in events]
        assert times == sorted(times)

    @invariant()
    def attempts_are_entries_into_running(self):
        assert self.execution.attempts == self.model.count("Running")
        assert self.execution.retries == max(0, self.model.count("Running") - 1)

    @invariant()
    def a_final_status_is_the_last(self):
        finals = [status for status in self.model if Status(status).is_final]
        assert len(finals) <= 1
        assert finals in ([], [self.model[-1]])
        assert self.execution.ended_ms == (self.execution.events[-1].time_ms if finals else 0)

    @invariant()
    def the_record_survives_being_written(self):
        assert reread(self.execution) == self.execution


TestAnyLife = AnyLife.TestCase


def reread(execution):
    """Through JSON text, as a bucket has it; long payloads through their files."""
    files = {"invocationPayload": execution.payload, "returnPayload": execution.result}
    document = json.loads(json.dumps(to_document(execution)))
    return from_document(execution.seq, document, lambda field: files[field])


payloads = st.one_of(
    st.binary(max_size=64),
    st.text(max_size=64).map(str.encode),
    st.sampled_from([b"", b"x" * INLINE_BYTES, b"\xff" * (INLINE_BYTES + 1), b"\x00", b"\xed\xa0\x80"]),
)


@given(
    payload=payloads,
    result=st.one_of(st.none(), payloads),
    config=st.builds(
        AsyncConfig,
        max_retries=st.integers(0, 8),
        max_age_seconds=st.integers(1, 2_592_000),
        stateful=st.booleans(),
        on_success=st.sampled_from(["", "acs:mns:::/queues/q/messages"]),
        on_failure=st.sampled_from(["", "acs:mns:::/queues/q/messages"]),
    ),
    logs=st.lists(
        st.builds(
            LogSegment,
            st.text(max_size=9),
            st.integers(0, 2**40),
            st.one_of(st.none(), st.integers(0, 2**40)),
        ),
        max_size=3,
    ).map(tuple),
    duration_ms=st.integers(0, 86_400_000),
    memory_hundredths=st.integers(0, 10**7),
    seq=st.integers(1, 2**60),
)
def test_a_record_comes_back_from_its_document_as_it_was(
    payload, result, config, logs, duration_ms, memory_hundredths, seq
):
    execution = accepted(payload, seq=seq, rerun_of="task-0")
    for status in (Status.DEQUEUED, Status.RUNNING):
        execution = execution.to(status, NOW_MS + 3, config=config, instance_id="c-1", logs=logs)
    execution = execution.to(
        Status.FAILED,
        NOW_MS + 9,
        error="UnhandledInvocationError",
        result=result,
        duration_ms=duration_ms,
        memory_mb=memory_hundredths / 100,
        destination_status="Succeeded",
    )
    assert reread(execution) == execution


def test_a_document_has_the_vendors_field_names():
    document = to_document(at(Status.SUCCEEDED))
    vendors = {
        "serviceName",
        "functionName",
        "qualifier",
        "invocationId",
        "requestId",
        "instanceId",
        "status",
        "startedTime",
        "endTime",
        "durationMs",
        "destinationStatus",
        "invocationErrorMessage",
        "invocationPayload",
        "alreadyRetriedTimes",
        "events",
    }
    assert vendors <= set(document)
    assert [set(event) for event in document["events"]] == [
        {"eventId", "status", "timestamp", "eventDetail"}
    ] * 4


def test_a_document_of_an_older_version_is_readable_without_our_own_fields():
    document = to_document(at(Status.RUNNING))
    for field in ("attempts", "memoryMb", "rerunOf", "asyncConfig", "logs", "endTime", "durationMs"):
        del document[field]
    execution = from_document(7, document, lambda field: b"")
    assert (execution.status, execution.attempts, execution.logs) == (Status.RUNNING, 0, ())


def test_a_long_payload_is_left_to_a_file():
    execution = accepted(b"x" * (INLINE_BYTES + 1))
    assert is_long(execution.payload)
    document = to_document(execution)
    assert document["invocationPayload"] == INLINE_BYTES + 1
    assert document["invocationPayloadEncoding"] == "file"

    def missing(field):
        raise CorruptState(field, "the file is missing")

    with pytest.raises(CorruptState):
        from_document(7, document, missing)
