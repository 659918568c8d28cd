"""Which ports the processes of an instance listen on.

Linux tells whose a listening socket is: nobody is taken for the instance's server who only happens to have
its port. Elsewhere a connection is all the evidence there is.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from fun_local.runtime import processes

#: In the tables of /proc, the state of a socket that listens.
_LISTENS = "0A"

_LOOPBACK = "127.0.0.1"
_LOOPBACK_6 = "::1"


@dataclass(frozen=True, slots=True)
class Listener:
    """A port that is listened on. ``address`` is empty where the system does not tell."""

    port: int
    address: str = ""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where a client on this machine may reach it. ``::`` mostly stands for IPv4's addresses, too."""
        if self.address in ("", "0.0.0.0", "::"):  # noqa: S104 - what others listen on
            return (_LOOPBACK, _LOOPBACK_6)
        return (self.address,)

    @property
    def is_loopback(self) -> bool:
        return self.address.startswith("127.") or self.address == _LOOPBACK_6


def free_port(taken: Collection[int] = ()) -> int:
    """A port that nobody listens on, at no address, and that is not in ``taken``.

    Whoever binds it next has it: between the two there is nothing but haste.
    """
    while True:
        with socket.socket() as sock:
            sock.bind(("", 0))
            port: int = sock.getsockname()[1]
        if port not in taken:
            return port


def can_tell() -> bool:
    """Whether this system says whose a listening socket is."""
    return sys.platform == "linux" and os.path.exists("/proc/self/net/tcp")


def listeners(pid: int, instance_id: str, among: Collection[int] | None = None) -> list[Listener]:
    """What the tree of a process listens on, as far as it is in ``among``. Only where the system can tell.

    Blocks for a millisecond or so.
    """
    found = {
        inode: listener
        for name in ("tcp", "tcp6")
        for inode, listener in read_table(_read(f"/proc/{pid}/net/{name}"))
        if among is None or listener.port in among
    }
    if not found:
        return []
    own = _sockets([pid, *processes.descendants(pid)])
    if not own & found.keys():
        # A server that went into the background is no descendant any more, but bears the instance's name.
        own = _sockets(processes.bearers(instance_id))
    return [listener for inode, listener in found.items() if inode in own]


def read_table(text: str) -> list[tuple[str, Listener]]:
    """Inode and port of each listening socket in a table such as /proc/net/tcp."""
    rows = [line.split() for line in text.splitlines()[1:]]
    found = []
    for row in rows:
        if len(row) > 9 and row[3] == _LISTENS:
            address, _, port = row[1].partition(":")
            found.append((row[9], Listener(int(port, 16), _address(address))))
    return found


def _address(text: str) -> str:
    """Hexadecimal digits of words in the machine's own order of bytes."""
    words = [bytes.fromhex(text[start : start + 8]) for start in range(0, len(text), 8)]
    packed = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _sockets(pids: Collection[int]) -> set[str]:
    """The inodes of the sockets that processes have open."""
    found = set()
    for pid in pids:
        with suppress(OSError):
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
                    if target.startswith("socket:["):
                        found.add(target[8:-1])
    return found


async def answers(host: str, port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), timeout=5)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
