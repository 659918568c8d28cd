"""The Python functions of the mixes (tests/crash/mix.py). TOKEN marks every process that they start."""

import os
import signal
import subprocess
import sys
import time

SLEEP = "import time; time.sleep(600)"


def quick(event, context):
    return event


def fails_once(event, context):
    if context.retry_count == 0:
        raise ValueError("the first time")
    return event


def fails(event, context):
    raise ValueError("every time")


def slow(event, context):
    print("asleep")
    time.sleep(0.3)
    return event


def big(event, context):
    return b"x" * 100_000


def exits(event, context):
    os._exit(3)


def children(event, context):
    """Three children that stay: one near, one in a session of its own, one that is nobody's."""
    command = [sys.executable, "-S", "-c", SLEEP, os.environ["TOKEN"]]
    subprocess.Popen(command)
    subprocess.Popen(command, start_new_session=True)
    leave = f"import subprocess; subprocess.Popen({command!r}, start_new_session=True, env={{}})"
    subprocess.run([sys.executable, "-S", "-c", leave], check=True)
    return event


def too_long(event, context):
    time.sleep(600)


def stubborn(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(0.5)
    return event


def prints(event, context):
    for number in range(2000):
        print(f"line {number} of {context.request_id}")
    return event


def initialize(context):
    time.sleep(0.05)


def pre_stop(context):
    print("goodbye")
