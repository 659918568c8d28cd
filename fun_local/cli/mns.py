"""`fun mns`: queues and topics. Each of the two has a module of its own."""

from __future__ import annotations

import click

from fun_local.cli.queues import queue
from fun_local.cli.topics import topic


@click.group()
def mns() -> None:
    """Message Service: queues for outcomes, and topics that pass messages on.

    \b
    Examples:
      fun mns queue create dlq
      fun mns queue receive dlq --wait 30 --delete
      fun mns topic publish news -s hello
    """


mns.add_command(queue)
mns.add_command(topic)
