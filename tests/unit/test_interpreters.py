"""Which Python runs a function: by name and version, and what is said about another one."""

import os
import sys

import pytest

from fun_local.errors import InvalidRequest
from fun_local.runtime import interpreters, python_worker

WORKER = python_worker.__file__
NOWHERE = {"PATH": "", "PYENV_ROOT": "/nowhere"}
OWN = f"python3.{sys.version_info[1]}"


def stand_in(folder, name, version):
    """A program that says it is a Python of some version."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho {version}\necho {folder / name}\necho worker\n")
    program.chmod(0o755)
    return str(program)


def find(runtime, environment, tmp_path):
    return interpreters.find(runtime, environment, worker=WORKER, byte_code_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("runtime", "version"), [("python3", (3, 6)), ("python3.9", (3, 9)), ("python3.12", (3, 12))]
)
def test_a_name_stands_for_a_version(runtime, version):
    assert interpreters.declared(runtime) == version


@pytest.mark.parametrize(
    "runtime", ["python3.", "python3.x", "python3.9.1", "python3.\u0661", "python30", "python3.100"]
)
def test_names_without_a_version_are_refused(runtime):
    with pytest.raises(InvalidRequest) as caught:
        interpreters.declared(runtime)
    assert (caught.value.code, runtime in caught.value.message) == ("RuntimeNotSupported", True)


def test_the_same_version_needs_no_notice():
    assert interpreters.notice("python3.9", (3, 9)) == ""
    assert interpreters.notice("python3", (3, 6)) == ""


def test_a_notice_names_both_versions_and_what_to_install():
    text = interpreters.notice("python3", (3, 11))
    assert "Python 3.11 runs this function" in text
    assert "declared for python3 (Python 3.6 in the cloud)" in text
    assert text.endswith("install python3.6.")


def test_our_own_interpreter_runs_its_own_version_from_byte_code(tmp_path):
    found = find(OWN, NOWHERE, tmp_path)
    assert (found.path, found.version) == (sys.executable, sys.version_info[:2])
    assert os.path.dirname(found.worker) == str(tmp_path)
    assert found.worker.endswith(".pyc")


def test_byte_code_that_can_not_be_written_is_no_loss(tmp_path):
    (tmp_path / "file").touch()
    found = find(OWN, NOWHERE, tmp_path / "file")
    assert (found.path, found.worker) == (sys.executable, WORKER)


def test_a_version_on_the_path_comes_before_ours(tmp_path):
    program = stand_in(tmp_path / "bin", "python3.7", "3.7")
    found = find("python3.7", {**NOWHERE, "PATH": str(tmp_path / "bin")}, tmp_path)
    assert (found.path, found.version, found.worker) == (program, (3, 7), "worker")


def test_a_version_that_pyenv_has_is_found(tmp_path):
    program = stand_in(tmp_path / "versions" / "3.7.16" / "bin", "python3.7", "3.7")
    assert find("python3.7", {**NOWHERE, "PYENV_ROOT": str(tmp_path)}, tmp_path).path == program


def test_a_stand_in_that_does_not_run_is_passed_over(tmp_path):
    """As pyenv's own, when the version is installed but not active."""
    program = tmp_path / "bin" / "python3.7"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    program.chmod(0o755)
    behind = stand_in(tmp_path / "versions" / "3.7.16" / "bin", "python3.7", "3.7")
    environment = {"PATH": str(program.parent), "PYENV_ROOT": str(tmp_path)}
    assert find("python3.7", environment, tmp_path).path == behind


@pytest.mark.parametrize("said", ["nonsense", "3.7", "3.seven\nx\ny"])
def test_a_program_that_says_nonsense_is_passed_over(tmp_path, said):
    program = tmp_path / "bin" / "python3.7"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nprintf '{said}\\n'\n")
    program.chmod(0o755)
    assert find("python3.7", {**NOWHERE, "PATH": str(program.parent)}, tmp_path).path == sys.executable


def test_a_virtual_environment_of_that_version_comes_first(tmp_path):
    venv = stand_in(tmp_path / "venv" / "bin", "python", "3.7")
    stand_in(tmp_path / "bin", "python3.7", "3.7")
    environment = {"VIRTUAL_ENV": str(tmp_path / "venv"), "PATH": str(tmp_path / "bin"), "PYENV_ROOT": ""}
    assert find("python3.7", environment, tmp_path).path == venv


def test_a_virtual_environment_of_another_version_runs_python3_only(tmp_path):
    venv = stand_in(tmp_path / "venv" / "bin", "python", "3.13")
    environment = {**NOWHERE, "VIRTUAL_ENV": str(tmp_path / "venv")}
    assert find("python3", environment, tmp_path).path == venv
    assert (
        find("python3.9" if OWN != "python3.9" else "python3.8", environment, tmp_path).path == sys.executable
    )


def test_what_is_too_old_for_the_worker_is_passed_over(tmp_path):
    stand_in(tmp_path / "bin", "python3.4", "3.4")
    assert find("python3.4", {**NOWHERE, "PATH": str(tmp_path / "bin")}, tmp_path).path == sys.executable


def test_without_the_version_our_own_interpreter_runs_it(tmp_path):
    assert find("python3.99", NOWHERE, tmp_path).version == interpreters.OWN


def test_an_interpreter_that_is_too_old_for_its_purpose_is_passed_over(tmp_path):
    # debugpy, say, is for newer ones than the worker itself.
    path = stand_in(tmp_path / "bin", "python3.6", "3.6")
    environment = {**NOWHERE, "PATH": os.path.dirname(path)}
    assert find("python3", environment, tmp_path).path == path
    found = interpreters.find(
        "python3", environment, worker=WORKER, byte_code_dir=str(tmp_path), oldest=(3, 8)
    )
    assert found.path == sys.executable
