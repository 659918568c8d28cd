"""`fun executions`: its commands, each in a module that is imported when it is called."""

from __future__ import annotations

import click

from fun_local.cli.lazy import LazyGroup

_COMMANDS = {
    "list": ("execution_reading", "list_", "List them, the newest first."),
    "get": ("execution_reading", "get", "Show one: record, events, payload, result."),
    "logs": ("execution_reading", "logs", "Print what one has logged."),
    "wait": ("execution_changes", "wait", "Wait until they have ended."),
    "stop": ("execution_changes", "stop", "Stop queued, waiting or running ones."),
    "retry": ("execution_changes", "retry", "Run a finished one again."),
    "prune": ("execution_changes", "prune", "Delete records of old ones."),
    "export": ("transfer", "export", "Write finished ones as lines of JSON."),
    "import": ("transfer", "import_", "Take in what export has written."),
    "replay": ("transfer", "replay", "Invoke functions again with exported events."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, path=("executions",))
def executions() -> None:
    """List, watch, stop and retry executions.

    \b
    Examples:
      fun executions list --status Running
      fun executions logs ID -f
      fun executions stop ID
    """
