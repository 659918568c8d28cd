"""A home of a test's own with a daemon in it; gone when it is closed, or the tests end in any other way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping

from fun_local import settings
from fun_local.errors import Unavailable
from fun_local.home import log_path
from fun_local.store.files import make_private_folder, write_atomically

#: Unless a test says otherwise: any free port, and retries that follow at once instead of after seconds.
DEFAULTS: Mapping[str, object] = {
    "port": 0,
    "retry_first_seconds": 0.05,
    "retry_cap_seconds": 1.0,
    "throttle_first_seconds": 0.05,
}

#: For a daemon's orderly end; what is left after that is killed.
_END_SECONDS = 60


class KeptHome:
    """A new home, and its daemon. ``path`` is the home, ``keep`` leaves it on disk at the end.

    Raises:
        InvalidRequest: a setting that there is not, or of the wrong kind.
        Unavailable: the daemon does not start.
    """

    def __init__(self, chosen: Mapping[str, object], *, keep: bool = False) -> None:
        # Short, and not below a test's folder: the address of a Unix socket has room for 100 characters.
        self._root = tempfile.mkdtemp(prefix="fc-")
        self.path = os.path.join(self._root, "home")
        values = {**DEFAULTS, **chosen}
        try:
            self._write_settings(values)
        except BaseException:
            shutil.rmtree(self._root)
            raise
        self._keeper, line = self._start(values, keep=keep)
        self._check(line)

    def _write_settings(self, values: Mapping[str, object]) -> None:
        make_private_folder(self.path)
        # TOML's basic strings, numbers and truth values are JSON's. In the file, too, for a daemon that has
        # to be started a second time.
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        write_atomically(os.path.join(self.path, "settings.toml"), lines.encode())
        settings.load(self.path, environ={})

    def _start(self, values: Mapping[str, object], *, keep: bool) -> tuple[subprocess.Popen[bytes], str]:
        """The keeper, and what the daemon says when it is ready or has failed."""
        read_fd, write_fd = os.pipe()
        try:
            keeper = subprocess.Popen(
                [sys.executable, "-m", "fun_local.testing.keeper", self._root, str(write_fd), str(int(keep))],
                # The environment would win over the file; nobody's port may be taken.
                env={**os.environ, **{f"{settings.PREFIX}{k.upper()}": _text(v) for k, v in values.items()}},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                # Not the tests' group: Ctrl-C is theirs, and what follows from it comes from them.
                start_new_session=True,
                pass_fds=(write_fd,),
            )
        finally:
            os.close(write_fd)
        with os.fdopen(read_fd) as pipe:
            return keeper, pipe.readline()

    def _check(self, line: str) -> None:
        report = json.loads(line) if line else {}
        if error := report.get("error"):
            self.close()
            raise Unavailable(error["code"], error["message"], hint=error["hint"])
        if not line:
            with open(log_path(self.path), errors="replace") as log:
                said = log.read()[-2000:]
            self.close()
            raise Unavailable("DaemonUnreachable", f"the daemon of the tests did not start:\n{said}")

    def close(self) -> None:
        """End the daemon and delete the home. A second time does nothing."""
        if self._keeper.stdin is None or self._keeper.stdin.closed:
            return
        self._keeper.stdin.close()
        try:
            self._keeper.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
