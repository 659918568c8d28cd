"""`fun mns topic`: topics, who subscribes to them, and publishing."""

from __future__ import annotations

import base64
import os

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.queues import call, read_body
from fun_local.cli.words import Words
from fun_local.model.topics import FORMATS, MAX_MESSAGE_BYTES, MIN_MESSAGE_BYTES, STRATEGIES


@click.group()
def topic() -> None:
    """Create topics, subscribe queues and web servers to them, publish."""


@topic.command()
@click.argument("name")
@click.option(
    "--max-size",
    type=click.IntRange(MIN_MESSAGE_BYTES, MAX_MESSAGE_BYTES),
    default=MAX_MESSAGE_BYTES,
    show_default=True,
    help="The largest message, in bytes.",
)
@output.json_option
def create(name: str, max_size: int, as_json: bool) -> None:
    """Create a topic. Size in bytes.

    \b
    Examples:
      fun mns topic create news
    """
    created = call("topic-create", attributes={"name": name, "max_message_bytes": max_size})["created"]
    if as_json:
        output.print_json({"topicName": name, "created": created})
    else:
        output.say(f"topic {name} {'created' if created else 'exists already'}")


@topic.command("list")
@output.json_option
def list_(as_json: bool) -> None:
    """List the topics, how many subscribe, and how many messages are still to be pushed.

    \b
    Examples:
      fun mns topic list
    """
    topics = call("topic-list")["topics"]
    if as_json:
        output.print_json({"topics": topics})
        return
    rows = [[t["topicName"], str(t["subscriptions"]), str(t["messageCount"])] for t in topics]
    output.print_table(("NAME", "SUBSCRIPTIONS", "PENDING"), rows)


@topic.command()
@click.argument("name")
@output.json_option
def info(name: str, as_json: bool) -> None:
    """Show a topic's attributes.

    \b
    Examples:
      fun mns topic info news
    """
    found = call("topic-info", name=name)
    if as_json:
        output.print_json(found)
        return
    for key, value in found.items():
        click.echo(f"{key + ':':<24}{value}")


@topic.command()
@click.argument("name")
@click.option("-y", "--assume-yes", is_flag=True, help="Do not ask.")
@output.json_option
def delete(name: str, assume_yes: bool, as_json: bool) -> None:
    """Delete a topic with its subscriptions, and what is still to be pushed.

    \b
    Examples:
      fun mns topic delete news
    """
    count = call("topic-info", name=name)["subscriptions"]
    if count and not assume_yes and os.isatty(0):
        output.confirm(f"Topic {name} has {count} subscriptions. Delete it?")
    call("topic-delete", name=name)
    if as_json:
        output.print_json({"topicName": name, "deletedSubscriptions": count})
    else:
        output.say(f"topic {name} deleted")


@topic.command()
@click.argument("name")
@click.option("-s", "--body", help="The body, as text.")
@click.option("-f", "--body-file", type=click.Path(allow_dash=True), help="A file with the body; - is stdin.")
@click.option("--tag", default="", help="Reaches those who filter by it, and those who don't filter.")
@output.json_option
def publish(name: str, body: str | None, body_file: str | None, tag: str, as_json: bool) -> None:
    """Publish a message to all who subscribe.

    \b
    Examples:
      fun mns topic publish news -s '{"k": 1}' --tag important
    """
    encoded = base64.b64encode(read_body(body, body_file)).decode()
    published = call("topic-publish", name=name, body=encoded, tag=tag)
    if as_json:
        output.print_json(published)
    else:
        click.echo(published["messageId"])


@topic.command()
@click.argument("topic")
@click.argument("name")
@click.option("--queue", help="A queue that gets a copy of each message.")
@click.option("--endpoint", help="A URL that each message is posted to, or an MNS address.")
@click.option(
    "--format",
    "format_",
    type=Words(FORMATS),
    default=FORMATS[0],
    help="What a subscriber is sent: the body with all about it, or alone.",
)
@click.option(
    "--strategy",
    type=Words(STRATEGIES),
    default=STRATEGIES[0],
    help="How long a push that fails is repeated.",
)
@click.option("--tag", default="", help="Only messages with this tag.")
@output.json_option
def subscribe(
    topic: str,
    name: str,
    queue: str | None,
    endpoint: str | None,
    format_: str,
    strategy: str,
    tag: str,
    as_json: bool,
) -> None:
    """Subscribe to a topic. A subscriber over HTTP must answer 204 within 5 seconds, or it is tried again.

    \b
    Examples:
      fun mns topic subscribe news copies --queue dlq --format SIMPLIFIED
      fun mns topic subscribe news web --endpoint http://localhost:8080/news --tag important
    """
    if (queue is None) == (endpoint is None):
        raise click.UsageError("give --queue or --endpoint")
    attributes = {
        "topic": topic,
        "name": name,
        "endpoint": endpoint or _queue_address(queue or ""),
        "strategy": strategy,
        "format": format_,
        "filter_tag": tag,
    }
    done = call("topic-subscribe", attributes=attributes)
    for warning in done["warnings"]:
        output.warn(warning)
    if as_json:
        output.print_json({"topicName": topic, "subscriptionName": name, **done})
    else:
        output.say(f"subscription {topic}/{name} {'created' if done['created'] else 'exists already'}")


@topic.command()
@click.argument("topic")
@click.argument("name")
@output.json_option
def unsubscribe(topic: str, name: str, as_json: bool) -> None:
    """End a subscription; what is still to be pushed to it is dropped.

    \b
    Examples:
      fun mns topic unsubscribe news web
    """
    call("topic-unsubscribe", topic=topic, name=name)
    if as_json:
        output.print_json({"topicName": topic, "subscriptionName": name})
    else:
        output.say(f"subscription {topic}/{name} deleted")


@topic.command()
@click.argument("topic")
@output.json_option
def subscriptions(topic: str, as_json: bool) -> None:
    """List who subscribes to a topic.

    \b
    Examples:
      fun mns topic subscriptions news
    """
    found = call("topic-subscriptions", topic=topic)["subscriptions"]
    if as_json:
        output.print_json({"subscriptions": found})
        return
    keys = ("subscriptionName", "endpoint", "notifyContentFormat", "notifyStrategy", "filterTag")
    rows = [[one.get(key, "") for key in keys] for one in found]
    output.print_table(("NAME", "ENDPOINT", "FORMAT", "STRATEGY", "TAG"), rows)


def _queue_address(name: str) -> str:
    """The endpoint that means a queue (mns section 13)."""
    chosen, _ = settings.load(settings.default_home())
    return f"acs:mns:{chosen.region}:{chosen.account_id}:queues/{name}"
