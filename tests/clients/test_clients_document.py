"""docs/clients.md: every program and every command in it, run as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import replace

import pytest

from tests.clients import prepare, readme
from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "clients.md"
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", DOCUMENT.read_text(), re.S | re.M))
PROGRAMS = [title for title, text in SECTIONS.items() if re.search(r"```(python|js)\n", text)]


@pytest.fixture
def library(laptop):
    """The example's folder, deployed as the document says."""
    folder = os.path.join(laptop.shell.project, "sdk")
    shutil.copytree(ROOT / "examples" / "sdk", folder)
    laptop.shell.project = folder
    console = re.search(r"```console\n(.*?)```", DOCUMENT.read_text(), re.S)[1]
    into, *commands = [line.removeprefix("$ ") for line in console.splitlines()]
    assert into == "cd examples/sdk"
    for command in commands:
        laptop.shell.run(*shlex.split(command))
    return folder


@pytest.mark.parametrize("title", PROGRAMS)
def test_a_program_of_the_document_prints_what_it_says(laptop, library, title):
    text = SECTIONS[title]
    kind, program = re.search(r"```(python|js)\n(.*?)```", text, re.S).groups()
    printed = re.search(r"```text\n(.*?)```", text, re.S)
    package = re.search(r"```sh\n\w+ install (\S+)", text)[1]
    client = readme.environment_of(package)
    laptop.shell.write(f"program.{kind}", program)
    run = laptop.python if kind == "python" else laptop.node
    done = run(client, os.path.join(library, f"program.{kind}"), cwd=library)
    if printed:
        assert done.stdout == printed[1]


def funcraft_blocks():
    """What the document has people type: plainly, redirected, and with names that lead here."""
    plain, redirected, named = (block for block in readme.blocks(DOCUMENT) if block.client == "fun")
    return plain, redirected, named


def test_the_commands_for_funcraft_work_in_their_order(laptop, library):
    said = readme.run(laptop, funcraft_blocks()[0], library)
    assert '"words": 2' in said
    assert "async invoke success" in said


def test_the_commands_that_are_redirected_work_in_their_order(laptop, library):
    said = readme.run(laptop, funcraft_blocks()[1], library)
    assert "make sure role" in said
    assert "has been uploaded to OSS" in said
    assert said.count("service library deploy success") == 2
    assert "CREATE_COMPLETE" in said
    assert '"words": 2' in said
    stacks = laptop.shell.fun("info", "--json").json["stacks"]
    assert [stack["stackName"] for stack in stacks] == ["library-1"]


def test_names_that_lead_to_this_machine_do_as_well(laptop, library):
    """In a network and with a hosts file of their own: nothing of this machine is touched."""
    alone = ["unshare", "-rnm", "sh", "-c"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*alone, "ip link set lo up"], check=False).returncode
    ):
        pytest.skip("needs namespaces: unshare -rnm")
    laptop.shell.fun("daemon", "stop")
    hosts = os.path.join(library, "hosts")
    shutil.copy("/etc/hosts", hosts)
    block = funcraft_blocks()[2]
    before = (
        "ip link set lo up",
        f"mount --bind {shlex.quote(hosts)} /etc/hosts",
        # What runs in the background is to be the process itself, to be ended at the end.
        'sudo() { if [ "$1" = env ]; then exec "$@"; fi; "$@"; }',
        "trap 'fun daemon stop; kill $!' EXIT",
    )
    said = readme.run(laptop, replace(block, lines=(*before, *block.lines)), library, alone[:2])
    assert "make sure role" in said
    assert "has been uploaded to OSS" in said
    assert "CREATE_COMPLETE" in said


def test_every_client_is_in_the_document_with_its_version():
    text = DOCUMENT.read_text()
    versions = [wanted[0].split("==") for wanted in prepare.PYTHON.values()]
    versions += [next(iter(packages.items())) for packages in prepare.NODE.values()]
    for package, version in versions:
        assert re.search(rf"\| \w+ `{package}`.*? \| {re.escape(version)} \|", text), package
