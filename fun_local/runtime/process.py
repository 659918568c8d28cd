"""Functions as processes of this machine: starts them, one warm process per instance.

What an instance may then be asked is in instance.py, what runs inside it in python_worker.py.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Mapping

from fun_local.errors import NOT_READY, CorruptState, Unavailable, storage_error
from fun_local.model.resources import Function
from fun_local.runtime import custom_program, custom_start, interpreters, node
from fun_local.runtime.census import Look
from fun_local.runtime.custom import CustomInstance
from fun_local.runtime.custom_start import CustomRuntime
from fun_local.runtime.debugger import OLDEST_PYTHON, Debugger, patient
from fun_local.runtime.instance import ProcessInstance
from fun_local.runtime.patrol import Patrol
from fun_local.runtime.refusals import refusal
from fun_local.runtime.search_paths import search_paths
from fun_local.runtime.server_process import ServerProcess
from fun_local.runtime.spawn import Spawned, spawn

#: Where a runtime's name begins like this: the command that runs the program in its instances, and that
#: program, a file beside this one that takes two descriptors as arguments: a socket, over which it speaks
#: the frames of frames.py, and the leash. Adding a language is adding a row. Where the command is empty,
#: interpreters.py or node.py finds it when the instance starts.
RUNTIMES: dict[str, tuple[tuple[str, ...], str]] = {
    "python3": ((), "python_worker.py"),
    "nodejs": ((), "node_worker.js"),
}

#: Seconds from the start of a process to its ready frame. Measured: 0.015.
START_SECONDS = 10.0

#: What the function's process takes over from ours. The rest of our environment is not its business.
INHERITED = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")

_HERE = os.path.dirname(os.path.abspath(__file__))


class ProcessRuntime:
    """Starts instances on this machine.

    ``code_path`` tells the folder that a code digest stands for. ``run_dir`` holds a note per running
    instance, for processes.kill_leftovers. ``look`` measures process trees, if not as this system does best.
    A ``debugger`` is waited for at the start of each instance, however long that takes.
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
        look: Look | None = None,
        debugger: Debugger | None = None,
    ) -> None:
        self._code_path = code_path
        self._log_dir = log_dir
        self._run_dir = run_dir
        self._account_id = account_id
        self._region = region
        self._stop_grace_seconds = stop_grace_seconds
        self._extra_environment = dict(extra_environment or {})
        self._interpreters: dict[str, interpreters.Interpreter] = {}
        self._patrol = Patrol(look)
        self._custom = CustomRuntime(self._tend)
        self._debugger = debugger

    def most(self, function: Function) -> int:
        """How many instances there may be: of a server that insists on its port there is only one."""
        return self._custom.most(function) if function.is_custom else custom_start.MANY

    async def start(self, function: Function) -> ProcessInstance | CustomInstance:
        """A ready instance.

        Raises:
            InvalidRequest: this runtime can't run here.
            CorruptState: the code folder is missing.
            Conflict: a custom runtime's program does not start.
            Unavailable: the process did not start, or was not ready in time.
        """
        if function.is_custom:
            return await self._start_custom(function)
        command, notice = await self._command(function)
        if self._debugger is not None:
            await self._debugger.until_free()
            command = self._debugger.around(command)
        code = self._code_of(function)
        try:
            instance = self._start(function, command, code, notice)
        except OSError as error:
            raise storage_error(self._run_dir, error) from None
        except Unavailable:
            self._interpreters.clear()  # perhaps somebody has removed it: look again
            raise
        ready = has_ended = False
        try:
            ready = await instance.wait_until_ready(START_SECONDS if self._debugger is None else math.inf)
            has_ended = instance.exit_code is not None
        finally:
            if not ready:
                await instance.stop()
        if not ready:
            what = (
                "ended while it started" if has_ended else f"did not start within {START_SECONDS:.0f} seconds"
            )
            raise Unavailable(
                NOT_READY,
                f"an instance of {function.path} {what}",
                hint=f"See {instance.log_path}.",
            )
        return instance

    async def _start_custom(self, function: Function) -> CustomInstance:
        code = self._code_of(function)
        self._make_folders()

        def launch(command: tuple[str, ...], port: int) -> Spawned:
            instance_id = new_instance_id()
            base = self._environment(function, code, instance_id)
            environment = custom_program.environment(base, function, code, port)
            folders = {"log_dir": self._log_dir, "run_dir": self._run_dir}
            return spawn(instance_id, command, code=code, environment=environment, is_worker=False, **folders)

        headers = custom_program.headers(function, self._environment(function, code, ""))
        try:
            return await self._custom.start(function, code=code, headers=headers, launch=launch)
        except OSError as error:
            raise storage_error(self._run_dir, error) from None

    def _tend(self, spawned: Spawned, function: Function) -> ServerProcess:
        return ServerProcess(
            spawned,
            memory_limit_mb=function.memory_mb,
            grace_seconds=self._stop_grace_seconds,
            patrol=self._patrol,
        )

    def _code_of(self, function: Function) -> str:
        code = os.path.abspath(self._code_path(function.code))
        if not os.path.isdir(code):
            raise CorruptState(code, "the folder is missing", hint="Deploy the function again.")
        return code

    async def _command(self, function: Function) -> tuple[tuple[str, ...], str]:
        """What runs the worker, with the worker; and the notice for the log, if there is one."""
        command, worker = program_for(function.runtime)
        path = os.path.join(_HERE, worker)
        if command:
            return (*command, path), ""
        if function.runtime.startswith("nodejs"):
            command, notice = node.program(function)
            return (*command, path), notice
        python = await self.python(function.runtime)
        return (python.path, "-W", "ignore", python.worker), interpreters.notice(
            function.runtime, python.version
        )

    async def python(self, runtime: str) -> interpreters.Interpreter:
        """The interpreter for a runtime's name. Raises InvalidRequest for one that names no Python 3."""
        found = self._interpreters.get(runtime)
        if found is None:
            self._make_folders()
            # It may run a few programs to ask what they are.
            found = await asyncio.to_thread(
                interpreters.find,
                runtime,
                os.environ,
                worker=os.path.join(_HERE, "python_worker.py"),
                byte_code_dir=self._run_dir,
                oldest=interpreters.OLDEST if self._debugger is None else OLDEST_PYTHON,
            )
            self._interpreters[runtime] = found
        return found

    def _make_folders(self) -> None:
        try:
            for folder in (self._log_dir, self._run_dir):
                os.makedirs(folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise storage_error(self._run_dir, error) from None

    def _start(self, function: Function, command: tuple[str, ...], code: str, notice: str) -> ProcessInstance:
        self._make_folders()
        instance_id = new_instance_id()
        environment = self._environment(function, code, instance_id)
        spawned = spawn(
            instance_id,
            command,
            code=code,
            environment=environment,
            log_dir=self._log_dir,
            run_dir=self._run_dir,
            notice=notice,
        )
        return ProcessInstance(
            spawned,
            function=function if self._debugger is None else patient(function),
            static_context=self._static_context(function, code, environment),
            grace_seconds=self._stop_grace_seconds,
            patrol=self._patrol,
        )

    def _environment(self, function: Function, code: str, instance_id: str) -> dict[str, str]:
        """The variables of runtime.md 2.11. What is more particular comes later and wins."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        chosen = {"LANG": "C.UTF-8", "TZ": "UTC", **inherited, **self._extra_environment}
        chosen.update(function.environment)
        has_installed = os.path.isdir(os.path.join(code, ".fun"))
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
            **search_paths(code, chosen, has_installed=has_installed),
            "PYTHONIOENCODING": "utf-8:surrogateescape",
            "FC_FUNC_CODE_PATH": code,
            "FC_ACCOUNT_ID": self._account_id,
            "FC_REGION": self._region,
            "FC_SERVICE_NAME": function.service,
            "FC_FUNCTION_NAME": function.name,
            "FC_FUNCTION_HANDLER": function.handler,
            "FC_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "FC_QUALIFIER": function.qualifier,
            _version_variable(function.runtime): function.version,
            "FC_INSTANCE_ID": instance_id,
        }

    def _static_context(self, function: Function, code: str, environment: Mapping[str, str]) -> bytes:
        """What a worker is told once, before the first request."""
        credentials = [environment[name] for name in ("accessKeyID", "accessKeySecret", "securityToken")]
        return json.dumps(
            {
                "runtime": function.runtime,
                "code": code,
                "function": function.name,
                "handler": function.handler,
                "initializer": function.initializer,
                "has_pre_stop": bool(function.pre_stop),
                "memory": function.memory_mb,
                "timeout": function.timeout_seconds,
                "service": function.service,
                "qualifier": function.qualifier,
                "version_id": function.version,
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
    raise refusal(runtime, ", ".join([*(f"{prefix}*" for prefix in RUNTIMES), "custom"]))


def new_instance_id() -> str:
    """An id like the vendor's (runtime.md 2.11): ``c-``, the time, ``-``, 20 random hex digits."""
    return f"c-{int(time.time()):08x}-{os.urandom(10).hex()}"


def _version_variable(runtime: str) -> str:
    """The name of the variable that holds the version (runtime.md 2.11): it depends on the base system."""
    return "FC_FUNCTION_VERSION" if _minor(runtime) >= 12 else "FC_VER_ID"


def _minor(runtime: str) -> int:
    """12 for ``python3.12``; 0 where the name has no such part."""
    minor = runtime.partition(".")[2]
    return int(minor) if minor.isdigit() else 0
