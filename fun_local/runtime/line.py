"""The daemon's end of the socket to a worker: frames out, frames in, on the event loop.

What a frame means is its owner's business. A worker is run by code that may write anything to our socket,
so whatever is not expected ends the line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_WR, socket
from typing import Any

import orjson

from fun_local.runtime import frames

#: Bytes read at once. Malloc serves blocks of this size without asking the system for memory.
_CHUNK = 64 * 1024


class Line:
    """Sends and receives frames.

    ``take`` is given each frame's header and body; it raises ValueError, KeyError or TypeError for one that
    no worker of ours would send. ``on_end`` is called when nothing more will come, be it that the other end
    is closed or that what came is no frame: then with what was wrong with it.
    """

    def __init__(
        self,
        sock: socket,
        *,
        take: Callable[[dict[str, Any], bytes], None],
        on_end: Callable[[Exception | None], None],
    ) -> None:
        self._sock = sock
        self._take = take
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self._is_over = False
        #: How many answers may come at once.
        self.expects = 1
        sock.setblocking(False)
        self._loop.add_reader(sock, self.read)

    def send(self, frame: bytes) -> None:
        """Send a frame, the rest of it when there is room. One that can't be sent is lost with the line."""
        if self._unsent:
            self._unsent = memoryview(bytes(self._unsent) + frame)
            return
        sent = 0
        try:
            sent = self._sock.send(frame)
        except BlockingIOError:
            pass
        except OSError:
            return  # the process is going; its exit is about to be seen
        if sent < len(frame):
            self._unsent = memoryview(frame)[sent:]
            self._loop.add_writer(self._sock, self._on_writable)

    def read(self) -> bool:
        """Take what the worker has sent; False when there is nothing more for now, or ever."""
        if self._is_over:
            return False
        try:
            data: bytes | bytearray = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            # Its end is closed: it has exited, or the function closed what is not its own.
            self._finish(None)
            return False
        if self._received:
            self._received += data
            data = self._received
        try:
            while data and (frame := frames.unpack(data)) is not None:
                header, body, length = frame
                data = data[length:] if length < len(data) else b""
                if data and self.expects < 2:
                    raise ValueError("more than was asked for")
                self._take(orjson.loads(header), body)
        except (ValueError, KeyError, TypeError) as error:
            self._finish(error)
            return False
        if data is not self._received and (data or self._received):
            self._received = bytearray(data)
        return True

    def hang_up(self) -> None:
        """Tell the worker that nothing more will come."""
        with suppress(OSError):
            self._sock.shutdown(SHUT_WR)

    def close(self) -> None:
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()

    def _finish(self, error: Exception | None) -> None:
        self._is_over = True
        self._received = bytearray()
        self._loop.remove_reader(self._sock)
        self._on_end(error)

    def _on_writable(self) -> None:
        try:
            self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = memoryview(b"")
        if not self._unsent:
            self._loop.remove_writer(self._sock)
