"""What shells are told to offer: from the files of the home, with no daemon, and quickly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fun_local.cli import completion
from fun_local.cli.fun import fun
from tests.acceptance.templates import template
from tests.acceptance.test_walkthrough import deploy

CODE = "def handler(event, context): return event"


def offered(shell, *words: str) -> list[str]:
    """What is offered for the last of the words."""
    environment = {
        **shell.environment,
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
        f"_{words[0].upper()}_COMPLETE": "bash_complete",
    }
    done = subprocess.run(
        [Path(sys.executable).with_name(words[0])],
        env=environment,
        cwd=shell.project,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.fixture
def stocked(shell):
    """A home with something of everything, whose daemon is gone."""
    deploy(shell, template(CODE))
    shell.write("two.yml", template(CODE, service="shop", function="order"))
    shell.fun("deploy", "-t", "two.yml", "--stack-name", "second")
    shell.fun("mns", "topic", "create", "news")
    shell.fun("mns", "topic", "subscribe", "news", "watcher", "--queue", "dlq")
    for name in ("alpha-1", "alpha-2", "beta"):
        shell.invk("main", "-t", "Async", "-s", "1", "--invocation-id", name)
        shell.wait(name)
    shell.fun("daemon", "stop")
    return shell


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("fun", "exec"), ["executions"]),
        (("fun", "executions", "re"), ["retry", "replay"]),
        (("fun", "executions", "get", ""), ["beta", "alpha-2", "alpha-1"]),
        (("fun", "executions", "get", "al"), ["alpha-2", "alpha-1"]),
        (("fun", "executions", "wait", "beta", "alpha-1"), ["alpha-1"]),
        (("fun", "executions", "list", "sh"), ["shop/order"]),
        (("fun", "executions", "list", "--status", "Suc"), ["succeeded"]),
        (("fun", "executions", "stop", "--function", "m"), ["main"]),
        (("fun", "executions", "stop", "--funct"), ["--function"]),
        (("fun", "invoke", "o"), ["order"]),
        (("fun", "info", "s"), ["second", "shop", "shop/order"]),
        (("fun", "remove", "sec"), ["second"]),
        (("fun", "mns", "queue", "peek", ""), ["dlq"]),
        (("fun", "mns", "queue", "create", ""), []),
        (("fun", "mns", "topic", "unsubscribe", "n"), ["news"]),
        (("fun", "mns", "topic", "unsubscribe", "news", ""), ["watcher"]),
        (("fun", "init", "event-"), ["event-nodejs", "event-python"]),
        (("fun", "deploy", "--stack-name", "se"), ["second"]),
        (("invk", "m"), ["main"]),
        (("invk", "demo/"), ["demo/main"]),
        (("invk", "main", "--inv"), ["--invocation-id"]),
    ],
)
def test_each_place_is_offered_what_can_stand_there(stocked, words, expected):
    found = offered(stocked, *words)
    if "--status" in words:  # newer versions of Click offer choices in small letters
        found = [word.lower() for word in found]
    assert found == expected
    assert not (Path(stocked.home) / "daemon.sock").exists()


def test_a_name_that_two_functions_have_is_offered_in_full_only(shell):
    deploy(shell, template(CODE))
    shell.write("two.yml", template(CODE, service="shop"))
    shell.fun("deploy", "-t", "two.yml", "--stack-name", "second")
    assert offered(shell, "invk", "") == ["demo/main", "shop/main"]


@pytest.mark.parametrize("damage", [None, "registry.json", "queue.db"])
def test_a_home_that_is_empty_or_damaged_offers_nothing_and_says_nothing(shell, damage):
    if damage:
        os.mkdir(shell.home, 0o700)
        (Path(shell.home) / damage).write_text("not ours")
    assert offered(shell, "invk", "") == []
    assert offered(shell, "fun", "executions", "get", "") == []
    assert offered(shell, "fun", "mns", "queue", "peek", "") == []


def test_the_first_word_is_completed_without_importing_the_commands(shell):
    program = (
        "import sys\nfrom fun_local.cli.fun import main\n"
        "try: main()\nfinally: print(*sys.modules, file=sys.stderr)\n"
    )
    environment = {
        **shell.environment,
        "COMP_WORDS": "fun d",
        "COMP_CWORD": "1",
        "_FUN_COMPLETE": "bash_complete",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = ['fun']\n{program}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == ["deploy", "daemon", "demo"]
    loaded = done.stderr.split()
    assert not {"fun_local.cli.deploy", "asyncio", "http.client", "yaml", "tinydb", "rich"} & set(loaded)


def test_names_of_functions_are_found_without_what_a_daemon_needs(stocked):
    program = (
        "import sys\nfrom fun_local.invk import main\n"
        "try: main()\nfinally: print(*sys.modules, file=sys.stderr)\n"
    )
    environment = {
        **stocked.environment,
        "COMP_WORDS": "invk m",
        "COMP_CWORD": "1",
        "_INVK_COMPLETE": "bash_complete",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = ['invk']\n{program}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "plain,main\n"
    assert not {"asyncio", "yaml", "tinydb", "rich", "aiohttp"} & set(done.stderr.split())


def test_every_row_of_the_table_is_about_a_parameter_that_there_is():
    seen = set()

    def walk(command: click.Command, path: tuple[str, ...]) -> None:
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                inner = command.get_command(click.Context(command), name)
                assert inner is not None
                walk(inner, (*path, name))
        for parameter in command.params:
            seen.add((" ".join(path), parameter.name))
            seen.add(("", parameter.name))

    walk(fun, ())
    assert set(completion._KINDS) <= seen


def test_bash_completes_with_the_script_it_is_given(stocked):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    script = stocked.fun("completion", "bash").out
    lines = [
        script,
        "COMP_WORDS=(invk ma); COMP_CWORD=1; _invk_completion invk; echo ${COMPREPLY[@]}",
        "COMPREPLY=(); COMP_WORDS=(fun executions get be); COMP_CWORD=3",
        "_fun_completion fun; echo ${COMPREPLY[@]}",
    ]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        [bash, "--norc", "-c", "\n".join(lines)],
        env={**stocked.environment, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["main", "beta"], done.stderr


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_script_is_one_that_its_shell_can_read(shell, name):
    script = shell.fun("completion", name).out
    assert "_FUN_COMPLETE" in script
    assert "_INVK_COMPLETE" in script
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"needs {name} to read it")
    shell.write("script", script)
    subprocess.run([program, "-n", "script"], cwd=shell.project, check=True)


def test_an_unknown_shell_is_refused_with_those_that_are_known(shell):
    assert "'zsh'" in shell.fun("completion", "tcsh", check=2).err
