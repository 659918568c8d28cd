"""The console for everybody: by keyboard, for screen readers, in two themes, widths and languages."""

import importlib.util
import json
import os
import re
from pathlib import Path

import pytest

from tests.conftest import wait_for
from tests.console import stand as stands
from tests.console.stand import PICTURES, Visitor, browsing, expect, need

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


def test_an_execution_is_found_stopped_and_read_on_a_phone(browser, shown):
    id = shown.invoke(until=shown.gate(), steps=2, say="on the road", id="from-the-phone")
    shown.reaches(id, "Running")
    visitor = Visitor(browser, shown, viewport=WIDTHS["phone"], has_touch=True, is_mobile=True).enter()
    page = visitor.page
    page.get_by_label("Id begins with").fill("from-the")
    expect(page.locator("tbody tr")).to_have_count(1)
    row = visitor.row(id)
    for text in ("Running", "shop/work", re.compile(r"\d+(\.\d+)? m?s")):
        expect(row.get_by_text(text).first).to_be_visible()
    page.get_by_label(f"Select {id}").tap()
    page.get_by_role("region", name="Selection").get_by_role("button", name="Stop").tap()
    page.get_by_role("dialog").get_by_role("button", name="Stop").tap()
    expect(row.locator(".status")).to_have_text("Stopped")
    row.get_by_role("link", name=id).tap()
    expect(page.get_by_role("log")).to_contain_text("step 1 on the road")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.context.close()
    assert not visitor.troubles


LONG = {"id": "l" * 128, "function": "shop/fast"}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", ["executions?prefix=lll", f"executions/{LONG['function']}/{LONG['id']}"])
def test_long_names_do_not_widen_the_page(eyes, shown, view, width):
    if shown.ask("GET", f"/local/execution?function={LONG['function']}&id={LONG['id']}").status == 404:
        shown.settled(shown.invoke("fast", id=LONG["id"], body=b"x" * 5000), "fast")
    page = eyes(viewport=WIDTHS[width]).go(view)
    expect(page.get_by_text(LONG["id"]).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


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


# Where there is no browser


@pytest.mark.parametrize("ci", ["", "true"])
@pytest.mark.parametrize("what", ["CHROMIUM", "sync_playwright"])
def test_without_a_browser_tests_are_skipped_with_the_reason_but_fail_in_ci(monkeypatch, what, ci):
    monkeypatch.setattr(stands, what, None)
    monkeypatch.setenv("CI", ci)
    outcome = pytest.fail.Exception if ci else pytest.skip.Exception
    with pytest.raises(outcome, match=r"no (chromium|playwright) .*install"), browsing():
        pass


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
