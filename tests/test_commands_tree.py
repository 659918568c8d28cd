"""Every command, held to the contract of the command line: names, options, help, JSON, the reference."""

from __future__ import annotations

import fnmatch
import inspect
import os
import subprocess
import sys

import click
import pytest

from fun_local.cli import output, reference, reference_words
from fun_local.cli.fun import COMMANDS as TOP
from fun_local.cli.fun import fun
from tests.acceptance.templates import template
from tests.acceptance.test_walkthrough import deploy
from tests.conftest import ROOT

TEMPLATE = "-t --template -p --parameter-override --use-ros --stack-name --replace"

#: The contract: each command with the options that it is promised to have. A new command gets a row.
CONTRACT = {
    "invk": "-t --type -s --event-str -f --event-file -o --output-file -e --encode -q --qualifier"
    " --invocation-id --delay --wait --timeout --follow --no-daemon -v --json",
    "fun async-config": "-q --retries --age --on-success --on-failure --delete --json",
    "fun build": f"{TEMPLATE} --clean --json",
    "fun completion": "",
    "fun config": "--json",
    "fun config set": "",
    "fun console": "--no-browser --json",
    "fun daemon logs": "-f --follow",
    "fun daemon restart": "--port --json",
    "fun daemon run": "--port",
    "fun daemon start": "--port --json",
    "fun daemon status": "--json",
    "fun daemon stop": "--json",
    "fun demo": "--json",
    "fun deploy": f"{TEMPLATE} -c --only-config -y --assume-yes --create-queues --watch --json",
    "fun env": "--json",
    "fun executions export": "--function --status --since --until -o --output",
    "fun executions get": "--payload --result --json",
    "fun executions import": "--skip-existing --json",
    "fun executions list": "--status --prefix --since --until --asc --limit --next-token --all --watch"
    " --json",
    "fun executions logs": "-f --follow --json",
    "fun executions prune": "--older-than --json",
    "fun executions replay": "--function -q --json",
    "fun executions retry": "--payload-file --wait --json",
    "fun executions stop": "--function --status -y --json",
    "fun executions wait": "--timeout --expect --json",
    "fun faults clear": "--all --json",
    "fun faults list": "--json",
    "fun faults set": "--rate --seed --json",
    "fun info": "--json",
    "fun init": "-n --name -o --output-dir -V --var --no-input --json",
    "fun install": "-f --function -r --runtime -p --package-type --save --json",
    "fun invoke": "-e --event -f --event-file -s --event-stdin -t --type --json",
    "fun keys rotate": "--revoke --json",
    "fun local invoke": f"{TEMPLATE} -e -f -s -d --debug-port --json",
    "fun local start": "-t --template -p --port -d --debug-port --json",
    "fun mns queue create": "--visibility-timeout --delay --json",
    "fun mns queue delete": "-y --assume-yes --json",
    "fun mns queue info": "--json",
    "fun mns queue list": "--json",
    "fun mns queue peek": "--json",
    "fun mns queue purge": "--json",
    "fun mns queue receive": "--wait --delete --json",
    "fun mns queue send": "-s --body -f --body-file --delay --json",
    "fun mns topic create": "--json",
    "fun mns topic delete": "-y --assume-yes --json",
    "fun mns topic info": "--json",
    "fun mns topic list": "--json",
    "fun mns topic publish": "-s --body -f --body-file --tag --json",
    "fun mns topic subscribe": "--queue --endpoint --json",
    "fun mns topic subscriptions": "--json",
    "fun mns topic unsubscribe": "--json",
    "fun package": "-t --template -o --output-template-file -b --oss-bucket -d --output-dir --json",
    "fun remove": "-y --assume-yes --json",
    "fun validate": "-t --template -p --parameter-override --replace --use-ros --stack-name --json",
}

#: What prints no result of its own: text for a shell, a stream, a file; or nothing.
WITHOUT_JSON = {
    "fun completion",
    "fun config set",
    "fun daemon logs",
    "fun daemon run",
    "fun executions export",
}

COMMANDS = {" ".join(path): command for path, command in reference.commands()}


def options_of(command: click.Command) -> set[str]:
    return {
        name for p in command.params if isinstance(p, click.Option) for name in (*p.opts, *p.secondary_opts)
    }


def test_there_are_the_commands_of_the_contract_and_no_others():
    assert set(COMMANDS) == set(CONTRACT)


@pytest.mark.parametrize("name", CONTRACT)
def test_a_command_has_the_options_it_is_promised_to_have(name):
    assert set(CONTRACT[name].split()) - options_of(COMMANDS[name]) == set()


@pytest.mark.parametrize("name", CONTRACT)
def test_one_option_never_stands_for_two_things(name):
    given = [o for p in COMMANDS[name].params if isinstance(p, click.Option) for o in p.opts]
    assert len(given) == len(set(given))


@pytest.mark.parametrize("name", CONTRACT)
def test_what_prints_a_result_can_print_it_as_json(name):
    assert ("--json" in options_of(COMMANDS[name])) == (name not in WITHOUT_JSON)


@pytest.mark.parametrize("name", CONTRACT)
def test_help_says_what_a_command_is_for_with_an_example_and_a_word_on_each_option(name):
    command = COMMANDS[name]
    about, _, examples = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
    assert about.strip().split("\n\n")[0].endswith(".")
    program = "invk" if name == "invk" else "fun"
    # The command itself, with all of its words; not that of a neighbour.
    assert any(f"{name} ".strip() in f" {line} " for line in examples.splitlines() if program in line), (
        examples
    )
    assert [p.opts for p in command.params if isinstance(p, click.Option) and not (p.help or p.hidden)] == []


def test_what_fun_says_of_its_commands_is_what_they_say_themselves_in_short():
    assert list(TOP) == fun.list_commands(click.Context(fun))
    for _, _, line in TOP.values():
        assert line[0].isupper() and line.endswith(".") and len(line) <= 70


def test_the_exit_codes_are_told_by_fun_itself_and_by_the_reference():
    shown = " ".join(fun.get_help(click.Context(fun)).split())
    codes = {0, output.FAILED, output.USAGE, output.FUNCTION_FAILED, output.TIMED_OUT}
    assert codes <= set(reference_words.EXIT_CODES)
    for code in codes:
        assert f" {code} " in shown.partition("Exit codes")[2]


def test_the_reference_is_what_the_commands_say_now():
    done = subprocess.run(
        [sys.executable, "-m", "fun_local.cli.reference"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    kept = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert kept == done.stdout, "run: python -m fun_local.cli.reference docs/reference.md"
    for name in CONTRACT:
        assert f"\n### {name}\n" in kept


def test_a_home_holds_what_the_reference_lists_and_nothing_else(shell):
    code = "def handler(event, context): return 'x' * 5000"
    deploy(shell, template(code))
    shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", "one")
    shell.fun("config", "set", "max_instances", "4")
    shell.fun("faults", "set", "main", "error")
    shell.wait("one", expect="Succeeded")
    known = [name for name, _, _ in reference_words.FILES]
    files = [
        os.path.relpath(os.path.join(folder, name), shell.home)
        for folder, _, names in os.walk(shell.home)
        for name in names
    ]
    assert [name for name in files if not any(fnmatch.fnmatch(name, pattern) for pattern in known)] == []
    used = {pattern for pattern in known if any(fnmatch.fnmatch(name, pattern) for name in files)}
    assert set(known) - used <= {"archives/*", "destinations/*"}


@pytest.mark.parametrize("name", CONTRACT)
def test_a_word_that_is_no_option_is_wrong_use(name, shell):
    program, *words = name.split()
    done = shell.run(program, *words, "--no-such-option", "--json", check=2)
    assert done.json["error"]["code"] == "Usage"
    assert "no-such-option" in done.json["error"]["message"]
