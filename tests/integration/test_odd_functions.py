"""Whatever a function does, an asynchronous call of it ends as on Function Compute.

Each row is called through the whole application: queue, dispatcher, a real process, the destination. Of each
are checked its status and events, its result or error payload, its log, and the message that its outcome
leaves in a queue.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.odd import custom, node, python
from tests.odd.house import House
from tests.odd.seen import check

CASES = {
    f"{kind.__name__.rpartition('.')[2]}-{name}": case
    for kind in (python, node, custom)
    for name, case in kind.ROWS.items()
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One application for all rows; its event loop turns while a test runs."""
    house = House(str(tmp_path_factory.mktemp("odd")), CASES)
    with asyncio.Runner() as runner:
        runner.run(house.open())
        yield lambda name: runner.run(house.call(name))
        runner.run(house.close())


@pytest.mark.parametrize("name", CASES)
def test_an_odd_function_ends_as_in_the_cloud(house, name):
    check(CASES[name], house(name), name)


def test_there_are_enough_rows_of_each_kind():
    assert len(python.ROWS) >= 40
    assert len(node.ROWS) >= 25
    assert len(custom.ROWS) >= 5
