"""What the documents say is so: commands run, settings and versions exist."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import fields

import pytest

import fun_local
from fun_local.model.execution import Status
from fun_local.settings import Settings
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
DESIGN = (ROOT / "docs" / "design.md").read_text()

INSTALL = "pip install . && fun demo"
TEST = "pip install -e '.[dev]' && python -m tests"


def commands() -> list[str]:
    """Every command line of the README's console blocks, in order."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.S)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_the_readme_opens_with_its_two_commands():
    assert commands()[:2] == [INSTALL, TEST]


def test_ci_calls_the_test_command_of_the_readme():
    assert TEST in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_other_command_of_the_readme_works_in_its_order(shell):
    shutil.copytree(ROOT / "examples", os.path.join(shell.project, "examples"))
    for command in commands()[2:]:
        words = shlex.split(command)
        if words[0] == "cd":
            shell.project = os.path.join(shell.project, words[1])
        else:
            shell.run(*words)


MISTAKES = re.findall(
    r"## (.+?)\n.*?```yaml\n(.*?)```.*?```console\n\$ fun (\w+)\n(.*?)```",
    (ROOT / "docs" / "mistakes.md").read_text(),
    re.S,
)


def test_ten_typical_mistakes_are_shown():
    assert len(MISTAKES) >= 10


@pytest.mark.parametrize(("title", "text", "command", "output"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_gets_to_hear_what_the_documents_say(shell, title, text, command, output):
    shell.write("template.yml", text)
    shell.write("index.py", "def handler(event, context):\n    return event\n")
    done = shell.fun(command, check=1)
    assert done.err.replace(os.path.realpath(shell.project), "/home/ann/shop") == output
    assert done.out == ""
    assert shell.fun("info", "--json").json["functions"] == []


def test_every_setting_is_in_the_readme_with_its_default():
    for setting in fields(Settings):
        assert f"`{setting.name}`" in README
        if isinstance(setting.default, float):
            assert f"{setting.default:g}" in README


def test_the_readme_shows_every_status_a_person_meets():
    for status in Status:
        if status not in (Status.EXPIRED, Status.INVALID):
            assert status.value in README


def test_version_and_changelog_agree():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest
    assert newest[1] == fun_local.__version__
    assert f'version = "{fun_local.__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_the_design_names_only_modules_that_exist():
    for name in re.findall(r"`((?:store|http|cli|runtime|model|template)/\w+\.py)`", DESIGN):
        assert (ROOT / "fun_local" / name).exists(), name
