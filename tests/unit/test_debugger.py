"""A debugger on an instance: what is started, what is suspended, what is said."""

import asyncio
import json
import socket
import sys

import pytest

from fun_local.cli.editors import how_to_attach
from fun_local.errors import InvalidRequest
from fun_local.model.resources import Function
from fun_local.runtime.debugger import Debugger, listening, patient
from fun_local.runtime.phases import phases_of

PYTHON = Function(
    "shop", "order", "python3", "index.handler", "0", pre_stop="index.stop", initializer="index.init"
)
NODE = Function("shop", "order", "nodejs16", "index.handler", "0")


def test_nothing_but_this_machine_can_reach_a_debugger():
    assert "--inspect-brk=127.0.0.1:9229" in Debugger(9229).around(("node", "worker.js"))
    assert "127.0.0.1" in Debugger(5678, "/lib/debugpy").around(("python", "worker.py"))


@pytest.mark.parametrize("debugger", [Debugger(9229), Debugger(5678, "/lib/debugpy")])
def test_a_worker_stays_the_last_word_of_its_command(debugger):
    # Its descriptors are added behind it.
    command = debugger.around(("interpreter", "--flag", "worker"))
    assert command[:2] == ("interpreter", "--flag")
    assert command[-1] == "worker"


def test_no_phase_of_a_debugged_function_ends_for_lack_of_time():
    phases = phases_of(patient(PYTHON))
    a_year = 365 * 86_400
    assert phases.initialize and phases.pre_stop
    assert min(phases.invoke.seconds, phases.initialize.seconds, phases.pre_stop.seconds) > a_year


def test_the_memory_of_a_debugger_is_not_counted_against_the_function():
    assert patient(PYTHON).memory_mb > 1024 * 1024


def test_debugging_python_without_debugpy_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "debugpy", None)  # as if it were not there
    with pytest.raises(InvalidRequest) as error:
        listening(PYTHON, 0)
    assert error.value.hint == "Install it with: pip install 'fun-local[debug]'"


def test_debugging_nodejs_needs_no_debugpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "debugpy", None)
    assert listening(NODE, 0).port > 0


@pytest.mark.parametrize("function", [PYTHON, NODE])
def test_the_settings_for_vscode_lead_to_the_port(function):
    *_, text = how_to_attach(function, Debugger(5678), "vscode")
    found = json.loads(text)
    assert found["request"] == "attach"
    assert (found.get("connect") or {"host": found.get("address"), "port": found.get("port")}) == {
        "host": "127.0.0.1",
        "port": 5678,
    }
    assert found["type"] == ("debugpy" if function is PYTHON else "node")


@pytest.mark.parametrize("function", [PYTHON, NODE])
def test_the_settings_for_pycharm_lead_to_the_port(function):
    assert "host 127.0.0.1, port 5678" in "\n".join(how_to_attach(function, Debugger(5678), "pycharm"))


def test_an_instance_waits_until_the_one_before_has_let_go_of_the_port():
    async def held_for_a_moment():
        with socket.socket() as before:
            before.bind(("127.0.0.1", 0))
            before.listen()
            waiting = asyncio.ensure_future(Debugger(before.getsockname()[1]).until_free())
            await asyncio.sleep(0)
            assert not waiting.done()
        await waiting

    asyncio.run(held_for_a_moment())
