"""What people see of long work, and what programs don't."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests import terminal
from tests.acceptance.templates import template
from tests.acceptance.test_walkthrough import deploy

#: Works for a second, and prints its result.
WORK = """\
import time
from fun_local.cli.progress import Shown
with Shown({text!r}, {total}, unit={unit!r}) as shown:
    for _ in range(10):
        time.sleep(0.1)
        shown.forward(10)
print("the result")
"""


def work(shell, *, pipe, text="copying", total=100, unit="bytes", **environment):
    program = [sys.executable, "-c", WORK.format(text=text, total=total, unit=unit)]
    return terminal.run(
        program, environment={**shell.environment, **environment}, folder=shell.project, pipe=pipe
    )


def test_long_work_is_seen_on_a_terminal_and_gone_in_the_end(shell):
    seen = work(shell, pipe=True)
    assert "copying" in seen.terminal and "/100 bytes" in seen.terminal
    assert "\x1b[?25h" in seen.terminal  # the cursor is back
    assert seen.terminal.rstrip().endswith("\x1b[2K")  # the line is empty
    assert seen.out == "the result\n"


def test_work_of_an_unknown_size_is_counted(shell):
    seen = work(shell, pipe=True, total=None, unit="executions")
    assert "0 executions" in seen.terminal


def test_what_is_shown_is_not_taken_for_markup(shell):
    assert "[red]a[/red]" in work(shell, pipe=True, text="[red]a[/red]").terminal


def test_without_colour_there_is_a_bar_all_the_same(shell):
    seen = work(shell, pipe=True, NO_COLOR="1")
    assert "copying" in seen.terminal
    assert "\x1b[3" not in seen.terminal


def test_nobody_is_shown_short_work(shell):
    program = [sys.executable, "-c", WORK.replace("0.1", "0").format(text="x", total=10, unit="")]
    assert (
        terminal.run(program, environment=shell.environment, folder=shell.project).terminal
        == "the result\r\n"
    )


def fun(shell, *arguments, **options):
    program = str(Path(sys.executable).with_name("fun"))
    return terminal.run([program, *arguments], environment=shell.environment, folder=shell.project, **options)


def test_a_pipe_gets_the_result_and_no_bar(shell):
    deploy(shell, template("def handler(event, context): return 1"))
    shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", "one")
    shell.wait("one")
    whole = fun(shell, "executions", "export", pipe=True)
    assert [json.loads(line)["invocationId"] for line in whole.out.splitlines()] == ["one"]
    assert (
        fun(shell, "executions", "prune", "--older-than", "0s", "--json", pipe=True).out == '{"deleted": 1}\n'
    )
    shell.write("saved.jsonl", whole.out)
    again = fun(shell, "executions", "import", "saved.jsonl", "--json", pipe=True)
    assert json.loads(again.out) == {"imported": 1, "skipped": 0}


@pytest.fixture
def seen_progress(monkeypatch):
    """What was shown, and how far it went."""
    from fun_local.cli import progress

    found = []

    class Shown(progress.Shown):
        def __init__(self, text, total=None, **rest):
            super().__init__(text, total, **rest)
            found.append(self)

        def at(self):
            return self._done, self._total

    monkeypatch.setattr(progress, "Shown", Shown)
    for module in ("deploy", "transfer", "execution_changes", "demo"):
        monkeypatch.setattr(f"fun_local.cli.{module}.Shown", Shown)
    return found


def test_every_long_command_shows_how_far_it_is(shell, seen_progress, monkeypatch):
    from click.testing import CliRunner

    from fun_local.cli.fun import fun as command

    monkeypatch.setenv("FUN_LOCAL_HOME", shell.home)
    monkeypatch.chdir(shell.project)

    def shown_by(*arguments):
        del seen_progress[:]
        done = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return {bar._text: bar.at() for bar in seen_progress}

    shell.write("template.yml", template("").replace('"SourceCode": ""', '"SourceCode": "x = 1"'))
    os.makedirs(f"{shell.project}/code")
    shell.write("code/index.py", "def handler(event, context): return 1\n")
    bars = shown_by("deploy", "--create-queues")
    assert set(bars) == {"code in the template", "deploying"}
    done, total = bars["code in the template"]
    assert done == total > 0
    shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", "one")
    shell.fun("executions", "wait", "one", check=3)
    assert shown_by("executions", "export", "-o", "saved.jsonl") == {"exporting": (1, None)}
    assert set(shown_by("executions", "prune", "--older-than", "0s")) == {"deleting records"}
    size = os.path.getsize(f"{shell.project}/saved.jsonl")
    bars = shown_by("executions", "import", "saved.jsonl")
    assert bars == {"checking": (size, size), "importing": (size, size)}


def test_tables_and_colours_are_for_terminals_alone(shell):
    deploy(shell, template("def handler(event, context): return 1"))
    shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", "one")
    shell.wait("one")
    assert "\x1b[" in fun(shell, "executions", "list").terminal
    assert "\x1b[" not in fun(shell, "executions", "list", pipe=True).out
    shell.environment["NO_COLOR"] = "1"
    plain = fun(shell, "executions", "list").terminal
    assert "\x1b[3" not in plain and "Succeeded" in plain
