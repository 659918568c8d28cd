"""The list of executions and the view of one, as somebody with a browser meets them."""

import json
import re
import shlex
from itertools import pairwise

import pytest

from tests.conftest import wait_for
from tests.console.stand import expect

# The list


def test_an_execution_that_arrives_is_shown_without_asking(visitor, stand, page):
    visitor.go("executions")
    expect(page.locator(".live")).to_have_text("Live")
    expect(page.locator("tbody tr, .empty").first).to_be_visible()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    gate = stand.gate()
    id = stand.invoke(until=gate)
    expect(visitor.row(id).locator(".status")).to_have_text("Running")
    stand.open(gate)
    expect(visitor.row(id).locator(".status")).to_have_text("Succeeded")
    assert asked == []  # it was told


def test_what_is_executed_elsewhere_is_shown_too(visitor, stand, page):
    visitor.go("executions")
    id = stand.shell.invk("shop/fast", "-t", "Async", "-s", "{}").out.strip()
    expect(visitor.row(id).locator(".status")).to_have_text("Succeeded")


def test_the_filter_by_function_is_in_the_address_and_can_be_shared(visitor, stand, page):
    mine, other = stand.invoke("fast"), stand.invoke("work")
    visitor.go("executions")
    expect(visitor.row(other)).to_be_visible()
    page.get_by_label("Function").select_option("shop/fast")
    expect(visitor.row(other)).to_have_count(0)
    expect(visitor.row(mine)).to_be_visible()
    assert "function=shop%2Ffast" in page.url
    second = visitor.new_page()
    second.goto(page.url)
    expect(second.locator("tbody tr", has_text=mine)).to_be_visible()
    assert "shop/work" not in second.locator("tbody").inner_text()


def test_the_filter_by_name_takes_the_beginning_of_ids(visitor, stand, page):
    stand.invoke("fast", id="order-1")
    stand.invoke("fast", id="other-1")
    visitor.go("executions")
    page.get_by_label("Id begins with").type("order-")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(visitor.row("order-1")).to_be_visible()
    assert "prefix=order-" in page.url


def test_the_filter_by_status_shows_the_chosen_and_drops_what_no_longer_is(visitor, stand, page):
    gate = stand.gate()
    running = stand.invoke(until=gate)
    stand.settled(ended := stand.invoke("fast"), "fast")
    visitor.go("executions")
    page.get_by_role("button", name="Running").click()
    expect(visitor.row(running)).to_be_visible()
    expect(visitor.row(ended)).to_have_count(0)
    assert "status=Running" in page.url
    stand.open(gate)
    expect(visitor.row(running)).to_have_count(0)


def test_the_filter_by_time_knows_ranges_and_moments(visitor, stand, page):
    id = stand.invoke("fast")
    visitor.go("executions?until=2020-01-01T00:00:00Z")
    expect(page.get_by_text("No execution matches the filter.")).to_be_visible()
    page.get_by_label("Accepted").select_option("15m")
    expect(visitor.row(id)).to_be_visible()
    assert "since=15m" in page.url and "until" not in page.url
    page.get_by_label("Accepted").select_option("own")
    page.get_by_label("from", exact=True).fill("2020-01-01T00:00:00")
    page.get_by_label("to", exact=True).fill("2020-01-02T00:00:00")
    expect(page.get_by_text("No execution matches the filter.")).to_be_visible()


def test_pages_lead_to_everything_and_back(visitor, stand, page):
    ids = [stand.invoke("fast", id=f"paged-{number:03}") for number in range(120)]
    visitor.go("executions?prefix=paged-")
    shown = []
    for number in (50, 50, 20):
        expect(page.locator("tbody tr")).to_have_count(number)
        expect(visitor.row(ids[119 - len(shown)])).to_be_visible()
        shown += page.locator("tbody .id").all_inner_texts()
        if len(shown) < 120:
            page.get_by_role("button", name="Older").click()
    assert shown == ids[::-1]
    expect(page.get_by_role("button", name="Older")).to_be_disabled()
    page.get_by_role("button", name="Newer").click()
    expect(visitor.row(ids[50])).to_be_visible()
    page.get_by_role("button", name="Newest").click()
    expect(visitor.row(ids[119])).to_be_visible()


def test_older_pages_stay_still_and_tell_of_what_is_new(visitor, stand, page):
    for number in range(60):
        stand.invoke("fast", id=f"still-{number:03}")
    visitor.go("executions?prefix=still-")
    page.get_by_role("button", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    expect(page.locator(".live")).to_have_text("Live")
    stand.invoke("fast", id="still-999")
    page.get_by_role("button", name=re.compile("1 new")).click()
    expect(visitor.row("still-999")).to_be_visible()


def test_one_is_stopped_and_run_again_from_the_list(visitor, stand, page):
    stand.reaches(id := stand.invoke(until=stand.gate(), id="one-alone"), "Running")
    visitor.go("executions?prefix=one-alone")
    page.get_by_label("Select one-alone").check()
    selection = page.get_by_role("region", name="Selection")
    selection.get_by_role("button", name="Run again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Run again")).to_be_disabled()  # it has not ended
    dialog.get_by_role("button", name="Cancel").click()
    selection.get_by_role("button", name="Stop").click()
    dialog.get_by_role("button", name="Stop").click()
    expect(visitor.row(id).locator(".status")).to_have_text("Stopped")
    page.get_by_label("Select one-alone").check()
    selection.get_by_role("button", name="Stop").click()
    expect(dialog.get_by_role("button", name="Stop")).to_be_disabled()
    dialog.get_by_role("button", name="Cancel").click()
    assert stand.record(id)["status"] == "Stopped"


def test_a_selection_is_stopped_but_for_what_has_ended(visitor, stand, page):
    gate = stand.gate()
    running = [stand.invoke(until=gate, id=f"halt-{number}") for number in range(2)]
    stand.settled(stand.invoke(id="halt-ended"))
    visitor.go("executions?prefix=halt-")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("region", name="Selection").get_by_role("button", name="Stop").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Stop 2 of 3")
    expect(dialog.locator(".spared + .hit")).to_contain_text("halt-ended")
    dialog.get_by_role("button", name="Stop").click()
    for id in running:
        expect(visitor.row(id).locator(".status")).to_have_text("Stopped")
    expect(visitor.row("halt-ended").locator(".status")).to_have_text("Succeeded")


def test_a_selection_is_run_again_but_for_what_has_not_ended(visitor, stand, page):
    gate = stand.gate()
    stand.settled(ended := stand.invoke("fast", id="more-1"), "fast")
    stand.reaches(stand.invoke(until=gate, id="more-2"), "Running")
    visitor.go("executions?prefix=more-")
    page.get_by_label("Select more-1").check()
    page.get_by_label("Select more-2").check()
    page.get_by_role("region", name="Selection").get_by_role("button", name="Run again").click()
    expect(page.get_by_role("dialog")).to_contain_text("Run 1 of 2 again")
    page.get_by_role("dialog").get_by_role("button", name="Run again").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    rows = wait_for(
        lambda: [r for r in stand.get("/local/executions?function=shop/fast")["rows"] if r["rerunOf"]]
    )
    assert [row["rerunOf"] for row in rows] == [ended]


# One execution


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


def test_a_failure_on_purpose_is_marked_as_soon_as_it_happens(visitor, stand, page):
    visitor.go("executions?prefix=struck-live")
    expect(page.locator(".live")).to_have_text("Live")
    id = stand.invoke_with("error:OSError", id="struck-live")
    expect(visitor.row(id).get_by_text("on purpose")).to_be_visible()
    expect(visitor.row(id).locator(".status")).to_have_text("Failed")


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
    id = stand.invoke(until=gate, chatter=True, steps=3, say="by step")
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
    expect(page.get_by_text("1 lines")).to_be_visible()
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
