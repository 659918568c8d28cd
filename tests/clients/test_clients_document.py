"""docs/clients.md: every program and every command in it, run as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess

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


def test_the_commands_for_funcraft_work_in_their_order(laptop, library):
    with_role, without_role = (block for block in readme.blocks(DOCUMENT) if block.client == "fun")
    said = readme.run(laptop, with_role, library)
    assert '"words": 2' in said
    assert "async invoke success" in said
    said = readme.run(laptop, without_role, library)
    assert "make sure role" in said
    assert "service library deploy success" in said


def test_every_client_is_in_the_document_with_its_version():
    text = DOCUMENT.read_text()
    versions = [wanted[0].split("==") for wanted in prepare.PYTHON.values()]
    versions += [next(iter(packages.items())) for packages in prepare.NODE.values()]
    for package, version in versions:
        assert re.search(rf"\| \w+ `{package}`.*? \| {re.escape(version)} \|", text), package


def test_ram_is_answered_over_tls_for_who_takes_no_options(laptop, library):
    make = re.search(r"`(openssl req .+?)`", DOCUMENT.read_text())[1]
    subprocess.run(make, shell=True, cwd=library, check=True, capture_output=True)
    script = """
        const ram = require('child_process').spawn('node', ['ram.js', 'ram.key', 'ram.pem', '0']);
        ram.stdout.once('data', (line) => {
          const port = Number(/\\d+/.exec(line)[0]);
          const path = '/?Action=GetRole&RoleName=reader';
          const options = { port, host: '127.0.0.1', servername: 'ram.aliyuncs.com', path };
          require('https').get(options, (answer) =>
            answer.on('data', (body) => { console.log(String(body)); ram.kill(); }));
        });
    """
    certificate = {"NODE_EXTRA_CA_CERTS": os.path.join(library, "ram.pem")}
    done = laptop.run("node", "-e", script, cwd=library, **certificate)
    assert done.stdout == '{"Role":{"Arn":"acs:ram::1234567890123456:role/reader"}}\n'
