"""A browser before a console, and who looks through it."""

from __future__ import annotations

import contextlib
import os
import shutil

import pytest

from tests.conftest import ROOT

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)

try:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(
        timeout=20_000
    )  # a deadline, as wait_for has; on a busy machine five seconds are nothing
except ImportError:
    expect = sync_playwright = None

#: Where the pictures of the views are put.
PICTURES = ROOT / "build" / "console"


def need(found, missing):
    """A skip where something is missing, a failure in CI."""
    if not found:
        if os.environ.get("CI"):
            pytest.fail(f"the console can't be tested: {missing}")
        pytest.skip(f"needs a browser: {missing}")


@contextlib.contextmanager
def browsing():
    """A browser; a skip where there is none, a failure in CI."""
    need(sync_playwright, "no playwright (pip install -e '.[dev]')")
    need(CHROMIUM, "no chromium on the PATH (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        arguments = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
        ]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """Somebody with a browser, who notices everything that goes wrong in it."""

    def __init__(self, browser, stand, **options):
        self.stand = stand
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.context.set_default_timeout(20_000)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.troubles = []
        self.elsewhere = []
        self.context.on("request", self._note)
        self.page = self.new_page()

    def new_page(self):
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._hear)
        page.on("dialog", lambda dialog: (self.troubles.append(f"dialog {dialog.message}"), dialog.dismiss()))
        return page

    def _hear(self, message):
        # That a thing is not there is no trouble: the page says so where somebody has asked for it.
        if message.type == "error" and "status of 404" not in message.text:
            self.troubles.append(message.text)

    def _note(self, request):
        if not request.url.startswith(self.stand.url):
            self.elsewhere.append(request.url)

    def sizes(self):
        """A list that grows by the size of every answer, as it came over the wire."""
        found = []
        session = self.context.new_cdp_session(self.page)
        session.on("Network.loadingFinished", lambda event: found.append(event["encodedDataLength"]))
        session.send("Network.enable")
        return found

    def enter(self):
        self.page.goto(self.stand.link())
        self.page.wait_for_selector("header")
        return self

    def go(self, path, page=None):
        page = page or self.page
        page.goto(f"{self.stand.url}/console/{path}")
        page.wait_for_selector("h1")
        return page

    def row(self, id):
        """An execution in the list."""
        return self.page.locator("tbody tr", has_text=id)


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


def looks_done(page):
    """Nothing is loading any more."""
    expect(page.get_by_text("Loading…")).to_have_count(0)
    expect(page.get_by_text("加载中…")).to_have_count(0)
