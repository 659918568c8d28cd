"""Tells when a child process has ended, and what it used."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

#: Is given the exit code as subprocess has it (negative: the signal), and the peak resident size in KB.
OnExit = Callable[[int, int], None]


def watch(pid: int, on_exit: OnExit) -> None:
    """Reap a child of ours when it ends, then call ``on_exit`` on the running event loop.

    On Linux a process descriptor tells; elsewhere a thread waits.
    """
    loop = asyncio.get_running_loop()
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        with suppress(OSError):  # a kernel before 5.3, or no descriptors left
            descriptor = os.pidfd_open(pid)
            loop.add_reader(descriptor, _ended, loop, descriptor, pid, on_exit)
            return
    threading.Thread(target=_wait, args=(loop, pid, on_exit), name=f"wait-{pid}", daemon=True).start()


def own_peak_kb() -> int:
    """Our own peak resident size. A child's begins with it (Linux keeps the figure across exec)."""
    import resource  # not on every platform that may import us

    return _kb(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _ended(loop: asyncio.AbstractEventLoop, descriptor: int, pid: int, on_exit: OnExit) -> None:
    loop.remove_reader(descriptor)
    os.close(descriptor)
    # What is left of its process group. Until the child is reaped nobody else can have its number, so
    # this can't hit a stranger.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    on_exit(*_reap(pid))


def _wait(loop: asyncio.AbstractEventLoop, pid: int, on_exit: OnExit) -> None:
    status, peak_kb = _reap(pid)
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(on_exit, status, peak_kb)


def _reap(pid: int) -> tuple[int, int]:
    try:
        _, status, usage = os.wait4(pid, 0)
    except ChildProcessError:  # somebody else waited for all children
        return 0, 0
    return os.waitstatus_to_exitcode(status), _kb(usage.ru_maxrss)


def _kb(max_rss: int) -> int:
    return max_rss // 1024 if sys.platform == "darwin" else max_rss
