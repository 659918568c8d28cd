"""What commands import when they start. Start-up is mostly imports, so each has a budget of modules."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fun_local.cli import reference

#: What is looked for: whatever costs a millisecond or more, and what belongs to the daemon. What Click and
#: the model import anyway (dataclasses, enum, inspect, json, re …) is not listed.
WATCHED = """
aiohttp asyncio cronsim ctypes difflib email hashlib http ipaddress jsonschema logging lzma
multidict orjson pathlib random rich secrets select selectors shutil socket sqlite3 ssl subprocess
tempfile tinydb tomllib tzdata unittest urllib yaml zipfile
"""

#: Of a command that starts the daemon or speaks to it.
CLIENT = "email http ipaddress random select selectors socket ssl subprocess urllib"

#: A command as it is typed, in a home where nothing is -> what of the above it may import.
BUDGET = {
    "fun --version": "",
    "fun config": "",
    "fun executions list": "select sqlite3",
    "fun executions get gone": "select sqlite3",
    "fun executions logs gone": "select sqlite3",
    "fun info": f"sqlite3 {CLIENT}",
    "fun daemon status": f"sqlite3 {CLIENT}",
    "fun faults list": f"hashlib sqlite3 {CLIENT}",
    "fun mns queue list": f"sqlite3 {CLIENT}",
    "invk main -t Async -s 1 --no-daemon": f"difflib hashlib sqlite3 {CLIENT}",
}

_CHILD = """
import os, sys
before = set(sys.modules)
out = os.dup(1)
null = os.open(os.devnull, os.O_WRONLY)
os.dup2(null, 1)
os.dup2(null, 2)
program, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = program
try:
    if program == "invk":
        from fun_local.invk import main
    else:
        from fun_local.cli.fun import main
    main()
except SystemExit:
    pass
found = {name.split(".")[0] for name in set(sys.modules) - before}
os.write(out, " ".join(found).encode())
"""


def imported(command: str, home: str) -> set[str]:
    """The modules that a command imports in an interpreter of its own, by the first part of their names."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *command.split()],
        env={**os.environ, "FUN_LOCAL_HOME": home},
        capture_output=True,
        check=True,
    )
    found = set(done.stdout.decode().split())
    assert "fun_local" in found, done
    return found


@pytest.mark.parametrize("command", BUDGET)
def test_a_command_imports_no_more_than_its_budget(command, shell):
    over = (imported(command, shell.home) & set(WATCHED.split())) - set(BUDGET[command].split())
    assert not over, f"{command} imports {', '.join(sorted(over))}: import it where it is used"


#: Of no command's help: what the daemon is made of, what reads templates, what draws.
HEAVY = {
    "aiohttp",
    "asyncio",
    "cronsim",
    "jsonschema",
    "multidict",
    "orjson",
    "rich",
    "tinydb",
    "yaml",
    "zipfile",
}


@pytest.mark.parametrize("name", [" ".join(path) for path, _ in reference.commands()])
def test_to_tell_what_it_does_no_command_loads_what_it_does_it_with(name, tmp_path):
    assert not imported(f"{name} -h", str(tmp_path / "home")) & HEAVY


def test_the_hot_form_of_invk_imports_next_to_nothing(tmp_path):
    code = (
        "import sys; before = set(sys.modules); import fun_local.invk as invk;"
        "invk._send('main', b'{}', invk.new_request_id()); print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "FUN_LOCAL_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) == {"_socket", "fun_local", "fun_local.invk"}
