"""The console for everybody: by keyboard, and for screen readers."""

import importlib.util
import re
from pathlib import Path

import pytest

from tests.console import visitor as visitors
from tests.console.visitor import VIEWS, WIDTHS, browsing, expect, looks_done, need

# The keyboard


def test_letters_lead_from_view_to_view(visitor, page, shown):
    for keys, heading in (
        ("gf", "Functions"),
        ("gq", "Queues and topics"),
        ("gs", "Submit"),
        ("ge", "Executions"),
    ):
        for key in keys:
            page.keyboard.press(key)
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


def test_the_list_is_walked_selected_and_opened_by_keyboard(visitor, page, shown):
    visitor.go("executions")
    expect(page.locator("tbody tr").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("tbody tr").nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("k")
    id = page.locator("tbody .id").first.inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=id)).to_be_visible()


def test_the_place_in_the_list_stays_with_its_execution(visitor, page, shown):
    shown.settled(mine := shown.invoke("fast", id="place-mine"), "fast")
    visitor.go("executions?prefix=place-")
    expect(visitor.row(mine)).to_be_visible()
    page.keyboard.press("j")
    shown.settled(other := shown.invoke("fast", id="place-other"), "fast")
    expect(visitor.row(other)).to_be_visible()
    page.keyboard.press("x")
    expect(visitor.row(mine)).to_have_attribute("aria-selected", "true")
    expect(visitor.row(other)).to_have_attribute("aria-selected", "false")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog").locator(".hit")).to_contain_text(mine)


def test_an_execution_is_stopped_and_run_again_by_keyboard(visitor, page, shown):
    id = shown.invoke(until=shown.gate())
    visitor.go(f"executions/shop/work/{id}")
    expect(page.locator(".head .status")).to_have_text("Running")
    page.keyboard.press("s")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".head .status")).to_have_text("Stopped")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_contain_text("Run 1 of 1 again")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_keys_are_explained_and_a_dialog_gives_the_focus_back(visitor, page, shown):
    visitor.go("executions")
    button = page.get_by_role("button", name="Keyboard")
    button.focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("next, previous execution")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()


def test_keys_do_nothing_where_somebody_writes(visitor, page, shown):
    visitor.go("executions")
    page.keyboard.press("/")
    page.keyboard.type("gsrx?")
    expect(page.get_by_label("Id begins with")).to_have_value("gsrx?")
    expect(page.get_by_role("heading", name="Executions", exact=True)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_first_tab_skips_to_the_content(visitor, page, shown):
    visitor.go("functions")
    page.keyboard.press("Tab")
    expect(page.get_by_text("To the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("view", VIEWS)
def test_the_tab_key_comes_to_everything(eyes, view):
    page = eyes().go(VIEWS[view])
    looks_done(page)
    expect(page.locator(".live.is-connecting")).to_have_count(0)
    count = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex='0']")]
             .filter(e => e.checkVisibility() && !e.disabled && !(e.type === "radio" && !e.checked))
             .map((e, number) => (e.dataset.number = number)).length"""
    )
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(count + 2):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.number"))
    assert {str(number) for number in range(count)} <= reached


def test_a_message_is_sent_and_received_by_keyboard(visitor, page, shown):
    shown.ask("POST", "/local/purge", json={"queue": "inbox"})
    visitor.go("queues/inbox")
    expect(page.get_by_text("Nothing can be received now.")).to_be_visible()
    page.get_by_role("button", name="Send").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.get_by_label("Message").focus()
    page.keyboard.type("typed")
    page.keyboard.press("Tab")  # over Cancel
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    message = page.get_by_role("region", name="Next in the queue").locator("article")
    expect(message).to_contain_text("typed")
    page.get_by_role("button", name="Receive").focus()
    page.keyboard.press("Space")
    held = page.get_by_role("region", name="Received here").locator("article")
    expect(held).to_contain_text("typed")
    held.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    expect(held).to_have_count(0)


def test_a_payload_is_submitted_from_the_editor(visitor, page, shown):
    visitor.go("submit?function=shop/fast")
    page.get_by_label("Payload", exact=True).fill("{}")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile("/executions/shop/fast/"))


# Screen readers


@pytest.fixture(scope="module")
def axe():
    package = importlib.util.find_spec("axe_playwright_python")
    need(package, "no axe_playwright_python (pip install -e '.[dev]')")
    return (Path(package.origin).parent / "axe.min.js").read_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(eyes, axe, view, width, theme):
    page = eyes(viewport=WIDTHS[width], color_scheme=theme, bypass_csp=True).go(VIEWS[view])
    looks_done(page)
    assert grave(page, axe, "document") == []


def test_axe_finds_nothing_serious_in_a_dialog(eyes, axe):
    page = eyes(color_scheme="light", bypass_csp=True).go("executions")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("region", name="Selection").get_by_role("button", name="Stop").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert grave(page, axe, "document.querySelector('dialog')") == []


def grave(page, axe, what):
    """What axe finds serious or worse, and where."""
    page.evaluate(axe)
    found = page.evaluate(f"axe.run({what}, {{resultTypes: ['violations']}})")
    return [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


def test_what_was_done_is_announced(visitor, page, shown):
    visitor.go("executions/shop/work/shown-failed")
    page.get_by_role("button", name="Copy payload").click()
    said = page.locator("[aria-live=polite]", has_text="Event copied")
    expect(said).to_be_visible()


# Where there is no browser


@pytest.mark.parametrize("ci", ["", "true"])
@pytest.mark.parametrize("what", ["CHROMIUM", "sync_playwright"])
def test_without_a_browser_tests_are_skipped_with_the_reason_but_fail_in_ci(monkeypatch, what, ci):
    monkeypatch.setattr(visitors, what, None)
    monkeypatch.setenv("CI", ci)
    outcome = pytest.fail.Exception if ci else pytest.skip.Exception
    with pytest.raises(outcome, match=r"no (chromium|playwright) .*install"), browsing():
        pass
