"""One stand and one browser for each file of tests; a visitor for each test."""

import pytest

from tests.console.stand import serving
from tests.console.visitor import Visitor, browsing


@pytest.fixture(scope="module")
def stand():
    with serving() as stand:
        yield stand


@pytest.fixture(scope="module")
def browser():
    # For a file, not for all: its event loop would be in the way of other tests'.
    with browsing() as browser:
        yield browser


@pytest.fixture
def visitor(browser, stand):
    """Somebody who is let in. Nothing may go wrong in the page, nor may it ask anybody else for anything."""
    visitor = Visitor(browser, stand).enter()
    yield visitor
    visitor.context.close()
    assert not visitor.troubles
    assert not visitor.elsewhere


@pytest.fixture
def page(visitor):
    return visitor.page


@pytest.fixture(scope="module")
def shown(stand):
    """Something to see in each view."""
    stand.invoke(fail="the oven is cold", name="bread", steps=6, say="kneading", id="shown-failed")
    stand.settled("shown-failed")
    for number in range(8):
        stand.invoke("fast", id=f"shown-{number}", number=number)
    stand.invoke(until=stand.gate(), id="shown-running", name="cake")
    stand.reaches("shown-running", "Running")
    stand.invoke(until=stand.gate(), id="shown-stopped", name="pie")
    stand.reaches("shown-stopped", "Running")
    path = "/2016-08-15/services/shop/functions/work/stateful-async-invocations/shown-stopped"
    assert stand.ask("PUT", path).status == 200
    stand.settled("shown-stopped")
    return stand


@pytest.fixture(scope="module")
def eyes(browser, shown):
    """Visitors by how they see things: each comes in once."""
    visitors = {}

    def with_(**options):
        key = repr(options)
        if key not in visitors:
            visitors[key] = Visitor(browser, shown, **options).enter()
        return visitors[key]

    yield with_
    for visitor in visitors.values():
        visitor.context.close()
