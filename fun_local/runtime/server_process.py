"""The process of an instance that is a server: watched, and ended with all its children.

Says nothing to it but through the system; what it is asked over HTTP is in custom.py.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from fun_local.model.outcome import Ending
from fun_local.runtime import exits, instance_log, limits, processes
from fun_local.runtime.census import Tree
from fun_local.runtime.patrol import Patrol
from fun_local.runtime.spawn import Spawned


class ServerProcess:
    """Implements patrol.Watched. Made inside a running event loop.

    ``farewell`` is awaited before a stop, ``cleanup`` after the process has gone: set by who asks it.
    """

    def __init__(
        self, spawned: Spawned, *, memory_limit_mb: int, grace_seconds: float, patrol: Patrol
    ) -> None:
        self.id = spawned.instance_id
        self.pid = spawned.process.pid
        self.log_path = spawned.log_path
        self.memory_limit_mb = memory_limit_mb
        self.in_flight = 0
        self.farewell: Callable[[], Awaitable[None]] | None = None
        self.cleanup: Callable[[], Awaitable[None]] | None = None
        #: Set when it can't answer any more: how that came about.
        self.gone: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        #: The log is too long: it takes nothing new.
        self.is_worn = False
        self._spawned = spawned
        self._grace_seconds = grace_seconds
        self._patrol = patrol
        self._tree_mb = 0.0
        self._peak_mb = 0.0
        self._log_start = 0
        self._exited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ending: asyncio.Task[None] | None = None
        self._is_stopped = self._is_excessive = False
        spawned.sock.close()  # it is no worker: nobody is at the other end
        exits.watch(self.pid, self._on_exit)
        patrol.add(self)

    @property
    def is_busy(self) -> bool:
        return self.in_flight > 0 or self._ending is not None

    @property
    def is_over(self) -> bool:
        """It has ended, or is being ended."""
        return self._ending is not None

    @property
    def exit_code(self) -> int | None:
        """As subprocess has it (negative: the signal); None while it runs."""
        return self._spawned.process.returncode

    @property
    def cause(self) -> Ending:
        """What one who comes too late is told."""
        if self.gone.done():
            return self.gone.result()
        return Ending.STOPPED if self._is_stopped else Ending.EXITED

    def begin(self) -> None:
        """Another request is on its way."""
        if not self.in_flight:
            self._tree_mb = 0.0
            self._log_start = instance_log.size(self.log_path)
        self.in_flight += 1
        if not self._patrol.is_awake:
            self._patrol.wake()

    def finish(self) -> None:
        """A request is over."""
        self.in_flight -= 1

    def memory_mb(self) -> float:
        """The most that it and its children took."""
        if not self._exited.done():
            self._peak_mb = max(self._peak_mb, processes.peak_memory_mb(self.pid))
        return max(self._peak_mb, self._tree_mb)

    def heed(self, tree: Tree, log_size: int) -> None:
        """Learn what it takes: see patrol.py. What takes too much is killed."""
        if self._exited.done():
            return
        self._tree_mb = max(self._tree_mb, tree.memory_mb)
        end = self._log_start + limits.LOG_BYTES
        if log_size > end:
            instance_log.cut(self.log_path, end, limits.cut_notice())
        self.is_worn = self.is_worn or log_size > limits.LOG_FILE_BYTES
        why = limits.excess(tree, self.memory_limit_mb)
        if not why:
            return
        if not self._is_excessive:
            self._is_excessive = True  # told once: it may take a moment until the last of them is gone
            instance_log.add_line(self.log_path, f"fun-local: {why}")
        if self._ending is None:
            self._settle(Ending.EXITED)
            self.begin_end(is_patient=False)
        else:
            with suppress(ProcessLookupError, PermissionError):  # its grace is over
                os.killpg(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End it, after its farewell. Safe to call at any time, any number of times."""
        self._is_stopped = True
        await self.end(has_farewell=True)

    async def end(self, *, has_farewell: bool = False) -> None:
        """End it; what it is doing is lost, unless it answers within its grace period."""
        # Shielded: who waits for the end may give up, the end may not.
        await asyncio.shield(self.begin_end(has_farewell=has_farewell))

    def begin_end(self, *, is_patient: bool = True, has_farewell: bool = False) -> asyncio.Task[None]:
        """Start to end the process, once; from here on it is asked nothing."""
        if self._ending is None:
            farewell = self.farewell if has_farewell else None
            grace_seconds = self._grace_seconds if is_patient else 0.0
            self._ending = asyncio.get_running_loop().create_task(self._end(grace_seconds, farewell))
        return self._ending

    def _settle(self, ending: Ending) -> None:
        if not self.gone.done():
            self.gone.set_result(ending)

    def _on_exit(self, status: int, peak_kb: int) -> None:
        self._spawned.process.returncode = status
        if peak_kb > self._spawned.memory_floor_kb:
            self._peak_mb = max(self._peak_mb, peak_kb / 1024)
        os.close(self._spawned.leash)
        self._patrol.remove(self)
        self._exited.set_result(None)
        self._settle(self.cause)
        self.begin_end()

    async def _end(self, grace_seconds: float, farewell: Callable[[], Awaitable[None]] | None) -> None:
        if farewell is not None and not self._exited.done():
            await farewell()
        family: list[processes.Member] = []
        if not self._exited.done():
            # Now, because a dead process has neither memory to be measured nor children.
            self.memory_mb()
            family = processes.family(self.pid)
            if grace_seconds:
                processes.terminate(self.pid)
                await asyncio.wait([self._exited], timeout=grace_seconds)
        # Looking through all processes takes milliseconds: not on the event loop.
        if not self._exited.done():
            await asyncio.to_thread(processes.kill_tree, self.pid, self.id)
            await self._exited
        await asyncio.to_thread(self._clear_away, family)
        if self.cleanup is not None:
            await self.cleanup()

    def _clear_away(self, family: list[processes.Member]) -> None:
        processes.kill_members(family)
        processes.kill_bearers(self.id)
        processes.remove_scratch(self._spawned.scratch)
        with suppress(FileNotFoundError):
            os.remove(self._spawned.note_path)
