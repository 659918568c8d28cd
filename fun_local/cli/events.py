"""Where the event of a call comes from: text, a file, standard input (fun-cli 3.4)."""

from __future__ import annotations

import array
import fcntl
import os
import select
import stat
import sys
import termios

import click

from fun_local.accept import MAX_SYNC_PAYLOAD, check_payload
from fun_local.cli import output
from fun_local.errors import NotFound

#: Seconds of silence after which people are told what is being waited for.
_PATIENCE_SECONDS = 1.0


def read_file(path: str) -> bytes:
    """What is in a file; - is standard input. Raises NotFound where it can't be read."""
    try:
        with click.open_file(path, "rb") as file:
            # One byte over the limit tells that it is exceeded; an endless stream must not be read.
            return bytes(file.read(MAX_SYNC_PAYLOAD + 1))
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"can't read the event file {path}: {reason}"
        hint = "Name a file that is there, or - to read it from standard input."
        raise NotFound("EventFileNotFound", message, hint=hint) from None


def chosen(text: str | None, file: str | None, from_stdin: bool) -> bytes:
    """The event that the options -e, -f and -s stand for, the first of these that applies.

        -e TEXT      unless it is the path of a file
        -s           standard input
        -f FILE
        -e FILE      with a warning
        nothing      what is piped to us, if anything is

    Raises:
        UsageError: a file is named, and something is piped to us as well.
        NotFound: the file can't be read.
        InvalidRequest: there is too much of it.
    """
    payload = _chosen(text, file, from_stdin)
    check_payload(payload, MAX_SYNC_PAYLOAD)
    return payload


def _chosen(text: str | None, file: str | None, from_stdin: bool) -> bytes:
    is_path = bool(text) and os.path.isfile(text or "")
    if text is not None and not is_path:
        return os.fsencode(text)
    if from_stdin or file == "-":
        return _from_stdin()
    path = file or text
    if path is None:
        return _from_stdin() if _is_piped() else b""
    if _holds_something():
        raise click.UsageError(
            f"the event is in {path}, and another one is piped to us: leave out one of them"
        )
    if file is None:
        output.warn(f"-e {path} is taken for the file of that name: use -f for files")
    return read_file(path)


def _from_stdin() -> bytes:
    if sys.stdin.isatty():
        output.say("Type the event; Ctrl-D on a line of its own ends it.", err=True)
    elif not select.select([sys.stdin], [], [], _PATIENCE_SECONDS)[0]:
        output.say("Waiting for the event on standard input; -e, say -e '{}', would give it here.", err=True)
    return read_file("-")


def _is_piped() -> bool:
    """Whether standard input is a pipe, a file or a connection: not a terminal, not /dev/null, not closed."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _holds_something() -> bool:
    """Whether there is anything to read on a piped standard input, as far as can be told without waiting."""
    if not _is_piped():
        return False
    waiting = array.array("i", [0])
    try:
        fcntl.ioctl(sys.stdin.fileno(), termios.FIONREAD, waiting)
    except OSError:
        return False
    return waiting[0] > 0
