"""Our errors in the words of the Function Compute API (fc-api 16)."""

from __future__ import annotations

from fun_local.errors import FunLocalError
from fun_local.http.errors import status_of
from fun_local.http.fc.dialects import Dialect
from fun_local.model.names import IMPLICIT_SERVICE

#: Codes that only we have, and the vendor's for the same.
_CODES = {
    "InvalidCode": "InvalidArgument",
    "AmbiguousFunctionName": "InvalidArgument",
    "CodeNotFound": "FunctionNotFound",
    "CorruptState": "InternalServerError",
    "StorageError": "InternalServerError",
}

#: Where the code says more than the kind of error.
_STATUSES = {
    "PreconditionFailed": 412,
    "SignatureNotMatch": 403,
    "AccessDenied": 403,
    "ResourceExhausted": 429,
    "FunctionInvocationDisabled": 403,
}


def status_and_code(dialect: Dialect, error: FunLocalError) -> tuple[int, str]:
    """The status of an answer, and the code in it as this version of the API has it."""
    status = _STATUSES.get(error.code) or status_of(error)
    code = _CODES.get(error.code, error.code)
    return status, dialect.codes.get(code, code)


def message_of(dialect: Dialect, error: FunLocalError) -> str:
    """What happened and the next step: clients show one text, and those of FC 3.0 know no services."""
    text = f"{error.message}. {error.hint}" if error.hint else error.message
    return text if dialect.has_services else text.replace(f"{IMPLICIT_SERVICE}/", "")
