"""Where a home keeps what the daemon and its callers both look for.

The files of one module alone are named in that module; fun_local/invk.py repeats the socket's name, since
an import is a part of what it saves.
"""

from __future__ import annotations

import os

#: The daemon's Unix socket, relative to the home: addresses are short, homes may be long.
SOCKET = "daemon.sock"


def lock_path(home: str) -> str:
    """Locked by the daemon as long as it lives; holds its pid and version."""
    return os.path.join(home, "daemon.lock")


def log_path(home: str) -> str:
    """What the daemon itself has to say."""
    return os.path.join(home, "daemon.log")


def code_folder(home: str) -> str:
    """The code of functions, by content."""
    return os.path.join(home, "code")


def archives_folder(home: str) -> str:
    """The code of functions as archives, for those who up- and download it."""
    return os.path.join(home, "archives")


def instances_folder(home: str) -> str:
    """A note per running instance, so that the next daemon finds what a killed one left."""
    return os.path.join(home, "instances")


def objects_folder(home: str) -> str:
    """The buckets of OSS, with what was put into them."""
    return os.path.join(home, "oss")
