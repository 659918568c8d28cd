"""One warm process of one function: asks it, watches it, ends it.

    busy ──frame──▶ result             the process stays for the next invocation, after its preFreeze
     │ ├─deadline─▶ timed out  ┐
     │ ├─exit─────▶ exited     │
     │ ├─limit────▶ exited     ├────▶ (preStop,) SIGTERM, grace, SIGKILL to the whole tree; never used again
     │ └─stop()───▶ stopped    ┘

What comes first counts: a result that arrives during the grace period of a stop is a result. preStop belongs
to a stop alone: what has timed out or taken too much is not asked any more. A handler that is running is
interrupted for it (runtime.md 5.6).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from contextlib import suppress
from time import perf_counter
from typing import Any

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
from fun_local.model.web import WebRequest, WebResponse, WebResult, http_params, unpack
from fun_local.runtime import exits, frames, instance_log, limits, processes
from fun_local.runtime.census import Tree
from fun_local.runtime.line import Line
from fun_local.runtime.patrol import Patrol
from fun_local.runtime.phases import PRE_STOP, Phase, phases_of
from fun_local.runtime.spawn import Spawned

#: What a worker may answer, and what that makes of the attempt.
_KINDS = {
    "ready": (Ending.RETURNED, ""),
    "ok": (Ending.RETURNED, ""),
    "handled": (Ending.RAISED, HANDLED),
    "unhandled": (Ending.RAISED, UNHANDLED),
}

_TOO_LARGE = error_payload(f"response payload size exceeds maximum allowed size ({frames.MAX_BODY} bytes)")


class ProcessInstance:
    """Implements ports.Instance. Made by ProcessRuntime, inside a running event loop."""

    def __init__(
        self,
        spawned: Spawned,
        *,
        function: Function,
        static_context: bytes,
        grace_seconds: float,
        patrol: Patrol,
    ) -> None:
        self.id = spawned.instance_id
        self.pid = spawned.process.pid
        self.log_path = spawned.log_path
        self.memory_limit_mb = function.memory_mb
        self._spawned = spawned
        self._static_context = static_context
        self._grace_seconds = grace_seconds
        self._patrol = patrol
        self._memory_mb = 0.0
        self._tree_mb = 0.0  # the most that was seen of the whole tree, during this invocation
        self._head: dict[str, Any] = {}  # of the last answer
        self._log_start = 0
        self._log_length: int | None = None
        self._log_name = os.path.basename(self.log_path)
        self._phases = phases_of(function)
        self._is_ready = self._is_interruptible = False
        self._is_initialized = self._phases.initialize is None
        self._loop = asyncio.get_running_loop()
        self._pending: asyncio.Future[tuple[str, bytes] | Ending] | None = None
        self._farewell: asyncio.Future[None] | None = None
        self._freezing: asyncio.Task[Result] | None = None
        self._exited: asyncio.Future[None] = self._loop.create_future()
        self._ending: asyncio.Task[None] | None = None
        self._stop_asked = False
        self._is_worn = self._is_excessive = False
        self._line = Line(spawned.sock, take=self._take, on_end=self._on_end_of_line)
        exits.watch(self.pid, self._on_exit)
        patrol.add(self)

    @property
    def is_alive(self) -> bool:
        return self._ending is None and not self._is_worn

    @property
    def is_busy(self) -> bool:
        return self._pending is not None or self._ending is not None

    @property
    def exit_code(self) -> int | None:
        """As subprocess has it (negative: the signal); None while the process runs."""
        return self._spawned.process.returncode

    async def wait_until_ready(self, seconds: float) -> bool:
        """Tell the worker what it serves; False if it does not answer in time, or dies."""
        reply = await self._ask(frames.pack(self._static_context), seconds)
        self._is_ready = isinstance(reply, tuple)
        return self._is_ready

    async def invoke(self, request_id: str, payload: bytes, *, attempts: int) -> Result:
        """Run the handler; before the first time, the initializer.

        ``attempts`` counts this one: the function sees one less as its retry count.
        """
        # An asynchronous request of an HTTP trigger is queued like any other event.
        request = unpack(payload)
        return await self._serve(request_id, payload if request is None else request, attempts)

    async def request(self, request_id: str, request: WebRequest, *, attempts: int) -> WebResult:
        """Have the handler answer a request (runtime.md 2.10, 3.8)."""
        self._head = {}
        result = await self._serve(request_id, request, attempts)
        if not result.is_success:
            return WebResult(result)
        return WebResult(result, _response(self._head, result.payload))

    async def _serve(self, request_id: str, event: bytes | WebRequest, attempts: int) -> Result:
        if self._freezing is not None:
            await asyncio.wait([self._freezing])
            self._freezing = None
        if not self._is_initialized and self._phases.initialize is not None:
            failure = await self._run(self._phases.initialize, request_id)
            if failure.error_type:
                await self._end()
                return failure
            self._is_initialized = True
        http = b"" if isinstance(event, bytes) else json.dumps(http_params(event)).encode()
        payload = event if isinstance(event, bytes) else event.body
        result = await self._run(self._phases.invoke, request_id, payload, max(attempts - 1, 0), http)
        if self._phases.pre_freeze is not None and self._ending is None:
            # The caller has its result; the next one waits.
            self._freezing = self._loop.create_task(self._freeze(self._phases.pre_freeze))
        return result

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
            self._log_length = instance_log.size(self.log_path)
        return self._log_name, self._log_length

    def heed(self, tree: Tree, log_size: int) -> None:
        """Learn what the process takes: see patrol.py. What takes too much is killed."""
        if self._exited.done():
            return
        self._tree_mb = max(self._tree_mb, tree.memory_mb)
        start = self._log_start if self._log_length is None else self._log_length
        if log_size > start + limits.LOG_BYTES and self._ending is None:
            # Else its last words, and its end marker, might go with what is cut off.
            with processes.halted(self.pid):
                instance_log.cut(self.log_path, start + limits.LOG_BYTES, limits.cut_notice())
        self._is_worn = self._is_worn or log_size > limits.LOG_FILE_BYTES
        why = limits.excess(tree, self.memory_limit_mb)
        if not why:
            return
        if not self._is_excessive:
            self._is_excessive = True  # told once: it may take a moment until the last of them is gone
            instance_log.add_line(self.log_path, f"fun-local: {why}")
        if self._ending is None:
            self._settle(Ending.EXITED)
            self._begin_end(is_patient=False)
        else:
            with suppress(ProcessLookupError, PermissionError):  # its grace is over
                os.killpg(self.pid, signal.SIGKILL)

    async def _run(
        self, phase: Phase, request_id: str, payload: bytes = b"", retry_count: int = 0, http: bytes = b""
    ) -> Result:
        started = perf_counter()
        self._log_start = self.log_position()[1]
        self._log_length = None
        self._tree_mb = 0.0
        try:
            reply = await self._ask(phase.question(request_id, retry_count, payload, http), phase.seconds)
        except asyncio.CancelledError:
            # The handler still runs: nobody else may be given this process (runtime.md 5.6).
            self._begin_end(is_stop=True)
            raise
        duration_ms = (perf_counter() - started) * 1000
        self._log_length = None
        if isinstance(reply, tuple):
            ending, error_type = _KINDS[reply[0]]
            answer = reply[1]
        else:
            ending, error_type = reply, UNHANDLED
            answer = await self._bury(phase, request_id, ending, duration_ms)
        if error_type and phase is self._phases.initialize and ending is not Ending.STOPPED:
            error_type = INITIALIZATION
        return Result(ending, answer, error_type, duration_ms, self._memory_mb, self.id)

    async def _freeze(self, phase: Phase) -> Result:
        try:
            return await self._run(phase, str(uuid.uuid4()))
        finally:
            self._log_length = None  # what the hook has printed is nobody's

    async def _bury(self, phase: Phase, request_id: str, ending: Ending, duration_ms: float) -> bytes:
        """After an abnormal end: clear away what is left, write the end marker the worker could not."""
        await self._end()
        if ending is Ending.TIMED_OUT:
            payload = timeout_payload(phase.seconds, self._memory_mb)
        else:
            payload = exit_payload(duration_ms, self._memory_mb)
        text = json.loads(payload)["errorMessage"]
        self._log_length = None
        instance_log.add_line(self.log_path, f"FC {phase.marker} End RequestId: {request_id}, Error: {text}")
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
        if not self._patrol.is_awake:
            self._patrol.wake()
        deadline = self._loop.call_later(seconds, self._on_deadline)
        try:
            self._line.send(frame)
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

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        kind = header["kind"]
        if kind not in _KINDS:
            raise ValueError("an unknown kind of answer")
        memory_mb = header["max_rss_kb"] / 1024
        if self._ending is not None:
            self._take_late(header, body, memory_mb)
        elif self._settle((kind, body)):
            self._memory_mb = max(memory_mb, self._tree_mb)
            self._head = header
            if kind == "ready":
                self._is_interruptible = header.get("is_interruptible") is True
        else:
            raise ValueError("an answer to no question")

    def _take_late(self, header: dict[str, Any], body: bytes, memory_mb: float) -> None:
        """While the process is ended: a result within its grace period, or the end of preStop."""
        farewell = self._farewell if self._farewell and not self._farewell.done() else None
        if farewell is not None and (header.get("request") == PRE_STOP or self._is_idle):
            farewell.set_result(None)
            farewell = None
        elif self._settle((header["kind"], body)):
            self._memory_mb = max(memory_mb, self._tree_mb)
            self._head = header
        if farewell is None and self._is_idle:
            # It need not wait for the end of its grace period.
            self._line.hang_up()

    @property
    def _is_idle(self) -> bool:
        return self._pending is None or self._pending.done()

    def _on_end_of_line(self, error: Exception | None) -> None:
        if isinstance(error, frames.BodyTooLarge):
            self._settle(("unhandled", _TOO_LARGE))
        self._begin_end(is_patient=False)

    # --- the end --------------------------------------------------------------------------------------

    def _on_exit(self, status: int, peak_kb: int) -> None:
        self._spawned.process.returncode = status
        while self._line.read():  # an answer sent with its last breath counts
            pass
        if peak_kb > self._spawned.memory_floor_kb:
            self._memory_mb = max(self._memory_mb, peak_kb / 1024)
        self._line.close()
        os.close(self._spawned.leash)
        self._patrol.remove(self)
        self._exited.set_result(None)
        self._settle(self._cause_of_exit())
        self._begin_end()

    def _cause_of_exit(self) -> Ending:
        return Ending.STOPPED if self._stop_asked else Ending.EXITED

    def _begin_end(self, *, is_patient: bool = True, is_stop: bool = False) -> asyncio.Task[None]:
        """Start to end the process, once; from here on the instance takes nothing."""
        if self._ending is None:
            grace_seconds = self._grace_seconds if is_patient else 0.0
            has_farewell = (is_stop or self._stop_asked) and self._is_ready and self._is_initialized
            hook = self._phases.pre_stop if has_farewell else None
            self._ending = self._loop.create_task(self._end_process(grace_seconds, hook))
        return self._ending

    async def _end(self) -> None:
        # Shielded: who waits for the end may give up, the end may not.
        await asyncio.shield(self._begin_end())

    async def _end_process(self, grace_seconds: float, pre_stop: Phase | None) -> None:
        if pre_stop is not None and not self._exited.done() and (self._is_idle or self._is_interruptible):
            await self._say_farewell(pre_stop)
        family: list[processes.Member] = []
        if not self._exited.done():
            # Now, because a dead process has neither memory to be measured nor children.
            self._memory_mb = max(self._memory_mb, self._tree_mb, processes.peak_memory_mb(self.pid))
            family = processes.family(self.pid)
            if grace_seconds:
                processes.terminate(self.pid)
                if self._pending is None:
                    # One that is busy must keep its grace period, and where poll() takes this for a lost
                    # connection its watchdog would end it.
                    self._line.hang_up()
                await asyncio.wait([self._exited], timeout=grace_seconds)
        # Looking through all processes takes milliseconds: not on the event loop.
        if not self._exited.done():
            await asyncio.to_thread(processes.kill_tree, self.pid, self.id)
            await self._exited
        await asyncio.to_thread(self._clear_away, family)

    async def _say_farewell(self, phase: Phase) -> None:
        """Run preStop, at most for its time; whatever comes of it, the process ends (runtime.md 2.7)."""
        request_id = str(uuid.uuid4())
        self._farewell = self._loop.create_future()
        self._line.expects = 2
        self._line.send(phase.question(request_id))
        # Whoever runs a handler does not read. SIGURG does nothing to a process that has not asked for it.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGURG)
        await asyncio.wait(
            [self._farewell, self._exited], timeout=phase.seconds, return_when="FIRST_COMPLETED"
        )
        if not self._farewell.done():
            error = "process exited" if self._exited.done() else f"not done after {phase.seconds} seconds"
            line = f"FC {phase.marker} End RequestId: {request_id}, Error: {error}"
            instance_log.add_line(self.log_path, line)
            self._farewell.cancel()

    def _clear_away(self, family: list[processes.Member]) -> None:
        processes.kill_members(family)
        processes.kill_bearers(self.id)
        processes.remove_scratch(self._spawned.scratch)
        with suppress(FileNotFoundError):
            os.remove(self._spawned.note_path)


def _response(head: dict[str, Any], body: bytes) -> WebResponse | None:
    """The response in a worker's answer; None for what only a function can have written there."""
    status, headers = head.get("status"), head.get("headers")
    if not isinstance(status, int) or not isinstance(headers, list):
        return None
    pairs = []
    for pair in headers:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            return None
        pairs.append((pair[0], pair[1]))
    return WebResponse(status, tuple(pairs), body)
