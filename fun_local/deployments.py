"""Deploying and removing: a plan of the model's, carried out as a whole or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Protocol

from fun_local.errors import FunLocalError
from fun_local.model import deploying, loose_ends
from fun_local.model.changes import Change, Messaging, Mns, Plan
from fun_local.model.deployed import Deployed
from fun_local.model.names import FunctionRef
from fun_local.model.resources import AsyncConfig, Call, Function, Resources
from fun_local.ports import Clock

log = logging.getLogger(__name__)


#: What to say about the runtimes of functions that are deployed.
Notices = Callable[[Sequence[Function]], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deploy did, and what its user should know."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    functions: tuple[Function, ...] = ()
    is_unchanged: bool = False


class MnsResources(Protocol):
    """The queues, topics and subscriptions that templates ask for."""

    def resources(self) -> Mns:
        """All that are there."""

    async def put(self, item: Messaging) -> None:
        """Create one, or give it these attributes."""

    async def drop(self, item: Messaging) -> None:
        """Delete one, with what is in it."""


class Deployments:
    """What is deployed, and every way to change it, one at a time.

    ``save`` makes a new state safe, ``on_change`` is told of it after that, ``call`` makes an invocation that
    is part of a template and raises when it fails.
    """

    def __init__(
        self,
        *,
        deployed: Deployed,
        save: Callable[[Deployed], None],
        mns: MnsResources,
        clock: Clock,
        on_change: Callable[[Deployed], None],
        call: Callable[[Call], Awaitable[None]],
        notices: Notices | None = None,
    ) -> None:
        self._notices = notices
        self.deployed = deployed
        self._save = save
        self._mns = mns
        self._clock = clock
        self._on_change = on_change
        self._call = call
        self._changing = asyncio.Lock()

    async def deploy(
        self,
        stack: str,
        resources: Resources,
        *,
        create_queues: bool = False,
        only_config: bool = False,
        dry_run: bool = False,
    ) -> Deployment:
        """Make ``resources`` the content of a stack: all of it, or nothing.

        Raises:
            Conflict, NotFound: see deploying.plan.
            FunLocalError: a call that the template asks for failed; what was deployed before is back.
            Unavailable: the disk is full; what was deployed before stays.
        """
        async with self._changing:
            mns = self._mns.resources()
            missing = loose_ends.missing_destinations(resources, mns)
            plan = deploying.plan(
                self.deployed,
                mns,
                stack,
                resources,
                now_ms=self._clock.now_ms(),
                missing=[item for item, _ in missing] if create_queues else (),
                only_config=only_config,
            )
            ends = loose_ends.warnings(plan.deployed, resources, () if create_queues else missing)
            notices = await self._notices(resources.functions) if self._notices else ()
            warnings = (*resources.warnings, *ends, *notices)
            functions = tuple(plan.deployed.functions[f.path] for f in resources.functions)
            if not dry_run and not plan.is_unchanged:
                await self._apply(plan, mns)
            return Deployment(plan.changes, warnings, functions, plan.is_unchanged)

    async def remove(self, name: str, *, kind: str = "", dry_run: bool = False) -> Deployment:
        """Take away a stack, a service or a function. Raises as deploying.removal."""
        async with self._changing:
            mns = self._mns.resources()
            plan = deploying.removal(self.deployed, mns, name, kind=kind, now_ms=self._clock.now_ms())
            if not dry_run:
                await self._apply(plan, mns)
            return Deployment(plan.changes)

    async def set_async_config(self, ref: FunctionRef, config: AsyncConfig | None) -> None:
        """Give a function and qualifier a configuration of its own, or take it away.

        Raises:
            NotFound: there is no such function or qualifier.
        """
        async with self._changing:
            deployed = deploying.with_async_config(self.deployed, ref, config, now_ms=self._clock.now_ms())
            self._take_over(deployed)

    async def edit(self, change: Callable[[Deployed, int], Deployed]) -> Deployed:
        """Make one change: a pure function of what is deployed and of the time. What is deployed then.

        Raises whatever ``change`` raises; nothing was changed then.
        """
        async with self._changing:
            deployed = change(self.deployed, self._clock.now_ms())
            if deployed is not self.deployed:
                self._take_over(deployed)
            return deployed

    async def _apply(self, plan: Plan, mns: Mns) -> None:
        before = self.deployed
        async with AsyncExitStack() as undo:
            for item in plan.put:
                old = mns.find(item)
                await self._mns.put(item)
                undo.push_async_callback(self._put_back, item, old)
            # Before the calls are made, the stack's record says they still are to be: a crash repeats them.
            self._take_over(_with_calls_owed(plan, before) if plan.calls else plan.deployed)
            undo.callback(self._take_over, before)
            for call in plan.calls:
                await self._call(call)
            if plan.calls:
                self._take_over(plan.deployed)
            undo.pop_all()
        # What is deleted can't be put back, so it goes last.
        for item in plan.drop:
            await self._mns.drop(item)

    async def _put_back(self, item: Messaging, old: Messaging | None) -> None:
        try:
            await (self._mns.drop(item) if old is None else self._mns.put(old))
        except FunLocalError as error:
            log.error("%s could not be put back: %s", item.path, error, extra={"action": "rollback"})

    def _take_over(self, deployed: Deployed) -> None:
        self._save(deployed)
        self.deployed = deployed
        self._on_change(deployed)


def _with_calls_owed(plan: Plan, before: Deployed) -> Deployed:
    """The plan's outcome, but for the stack's record, which is still the old one."""
    stacks = {
        name: before.stacks.get(name) or replace(stack, calls={})
        for name, stack in plan.deployed.stacks.items()
    }
    return replace(plan.deployed, stacks=stacks)
