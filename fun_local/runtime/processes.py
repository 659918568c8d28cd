"""Process trees: how much memory they took, and how to end all of one.

Linux keeps what is needed in /proc. Where there is none (macOS), memory reads as 0.0 and only the process
group is signalled. Nothing here knows what an instance does.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

#: Rounds of look, kill and wait before a tree is given up: about two seconds. What is still there then
#: sleeps in the kernel and dies when it wakes up.
_ROUNDS = 200
_ROUND_SECONDS = 0.01

#: Rounds of look and stop before the members of a tree are killed as they are known. A fork bomb needs a few.
_STOP_ROUNDS = 50

#: Looks, each some microseconds, before a process that was told to stop counts as stopped.
_HALT_LOOKS = 100

#: What the vendor gives an instance (runtime.md 5.10), as far as this user's hard limit goes.
_OPEN_FILES = 100_000

#: Scratch folders are called like this, and no other folder is removed as one.
SCRATCH_PREFIX = "fun-"

#: A process, and when it started: its pid alone may be somebody else's by now.
Member = tuple[int, int]


def peak_memory_mb(pid: int) -> float:
    """The sum of the peak resident sizes of a process and its descendants, in MB."""
    return sum(_peak_kb(member) for member in [pid, *descendants(pid)]) / 1024


def descendants(pid: int) -> list[int]:
    """Children, their children and so on, nearest first. Orphans are no longer among them."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = _children(waiting.pop(0))
        found += children
        waiting += children
    return found


def start_time(pid: int) -> int:
    """When a process started, in clock ticks since boot: tells two processes with one pid apart.

    0 where there is no such process, or no /proc.
    """
    fields = _stat(pid)
    return int(fields[19]) if len(fields) > 19 else 0


def set_limits(pid: int) -> None:
    """What a process of a function's may use: no core dumps, and as many open files as in the cloud.

    Set from outside, so that no worker has to. Limits on memory and processes are not of this kind: the
    system counts address space, and a user's processes together (see limits.py).
    """
    if sys.platform != "linux":
        return
    import resource

    with suppress(OSError, ValueError):  # it has ended already
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
        soft = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def family(pid: int) -> list[Member]:
    """All descendants, to be found again when the one who held them together has gone."""
    return [(member, start_time(member)) for member in descendants(pid)]


def terminate(pid: int) -> None:
    """Ask a process group and all descendants to end."""
    kin = descendants(pid)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGTERM)
    for member in kin:
        _signal(member, signal.SIGTERM)


def kill_tree(pid: int, instance_id: str) -> None:
    """Kill a process group, all descendants and whatever else comes from the instance.

    Blocks for some milliseconds. First everything is stopped, until nothing new turns up: what is stopped
    can't fork, and an adopted orphan stays in the tree only as long as its new parent lives.
    """
    members = _stop_tree(pid)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for member in reversed(members):
        _signal(member, signal.SIGKILL)
    kill_bearers(instance_id)


def kill_members(members: Iterable[Member]) -> None:
    """Kill those of a family that are still there, and what they have started since."""
    for pid, started in members:
        if started and start_time(pid) == started:
            for member in reversed(_stop_tree(pid)):
                _signal(member, signal.SIGKILL)


@contextmanager
def halted(pid: int) -> Iterator[None]:
    """Hold a process still for a moment: what it was writing is written, what it will write is not yet."""
    _signal(pid, signal.SIGSTOP)
    try:
        for _ in range(_HALT_LOOKS):
            if _stat(pid)[:1] not in ([b"R"], [b"D"], [b"S"]):
                break
        yield
    finally:
        _signal(pid, signal.SIGCONT)


def _stop_tree(pid: int) -> list[int]:
    """Stop a process and its descendants, nearest first; they are returned."""
    stopped: dict[int, None] = {}
    for _ in range(_STOP_ROUNDS):
        new = [member for member in (pid, *descendants(pid)) if member not in stopped]
        if not new:
            break
        for member in new:
            _signal(member, signal.SIGSTOP)
            stopped[member] = None
    return list(stopped)


def bearers(instance_id: str) -> list[int]:
    """This user's processes that come from an instance. Empty without /proc.

    They have its id in their environment; or, where the function has cleared that, they print to its log.
    """
    mark = f"\0FC_INSTANCE_ID={instance_id}\0".encode()
    log = f"/{instance_id}.log"
    user = os.getuid()
    found = []
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if not name.isdigit():
            continue
        with suppress(OSError):
            # A zombie has neither an environment nor anything open: the dead are not found again.
            if os.stat(f"/proc/{name}").st_uid == user and (
                mark in b"\0%b\0" % _read(f"/proc/{name}/environ") or _prints_to(name, log)
            ):
                found.append(int(name))
    return found


def _prints_to(pid: str, log: str) -> bool:
    """Whether a process has that file as stdout or stderr. Who only reads it has it elsewhere."""
    return any(
        os.readlink(f"/proc/{pid}/fd/{number}").removesuffix(" (deleted)").endswith(log) for number in (1, 2)
    )


def kill_bearers(instance_id: str) -> None:
    """SIGKILL every process of this user that comes from an instance; wait for them."""
    for _ in range(_ROUNDS):
        found = bearers(instance_id)
        if not found:
            return
        for bearer in found:
            _signal(bearer, signal.SIGKILL)
        time.sleep(_ROUND_SECONDS)


def write_note(path: str, pid: int, scratch: str = "") -> None:
    """Note a process and its scratch folder, so that kill_leftovers finds them should we die before it.

    A note without a pid, made before there is a process, is written over: whenever we die, it can be read.
    """
    note = json.dumps({"pid": pid, "start_time": start_time(pid), "scratch": scratch})
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, note.encode())
    finally:
        os.close(descriptor)


def remove_scratch(path: str) -> None:
    """Remove an instance's scratch folder, if that is what it is."""
    if os.path.basename(path).startswith(SCRATCH_PREFIX):
        shutil.rmtree(path, ignore_errors=True)


def kill_leftovers(run_dir: str) -> list[str]:
    """End what an earlier daemon left running, and remove its notes. Returns the instances' ids.

    Must be called by the only daemon, before it starts instances of its own.
    """
    instance_ids = []
    with suppress(FileNotFoundError):
        instance_ids = [name[:-5] for name in os.listdir(run_dir) if name.endswith(".json")]
    for instance_id in instance_ids:
        path = os.path.join(run_dir, f"{instance_id}.json")
        pid, started, scratch = _read_note(path)
        # The pid may belong to somebody else by now; without a start time there is no telling.
        if started and start_time(pid) == started:
            kill_tree(pid, instance_id)
        else:
            kill_bearers(instance_id)
        remove_scratch(scratch)
        with suppress(FileNotFoundError):
            os.remove(path)
    return instance_ids


def _read_note(path: str) -> tuple[int, int, str]:
    """Pid, start time and scratch folder; nothing of a note that its writer did not finish."""
    try:
        note = json.loads(_read(path))
        return int(note["pid"]), int(note["start_time"]), str(note.get("scratch", ""))
    except (ValueError, KeyError, TypeError):
        return 0, 0, ""


def _children(pid: int) -> list[int]:
    found = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    for thread in threads:
        found += [int(child) for child in _read(f"/proc/{pid}/task/{thread}/children").split()]
    return found


def _stat(pid: int) -> list[bytes]:
    """What the system tells of a process in one line, from its state on."""
    text = _read(f"/proc/{pid}/stat")
    # The second field is the program's name, in brackets, and may hold spaces and brackets itself.
    return text[text.rfind(b")") + 1 :].split()


def _peak_kb(pid: int) -> int:
    status = _read(f"/proc/{pid}/status")
    start = status.find(b"VmHWM:")
    return int(status[start + 6 : status.index(b"kB", start)]) if start >= 0 else 0


def _signal(pid: int, sig: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, sig)


def _read(path: str) -> bytes:
    """A file's content, empty when the process it tells about has gone."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""
