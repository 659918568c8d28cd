"""The environments that prepare.py made, and a live daemon for what runs in them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Shell

SCRIPTS = Path(__file__).parent / "scripts"

#: The two generated SDKs send everything through it, this machine's own address too (wire 3.4).
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy")


def folder() -> Path:
    """Where the environments are. Without any: a skip, in CI a failure."""
    if found := os.environ.get("FUN_LOCAL_CLIENTS"):
        return Path(found)
    reason = "needs the vendor's clients: python tests/clients/prepare.py FOLDER; FUN_LOCAL_CLIENTS=FOLDER"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def environment(name: str) -> Path:
    """The folder of a client's environment."""
    found = folder() / name
    if not (found / "complete.json").exists():
        failed = folder() / f"{name}.failed"
        why = failed.read_text() if failed.exists() else f"run: python tests/clients/prepare.py {folder()}"
        pytest.fail(f"the client {name} is not installed. {why}")
    return found


@dataclass
class Laptop:
    """A home whose daemon is up, and what `fun env` says about it."""

    shell: Shell
    variables: dict[str, str]

    @property
    def endpoint(self) -> str:
        return self.variables["FC_ENDPOINT"]

    def run(self, *command: str | Path, cwd: str = "", check: bool = True, **variables: str):
        """Run a client's program as after `eval "$(fun env)"`, without other settings of this machine."""
        kept = {name: value for name, value in os.environ.items() if name not in _PROXIES and name != "CI"}
        done = subprocess.run(
            command,
            cwd=cwd or self.shell.project,
            # No settings of a real account: each client looks for some below HOME.
            env={**kept, "HOME": self.shell.project, **self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def python(self, name: str, *arguments: str | Path, **options):
        """Run a Python program in a client's environment."""
        return self.run(environment(name) / "bin" / "python", *arguments, PYTHONPATH=str(SCRIPTS), **options)

    def node(self, name: str, *arguments: str | Path, **options):
        """Run a Node.js program that finds a client's packages."""
        return self.run("node", *arguments, NODE_PATH=f"{environment(name) / 'node_modules'}", **options)


@pytest.fixture
def clients():
    """Asked for first: without clients no daemon has to be started."""
    return folder()


@pytest.fixture
def laptop(clients, shell):
    return Laptop(shell, shell.fun("env", "--json").json)
