"""Why the server of a custom runtime did not start, in the vendor's words (runtime.md 4.5)."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from fun_local.errors import Conflict
from fun_local.runtime import instance_log

#: Bytes of its log that an error shows.
_LOG_TAIL = 2048


class ServerExited(Conflict):
    """The process ended before it listened: perhaps because somebody else has its port."""


def no_bootstrap(path: str) -> Conflict:
    """Nothing says what is to be run. ``path`` is the function's."""
    return Conflict(
        "CAFileNotFound",
        "Failed to start function instance. Error: the file /code/bootstrap is not exist",
        hint=f"Put the program (or script) that {path} starts with into its code, called 'bootstrap'; or give"
        " CustomRuntimeConfig a Command in the template.",
    )


def not_executable() -> Conflict:
    """There is a bootstrap, but it may not be run."""
    return Conflict(
        "CAFilePermission",
        "Failed to start function instance. Error: the file /code/bootstrap is not executable",
        hint="Run: chmod +x bootstrap, then deploy again.",
    )


def not_run(command: Sequence[str], code: str, cause: OSError) -> Conflict:
    """The system refused to run the command."""
    program, number = command[0], cause.errno or 0
    hints = {
        errno.ENOEXEC: f"{program} is no program: a script needs a first line such as #!/bin/sh.",
        errno.EACCES: f"Run: chmod +x on {program}, then deploy again.",
        errno.ENOENT: f"There is no {program}, or not the program that its first line names."
        f" /code is {code} here.",
    }
    message = os.strerror(number).lower()
    hint = hints.get(number, f"See whether {program} can be run.")
    return Conflict("CAExited", _exit_text(command, number, message, ""), hint=hint)


def exited(
    command: Sequence[str], code: str, status: int, log_path: str, *, taken_port: int = 0
) -> ServerExited:
    """The process ended before it listened. ``taken_port`` is in use by somebody else."""
    # What a shell makes of an end by a signal: 137 is number 9.
    number = 128 - status if status < 0 else status
    hint = f"See {log_path}. /code is {code} here, as FC_FUNC_CODE_PATH says."
    if taken_port:
        hint += (
            f" Port {taken_port} of this machine is in use by another program: have the server listen on the"
            " port in FC_SERVER_PORT, or end that program."
        )
    text = _exit_text(command, number, f"exit status {number}", _tail(log_path))
    return ServerExited("CAExited", text, hint=hint)


def not_listening(
    port: int, seconds: float, log_path: str, *, offered: int, heard: Sequence[int] | None
) -> Conflict:
    """The process runs and does not listen. ``heard`` are the ports it listens on, if that can be known."""
    hint = f"Have the server listen on the port in FC_SERVER_PORT ({offered} here)."
    if heard is not None:
        ports = ", ".join(map(str, heard))
        hint += f" It listens on {ports}." if ports else " It listens on no port."
    return Conflict(
        "FunctionNotStarted",
        f"Function instance health check failed on port {port} in {seconds:.0f} seconds."
        f"\nLogs:{_tail(log_path)}",
        hint=f"{hint} See {log_path}.",
    )


def _exit_text(command: Sequence[str], number: int, message: str, logs: str) -> str:
    words = " ".join(command)
    reason = f"code {number}, message:{message}"
    return f"Function instance exited unexpectedly({reason}) with start command '{words} '. Logs:{logs}"


def _tail(path: str) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(max(instance_log.size(path) - _LOG_TAIL, 0))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
