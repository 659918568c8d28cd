"""The three versions of the Function Compute API as data: what is spelled or bounded differently in each.

The operations and their paths are in operations.py. A difference of behaviour is a flag here and one ``if``
where it matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version. ``has_services``: functions live in services, and qualifiers belong to those (FC 2.0)."""

    version: str
    has_services: bool = True
    #: Trigger configurations travel as JSON text instead of an object (fc-api 8).
    has_text_configs: bool = True
    #: Seconds a function may run that was created without saying (fc-api 6.2).
    default_timeout: int = 3
    longest_function_name: int = 64
    #: How the id of an execution travels in headers, and what a page of executions holds at first.
    id_header: str = "X-Fc-Stateful-Async-Invocation-Id"
    executions_per_page: int = 50
    #: Fields of executions and of asynchronous configurations, as they are called here.
    fields: Mapping[str, str] = field(default_factory=dict)
    #: Our error codes, as they are called here.
    codes: Mapping[str, str] = field(default_factory=dict)

    def named(self, name: str) -> str:
        """A field of FC 2.0 by the name it has here."""
        return self.fields.get(name, name)


FC_2016 = Dialect("2016-08-15", has_text_configs=False, default_timeout=60)
FC_2021 = Dialect("2021-04-06")
FC_2023 = Dialect(
    "2023-03-30",
    has_services=False,
    longest_function_name=128,
    id_header="X-Fc-Async-Task-Id",
    executions_per_page=20,
    fields={
        "invocations": "tasks",
        "invocationId": "taskId",
        "invocationIdPrefix": "prefix",
        "invocationPayload": "taskPayload",
        "invocationErrorMessage": "taskErrorMessage",
        "statefulInvocation": "asyncTask",
    },
    # The first is the vendor's; the others are called so by analogy (fc-api 20).
    codes={
        "StatefulAsyncInvocationNotFound": "AsyncTaskNotFound",
        "StatefulAsyncInvocationAlreadyExists": "AsyncTaskAlreadyExists",
        "StatefulAsyncInvocationAlreadyCompleted": "AsyncTaskAlreadyCompleted",
    },
)

DIALECTS = (FC_2016, FC_2021, FC_2023)
