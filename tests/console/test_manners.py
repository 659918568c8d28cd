"""The console for everybody: by keyboard, for screen readers, in two themes, widths and languages."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.conftest import wait_for
from tests.console.stand import PICTURES, Visitor, expect

VIEWS = {
    "executions": "executions",
    "execution": "executions/shop/work/shown-failed",
    "functions": "functions",
    "function": "functions/shop/work",
    "queues": "queues",
    "queue": "queues/letters",
    "topic": "topics/news",
    "submit": "submit?function=shop/work",
}
WIDTHS = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


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


def looks_done(page):
    """Nothing is loading any more."""
    expect(page.get_by_text("Loading…")).to_have_count(0)
    expect(page.get_by_text("加载中…")).to_have_count(0)


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


def test_a_payload_is_submitted_from_the_editor(visitor, page, shown):
    visitor.go("submit?function=shop/fast")
    page.get_by_label("Payload", exact=True).fill("{}")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile("/executions/shop/fast/"))


# Screen readers


@pytest.fixture(scope="module")
def axe():
    package = pytest.importorskip("axe_playwright_python")
    return (Path(package.__file__).parent / "axe.min.js").read_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(eyes, axe, view, theme):
    page = eyes(color_scheme=theme, bypass_csp=True).go(VIEWS[view])
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


# Themes, widths, pictures


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_and_its_picture_is_taken(eyes, view, width, theme):
    visitor = eyes(viewport=WIDTHS[width], color_scheme=theme)
    page = visitor.go(VIEWS[view])
    looks_done(page)
    if view == "execution":
        expect(page.get_by_role("log")).to_contain_text("kneading")
    os.makedirs(PICTURES, exist_ok=True)
    page.screenshot(path=os.path.join(PICTURES, f"{view}-{width}-{theme}.png"), full_page=True)
    inner, outer = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert inner <= outer, f"{inner - outer} pixels too wide"
    assert not visitor.troubles


def test_the_theme_is_the_systems_until_one_is_chosen(browser, shown):
    visitor = Visitor(browser, shown, color_scheme="dark").enter()
    page = visitor.page
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name=re.compile("Colours")).click()
    light = wait_for(lambda: page.evaluate(ground) != dark and page.evaluate(ground))
    page.reload()
    page.wait_for_selector("h1")
    assert page.evaluate(ground) == light
    visitor.context.close()


# Languages


def test_a_chinese_browser_gets_chinese(browser, shown):
    visitor = Visitor(browser, shown, locale="zh-CN").enter()
    expect(visitor.page.get_by_role("heading", name="执行")).to_be_visible()
    assert visitor.page.evaluate("document.documentElement.lang") == "zh-CN"
    visitor.context.close()


def test_the_language_is_chosen_and_kept(visitor, page, shown):
    visitor.go("functions")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="函数", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="函数", exact=True)).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Functions", exact=True)).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
def test_no_word_of_a_view_is_left_in_english(eyes, view):
    page = eyes(locale="zh-CN").go(VIEWS[view])
    looks_done(page)
    texts = page.evaluate(
        """() => [...document.querySelectorAll("h1,h2,th,dt,label,button,caption,.status,.live,.empty p")]
             .filter(e => !e.closest("code,pre,select,option,kbd"))
             .map(e => [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join("").trim())"""
    )
    os.makedirs(PICTURES, exist_ok=True)
    page.screenshot(path=os.path.join(PICTURES, f"{view}-chinese.png"))
    data = {
        "letters",
        "inbox",
        "news",
        "shop",
        "work",
        "shown-failed",
        "English",
        "JSON",
        "ID",
        "fun-local",
        "Shell",
    }
    spans = {"15m", "1h", "24h", "p50", "p99"}
    words = [
        text for text in texts if re.search("[A-Za-z]{2,}", text) and not re.search("[\u4e00-\u9fff]", text)
    ]
    assert [text for text in words if text not in data | spans and not text.startswith("{")] == []


def test_every_text_of_the_page_has_a_chinese_one():
    folder = Path(__file__).resolve().parents[2] / "fun_local" / "console" / "static"
    used = set()
    for path in folder.glob("*.js"):
        used |= set(re.findall(r'\bt\(\s*"((?:[^"\\]|\\.)*)"', path.read_text()))
    chinese = (folder / "chinese.js").read_text()
    known = set(re.findall(r'^  "((?:[^"\\]|\\.)*)":|^  (\w+):', chinese, re.MULTILINE))
    known = {quoted or plain for quoted, plain in known}
    assert used - known == set()
    # Those that are looked up by a value: statuses, states of the stream, names of views.
    statuses = set(re.findall(r'"([A-Z][a-z]+)"', (folder / "rows.js").read_text()))
    assert statuses <= known
    assert known - used - statuses <= {
        "Live",
        "Connecting",
        "Paused",
        "Queues",
        "Executions",
        "Functions",
        "Submit",
    }
    assert json.dumps(chinese)
