"""Errors on their way to a client and back."""

import pytest

from fun_local import errors
from fun_local.http.errors import body_of, error_from, status_of


@pytest.mark.parametrize("code", ["CAFileNotFound", "CAFilePermission", "CAExited", "FunctionNotStarted"])
def test_a_server_that_does_not_start_is_a_precondition_that_failed(code):
    error = errors.Conflict(code, "it did not start", hint="Mend it.")
    assert status_of(error) == 412
    back = error_from(412, body_of(error))
    assert (type(back), back.code, back.message, back.hint) == (
        errors.Conflict,
        code,
        error.message,
        error.hint,
    )
