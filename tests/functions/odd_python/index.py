"""What functions do that nobody expects of them, one handler each."""

import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings


class MyError(Exception):
    pass


class Handler:
    """A class as the handler."""

    def __init__(self, event, context):
        self.text = event.decode()

    def to_json(self):
        return {"told": self.text}


def at_once(event, context):
    raise MyError("oops")


def nested(event, context):
    try:
        inner()
    except KeyError as error:
        raise MyError("outer") from error


def inner():
    raise KeyError("inner")


def signals(event, context):
    """End by the signal that the event names."""
    sys.stdout.write("before the end")
    os.kill(os.getpid(), getattr(signal, event.decode()))
    time.sleep(60)


def touches_nowhere(event, context):
    ctypes.string_at(0)


def writes_much(event, context):
    for number in range(int(event)):
        print(f"line {number}")
    return "written"


def leaves_thread(event, context):
    thread = threading.Thread(target=time.sleep, args=(600,))
    thread.start()
    print("thread left")
    return thread.is_alive()


def thread_raises(event, context):
    thread = threading.Thread(target=at_once, args=(event, context))
    threading.excepthook = lambda told: print("thread:", told.exc_type.__name__)
    thread.start()
    thread.join()
    return "unharmed"


def thread_exits(event, context):
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()
    return "unharmed"


def leaves_child(event, context):
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print("child left")
    return child.poll()


def reads_stdin(event, context):
    return [sys.stdin.read(), os.read(0, 10).decode()]


def changes_folder(event, context):
    os.chdir("/")
    import other

    return [os.getcwd(), other.VALUE]


def unicode(event, context):
    print(event.decode())
    return "影片 " + event.decode()


def half_a_character(event, context):
    print("\udcff\udcfe")
    return "\ud800"


def prints_without_end(event, context):
    print("no end", end="")


def print_is_flushed(event, context):
    print("said")
    os._exit(0)


def levels(event, context):
    log = logging.getLogger("part")
    log.debug("debug")
    log.info("info")
    log.warning("warning")
    log.critical("critical")
    log.setLevel("DEBUG")
    log.debug("debug of its own")


def logs_exception(event, context):
    try:
        inner()
    except KeyError:
        logging.exception("caught")
    return "went on"


def logs_much(event, context):
    logging.getLogger().info("y" * int(event))


def warns(event, context):
    warnings.warn("nobody sees this", stacklevel=2)
    return "warned"


def prints_json(event, context):
    """A line that could be taken for a result."""
    print(json.dumps({"__offline_payload__": 1}))
    return "mine"


def stubborn(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ignoring")
    time.sleep(60)


def hungry(event, context):
    print("eating")
    kept = []
    while True:
        kept.append(bytearray(b"x" * (8 << 20)))


def bomb(event, context):
    """Two to the power of the event processes, each in a group of its own."""
    for _ in range(int(event)):
        if os.fork() == 0:
            os.setsid()
    time.sleep(60)


async def coroutine(event, context):
    return "never awaited"


def generator(event, context):
    yield "never asked for"


def mixed_keys(event, context):
    return {"a": 1, 2: 3}


def nested_bytes(event, context):
    return {"a": b"x"}


def not_a_number(event, context):
    return [float("nan"), float("inf")]


def forks_and_returns(event, context):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return "parent"
    return "child"


def replaces_output(event, context):
    sys.stdout = sys.stderr = None
    return "silent"


def alarm(event, context):
    signal.alarm(1)
    time.sleep(60)


def fails_first(event, context):
    print("attempt", context.retry_count)
    if context.retry_count < int(event):
        raise MyError("not yet")
    return "at last"


def waits(event, context):
    print("at work")
    time.sleep(60)


def pre_stop(context):
    print("goodbye")


def init_fails(context):
    raise MyError("not ready")


def init_sleeps(context):
    time.sleep(60)


def init_exits(context):
    sys.exit(1)


def init(context):
    print("ready")
    return object()


def hello(event, context):
    return "hello"


if os.environ.get("AT_IMPORT") == "prints":
    print("imported")
