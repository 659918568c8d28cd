"""Topics as a person uses them: real commands, a real daemon, a real subscriber."""

import asyncio
import json

from tests.acceptance.templates import template
from tests.fakes import until
from tests.subscriber import subscriber


def test_topics_can_be_used_by_hand(shell):
    shell.fun("mns", "queue", "create", "q")
    assert shell.fun("mns", "topic", "create", "news", "--json").json == {
        "topicName": "news",
        "created": True,
    }
    assert "exists already" in shell.fun("mns", "topic", "create", "news").out
    assert (
        "other attributes" in shell.fun("mns", "topic", "create", "news", "--max-size", "2048", check=1).err
    )
    subscribed = shell.fun(
        "mns", "topic", "subscribe", "news", "copies", "--queue", "q", "--tag", "red", "--json"
    )
    assert subscribed.json["created"] is True and subscribed.json["warnings"] == []
    assert (
        "exists already"
        in shell.fun("mns", "topic", "subscribe", "news", "copies", "--queue", "q", "--tag", "red").out
    )
    (found,) = shell.fun("mns", "topic", "subscriptions", "news", "--json").json["subscriptions"]
    assert found["endpoint"] == "acs:mns:cn-shanghai:1234567890123456:queues/q"
    assert (found["notifyContentFormat"], found["notifyStrategy"]) == ("XML", "BACKOFF_RETRY")
    assert (found["topicName"], found["subscriptionName"], found["filterTag"]) == ("news", "copies", "red")
    assert "copies" in shell.fun("mns", "topic", "subscriptions", "news").out

    shell.fun("mns", "topic", "publish", "news", "-s", "not for you", "--tag", "blue")
    published = shell.fun(
        "mns", "topic", "publish", "news", "-f", "-", "--tag", "red", "--json", stdin=b"hello"
    )
    body = shell.fun("mns", "queue", "receive", "q", "--json").json["messageBody"]
    assert f"<MessageId>{published.json['messageId']}</MessageId><Message>hello</Message>" in body
    assert "has no message" in shell.fun("mns", "queue", "receive", "q", check=1).err

    info = shell.fun("mns", "topic", "info", "news", "--json").json
    assert (info["topicName"], info["messageCount"], info["subscriptions"]) == ("news", 0, 1)
    assert info["messageRetentionPeriod"] == 86_400
    assert "NAME" in shell.fun("mns", "topic", "list").out
    shell.fun("mns", "topic", "unsubscribe", "news", "copies")
    assert "has no subscription" in shell.fun("mns", "topic", "unsubscribe", "news", "copies", check=1).err
    assert shell.fun("mns", "topic", "delete", "news", "--json").json["deletedSubscriptions"] == 0
    assert shell.fun("mns", "topic", "list", "--json").json == {"topics": []}
    assert "fun mns topic create news" in shell.fun("mns", "topic", "publish", "news", "-s", "x", check=1).err


def test_a_subscription_that_can_not_work_yet_says_so(shell):
    shell.fun("mns", "topic", "create", "news")
    missing = shell.fun("mns", "topic", "subscribe", "news", "a", "--queue", "later")
    assert "fun mns queue create later" in missing.err and "created" in missing.out
    mail = shell.fun("mns", "topic", "subscribe", "news", "b", "--endpoint", "mail:directmail:a@b.c")
    assert "not emulated" in mail.err
    wrong = shell.fun("mns", "topic", "subscribe", "news", "c", "--endpoint", "ftp://x", check=1)
    assert "'ftp://x'" in wrong.err and "http://HOST" in wrong.err
    shell.fun("mns", "topic", "subscribe", "news", "c", check=2)
    shell.fun("mns", "topic", "subscribe", "news", "c", "--queue", "q", "--endpoint", "http://x", check=2)


def test_the_outcome_of_a_function_reaches_who_subscribes_to_its_topic(shell):
    async def story():
        async with subscriber() as web:
            await asyncio.to_thread(use, web)
            await until(lambda: web.pushed)
            (pushed,) = web.pushed
            assert json.loads(pushed.body)["responsePayload"] == '{"k": 1}'

    def use(web):
        shell.fun("mns", "queue", "create", "q")
        shell.fun("mns", "topic", "create", "outcomes")
        simplified = ("--format", "simplified")
        shell.fun("mns", "topic", "subscribe", "outcomes", "copies", "--queue", "q", *simplified)
        shell.fun("mns", "topic", "subscribe", "outcomes", "web", "--endpoint", web.url, *simplified)
        echo = template("def handler(event, context):\n    return event\n", queue="outcomes")
        shell.write("template.yml", echo.replace(":/queues/", ":/topics/"))
        shell.fun("deploy", "--stack-name", "s")
        id = shell.invk("main", "-t", "Async", "-s", '{"k": 1}', "--wait", "--json").json["invocationId"]
        assert shell.letter("q")["requestPayload"] == '{"k": 1}'
        assert shell.record(id)["destinationStatus"] == "Succeeded"

    asyncio.run(story())
