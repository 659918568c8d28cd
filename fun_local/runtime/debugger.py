"""A debugger on an instance: its program is started so that it waits for one to be attached.

Python is served by debugpy, which speaks the protocol of editors; Node.js has its inspector built in. Both
listen on this machine alone, for who may attach may run anything. While somebody looks at a function step by
step its time says nothing, so it has all there is; so has the debugger's memory, which can't be told from the
function's.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
from dataclasses import dataclass, replace

from fun_local.errors import InvalidRequest, Unavailable
from fun_local.model.resources import Function

HOST = "127.0.0.1"

#: What debugpy can debug. Functions for an older one are debugged in the one that runs us.
OLDEST_PYTHON = (3, 8)

#: How long an instance that ends may keep the port.
_FREE_SECONDS = 10.0

#: In seconds: ten years. Phases count whole seconds, so there is no such thing as for ever.
_AT_LEISURE = 10 * 365 * 86_400
_NO_LIMIT_MB = 1 << 30

#: Waits for an editor before it becomes the worker.
_START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python_debug.py")

_PYTHON, _NODE = "python3", "nodejs"


@dataclass(frozen=True, slots=True)
class Debugger:
    """What is to be waited for, made by ``listening``. ``folder`` is debugpy's, where Python needs it."""

    port: int
    folder: str = ""

    def around(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The command of a worker, whose last word is its program, so that it waits at its start.

        The start is before the function's code is loaded, so breakpoints in all of it are heeded.
        """
        *interpreter, worker = command
        if not self.folder:
            return (*interpreter, f"--inspect-brk={HOST}:{self.port}", worker)
        # Frozen modules of the standard library can't be stepped through, and debugpy says so at length.
        return (*interpreter, "-X", "frozen_modules=off", _START, self.folder, HOST, str(self.port), worker)

    async def until_free(self) -> None:
        """Wait until the instance before has let go of the port. Raises Unavailable when it does not."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _FREE_SECONDS
        while True:
            try:
                # Without listening: an editor that is quick must not find us there.
                _free(self.port, listens=False)
                return
            except Unavailable:
                if loop.time() > deadline:
                    raise
            await asyncio.sleep(0.05)


def listening(function: Function, port: int) -> Debugger:
    """A debugger for a function at this port; 0 takes any that is free.

    Raises:
        InvalidRequest: its runtime has no debugger, or none is installed.
        Unavailable: the port is taken.
    """
    folder = ""
    if function.runtime.startswith(_PYTHON):
        folder = _debugpy()
    elif not function.runtime.startswith(_NODE):
        raise InvalidRequest(
            "DebuggerNotSupported",
            f"function {function.path} has runtime {function.runtime}, to which no debugger can be attached",
            hint=f"Functions for {_PYTHON}* and {_NODE}* can be debugged; leave out the port for others.",
        )
    return Debugger(_free(port), folder)


def patient(function: Function) -> Function:
    """The function with all the time and memory there is. What it is told of itself is another matter."""
    return replace(
        function,
        timeout_seconds=_AT_LEISURE,
        initialization_timeout_seconds=_AT_LEISURE,
        pre_stop_timeout_seconds=_AT_LEISURE,
        pre_freeze_timeout_seconds=_AT_LEISURE,
        memory_mb=_NO_LIMIT_MB,
    )


def _debugpy() -> str:
    """Our debugpy's folder, which any interpreter can run: the function's own need not have it."""
    found = importlib.util.find_spec("debugpy")
    if found is None or not found.origin:
        raise InvalidRequest(
            "DebuggerNotInstalled",
            "debugging Python needs debugpy, which is not installed",
            hint="Install it with: pip install 'fun-local[debug]'",
        )
    return os.path.dirname(found.origin)


def _free(port: int, *, listens: bool = True) -> int:
    """The port, once it is known that nobody else listens there."""
    with socket.socket() as probe:
        # What was closed a moment ago is free; the debuggers see it so, too.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            if listens:
                probe.listen(1)
        except OSError as error:
            raise Unavailable(
                "PortTaken",
                f"the debugger can't listen on port {port} of {HOST}: {error.strerror}",
                hint="Choose another with --debug-port; 0 takes any that is free.",
            ) from None
        return int(probe.getsockname()[1])
