"""Executions as lines of JSON: out of a home, into another one, and invoked again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fun_local.model.execution import Status
from fun_local.store import database, exported
from tests.acceptance.templates import template
from tests.acceptance.test_walkthrough import deploy
from tests.conftest import Shell

CODE = """\
def handler(event, context):
    if event == b'bad':
        raise ValueError('bad')
    return event * int(len(event) == 6000) + event
"""


@pytest.fixture
def other(shell):
    """A second home, in the same project."""
    second = Shell(shell.home + "-2", shell.project)
    try:
        yield second
    finally:
        second.fun("daemon", "stop", check=None)


def run(shell, event: bytes = b"good", expect: str = "Succeeded") -> str:
    """An execution that has ended."""
    made = shell.invk("main", "-t", "Async", "-f", "-", stdin=event).out.strip()
    shell.wait(made, expect=expect)
    return made


def lines(shell, *arguments: str) -> list[dict]:
    return [json.loads(line) for line in shell.fun("executions", "export", *arguments).out.splitlines()]


def test_an_exported_execution_is_whole_in_another_home(shell, other):
    deploy(shell, template(CODE))
    made = [run(shell), run(shell, b"bad", "Failed"), run(shell, b"\xff\x00"), run(shell, b"x" * 6000)]
    shell.fun("executions", "export", "-o", "all.jsonl")
    assert other.fun("executions", "import", "all.jsonl", "--json").json == {"imported": 4, "skipped": 0}
    for id in made:
        before, after = shell.record(id), other.record(id)
        assert after == before
        for part in ("--payload", "--result"):
            pair = [
                subprocess.run(
                    [Path(sys.executable).with_name("fun"), "executions", "get", id, part],
                    env=s.environment,
                    capture_output=True,
                    check=True,
                ).stdout
                for s in (shell, other)
            ]
            assert pair[0] == pair[1]
    listed = [r["invocationId"] for r in other.fun("executions", "list", "--json").json["invocations"]]
    assert listed == made[::-1]
    assert other.fun("executions", "logs", made[0]).out == ""


def test_what_was_imported_survives_its_daemon_and_can_be_filtered_and_pruned(shell, other):
    deploy(shell, template(CODE))
    run(shell)
    failed = run(shell, b"bad", "Failed")
    shell.fun("executions", "export", "-o", "all.jsonl")
    other.fun("executions", "import", "all.jsonl")
    other.fun("daemon", "stop")
    found = other.fun("executions", "list", "--status", "Failed", "--json").json["invocations"]
    assert [record["invocationId"] for record in found] == [failed]
    assert other.fun("executions", "prune", "--older-than", "0s", "--json").json == {"deleted": 2}
    other.fun("executions", "import", "all.jsonl")


def test_an_imported_execution_can_be_run_again_and_new_ones_come_after_it(shell, other):
    deploy(shell, template(CODE))
    made = run(shell)
    shell.fun("executions", "export", made, "-o", "one.jsonl")
    deploy(other, template(CODE))
    before = run(other)
    other.fun("executions", "import", "one.jsonl")
    again = other.fun("executions", "retry", made, "--wait", "--json").json
    assert (again["rerunOf"], again["returnPayload"]) == (made, "good")
    listed = [r["invocationId"] for r in other.fun("executions", "list", "--json").json["invocations"]]
    assert listed == [again["invocationId"], made, before]


def test_ids_in_use_are_refused_before_anything_is_imported_or_left_alone_when_asked(shell, other):
    deploy(shell, template(CODE))
    made = [run(shell), run(shell)]
    shell.fun("executions", "export", made[1], "-o", "one.jsonl")
    shell.fun("executions", "export", "-o", "all.jsonl")
    other.fun("executions", "import", "one.jsonl")
    refused = other.fun("executions", "import", "all.jsonl", "--json", check=1).json["error"]
    assert made[1] in refused["message"]
    assert "--skip-existing" in refused["hint"]
    assert len(other.fun("executions", "list", "--json").json["invocations"]) == 1
    done = other.fun("executions", "import", "all.jsonl", "--skip-existing", "--json").json
    assert done == {"imported": 1, "skipped": 1}


def test_a_file_with_a_bad_line_is_refused_whole_and_the_line_named(shell, other):
    deploy(shell, template(CODE))
    run(shell)
    (good,) = lines(shell)
    for bad, reason in (
        ("{", "not JSON"),
        ("[]", "no format"),
        ({**good, "format": 99}, "format 99"),
        ({**good, "status": "Running"}, "has not ended"),
        ({**good, "status": "Odd"}, "Odd"),
        ({**good, "invocationId": "../x"}, "not an invocation id"),
        ({**good, "serviceName": "a/b"}, "a/b"),
        ({**good, "startedTime": "now"}, "number"),
        ({**good, "invocationPayloadEncoding": "file"}, "invocationPayload"),
        ({key: value for key, value in good.items() if key != "events"}, "events"),
    ):
        text = bad if isinstance(bad, str) else json.dumps(bad)
        shell.write("bad.jsonl", json.dumps(good) + "\n\n" + text + "\n")
        refused = other.fun("executions", "import", "bad.jsonl", check=1)
        assert "bad.jsonl:3: " in refused.err
        assert reason in refused.err
    assert other.fun("executions", "list", "--json").json["invocations"] == []


def test_import_reads_a_pipe_and_an_id_that_is_there_twice_comes_in_once(shell, other):
    deploy(shell, template(CODE))
    run(shell)
    text = shell.fun("executions", "export").out
    done = other.fun("executions", "import", "-", "--skip-existing", "--json", stdin=(text + text).encode())
    assert done.json == {"imported": 1, "skipped": 1}


def test_export_takes_what_was_asked_for_and_leaves_out_what_runs(shell):
    deploy(shell, template(CODE))
    good, bad = run(shell), run(shell, b"bad", "Failed")
    waiting = shell.invk("main", "-t", "Async", "-s", "1", "--delay", "3600").out.strip()
    done = shell.fun("executions", "export")
    assert [json.loads(line)["invocationId"] for line in done.out.splitlines()] == [good, bad]
    assert "1 executions have not ended" in done.err
    assert [r["invocationId"] for r in lines(shell, "--status", "Failed")] == [bad]
    assert [r["invocationId"] for r in lines(shell, "--function", "main")] == [good, bad]
    assert lines(shell, "--function", "demo/other") == []
    assert lines(shell, "--until", "1h") == []
    assert len(lines(shell, "--since", "1h")) == 2
    assert [r["invocationId"] for r in lines(shell, bad)] == [bad]
    assert lines(shell, waiting) == []
    assert "not both" in shell.fun("executions", "export", bad, "--status", "Failed", check=2).err
    assert "Running" in shell.fun("executions", "export", "--status", "Running", check=2).err


def test_an_export_that_fails_leaves_the_file_that_was_there(shell):
    shell.write("out.jsonl", "before")
    shell.fun("executions", "export", "nothing", "-o", "out.jsonl", check=1)
    assert os.listdir(shell.project) == ["out.jsonl"]
    assert (Path(shell.project) / "out.jsonl").read_text() == "before"


def test_records_older_than_they_are_kept_come_with_a_warning(shell, other):
    deploy(shell, template(CODE))
    run(shell)
    (record,) = lines(shell)
    shell.write("old.jsonl", json.dumps({**record, "startedTime": 1, "endTime": 2}) + "\n")
    assert "history_days" in other.fun("executions", "import", "old.jsonl").err


def test_a_claim_that_a_crash_left_is_taken_up_by_the_next_import(shell):
    os.mkdir(shell.home, 0o700)
    key = ("left", "demo", "main")
    first = database.write_once(shell.home, lambda c: exported.claim(c, shell.home, [key]))
    again = database.write_once(shell.home, lambda c: exported.claim(c, shell.home, [key, ("new", *key[1:])]))
    assert first == [1]
    assert again == [1, 2]
    assert exported.taken(shell.home, [key]) == set()


# --- replay


def test_recorded_events_are_invoked_again(shell):
    deploy(shell, template(CODE))
    good, binary = run(shell), run(shell, b"\xff\x00")
    shell.fun("executions", "export", "-o", "all.jsonl")
    made = shell.fun("executions", "replay", "all.jsonl").out.split()
    shell.wait(*made)
    assert [shell.record(id)["rerunOf"] for id in made] == [good, binary]
    assert [shell.record(id).get("invocationPayloadBase64") for id in made] == [None, "/wA="]
    (one,) = shell.fun("executions", "replay", "all.jsonl", binary[:8], "--json").json["invocations"]
    assert one["replayOf"] == binary
    shell.wait(one["invocationId"])


PRODUCTION = {
    "invocationId": "from-the-cloud",
    "serviceName": "production",
    "functionName": "order",
    "qualifier": "live",
    "status": "Failed",
    "invocationPayload": '{"order": 7}',
}


@pytest.mark.parametrize(
    "recorded",
    [
        PRODUCTION,
        {"statusCode": 200, "body": PRODUCTION},
        {"invocations": [PRODUCTION], "nextToken": ""},
        [PRODUCTION],
        {
            "taskId": "t-1",
            "taskPayload": '{"order": 7}',
            "functionArn": "acs:fc:cn-hangzhou:1:functions/order",
        },
    ],
    ids=["one", "answer", "list", "array", "task"],
)
def test_an_event_of_production_can_be_tried_here(shell, recorded):
    deploy(shell, template(CODE))
    shell.write("production.json", json.dumps(recorded, indent=2))
    refused = shell.fun("executions", "replay", "production.json", check=1)
    assert "--function NAME" in refused.err
    made = shell.fun("executions", "replay", "production.json", "--function", "demo/main").out.strip()
    shell.wait(made)
    assert shell.record(made)["invocationPayload"] == '{"order": 7}'


def test_a_replay_that_can_not_be_made_whole_is_not_begun(shell):
    deploy(shell, template(CODE))
    known = {**PRODUCTION, "serviceName": "demo", "functionName": "main", "qualifier": "LATEST"}
    for second, needle in (
        (PRODUCTION, "production"),
        ({**known, "invocationPayload": "x" * (128 * 1024 + 1)}, "131072"),
        ({"invocationId": "x", "functionName": "main"}, "no event"),
        ({"invocationPayload": "1"}, "--function"),
        ({**known, "invocationPayloadEncoding": "base64"}, "not base64"),
        (7, "no record"),
    ):
        shell.write("two.jsonl", f"{json.dumps(known)}\n{json.dumps(second)}\n")
        assert needle in shell.fun("executions", "replay", "two.jsonl", check=1).err
    assert shell.fun("executions", "list", "--json").json["invocations"] == []
    shell.write("two.jsonl", json.dumps(known))
    assert "'nobody'" in shell.fun("executions", "replay", "two.jsonl", "nobody", check=1).err
    assert "--function" in shell.fun("executions", "replay", "two.jsonl", "-q", "live", check=2).err


# --- list --all --json


def test_a_whole_history_is_listed_as_one_document(shell, other):
    deploy(shell, template(CODE))
    run(shell)
    (record,) = lines(shell)
    many = [json.dumps({**record, "invocationId": f"copy-{number}"}) + "\n" for number in range(450)]
    done = other.fun("executions", "import", "-", "--json", stdin="".join(many).encode())
    assert done.json == {"imported": 450, "skipped": 0}
    listed = other.fun("executions", "list", "--all", "--json").json
    ids = [found["invocationId"] for found in listed["invocations"]]
    assert ids == [f"copy-{number}" for number in reversed(range(450))]
    assert listed["nextToken"] == ""
    assert other.fun("executions", "list", "--all", "--status", "Failed", "--json").json["invocations"] == []


def test_a_line_says_all_that_a_record_holds(shell):
    deploy(shell, template(CODE))
    made = run(shell)
    (line,) = lines(shell, made)
    execution = exported.read(exported.parse_line(json.dumps(line).encode()))
    assert execution.status is Status.SUCCEEDED
    assert replace(execution, seq=7).seq == 7
    record = shell.record(made)
    assert {key: line[key] for key in record} == record
