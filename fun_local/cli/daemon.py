"""`fun daemon`: start, stop, restart, status, logs, run."""

from __future__ import annotations

import contextlib
import sys

import click

from fun_local import __version__, settings
from fun_local.cli import output
from fun_local.cli.client import Client
from fun_local.errors import CorruptState, Unavailable
from fun_local.home import log_path


@click.group()
def daemon() -> None:
    """Start, stop and look after the daemon. The other commands start it when they need it.

    \b
    Examples:
      fun daemon status
      fun daemon run        # in the foreground: containers, systemd, CI
    """


@daemon.command()
@output.json_option
def start(as_json: bool) -> None:
    """Start the daemon in the background.

    \b
    Examples:
      fun daemon start
    """
    client = Client(settings.default_home())
    was_up = client.is_up()
    client.start()
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
        click.echo("daemon stopped" if was_up else "no daemon was running")


@daemon.command()
@output.json_option
def restart(as_json: bool) -> None:
    """Stop the daemon, if it runs, and start it.

    \b
    Examples:
      fun daemon restart
    """
    client = Client(settings.default_home())
    _stop(client)
    client.start()
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
def run() -> None:
    """Run the daemon in the foreground, until SIGTERM or Ctrl-C.

    \b
    Examples:
      fun daemon run
    """
    from fun_local.daemon import serve_home  # everything that serves: only here

    serve_home(settings.default_home())


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
        click.echo(f"daemon {what} (pid {found['pid']})")


def _status(client: Client) -> dict[str, object]:
    """The contract's keys; ``endpoint`` and ``consoleUrl`` are null while nothing is served over TCP."""
    try:
        answer = client.call("status", start=False)
    except Unavailable:
        answer = {}
    return {
        "running": bool(answer),
        "pid": answer.get("pid"),
        "endpoint": None,
        "consoleUrl": None,
        "home": client.home,
        "version": answer.get("version", __version__),
        "queued": _queued(client.home),
        "running_executions": answer.get("running_executions", 0),
        "busy_instances": answer.get("busy_instances", 0),
        "idle_instances": answer.get("idle_instances", 0),
    }


def _queued(home: str) -> int:
    """Messages that have not been acknowledged; read from the queue, so it works with no daemon."""
    from fun_local.store import database, queue

    try:
        with contextlib.closing(database.connect(home, read_only=True)) as connection:
            return queue.count(connection)
    except (FileNotFoundError, CorruptState):
        return 0
