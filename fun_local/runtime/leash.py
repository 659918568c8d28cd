"""The leash of an instance: a pipe on which nothing is ever sent. When the daemon dies, however it dies, the
system closes its end, and with that kills the instance's process group.

python_worker.py ties itself, with a copy of this. Programs that can't ask the kernel for it, such as Node.js,
are tied here.
"""

from __future__ import annotations

import fcntl
import os
import signal


def tie(leash_end: int, group: int) -> bool:
    """Have Linux send SIGKILL to a process group when the other end of the leash closes.

    The request belongs to the open pipe end, not to a descriptor: it holds for the process that inherits it,
    whatever it runs. False where the system has no such service; the program then has to watch for itself.
    """
    try:
        fcntl.fcntl(leash_end, fcntl.F_SETOWN, -group)
        fcntl.fcntl(leash_end, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(leash_end, fcntl.F_GETFL)
        fcntl.fcntl(leash_end, fcntl.F_SETFL, flags | os.O_ASYNC)
    except (AttributeError, OSError):
        return False
    return True
