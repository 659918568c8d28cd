"""The view of one execution, as somebody with a browser meets it."""

import json
import re
import shlex
from itertools import pairwise

import pytest

from tests.conftest import wait_for
from tests.console.visitor import expect


def drawn(states):
    """The bars of a timeline that are seen."""
    return states.locator("rect").filter(visible=True).all()


def test_a_failure_shows_its_states_attempts_stack_and_dead_letter(visitor, stand, page):
    stand.settled(id := stand.invoke(fail="no stock", name="Ada"))
    visitor.go(f"executions/shop/work/{id}")
    states = page.get_by_role("table", name="States and how long they lasted")
    expect(states.locator(".status").last).to_have_text("Failed")
    words = states.locator(".status").all_inner_texts()
    assert words == ["Enqueued", "Dequeued", "Running", "Retrying", "Running", "Failed"]
    expect(states).to_contain_text("attempt 2")
    # Each state is drawn where the one before it ended, as long as it lasted.
    bars = [(float(bar.get_attribute("x")), float(bar.get_attribute("width"))) for bar in drawn(states)]
    assert len(bars) == 5
    for (x, width), (next_x, _) in pairwise(bars):
        assert next_x == pytest.approx(x + width)
    assert bars[0][0] == 0 and sum(bars[-1]) == pytest.approx(100)
    assert all(re.search(r"\d", text) for text in states.locator("td.num").all_inner_texts()[:5])
    outcome = page.get_by_role("region", name="Outcome")
    expect(outcome).to_contain_text("ValueError: no stock")
    expect(outcome.get_by_role("region", name="Stack")).to_contain_text('raise ValueError(order["fail"])')
    destination = page.get_by_role("region", name="Destination")
    expect(destination.get_by_text("delivered", exact=True)).to_be_visible()
    expect(destination).to_contain_text('"approximateInvokeCount": 2')
    expect(page.get_by_text("2 of at most 2")).to_be_visible()
    destination.get_by_role("link").click()
    expect(page.get_by_role("heading", name="letters")).to_be_visible()


def test_a_failure_on_purpose_is_marked_wherever_it_is_shown(visitor, stand, page):
    id = stand.invoke_with("crash@1", name="Ada", id="rehearsed")
    stand.settled(id)
    visitor.go("executions?prefix=rehearsed")
    expect(visitor.row(id).get_by_text("on purpose")).to_have_attribute("title", "crash@1")
    visitor.row(id).get_by_role("link", name=id).click()
    expect(page.locator(".head").get_by_text("on purpose")).to_be_visible()
    expect(page.locator(".facts").first).to_contain_text("Fails on purpose" + "crash (attempt 1)")
    states = page.get_by_role("table", name="States and how long they lasted")
    expect(states.locator("tr", has_text="attempt 1")).to_contain_text("crash, on purpose")
    expect(states.locator("tr", has_text="attempt 2")).not_to_contain_text("on purpose")


def test_an_outcome_that_could_not_be_delivered_says_so(visitor, stand, page):
    stand.settled(id := stand.invoke_with("destination-down", fail="no stock"))
    visitor.go(f"executions/shop/work/{id}")
    destination = page.get_by_role("region", name="Destination")
    expect(destination.get_by_text("not delivered", exact=True)).to_be_visible()
    visitor.go("executions?status=Failed")
    expect(visitor.row(id)).to_contain_text("not delivered")


def test_what_has_run_it_is_named(visitor, stand, page):
    record = stand.settled(id := stand.invoke(name="whose"))
    visitor.go(f"executions/shop/work/{id}")
    facts = page.locator(".facts").first
    for text in (record["instanceId"], record["requestId"], f"{record['memoryMb']} MB"):
        expect(facts).to_contain_text(text)


def test_a_long_log_begins_with_its_end_and_leads_to_what_was_before(visitor, stand, page):
    stand.settled(id := stand.invoke(steps=2500, say="x" * 200, name="long"))
    visitor.go(f"executions/shop/work/{id}")
    log = page.get_by_role("log")
    expect(log).to_contain_text("FC Invoke End RequestId")
    assert "begin long" not in log.inner_text()
    earlier = page.get_by_role("button", name=re.compile("Show earlier"))
    for _ in range(10):
        if not earlier.is_visible():
            break
        before = len(log.inner_text())
        earlier.click()
        wait_for(lambda: len(log.inner_text()) > before)  # noqa: B023
    text = log.inner_text()
    assert "begin long" in text
    assert re.findall(r"^step (\d+) ", text, re.MULTILINE) == [str(number) for number in range(2500)]


def test_the_log_grows_can_be_paused_and_searched(visitor, stand, page):
    gate = stand.gate()
    id = stand.invoke(until=gate, chatter=1, steps=3, say="by step")
    visitor.go(f"executions/shop/work/{id}")
    log = page.get_by_role("log")
    expect(log).to_contain_text("step 2 by step")
    before = log.inner_text().count("still here")
    wait_for(lambda: log.inner_text().count("still here") > before)
    page.get_by_role("button", name="Pause").click()
    held = log.inner_text()
    size = stand.get(f"/local/log?function=shop/work&id={id}")["size"]
    wait_for(lambda: stand.get(f"/local/log?function=shop/work&id={id}")["size"] > size + 200)
    assert log.inner_text() == held
    page.get_by_role("button", name="Go on").click()
    wait_for(lambda: len(log.inner_text()) > len(held))
    page.get_by_label("Search the log").fill("STEP 1")
    expect(page.get_by_text("1 line", exact=True)).to_be_visible()
    expect(log.locator("mark")).to_have_text("step 1")
    stand.open(gate)
    expect(page.locator(".head .status")).to_have_text("Succeeded")


def test_a_log_that_ended_is_shown_whole(visitor, stand, page):
    stand.settled(id := stand.invoke(steps=50, name="whole"))
    visitor.go(f"executions/shop/work/{id}")
    shown = page.get_by_role("log")
    expect(shown).to_contain_text("FC Invoke End RequestId")
    assert shown.inner_text().strip() == stand.shell.fun("executions", "logs", id).out.strip()


def test_an_event_is_laid_out_or_raw(visitor, stand, page):
    stand.settled(id := stand.invoke(body=b'{"name":"a b","steps":1}'))
    visitor.go(f"executions/shop/work/{id}")
    event = page.get_by_role("region", name="Event").first
    expect(event.locator("pre")).to_have_text('{\n  "name": "a b",\n  "steps": 1\n}')
    event.get_by_role("button", name="Raw").click()
    expect(event.locator("pre")).to_have_text('{"name":"a b","steps":1}')


def test_the_payload_is_copied_byte_for_byte(visitor, stand, page):
    stand.settled(id := stand.invoke(body='{"name":"<b>Zoë</b>  "}'.encode()))
    visitor.go(f"executions/shop/work/{id}")
    page.get_by_role("button", name="Copy payload").click()
    expect(page.get_by_text("Event copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == '{"name":"<b>Zoë</b>  "}'


def test_run_again_opens_the_new_execution_with_the_same_payload(visitor, stand, page):
    stand.settled(id := stand.invoke(name="again"))
    visitor.go(f"executions/shop/work/{id}")
    page.get_by_role("button", name="Run again").click()
    page.get_by_role("dialog").get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: "/executions/shop/work/" in url and id not in url)
    new = stand.settled(page.url.rpartition("/")[2])
    assert new["rerunOf"] == id
    assert json.loads(new["invocationPayload"]["text"]) == {"name": "again"}
    expect(page.get_by_role("link", name=id)).to_be_visible()


def test_an_edited_payload_is_run_in_its_place(visitor, stand, page):
    stand.settled(id := stand.invoke(name="before", fail="typo"))
    visitor.go(f"executions/shop/work/{id}")
    page.get_by_role("link", name="Edit and run").click()
    payload = page.get_by_label("Payload", exact=True)
    expect(payload).to_have_value(re.compile("before"))
    payload.fill('{"name": "after"}')
    page.locator("form.submit").get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/executions/shop/work/"))
    new = stand.settled(page.url.rpartition("/")[2])
    assert (new["status"], new["invocationPayload"]["text"]) == ("Succeeded", '{"name": "after"}')


def test_a_running_execution_is_stopped(visitor, stand, page):
    id = stand.invoke(until=stand.gate())
    visitor.go(f"executions/shop/work/{id}")
    expect(page.locator(".head .status")).to_have_text("Running")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator(".head .status")).to_have_text("Stopped")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    assert stand.record(id)["status"] == "Stopped"


def test_the_shell_line_does_the_same_again(visitor, stand, page):
    stand.settled(id := stand.invoke(name='it\'s "quoted" $HOME'))
    visitor.go(f"executions/shop/work/{id}")
    line = page.get_by_role("region", name="Shell").inner_text()
    new = stand.settled(stand.shell.run(*shlex.split(line)).out.strip())
    assert new["invocationPayload"]["text"] == stand.record(id)["invocationPayload"]["text"]


def test_the_sdk_line_is_python_with_the_same_payload(visitor, stand, page):
    stand.settled(id := stand.invoke(name='it\'s "quoted" Zoë </script>'))
    visitor.go(f"executions/shop/work/{id}")
    line = page.get_by_role("region", name="Python (fc2)").inner_text()

    class Client:
        def invoke_function(self, service, function, payload, headers):
            return service, function, payload.decode(), headers["x-fc-invocation-type"]

    expected = stand.record(id)["invocationPayload"]["text"]
    assert eval(line, {"client": Client()}) == ("shop", "work", expected, "Async")


def test_an_execution_that_is_not_there_is_named(visitor, page):
    visitor.go("executions/shop/work/nothing-like-it")
    expect(page.get_by_role("alert")).to_contain_text("nothing-like-it")
