"""Every error that reaches a person or a client.

    FunLocalError
    |-- NotFound          you asked for something that is not there
    |-- InvalidRequest    you asked wrongly
    |   `-- InvalidTemplate
    |-- Conflict          it clashes with what is there
    |-- Unavailable       we can't do it now: the daemon, the disk, another daemon
    `-- CorruptState      what is on disk is not what we wrote

Each carries a stable ``code`` (the vendor's where it has one, fc-api 16.2), a ``message`` that names the
thing, and a ``hint`` that names the next step. They are turned into exit codes by cli/output.py and into
HTTP answers by http/errors.py, and nowhere else.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fun_local.template.problems import Problem

#: The code of a write that a full disk refused; what is owed is tried again.
STORAGE_FULL = "StorageFull"

#: The code of a start for which the system has no processes, files or memory left (fc-api 16.2).
RESOURCES = "ResourceThrottled"

#: The code of a start that broke off before any of the function's code ran.
NOT_READY = "InstanceNotReady"

_NO_RESOURCES = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})


class FunLocalError(Exception):
    """An error with a stable code, a message for people and, where there is one, the next step."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class NotFound(FunLocalError):
    """A service, function, execution, queue or message that does not exist."""


class InvalidRequest(FunLocalError):
    """An argument, payload or name that can't be accepted. Nothing was changed."""


class InvalidTemplate(InvalidRequest):
    """A template that can't be deployed; ``problems`` holds all that is wrong with it."""

    def __init__(self, message: str, problems: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__("InvalidTemplate", message, hint=hint)
        self.problems = tuple(problems)


class Conflict(FunLocalError):
    """The state does not allow it: an id in use, an execution that has ended, a deploy's own call failed."""


class Unavailable(FunLocalError):
    """The daemon can't be reached, the disk is full, another daemon owns the home."""


class CorruptState(FunLocalError):
    """A file of ours that can't be read as what we wrote."""

    def __init__(self, path: str, reason: str, *, hint: str = "") -> None:
        super().__init__("CorruptState", f"{path} is damaged: {reason}", hint=hint)
        self.path = path


def storage_error(path: str, error: OSError) -> FunLocalError:
    """A failed file operation in our words: which file, and the next step."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            STORAGE_FULL,
            f"no space left on the disk that holds {path}",
            hint="Nothing was changed. Free some space (fun executions prune), then try again.",
        )
    if is_exhaustion(error):
        return Unavailable(
            RESOURCES,
            f"the system has no processes, open files or memory left: {error.strerror}",
            hint="End what is not needed, or set max_instances lower.",
        )
    return FunLocalError("StorageError", f"can't write {path}: {error.strerror}")


def is_exhaustion(error: OSError) -> bool:
    """Whether the system refuses for lack of something that it may have again later."""
    return error.errno in _NO_RESOURCES


def is_for_lack_of_resources(error: FunLocalError) -> bool:
    """Whether an instance could not be started for no fault of its function's."""
    return error.code in (STORAGE_FULL, RESOURCES)
