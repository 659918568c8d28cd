"""`fun mns queue`: the queues that outcomes are delivered to, and what `fun mns topic` shares with it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from typing import Any

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.client import Client
from fun_local.cli.times import Duration
from fun_local.errors import NotFound
from fun_local.model.resources import MAX_BATCH, MAX_WAIT_SECONDS


@click.group()
def queue() -> None:
    """Create queues, send to them, receive from them."""


def call(operation: str, **arguments: Any) -> dict[str, Any]:
    """Ask the daemon."""
    return Client(settings.default_home()).call(operation, **arguments)


def read_body(body: str | None, body_file: str | None) -> bytes:
    """The body that was given as text or in a file, or a little more than MNS takes.

    Raises:
        UsageError: neither or both.
        NotFound: the file can't be read.
    """
    if (body is None) == (body_file is None):
        raise click.UsageError("give --body or --body-file")
    if body_file is None:
        return os.fsencode(body or "")
    try:
        with click.open_file(body_file, "rb") as file:
            return bytes(file.read(65_537))
    except OSError as error:
        raise NotFound("BodyFileNotFound", f"can't read {body_file}: {error.strerror}") from None


@queue.command()
@click.argument("name")
@click.option(
    "--visibility-timeout",
    type=click.IntRange(1, 43_200),
    default=30,
    show_default=True,
    help="Seconds for which a received message is hidden.",
)
@click.option(
    "--delay",
    type=click.IntRange(0, 604_800),
    default=0,
    show_default=True,
    help="Seconds until a message can be received.",
)
@click.option(
    "--retention",
    type=click.IntRange(60, 604_800),
    default=345_600,
    show_default=True,
    help="Seconds for which a message is kept.",
)
@click.option(
    "--max-size",
    type=click.IntRange(1024, 65_536),
    default=65_536,
    show_default=True,
    help="The largest message, in bytes.",
)
@click.option(
    "--polling-wait",
    type=click.IntRange(0, 30),
    default=0,
    show_default=True,
    help="Seconds for which a receiver waits, if it does not say.",
)
@output.json_option
def create(
    name: str,
    visibility_timeout: int,
    delay: int,
    retention: int,
    max_size: int,
    polling_wait: int,
    as_json: bool,
) -> None:
    """Create a queue. Times in seconds, size in bytes.

    \b
    Examples:
      fun mns queue create stateful-invocation-dlq
    """
    attributes = {
        "name": name,
        "visibility_seconds": visibility_timeout,
        "delay_seconds": delay,
        "retention_seconds": retention,
        "max_message_bytes": max_size,
        "polling_wait_seconds": polling_wait,
    }
    created = call("queue-create", attributes=attributes)["created"]
    if as_json:
        output.print_json({"queueName": name, "created": created})
    else:
        output.say(f"queue {name} {'created' if created else 'exists already'}")


@queue.command("list")
@output.json_option
def list_(as_json: bool) -> None:
    """List the queues and how much they hold.

    \b
    Examples:
      fun mns queue list
    """
    queues = call("queue-list")["queues"]
    if as_json:
        output.print_json({"queues": queues})
        return
    rows = [
        [q["queueName"], str(q["activeMessages"]), str(q["inactiveMessages"]), str(q["delayMessages"])]
        for q in queues
    ]
    output.print_table(("NAME", "ACTIVE", "INACTIVE", "DELAYED"), rows)


@queue.command()
@click.argument("name")
@output.json_option
def info(name: str, as_json: bool) -> None:
    """Show a queue's attributes.

    \b
    Examples:
      fun mns queue info dlq
    """
    found = call("queue-info", name=name)
    if as_json:
        output.print_json(found)
        return
    for key, value in found.items():
        click.echo(f"{key + ':':<24}{value}")


@queue.command()
@click.argument("name")
@click.option("-y", "--assume-yes", is_flag=True, help="Do not ask.")
@output.json_option
def delete(name: str, assume_yes: bool, as_json: bool) -> None:
    """Delete a queue and all its messages.

    \b
    Examples:
      fun mns queue delete dlq
    """
    held = call("queue-info", name=name)
    count = held["activeMessages"] + held["inactiveMessages"] + held["delayMessages"]
    if count and not assume_yes and os.isatty(0):
        output.confirm(f"Queue {name} holds {count} messages. Delete it?")
    call("queue-delete", name=name)
    if as_json:
        output.print_json({"queueName": name, "deletedMessages": count})
    else:
        output.say(f"queue {name} deleted")


@queue.command()
@click.argument("name")
@click.option("-s", "--body", help="The body, as text.")
@click.option("-f", "--body-file", type=click.Path(allow_dash=True), help="A file with the body; - is stdin.")
@click.option("--delay", type=click.IntRange(0, 604_800), help="Seconds until it can be received.")
@click.option("--priority", type=click.IntRange(1, 16), default=8, show_default=True, help="1 comes first.")
@output.json_option
def send(
    name: str, body: str | None, body_file: str | None, delay: int | None, priority: int, as_json: bool
) -> None:
    """Send a message.

    \b
    Examples:
      fun mns queue send dlq -s '{"k": 1}'
    """
    encoded = base64.b64encode(read_body(body, body_file)).decode()
    sent = call("queue-send", name=name, body=encoded, delay_seconds=delay, priority=priority)
    if as_json:
        output.print_json(sent)
    else:
        click.echo(sent["messageId"])


@queue.command()
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(1, MAX_BATCH), default=1, show_default=True, help="How many messages."
)
@output.json_option
def peek(name: str, limit: int, as_json: bool) -> None:
    """Look at the next messages without taking them.

    \b
    Examples:
      fun mns queue peek dlq --limit 5
    """
    _print_messages(call("queue-peek", name=name, limit=limit)["messages"], limit, as_json)


@queue.command()
@click.argument("name")
@click.option("--wait", type=Duration(), help="Wait so long for one (exit 4 when none comes).")
@click.option(
    "--limit", type=click.IntRange(1, MAX_BATCH), default=1, show_default=True, help="How many messages."
)
@click.option("--delete", "delete_", is_flag=True, help="Delete what is received.")
@output.json_option
def receive(name: str, wait: float | None, limit: int, delete_: bool, as_json: bool) -> None:
    """Receive messages: each is hidden from others until its visibility time is over.

    \b
    Examples:
      fun mns queue receive dlq
      fun mns queue receive dlq --wait 30 --delete --json
    """
    messages: list[dict[str, Any]] = []
    left = wait or 0
    while True:
        # One request waits for 30 s at most (mns section 9.3).
        step = min(int(left + 0.999), MAX_WAIT_SECONDS)
        messages = call("queue-receive", name=name, limit=limit, wait_seconds=step)["messages"]
        left -= step
        if messages or left <= 0:
            break
    if not messages:
        if wait:
            output.print_error(
                NotFound("MessageNotExist", f"no message came within {wait:g} s"), as_json=as_json
            )
            raise output.Stop(output.TIMED_OUT)
        raise NotFound("MessageNotExist", f"queue '{name}' has no message to receive")
    if delete_:
        for message in messages:
            call("queue-delete-message", name=name, receipt=message["receiptHandle"])
    _print_messages(messages, limit, as_json)


@queue.command()
@click.argument("name")
@output.json_option
def purge(name: str, as_json: bool) -> None:
    """Delete all messages of a queue.

    \b
    Examples:
      fun mns queue purge dlq
    """
    deleted = call("queue-purge", name=name)["deleted"]
    if as_json:
        output.print_json({"queueName": name, "deletedMessages": deleted})
    else:
        output.say(f"{deleted} messages deleted")


def _print_messages(messages: list[dict[str, Any]], limit: int, as_json: bool) -> None:
    """One message as it is; several (``--limit`` above 1) as a list."""
    if as_json:
        if limit > 1:
            output.print_json({"messages": messages})
        elif messages:
            output.print_json(messages[0])
        else:
            output.print_json({})
        return
    if not messages:
        output.hint("The queue is empty.")
    for message in messages:
        output.hint(
            f"{message['messageId']}, sent {output.moment(message['enqueueTime'])},"
            f" received {message['dequeueCount']} times"
        )
        body = message["messageBody"]
        if output.is_terminal():
            with contextlib.suppress(ValueError):
                body = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
        click.echo(body)
