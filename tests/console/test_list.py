"""The list of executions, as somebody with a browser meets it."""

import re

from tests.conftest import wait_for
from tests.console.visitor import expect


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


def test_a_failure_on_purpose_is_marked_as_soon_as_it_happens(visitor, stand, page):
    visitor.go("executions?prefix=struck-live")
    expect(page.locator(".live")).to_have_text("Live")
    id = stand.invoke_with("error:OSError", id="struck-live")
    expect(visitor.row(id).get_by_text("on purpose")).to_be_visible()
    expect(visitor.row(id).locator(".status")).to_have_text("Failed")
