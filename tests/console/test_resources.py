"""Functions, queues and topics, and submitting, as somebody with a browser meets them."""

import json
import re

import pytest

from tests.conftest import wait_for
from tests.console.visitor import expect


def submit(page, name="Submit"):
    page.locator("form.submit").get_by_role("button", name=name, exact=True).click()


def draw(stand, queue):
    """Take everything out of a queue."""
    stand.ask("POST", "/local/purge", json={"queue": queue})


def letter(stand, id):
    """Make a dead letter, the only one; the execution's record."""
    draw(stand, "letters")
    stand.invoke(fail="no stock", name="Ada", id=id)
    return stand.settled(id)


# Functions


def test_functions_show_how_they_have_fared(visitor, stand, page):
    for number in range(3):
        stand.settled(stand.invoke("fast", id=f"fare-{number}"), "fast")
    stand.settled(stand.invoke(fail="x"))
    health = stand.get("/local/health")["functions"]
    visitor.go("functions")
    row = page.locator("tr", has_text="fast")
    expect(row).to_contain_text("python3 · 128 MB")
    expect(row.locator(".good").first).to_have_text(str(health["shop/fast"]["counts"]["Succeeded"]))
    expect(row.locator("svg .good").first).to_be_attached()
    expect(page.locator("tr", has_text="work").locator("a.bad")).to_be_visible()
    assert re.search(r"\d+ ms", row.locator("td").nth(6).inner_text())
    page.locator("tr", has_text="work").locator("a.bad").click()
    expect(page.locator("tbody .status").first).to_have_text("Failed")
    assert "function=shop%2Fwork" in page.url and "since=1h" in page.url


def test_counts_of_health_change_by_themselves(visitor, stand, page):
    visitor.go("functions/shop/fast")
    good = page.locator(".health .good").first
    before = int(good.inner_text() or 0)
    stand.settled(stand.invoke("fast"), "fast")
    expect(good).to_have_text(str(before + 1))


def test_a_function_shows_versions_aliases_and_what_each_does_with_outcomes(visitor, stand, page):
    stand.alias("prod")
    config = {"destinationConfig": {"onSuccess": {"destination": "acs:mns:::/queues/inbox/messages"}}}
    path = "/2016-08-15/services/shop.prod/functions/work/async-invoke-config"
    assert stand.ask("PUT", path, json={"statefulInvocation": True, **config}).status == 200
    visitor.go("functions/shop/work")
    names = page.get_by_role("region", name="Versions and aliases")
    expect(names).to_contain_text("prod")
    expect(names).to_contain_text("version 1")
    calls = page.get_by_role("region", name="Asynchronous calls")
    expect(calls.locator("tr", has_text="LATEST")).to_contain_text("letters")
    calls.locator("tr", has_text="prod").get_by_role("link").click()
    expect(page.get_by_role("heading", name="inbox")).to_be_visible()


def test_a_function_that_fails_on_purpose_says_so(visitor, stand, page):
    stand.shell.fun("faults", "set", "shop/fast", "error:OSError", "--rate", "0.2")
    try:
        visitor.go("functions/shop/fast")
        expect(page.locator(".head").get_by_text("on purpose")).to_be_visible()
        facts = page.get_by_role("region", name="Configuration")
        expect(facts).to_contain_text("Fails on purpose" + "error:OSError (20 %)")
    finally:
        stand.shell.fun("faults", "clear", "shop/fast")
    visitor.go("functions/shop/fast")
    expect(facts).to_contain_text("index.fast")
    expect(page.get_by_text("on purpose")).to_have_count(0)


def test_a_function_shows_its_triggers(visitor, page):
    visitor.go("functions/shop/fast")
    expect(page.get_by_role("region", name="Triggers")).to_contain_text("0 0 3 * * *")


# Queues and topics


def test_depths_are_shown_as_they_change(visitor, stand, page):
    draw(stand, "inbox")
    visitor.go("queues")
    waiting = page.locator("tr", has_text="inbox").locator("td").nth(1)
    expect(waiting).to_have_text("0")
    stand.send("inbox", "hello")
    expect(waiting).to_have_text("1")


def test_a_message_is_sent_peeked_received_and_deleted(visitor, stand, page):
    draw(stand, "inbox")
    visitor.go("queues/inbox")
    expect(page.get_by_text("Nothing can be received now.")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    page.get_by_label("Message").fill('{"hello": "<b>Zoë</b> & co"}')
    page.get_by_role("dialog").get_by_role("button", name="Send").click()
    message = page.get_by_role("region", name="Next in the queue").locator("article")
    expect(message).to_contain_text('"hello": "<b>Zoë</b> & co"')
    expect(message).to_contain_text("received 0 times")
    page.get_by_role("button", name="Receive").click()
    held = page.get_by_role("region", name="Received here").locator("article")
    expect(held).to_contain_text("received 1 time")
    expect(message).to_have_count(0)
    held.get_by_role("button", name="Delete").click()
    expect(held).to_have_count(0)
    expect(page.locator(".facts").first).to_contain_text("In work0")
    assert stand.shell.fun("mns", "queue", "info", "inbox", "--json").json["inactiveMessages"] == 0


def test_a_purge_says_how_much_it_will_delete_first(visitor, stand, page):
    draw(stand, "inbox")
    for text in ("one", "two"):
        stand.send("inbox", text)
    visitor.go("queues/inbox")
    expect(page.locator("article")).to_have_count(2)
    page.get_by_role("button", name="Purge").click()
    expect(page.get_by_role("dialog")).to_contain_text("2 messages will be deleted")
    page.get_by_role("dialog").get_by_role("button", name="Purge").click()
    expect(page.get_by_text("Nothing can be received now.")).to_be_visible()


@pytest.mark.parametrize("id", ["", "chosen-by-hand"])
def test_a_dead_letter_leads_to_its_execution(visitor, stand, page, id):
    record = letter(stand, id) if id else None
    if not id:
        draw(stand, "letters")
        record = stand.settled(stand.invoke(fail="no stock"))
    visitor.go("queues/letters")
    expect(page.locator("article")).to_contain_text("UnhandledInvocationError")
    page.get_by_role("button", name="Open execution").click()
    expect(page.get_by_role("heading", name=record["invocationId"])).to_be_visible()


def test_the_payload_of_a_dead_letter_is_run_again(visitor, stand, page):
    letter(stand, "run-letter")
    visitor.go("queues/letters")
    page.get_by_role("button", name="Run payload again").click()
    page.wait_for_url(re.compile("/executions/shop/work/"))
    new = stand.settled(page.url.rpartition("/")[2])
    assert json.loads(new["invocationPayload"]["text"]) == {"fail": "no stock", "name": "Ada"}


def test_the_payload_of_a_dead_letter_can_be_mended_first(visitor, stand, page):
    letter(stand, "mend-letter")
    visitor.go("queues/letters")
    page.get_by_role("button", name="Edit and run").click()
    payload = page.get_by_label("Payload", exact=True)
    expect(payload).to_have_value(re.compile("no stock"))
    expect(page.get_by_label("Function")).to_have_value("shop/work")
    payload.fill('{"name": "Ada"}')
    submit(page)
    page.wait_for_url(re.compile("/executions/shop/work/"))
    assert stand.settled(page.url.rpartition("/")[2])["status"] == "Succeeded"


def test_what_is_published_reaches_the_subscribed_queue(visitor, stand, page):
    draw(stand, "inbox")
    visitor.go("queues")
    page.get_by_role("link", name="news").click()
    subscription = page.get_by_role("region", name="Subscriptions")
    expect(subscription).to_contain_text("to-inbox")
    page.get_by_role("button", name="Publish").click()
    page.get_by_label("Message").fill("Zoë has news")
    page.get_by_label("Tag").fill("all")
    page.get_by_role("dialog").get_by_role("button", name="Send").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    subscription.get_by_role("link").click()
    expect(page.locator("article pre")).to_have_text("Zoë has news")


# Submitting


def test_a_call_is_submitted_with_an_id_and_opened(visitor, stand, page):
    visitor.go("submit")
    page.get_by_label("Function").select_option("shop/work")
    page.get_by_label("Id", exact=True).fill("by-hand")
    page.get_by_label("Payload", exact=True).fill('{"name": "typed"}')
    submit(page)
    expect(page.get_by_role("heading", name="by-hand")).to_be_visible()
    expect(page.locator(".head .status")).to_have_text("Succeeded")
    assert json.loads(stand.record("by-hand")["invocationPayload"]["text"]) == {"name": "typed"}


def test_an_id_in_use_is_refused_with_the_daemons_words(visitor, stand, page):
    stand.invoke(id="used")
    visitor.go("submit?function=shop/work")
    page.get_by_label("Id", exact=True).fill("used")
    submit(page)
    expect(page.get_by_role("alert")).to_contain_text("already used")
    visitor.troubles.clear()  # the browser notes the refusal


def test_a_delayed_call_waits(visitor, stand, page):
    visitor.go("submit?function=shop/work")
    page.get_by_label("Delay in seconds").fill("3600")
    page.get_by_label("Payload", exact=True).fill("{}")
    submit(page)
    expect(page.locator(".head .status")).to_have_text("Enqueued")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator(".head .status")).to_have_text("Stopped")


def test_the_editor_says_where_a_payload_is_no_json(visitor, page):
    visitor.go("submit?function=shop/work")
    payload = page.get_by_label("Payload", exact=True)
    payload.fill('{\n  "a": 1,\n  "b": oops\n}')
    expect(page.locator("#json")).to_have_text("Not JSON: o in line 3, column 8")
    expect(page.get_by_role("button", name="Lay out")).to_be_disabled()
    payload.fill('{"a":1}')
    page.get_by_role("button", name="Lay out").click()
    expect(payload).to_have_value('{\n  "a": 1\n}')


def test_earlier_payloads_and_samples_of_triggers_are_at_hand(visitor, stand, page):
    stand.settled(stand.invoke("fast", name="earlier"), "fast")
    visitor.go("submit?function=shop/fast")
    page.get_by_role("button", name=re.compile("earlier")).click()
    expect(page.get_by_label("Payload", exact=True)).to_have_value('{\n  "name": "earlier"\n}')
    page.get_by_role("button", name=re.compile("nightly")).click()
    expect(page.get_by_label("Payload", exact=True)).to_have_value(re.compile('"payload": "from the timer"'))


def test_a_synchronous_call_shows_its_result_and_log(visitor, page):
    visitor.go("submit?function=shop/work")
    page.get_by_label("synchronous", exact=True).check()
    expect(page.get_by_label("Id", exact=True)).to_have_count(0)
    page.get_by_label("Payload", exact=True).fill('{"name": "now", "steps": 1}')
    submit(page, "Invoke")
    result = page.locator(".result")
    expect(result.get_by_role("region", name="Result")).to_contain_text('"done": "now"')
    expect(result.get_by_role("region", name="Log")).to_contain_text("step 0")
    page.get_by_label("Payload", exact=True).fill('{"fail": "at once"}')
    submit(page, "Invoke")
    expect(result).to_contain_text("UnhandledInvocationError")
    expect(result.get_by_role("region", name="Result")).to_contain_text("at once")


def test_a_qualifier_that_is_chosen_is_the_one_that_runs(visitor, stand, page):
    stand.alias("chosen")
    visitor.go("submit?function=shop/work")
    page.get_by_label("Qualifier").select_option("chosen")
    submit(page)
    page.wait_for_url(re.compile("/executions/shop/work/"))
    assert wait_for(lambda: stand.record(page.url.rpartition("/")[2]))["qualifier"] == "chosen"
