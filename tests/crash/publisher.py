"""A child process that publishes one message to a topic and dies at a chosen operation (see victim.py).

    python -m tests.crash.publisher HOME URL CRASH        (CRASH is JSON; null: it lives)

The topic has two subscribers: the queue ``copies``, and the web server at URL.
"""

import asyncio
import json
import sys

from fun_local import settings, wiring
from fun_local.model.resources import Queue, Subscription, Topic
from tests.crash import victim

TOPIC, COPIES = "news", "copies"


async def make_home(home, url):
    async with application(home) as emulator:
        topics = emulator.mns.topics
        await emulator.mns.create(Queue(COPIES))
        await topics.create(Topic(TOPIC))
        endpoint = f"acs:mns:::queues/{COPIES}"
        await topics.subscribe(Subscription(TOPIC, "copies", endpoint, format="SIMPLIFIED"))
        await topics.subscribe(Subscription(TOPIC, "web", url, "EXPONENTIAL_DECAY_RETRY", "SIMPLIFIED"))


def application(home):
    return wiring.emulator(home, settings.load(home, {})[0])


def owed(home):
    """How many pushes are owed."""
    return victim.rows(home, "SELECT count(*) FROM mns_pushes")[0][0]


def copies(home):
    """How many copies are in the queue."""
    return victim.rows(home, "SELECT count(*) FROM mns_messages WHERE queue = ?", COPIES)[0][0]


async def serve(home, body=None):
    """Publish (or not), then wait until nothing is owed any more."""
    async with application(home) as emulator:
        if body is not None:
            print(await emulator.mns.topics.publish(TOPIC, body), flush=True)
        await victim.until(lambda: owed(home) == 0)


if __name__ == "__main__":
    if crash := json.loads(sys.argv[2]):
        victim.install(**crash)
    asyncio.run(serve(sys.argv[1], b"the news"))
