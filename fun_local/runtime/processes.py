"""Process trees: how much memory they took, and how to end all of one.

Linux keeps what is needed in /proc. Where there is none (macOS), memory reads as 0.0 and only the process
group is signalled. Nothing here knows what an instance does.
"""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress

#: Rounds of look, kill and wait before a tree is given up: about two seconds. What is still there then
#: sleeps in the kernel and dies when it wakes up.
_ROUNDS = 200
_ROUND_SECONDS = 0.01


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
    text = _read(f"/proc/{pid}/stat")
    # The second field is the program's name, in brackets, and may hold spaces and brackets itself.
    fields = text[text.rfind(b")") + 1 :].split()
    return int(fields[19]) if len(fields) > 19 else 0


def kill_tree(pid: int, instance_id: str, sig: int) -> None:
    """Signal a process group, all descendants and, for SIGKILL, whatever bears the instance's id.

    Children that moved to a session of their own and lost their parent are known only by the
    FC_INSTANCE_ID they inherited. SIGKILL is repeated until none is left, because a process may fork
    while it is being looked for; this call then blocks for some milliseconds.
    """
    kin = descendants(pid)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, sig)
    for member in kin:
        _signal(member, sig)
    if sig == signal.SIGKILL:
        kill_bearers(instance_id)


def bearers(instance_id: str) -> list[int]:
    """This user's processes that have the instance's id in their environment. Empty without /proc."""
    mark = f"\0FC_INSTANCE_ID={instance_id}\0".encode()
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
            # A zombie's environment is empty: the dead are not found again.
            if os.stat(f"/proc/{name}").st_uid == user and mark in b"\0%b\0" % _read(f"/proc/{name}/environ"):
                found.append(int(name))
    return found


def kill_bearers(instance_id: str) -> None:
    """SIGKILL every process of this user with the instance's id in its environment; wait for them."""
    for _ in range(_ROUNDS):
        found = bearers(instance_id)
        if not found:
            return
        for bearer in found:
            _signal(bearer, signal.SIGKILL)
        time.sleep(_ROUND_SECONDS)


def write_note(path: str, pid: int) -> None:
    """Note a process, so that kill_leftovers finds it should we die before it does."""
    with open(path, "w") as file:
        json.dump({"pid": pid, "start_time": start_time(pid)}, file)


def kill_leftovers(run_dir: str) -> list[str]:
    """End what an earlier daemon left running, and remove its notes. Returns the instances' ids.

    Must be called by the only daemon, before it starts instances of its own.
    """
    instance_ids = []
    with suppress(FileNotFoundError):
        instance_ids = [name[:-5] for name in os.listdir(run_dir) if name.endswith(".json")]
    for instance_id in instance_ids:
        path = os.path.join(run_dir, f"{instance_id}.json")
        pid, started = _read_note(path)
        # The pid may belong to somebody else by now; without a start time there is no telling.
        if started and start_time(pid) == started:
            kill_tree(pid, instance_id, signal.SIGKILL)
        else:
            kill_bearers(instance_id)
        with suppress(FileNotFoundError):
            os.remove(path)
    return instance_ids


def _read_note(path: str) -> tuple[int, int]:
    """Pid and start time; zeros for a note that its writer did not finish."""
    try:
        note = json.loads(_read(path))
        return int(note["pid"]), int(note["start_time"])
    except (ValueError, KeyError, TypeError):
        return 0, 0


def _children(pid: int) -> list[int]:
    found = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    for thread in threads:
        found += [int(child) for child in _read(f"/proc/{pid}/task/{thread}/children").split()]
    return found


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
