"""The console in two themes, two widths and two languages; and pictures of it all."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.conftest import wait_for
from tests.console.visitor import PICTURES, VIEWS, WIDTHS, Visitor, expect, looks_done

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
