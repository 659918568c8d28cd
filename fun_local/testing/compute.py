"""A Function Compute of a test's own: what is deployed there, and what is called."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from fun_local.cli.client import Client, raise_problem
from fun_local.cli.templates import Given, load
from fun_local.invk import new_request_id
from fun_local.model.execution import Status
from fun_local.store import buckets, database, registry
from fun_local.store.history import History, Query
from fun_local.testing.executions import Execution
from fun_local.testing.failures import FunctionError, NotInTime
from fun_local.testing.home import KeptHome
from fun_local.testing.queues import Queue, Topic
from fun_local.testing.rehearsals import Faults
from fun_local.testing.values import Answer, to_bytes
from fun_local.watch import Changes

Found = TypeVar("Found")

#: Between two looks at a condition while nothing happens in the home.
_LOOK_SECONDS = 0.5


class FunctionCompute:
    """One home and its daemon. ``folder`` is where templates are found that the current folder lacks.

    ``begun`` are the executions that were begun through this object, in their order.
    """

    def __init__(self, kept: KeptHome, folder: str) -> None:
        self._kept = kept
        self._folder = folder
        self._client = Client(kept.path)
        self._others: list[FunctionCompute] = []
        self.begun: list[Execution] = []

    @classmethod
    def open(
        cls, settings: Mapping[str, object] | None = None, *, folder: str = "", keep: bool = False
    ) -> FunctionCompute:
        """A new one, empty. ``settings`` as in settings.toml; ``keep`` leaves its home on disk at the end.

        Raises:
            InvalidRequest: a setting that there is not, or of the wrong kind.
            Unavailable: the daemon does not start.
        """
        return cls(KeptHome(settings or {}, keep=keep), folder)

    def fresh(self, **settings: object) -> FunctionCompute:
        """Another one, empty, for a test that must be alone; it ends with this one, or with its own block."""
        other = FunctionCompute.open(settings, folder=self._folder)
        self._others.append(other)
        return other

    def close(self) -> None:
        """End the daemon, all it runs, and delete the home."""
        for other in self._others:
            other.close()
        self._kept.close()

    def __enter__(self) -> FunctionCompute:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- what is deployed

    def deploy(
        self,
        template: str | os.PathLike[str] = "template.yml",
        *,
        parameters: Mapping[str, str] | None = None,
        replace: Mapping[str, str] | None = None,
        stack: str = "",
        create_queues: bool = True,
    ) -> list[str]:
        """Deploy a template, as ``fun deploy``; the paths of its functions.

        It is a stack of its own, named after the template unless ``stack`` says otherwise: deploying it again
        changes what has changed. ``replace`` fills placeholders, ``parameters`` the template's parameters.
        Queues and topics that destinations name are created, too.

        Raises:
            InvalidTemplate: all that is wrong with it.
        """
        path = self._find(os.fspath(template))
        name = stack or f"test-{hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:12]}"
        given = Given(path, dict(parameters or {}), dict(replace or {}), False, name, None)
        loaded = load(self.home, given, kind="deploy")
        answer = self._client.call(
            "deploy",
            stack=loaded.stack,
            resources=loaded.resources.to_dict(),
            create_queues=create_queues,
            only_config=False,
            dry_run=False,
        )
        return [f"{function['service']}/{function['name']}" for function in answer["functions"]]

    def remove(self, name: str) -> None:
        """Remove a stack with all it owns, a service or a function."""
        self._client.call("remove", name=name, kind="", dry_run=False)

    @property
    def functions(self) -> list[str]:
        """The paths of all functions that are deployed."""
        return sorted(registry.read(self.home).functions)

    def _find(self, template: str) -> str:
        if os.path.isabs(template) or os.path.exists(template):
            return template
        beside = os.path.join(self._folder, template)
        return beside if os.path.exists(beside) else template

    # --- calls

    def invoke(self, function: str, event: object = None, *, qualifier: str = "", fault: str = "") -> Any:
        """Call a function and wait; what it returned (see ``Answer.value``).

        ``event`` is bytes, text, or anything JSON can say. ``fault`` has this call fail on purpose.

        Raises:
            FunctionError: it failed.
        """
        __tracebackhide__ = True
        answer = self.call(function, event, qualifier=qualifier, fault=fault)
        if answer.error_type:
            raise FunctionError(function, answer.error_type, answer.body, answer.log)
        return answer.value

    def call(self, function: str, event: object = None, *, qualifier: str = "", fault: str = "") -> Answer:
        """As ``invoke``, for tests of failures, durations and logs: raises nothing for what functions do."""
        headers = {"X-Fc-Trace-Id": new_request_id(), "X-Fc-Log-Type": "Tail"}
        if fault:
            headers["X-Fun-Fault"] = fault
        _, found, body = self._client.invoke(function, to_bytes(event), headers, qualifier=qualifier)
        return Answer(
            body,
            headers["X-Fc-Trace-Id"],
            found.get("x-fc-error-type", ""),
            int(found["x-fc-invocation-duration"]),
            float(found["x-fc-max-memory-usage"]),
            base64.b64decode(found.get("x-fc-log-result", "")).decode(errors="replace"),
        )

    def invoke_async(
        self,
        function: str,
        event: object = None,
        *,
        qualifier: str = "",
        invocation_id: str = "",
        delay_seconds: int = 0,
        fault: str = "",
    ) -> Execution:
        """Call a function asynchronously; the execution, which has been accepted and no more.

        It leaves a record even where the template doesn't ask for one: a test wants to know how it ended.
        ``fault`` has it fail on purpose: ``crash@1`` at its first attempt, ``timeout`` at all.
        """
        headers = {
            "X-Fc-Invocation-Type": "Async",
            "X-Fc-Trace-Id": new_request_id(),
            "X-Fc-Stateful-Async-Invocation-Enable": "true",
            "X-Fc-Async-Delay": str(delay_seconds),
        }
        if invocation_id:
            headers["X-Fc-Stateful-Async-Invocation-Id"] = invocation_id
        if fault:
            headers["X-Fun-Fault"] = fault
        _, found, _ = self._client.invoke(function, to_bytes(event), headers, qualifier=qualifier)
        execution = Execution(self._client, found["x-fc-stateful-async-invocation-id"])
        self.begun.append(execution)
        return execution

    def execution(self, invocation_id: str) -> Execution:
        """The execution with this id. Raises NotFound."""
        _, document = History(self.home).find(invocation_id)
        return Execution(self._client, document["invocationId"])

    def executions(self, function: str = "", *, status: str = "") -> list[Execution]:
        """All executions, newest first; only those of a function, or with a status."""
        query = Query(
            function=registry.read(self.home).resolve(function) if function else None,
            statuses=frozenset({Status(status)}) if status else frozenset(),
        )
        found = History(self.home).all(query)
        return [Execution(self._client, document["invocationId"]) for _, document in found]

    # --- the rest

    def queue(self, name: str) -> Queue:
        """An MNS queue."""
        return Queue(self._client, name)

    @property
    def faults(self) -> Faults:
        """Failures on purpose."""
        return Faults(self._client)

    def topic(self, name: str) -> Topic:
        """An MNS topic."""
        return Topic(self._client, name)

    def wait_for(self, condition: Callable[[], Found], *, timeout: float = 30.0) -> Found:
        """What ``condition`` gives as soon as that is true; asked again whenever something has happened here,
        and twice a second.

        Raises:
            NotInTime: it stays false.
        """
        __tracebackhide__ = True
        deadline = time.monotonic() + timeout
        with Changes() as changes:
            for path in (self.home, buckets.folder(self.home), database.path_of(self.home) + "-wal"):
                changes.add(path)
            while not (found := condition()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise NotInTime(f"what was waited for is still {found!r} after {timeout:g} s")
                # Not all that a test can ask about happens in the home: a web server's part in it, say.
                changes.wait(min(left, _LOOK_SECONDS))
        return found

    @property
    def home(self) -> str:
        """Its folder: with FUN_LOCAL_HOME set to it, `fun` and `invk` see what the tests see."""
        return self._kept.path

    @property
    def environment(self) -> dict[str, str]:
        """What leads the vendor's SDKs to it: endpoint, keys, account and region, as in `fun env`."""
        from fun_local.cli.env import variables

        found = self._client.call("environment")
        raise_problem(found)
        return variables(found)

    def __repr__(self) -> str:
        return f"<FunctionCompute in {self.home}>"
