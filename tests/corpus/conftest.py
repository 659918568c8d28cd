"""At the end of a run: how many files of the corpus there are by verdict, Funcraft's and ours."""

from __future__ import annotations

from collections import Counter

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter) -> None:
    verdicts: Counter[tuple[str, str, str]] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") != "call":
                continue
            # What the tests recorded is also what comes here from pytest-xdist's workers.
            for name, value in getattr(report, "user_properties", ()):
                if name == "corpus verdict":
                    verdicts[tuple(value)] += 1
    if not verdicts:
        return
    terminalreporter.section("corpus of real templates")
    row = "{:<13} {:<30} {:<48} {:>5}"
    terminalreporter.write_line(row.format("kind", "Funcraft's validator", "fun-local", "files"))
    for (kind, theirs, ours), count in sorted(verdicts.items()):
        terminalreporter.write_line(row.format(kind, theirs, ours, count))
    terminalreporter.write_line(row.format("", "", "", sum(verdicts.values())))
