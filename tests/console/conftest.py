"""One stand and one browser for each file of tests; a visitor for each test."""

import pytest

from tests.console.stand import Visitor, browsing, serving


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
