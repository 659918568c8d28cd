"""Runs the `sh` blocks of a document: what people type, with the client that the block installs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clients import prepare
from tests.clients.conftest import Laptop, environment


def environment_of(package: str) -> str:
    """The name of the environment that a package is in."""
    names = {wanted[0].split("==")[0]: name for name, wanted in prepare.PYTHON.items()}
    return (names | {next(iter(packages)): name for name, packages in prepare.NODE.items()})[package]


@dataclass(frozen=True)
class Block:
    """``client``: the environment of what its first line installs."""

    client: str
    lines: tuple[str, ...]


def blocks(document: Path) -> list[Block]:
    """The `sh` blocks that begin with the installation of a client."""
    found = []
    for text in re.findall(r"```sh\n(.*?)```", document.read_text(), re.S):
        first, *lines = text.splitlines()
        if installed := re.fullmatch(r"(?:pip|npm) install (\S+?)(?:@[\d.]+)?", first):
            found.append(Block(environment_of(installed[1]), tuple(lines)))
    return found


def run(laptop: Laptop, block: Block, folder: str, inside: Sequence[str] = ()) -> str:
    """Runs all but the installation, which prepare.py has done, ``inside`` a command; what was printed."""
    place = environment(block.client)
    # `fun` is ours, and so is what `npx fun` would mean without Funcraft beside it.
    here = f"{place / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    funcraft = place / "node_modules" / "@alicloud" / "fun" / "bin" / "fun.js"
    script = "\n".join(["set -eu", f'npx() {{ shift; node "{funcraft}" "$@"; }}', *block.lines])
    variables = {"PATH": here, "NODE_PATH": str(place / "node_modules"), "RETRIES": "1", "TIMEOUT": "60"}
    return laptop.run(
        *inside, "bash", "-c", script, cwd=folder, FUN_LOCAL_HOME=laptop.shell.home, **variables
    ).stdout
