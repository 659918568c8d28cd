"""Functions as processes of this machine: starts them, one warm process per instance.

What an instance may then be asked is in instance.py, what runs inside it in python_worker.py.
"""

from __future__ import annotations

import json
import os
import py_compile
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from socket import socketpair

from fun_local.errors import CorruptState, InvalidRequest, Unavailable, storage_error
from fun_local.model.names import LATEST
from fun_local.model.resources import Function
from fun_local.runtime import exits, processes
from fun_local.runtime.instance import ProcessInstance

#: Where a runtime's name begins like this: the command that runs the program in its instances, and that
#: program, a file beside this one that takes two descriptors as arguments: a socket, over which it speaks
#: the frames of frames.py, and the leash. Adding a language is adding a row.
RUNTIMES: dict[str, tuple[tuple[str, ...], str]] = {
    "python3": ((sys.executable, "-W", "ignore"), "python_worker.py"),
}

#: Seconds from the start of a process to its ready frame. Measured: 0.015.
START_SECONDS = 10.0

#: What the function's process takes over from ours. The rest of our environment is not its business.
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")

_HERE = os.path.dirname(os.path.abspath(__file__))


class ProcessRuntime:
    """Starts instances on this machine.

    ``code_path`` tells the folder that a code digest stands for. ``run_dir`` holds a note per running
    instance, for processes.kill_leftovers.
    """

    def __init__(
        self,
        *,
        code_path: Callable[[str], str],
        log_dir: str,
        run_dir: str,
        account_id: str,
        region: str,
        stop_grace_seconds: float,
        extra_environment: Mapping[str, str] | None = None,
    ) -> None:
        self._code_path = code_path
        self._log_dir = log_dir
        self._run_dir = run_dir
        self._account_id = account_id
        self._region = region
        self._stop_grace_seconds = stop_grace_seconds
        self._extra_environment = dict(extra_environment or {})
        self._compiled: dict[str, str] = {}

    async def start(self, function: Function) -> ProcessInstance:
        """A ready instance.

        Raises:
            InvalidRequest: this runtime can't run here.
            CorruptState: the code folder is missing.
            Unavailable: the process did not start, or was not ready in time.
        """
        command, worker = program_for(function.runtime)
        code = os.path.abspath(self._code_path(function.code))
        if not os.path.isdir(code):
            raise CorruptState(code, "the folder is missing", hint="Deploy the function again.")
        try:
            for folder in (self._log_dir, self._run_dir):
                os.makedirs(folder, mode=0o700, exist_ok=True)
            instance = self._spawn(function, (*command, self._compile(command, worker)), code)
        except OSError as error:
            raise storage_error(self._run_dir, error) from None
        ready = False
        try:
            ready = await instance.wait_until_ready(START_SECONDS)
        finally:
            if not ready:
                await instance.stop()
        if not ready:
            raise Unavailable(
                "InstanceNotReady",
                f"an instance of {function.path} did not start within {START_SECONDS:.0f} seconds",
                hint=f"See {instance.log_path}.",
            )
        return instance

    def _spawn(self, function: Function, command: tuple[str, ...], code: str) -> ProcessInstance:
        instance_id = new_instance_id()
        environment = self._environment(function, code, instance_id)
        log_path = os.path.join(self._log_dir, f"{instance_id}.log")
        # Appending, because the function, its children and we write there at the same time.
        log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        ours, theirs = socketpair()
        # Nothing is ever written to it. The system closes our end when we die, however we die.
        leash, leash_end = os.pipe()
        # The child's ru_maxrss starts from our own: below this it says nothing about the child.
        floor_kb = exits.own_peak_kb()
        with theirs:
            try:
                process = subprocess.Popen(
                    [*command, str(theirs.fileno()), str(leash_end)],
                    cwd=code,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(theirs.fileno(), leash_end),
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                os.close(leash)
                raise Unavailable(
                    "InstanceNotStarted", f"an instance of {function.path} could not be started: {error}"
                ) from None
            finally:
                os.close(log)
                os.close(leash_end)
        note = os.path.join(self._run_dir, f"{instance_id}.json")
        # Without the note, be it that we die first or that the disk is full, the leash ends the process.
        with suppress(OSError):
            processes.write_note(note, process.pid)
        return ProcessInstance(
            instance_id,
            process,
            ours,
            leash,
            function=function,
            static_context=self._static_context(function, code, environment),
            log_path=log_path,
            note_path=note,
            grace_seconds=self._stop_grace_seconds,
            memory_floor_kb=floor_kb,
        )

    def _compile(self, command: Sequence[str], worker: str) -> str:
        """The worker's path: of its byte code, where our own interpreter is to run it.

        A script is compiled at every start, which takes as long as all else in it. Compiled once per
        runtime instead of left in a cache, it can't be out of date.
        """
        path = os.path.join(_HERE, worker)
        if command[0] != sys.executable:
            return path
        if worker not in self._compiled:
            self._compiled[worker] = path
            with suppress(OSError):
                target = os.path.join(self._run_dir, f"{worker}c")
                self._compiled[worker] = py_compile.compile(path, target, doraise=True) or path
        return self._compiled[worker]

    def _environment(self, function: Function, code: str, instance_id: str) -> dict[str, str]:
        """The variables of runtime.md 2.11. What is more particular comes later and wins."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        chosen = {"LANG": "C.UTF-8", "TZ": "UTC", **inherited, **self._extra_environment}
        chosen.update(function.environment)
        libraries = [code, os.path.join(code, "lib"), "/usr/local/lib"]
        if "LD_LIBRARY_PATH" in chosen:
            libraries.append(chosen["LD_LIBRARY_PATH"])
        legacy = {
            "accessKeyID": chosen.get("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
            "accessKeySecret": chosen.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
            "securityToken": chosen.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
            "topic": "",
            "local": "true",
        }
        return {
            **legacy,
            **chosen,
            "LD_LIBRARY_PATH": ":".join(libraries),
            "PYTHONIOENCODING": "utf-8:surrogateescape",
            "FC_FUNC_CODE_PATH": code,
            "FC_ACCOUNT_ID": self._account_id,
            "FC_REGION": self._region,
            "FC_SERVICE_NAME": function.service,
            "FC_FUNCTION_NAME": function.name,
            "FC_FUNCTION_HANDLER": function.handler,
            "FC_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "FC_QUALIFIER": LATEST,
            "FC_VER_ID": "",
            "FC_INSTANCE_ID": instance_id,
        }

    def _static_context(self, function: Function, code: str, environment: Mapping[str, str]) -> bytes:
        """What a worker is told once, before the first request."""
        credentials = [environment[name] for name in ("accessKeyID", "accessKeySecret", "securityToken")]
        return json.dumps(
            {
                "code": code,
                "function": function.name,
                "handler": function.handler,
                "initializer": function.initializer,
                "memory": function.memory_mb,
                "timeout": function.timeout_seconds,
                "service": function.service,
                "qualifier": LATEST,
                "version_id": "",
                "log_project": "",
                "log_store": "",
                "region": self._region,
                "account_id": self._account_id,
                "credentials": credentials,
                "is_modern": _minor(function.runtime) >= 12,
            }
        ).encode()


def program_for(runtime: str) -> tuple[tuple[str, ...], str]:
    """The row of RUNTIMES for a runtime's name. Raises InvalidRequest where there is none."""
    for prefix, program in RUNTIMES.items():
        if runtime.startswith(prefix):
            return program
    raise InvalidRequest(
        "RuntimeNotSupported",
        f"runtime {runtime!r} can't run on this machine",
        hint="These can: " + ", ".join(f"{prefix}*" for prefix in RUNTIMES) + ".",
    )


def new_instance_id() -> str:
    """An id like the vendor's (runtime.md 2.11): ``c-``, the time, ``-``, 20 random hex digits."""
    return f"c-{int(time.time()):08x}-{os.urandom(10).hex()}"


def _minor(runtime: str) -> int:
    """12 for ``python3.12``; 0 where the name has no such part."""
    minor = runtime.partition(".")[2]
    return int(minor) if minor.isdigit() else 0
