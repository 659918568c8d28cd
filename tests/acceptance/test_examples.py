"""Every folder of examples/ does what its README says; and what a reader of each is meant to learn is so."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance import readme
from tests.acceptance.test_walkthrough import processes_with
from tests.conftest import ROOT, wait_for

EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir())


def in_copy(shell, name):
    """A shell in a copy of an example."""
    shell.project = os.path.join(shell.project, name)
    shutil.copytree(ROOT / "examples" / name, shell.project)
    return shell


def ended(shell, function: str, count: int) -> list[dict]:
    """The records of ``count`` executions of a function, as soon as so many have ended."""

    def all_of_them() -> list[dict] | None:
        found = shell.fun("executions", "list", function, "--limit", "100", "--json").json["invocations"]
        final = [record for record in found if record["status"] in ("Succeeded", "Failed")]
        return [shell.record(one["invocationId"]) for one in final] if len(final) == count else None

    return wait_for(all_of_them, seconds=40)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_commands_of_an_examples_readme_work_in_their_order(shell, name):
    in_copy(shell, name)
    assert readme.commands(shell.project)
    readme.run(shell)


def test_a_stop_takes_the_encoder_along(shell):
    in_copy(shell, "transcode")
    shell.fun("deploy", "--use-ros", "--stack-name", "studio")
    event = json.dumps({"film": "metropolis.mov", "seconds": 3600})
    invocation_id = shell.invk("transcode", "-t", "Async", "-s", event).out.strip()
    instance = wait_for(lambda: shell.record(invocation_id)["instanceId"])
    mark = f"FC_INSTANCE_ID={instance}"
    wait_for(lambda: len(processes_with(mark)) == 2)  # the function's and the encoder's
    shell.fun("executions", "stop", invocation_id)
    assert processes_with(mark) == []
    assert shell.letter("transcode-not-done")["requestPayload"] == event


def test_the_encoders_progress_is_in_the_log_and_its_complaint_in_the_record(shell):
    in_copy(shell, "transcode")
    shell.fun("deploy", "--use-ros", "--stack-name", "studio")
    event = json.dumps({"film": "arrival.mov", "seconds": 0})
    done = shell.invk("transcode", "-t", "Async", "-s", event, "--wait", "--json").json
    log = shell.fun("executions", "logs", done["invocationId"]).out
    assert [f"{percent} % done" in log for percent in range(10, 101, 10)] == [True] * 10
    assert json.loads(done["returnPayload"])["bytes"] == 102_400

    event = json.dumps({"film": "stalker.txt", "seconds": 0})
    failed = shell.invk("transcode", "-t", "Async", "-s", event, "--wait", "--json", check=3).json
    message = json.loads(failed["returnPayload"])["errorMessage"]
    assert message == "the encoder gave up (1): stalker.txt: unknown format"


def declined(shell) -> str:
    """Deploys the example and has a payment declined; its request id."""
    in_copy(shell, "dead-letters")
    shell.fun("deploy", "--use-ros", "--stack-name", "payments")
    invocation_id = shell.invk("pay", "-t", "Async", "-s", '{"customer": "Bob", "amount": 500}').out.strip()
    shell.wait(invocation_id, expect="Failed")
    wait_for(lambda: shell.record(invocation_id)["destinationStatus"] == "Succeeded")
    return shell.record(invocation_id)["requestId"]


def test_a_dead_letter_is_read_as_what_was_asked_and_why_it_failed(shell, monkeypatch):
    request_id = declined(shell)
    body = shell.fun("mns", "queue", "receive", "payments-dead-letters", "--json").json["messageBody"]
    monkeypatch.syspath_prepend(shell.project)
    letter = importlib.import_module("letters").read(body)
    assert vars(letter) == {
        "request_id": request_id,
        "function": "pay",
        "event": '{"customer": "Bob", "amount": 500}',
        "reason": "the card of Bob is not good for 500",
        "attempts": 2,
    }


def test_each_page_of_an_album_ends_with_the_function_that_is_meant_for_it(shell):
    in_copy(shell, "fan-out")
    readme.run(shell)
    collected = ended(shell, "album/collect", 14)
    pictures = sorted(record["returnPayload"] for record in collected)
    assert pictures == sorted(f"page-{page}.png" for page in range(1, 16) if page != 13)
    (missing,) = ended(shell, "album/report", 1)
    assert json.loads(missing["returnPayload"]) == {
        "page": 13,
        "reason": "there is no page 13",
        "attempts": 2,
    }


def test_the_script_for_ci_fails_with_the_log_when_the_report_does(shell):
    in_copy(shell, "nightly-report")
    shell.write("code/visits.csv", "page,hour,visits\n/,8,many\n")
    done = run_ci(shell)
    assert done.returncode == 1
    assert "invalid literal for int() with base 10: 'many'" in done.stderr
    assert "The report is right." not in done.stdout


def test_the_script_for_ci_fails_when_the_report_is_wrong(shell):
    in_copy(shell, "nightly-report")
    shell.write("code/visits.csv", "page,hour,visits\n/,8,1\n")
    done = run_ci(shell)
    assert done.returncode == 1
    assert "expected was {'visits': 300" in done.stderr


def run_ci(shell) -> subprocess.CompletedProcess[str]:
    programs = str(Path(sys.executable).parent)
    return subprocess.run(
        ["bash", "ci.sh"],
        cwd=shell.project,
        env={
            **shell.environment,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "FUN_LOCAL_RETRY_FIRST_SECONDS": "0.01",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
