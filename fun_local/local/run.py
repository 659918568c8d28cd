"""One invocation on an instance of its own, which ends with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from fun_local.errors import NOT_READY, Unavailable
from fun_local.local.live import followed
from fun_local.model.outcome import Result
from fun_local.model.resources import Function
from fun_local.runtime.debugger import Debugger
from fun_local.runtime.process import ProcessRuntime
from fun_local.settings import Settings


class Interrupted(BaseException):
    """The system asked us to end; the function has ended. ``number`` is the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass(frozen=True, slots=True)
class Place:
    """Where functions are run: a folder for what a run leaves, and what they find around them.

    ``code_path`` tells the folder of a function's code; ``hand_on`` is given the log as it is written.
    """

    folder: str
    settings: Settings
    environment: Mapping[str, str]
    code_path: Callable[[str], str]
    hand_on: Callable[[bytes], None]
    debugger: Debugger | None = None


def invoke(place: Place, function: Function, request_id: str, payload: bytes) -> Result:
    """Run the function once. However this ends, neither the function nor what it started outlives it.

    Raises:
        InvalidRequest: its runtime can't run here.
        Conflict, Unavailable: the instance did not start.
        KeyboardInterrupt, Interrupted: we were asked to end.
    """
    log_dir = os.path.join(place.folder, "logs")
    os.mkdir(log_dir, 0o700)
    with followed(log_dir, place.hand_on):
        return asyncio.run(_invoke(place, log_dir, function, request_id, payload))


async def _invoke(place: Place, log_dir: str, function: Function, request_id: str, payload: bytes) -> Result:
    runtime = ProcessRuntime(
        code_path=place.code_path,
        log_dir=log_dir,
        run_dir=os.path.join(place.folder, "run"),
        account_id=place.settings.account_id,
        region=place.settings.region,
        stop_grace_seconds=place.settings.stop_grace_seconds,
        extra_environment=place.environment,
        debugger=place.debugger,
    )
    with _interruptible():
        try:
            instance = await runtime.start(function)
        except Unavailable as error:
            if error.code != NOT_READY:
                raise
            # The hint names a log that is about to be gone, and has been shown.
            message = f"the process of function {function.path} ended, or did not start in time"
            raise Unavailable(error.code, message, hint="Its output tells why.") from None
        try:
            return await instance.invoke(request_id, payload, attempts=1)
        finally:
            await instance.stop()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let the signals that would end us end the running task instead; asyncio does so for SIGINT alone."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def interrupt(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    numbers = (signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, interrupt, number)
    try:
        yield
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
