"""Our errors as HTTP answers: the only place that knows both."""

from __future__ import annotations

from fun_local import errors

_STATUS: tuple[tuple[type[errors.FunLocalError], int], ...] = (
    (errors.NotFound, 404),
    (errors.InvalidRequest, 400),
    (errors.Conflict, 409),
    (errors.Unavailable, 503),
)

#: Codes that say more than their kind: what must be so first is not so.
_PRECONDITION = frozenset(
    {
        "StatefulAsyncInvocationAlreadyCompleted",
        # A custom runtime's program does not start (runtime.md 4.5).
        "CAFileNotFound",
        "CAFilePermission",
        "CAExited",
        "FunctionNotStarted",
    }
)


def status_of(error: errors.FunLocalError) -> int:
    """The HTTP status of an error (fc-api 16.2)."""
    if error.code in _PRECONDITION:
        return 412
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def body_of(error: errors.FunLocalError) -> dict[str, dict[str, str]]:
    return {"error": {"code": error.code, "message": error.message, "hint": error.hint}}


def error_from(status: int, body: dict[str, dict[str, str]]) -> errors.FunLocalError:
    """The error that a client sees: the same kind, code, message and hint."""
    inner = body.get("error", {})
    code = inner.get("code", "InternalServerError")
    message = inner.get("message", f"the daemon answered with status {status}")
    kind = next((kind for kind, known in _STATUS if known == status), errors.FunLocalError)
    if status == 412:
        kind = errors.Conflict
    return kind(code, message, hint=inner.get("hint", ""))
