"""``python -m fun_local.testing.keeper FOLDER READY_FD KEEP``: keeps a daemon while somebody tests.

It hangs on its standard input. When that is closed, because the tests are over, were interrupted or were
killed, it ends the daemon and deletes FOLDER, unless KEEP is 1. Nothing is left behind, however they end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from types import FrameType

from fun_local.home import log_path

#: For the daemon to end what it is running; then it is killed, and its instances with it (they hang on it).
_SECONDS = 30.0


def main() -> None:
    folder, ready, keep = sys.argv[1:]
    home = os.path.join(folder, "home")
    signal.signal(signal.SIGTERM, _end)
    daemon = _start(home, int(ready))
    os.close(int(ready))
    try:
        sys.stdin.buffer.read()
    finally:
        _stop(home, daemon)
        if keep != "1":
            shutil.rmtree(folder, ignore_errors=True)


def _end(_: int, __: FrameType | None) -> None:
    sys.exit(0)


def _start(home: str, ready_fd: int) -> subprocess.Popen[bytes]:
    with open(log_path(home), "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "fun_local.daemon", home, str(ready_fd)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(ready_fd,),
            cwd="/",
        )


def _stop(home: str, daemon: subprocess.Popen[bytes]) -> None:
    # Late: a process that only waits should be small.
    from fun_local.cli.client import Client
    from fun_local.errors import FunLocalError

    client = Client(home)
    # By its socket: after a crash, a call may have started another one than ours.
    with contextlib.suppress(FunLocalError, OSError):
        client.call("shutdown", start=False)
        client.wait_until_down(_SECONDS)
    if daemon.poll() is None:
        daemon.terminate()
        try:
            daemon.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


if __name__ == "__main__":
    main()
