"""Who may import whom: downwards, or sideways within a package (the floors of the architecture notes)."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "fun_local"

#: Module or package, below fun_local -> its floor.
FLOORS = {
    "": 0,  # the version
    "errors": 0,
    "settings": 0,
    "home": 0,
    "watch": 0,
    "model": 1,
    "ports": 2,
    "template": 2,
    "accept": 2,
    "store": 3,
    "runtime": 3,
    "mns": 3,
    "projects": 3,
    "emulator": 4,
    "feed": 4,
    "deployments": 4,
    "stacks": 4,
    "destinations": 4,
    "dispatcher": 4,
    "pool": 4,
    "recovery": 4,
    "timers": 4,
    "topic_triggers": 4,
    "imports": 4,
    "wiring": 5,
    "build": 5,
    "http": 6,
    "console": 6,
    "cli": 6,
    "local": 6,
    "daemon": 6,
    "invk": 6,
    "faults": 4,
    "testing": 7,
    "pytest_plugin": 7,
}

#: What stands on one floor without being a stranger to each other, and what may reach across: why.
EXCEPTIONS = {
    ("emulator", "mns"): "queues have one implementation, and no second in sight",
    ("emulator", "store"): "so has the reading of executions (store.history only)",
    ("errors", "template"): "the type of an attribute, for type checkers only",
    ("settings", "errors"): "every error is one of ours",
    ("accept", "ports"): "what it makes is a draft",
    ("dispatcher", "pool"): "one use case, in two parts",
    ("emulator", "deployments"): "a part of it",
    ("emulator", "dispatcher"): "use cases that hand on to each other",
    ("emulator", "pool"): "as above",
    ("emulator", "faults"): "a part of it",
    ("emulator", "imports"): "another part of it",
    ("dispatcher", "faults"): "a part of it, too",
    ("emulator", "feed"): "where what happens to executions is told",
    ("http", "console"): "the endpoint shows it",
    ("console", "http"): "how requests are refused",
    ("stacks", "deployments"): "what carries their change sets out",
    ("emulator", "timers"): "one more way to invoke",
    ("daemon", "http"): "the process that shows the face",
    ("cli", "daemon"): "`fun daemon run` is the daemon, in the foreground",
    ("cli", "http"): "errors and answers, so that both ends read them alike",
    ("cli", "local"): "`fun local` is its command",
    ("local", "http"): "`fun local start` shows the daemon's face",
    ("cli", "invk"): "request ids; `invk` falls back to the command",
    ("invk", "cli"): "the other direction of the same",
    ("pytest_plugin", "testing"): "the fixture around it",
}

#: Pure: what they compute depends on their arguments alone.
IMPURE = {"asyncio", "os", "time", "sqlite3", "subprocess", "socket", "random", "secrets", "threading"}

#: The only ones that look at the environment; everyone else is told.
MAY_READ_ENVIRONMENT = (
    "settings",
    "invk",
    "cli",
    "daemon",
    "runtime.process",
    "runtime.python_worker",
    "runtime.python_debug",
    "testing",
)


def modules():
    """Every module: its name below fun_local, and its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").strip(".")
        yield name, ast.parse(path.read_text())


MODULES = dict(modules())


def imports(tree):
    """What a tree imports, anywhere in it, as dotted names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide the floor"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(name):
    """The module or package directly below fun_local that holds a module."""
    return name.split(".")[0]


def own_imports(tree):
    """The modules of ours that a tree imports, by their names below fun_local."""
    for name in imports(tree):
        inner = name.removeprefix("fun_local.") if name != "fun_local" else ""
        if inner != name and (inner in MODULES):
            yield inner


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_downwards_only(name):
    here = place(name)
    for imported in own_imports(MODULES[name]):
        there = place(imported)
        allowed = here == there or FLOORS[there] < FLOORS[here] or (here, there) in EXCEPTIONS
        assert allowed, f"{name} (floor {FLOORS[here]}) imports {imported} (floor {FLOORS[there]})"


def test_every_module_has_a_floor_and_every_floor_a_module():
    assert {place(name) for name in MODULES} == set(FLOORS)


def test_every_exception_is_used():
    used = {(place(name), place(i)) for name, tree in MODULES.items() for i in own_imports(tree)}
    assert set(EXCEPTIONS) <= used


def test_the_use_cases_know_one_module_of_the_store():
    found = {i for name in MODULES if FLOORS[place(name)] == 4 for i in own_imports(MODULES[name])}
    assert {name for name in found if FLOORS[place(name)] == 3} - {"store"} == {"mns", "store.history"}


def test_faces_take_errors_and_answers_from_http_and_nothing_else():
    found = {i for name in MODULES if place(name) == "cli" for i in own_imports(MODULES[name])}
    assert {name for name in found if place(name) == "http"} <= {"http", "http.errors", "http.answers"}


def test_the_worker_imports_only_the_standard_library():
    found = {name.split(".")[0] for name in imports(MODULES["runtime.python_worker"])}
    assert found <= sys.stdlib_module_names


@pytest.mark.parametrize("name", [name for name in MODULES if place(name) == "model"])
def test_the_model_is_pure(name):
    assert not {imported.split(".")[0] for imported in imports(MODULES[name])} & IMPURE


@pytest.mark.parametrize("name", MODULES)
def test_only_the_edges_read_the_environment(name):
    found = [
        node.lineno
        for node in ast.walk(MODULES[name])
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "environb", "getenv")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    allowed = any(name == edge or name.startswith(f"{edge}.") for edge in MAY_READ_ENVIRONMENT)
    assert not found or allowed, f"{name} reads the environment in line {found[0]}"
