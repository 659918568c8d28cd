"""Executions of another home, taken in with their ids: a record each, and nothing that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from fun_local.errors import Conflict
from fun_local.model.execution import Execution

#: The id, the service and the function of each execution to a number of its own; None where the id is in use.
Claim = Callable[[Sequence[tuple[str, str, str]]], Awaitable[Sequence[int | None]]]


class Records(Protocol):
    """The execution store, as far as this needs it."""

    def save_durably(self, execution: Execution) -> Awaitable[None]: ...


class Imports:
    """Puts finished executions into a home."""

    def __init__(self, claim: Claim, records: Records) -> None:
        self._claim = claim
        self._records = records

    async def add(self, executions: Sequence[Execution]) -> list[Execution]:
        """Take in executions, in this order; the ones whose ids were in use are left out, and given back.

        When it returns, those that were taken in are safe. After a crash in between some of them are, each
        whole: doing it again takes in the others.
        """
        keys = [(e.invocation_id, e.function.service, e.function.function) for e in executions]
        claimed = await self._claim(keys)
        await asyncio.gather(
            *(
                self._records.save_durably(execution.having(seq=seq))
                for execution, seq in zip(executions, claimed, strict=True)
                if seq is not None
            )
        )
        return [execution for execution, seq in zip(executions, claimed, strict=True) if seq is None]


def in_use(executions: Sequence[Execution]) -> Conflict:
    """The error for executions whose ids are in use."""
    first = executions[0]
    more = f" (and {len(executions) - 1} more)" if len(executions) > 1 else ""
    return Conflict(
        "StatefulAsyncInvocationAlreadyExists",
        f"invocation id {first.invocation_id!r} is already used in {first.function.path}{more}",
        hint="To leave what is there as it is and import the others: --skip-existing.",
    )
