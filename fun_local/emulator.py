"""Every use case, one method each. Knows no HTTP, no command line, no JSON text.

The faces call it; it calls ports, the registry (which has one implementation) and the MNS queues.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol

from fun_local import accept
from fun_local.deployments import Deployments, MnsResources, Notices
from fun_local.dispatcher import Dispatcher
from fun_local.errors import Conflict, Unavailable
from fun_local.faults import Faults, check_room, instead_of_running
from fun_local.feed import Feed
from fun_local.imports import Imports
from fun_local.mns import Mns
from fun_local.model import kept
from fun_local.model.deployed import Deployed
from fun_local.model.execution import FINAL, Execution, Status
from fun_local.model.faults import Fault
from fun_local.model.names import FunctionRef
from fun_local.model.outcome import Result, log_summary
from fun_local.model.resources import Call, Trigger
from fun_local.model.web import WebRequest, WebResult
from fun_local.pool import Pool
from fun_local.ports import Clock, Draft, Instance, Message, Queue
from fun_local.store.history import History, Query
from fun_local.timers import Timers

#: Records deleted between two looks at other work.
_PRUNE_BATCH = 1000


class Records(Protocol):
    """The execution store, as far as pruning and looking need it."""

    def get(self, seq: int) -> Execution | None: ...

    def unsaved(self) -> Collection[Execution]: ...

    async def remove(self, seqs: Sequence[int]) -> None: ...


class Emulator:
    """The application. One instance per daemon; everything on one event loop.

    ``draw`` gives a number from 0 to 1 for each call, by which aliases share calls out.
    """

    def __init__(
        self,
        *,
        deployed: Deployed,
        save_deployed: Callable[[Deployed], None],
        queue: Queue,
        records: Records,
        history: History,
        release_ids: Callable[[Sequence[int]], Any],
        read_log: Callable[[str, int, int], bytes],
        remove_logs: Callable[[int], None],
        mns: Mns,
        mns_resources: MnsResources,
        pool: Pool,
        dispatcher: Dispatcher,
        clock: Clock,
        new_request_id: Callable[[], str],
        imports: Imports,
        draw: Callable[[], float] = lambda: 1.0,
        notices: Notices | None = None,
        feed: Feed | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.deployments = Deployments(
            deployed=deployed,
            save=save_deployed,
            mns=mns_resources,
            clock=clock,
            on_change=self._on_change,
            call=self._run_call,
            notices=notices,
        )
        self.timers = Timers(triggers=lambda: self.deployed.triggers, fire=self._fire, clock=clock)
        self.mns = mns
        self.history = history
        self.imports = imports
        self.feed = feed or Feed()
        self.faults = faults or Faults()
        self._queue = queue
        self._records = records
        self._release_ids = release_ids
        self._read_log = read_log
        self._remove_logs = remove_logs
        self._pool = pool
        self._dispatcher = dispatcher
        self._clock = clock
        self._new_request_id = new_request_id
        self._draw = draw
        pool.limit = lambda function: kept.most_instances(self.deployed, function)

    @property
    def deployed(self) -> Deployed:
        """What is deployed now."""
        return self.deployments.deployed

    # --- invoke

    async def invoke_async(
        self,
        function: str,
        payload: bytes,
        *,
        qualifier: str = "",
        invocation_id: str = "",
        delay_seconds: int = 0,
        request_id: str = "",
        stateful: bool | None = None,
        fault: str = "",
    ) -> Message:
        """Accept an asynchronous invocation. When it returns, not even a power cut loses it.

        ``stateful`` says for this one whether it is to leave a record; None leaves that to the configuration.
        ``fault`` is a failure to be rehearsed on it.

        Raises:
            NotFound, InvalidRequest: see accept.draft.
            Conflict: the invocation id is in use.
            Unavailable: the disk is full; nothing was accepted.
        """
        draft = accept.draft(
            self.deployed,
            function,
            payload,
            now_ms=self._clock.now_ms(),
            request_id=request_id or self._new_request_id(),
            qualifier=qualifier,
            invocation_id=invocation_id,
            delay_seconds=delay_seconds,
            stateful=stateful,
            fault=fault,
        )
        return await self._put(draft)

    async def _put(self, draft: Draft) -> Message:
        message = await self._queue.put(draft)
        self.feed.accepted(message)
        self._dispatcher.offer(message)
        return message

    async def _fire(self, trigger: Trigger, event: bytes) -> None:
        await self.invoke_async(trigger.function_path, event, qualifier=trigger.qualifier)

    async def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        qualifier: str = "",
        request_id: str = "",
        fault: str = "",
        wants_log: bool = True,
    ) -> tuple[Result, bytes]:
        """Run a function and wait; its result and the tail of its log, if that is wanted.

        Waits its turn when all instances are busy. ``fault`` is a failure to be rehearsed on it.

        Raises:
            NotFound, InvalidRequest: unknown function, payload over 32 MB, runtime not supported.
        """
        ref = self.deployed.resolve(function, qualifier)
        accept.check_payload(payload, accept.MAX_SYNC_PAYLOAD)
        request_id = request_id or self._new_request_id()

        async def work(instance: Instance) -> WebResult:
            return WebResult(await instance.invoke(request_id, payload, attempts=1))

        struck = self.faults.of_call(ref.path, fault, request_id)
        done, log = await self._run(ref, work, struck, wants_log=wants_log)
        return done.result, log

    async def request(
        self, function: FunctionRef, request: WebRequest, *, request_id: str
    ) -> tuple[WebResult, bytes]:
        """Have a function answer a request of an HTTP trigger; what came of it and the tail of its log.

        Raises as ``invoke``.
        """
        accept.check_payload(request.body, accept.MAX_SYNC_PAYLOAD)
        return await self._run(
            function,
            lambda instance: instance.request(request_id, request, attempts=1),
            self.faults.of_call(function.path, "", request_id),
        )

    async def _run(
        self,
        ref: FunctionRef,
        work: Callable[[Instance], Awaitable[WebResult]],
        fault: Fault | None,
        *,
        wants_log: bool = True,
    ) -> tuple[WebResult, bytes]:
        """Do something on an instance of a function, in turn; and the tail of its log."""
        deployed = self.deployed.need(ref, self._draw())
        kept.check_enabled(self.deployed, ref)
        if kept.most_instances(self.deployed, deployed) == 0:
            hint = "Raise its limit: its on-demand or concurrency configuration says 0."
            raise Unavailable("ResourceExhausted", f"function '{ref}' may have no instances", hint=hint)
        slot = await self._pool.take(deployed)
        try:
            check_room(fault)
            instance = await slot.ready()
            file, start = instance.log_position()
            if fault is None:
                done = await work(instance)
            else:
                done = WebResult(await instead_of_running(fault, instance, deployed))
            # Reading takes as long as all else here.
            tail = self._read_log(file, start, instance.log_position()[1]) if wants_log else b""
        finally:
            slot.release()
        if not wants_log:
            return done, b""
        note = f"\nfun-local: {fault} on purpose; the function was not run" if fault else ""
        return done, tail + f"{note}\n{log_summary(done.result, deployed.memory_mb)}\n".encode()

    # --- executions

    async def stop(self, text: str, *, function: FunctionRef | None = None) -> str:
        """Stop the execution with this id (or unique prefix); its full id. With ``function``: the id in it.

        Raises:
            NotFound, InvalidRequest: no such id, or an ambiguous prefix.
            Conflict: it has finished.
        """
        seq, document = self.history.find_in(function, text) if function else self.history.find(text)
        invocation_id: str = document["invocationId"]
        try:
            await self._dispatcher.stop(seq)
        except Conflict as error:
            # Of one that it was working on the dispatcher knows more than the files; else the reverse.
            ref = FunctionRef(document["serviceName"], document["functionName"])
            _, document = self.history.find_in(ref, invocation_id)
            is_known = Status(document["status"]).is_final
            status = f"execution {invocation_id} can't be stopped: it is {document['status']}"
            raise Conflict(
                error.code,
                status if is_known else error.message,
                hint=f"Run it again with: fun executions retry {invocation_id}",
            ) from None
        return invocation_id

    def execution(self, function: FunctionRef, invocation_id: str) -> tuple[int, Execution | None]:
        """The number of an execution, and its record as it is now; None while it waits in the queue.

        Raises:
            NotFound: no execution of the function has that id.
        """
        seq, _ = self.history.find_in(function, invocation_id)
        return seq, self._records.get(seq)

    def unsaved(self) -> Collection[Execution]:
        """Executions whose newest state a reader of the files does not see yet."""
        return self._records.unsaved()

    async def retry(
        self, text: str, *, payload: bytes | None = None, function: FunctionRef | None = None
    ) -> Message:
        """Run a finished execution again, as a new one with the same payload (or another).

        With ``function``: the id in it.

        Raises:
            NotFound, InvalidRequest: no such id, an ambiguous prefix, the function is gone.
            Conflict: it has not finished.
        """
        seq, document = self.history.find_in(function, text) if function else self.history.find(text)
        invocation_id = document["invocationId"]
        # Who watches sees an end before it is in the files, and may be quick.
        known = self._records.get(seq)
        status = known.status if known else Status(document["status"])
        if status not in FINAL:
            raise Conflict(
                "StatefulAsyncInvocationNotCompleted",
                f"execution {invocation_id} is {status}: only a finished one can be retried",
                hint=f"Wait for it (fun executions wait {invocation_id}), or stop it first.",
            )
        if payload is None:
            payload = self.history.payload(seq, document) or b""
        draft = accept.draft(
            self.deployed,
            f"{document['serviceName']}/{document['functionName']}",
            payload,
            now_ms=self._clock.now_ms(),
            request_id=self._new_request_id(),
            qualifier=document["qualifier"],
        )
        # Stateful even where task mode was switched off since: a record is what a retry is for.
        return await self._put(replace(draft, stateful=True, rerun_of=invocation_id))

    async def prune(self, older_than_seconds: float) -> int:
        """Delete records that ended longer ago than this; how many."""
        before_ms = self._clock.now_ms() - int(older_than_seconds * 1000)
        query = Query(statuses=FINAL, ended_before_ms=before_ms)
        deleted = 0
        batch: list[int] = []
        for seq, _ in self.history.all(query, ascending=True):
            # Final, but its destination or acknowledgement may still be due.
            if self._queue.get(seq) is None:
                batch.append(seq)
            if len(batch) == _PRUNE_BATCH:
                deleted += await self._delete(batch)
                batch = []
        deleted += await self._delete(batch) if batch else 0
        self._remove_logs(before_ms)
        return deleted

    async def _delete(self, seqs: Sequence[int]) -> int:
        # The ids first: after a crash in between the next prune finds the records and ends the work.
        await self._release_ids(seqs)
        await self._records.remove(seqs)
        return len(seqs)

    # --- deploy

    async def _run_call(self, call: Call) -> None:
        """Make an invocation that is part of a template. Raises Conflict when it fails."""
        function, payload = f"{call.service}/{call.function}", call.event.encode()
        if call.is_async:
            await self.invoke_async(function, payload, qualifier=call.qualifier)
            return
        result, _ = await self.invoke(function, payload, qualifier=call.qualifier)
        if not result.is_success:
            raise Conflict(
                "FunctionFailed",
                f"'{call.name}' invokes {function}, which failed: {result.payload.decode(errors='replace')}",
                hint="What was deployed before is back. Mend the function, then deploy again.",
            )

    def _on_change(self, deployed: Deployed) -> None:
        self._pool.refresh(deployed.renewed)
        self._dispatcher.look()
        self.timers.look()

    # --- state

    def look(self) -> None:
        """Another process has put messages into the queue."""
        self._dispatcher.look()

    def counts(self) -> dict[str, int]:
        """How many messages are being worked on, and how many instances there are."""
        busy, idle = self._pool.counts()
        return {
            "running_executions": self._dispatcher.running,
            "busy_instances": busy,
            "idle_instances": idle,
        }
