import os
import subprocess
import sys
import time

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-S",
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
]
#: Starts a process in a session of its own, and leaves it: an orphan in nobody's group.
ORPHAN = [
    sys.executable,
    "-c",
    f"import subprocess, sys; subprocess.Popen({SLEEP!r}, start_new_session=True)",
]


def handler(event, context):
    start()
    time.sleep(float(event))


def returns(event, context):
    start()
    return "children left"


def exits(event, context):
    start()
    os._exit(1)


def start():
    children = [subprocess.Popen(SLEEP), subprocess.Popen(STUBBORN, start_new_session=True)]
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    subprocess.run(ORPHAN, check=True)
    print("children are there")
    return children


def memory(event, context):
    code = "import time; held = b'x' * (60 << 20); print('held', flush=True); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child.stdout.readline()
    time.sleep(600)
