"""What an instance may take, and what is to be done about one that takes more. Pure.

The limits are watched from outside (patrol.py) instead of being set in the process, because the system's own
count something else: RLIMIT_AS counts address space, of which Node.js alone reserves more than a function
may use, and RLIMIT_NPROC counts all processes of the user.
"""

from __future__ import annotations

from fun_local.runtime.census import Tree

#: Processes and threads (runtime.md 5.10).
TASKS = 1024

#: Bytes that one invocation may add to the log. The vendor's log service has no such limit; a disk has.
LOG_BYTES = 64 * 1024 * 1024

#: Bytes of log after which an instance is not used again: the next one has a new file, which can be removed.
LOG_FILE_BYTES = 256 * 1024 * 1024


def excess(tree: Tree, memory_mb: int) -> str:
    """Why an instance can't go on, in a sentence for its log; empty when it can."""
    if tree.memory_mb > memory_mb:
        return (
            f"killed: the process and its children use {tree.memory_mb:.2f} MB of memory, the limit is"
            f" {memory_mb} MB (memorySize). Give the function more, or have it use less."
        )
    if tree.tasks > TASKS:
        return (
            f"killed: more than {TASKS} processes and threads, the limit of an instance."
            " Have the function start fewer at a time, and wait for those that it has started."
        )
    return ""


def cut_notice() -> str:
    """What stands in a log where output was left out."""
    return (
        f"an invocation may print {LOG_BYTES // 2**20} MB; what follows is left out but for the last lines."
        " Have the function print less."
    )
