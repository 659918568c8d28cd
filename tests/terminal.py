"""A command with a terminal of its own: what a person sees."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
from dataclasses import dataclass


@dataclass
class Seen:
    """How a command ended, and what it wrote to its terminal and, where that is another place, to stdout."""

    code: int
    terminal: str
    out: str = ""


def run(
    command: list[str], *, environment: dict[str, str], folder: str, columns: int = 80, pipe: bool = False
) -> Seen:
    """Run it to its end. With ``pipe`` stdout is a pipe and the terminal has stderr alone."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    terminal_environment = {**environment, "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES"):
        terminal_environment.pop(name, None)
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=terminal_environment,
        stdin=theirs,
        stdout=subprocess.PIPE if pipe else theirs,
        stderr=theirs,
    )
    os.close(theirs)
    parts = []
    with contextlib.suppress(OSError):  # so a terminal says that its last user has gone
        while part := os.read(ours, 65536):
            parts.append(part)
    os.close(ours)
    out = process.communicate(timeout=60)[0] or b""
    return Seen(process.returncode, b"".join(parts).decode(), out.decode())
