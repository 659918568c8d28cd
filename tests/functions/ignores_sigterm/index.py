import signal
import time


def handler(event, context):
    """Ignore SIGTERM, say so, then work for as many seconds as the event says."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready to be stopped")
    time.sleep(float(event))
    return "finished all the same"


def catches(event, context):
    signal.signal(signal.SIGTERM, lambda *_: print("caught"))
    print("ready to be stopped")
    time.sleep(float(event))
    return "finished all the same"


def blocks(event, context):
    """One call into C that does not come back: signal handlers written in Python have to wait."""
    print("ready to be stopped")
    return str(sum(range(10**13)))
