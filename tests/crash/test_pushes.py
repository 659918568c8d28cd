"""What a kill leaves of a message that is being published and pushed, and that the next start makes good."""

import asyncio
import json
import signal
import sys

import pytest

from tests.crash import publisher
from tests.crash.victim import DIED, ROOT
from tests.fakes import until
from tests.subscriber import subscriber

PUBLISH = "INSERT INTO mns_pushes"
POSTPONE = "UPDATE mns_pushes"
FORGET = "DELETE FROM mns_pushes"


def at(of, when="before"):
    return {"on": "commit", "of": of, "when": when, "nth": 1}


async def start(home, crash):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.crash.publisher", home, json.dumps(crash)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )


#: Where the child dies; the first answers of the subscriber; how often it is told in all; is it published.
ROWS = {
    "before the message is published": (at(PUBLISH), [], 0, False),
    "after it is published, before any push": (at(PUBLISH, "after"), [], 1, True),
    "after a push, before it is forgotten": (at(FORGET), [], 2, True),
    "after a push is forgotten": (at(FORGET, "after"), [], 1, True),
    "after a push that failed, before that is noted": (at(POSTPONE), [500], 2, True),
    "after a push that failed": (at(POSTPONE, "after"), [500], 2, True),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_kill_loses_no_push_and_doubles_no_copy(tmp_path, row):
    crash, answers, told, is_published = ROWS[row]
    home = str(tmp_path)

    async def story():
        async with subscriber() as web:
            web.statuses = answers.copy()
            await publisher.make_home(home, web.url)
            child = await start(home, crash)
            output, _ = await asyncio.wait_for(child.communicate(), 60)
            assert child.returncode == DIED
            assert is_published or not output
            await publisher.serve(home)
            assert [one.body for one in web.pushed] == [b"the news"] * told
            assert len({one.headers["x-mns-message-id"] for one in web.pushed}) == min(told, 1)
            assert publisher.copies(home) == is_published

    asyncio.run(story())


def test_a_push_on_its_way_survives_a_real_kill(tmp_path):
    home = str(tmp_path)

    async def story():
        async with subscriber() as web:
            web.is_open.clear()
            await publisher.make_home(home, web.url)
            child = await start(home, None)
            await until(lambda: web.pushed)
            child.send_signal(signal.SIGKILL)
            await child.wait()
            assert publisher.owed(home) == 1
            web.is_open.set()
            await publisher.serve(home)
            assert len(web.pushed) == 2 and publisher.copies(home) == 1

    asyncio.run(story())
