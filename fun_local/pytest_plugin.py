"""The pytest plugin: the fixture ``fc``, a Function Compute for the tests of a session (docs/testing.md).

pytest imports this module wherever we are installed, whether its tests use it or not. So nothing of ours is
imported before the first test asks for ``fc``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fun_local.testing import Execution, FunctionCompute

#: Executions that a failed test shows.
_SHOWN = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our one option."""
    group = parser.getgroup("fun-local")
    group.addoption(
        "--fc-keep", action="store_true", help="leave the homes of the fixture fc on disk, to look into them"
    )


@pytest.fixture(scope="session")
def fc_settings() -> Mapping[str, object]:
    """Settings of the home that ``fc`` has, as in settings.toml. Override it in your conftest.py."""
    return {}


@pytest.fixture(scope="session")
def fc(request: pytest.FixtureRequest, fc_settings: Mapping[str, object]) -> Iterator[FunctionCompute]:
    """A Function Compute in a home of its own, for the whole session (under xdist: one per worker)."""
    from fun_local.testing import FunctionCompute

    config = request.config
    found = FunctionCompute.open(fc_settings, folder=str(config.rootpath), keep=config.getoption("--fc-keep"))
    config.pluginmanager.register(_Story(found))
    with found:
        yield found


class _Story:
    """Shows what a failed test began. Registered with the first use of ``fc``: nobody else pays for it."""

    def __init__(self, fc: FunctionCompute) -> None:
        self._fc = fc

    @pytest.hookimpl
    def pytest_runtest_logstart(self) -> None:
        self._fc.begun.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and call.when == "call":
            # What the failure itself is about is told there.
            rest = [execution for execution in self._fc.begun if execution.id not in report.longreprtext]
            if rest:
                report.sections.append((f"executions in {self._fc.home}", _stories(rest[-_SHOWN:])))
        return report


def _stories(executions: list[Execution]) -> str:
    from fun_local.errors import FunLocalError
    from fun_local.testing.failures import story, title

    parts = []
    for execution in executions:
        try:
            parts.append(f"{title(execution)} is {execution.status}\n{story(execution)}")
        except FunLocalError as error:
            parts.append(f"{execution.id}: {error}")
    return "\n".join(parts)
