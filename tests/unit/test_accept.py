"""What can be accepted, wherever it is handed in."""

import pytest

from fun_local.accept import MAX_ASYNC_PAYLOAD, MAX_DELAY_SECONDS, check_payload, draft
from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.deployed import Deployed
from fun_local.model.names import FunctionRef
from fun_local.model.resources import AsyncConfig, Function, Service

NOW_MS = 1_700_000_000_000


def deployed(stateful):
    config = AsyncConfig(stateful=stateful, on_failure="acs:mns:::/queues/bad/messages")
    function = Function("svc", "f", "python3", "index.handler", "0", async_config=config)
    return Deployed({"svc": Service("svc")}, {"svc/f": function})


def drafted(payload=b"{}", *, stateful=True, switch=None, function="svc/f", **options):
    options.update(now_ms=NOW_MS, request_id="1-req", stateful=switch)
    return draft(deployed(stateful), function, payload, **options)


def test_an_invocation_is_due_when_it_is_accepted():
    found = drafted(b"\xff")
    assert (found.accepted_ms, found.due_ms, found.payload) == (NOW_MS, NOW_MS, b"\xff")
    assert found.function == FunctionRef("svc", "f", "LATEST")
    assert found.stateful


def test_without_an_id_the_request_id_is_the_id():
    found = drafted()
    assert (found.invocation_id, found.request_id) == ("1-req", "1-req")


def test_a_chosen_id_is_kept_in_task_mode_and_has_no_effect_without():
    assert drafted(invocation_id="mine").invocation_id == "mine"
    assert drafted(invocation_id="mine", stateful=False).invocation_id == "1-req"
    assert not drafted(stateful=False).stateful


@pytest.mark.parametrize("bad", ["1a", "a b", "x" * 129])
@pytest.mark.parametrize("stateful", [True, False])
def test_an_id_that_breaks_the_rules_is_refused(bad, stateful):
    with pytest.raises(InvalidRequest):
        drafted(invocation_id=bad, stateful=stateful)


def test_a_payload_of_128_kb_is_accepted_and_one_byte_more_is_not():
    assert MAX_ASYNC_PAYLOAD == 131_072
    drafted(b"x" * 131_072)
    with pytest.raises(InvalidRequest) as caught:
        drafted(b"x" * 131_073)
    assert caught.value.code == "EntityTooLarge"
    assert caught.value.message == "payload size exceeds maximum allowed size (131072 bytes)"
    check_payload(b"", 0)


def test_a_delay_is_0_to_3600_seconds():
    assert drafted(delay_seconds=MAX_DELAY_SECONDS).due_ms == NOW_MS + 3_600_000
    assert drafted(delay_seconds=1).accepted_ms == NOW_MS
    for bad in (-1, 3601):
        with pytest.raises(InvalidRequest, match="3600"):
            drafted(delay_seconds=bad)


def test_an_unknown_function_is_refused():
    with pytest.raises(NotFound):
        drafted(function="svc/gone")
    with pytest.raises(NotFound):
        drafted(qualifier="v1")


def test_a_rerun_remembers_what_it_repeats():
    assert drafted(rerun_of="old").rerun_of == "old"


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize("asked", [True, False, None])
def test_a_call_can_say_for_itself_whether_it_leaves_a_record(configured, asked):
    found = drafted(stateful=configured, switch=asked, invocation_id="mine")
    assert found.stateful is (configured if asked is None else asked)
    assert found.invocation_id == ("mine" if found.stateful else "1-req")


def test_a_draft_knows_where_its_outcome_goes_should_its_function_be_deleted():
    assert drafted().on_failure == "acs:mns:::/queues/bad/messages"


def test_a_callers_own_invocation_follows_from_no_outcome():
    assert drafted().depth == 0
    assert drafted(depth=3).depth == 3
