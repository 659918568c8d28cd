"""Stacks as ROS has them: change sets that are made, looked at and carried out, and the events of that.

What belongs to a stack is a matter of deployments.py, which carries them out as a whole or not at all. Kept
here is only what is needed until a deploy is over: change sets and events end with the daemon.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fun_local.deployments import Deployments, MnsResources
from fun_local.errors import Conflict, FunLocalError, InvalidRequest, NotFound
from fun_local.model.stacks import STACK, Event, ResourceChange, as_template, resource_changes, stack_id
from fun_local.ports import Clock

if TYPE_CHECKING:
    from fun_local.template.sent import Sent

log = logging.getLogger(__name__)

#: Change sets that are remembered, and events of a stack: the newest.
_MOST_CHANGE_SETS = 100
_MOST_EVENTS = 3000
_MOST_STORIES = 200

_RUNNING = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")

#: Reads a template for a stack: its text, the stack's name, parameters given, and those given before. That
#: takes long: it is for other threads than the event loop's.
Read = Callable[[bytes, str, Mapping[str, str], Mapping[str, str]], "Sent"]


@dataclass(slots=True)
class ChangeSet:
    """A deploy that has been prepared. ``kind`` is CREATE or UPDATE."""

    id: str
    name: str
    stack: str
    kind: str
    sent: Sent
    changes: tuple[ResourceChange, ...]
    warnings: tuple[str, ...]
    created_ms: int
    names: Mapping[str, str]
    is_executed: bool = False


@dataclass(frozen=True, slots=True)
class StackInfo:
    """A stack as it is now. Times in milliseconds; ``reason`` is what there is to say of its status."""

    id: str
    name: str
    status: str
    reason: str
    created_ms: int
    modified_ms: int
    outputs: Mapping[str, object]


class Stacks:
    """All stacks of a home, whoever has deployed them."""

    def __init__(
        self,
        *,
        deployments: Deployments,
        mns: MnsResources,
        read: Read,
        clock: Clock,
        region: str,
        account_id: str,
    ) -> None:
        self._deployments = deployments
        self._mns = mns
        self._read = read
        self._clock = clock
        self._region = region
        self._account_id = account_id
        self._change_sets: dict[str, ChangeSet] = {}
        self._stories: dict[str, deque[Event]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def id_of(self, name: str) -> str:
        return stack_id(self._region, self._account_id, name)

    def all(self) -> list[StackInfo]:
        """Every stack that is deployed, the newest first."""
        found = [self._info(name) for name in self._deployments.deployed.stacks]
        return sorted(found, key=lambda stack: stack.created_ms, reverse=True)

    def get(self, wanted: str) -> StackInfo:
        """The stack with this id, or name: also one that is being made, or was deleted a while ago.

        Raises:
            NotFound: there is none.
        """
        for name in (*self._deployments.deployed.stacks, *self._stories):
            if wanted in (name, self.id_of(name)):
                return self._info(name)
        raise NotFound("StackNotFound", f"the stack {wanted[:80]} could not be found")

    def events(self, stack: StackInfo) -> list[Event]:
        """What has happened to a stack, the newest first, since its last deploy began."""
        if stack.name in self._stories:
            return list(self._stories[stack.name])
        verb = stack.status.partition("_")[0]
        return [
            Event(f"{stack.id}-{i}", stack.name, STACK, f"{verb}_{word}", "", stack.modified_ms)
            for i, word in enumerate(("COMPLETE", "IN_PROGRESS"))
        ]

    def template(self, stack: StackInfo) -> dict[str, Any]:
        """What a stack has, as a template."""
        return as_template(self._deployments.deployed, self._mns.resources(), stack.name)

    async def prepare(
        self,
        kind: str,
        stack: str,
        body: bytes,
        parameters: Mapping[str, str],
        *,
        name: str = "",
        keeps_parameters: bool = False,
    ) -> ChangeSet:
        """Read a template and find out what it would change.

        Raises:
            Conflict, NotFound: there is such a stack already, or none yet.
            InvalidTemplate: with all that is wrong with the template.
            InvalidRequest: nothing would change.
        """
        there = self._deployments.deployed.stacks.get(stack)
        if kind == "CREATE" and there is not None:
            raise Conflict("StackExists", f"a stack named {stack} already exists")
        if kind == "UPDATE" and there is None:
            raise NotFound("StackNotFound", f"the stack {stack} could not be found")
        previous = there.parameters if there is not None and keeps_parameters else {}
        sent = await asyncio.to_thread(self._read, body, stack, parameters, previous)
        plan = await self._deployments.deploy(stack, sent.resources, dry_run=True)
        if plan.is_unchanged:
            # Funcraft looks for these words (wire 3.1).
            raise InvalidRequest("NotSupported", "Update the completely same stack is not supported")
        if there is None:
            self._tell(stack, stack, STACK, "REVIEW_IN_PROGRESS", "")
        # Of what goes only the old template knows the name.
        names = {**(there.names if there else {}), **sent.resources.names}
        changes = resource_changes(plan.changes, names)
        now_ms = self._clock.now_ms()
        made = ChangeSet(str(uuid.uuid4()), name, stack, kind, sent, changes, plan.warnings, now_ms, names)
        self._change_sets[made.id] = made
        while len(self._change_sets) > _MOST_CHANGE_SETS:
            del self._change_sets[next(iter(self._change_sets))]
        return made

    def change_set(self, id: str) -> ChangeSet:
        """Raises NotFound when there is none, or no longer."""
        if id not in self._change_sets:
            message = f"the change set {id[:80]} could not be found"
            raise NotFound("ChangeSetNotFound", message, hint="It ends with the daemon: create it again.")
        return self._change_sets[id]

    def forget(self, id: str) -> None:
        """Delete a change set. Raises NotFound."""
        del self._change_sets[self.change_set(id).id]

    def execute(self, id: str) -> ChangeSet:
        """Begin to carry a change set out. What comes of it is in the stack's events.

        Raises:
            NotFound: there is no such change set.
            InvalidRequest: it has been carried out.
        """
        change_set = self.change_set(id)
        if change_set.is_executed:
            raise InvalidRequest("NotSupported", f"the change set {id} has been executed")
        change_set.is_executed = True
        # Of earlier deploys nothing is told: Funcraft takes an old failure for one of this deploy's.
        self._stories.pop(change_set.stack, None)
        self._tell(change_set.stack, change_set.stack, STACK, f"{change_set.kind}_IN_PROGRESS", "")
        task = asyncio.get_running_loop().create_task(self._carry_out(change_set))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return change_set

    async def remove(self, wanted: str) -> None:
        """Delete a stack and all that it owns. One that was only prepared owns nothing.

        Raises:
            NotFound: there is none.
            Conflict: others still need something of it.
        """
        name = self.get(wanted).name
        if name in self._deployments.deployed.stacks:
            self._tell(name, name, STACK, "DELETE_IN_PROGRESS", "")
            try:
                await self._deployments.remove(name, kind="stack")
            except FunLocalError as error:
                self._tell(name, name, STACK, "DELETE_FAILED", _text(error))
                raise
        self._tell(name, name, STACK, "DELETE_COMPLETE", "")

    async def close(self) -> None:
        """End what is being carried out; what was there before a deploy that is cut off comes back."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _carry_out(self, change_set: ChangeSet) -> None:
        stack, kind = change_set.stack, change_set.kind
        try:
            done = await self._deployments.deploy(stack, change_set.sent.resources)
        except FunLocalError as error:
            self._tell(stack, stack, STACK, f"{kind}_FAILED", _text(error))
            return
        except Exception:
            log.exception("change set %s of stack %s failed", change_set.id, stack)
            text = "an internal error has occurred. See: fun daemon logs"
            self._tell(stack, stack, STACK, f"{kind}_FAILED", text)
            return
        verbs = {"Add": "CREATE", "Modify": "UPDATE", "Remove": "DELETE"}
        for change in resource_changes(done.changes, change_set.names):
            for word in ("IN_PROGRESS", "COMPLETE"):
                self._tell(stack, change.name, change.type, f"{verbs[change.action]}_{word}", "")
        self._tell(stack, stack, STACK, f"{kind}_COMPLETE", "\n".join(done.warnings))

    def _tell(self, stack: str, name: str, kind: str, status: str, reason: str) -> None:
        story = self._stories.setdefault(stack, deque(maxlen=_MOST_EVENTS))
        story.appendleft(Event(str(uuid.uuid4()), name, kind, status, reason, self._clock.now_ms()))
        while len(self._stories) > _MOST_STORIES:
            del self._stories[next(iter(self._stories))]

    def _info(self, name: str) -> StackInfo:
        stack = self._deployments.deployed.stacks.get(name)
        own = next((event for event in self._stories.get(name, ()) if event.type == STACK), None)
        first = self._stories[name][-1].time_ms if own else 0
        created_ms = stack.created_ms if stack else first
        modified_ms = stack.modified_ms if stack else first
        status = "CREATE_COMPLETE" if created_ms == modified_ms else "UPDATE_COMPLETE"
        reason = ""
        # While the calls of a deploy are made, what it makes is there already.
        is_running = own is not None and own.status in _RUNNING
        if own and (not stack or is_running or own.time_ms >= modified_ms):
            status, reason = own.status, own.reason
        outputs = stack.outputs if stack else {}
        return StackInfo(self.id_of(name), name, status, reason, created_ms, modified_ms, outputs)


def _text(error: FunLocalError) -> str:
    return f"{error.message}. {error.hint}" if error.hint else error.message
