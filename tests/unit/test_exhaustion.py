"""What the system has no room for now, told apart from what will never work."""

import asyncio
import errno
import subprocess

import pytest

from fun_local.errors import (
    RESOURCES,
    STORAGE_FULL,
    FunLocalError,
    InvalidRequest,
    Unavailable,
    is_for_lack_of_resources,
    storage_error,
)
from fun_local.model.resources import Function
from fun_local.runtime.process import ProcessRuntime


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE])
def test_no_processes_files_or_memory_is_a_lack_of_resources(number):
    error = storage_error("x.log", OSError(number, "no more"))
    assert isinstance(error, Unavailable)
    assert error.code == RESOURCES
    assert "max_instances" in error.hint
    assert is_for_lack_of_resources(error)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_so_is_a_full_disk(number):
    error = storage_error("x.log", OSError(number, "full"))
    assert error.code == STORAGE_FULL
    assert is_for_lack_of_resources(error)


@pytest.mark.parametrize(
    "error",
    [
        storage_error("x.log", OSError(errno.EACCES, "denied")),
        InvalidRequest("RuntimeNotSupported", "no"),
        Unavailable("InstanceNotStarted", "no such program"),
        FunLocalError("StorageError", "no"),
    ],
    ids=lambda error: error.code,
)
def test_nothing_else_is(error):
    assert not is_for_lack_of_resources(error)


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EAGAIN, RESOURCES), (errno.ENOENT, "InstanceNotStarted")]
)
def test_an_instance_that_can_not_be_started_says_whether_it_may_be_later(
    tmp_path, monkeypatch, number, code
):
    function = Function("svc", "f", "python3", "index.handler", "code")
    (tmp_path / "code").mkdir()
    runtime = ProcessRuntime(
        code_path=lambda code: str(tmp_path / code),
        log_dir=str(tmp_path / "logs"),
        run_dir=str(tmp_path / "run"),
        account_id="1",
        region="r",
        stop_grace_seconds=1.0,
    )
    popen = subprocess.Popen

    def refuse(command, *values, **options):
        # Only the instance itself: interpreters are asked for their version first.
        if options.get("start_new_session"):
            raise OSError(number, "refused")
        return popen(command, *values, **options)

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(Unavailable) as caught:
        asyncio.run(runtime.start(function))
    assert caught.value.code == code
