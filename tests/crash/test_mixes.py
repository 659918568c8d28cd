"""Everything at once, for long: FUN_LOCAL_MIX_SECONDS each (20 by default, 120 in CI)."""

import os
import random
import sys

import pytest

from tests.conftest import wait_for
from tests.crash.mix import Mix

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for what is left in /proc")

SECONDS = float(os.environ.get("FUN_LOCAL_MIX_SECONDS", "20"))


@pytest.mark.parametrize("kills_daemon", [False, True], ids=["instances are killed", "the daemon is, too"])
def test_everything_at_once_comes_to_one_end_each_and_leaves_nothing(kills_daemon, monkeypatch):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    mix = Mix(seed, kills_daemon=kills_daemon)
    monkeypatch.setenv("TMPDIR", mix.scratch)  # of the daemons: what their instances leave there is seen
    with mix:
        mix.play(2)  # what is opened once is open then
        mix.settle()
        wait_for(lambda: not mix.instances())
        before = mix.descriptors()
        daemon = mix.daemon
        mix.play(SECONDS)
        mix.settle()
        wait_for(lambda: not mix.instances())
        wait_for(lambda: not mix.processes())
        if not kills_daemon:
            assert mix.daemon == daemon
            wait_for(lambda: not mix.descriptors() - before)
        mix.shut_down()
        print(f"{dict(mix.done)}: {dict(mix.check())}")
        assert mix.done["stopped"] and mix.done["deployed"] and mix.done["instances killed"]
        assert bool(mix.done["daemons killed"]) == kills_daemon
        assert os.listdir(mix.scratch) == []
