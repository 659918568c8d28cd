"""Starts a worker's process: its socket, its leash, its log, its scratch folder and its note.

The scratch folder stands for the /tmp of an instance (runtime.md 5.5): TMPDIR leads there, and it goes when
the instance goes. It lies in the system's own folder for such things, because what is made in it may be a
Unix socket, whose path must be short. A function that writes to /tmp by that name writes to the machine's.

The note comes first, so that whatever is there when we die is found by the next daemon.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from socket import socket, socketpair

from fun_local.errors import Unavailable, is_exhaustion
from fun_local.runtime import exits, processes
from fun_local.runtime.leash import tie


@dataclass(frozen=True, slots=True)
class Spawned:
    """A process that runs a worker, and what belongs to it.

    A peak size that is not above ``memory_floor_kb`` says nothing about it.
    """

    instance_id: str
    process: subprocess.Popen[bytes]
    sock: socket
    leash: int
    log_path: str
    note_path: str
    scratch: str
    memory_floor_kb: int


def spawn(
    instance_id: str,
    command: tuple[str, ...],
    *,
    code: str,
    environment: Mapping[str, str],
    log_dir: str,
    run_dir: str,
    notice: str = "",
    is_worker: bool = True,
) -> Spawned:
    """Run a worker; two descriptors, of its socket and its leash, are added to the command.

    A program that is no worker of ours gets no such arguments, and nothing is at the other end of the socket.

    Raises:
        Unavailable: the program can't be run; the system's error is its cause.
        OSError: the log can't be written.
    """
    log_path = os.path.join(log_dir, f"{instance_id}.log")
    # Appending, because the function, its children and we write there at the same time.
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    if notice:
        with suppress(OSError):
            os.write(log, f"fun-local: {notice}\n".encode())
    ours, theirs = socketpair()
    # Nothing is ever written to it. The system closes our end when we die, however we die.
    leash, leash_end = os.pipe()
    # The child's ru_maxrss starts from our own: below this it says nothing about the child.
    floor_kb = exits.own_peak_kb()
    # Short, as said, and nobody can have guessed it: instance ids end in random digits.
    scratch = os.path.join(tempfile.gettempdir(), processes.SCRATCH_PREFIX + instance_id[-12:])
    note_path = os.path.join(run_dir, f"{instance_id}.json")
    descriptors = (theirs.fileno(), leash_end)
    with theirs:
        try:
            _write_note(note_path, 0, scratch)
            os.mkdir(scratch, 0o700)
            process = subprocess.Popen(
                [*command, *map(str, descriptors)] if is_worker else command,
                cwd=code,
                env={"TMPDIR": scratch, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors if is_worker else descriptors[1:],
                start_new_session=True,
            )
            tie(leash_end, process.pid)
        except OSError as error:
            ours.close()
            os.close(leash)
            processes.remove_scratch(scratch)
            with suppress(FileNotFoundError):
                os.remove(note_path)
            if is_exhaustion(error):
                raise
            raise Unavailable("InstanceNotStarted", f"{command[0]} could not be started: {error}") from error
        finally:
            os.close(log)
            os.close(leash_end)
    processes.set_limits(process.pid)
    _write_note(note_path, process.pid, scratch)
    return Spawned(instance_id, process, ours, leash, log_path, note_path, scratch, floor_kb)


def _write_note(path: str, pid: int, scratch: str) -> None:
    # Without it, should the disk be full, the leash ends the process when we die.
    with suppress(OSError):
        processes.write_note(path, pid, scratch)
