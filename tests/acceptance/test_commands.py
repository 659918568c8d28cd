"""Every command as a user types it: output, JSON, exit codes, wrong input."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.acceptance.templates import template
from tests.acceptance.test_walkthrough import deploy, wait_for, wait_for_status

ECHO = "def handler(event, context): return event"
SLEEPS = "import time\ndef handler(event, context):\n    time.sleep(float(event or b'0'))\n    return event"


def test_an_async_call_prints_the_id_alone(shell):
    deploy(shell, template(ECHO))
    done = shell.invk("main", "-t", "Async", "-s", "{}")
    assert done.out.count("\n") == 1
    assert done.err == ""
    assert shell.record(done.out.strip())["invocationId"] == done.out.strip()


@pytest.mark.parametrize(
    "arguments",
    [
        ["main", "-t", "Async", "-s", "{}"],  # the hot form
        ["-t", "async", "-s", "{}", "demo/main"],  # in another order
        ["main", "--type=Async", "--event-str={}"],  # only the full command knows this
        ["main", "-t", "Async", "-s", "{}", "--json"],
    ],
)
@pytest.mark.parametrize("daemon", ["up", "down"])
def test_the_quick_way_and_the_full_command_accept_the_same(shell, arguments, daemon):
    deploy(shell, template(ECHO))
    if daemon == "down":
        shell.fun("daemon", "stop")
    done = shell.invk(*arguments)
    invocation_id = done.json["invocationId"] if "--json" in arguments else done.out.strip()
    shell.wait(invocation_id)
    record = shell.record(invocation_id)
    assert record["invocationPayload"] == "{}"
    assert record["requestId"] == invocation_id
    if "--json" in arguments:
        assert done.json == {
            "statusCode": 202,
            "invocationId": invocation_id,
            "requestId": invocation_id,
            "serviceName": "demo",
            "functionName": "main",
            "qualifier": "LATEST",
        }


@pytest.mark.parametrize(
    ("arguments", "code", "needle"),
    [
        (["nothing", "-t", "Async", "-s", "{}"], 1, "function 'nothing' does not exist"),
        (["a/b", "-t", "Async", "-s", "{}"], 1, "service 'a' does not exist"),
        (["ma in", "-t", "Async", "-s", "{}"], 1, "not a function name"),
        (["main", "-t", "Maybe", "-s", "{}"], 2, "Invalid value for '-t'"),
        (["main", "-t", "Async", "-s", "{}", "-f", "x"], 2, "not both"),
        (["main", "-t", "Async", "-f", "missing.json"], 1, "missing.json"),
        (["main", "-t", "Async", "-s", "{}", "--delay", "4000"], 2, "4000"),
        (["main", "-t", "Async", "-s", "{}", "--invocation-id", "9x"], 1, "9x"),
        (["main", "-s", "{}", "--wait"], 2, "-t Async"),
        ([], 2, "FUNCTION"),
    ],
)
def test_wrong_use_is_refused_and_queues_nothing(shell, arguments, code, needle):
    deploy(shell, template(ECHO))
    done = shell.invk(*arguments, check=code)
    assert needle in done.err
    assert done.out == ""
    assert "Traceback" not in done.err
    as_json = shell.invk(*arguments, "--json", check=code)
    assert needle in as_json.json["error"]["message"] or needle in as_json.json["error"]["hint"]
    assert shell.fun("executions", "list", "--json").json["invocations"] == []


def test_a_payload_over_128_kb_is_refused_whole(shell):
    deploy(shell, template(ECHO))
    big = b"x" * (128 * 1024 + 1)
    done = shell.invk("main", "-t", "Async", "-f", "-", stdin=big, check=1)
    assert "131072" in done.err
    assert shell.fun("executions", "list", "--json").json["invocations"] == []
    invocation_id = shell.invk("main", "-t", "Async", "-f", "-", stdin=big[:-1]).out.strip()
    shell.wait(invocation_id)
    assert len(shell.fun("executions", "get", invocation_id, "--payload").out) == 128 * 1024


def test_an_ambiguous_name_lists_its_candidates(shell):
    deploy(shell, template(ECHO, service="one"))
    shell.write("two.yml", template(ECHO, service="two"))
    shell.fun("deploy", "-t", "two.yml", "--stack-name", "demo-2")
    done = shell.invk("main", "-s", "{}", check=1)
    assert "one/main" in done.err
    assert "two/main" in done.err
    assert shell.invk("two/main", "-s", "hi").out == "hi"


def test_a_second_call_with_the_same_id_is_refused(shell):
    deploy(shell, template(ECHO))
    shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", "once")
    done = shell.invk("main", "-t", "Async", "-s", "2", "--invocation-id", "once", "--json", check=1)
    assert done.json["error"]["code"] == "StatefulAsyncInvocationAlreadyExists"
    shell.wait("once")
    assert [r["invocationPayload"] for r in [shell.record("once")]] == ["1"]


def test_a_delayed_call_waits_and_can_be_stopped_before_it_runs(shell):
    deploy(shell, template(ECHO))
    done = shell.invk("main", "-t", "Async", "-s", "1", "--delay", "1", "--wait", "--json").json
    started = next(e["timestamp"] for e in done["events"] if e["status"] == "Running")
    assert 1000 <= started - done["startedTime"] < 5000
    waiting = shell.invk("main", "-t", "Async", "-s", "2", "--delay", "3600").out.strip()
    assert shell.record(waiting)["status"] == "Enqueued"
    assert shell.fun("executions", "list", "--status", "Enqueued", "--json").json["invocations"]
    shell.fun("executions", "stop", waiting)
    statuses = [event["status"] for event in shell.record(waiting)["events"]]
    assert statuses == ["Enqueued", "Stopping", "Stopped"]


def test_sync_calls_print_the_result_and_fail_with_3(shell):
    code = (
        "import json\ndef handler(event, context):\n    assert event != b'bad', 'bad event'\n    return event"
    )
    deploy(shell, template(code))
    assert shell.invk("main", "-s", "good").out == "good"
    assert shell.invk("main", stdin=b"").out == ""
    assert shell.invk("main", "-s", "good", "-e").out == "Z29vZA=="
    shell.invk("main", "-s", "good", "-o", "out.bin")
    with open(os.path.join(shell.project, "out.bin")) as file:
        assert file.read() == "good"
    bad = shell.invk("main", "-s", "bad", check=3)
    assert json.loads(bad.out)["errorMessage"] == "bad event"
    as_json = shell.invk("main", "-s", "bad", "--json", check=3).json
    assert as_json["errorType"] == "UnhandledInvocationError"
    assert shell.fun("invoke", "demo/main", "-e", "good").out == "good"
    verbose = shell.invk("main", "-s", "good", "-v")
    assert verbose.out == "good"
    start, end, blank, summary = verbose.err.splitlines()
    assert start.startswith("FC Invoke Start RequestId: ")
    assert end.startswith("FC Invoke End RequestId: ")
    assert blank == ""
    assert summary.startswith("Duration: ")
    assert "Memory Size: 128 MB, Max Memory Used: " in summary


def test_waiting_gives_up_with_4_and_tells_a_failure_with_3(shell):
    deploy(shell, template(SLEEPS))
    slow = shell.invk("main", "-t", "Async", "-s", "60").out.strip()
    shell.fun("executions", "wait", slow, "--timeout", "0.2", check=4)
    assert shell.fun("executions", "stop", slow, "--json").json == {
        "invocations": [{"invocationId": slow, "status": "Stopped"}]
    }
    shell.fun("executions", "wait", slow, check=3)
    shell.fun("executions", "wait", slow, "--expect", "Stopped")
    shell.fun("mns", "queue", "purge", "dlq")
    shell.fun("mns", "queue", "receive", "dlq", "--wait", "1", check=4)


def test_what_has_finished_is_not_stopped(shell):
    deploy(shell, template(ECHO))
    invocation_id = shell.invk("main", "-t", "Async", "-s", "1").out.strip()
    shell.wait(invocation_id)
    done = shell.fun("executions", "stop", invocation_id, check=1)
    assert "it is Succeeded" in done.err
    error = shell.fun("executions", "stop", invocation_id, "--json", check=1).json["error"]
    assert error["code"] == "StatefulAsyncInvocationAlreadyCompleted"


def test_many_can_be_stopped_at_once(shell):
    shell.environment["FUN_LOCAL_MAX_INSTANCES"] = "2"
    deploy(shell, template(SLEEPS))
    ids = [shell.invk("main", "-t", "Async", "-s", "60").out.strip() for _ in range(6)]
    wait_for_status(shell, ids[0], "Running")
    done = shell.fun("executions", "stop", "--function", "main", "-y")
    assert "6 executions of main to stop" in done.err
    assert sorted(line.split()[0] for line in done.out.splitlines()) == sorted(ids)


def test_executions_can_be_filtered_and_paged(shell):
    deploy(shell, template(SLEEPS))
    ids = [f"{'odd' if n % 2 else 'even'}-{n}" for n in range(7)]
    for invocation_id in ids:
        shell.invk("main", "-t", "Async", "-s", "0", "--invocation-id", invocation_id)
    shell.wait(*ids)

    def listed(*options: str) -> list[str]:
        records = shell.fun("executions", "list", *options, "--json").json["invocations"]
        return [record["invocationId"] for record in records]

    assert listed() == ids[::-1]
    assert listed("--asc") == ids
    assert listed("main", "--prefix", "odd") == ["odd-5", "odd-3", "odd-1"]
    assert listed("--status", "failed", "--status", "Stopped") == []
    assert listed("--since", "1h", "--status", "Succeeded") == ids[::-1]
    assert listed("--until", "1h") == []
    first = shell.fun("executions", "list", "--limit", "3", "--json").json
    second = shell.fun(
        "executions", "list", "--limit", "4", "--next-token", first["nextToken"], "--json"
    ).json
    pages = [r["invocationId"] for page in (first, second) for r in page["invocations"]]
    assert pages == ids[::-1]
    assert second["nextToken"] == ""
    assert len(listed("--all", "--limit", "1")) == 7
    assert "invocationPayload" not in first["invocations"][0]
    shell.fun("executions", "list", "--since", "yesterday", check=2)
    shell.fun("executions", "list", "--limit", "0", check=2)
    assert "not a next token" in shell.fun("executions", "list", "--next-token", "xx", check=1).err
    assert "does not exist" in shell.fun("executions", "list", "other", check=1).err
    # All of it with no daemon too.
    shell.fun("daemon", "stop")
    assert listed() == ids[::-1]
    assert shell.fun("executions", "get", "odd-1", "--payload").out == "0"
    assert "FC Invoke Start" in shell.fun("executions", "logs", "odd-1").out
    table = shell.fun("executions", "list").out.splitlines()
    assert table[0].split()[:3] == ["ID", "FUNCTION", "STATUS"]
    assert table[1].split()[:3] == ["even-6", "demo/main", "Succeeded"]


def test_ids_may_be_shortened_while_they_are_unique(shell):
    deploy(shell, template(ECHO))
    for invocation_id in ("film-1", "film-2", "other"):
        shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", invocation_id)
    shell.wait("film-1", "film-2", "oth")
    ambiguous = shell.fun("executions", "get", "film", check=1)
    assert "film-1, film-2" in ambiguous.err
    assert "no execution has the id" in shell.fun("executions", "get", "nope", check=1).err


def test_the_log_can_be_followed_live(shell):
    code = """
        import time
        def handler(event, context):
            for n in range(3):
                print("line", n)
                time.sleep(0.3)
    """
    deploy(shell, template(code))
    invocation_id = shell.invk("main", "-t", "Async", "-s", "1").out.strip()
    follow = shell.start("fun", "executions", "logs", invocation_id, "-f")
    seen_while_running = []
    assert follow.stdout
    for line in follow.stdout:
        seen_while_running.append((line.decode().strip(), shell.record(invocation_id)["status"]))
    assert follow.wait(10) == 0
    follow.stdout.close()
    assert follow.stderr
    follow.stderr.close()
    lines = [line for line, _ in seen_while_running]
    assert lines == [
        f"FC Invoke Start RequestId: {invocation_id}",
        "line 0",
        "line 1",
        "line 2",
        f"FC Invoke End RequestId: {invocation_id}",
    ] or lines[1:] == [
        f"FC Invoke Start RequestId: {invocation_id}",
        "line 0",
        "line 1",
        "line 2",
        f"FC Invoke End RequestId: {invocation_id}",
    ]
    assert any(status == "Running" for _, status in seen_while_running)


def test_old_records_are_pruned_and_their_ids_free_again(shell):
    deploy(shell, template(ECHO))
    shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", "once")
    shell.wait("once")
    assert shell.fun("executions", "prune", "--json").json == {"deleted": 0}
    # Ended in the last millisecond does not count as longer ago than no time at all.
    deleted = wait_for(
        lambda: shell.fun("executions", "prune", "--older-than", "0s", "--json").json["deleted"]
    )
    assert deleted == 1
    shell.fun("executions", "get", "once", check=1)
    shell.invk("main", "-t", "Async", "-s", "2", "--invocation-id", "once")
    shell.wait("once")


def test_only_enqueueing_starts_no_daemon(shell):
    deploy(shell, template(ECHO))
    shell.fun("daemon", "stop")
    invocation_id = shell.invk("main", "-t", "Async", "-s", "1", "--no-daemon").out.strip()
    status = shell.fun("daemon", "status", "--json").json
    assert (status["running"], status["queued"]) == (False, 1)
    assert shell.record(invocation_id)["status"] == "Enqueued"
    shell.wait(invocation_id)


def test_a_stateless_function_keeps_no_record_but_delivers(shell):
    deploy(shell, template(ECHO, stateful=False))
    refused = shell.invk("main", "-t", "Async", "-s", "1", "--wait", check=1)
    assert "keeps no records" in refused.err
    request_id = shell.invk("main", "-t", "Async", "-s", "1").out.strip()
    letter = shell.letter("dlq")
    assert letter["requestContext"]["requestId"] == request_id
    assert letter["responsePayload"] == "1"
    assert shell.fun("executions", "list", "--json").json["invocations"] == []


def test_a_second_daemon_is_refused(shell):
    shell.fun("daemon", "start")
    pid = shell.fun("daemon", "status", "--json").json["pid"]
    done = shell.fun("daemon", "run", check=1)
    assert str(pid) in done.err
    assert "fun daemon stop" in done.err
    assert shell.fun("daemon", "status", "--json").json["pid"] == pid


def test_a_damaged_registry_is_named_and_nothing_is_overwritten(shell):
    deploy(shell, template(ECHO))
    shell.fun("daemon", "stop")
    path = os.path.join(shell.home, "registry.json")
    with open(path, "w") as file:
        file.write("{broken")
    done = shell.invk("main", "-s", "{}", check=1)
    assert "registry.json is damaged" in done.err
    assert "fun deploy" in done.err
    with open(path) as file:
        assert file.read() == "{broken"


def test_everything_in_the_home_is_private(shell):
    deploy(shell, template(ECHO))
    shell.invk("main", "-t", "Async", "-s", "1", "--wait")
    open_to_others = []
    for folder, folders, files in os.walk(shell.home):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            if os.stat(path).st_mode & 0o077:
                open_to_others.append(path)
    assert open_to_others == []


@pytest.mark.parametrize(
    ("text", "needles"),
    [
        ("a: [", ["template.yml:", "error"]),
        ("[]", ["template.yml"]),
        (template(ECHO).replace('"python3"', '"pyton3"'), ["pyton3", "python3"]),
        (template(ECHO).replace('"Timeout": 30', '"Timeout": "long"'), ["Timeout", "long"]),
        (template(ECHO).replace("ServiceName", "ServiceNam"), ["ServiceNam", "ServiceName"]),
        (
            template(ECHO, CodeUri="./missing").replace('"SourceCode"', '"X"').replace('"Code"', '"Y"'),
            ["missing"],
        ),
    ],
)
def test_a_bad_template_is_refused_with_its_place_and_deploys_nothing(shell, text, needles):
    shell.write("template.yml", text)
    done = shell.fun("deploy", "--stack-name", "s", check=1)
    for needle in needles:
        assert needle in done.err
    assert "Traceback" not in done.err
    validated = shell.fun("validate", "--json", check=1).json
    assert validated["error"]["problems"]
    assert shell.fun("info", "--json").json["functions"] == []


def test_a_missing_destination_queue_is_a_warning_and_can_be_created(shell):
    shell.write("template.yml", template(ECHO, queue="later"))
    done = shell.fun("deploy", "--stack-name", "s")
    assert "fun mns queue create later" in done.err
    shell.fun("deploy", "--stack-name", "s", "--create-queues")
    assert shell.fun("mns", "queue", "info", "later", "--json").json["queueName"] == "later"


def test_queues_can_be_used_by_hand(shell):
    assert shell.fun("mns", "queue", "create", "q", "--json").json == {"queueName": "q", "created": True}
    assert shell.fun("mns", "queue", "create", "q", "--json").json["created"] is False
    assert "other attributes" in shell.fun("mns", "queue", "create", "q", "--delay", "5", check=1).err
    shell.fun("mns", "queue", "send", "q", "-s", "low", "--priority", "16")
    shell.fun("mns", "queue", "send", "q", "-s", "high", "--priority", "1")
    assert shell.fun("mns", "queue", "peek", "q").out == "high\n"
    first = shell.fun("mns", "queue", "receive", "q", "--json").json
    assert (first["messageBody"], first["dequeueCount"]) == ("high", 1)
    info = shell.fun("mns", "queue", "info", "q", "--json").json
    assert (info["activeMessages"], info["inactiveMessages"]) == (1, 1)
    assert shell.fun("mns", "queue", "purge", "q", "--json").json["deletedMessages"] == 2
    assert "has no message" in shell.fun("mns", "queue", "receive", "q", check=1).err
    assert "fun mns queue create nope" in shell.fun("mns", "queue", "receive", "nope", check=1).err
    assert shell.fun("mns", "queue", "create", "bad_name", check=1).err
    shell.fun("mns", "queue", "delete", "q")
    assert shell.fun("mns", "queue", "list", "--json").json == {"queues": []}


def test_settings_are_shown_with_their_origin(shell):
    shell.fun("config", "set", "max_instances", "3")
    shell.environment["FUN_LOCAL_REGION"] = "cn-beijing"
    settings = shell.fun("config", "--json").json["settings"]
    assert settings["max_instances"] == {
        "value": 3,
        "origin": os.path.join(shell.home, "settings.toml"),
    }
    assert settings["region"]["origin"] == "environment FUN_LOCAL_REGION"
    assert settings["idle_seconds"]["origin"] == "default"
    assert "no setting" in shell.fun("config", "set", "nope", "1", check=1).err
    assert "max_instances" in shell.fun("config", "set", "max_instances", "none", check=1).err


def test_the_demo_plays_to_its_end(shell):
    done = shell.fun("demo", "--json")
    commands = [step["command"] for step in done.json["steps"]]
    assert commands[0] == "fun mns queue create demo-dlq"
    assert sum(step["seconds"] for step in done.json["steps"]) < 30
    assert not os.path.exists(shell.home)


def test_misspelt_commands_name_the_nearest(shell):
    assert "Did you mean 'deploy'?" in shell.fun("deplo", check=2).err


def test_the_quick_way_imports_next_to_nothing():
    """What each import costs is in docs/design.md; the list is the budget."""
    code = (
        "import sys; before = set(sys.modules); import fun_local.invk;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["_socket", "fun_local", "fun_local.invk"]
