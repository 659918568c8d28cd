"""What servers of custom runtimes do. Section numbers are those of the runtime contract."""

from __future__ import annotations

import re
import sys

from fun_local.model.execution import Status
from fun_local.model.outcome import INVOCATION
from tests.odd.case import EXIT, Case, timed_out


def custom(event, **changes):
    """A server of the function's own that does what the event says."""
    options = {"environment": {"PYTHON": sys.executable}, **changes.pop("function", {})}
    return Case(
        **{"code": "custom_server", "event": event, "runtime": "custom", "log": (...,), **changes},
        function=options,
    )


ROWS = {
    "answers": custom(b"hello", result=b"hello", log=(..., "POST /invoke")),
    "says_it_failed": custom(
        b"status 200 404",
        error="told",
        condition=INVOCATION,
        log=(..., "POST /invoke"),
        retries=1,
        attempts=2,
    ),
    "a_status_that_says_nothing": custom(b"status 500", result=b"told"),
    "exits": custom(b"exit 3", error=EXIT),
    "hangs_up": custom(b"hang-up", error=re.compile(".*")),
    "time_out": custom(b"sleep now", error=timed_out(1), function={"timeout_seconds": 1}),
    "does_not_start": custom(
        b"",
        code="custom_scripts",
        error=re.compile(r"Function instance exited unexpectedly\(code 7, .*", re.S),
        condition="CAExited",
        status=Status.INVALID,
        attempts=0,
        log=(),
        function={"custom_command": ("/bin/sh", "fails.sh")},
    ),
}
