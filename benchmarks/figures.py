"""The figures: what each measures, what it is held against, and how far it may be from that."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from statistics import median

from benchmarks import calls, console, enqueue, home, latency, peer, templates
from benchmarks.machine import environment, pass_seconds, run_seconds, script

#: Whole processes of each kind in a round, alternating.
_RUNS = 30

#: Handler starts in a round.
_PROBES = 100

#: Synchronous calls in a round.
_CALLS = 1000

#: Executions in a drain, by how many instances or workers, and finished ones in a long history.
_DRAINED = 10_000
_INSTANCES = 2
_HISTORY = 100_000

#: Invocations, or tasks, that are put in.
_ENQUEUED = 3_000

#: For the daemon to finish what an `invk` has started, before the next process is timed.
_REST_SECONDS = 0.01


class Workspace:
    """A folder for one benchmark, and the homes in it that several rounds share."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._made = 0

    def fresh(self) -> str:
        """A new path."""
        self._made += 1
        return os.path.join(self.folder, str(self._made))

    def empty_home(self) -> str:
        """A new home without history."""
        home.make(path := self.fresh())
        return path

    @cached_property
    def small(self) -> str:
        """A home that only whole processes are measured in."""
        return self.empty_home()

    @cached_property
    def idle(self) -> str:
        """A home that stays without history."""
        return self.empty_home()

    @cached_property
    def big(self) -> str:
        """A home with a long history (every drain in it adds to that)."""
        home.add_history(path := self.empty_home(), _HISTORY)
        return path


@dataclass(frozen=True, slots=True)
class Pair:
    """One measurement: ours, and what was measured beside it in the same round."""

    ours: float
    reference: float

    @property
    def ratio(self) -> float:
        return self.ours / self.reference


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the report. ``measure`` is called once a round, with the round's number."""

    group: str
    name: str
    reference: str
    unit: str
    goal: float
    measure: Callable[[Workspace, int], Pair]
    is_rate: bool = False

    def holds(self, ratio: float) -> bool:
        """Whether a ratio reaches the goal: a time must be at most that, a rate at least."""
        return ratio >= self.goal if self.is_rate else ratio <= self.goal


def _processes(command: list[str], path: str) -> Pair:
    """p50 of a whole process and of `python -c pass`, in milliseconds, one after the other."""
    environ = environment(FUN_LOCAL_HOME=path)
    ours: list[float] = []
    passes: list[float] = []
    run_seconds(command, environ)  # compiles what has not been compiled yet
    for _ in range(_RUNS):
        for seconds, run in ((ours, partial(run_seconds, command)), (passes, pass_seconds)):
            time.sleep(_REST_SECONDS)
            seconds.append(run(environ))
    return Pair(median(ours) * 1e3, median(passes) * 1e3)


def _invk(workspace: Workspace, _: int) -> Pair:
    with home.daemon(workspace.small):
        return _processes([script("invk"), "main", "-t", "Async", "-s", "{}"], workspace.small)


def _help(workspace: Workspace, _: int) -> Pair:
    return _processes([script("fun"), "--help"], workspace.idle)


def _list(path: Callable[[Workspace], str], workspace: Workspace, _: int) -> Pair:
    return _processes([script("fun"), "executions", "list"], path(workspace))


def _latency(measured: Callable[[str, int], tuple[float, float]], workspace: Workspace, _: int) -> Pair:
    start, append = measured(workspace.small, _PROBES)
    return Pair(start * 1e3, append * 1e3)


def _call(measured: Callable[[str, int], tuple[float, float]], workspace: Workspace, _: int) -> Pair:
    call, parts = measured(workspace.small, _CALLS)
    return Pair(call * 1e3, parts * 1e3)


def _cold(workspace: Workspace, _: int) -> Pair:
    start, passed = calls.cold(workspace.fresh(), _RUNS)
    return Pair(start * 1e3, passed * 1e3)


def _alternating(ours: Callable[[], float], reference: Callable[[], float], number: int) -> Pair:
    """Both measured; which is first changes from round to round."""
    if number % 2:
        second = reference()
        return Pair(ours(), second)
    return Pair(ours(), reference())


def _drain_empty(workspace: Workspace) -> float:
    return home.drain_rate(workspace.empty_home(), _DRAINED, _INSTANCES)


def _drain(workspace: Workspace, number: int) -> Pair:
    return _alternating(
        lambda: _drain_empty(workspace),
        lambda: peer.drain_rate(workspace.fresh() + ".db", _DRAINED, _INSTANCES),
        number,
    )


def _history(workspace: Workspace, number: int) -> Pair:
    return _alternating(
        lambda: home.drain_rate(workspace.big, _DRAINED, _INSTANCES),
        lambda: _drain_empty(workspace),
        number,
    )


def _watched(workspace: Workspace, number: int) -> Pair:
    def drain(consoles: int) -> float:
        return console.drain_rate(workspace.empty_home(), _DRAINED, _INSTANCES, consoles=consoles)

    return _alternating(lambda: drain(console.CONSOLES), lambda: drain(0), number)


def _enqueue(connections: int, workspace: Workspace, number: int) -> Pair:
    return _alternating(
        lambda: enqueue.rate(workspace.empty_home(), _ENQUEUED, connections),
        lambda: enqueue.huey_rate(workspace.fresh() + ".db", _ENQUEUED),
        number,
    )


def _template(dialect: str, workspace: Workspace, _: int) -> Pair:
    ours, reference = templates.measured(workspace.fresh(), dialect)
    return Pair(ours * 1e3, reference * 1e3)


_PASS = "python -c pass"
_YAML = "PyYAML alone"
_PARTS = "aiohttp and a socket pair"
_APPEND = "synced 1 KB append"
_HUEY = "Huey's enqueueing"

FIGURES: tuple[Figure, ...] = (
    Figure("invk", "invk -t Async, whole process", _PASS, "ms", 2, _invk),
    Figure("help", "fun --help", _PASS, "ms", 6, _help),
    Figure("list", "fun executions list, nothing there", _PASS, "ms", 8, partial(_list, lambda w: w.idle)),
    Figure("list", "fun executions list, 100,000 there", _PASS, "ms", 8, partial(_list, lambda w: w.big)),
    Figure("latency", "HTTP call to handler start", _APPEND, "ms", 10, partial(_latency, latency.over_http)),
    Figure(
        "latency", "invoke_async to handler start", _APPEND, "ms", 10, partial(_latency, latency.in_process)
    ),
    Figure("call", "sync call, our socket", _PARTS, "ms", 1.5, partial(_call, calls.over_our_socket)),
    Figure("call", "sync call, endpoint", _PARTS, "ms", 1.5, partial(_call, calls.over_the_endpoint)),
    Figure("cold", "cold start to first result", _PASS, "ms", 1.5, _cold),
    Figure("drain", "drain of 10,000", "Huey on SQLite", "/s", 2, _drain, is_rate=True),
    Figure("enqueue", "202s over 1 connection", _HUEY, "/s", 1.2, partial(_enqueue, 1), is_rate=True),
    Figure("enqueue", "202s over 16 connections", _HUEY, "/s", 3, partial(_enqueue, 16), is_rate=True),
    Figure("history", "drain beside 100,000", "drain beside none", "/s", 0.8, _history, is_rate=True),
    Figure("console", "drain before 3 consoles", "drain before none", "/s", 0.9, _watched, is_rate=True),
    Figure("template", "1,000 functions, Funcraft", _YAML, "ms", 3, partial(_template, "serverless")),
    Figure("template", "1,000 functions, plain ROS", _YAML, "ms", 3, partial(_template, "ros")),
    Figure("template", "1,000 functions, s.yaml", _YAML, "ms", 3, partial(_template, "devs")),
)

GROUPS: tuple[str, ...] = tuple(dict.fromkeys(figure.group for figure in FIGURES))
