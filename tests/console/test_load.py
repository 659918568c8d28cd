"""Much of everything: the page goes on answering and does not grow."""

import http.client
import threading
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from benchmarks import home
from tests.conftest import wait_for
from tests.console.crowd import crowd
from tests.console.stand import dumps, serving
from tests.console.visitor import Visitor, expect

MANY = 10_000
SENDERS = 4

#: Milliseconds. People feel what takes longer.
LONG = 200

#: Executions of the long history, one a second until now.
HISTORY = 100_000

#: Of several tries the quickest counts: a machine that is busy elsewhere says nothing about us.
TRIES = 5

WATCH = """
window.longTasks = [];
new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(e => e.duration)))
  .observe({type: "longtask", buffered: true});
"""


def send_many(stand, count):
    """Submit calls over several connections."""
    path = "/2016-08-15/services/shop/functions/fast/invocations"
    headers = {**stand.session, "X-Fc-Invocation-Type": "Async"}

    def send():
        connection = http.client.HTTPConnection(urlsplit(stand.url).netloc, timeout=60)
        for number in range(count // SENDERS):
            connection.request("POST", path, dumps({"number": number}), headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 202
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def heap(visitor):
    """Bytes that the page's scripts hold on to."""
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("HeapProfiler.enable")
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    found = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return found["JSHeapUsedSize"], found["Nodes"]


def test_the_list_stays_quick_and_small_while_ten_thousand_arrive(visitor, stand, page):
    page.add_init_script(WATCH)
    visitor.go("executions")
    send_many(stand, 400)
    expect(page.locator("tbody tr")).to_have_count(50)
    before, _ = heap(visitor)

    sending = threading.Thread(target=send_many, args=(stand, MANY))
    with crowd() as factor:
        sending.start()
        while sending.is_alive():
            # It answers while they arrive.
            page.get_by_role("button", name="Keyboard").click()
            page.get_by_role("dialog").get_by_role("button", name="Close").click()
            assert page.locator("tbody tr").count() <= 50
        sending.join()
        last = wait_for(lambda: ended(stand), seconds=180)
        assert_no_task_was_long(page, factor())
    # The list ends up as if it had been loaded now.
    expect(page.locator("tbody .id").first).to_have_text(last[0], timeout=20_000)
    wait_for(lambda: page.locator("tbody .id").all_inner_texts() == last)
    wait_for(lambda: set(page.locator("tbody .status").all_inner_texts()) == {"Succeeded"})

    after, nodes = heap(visitor)
    assert after - before < 8 * 1024 * 1024
    assert nodes < 20_000


def assert_no_task_was_long(page, factor):
    """As long as they would have been on a machine that has nothing else to do."""
    # One that is busy elsewhere may stop anything for a moment more: one is forgiven.
    tasks = sorted(page.evaluate("window.longTasks"))
    assert [duration for duration in tasks[:-1] if duration / factor > LONG] == []


def ended(stand):
    """The ids of the newest fifty, when nothing is waiting any more."""
    if stand.get("/local/executions?status=active&limit=1")["rows"]:
        return None
    return [row["invocationId"] for row in stand.get("/local/executions")["rows"]]


def test_a_log_that_rushes_by_can_be_read_and_paused(visitor, stand, page):
    page.add_init_script(WATCH)
    gate = stand.gate()
    id = stand.invoke(until=gate, chatter=200)
    with crowd() as factor:
        visitor.go(f"executions/shop/work/{id}")
        wait_for(lambda: stand.get(f"/local/log?function=shop/work&id={id}")["size"] > 3_000_000, seconds=60)
        page.get_by_role("button", name="Pause").click()
        assert_no_task_was_long(page, factor())
    log = page.get_by_role("log")
    held = log.text_content()
    assert 500_000 < len(held) < 1_500_000  # its end, not all of it
    page.get_by_label("Search the log").fill("AGAIN and")
    expect(page.get_by_text("lines", exact=False).first).to_be_visible()
    page.get_by_label("Search the log").fill("")
    stand.open(gate)
    expect(page.locator(".head .status")).to_have_text("Succeeded")
    assert log.text_content() == held


# A long history


@pytest.fixture(scope="module")
def veteran():
    """A stand with a long history."""
    with serving() as stand:
        stand.shell.fun("daemon", "stop")
        home.add_history(stand.shell.home, HISTORY)
        stand.shell.fun("daemon", "start")
        stand.url = stand.shell.fun("daemon", "status", "--json").json["endpoint"]
        yield stand


@pytest.fixture
def reader(browser, veteran):
    visitor = Visitor(browser, veteran).enter()
    yield visitor
    visitor.context.close()
    assert not visitor.troubles


def turned(page, button):
    """Milliseconds from a click on one of the buttons for pages to the page that it leads to."""
    first = page.locator("tbody .id").first.inner_text()
    return page.evaluate(
        """([name, first]) => new Promise((done) => {
             const start = performance.now();
             const look = () => {
               const id = document.querySelector("tbody .id");
               if (id && id.textContent !== first) done(performance.now() - start);
               else requestAnimationFrame(look);
             };
             [...document.querySelectorAll(".pages button")].find((one) => one.textContent === name).click();
             look();
           })""",
        [button, first],
    )


def test_the_first_view_is_small_and_there_well_within_a_second(browser, veteran):
    def opened():
        visitor = Visitor(browser, veteran)
        sizes = visitor.sizes()
        visitor.page.goto(veteran.link())
        visitor.page.wait_for_selector("tbody tr")
        milliseconds = visitor.page.evaluate("performance.now()")
        visitor.context.close()
        assert 20_000 < sum(sizes) < 150_000
        return milliseconds

    with crowd() as factor:
        wait_for(lambda: opened() / factor() < 700, seconds=60)


def test_pages_turn_as_quickly_far_back_as_at_the_beginning(reader, veteran):
    with crowd() as factor:
        page = reader.go("executions")
        expect(page.locator("tbody tr")).to_have_count(50)
        near = [turned(page, "Older") for _ in range(TRIES)]
        reader.go(f"executions?before={HISTORY // 2}")
        expect(page.locator("tbody tr")).to_have_count(50)
        far = [turned(page, "Older") for _ in range(TRIES)]
        back = [turned(page, "Newer") for _ in range(TRIES)]
        # With LONG for what is no longer felt as waiting.
        assert max(min(far), min(back)) < min(near) + LONG * factor()


def test_filters_find_one_in_a_hundred_thousand_at_once(reader, veteran):
    rows = veteran.get(f"/local/executions?before={HISTORY // 3}&limit=1")["rows"]
    id, at = rows[0]["invocationId"], rows[0]["startedTime"]
    with crowd() as factor:
        for query in (
            f"prefix={id[:13]}",
            f"function=bench/main&prefix={id}",
            f"since={iso(at)}&until={iso(at)}",
        ):
            page = reader.go(f"executions?{query}")
            expect(page.locator("tbody tr")).to_have_count(1)
            expect(page.locator("tbody .id")).to_have_text(id)
            assert min(asked(page) for _ in range(TRIES)) / factor() < 1000
        page = reader.go("executions?status=Failed&status=active")
        expect(page.get_by_text("No execution matches the filter.")).to_be_visible()
        assert min(asked(page) for _ in range(TRIES)) / factor() < 1000


def iso(ms):
    """A moment as an address says it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def asked(page):
    """Milliseconds from loading a view anew to its list."""
    page.reload()
    page.wait_for_selector("tbody tr, .empty")
    return page.evaluate("performance.now()")


def test_health_of_a_long_history_says_what_it_has_counted(reader, veteran):
    page = reader.go("functions?span=86400")
    expect(page.get_by_text("Counted are the last 20,000 executions only.")).to_be_visible()
    stand_in = veteran.get("/local/health?seconds=86400")["functions"]["bench/main"]["counts"]["Succeeded"]
    assert 19_000 < stand_in <= 20_000
