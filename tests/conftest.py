"""Fixtures: one per real thing. Nothing of the user's environment reaches a test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

for name in [name for name in os.environ if name.startswith("FUN_")]:
    kept = "FUN_LOCAL_TEST_WORKERS", "FUN_LOCAL_CORPUS", "FUN_LOCAL_CLIENTS", "FUN_LOCAL_MIX_SECONDS"
    if name not in kept:
        del os.environ[name]

# Any free one: several tests' homes are served at once.
os.environ["FUN_LOCAL_PORT"] = "0"

# Whatever language whoever runs the tests speaks.
os.environ["FUN_LOCAL_LANG"] = "en"


def corpus_file(name: str) -> Path:
    """A file of the corpus of real templates; a skip where it is missing, a failure in CI."""
    folder = Path(os.environ.get("FUN_LOCAL_CORPUS", ROOT.parent / "shared" / "corpus"))
    path = folder / name
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"the corpus file {path} is missing")
        pytest.skip(f"needs the corpus of real templates: {path}")
    return path


def wait_for(condition, *, seconds: float = 20.0):
    """What ``condition`` gives, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class Shell:
    """Runs `fun` and `invk` as processes in a home and a project folder of their own."""

    def __init__(self, home: str, project: str) -> None:
        self.home = home
        self.project = project
        self.environment = {**os.environ, "FUN_LOCAL_HOME": home}

    def run(self, *command: str, stdin: bytes = b"", check: int | None = 0, timeout: float = 60) -> Done:
        """Run ``fun …`` or ``invk …``; ``check`` is the exit code it must have (None: any)."""
        program = str(Path(sys.executable).with_name(command[0]))
        done = subprocess.run(
            [program, *command[1:]],
            cwd=self.project,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert check is None or result.code == check, f"{command}: {result}"
        return result

    def fun(self, *arguments: str, **options) -> Done:
        return self.run("fun", *arguments, **options)

    def invk(self, *arguments: str, **options) -> Done:
        return self.run("invk", *arguments, **options)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command and leave it running; the caller ends it."""
        program = str(Path(sys.executable).with_name(command[0]))
        return subprocess.Popen(
            [program, *command[1:]],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def write(self, name: str, text: str) -> Path:
        path = Path(self.project) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def record(self, invocation_id: str) -> dict:
        return self.fun("executions", "get", invocation_id, "--json").json

    def wait(self, *ids: str, expect: str = "Succeeded", timeout: str = "30") -> Done:
        return self.fun("executions", "wait", *ids, "--expect", expect, "--timeout", timeout)

    def letter(self, queue: str) -> dict:
        """The next dead letter of a queue, taken out of it."""
        message = self.fun("mns", "queue", "receive", queue, "--wait", "10", "--delete", "--json").json
        return json.loads(message["messageBody"])


@pytest.fixture
def shell():
    """A shell with an empty home, whose daemon (if one was started) is gone afterwards."""
    # Not tmp_path: the address of a Unix socket has room for 100 characters only.
    root = tempfile.mkdtemp(prefix="fl-")
    project = os.path.join(root, "project")
    os.mkdir(project)
    shell = Shell(os.path.join(root, "home"), project)
    try:
        yield shell
    finally:
        shell.fun("daemon", "stop", check=None)
        shutil.rmtree(root, ignore_errors=True)
