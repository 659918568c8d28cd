"""Whether a call came to what its row says: status, events, result or error, log, message in a queue."""

from __future__ import annotations

import json
import re
from itertools import pairwise

from fun_local.model.execution import TRANSITIONS, Status
from fun_local.model.outcome import HANDLED, UNHANDLED
from tests.odd.case import BAD, GOOD, SERVICE, TIME, TOO_LARGE


def check(case, told, name):
    """All five: status with its events, result or error, log lines, and the message in the queue."""
    result = check_payload(case, told)
    if case.stateful:
        check_record(case, told)
    else:
        assert told.record is None
    check_log(case, told, result.decode(errors="replace"))
    check_letter(case, told, result, name)


def check_payload(case, told):
    """The result, of which a call without a record leaves no trace but in its letter."""
    result = told.result
    if not case.stateful:
        result = json.loads(told.letters[0][1])["responsePayload"].encode()
    if case.is_success:
        assert result == case.result
        return result
    if isinstance(case.error, str):
        assert result.decode() == case.error
        return result
    payload = json.loads(result)
    if isinstance(case.error, re.Pattern):
        assert list(payload) == ["errorMessage"]
        assert case.error.fullmatch(payload["errorMessage"]), payload
        return result
    wanted = dict(case.error)
    stack = wanted.pop("stackTrace", None)
    found = payload.pop("stackTrace", None)
    assert list(payload) == list(wanted)
    assert matches(list(payload.values()), wanted.values()), payload
    if stack is None or found is None:
        assert found == stack
    else:
        assert matches(found, stack), found
    check_json(case, result)
    return result


def check_json(case, result):
    """Errors are printed as the language's runtime prints them (runtime.md 2.5, 3.5)."""
    payload = json.loads(result)
    if case.is_node or "errorType" not in payload:
        assert result.decode() == json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    else:
        assert result.decode() == json.dumps(payload, indent=4, sort_keys=True)


def check_record(case, told):
    record = told.record
    final = case.status or (Status.SUCCEEDED if case.is_success else Status.FAILED)
    assert record["status"] == final
    steps = [Status(event["status"]) for event in record["events"]]
    assert steps[0] is Status.ENQUEUED and steps[-1] is final
    assert all(after in TRANSITIONS[before] for before, after in pairwise(steps)), steps
    assert steps.count(Status.RUNNING) == record["attempts"] == case.attempts
    assert record["alreadyRetriedTimes"] == max(case.attempts - 1, 0)
    condition = "" if case.is_success else case.condition or UNHANDLED
    assert record["invocationErrorMessage"] == condition
    assert record["events"][-1]["eventDetail"] == (f'{{"Error":"{condition}"}}' if condition else "")
    assert record["destinationStatus"] == ("Succeeded" if case.is_delivered else "Failed")


def check_log(case, told, result):
    """Markers around, what the function has printed between them, then the error (runtime.md 5.7)."""
    text = told.log.replace(told.id, "ID")
    if case.attempts == 0 or case.runtime.startswith("custom"):
        assert matches(lines_of(text), case.log), text
        return
    start = f"FC {case.marker} Start RequestId: ID\n"
    assert text.startswith(start), text
    end = f"FC {'Invoke' if case.is_success else case.marker} End RequestId: ID"
    is_told = not isinstance(case.error, re.Pattern) or case.error is TOO_LARGE
    if not case.is_success and not is_told:
        end += f", Error: {json.loads(result)['errorMessage']}"
    elif not case.is_success:
        is_handled = case.is_handled or case.condition == HANDLED
        end += f", Error: {'Handled' if is_handled else 'Unhandled'} function error"
    assert text.endswith(f"{end}\n"), text
    text = text[len(start) : -len(end) - 1]
    if not case.is_success and is_told:
        error = re.search(rf"{TIME} ID \[(?:ERROR|error)\] {re.escape(result)}\n\Z", text)
        assert error, text
        text = text[: error.start()]
    if case.is_node:
        loading = f"load code for handler:{case.function.get('initializer') or case.handler}\n"
        assert text.startswith(loading) or case.attempts > 1, text
        text = text.removeprefix(loading)
    assert matches(lines_of(text), case.log), text


def lines_of(text):
    """Lines end at line feeds alone; the last may have none."""
    return text.removesuffix("\n").split("\n") if text else []


def check_letter(case, told, result, name):
    """One message, in the queue of its outcome, in the vendor's form to the byte (async-semantics 15)."""
    if not case.is_delivered:
        assert told.letters == []
        return
    [(queue, body)] = told.letters
    assert queue == (GOOD if case.is_success else BAD)
    condition = "" if case.is_success else case.condition or UNHANDLED
    timestamp = told.record["endTime"] if told.record else json.loads(body)["timestamp"]
    never_ran = case.attempts == 0 and case.status is not Status.STOPPED
    wanted = {
        "timestamp": timestamp,
        "requestContext": {
            "requestId": told.id,
            "functionArn": f"acs:fc:::services/{SERVICE}.LATEST/functions/{name}",
            "condition": condition,
            "approximateInvokeCount": case.attempts,
        },
        "requestPayload": case.event.decode(errors="replace"),
        "responseContext": {"statusCode": 200, "functionError": "" if never_ran else condition},
        "responsePayload": "" if never_ran else result.decode(errors="replace"),
    }
    assert body.decode() == json.dumps(wanted, ensure_ascii=False, separators=(",", ":"))


def matches(found, wanted):
    """Whether lines are as wanted: texts, patterns, and an ellipsis for any number of any lines."""
    found, wanted = list(found), list(wanted)
    while wanted and wanted[0] is not ...:
        if not found or not fits(found.pop(0), wanted.pop(0)):
            return False
    if not wanted:
        return not found
    rest = wanted[1:]
    return not rest or any(matches(found[n:], rest) for n in range(len(found) + 1))


def fits(found, wanted):
    if isinstance(wanted, re.Pattern):
        return wanted.fullmatch(found) is not None
    return found == wanted
