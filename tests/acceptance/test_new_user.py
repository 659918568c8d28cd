"""What people get to see who do something wrong, or whose machine is not as we would like it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests import terminal
from tests.acceptance.templates import template
from tests.acceptance.test_walkthrough import deploy

ECHO = "def handler(event, context): return event"

#: One of each kind: reads files, speaks to the daemon, starts one, needs none.
COMMANDS = [
    "fun executions list",
    "fun info",
    "fun config",
    "fun daemon status",
    "fun daemon start",
    "fun mns queue create q",
    "fun faults list",
    "fun env",
    "invk main -s 1",
    "invk main -t Async -s 1",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_home_that_can_be_none_is_named_with_a_way_out(shell, command):
    Path(shell.home).write_text("a file")
    for home in (shell.home, f"{shell.home}/below"):
        shell.environment["FUN_LOCAL_HOME"] = home
        done = shell.run(*command.split(), check=1)
        assert f"error: the home {home} can't be used: " in done.err
        assert "FUN_LOCAL_HOME=" in done.err
        assert (done.out, Path(shell.home).read_text()) == ("", "a file")


def unprivileged(shell, *command):
    """Run a command so that the modes of files count, also where the tests are run as root."""
    program = str(Path(sys.executable).with_name(command[0]))
    drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
    return subprocess.run(
        [*(drop if os.getuid() == 0 else ()), program, *command[1:]],
        cwd=shell.project,
        env=shell.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def modes(root: str) -> list[tuple[str, int]]:
    return sorted((path, os.lstat(path).st_mtime_ns) for path, _, _ in os.walk(root))


@pytest.fixture
def closed(shell):
    """A home with something in it that nothing may be written to."""
    deploy(shell, template(ECHO))
    shell.fun("daemon", "stop")
    entries = [Path(shell.home), *Path(shell.home).rglob("*")]
    before = [(path, path.stat().st_mode) for path in entries]
    for path, mode in before:
        path.chmod(mode & 0o555)
    yield shell
    for path, mode in before:
        path.chmod(mode)


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c not in ("fun info", "fun config", "fun faults list")]
)
def test_a_home_that_nothing_may_be_written_to_is_named(closed, command):
    before = modes(closed.home)
    done = unprivileged(closed, *command.split())
    assert done.returncode == 1
    assert done.stderr.startswith(("error: ", "warning: ")) and closed.home in done.stderr
    assert "went wrong" not in done.stderr and "Traceback" not in done.stderr
    assert modes(closed.home) == before


def test_what_needs_no_home_works_where_nothing_may_be_written(closed):
    assert unprivileged(closed, "fun", "info").stdout.count("demo/main") == 1
    closed.write("template.yml", template(ECHO))
    assert unprivileged(closed, "fun", "validate").returncode == 0
    assert unprivileged(closed, "fun", "local", "invoke", "main", "-e", "hello").stdout == "hello"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "command",
    ["fun info", "fun info --json", "fun config --json", "invk main -s 1", "invk main -t Async -s 1"],
)
def test_a_result_that_finds_no_room_is_an_error_of_one_line(shell, command):
    deploy(shell, template(ECHO))
    program, *words = command.split()
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [str(Path(sys.executable).with_name(program)), *words],
            env=shell.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "No space left on device" in done.stderr


@pytest.mark.parametrize("command", ["fun info", "invk main -s 1", "invk main -t Async -s 1"])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-"])
def test_who_closes_our_streams_still_gets_the_work_done(shell, command, closed):
    deploy(shell, template(ECHO))
    program = str(Path(sys.executable).with_name(command.split()[0]))
    line = f"{program} {command.partition(' ')[2]} {closed}"
    done = subprocess.run(
        ["sh", "-c", line], env=shell.environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_stops_early_hears_no_complaint(shell):
    program = Path(sys.executable).with_name("fun")
    long = f"{program} -h; {program} executions list -h"
    done = subprocess.run(
        ["bash", "-c", f"({long}) | head -c 1; echo"], env=shell.environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("U\n", "")


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_a_locale_without_letters_loses_none(shell, locale):
    deploy(shell, template(ECHO))
    shell.environment |= {"LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert shell.invk("main", "-s", '{"film": "Käthe €"}').out == '{"film": "Käthe €"}'
    shell.invk("main", "-t", "Async", "-s", "Käthe €", "--invocation-id", "one")
    shell.wait("one")
    assert shell.fun("executions", "get", "one", "--payload").out == "Käthe €"
    assert "Käthe" in shell.fun("executions", "get", "one").out


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_terminal_shows_every_cell(shell, columns):
    deploy(shell, template(ECHO))
    name = "a" * 36
    shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", name)
    shell.wait(name)
    program = str(Path(sys.executable).with_name("fun"))
    seen = terminal.run(
        [program, "executions", "list"],
        environment={**shell.environment, "NO_COLOR": "1"},
        folder=shell.project,
        columns=columns,
    ).terminal
    assert name in seen
    for cell in ("demo/main", "Succeeded", "retries 0", "destination "):
        assert cell in seen
    assert max(len(line) for line in seen.splitlines()) <= columns


def test_an_empty_list_says_so_to_people_alone(shell):
    program = str(Path(sys.executable).with_name("fun"))
    seen = terminal.run([program, "executions", "list"], environment=shell.environment, folder=shell.project)
    assert "nothing there" in seen.terminal
    assert shell.fun("executions", "list").err == ""


@pytest.mark.parametrize(
    ("command", "code", "needles"),
    [
        ("fun executions get a", 1, ["several ids begin with 'a': a-1, a-2", "Write more"]),
        ("fun config set port x", 1, ["setting port (as given): 'x' is not a whole number"]),
        ("fun executions list --status foo", 2, ["not one of Enqueued, Dequeued"]),
        ("invk main -t later -s 1", 2, ["not one of Sync, Async"]),
        ("invk main -f gone", 1, ["can't read the event file gone", "Name a file that is there"]),
        ("fun executions lst", 2, ["Did you mean 'list'?"]),
        ("fun local strat", 2, ["Did you mean 'start'?"]),
    ],
)
def test_a_mistake_is_told_with_the_next_step(shell, command, code, needles):
    deploy(shell, template(ECHO))
    for name in ("a-1", "a-2"):
        shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", name)
    done = shell.run(*command.split(), check=code)
    for needle in needles:
        assert needle in done.err


@pytest.mark.parametrize("length", [300, 5000])
def test_names_that_are_far_too_long_are_refused_in_a_few_lines(shell, length):
    name = "n" * length
    for command in (
        ("fun", "mns", "queue", "create", name),
        ("invk", name, "-s", "1"),
        ("fun", "executions", "get", name),
        ("fun", "remove", name, "-y"),
        ("fun", "init", "event-python", "-n", name, "--no-input"),
        ("fun", "local", "start", "-t", name),
    ):
        done = shell.run(*command, check=1)
        assert "went wrong" not in done.err and "Traceback" not in done.err
        assert done.err.count("\n") <= 3
    assert os.listdir(shell.project) == []


@pytest.mark.parametrize(
    ("command", "stream", "first"),
    [
        ("fun deploy --use-ros --stack-name demo-1 --watch", "stderr", "Watching for changes"),
        ("fun executions list --watch", "stdout", "/main"),
        ("fun executions logs one -f", "stdout", "begun"),
        ("invk main -t Async -s 1 --follow", "stderr", "begun"),
    ],
)
def test_an_interrupt_ends_what_waits_without_a_complaint(shell, command, stream, first):
    slow = "import time\ndef handler(event, context):\n    print('begun', flush=True)\n    time.sleep(600)\n"
    deploy(shell, template(slow, timeout=600))
    shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", "one")
    with shell.start(*command.split()) as process:
        deadline = threading.Timer(60, process.kill)
        deadline.start()
        assert any(first in line.decode() for line in getattr(process, stream))
        deadline.cancel()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Aborted." in err and b"Traceback" not in err
