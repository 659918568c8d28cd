"""`fun daemon`: start, stop, restart, status, logs, run."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from fun_local import __version__, settings
from fun_local.cli import output
from fun_local.cli.client import Client, raise_problem
from fun_local.errors import Conflict, CorruptState, Unavailable
from fun_local.home import log_path

CHECKED = "checked"
UNCHECKED = "NOT CHECKED"


@click.group()
def daemon() -> None:
    """Start, stop and look after the daemon. The other commands start it when they need it.

    \b
    Examples:
      fun daemon status
      fun daemon run        # in the foreground: containers, systemd, CI
    """


def _endpoint_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of all that starts a daemon."""
    port = click.option(
        "--port", type=click.IntRange(0, 65_535), help="Listen on this port, 0: any free one."
    )
    insecure = click.option(
        "--insecure-no-auth", is_flag=True, help="Check no signatures: every local program may do anything."
    )
    return port(insecure(command))


@daemon.command()
@_endpoint_options
@output.json_option
def start(port: int | None, insecure_no_auth: bool, as_json: bool) -> None:
    """Start the daemon in the background.

    \b
    Examples:
      fun daemon start
      fun daemon start --port 0
    """
    client = Client(settings.default_home())
    was_up = client.is_up()
    client.start(needs_endpoint=True, settings=_variables(port, insecure_no_auth))
    _check_as_asked(client, port, insecure_no_auth)
    _say(client, "was running already" if was_up else "started", as_json)


@daemon.command()
@output.json_option
def stop(as_json: bool) -> None:
    """Stop the daemon. What it was running counts as a failed attempt when it is started again.

    \b
    Examples:
      fun daemon stop
    """
    client = Client(settings.default_home())
    was_up = _stop(client)
    if as_json:
        output.print_json({"running": False, "home": client.home})
    else:
        output.say("daemon stopped" if was_up else "no daemon was running")


@daemon.command()
@_endpoint_options
@output.json_option
def restart(port: int | None, insecure_no_auth: bool, as_json: bool) -> None:
    """Stop the daemon, if it runs, and start it.

    \b
    Examples:
      fun daemon restart
    """
    client = Client(settings.default_home())
    _stop(client)
    client.start(needs_endpoint=True, settings=_variables(port, insecure_no_auth))
    _check_as_asked(client, port, insecure_no_auth)
    _say(client, "restarted", as_json)


@daemon.command()
@output.json_option
def status(as_json: bool) -> None:
    """Tell whether the daemon runs and what it is doing.

    \b
    Examples:
      fun daemon status --json
    """
    found = _status(Client(settings.default_home()))
    if as_json:
        output.print_json(found)
        return
    if problem := found["problem"]:
        found["problem"] = f"{problem['message']}. {problem['hint']}"
    if timer := found["next_timer"]:
        found["next_timer"] = f"{timer['trigger']} at {output.moment(timer['time'])}"
    for key, value in found.items():
        click.echo(f"{key + ':':<20}{'-' if value is None else value}")


@daemon.command()
@click.option("-f", "--follow", is_flag=True, help="Go on as it grows.")
def logs(follow: bool) -> None:
    """Print the daemon's own log.

    \b
    Examples:
      fun daemon logs -f
    """
    path = log_path(settings.default_home())
    from fun_local.watch import Changes

    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file, Changes() as changes:
        changes.add(path)
        while True:
            while part := file.read(65_536):
                sys.stdout.buffer.write(part)
            sys.stdout.flush()
            if not follow:
                return
            changes.wait()


@daemon.command()
@_endpoint_options
def run(port: int | None, insecure_no_auth: bool) -> None:
    """Run the daemon in the foreground, until SIGTERM or Ctrl-C.

    \b
    Examples:
      fun daemon run
    """
    from fun_local.daemon import serve_home  # everything that serves: only here

    environ = {**os.environ, **_variables(port, insecure_no_auth)}
    serve_home(settings.default_home(), needs_endpoint=True, environ=environ)


def _variables(port: int | None, insecure_no_auth: bool) -> dict[str, str]:
    """Options as what they go before: settings of the environment."""
    found = {}
    if port is not None:
        found[f"{settings.PREFIX}PORT"] = str(port)
    if insecure_no_auth:
        found[f"{settings.PREFIX}INSECURE_NO_AUTH"] = "true"
    return found


def _check_as_asked(client: Client, port: int | None, insecure_no_auth: bool) -> None:
    """A daemon that ran already may serve otherwise than is asked for now."""
    found = client.call("endpoint", start=False)
    raise_problem(found)
    if port and not found["endpoint"].endswith(f":{port}"):
        raise Conflict(
            "DaemonRunning",
            f"the daemon runs and listens on {found['endpoint']}",
            hint=f"fun daemon restart --port {port}",
        )
    if insecure_no_auth and found["checksSignatures"]:
        raise Conflict(
            "DaemonRunning",
            "the daemon runs and checks signatures",
            hint="fun daemon restart --insecure-no-auth",
        )


def _stop(client: Client) -> bool:
    """Ask the daemon to end and wait until it has; False when there was none."""
    try:
        client.call("shutdown", start=False)
    except Unavailable:
        return False
    if not client.wait_until_down():
        raise Unavailable("DaemonUnreachable", "the daemon does not end", hint="See: fun daemon logs")
    return True


def _say(client: Client, what: str, as_json: bool) -> None:
    found = _status(client)
    if as_json:
        output.print_json(found)
    else:
        output.say(f"daemon {what} (pid {found['pid']}), listening on {found['endpoint']}")
    if found["signatures"] == UNCHECKED:
        output.warn(f"signatures are not checked: every program of this machine may use {found['endpoint']}")


def _status(client: Client) -> dict[str, Any]:
    """The contract's keys; ``endpoint`` is null where the port could not be had, ``problem`` says why."""
    try:
        answer = {**client.call("status", start=False), **client.call("endpoint", start=False)}
    except Unavailable:
        answer = {}
    return {
        "running": bool(answer),
        "pid": answer.get("pid"),
        "endpoint": answer.get("endpoint"),
        "problem": answer.get("problem"),
        "signatures": _signatures(answer),
        "consoleUrl": None,
        "home": client.home,
        "version": answer.get("version", __version__),
        "queued": _queued(client.home),
        "running_executions": answer.get("running_executions", 0),
        "busy_instances": answer.get("busy_instances", 0),
        "idle_instances": answer.get("idle_instances", 0),
        "next_timer": answer.get("next_timer"),
    }


def _signatures(answer: dict[str, Any]) -> str | None:
    if not answer.get("endpoint"):
        return None
    return CHECKED if answer["checksSignatures"] else UNCHECKED


def _queued(home: str) -> int:
    """Messages that have not been acknowledged; read from the queue, so it works with no daemon."""
    from fun_local.store import database, queue

    try:
        with contextlib.closing(database.connect(home, read_only=True)) as connection:
            return queue.count(connection)
    except (FileNotFoundError, CorruptState):
        return 0
