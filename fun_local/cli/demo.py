"""`fun demo`: the main job, step by step, with the real commands on a throw-away home."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import click

from fun_local.cli import output
from fun_local.cli.progress import Shown
from fun_local.errors import FunLocalError
from fun_local.projects.source import shipped

QUEUE = "demo-dlq"
FUNCTION = "encode"


def example(name: str) -> str:
    """The folder of an example."""
    return os.path.join(shipped("examples"), name)


class _Stage:
    """Runs commands as a user would type them, and shows them with their output."""

    def __init__(self, home: str, folder: str, *, is_quiet: bool) -> None:
        self._folder = folder
        self._is_quiet = is_quiet
        # Any free port: the user's own daemon may have the usual one.
        self._environment = {**os.environ, "FUN_LOCAL_HOME": home, "FUN_LOCAL_PORT": "0"}
        self._environment.pop("FUN_LOCAL_VERBOSE", None)
        self.steps: list[dict[str, object]] = []

    def say(self, text: str) -> None:
        if not self._is_quiet:
            output.say("\n" + text, bold=True)

    def run(self, command: str, *, expect: int = 0) -> str:
        """Run one command line; its standard output."""
        if not self._is_quiet:
            click.echo(output.painted(f"$ {command}", fg="cyan"))
        started = time.monotonic()
        with Shown(command if self._is_quiet else "running"):
            done = subprocess.run(
                [*_program(command), *shlex.split(command)[1:]],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        self.steps.append(
            {
                "command": command,
                "exitCode": done.returncode,
                "seconds": round(time.monotonic() - started, 3),
                "output": done.stdout,
            }
        )
        if not self._is_quiet:
            click.echo("".join(f"  {line}\n" for line in (done.stdout + done.stderr).splitlines()), nl=False)
        if done.returncode != expect:
            raise FunLocalError(
                "DemoFailed",
                f"`{command}` ended with exit code {done.returncode} instead of {expect}: "
                + (done.stderr.strip() or done.stdout.strip()),
            )
        return done.stdout.strip()


def _program(command: str) -> list[str]:
    """The interpreter's own `fun` or `invk`: what is on PATH may be another one."""
    module = "fun_local.invk" if shlex.split(command)[0] == "invk" else "fun_local.cli.fun"
    return [sys.executable, "-c", f"from {module} import main; main()"]


@click.command()
@output.json_option
def demo(as_json: bool) -> None:
    """Deploy, invoke, watch, stop, look at the dead letter, run again: in under half a minute.

    Everything happens in a home of its own that is deleted afterwards.

    \b
    Examples:
      fun demo
    """
    # Short, so that the daemon's socket can be reached on every system.
    root = tempfile.mkdtemp(prefix="fun-demo-")
    try:
        folder = shutil.copytree(example("stateful-async"), os.path.join(root, "project"))
        stage = _Stage(os.path.join(root, "home"), folder, is_quiet=as_json)
        try:
            _play(stage)
        finally:
            stage.run("fun daemon stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    if as_json:
        output.print_json({"steps": stage.steps})
    else:
        output.say("\nThat was all of it. Now in a folder with your own template:", bold=True)
        click.echo("  fun deploy --use-ros --stack-name NAME")


def _play(stage: _Stage) -> None:
    stage.say("1. A queue for what fails, is stopped or succeeds.")
    stage.run(f"fun mns queue create {QUEUE}")

    stage.say("2. The template still holds a placeholder: a deploy refuses that, and says how to fill it.")
    stage.run("fun deploy --use-ros --stack-name demo", expect=output.FAILED)
    stage.run(f"fun deploy --use-ros --stack-name demo --replace please_replace_me={QUEUE}")
    stage.run(f"fun deploy --use-ros --stack-name demo --replace please_replace_me={QUEUE}")

    stage.say("3. An asynchronous call: accepted, safe on disk, back at once.")
    event = shlex.quote(json.dumps({"film": "Metropolis", "chapters": 20}))
    stopped = stage.run(f"invk {FUNCTION} -t Async -s {event}")

    stage.say("4. It runs: its state, its log, its history.")
    time.sleep(1.2)
    stage.run("fun executions list")
    stage.run(f"fun executions logs {stopped}")

    stage.say("5. Stop it: the process and its children are gone, and a dead letter tells why.")
    stage.run(f"fun executions stop {stopped}")
    stage.run(f"fun executions get {stopped}")
    stage.run(f"fun mns queue receive {QUEUE} --wait 5 --delete")

    stage.say("6. Run it again. Left alone it exceeds its 4 seconds, is retried once, and fails.")
    again = stage.run(f"fun executions retry {stopped}")
    stage.run(f"fun executions wait {again} --timeout 20 --expect Failed")
    stage.run(f"fun executions get {again}")
    letter = stage.run(f"fun mns queue receive {QUEUE} --wait 5 --delete")
    attempts = json.loads(letter)["requestContext"]["approximateInvokeCount"]
    stage.say(f"One message for all {attempts} attempts: approximateInvokeCount is {attempts}.")

    stage.say("7. A film of four chapters succeeds, and its result goes to the queue too.")
    event = shlex.quote(json.dumps({"film": "Nosferatu", "chapters": 4}))
    stage.run(f"invk {FUNCTION} -t Async -s {event} --wait --timeout 10")
    stage.run(f"fun mns queue receive {QUEUE} --wait 5 --delete")
