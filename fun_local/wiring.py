"""Which adapter implements which port. Decides nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from random import random
from typing import TYPE_CHECKING, Any

from fun_local import recovery, topic_triggers
from fun_local.destinations import FunctionDestination
from fun_local.dispatcher import Dispatcher
from fun_local.emulator import Emulator
from fun_local.faults import Faults
from fun_local.feed import Feed, ToldStore
from fun_local.home import archives_folder, code_folder, instances_folder, objects_folder
from fun_local.imports import Imports
from fun_local.mns import Mns, QueueDestination, Shelf, TopicDestination
from fun_local.mns.http import HttpClient
from fun_local.model.names import RECORDED_KINDS
from fun_local.model.retry import Backoff, Throttling
from fun_local.model.topics import TopicMessage
from fun_local.pool import Pool
from fun_local.ports import Clock, Destination, Message
from fun_local.runtime.debugger import Debugger
from fun_local.runtime.notices import runtime_notices
from fun_local.runtime.process import ProcessRuntime
from fun_local.settings import Settings
from fun_local.stacks import Stacks
from fun_local.store import buckets, database, exported, logs, registry
from fun_local.store import faults as fault_rules
from fun_local.store.archives import Archives
from fun_local.store.code import CodeStore
from fun_local.store.executions import DiskExecutionStore
from fun_local.store.group_commit import GroupCommit
from fun_local.store.history import History
from fun_local.store.objects import Objects
from fun_local.store.queue import DiskQueue, insert
from fun_local.store.recorded import RecordedDestination

if TYPE_CHECKING:
    from fun_local.template.code import CodeSource
    from fun_local.template.sent import Sent

#: A staged folder of code that no deploy has taken up within this time is left over.
_CODE_GRACE_SECONDS = 3600.0


class SystemClock:
    """ports.Clock of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def new_request_id() -> str:
    """The 36 characters of FC 2.0 (fc-api 1.3)."""
    return str(uuid.uuid4())


def code_store(home: str) -> CodeStore:
    return CodeStore(code_folder(home), home=home)


def archives(home: str) -> Archives:
    return Archives(archives_folder(home), code_store(home))


def objects(home: str) -> Objects:
    return Objects(objects_folder(home))


def stacks(
    home: str,
    settings: Settings,
    emulator: Emulator,
    *,
    archives: Archives,
    objects: Objects,
    clock: Clock | None = None,
) -> Stacks:
    """Stacks whose templates come over the wire; their code is in this home's OSS."""

    def stage(source: CodeSource) -> str:
        if source.archive is not None:
            return archives.add(source.archive)
        return code_store(home).add(source)

    def read(body: bytes, stack: str, given: Mapping[str, str], previous: Mapping[str, str]) -> Sent:
        from fun_local.template.sent import read_sent  # 200 ms, for those who deploy so

        return read_sent(
            body,
            stack_name=stack,
            region=settings.region,
            account_id=settings.account_id,
            parameters=given,
            previous=previous,
            stage=stage,
            fetch=objects.get,
            stack_outputs={name: stack.outputs for name, stack in emulator.deployed.stacks.items()},
        )

    return Stacks(
        deployments=emulator.deployments,
        mns=Shelf(emulator.mns),
        read=read,
        clock=clock or SystemClock(),
        region=settings.region,
        account_id=settings.account_id,
    )


@contextlib.asynccontextmanager
async def emulator(
    home: str,
    settings: Settings,
    function_environment: Mapping[str, str] | None = None,
    *,
    code_path: Callable[[str], str] | None = None,
    debugger: Debugger | None = None,
) -> AsyncIterator[Emulator]:
    """The application over a home's files, from recovery to an orderly end.

    ``function_environment`` is what functions find in their environment beyond the vendor's variables.
    ``code_path`` tells the folder of a function's code where that is not in the home's store; every
    instance waits for the ``debugger``, if there is one.
    Nothing runs before ``Emulator.look`` is called: by then callers can reach the daemon, so that what
    they put meanwhile is not overlooked.

    Raises:
        CorruptState: a file that everything depends on is damaged.
    """
    clock: Clock = SystemClock()
    registry.remove_leftovers(home)
    deployed = registry.read(home)
    code = code_store(home)
    code.remove_unused(deployed.code_in_use(), older_than_seconds=_CODE_GRACE_SECONDS)
    archives(home).remove_unused()
    objects(home).remove_leftovers()
    writer = database.Writer(home)
    reader = database.connect(home, read_only=True)
    group: GroupCommit[Callable[[sqlite3.Connection], Any], Any] = GroupCommit("queue", writer.commit)
    write: Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]] = group.add
    queue = DiskQueue(reader, write)
    store = DiskExecutionStore(home, write)
    feed = Feed()
    begun = recovery.begun(queue.unsettled(), buckets.bucket_of, store.records_in)
    mns = Mns(reader, write, clock, account_id=settings.account_id)
    pushes = mns.topics.pushes(HttpClient())
    recorded = RecordedDestination(home, clock)
    destinations: dict[str, Destination] = {
        "queue": QueueDestination(mns, is_raw=settings.raw_outcomes),
        "topic": TopicDestination(mns.topics),
        "function": FunctionDestination(
            queue,
            deployed=lambda: application.deployed,
            offer=lambda message: offer(message),  # noqa: PLW0108 - made below
            clock=clock,
            new_request_id=new_request_id,
        ),
        **dict.fromkeys(RECORDED_KINDS, recorded),
    }
    run_dir = instances_folder(home)
    runtime = ProcessRuntime(
        code_path=code_path or code.path,
        log_dir=logs.folder(home),
        run_dir=run_dir,
        account_id=settings.account_id,
        region=settings.region,
        stop_grace_seconds=settings.stop_grace_seconds,
        extra_environment=function_environment,
        debugger=debugger,
    )
    pool = Pool(runtime, max_instances=settings.max_instances, idle_seconds=settings.idle_seconds)
    faults = Faults(fault_rules.read(home), save=partial(fault_rules.write, home), last_seq=queue.last_seq)
    dispatcher = Dispatcher(
        queue=queue,
        store=ToldStore(store, feed),
        pool=pool,
        find=lambda ref: application.deployed.find(ref, random()),  # noqa: S311 - shares calls out
        destinations=destinations,
        clock=clock,
        backoff=Backoff(settings.retry_first_seconds, settings.retry_cap_seconds),
        throttling=Throttling(
            Backoff(settings.throttle_first_seconds, settings.throttle_cap_seconds),
            settings.throttle_limit_seconds,
        ),
        faults=faults,
    )
    application = Emulator(
        deployed=deployed,
        save_deployed=lambda new: registry.write(home, new),
        queue=queue,
        records=store,
        history=History(home),
        release_ids=queue.release_ids,
        read_log=lambda file, start, end: logs.tail(home, file, start, end),
        remove_logs=lambda before_ms: logs.remove_old(home, run_dir, before_ms),
        imports=Imports(lambda keys: write(lambda connection: exported.claim(connection, home, keys)), store),
        mns=mns,
        mns_resources=Shelf(mns),
        pool=pool,
        dispatcher=dispatcher,
        faults=faults,
        clock=clock,
        new_request_id=new_request_id,
        draw=random,
        notices=partial(runtime_notices, find_python=runtime.python),
        feed=feed,
    )

    def offer(message: Message) -> None:
        feed.accepted(message)
        dispatcher.offer(message)

    def start_functions(message: TopicMessage) -> list[Callable[[sqlite3.Connection], object]]:
        drafts = topic_triggers.drafts(
            application.deployed, message, account_id=settings.account_id, new_request_id=new_request_id
        )
        return [partial(insert, draft=draft) for draft in drafts]

    mns.topics.connect(start_functions, published=dispatcher.look)
    dispatcher.recover(begun)
    pushes.start()
    application.timers.start()
    try:
        yield application
    finally:
        await application.timers.close()
        await dispatcher.close()
        await pushes.close()
        await pool.close()
        await recorded.close()
        await store.close()
        await group.close()
        reader.close()
        writer.close()
