"""What a deploy says about interpreters."""

import asyncio
import sys

import pytest

from fun_local.errors import InvalidRequest
from fun_local.model.resources import Function
from fun_local.runtime import interpreters, node, notices

FOUND = interpreters.Interpreter("/usr/bin/python3.11", (3, 11), "worker")


async def find_python(runtime):
    interpreters.declared(runtime)
    return FOUND


def told(*runtimes):
    functions = [
        Function("shop", f"f{number}", runtime, "index.handler", "0")
        for number, runtime in enumerate(runtimes)
    ]
    return asyncio.run(notices.runtime_notices(functions, find_python))


@pytest.mark.parametrize(
    "runtime", ["python3.11", "custom", "custom.debian10", "java11", "go1", "custom-container"]
)
def test_nothing_is_said_of_what_is_as_named_or_told_elsewhere(runtime):
    assert told(runtime) == []


def test_another_version_is_said_once_with_all_functions_that_name_it():
    assert told("python3.10", "python3.11", "python3.10") == [
        f"runtime of shop/f0, shop/f2: {interpreters.notice('python3.10', (3, 11))}"
    ]


def test_another_node_is_said(monkeypatch):
    monkeypatch.setattr(node, "find", lambda runtime: sys.executable)
    monkeypatch.setattr(node, "version_of", lambda path: "v20.1.0")
    assert told("nodejs20") == []
    (line,) = told("nodejs12")
    assert line == f"runtime of shop/f0: {node.notice('nodejs12', 'v20.1.0')}"


def test_a_missing_node_is_said_with_the_next_step(monkeypatch):
    def find(runtime):
        raise InvalidRequest("RuntimeNotSupported", "needs Node.js", hint="Install it.")

    monkeypatch.setattr(node, "find", find)
    assert told("nodejs12") == ["runtime of shop/f0: needs Node.js. Install it."]


def test_a_name_that_says_no_version_is_said():
    (line,) = told("python3.x")
    assert "'python3.x' says no version" in line
