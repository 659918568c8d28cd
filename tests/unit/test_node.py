"""Which Node.js is found for a runtime's name, and what is said when it is another version."""

import os

import pytest

from fun_local.errors import InvalidRequest
from fun_local.runtime import node


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that installs programs, each a path below a home of our own; PATH is its folder ``bin``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()

    def install(*paths, script="#!/bin/sh\necho v20.1.0\n"):
        for path in paths:
            program = tmp_path / path
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(script)
            program.chmod(0o755)

    install.find = lambda runtime: os.path.relpath(node.find(runtime, str(tmp_path / "bin")), tmp_path)
    return install


@pytest.mark.parametrize(
    ("runtime", "major"),
    [
        ("nodejs4.4", 4),
        ("nodejs6", 6),
        ("nodejs10", 10),
        ("nodejs14", 14),
        ("nodejs14.x", 14),
        ("nodejs20", 20),
    ],
)
def test_the_name_says_the_major_version(runtime, major):
    assert node.declared_major(runtime) == major


@pytest.mark.parametrize(
    "runtime", ["nodejs", "nodejsx", "nodejs-20", "nodejs20 ", "nodejs20.", "nodejs9999"]
)
def test_a_name_without_a_version_is_refused(runtime):
    with pytest.raises(InvalidRequest) as caught:
        node.declared_major(runtime)
    assert caught.value.code == "RuntimeNotSupported"
    assert repr(runtime) in caught.value.message
    assert "nodejs20" in caught.value.hint


def test_a_program_of_that_version_comes_before_any_other(machine):
    machine("bin/node")
    assert machine.find("nodejs16") == "bin/node"
    machine(".nvm/versions/node/v16.9.0/bin/node", ".nvm/versions/node/v16.20.2/bin/node")
    assert machine.find("nodejs16") == ".nvm/versions/node/v16.20.2/bin/node"
    assert machine.find("nodejs18") == "bin/node"
    machine("bin/nodejs16")
    assert machine.find("nodejs16") == "bin/nodejs16"
    machine("bin/node16")
    assert machine.find("nodejs16") == "bin/node16"


@pytest.mark.parametrize(
    "path",
    [
        ".nvm/versions/node/v18.2.0/bin/node",
        ".local/share/fnm/node-versions/v18.2.0/installation/bin/node",
        "Library/Application Support/fnm/node-versions/v18.2.0/installation/bin/node",
        ".volta/tools/image/node/18.2.0/bin/node",
    ],
)
def test_version_managers_are_looked_through(machine, path):
    machine("bin/node", path, path.replace("18.2.0", "1.8.2"), path.replace("18.2.0", "180.2.0"))
    assert machine.find("nodejs18") == path


def test_where_there_is_none_the_error_says_what_to_install(machine, tmp_path):
    (tmp_path / "bin" / "node").write_text("not a program")
    with pytest.raises(InvalidRequest) as caught:
        machine.find("nodejs12")
    assert caught.value.code == "RuntimeNotSupported"
    assert "'nodejs12'" in caught.value.message
    assert "Install Node.js 12" in caught.value.hint


def test_the_heap_gets_nine_tenths_of_the_memory():
    assert node.command("/bin/node", 512) == (
        "/bin/node",
        "--max-old-space-size=460",
        "--max-http-header-size=16384",
        "--expose-gc",
    )


def test_another_version_is_told():
    text = node.notice("nodejs14", "v20.20.2")
    assert "Node.js 20.20.2 runs this function" in text
    assert "declared for nodejs14" in text


@pytest.mark.parametrize(
    ("runtime", "version"), [("nodejs20", "v20.1.0"), ("nodejs4.4", "v4.9.1"), ("nodejs20", "")]
)
def test_the_same_version_or_an_unknown_one_is_not_told(runtime, version):
    assert node.notice(runtime, version) == ""


def test_a_program_tells_its_version_and_is_asked_again_when_it_changes(machine, tmp_path):
    path = str(tmp_path / "bin" / "node")
    assert node.version_of(path) == ""
    machine("bin/node")
    os.utime(path, (1, 1))
    assert node.version_of(path) == "v20.1.0"
    machine("bin/node", script="#!/bin/sh\necho v22.0.0\n")
    assert node.version_of(path) == "v22.0.0"
    machine("bin/node", script="#!/bin/sh\nexit 1\n")
    os.utime(path, (2, 2))
    assert node.version_of(path) == ""
