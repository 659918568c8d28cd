"""Functions that are each other's destinations: every outcome would be the next one's event. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fun_local.errors import FunLocalError
from fun_local.model.deployed import Deployed
from fun_local.model.names import FunctionRef, parse_destination

#: So many outcomes may follow from one invocation, each the next function's event. async-semantics 16 warns
#: of circles and names no bound; this one is ours. Not far beyond it events are too large anyway: each holds
#: the one before as text in text, so what is quoted doubles from one to the next.
MAX_DEPTH = 8


def circles(deployed: Deployed, starts: Iterable[FunctionRef]) -> list[list[FunctionRef]]:
    """The ways from one of ``starts`` back to itself along destinations; one for each circle."""
    found: dict[frozenset[FunctionRef], list[FunctionRef]] = {}
    for start in starts:
        way = _way_back(deployed, start)
        if way:
            found.setdefault(frozenset(way), way)
    return list(found.values())


def _way_back(deployed: Deployed, start: FunctionRef) -> list[FunctionRef]:
    """The shortest way from a function back to itself, without its end; empty when there is none."""
    ways = [[start]]
    seen: set[FunctionRef] = set()
    for way in ways:
        for target in _targets(deployed, way[-1]):
            if target == start:
                return way
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return []


def _targets(deployed: Deployed, ref: FunctionRef) -> Iterator[FunctionRef]:
    config = deployed.async_config(ref)
    for arn in (config.on_success, config.on_failure):
        if not arn:
            continue
        address = parse_destination(arn)
        if address.kind == "function":
            try:
                yield deployed.resolve(address.name, address.qualifier)
            except FunLocalError:
                continue  # it leads nowhere, which is told elsewhere
