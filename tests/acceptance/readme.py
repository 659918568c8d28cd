"""Runs what a README shows: the commands of its console blocks, in one shell, in their order.

Blocks in `sh` are for people: they need what a test can't have (a package from elsewhere, say).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import Done, Shell


def commands(folder: str) -> list[str]:
    """Every command line of the console blocks of a folder's README, in order."""
    text = (Path(folder) / "README.md").read_text()
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def run(shell: Shell) -> Done:
    """Run the README of the project that the shell is in; the first command that fails ends and fails it."""
    # -x, so that a failure shows which command it was; `wait` for what the README left in the background.
    script = "\n".join(["set -exu", *commands(shell.project), "wait"])
    programs = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=shell.project,
        env={**shell.environment, "PATH": f"{programs}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return Done(done.returncode, done.stdout, done.stderr)
