"""Running pip and npm: what they say is handed on, and told when they fail; none outlives us."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from fun_local.errors import FunLocalError, InvalidRequest, Unavailable

#: Of what a program has said: so many lines, and characters of each, are shown when it fails.
_LINES, _CHARACTERS = 30, 500

#: Seconds from asking a program to end to killing it. npm takes back what it has begun.
_GRACE_SECONDS = 5.0

#: How pip and npm say that nobody answers, and not that something is wrong with a package.
_UNREACHABLE = re.compile(
    r"Retry\(total=0|Max retries exceeded|NewConnectionError|NameResolutionError|ProxyError"
    r"|\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b"
)

#: The name and password in an address.
_SECRET = re.compile(r"(?<=//)[^/@\s]+(?=@)")

#: A caller's lines that are no news: npm's requests, which are for whoever waits.
_CHATTER = ("npm http", "npm verbose", "npm timing")


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run in a folder, and what people can type to see for themselves what it does.

    They do it in ``again_in`` where the folder itself is about to go. ``index_option`` is what names another
    index, for the hint when there is no answer from the one in use.
    """

    words: Sequence[str]
    folder: str
    again: Sequence[str]
    index_option: str
    variables: Mapping[str, str]
    again_in: str = ""


@dataclass(frozen=True, slots=True)
class Tools:
    """What programs get: variables, and where packages come from. ``on_line`` is told what they say."""

    environment: Mapping[str, str]
    on_line: Callable[[str], None]
    python_index: str = ""
    node_index: str = ""

    @property
    def path(self) -> str:
        return self.environment.get("PATH", os.defpath)

    def run(self, command: Command, what: str) -> None:
        """Run a program to its end. ``what`` says what it does, for errors: "shop/order: pip …".

        Raises:
            InvalidRequest: it failed, or it is not there.
            Unavailable: where it takes packages from does not answer.
        """
        said: deque[str] = deque(maxlen=_LINES)
        try:
            process = subprocess.Popen(
                command.words,
                cwd=command.folder,
                env=dict(command.variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # Ctrl-C is ours alone to hear; nor can anything in there ask the terminal a question.
                start_new_session=True,
            )
        except OSError as error:
            message = f"{what}: {command.words[0]} can't be run: {error.strerror}"
            raise InvalidRequest("ToolNotFound", message) from None
        try:
            for line in _lines(process):
                self.on_line(line)
                if not line.startswith(_CHATTER):
                    said.append(_SECRET.sub("****", line))
            code = process.wait()
        finally:
            _end(process)
            if process.stdout:
                process.stdout.close()
        if code:
            raise _failure(command, what, list(said), code)


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """What a program says, but for empty lines."""
    output = process.stdout or io.BytesIO()
    while raw := output.readline(1 << 16):
        if line := raw.decode(errors="replace").rstrip():
            yield line[:_CHARACTERS]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that still runs, with all that it has started."""
    if process.poll() is not None:
        return
    try:
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(_GRACE_SECONDS)
    finally:  # also when we are interrupted once more
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _failure(command: Command, what: str, said: list[str], code: int) -> FunLocalError:
    again = _SECRET.sub("****", shlex.join(command.again))
    # Whoever types it looks for a place to put things; the quotes around that must be the shell's own.
    again = again.replace(shlex.quote(SCRATCH), '"$(mktemp -d)"')
    see = f"To see it again: cd {shlex.quote(command.again_in or command.folder)} && {again}"
    text = "".join(f"\n  {line}" for line in said) or f" it ended with code {code} and said nothing"
    if any(_UNREACHABLE.search(line) for line in said):
        instead = f"Is there a network? Packages can come from elsewhere: {command.index_option} URL."
        message = f"{what}: where packages come from does not answer:{text}"
        return Unavailable("PackageIndexUnreachable", message, hint=f"{instead}\n  {see}")
    return InvalidRequest("InstallationFailed", f"{what}:{text}", hint=see)


#: In a command that people may repeat: some folder that is nobody's.
SCRATCH = "SCRATCH FOLDER"


@contextmanager
def unwinding() -> Iterator[None]:
    """While the block runs, SIGTERM and SIGHUP are answered as Ctrl-C is: nothing half done is left behind.

    Then they have the effect that they always have.
    """
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

    earlier = {}
    if threading.current_thread() is threading.main_thread():
        numbers = (signal.SIGTERM, signal.SIGHUP)
        # Who has asked not to be told (nohup) is not.
        kept = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
        earlier = {number: signal.signal(number, interrupt) for number in kept}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        if received:
            os.kill(os.getpid(), received[0])
