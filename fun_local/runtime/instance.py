"""One warm process of one function: asks it, watches it, ends it.

    busy ──frame──▶ result            the process stays for the next invocation
     │ ├─deadline─▶ timed out  ┐
     │ ├─exit─────▶ exited     ├────▶ SIGTERM, grace, SIGKILL to the whole tree; never used again
     │ └─stop()───▶ stopped    ┘

What comes first counts: a result that arrives during the grace period of a stop is a result.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from socket import SHUT_WR, socket
from time import perf_counter
from typing import Any

import orjson

from fun_local.model.outcome import (
    HANDLED,
    INITIALIZATION,
    UNHANDLED,
    Ending,
    Result,
    error_payload,
    exit_payload,
    timeout_payload,
)
from fun_local.model.resources import Function
from fun_local.runtime import exits, frames, processes

#: Bytes read at once. Malloc serves blocks of this size without asking the system for memory.
_CHUNK = 64 * 1024

#: What a worker may answer, and what that makes of the attempt.
_KINDS = {
    "ready": (Ending.RETURNED, ""),
    "ok": (Ending.RETURNED, ""),
    "handled": (Ending.RAISED, HANDLED),
    "unhandled": (Ending.RAISED, UNHANDLED),
}

_TOO_LARGE = error_payload(f"response payload size exceeds maximum allowed size ({frames.MAX_BODY} bytes)")


@dataclass(frozen=True, slots=True)
class _Phase:
    """Something to ask of a worker: its number in the frame, its name in the log, its time."""

    kind: int
    marker: str
    seconds: int


class ProcessInstance:
    """Implements ports.Instance. Made by ProcessRuntime, inside a running event loop."""

    def __init__(
        self,
        instance_id: str,
        process: subprocess.Popen[bytes],
        sock: socket,
        leash: int,
        *,
        function: Function,
        static_context: bytes,
        log_path: str,
        note_path: str,
        grace_seconds: float,
        memory_floor_kb: int,
    ) -> None:
        self.id = instance_id
        self.pid = process.pid
        self.log_path = log_path
        self._process = process
        self._sock = sock
        self._leash = leash
        self._static_context = static_context
        self._note_path = note_path
        self._grace_seconds = grace_seconds
        self._memory_floor_kb = memory_floor_kb
        self._memory_mb = 0.0
        self._log_length: int | None = None
        self._log_name = os.path.basename(log_path)
        self._invoke = _Phase(0, "Invoke", function.timeout_seconds)
        self._initialize: _Phase | None = None
        if function.initializer:
            self._initialize = _Phase(1, "Initialize", function.initialization_timeout_seconds)
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self._pending: asyncio.Future[tuple[str, bytes] | Ending] | None = None
        self._exited: asyncio.Future[None] = self._loop.create_future()
        self._ending: asyncio.Task[None] | None = None
        self._stop_asked = False
        sock.setblocking(False)
        self._loop.add_reader(sock, self._read)
        exits.watch(self.pid, self._on_exit)

    @property
    def is_alive(self) -> bool:
        return self._ending is None

    @property
    def exit_code(self) -> int | None:
        """As subprocess has it (negative: the signal); None while the process runs."""
        return self._process.returncode

    async def wait_until_ready(self, seconds: float) -> bool:
        """Tell the worker what it serves; False if it does not answer in time, or dies."""
        reply = await self._ask(frames.pack(self._static_context), seconds)
        return isinstance(reply, tuple)

    async def invoke(self, request_id: str, payload: bytes, *, attempts: int) -> Result:
        """Run the handler; before the first time, the initializer.

        ``attempts`` counts this one: the function sees one less as its retry count.
        """
        if self._initialize is not None:
            failure = await self._run(self._initialize, request_id, b"", 0)
            if failure.error_type:
                await self._end()
                return failure
            self._initialize = None
        return await self._run(self._invoke, request_id, payload, max(attempts - 1, 0))

    async def stop(self) -> None:
        """End the process and all its children. Safe to call at any time, any number of times."""
        self._stop_asked = True
        await self._end()

    def log_position(self) -> tuple[str, int]:
        """The log's file name, without its folder, and its length in bytes.

        Between two invocations, its length at the end of the last one: what background threads print
        meanwhile counts as the next one's.
        """
        if self._log_length is None:
            try:
                self._log_length = os.stat(self.log_path).st_size
            except FileNotFoundError:
                self._log_length = 0
        return self._log_name, self._log_length

    async def _run(self, phase: _Phase, request_id: str, payload: bytes, retry_count: int) -> Result:
        header = b'{"kind":%d,"retry_count":%d,"request_id":%b}' % (
            phase.kind,
            retry_count,
            orjson.dumps(request_id),
        )
        started = perf_counter()
        self._log_length = None
        try:
            reply = await self._ask(frames.pack(header, payload), phase.seconds)
        except asyncio.CancelledError:
            self._begin_end()  # the handler still runs: nobody else may be given this process
            raise
        duration_ms = (perf_counter() - started) * 1000
        self._log_length = None
        if isinstance(reply, tuple):
            ending, error_type = _KINDS[reply[0]]
            answer = reply[1]
        else:
            ending, error_type = reply, UNHANDLED
            answer = await self._bury(phase, request_id, ending, duration_ms)
        if error_type and phase is self._initialize and ending is not Ending.STOPPED:
            error_type = INITIALIZATION
        return Result(ending, answer, error_type, duration_ms, self._memory_mb, self.id)

    async def _bury(self, phase: _Phase, request_id: str, ending: Ending, duration_ms: float) -> bytes:
        """After an abnormal end: clear away what is left, write the end marker the worker could not."""
        await self._end()
        if ending is Ending.TIMED_OUT:
            payload = timeout_payload(phase.seconds, self._memory_mb)
        else:
            payload = exit_payload(duration_ms, self._memory_mb)
        text = json.loads(payload)["errorMessage"]
        self._log_length = None
        _append_line(self.log_path, f"FC {phase.marker} End RequestId: {request_id}, Error: {text}")
        return payload

    # --- one question, one answer ---------------------------------------------------------------------

    async def _ask(self, frame: bytes, seconds: float) -> tuple[str, bytes] | Ending:
        """Send a frame; what comes first: the answer, the deadline, or the end of the process."""
        if self._ending is not None:
            return self._cause_of_exit()
        if self._pending is not None:
            raise RuntimeError(f"instance {self.id} is busy: one invocation at a time")
        pending: asyncio.Future[tuple[str, bytes] | Ending] = self._loop.create_future()
        self._pending = pending
        deadline = self._loop.call_later(seconds, self._on_deadline)
        try:
            self._send(frame)
            return await pending
        finally:
            deadline.cancel()
            self._pending = None

    def _settle(self, answer: tuple[str, bytes] | Ending) -> bool:
        """Answer the question that is open; False if there is none."""
        if self._pending is None or self._pending.done():
            return False
        self._pending.set_result(answer)
        return True

    def _on_deadline(self) -> None:
        if self._settle(Ending.TIMED_OUT):
            self._begin_end()

    def _send(self, frame: bytes) -> None:
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

    def _on_writable(self) -> None:
        try:
            self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = memoryview(b"")
        if not self._unsent:
            self._loop.remove_writer(self._sock)

    def _read(self) -> bool:
        """Take what the worker has sent; False when there is nothing more for now, or ever."""
        try:
            data: bytes | bytearray = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            # Its end is closed: it has exited, or the function closed what is not its own.
            self._loop.remove_reader(self._sock)
            self._begin_end(is_patient=False)
            return False
        if self._received:
            self._received += data
            data = self._received
        try:
            frame = frames.unpack(data)
            if frame is None:
                if data is not self._received:
                    self._received += data
                return True
            header, body, length = frame
            if length != len(data):
                raise ValueError("more than was asked for")
            self._take(orjson.loads(header), body)
            self._received = bytearray()
        except frames.BodyTooLarge:
            self._settle(("unhandled", _TOO_LARGE))
            self._break_off()
            return False
        except (ValueError, KeyError, TypeError):
            # Not a frame of the worker's: the function writes to our socket.
            self._break_off()
            return False
        return True

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        if header["kind"] not in _KINDS:
            raise ValueError("an unknown kind of answer")
        memory_mb = header["max_rss_kb"] / 1024
        if self._settle((header["kind"], body)):
            self._memory_mb = memory_mb
        elif self._ending is None:
            raise ValueError("an answer to no question")
        if self._ending is not None:
            self._hang_up()

    # --- the end --------------------------------------------------------------------------------------

    def _break_off(self) -> None:
        """Listen no more, and end the process at once."""
        self._received = bytearray()
        self._loop.remove_reader(self._sock)
        self._begin_end(is_patient=False)

    def _on_exit(self, status: int, peak_kb: int) -> None:
        self._process.returncode = status
        while self._read():  # an answer sent with its last breath counts
            pass
        if peak_kb > self._memory_floor_kb:
            self._memory_mb = max(self._memory_mb, peak_kb / 1024)
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        os.close(self._leash)
        self._exited.set_result(None)
        self._settle(self._cause_of_exit())
        self._begin_end()

    def _cause_of_exit(self) -> Ending:
        return Ending.STOPPED if self._stop_asked else Ending.EXITED

    def _hang_up(self) -> None:
        """Tell an idle worker that nothing more will come. One that is busy must keep its grace period,
        and where poll() takes this for a lost connection its watchdog would end it.
        """
        with suppress(OSError):
            self._sock.shutdown(SHUT_WR)

    def _begin_end(self, *, is_patient: bool = True) -> asyncio.Task[None]:
        """Start to end the process, once; from here on the instance takes nothing."""
        if self._ending is None:
            grace_seconds = self._grace_seconds if is_patient else 0.0
            self._ending = self._loop.create_task(self._end_process(grace_seconds))
        return self._ending

    async def _end(self) -> None:
        # Shielded: who waits for the end may give up, the end may not.
        await asyncio.shield(self._begin_end())

    async def _end_process(self, grace_seconds: float) -> None:
        if not self._exited.done():
            # Now, because a dead process has no memory to be measured.
            self._memory_mb = max(self._memory_mb, processes.peak_memory_mb(self.pid))
            if grace_seconds:
                processes.kill_tree(self.pid, self.id, signal.SIGTERM)
                if self._pending is None:
                    self._hang_up()
                await asyncio.wait([self._exited], timeout=grace_seconds)
        # Looking through all processes takes milliseconds: not on the event loop.
        if not self._exited.done():
            await asyncio.to_thread(processes.kill_tree, self.pid, self.id, signal.SIGKILL)
            await self._exited
        await asyncio.to_thread(processes.kill_bearers, self.id)
        with suppress(FileNotFoundError):
            os.remove(self._note_path)


def _append_line(path: str, line: str) -> None:
    """Add a line of ours to a log; on a new line, even if the function died in the middle of one."""
    with suppress(FileNotFoundError), open(path, "ab+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        is_torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
        file.write(("\n" * is_torn + line + "\n").encode())
