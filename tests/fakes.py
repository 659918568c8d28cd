"""Stand-ins for what tests can't wait for or can't break: time, processes, destinations.

``stage`` puts them around the real queue, store, pool, dispatcher and emulator, over files in a folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
import math
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from fun_local import recovery
from fun_local.destinations import FunctionDestination
from fun_local.dispatcher import Dispatcher
from fun_local.emulator import Emulator
from fun_local.errors import NOT_READY, RESOURCES, InvalidRequest, Unavailable
from fun_local.faults import Faults
from fun_local.imports import Imports
from fun_local.mns import Mns, QueueDestination, Shelf
from fun_local.model import changes
from fun_local.model.deployed import Deployed
from fun_local.model.deploying import plan
from fun_local.model.execution import Execution, Status
from fun_local.model.names import RECORDED_KINDS, DestinationAddress, queue_arn
from fun_local.model.outcome import UNHANDLED, Ending, Result, error_payload, exit_payload, timeout_payload
from fun_local.model.resources import AsyncConfig, Function, Resources, Service
from fun_local.model.retry import Backoff, Throttling
from fun_local.model.web import WebRequest, WebResponse, WebResult
from fun_local.pool import Pool
from fun_local.ports import Message
from fun_local.store import buckets, database, exported, registry
from fun_local.store.executions import DiskExecutionStore
from fun_local.store.group_commit import GroupCommit
from fun_local.store.history import History
from fun_local.store.queue import DiskQueue
from fun_local.store.recorded import RecordedDestination

#: What every clock shows at first.
START_MS = 1_700_000_000_000

#: What every scripted instance claims to have used.
MEMORY_MB = 10.86

#: The longest wait for something that must happen, in real time.
_PATIENCE_SECONDS = 20.0

SERVICE = "svc"

#: Request ids stay unique when a home is opened again.
_REQUESTS = itertools.count(1)


def new_request_id() -> str:
    return f"00000000-0000-4000-8000-{next(_REQUESTS):012}"


async def turns(count: int = 10) -> None:
    """Let the event loop go round a few times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition, *, clock: FakeClock | None = None):
    """Wait until ``condition()`` is true; its value. With a clock, its time passes meanwhile."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        if clock is not None:
            await clock.advance(0.1)
        await asyncio.sleep(0.001)
    return value


class FakeClock:
    """ports.Clock whose time moves only when told.

    Like the real one, ``now_ms`` can be set back while sleepers wait on: they sleep for a duration.
    """

    def __init__(self, start_ms: int = START_MS) -> None:
        self._now_ms = start_ms
        self._elapsed_ms = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep(self, seconds: float) -> None:
        wake_ms = self._elapsed_ms + math.ceil(round(seconds * 1000, 3))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (wake_ms, next(self._order), future))
        await future

    @property
    def sleepers(self) -> int:
        """How many wait for time to pass."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let time pass: whoever wakes within it does so in order, each at its own moment."""
        end_ms = self._elapsed_ms + round(seconds * 1000)
        await turns()
        while self._sleepers and self._sleepers[0][0] <= end_ms:
            wake_ms, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                self._pass_to(wake_ms)
                future.set_result(None)
                await turns()
        self._pass_to(end_ms)
        await turns()

    def set_back(self, seconds: float) -> None:
        """What an administrator or a time server does."""
        self._now_ms -= round(seconds * 1000)

    def _pass_to(self, elapsed_ms: int) -> None:
        passed_ms = max(0, elapsed_ms - self._elapsed_ms)
        self._elapsed_ms += passed_ms
        self._now_ms += passed_ms


@dataclass(frozen=True)
class Call:
    """One attempt as an instance saw it."""

    path: str
    request_id: str
    attempts: int
    payload: bytes
    instance_id: str
    at_ms: int


class ScriptedRuntime:
    """ports.Runtime without processes: what an invocation does is written in its payload.

    A payload that is a JSON object is the script (anything else is returned as it came)::

        {"return": X}                    returns X
        {"raise": text, "type": name}    raises; with "error": the error type that callers are told
        {"die": true}                    the process ends in the middle
        {"seconds": 5, ...}              first works for so long (the function's timeout applies)
        {"block": "gate", ...}           first waits for ``open("gate")``
        {"ignore_stop": 3, ...}          goes on for so long after it was asked to stop
        {"attempts": [{...}, {...}]}     another script for each attempt; the last one is repeated

    A function with a script in its environment variable SCRIPT goes by that one. How its instances start is
    in START: ``{"fail": true}``, ``{"seconds": 5}`` or ``{"block": "gate"}``. While ``is_exhausted`` none can
    be started.
    """

    is_exhausted = False

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.calls: list[Call] = []
        self.instances: list[ScriptedInstance] = []
        #: How many starts from now on break off.
        self.starts_to_break = 0
        #: When a start was tried for which there was no room.
        self.throttled_ms: list[int] = []
        self.busy: Counter[str] = Counter()
        self.most_busy: Counter[str] = Counter()
        self._gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        #: How many instances of a function there may be.
        self.most_instances = 1000

    def open(self, gate: str) -> None:
        """Let go whoever waits at a gate, now or later."""
        self._gates[gate].set()

    def most(self, function: Function) -> int:
        return self.most_instances

    async def start(self, function: Function) -> ScriptedInstance:
        script = json.loads(function.environment.get("START", "{}"))
        await self.linger(script)
        if self.is_exhausted:
            self.throttled_ms.append(self.clock.now_ms())
            raise Unavailable(RESOURCES, "the system has no processes left")
        if self.starts_to_break:
            self.starts_to_break -= 1
            raise Unavailable(NOT_READY, "it did not start in time")
        if script.get("fail"):
            raise InvalidRequest("RuntimeNotSupported", f"runtime {function.runtime!r} can't run here")
        instance = ScriptedInstance(self, function, f"c-{len(self.instances) + 1:04}")
        self.instances.append(instance)
        return instance

    async def linger(self, script: dict[str, Any]) -> None:
        if "block" in script:
            await self._gates[script["block"]].wait()
        if "seconds" in script:
            await self.clock.sleep(script["seconds"])

    def calls_of(self, name: str) -> list[Call]:
        return [call for call in self.calls if call.path == f"{SERVICE}/{name}"]


class ScriptedInstance:
    """ports.Instance of a ScriptedRuntime."""

    def __init__(self, runtime: ScriptedRuntime, function: Function, instance_id: str) -> None:
        self.id = instance_id
        self.function = function
        self.stops = 0
        self.slow_stop_seconds = 0
        self._runtime = runtime
        self._clock = runtime.clock
        self._is_alive = True
        self._script: dict[str, Any] = {}
        self._own_script = function.environment.get("SCRIPT", "").encode()
        self._ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._log_bytes = 0
        self.requests: list[WebRequest] = []

    @property
    def is_alive(self) -> bool:
        return self._is_alive

    def crash(self) -> None:
        """The process ends, whatever it is doing."""
        self._end(Ending.EXITED)

    async def request(self, request_id: str, request: WebRequest, *, attempts: int) -> WebResult:
        """The body is the script; "status" and "headers" in it are those of the response."""
        self.requests.append(request)
        result = await self.invoke(request_id, request.body, attempts=attempts)
        if not result.is_success:
            return WebResult(result)
        script = _script(self._own_script or request.body, attempts)
        headers = tuple((name, value) for name, value in script.get("headers", ()))
        return WebResult(result, WebResponse(script.get("status", 200), headers, result.payload))

    async def invoke(self, request_id: str, payload: bytes, *, attempts: int) -> Result:
        path, now_ms = self.function.path, self._clock.now_ms()
        self._runtime.calls.append(Call(path, request_id, attempts, payload, self.id, now_ms))
        self._runtime.busy[path] += 1
        self._runtime.most_busy[path] = max(self._runtime.most_busy[path], self._runtime.busy[path])
        script = self._script = _script(self._own_script or payload, attempts)
        loop = asyncio.get_running_loop()
        work = loop.create_task(self._work(payload))
        deadline = loop.create_task(self._clock.sleep(self.function.timeout_seconds))
        try:
            await asyncio.wait({work, deadline, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            # What comes first counts; a result wins over an end in the same turn.
            ending, body = work.result() if work.done() else (Ending.TIMED_OUT, b"")
            if not work.done() and self._ended.done():
                ending = self._ended.result()
        except asyncio.CancelledError:
            self._is_alive = False
            raise
        finally:
            work.cancel()
            deadline.cancel()
            self._runtime.busy[path] -= 1
            self._log_bytes += 100
            self._script = {}
            if not self._is_alive:
                self._end(Ending.STOPPED)  # it was asked to stop, and is free to do so now
        duration_ms = self._clock.now_ms() - now_ms
        if ending in (Ending.EXITED, Ending.STOPPED):
            body = exit_payload(duration_ms, MEMORY_MB)
        elif ending is Ending.TIMED_OUT:
            body = timeout_payload(self.function.timeout_seconds, MEMORY_MB)
        if ending not in (Ending.RETURNED, Ending.RAISED):
            self._end(ending)
        error_type = "" if ending is Ending.RETURNED else script.get("error", UNHANDLED)
        return Result(ending, body, error_type, duration_ms, MEMORY_MB, self.id)

    async def stop(self) -> None:
        self.stops += 1
        self._is_alive = False
        if self.slow_stop_seconds:
            await self._clock.sleep(self.slow_stop_seconds)
        if "ignore_stop" in self._script:
            grace = asyncio.ensure_future(self._clock.sleep(self._script["ignore_stop"]))
            await asyncio.wait({grace, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            grace.cancel()
        self._end(Ending.STOPPED)

    def log_position(self) -> tuple[str, int]:
        return f"{self.id}.log", self._log_bytes

    async def _work(self, payload: bytes) -> tuple[Ending, bytes]:
        script = self._script
        await self._runtime.linger(script)
        if "raise" in script:
            return Ending.RAISED, error_payload(script["raise"], script.get("type", "Exception"))
        if script.get("die"):
            return Ending.EXITED, b""
        if "return" in script:
            return Ending.RETURNED, json.dumps(script["return"]).encode()
        return Ending.RETURNED, payload

    def _end(self, ending: Ending) -> None:
        self._is_alive = False
        if not self._ended.done():
            self._ended.set_result(ending)


def _script(payload: bytes, attempts: int) -> dict[str, Any]:
    try:
        script = json.loads(payload)
    except ValueError:
        return {}
    if not isinstance(script, dict):
        return {}
    steps = script.get("attempts")
    return steps[min(attempts, len(steps)) - 1] if steps else script


@dataclass(frozen=True)
class Letter:
    """One delivered outcome."""

    address: DestinationAddress
    body: bytes
    seq: int

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class RecordingDestination:
    """ports.Destination that keeps what it gets. The next ``failures`` deliveries fail with ``error``."""

    failures: int = 0
    error: Exception = field(default_factory=lambda: Unavailable("Unreachable", "nobody is there"))
    tries: int = 0
    letters: list[Letter] = field(default_factory=list)
    #: Cleared: deliveries wait until it is set.
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    journal: list[tuple[str, ...]] = field(default_factory=list)
    settles: bool = False

    def __post_init__(self) -> None:
        self.is_open.set()

    async def deliver(self, address: DestinationAddress, body: bytes, *, seq: int) -> None:
        self.tries += 1
        await self.is_open.wait()
        if self.failures:
            self.failures -= 1
            raise self.error
        self.letters.append(Letter(address, body, seq))
        self.journal.append(("delivered",))

    @property
    def names(self) -> list[str]:
        """The queues that got something, in order."""
        return [letter.address.name for letter in self.letters]


class _JournalledQueue(DiskQueue):
    """The real queue; notes when an acknowledgement has reached the disk, and can fail."""

    journal: list[tuple[str, ...]]
    ack_failures = 0

    def after_put(self) -> None:
        """Runs when a put is on disk, before its caller knows."""

    async def put(self, draft):
        message = await super().put(draft)
        self.after_put()
        return message

    async def ack(self, seq: int) -> None:
        if self.ack_failures:
            self.ack_failures -= 1
            raise Unavailable("StorageFull", "no space left")
        await super().ack(seq)
        self.journal.append(("acknowledged",))


class _JournalledStore(DiskExecutionStore):
    """The real store; notes when a durable save has reached the disk, and can fail."""

    journal: list[tuple[str, ...]]
    failures = 0

    async def save_durably(self, execution: Execution) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("StorageFull", "no space left")
        await super().save_durably(execution)
        self.journal.append(("recorded", execution.status.value, execution.destination_status))


@dataclass
class Stage:
    """Everything of one home, open. What is not a fake is the real thing."""

    home: str
    clock: FakeClock
    runtime: ScriptedRuntime
    destination: RecordingDestination
    queue: _JournalledQueue
    store: _JournalledStore
    mns: Mns
    pool: Pool
    dispatcher: Dispatcher
    emulator: Emulator
    #: The durable steps in the order in which they were done.
    journal: list[tuple[str, ...]]
    #: For each call to remove old logs, the time before which they were to go.
    logs_removed: list[int]
    #: Set: a deploy can't be written.
    disk_is_full: bool = False

    async def put(self, payload: Any, name: str = "f", **options: Any) -> Message:
        """Invoke asynchronously. A payload that is not bytes becomes JSON."""
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        return await self.emulator.invoke_async(f"{SERVICE}/{name}", payload, **options)

    def record(self, message: Message) -> Execution:
        """What is known of an execution now (a moment later it is on disk)."""
        execution = self.store.get(message.seq)
        assert execution is not None, "there is no record"
        return execution

    def status(self, message: Message) -> Status:
        execution = self.store.get(message.seq)
        return execution.status if execution else Status.ENQUEUED

    def history(self, message: Message) -> list[str]:
        return [event.status.value for event in self.record(message).events]

    async def until_status(self, message: Message, status: Status, *, passing: bool = False) -> Execution:
        clock = self.clock if passing else None
        await until(lambda: self.status(message) is status, clock=clock)
        return self.record(message)

    async def until_calls(self, count: int) -> None:
        await until(lambda: len(self.runtime.calls) >= count)

    async def until_resting(self) -> None:
        """Nothing is being worked on: all is settled, or waits for its time."""
        await until(lambda: self.dispatcher.running == 0)

    async def until_settled(self, *, passing: bool = False) -> None:
        """Nothing is owed any more. ``passing``: let time go by meanwhile."""
        clock = self.clock if passing else None
        await until(lambda: self.dispatcher.running == 0 and self.queue.count() == 0, clock=clock)


def function(name: str = "f", *, start: dict[str, Any] | None = None, **options: Any) -> Function:
    """A function of the test service. Options are those of AsyncConfig and of Function.

    Stateful, no retries and both destinations unless said otherwise.
    """
    config = {
        "max_retries": 0,
        "stateful": True,
        "on_success": queue_arn("good"),
        "on_failure": queue_arn("bad"),
    }
    config.update({key: options.pop(key) for key in list(options) if key in AsyncConfig.__dataclass_fields__})
    options.setdefault("environment", {"START": json.dumps(start)} if start else {})
    options.setdefault("timeout_seconds", 60)
    options.setdefault("service", SERVICE)
    options.setdefault("code", "0")
    return Function(
        name=name,
        runtime="python3",
        handler="index.handler",
        async_config=AsyncConfig(**config),
        **options,
    )


@contextlib.asynccontextmanager
async def stage(
    home,
    *functions: Function,
    clock: FakeClock | None = None,
    destination: RecordingDestination | None = None,
    real_queues: bool = False,
    max_instances: int = 2,
    idle_seconds: float = 300.0,
    look: bool = True,
    recover: bool = True,
    faults: Faults | None = None,
):
    """Open a home as wiring does, and close it as it does: what runs is then left as a crash leaves it.

    ``functions`` are deployed first. ``real_queues``: outcomes go to MNS queues of the home.
    """
    home = str(home)
    deployed = registry.read(home)
    if functions:
        resources = Resources(services=(Service(SERVICE),), functions=functions)
        deployed = plan(deployed, changes.Mns(), "test", resources, now_ms=START_MS).deployed
        registry.write(home, deployed)
    clock = clock or FakeClock()
    journal: list[tuple[str, ...]] = []
    logs_removed: list[int] = []
    destination = destination or RecordingDestination()
    destination.journal = journal
    writer = database.Writer(home)
    reader = database.connect(home, read_only=True)
    group = GroupCommit("queue", writer.commit)
    queue = _JournalledQueue(reader, group.add)
    queue.journal = journal
    store = _JournalledStore(home, group.add)
    store.journal = journal
    begun = recovery.begun(queue.unsettled(), buckets.bucket_of, store.records_in)
    mns = Mns(reader, group.add, clock, account_id="1234567890123456")
    recorded = RecordedDestination(home, clock)
    runtime = ScriptedRuntime(clock)
    pool = Pool(runtime, max_instances=max_instances, idle_seconds=idle_seconds)
    dispatcher = Dispatcher(
        queue=queue,
        store=store,
        pool=pool,
        find=lambda ref: emulator.deployed.find(ref),  # noqa: PLW0108 - made below
        destinations={
            "queue": QueueDestination(mns) if real_queues else destination,
            "function": FunctionDestination(
                queue,
                deployed=lambda: emulator.deployed,
                offer=lambda message: dispatcher.offer(message),  # noqa: PLW0108 - made here
                clock=clock,
                new_request_id=new_request_id,
            ),
            **dict.fromkeys(RECORDED_KINDS, recorded),
        },
        clock=clock,
        backoff=Backoff(),
        throttling=Throttling(),
        faults=faults,
    )

    def save_deployed(new: Deployed) -> None:
        if opened.disk_is_full:
            raise Unavailable("StorageFull", "no space left")
        registry.write(home, new)

    emulator = Emulator(
        deployed=deployed,
        save_deployed=save_deployed,
        queue=queue,
        records=store,
        history=History(home),
        release_ids=queue.release_ids,
        read_log=lambda file, start, end: f"{file} from {start} to {end}".encode(),
        remove_logs=logs_removed.append,
        mns=mns,
        mns_resources=Shelf(mns),
        pool=pool,
        dispatcher=dispatcher,
        clock=clock,
        new_request_id=new_request_id,
        faults=faults,
        imports=Imports(
            lambda keys: group.add(lambda connection: exported.claim(connection, home, keys)), store
        ),
    )
    opened = Stage(
        home=home,
        clock=clock,
        runtime=runtime,
        destination=destination,
        queue=queue,
        store=store,
        mns=mns,
        pool=pool,
        dispatcher=dispatcher,
        emulator=emulator,
        journal=journal,
        logs_removed=logs_removed,
    )
    if recover:
        dispatcher.recover(begun)
    if look:
        dispatcher.look()
    try:
        yield opened
    finally:
        await emulator.timers.close()
        closing = asyncio.ensure_future(dispatcher.close())
        if not (await asyncio.wait({closing}, timeout=1))[0]:
            await until(closing.done, clock=clock)  # an instance ignores that it is stopped
        await closing
        await pool.close()
        await recorded.close()
        await store.close()
        await group.close()
        reader.close()
        writer.close()
