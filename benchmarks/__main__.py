"""`python -m benchmarks [NAME ...] [--rounds N] [--json FILE] [--dir FOLDER]`"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median

from benchmarks.figures import FIGURES, GROUPS, Figure, Pair, Workspace
from benchmarks.machine import Floor, floor

#: A synced append that is faster than this did not reach a disk.
_MEMORY_MS = 0.01


def main() -> None:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: everything is cleaned up
    names = arguments.names or GROUPS
    figures = [figure for figure in FIGURES if figure.group in names]
    folder = tempfile.mkdtemp(prefix="fun-bench-", dir=arguments.dir)
    floors: list[Floor] = []
    pairs: list[list[Pair]] = [[] for _ in figures]
    try:
        workspace = Workspace(folder)
        for number in range(arguments.rounds):
            floors.append(floor(folder))
            for figure, measured in zip(figures, pairs, strict=True):
                measured.append(figure.measure(workspace, number))
                _progress(f"round {number + 1}: {figure.name}: {_pair(figure, measured[-1])}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _print_floor(floors)
    if figures:
        _print_figures(figures, pairs)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(_as_json(floors, figures, pairs), file, indent=1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="See benchmarks/README.md.")
    known = (*GROUPS, "floor")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)} (default: all)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="write every measurement there")
    parser.add_argument("--dir", metavar="FOLDER", help="make the homes in there (default: the system's)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in known]
    if unknown or arguments.rounds < 1:
        parser.error(f"no figure is called {unknown[0]}" if unknown else "at least one round is needed")
    return arguments


def _print_floor(floors: Sequence[Floor]) -> None:
    appends = [one.append_ms for one in floors]
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} processors")
    print("floor: medians of the rounds (lowest to highest)")
    print(f"  synced 1 KB append  {_spread(appends)} ms")
    print(f"  python -c pass      {_spread([one.pass_ms for one in floors])} ms")
    print(f"  socket round trip   {_spread([one.round_trip_ms for one in floors])} ms")
    print(f"  load                {_spread([one.load for one in floors])}")
    if median(appends) < _MEMORY_MS:
        print("  The folder is not on a disk: latency and drain say nothing. Choose another with --dir.")


def _print_figures(figures: Sequence[Figure], pairs: Sequence[Sequence[Pair]]) -> None:
    rows = [("FIGURE", "OURS", "BESIDE IT", "", "RATIO", "LOWEST-HIGHEST", "GOAL", "")]
    for figure, measured in zip(figures, pairs, strict=True):
        ratios = [pair.ratio for pair in measured]
        rows.append(
            (
                figure.name,
                _amount(figure, median(pair.ours for pair in measured)),
                _amount(figure, median(pair.reference for pair in measured)),
                figure.reference,
                f"{median(ratios):.2f}",
                f"{min(ratios):.2f}-{max(ratios):.2f}",
                f"{'>=' if figure.is_rate else '<='} {figure.goal:g}",
                "ok" if figure.holds(median(ratios)) else "short",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


def _amount(figure: Figure, value: float) -> str:
    return f"{value:,.0f} /s" if figure.is_rate else f"{value:.2f} {figure.unit}"


def _pair(figure: Figure, pair: Pair) -> str:
    ours, reference = _amount(figure, pair.ours), _amount(figure, pair.reference)
    return f"{ours} beside {reference}, ratio {pair.ratio:.2f}"


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _as_json(floors: Sequence[Floor], figures: Sequence[Figure], pairs: Sequence[Sequence[Pair]]) -> object:
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "floors": [asdict(one) for one in floors],
        "figures": [
            {
                "group": figure.group,
                "name": figure.name,
                "reference": figure.reference,
                "unit": figure.unit,
                "goal": figure.goal,
                "ratio": median(pair.ratio for pair in measured),
                "holds": figure.holds(median(pair.ratio for pair in measured)),
                "rounds": [asdict(pair) for pair in measured],
            }
            for figure, measured in zip(figures, pairs, strict=True)
        ],
    }


if __name__ == "__main__":
    main()
