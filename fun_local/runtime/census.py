"""One look at process trees: the memory they take now, and how many processes and threads they are.

Cheap enough to be done ten times a second: Linux is asked about the members of a tree alone, never about
all processes. Elsewhere ``ps`` tells about all of them at once.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Processes and threads after which a tree is counted no further: it has too many in any case.
MOST_TASKS = 2048

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True, slots=True)
class Root:
    """A tree to look at, by its first process. Above ``limit_mb`` its memory is worth an exact figure."""

    pid: int
    limit_mb: float


@dataclass(frozen=True, slots=True)
class Tree:
    """What a tree takes at this moment."""

    memory_mb: float
    tasks: int


#: A tree per root, in their order.
Look = Callable[[Sequence[Root]], list[Tree]]


def default_look() -> Look:
    """How to look on this system."""
    return look_in_proc if os.path.isdir("/proc/self/task") else look_with_ps


def look_in_proc(roots: Sequence[Root]) -> list[Tree]:
    """From Linux's /proc."""
    return [_tree(root) for root in roots]


def _tree(root: Root) -> Tree:
    members = [root.pid]
    tasks = rss_kb = 0
    for pid in members:  # grows while we go
        threads, children = _family(pid)
        members += children
        tasks += threads
        rss_kb += _rss_kb(pid)
        if tasks > MOST_TASKS:
            break
    memory_mb = rss_kb / 1024
    if memory_mb > root.limit_mb:
        # Forked children share most of their memory: only a slower look tells how much there is of it.
        memory_mb = sum(_pss_kb(pid) for pid in members) / 1024
    return Tree(memory_mb, tasks)


def _family(pid: int) -> tuple[int, list[int]]:
    """How many threads a process has, and its children."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0, []
    children: list[int] = []
    for thread in threads:
        children += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    return len(threads), children


def _rss_kb(pid: int) -> int:
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE_KB if len(fields) > 1 else 0


def _pss_kb(pid: int) -> int:
    """The proportional size: pages that several processes share are divided among them."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1])
    return _rss_kb(pid)


def look_with_ps(roots: Sequence[Root]) -> list[Tree]:
    """From ps, where there is no /proc: processes only, and shared memory counts for each."""
    command = ["ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "rss="]
    try:
        text = subprocess.run(command, capture_output=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return [Tree(0.0, 0) for _ in roots]
    return read_ps(text.decode(errors="replace"), roots)


def read_ps(text: str, roots: Sequence[Root]) -> list[Tree]:
    """Trees from lines of pid, parent, group and resident KB. Who left the tree but not the group counts."""
    rows = [
        [int(field) for field in fields] for line in text.splitlines() if len(fields := line.split()) == 4
    ]
    trees = []
    for root in roots:
        members = {root.pid}
        grew = True
        while grew:
            found = {pid for pid, parent, group, _ in rows if parent in members or group == root.pid}
            grew = not found <= members
            members |= found
        sizes = [rss_kb for pid, _, _, rss_kb in rows if pid in members]
        trees.append(Tree(sum(sizes) / 1024, len(sizes)))
    return trees


def _read(path: str) -> bytes:
    """A file's content, empty when the process it tells about has gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
