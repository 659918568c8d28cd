import os
import sys
import time


def handler(event, context):
    print("at work", flush=True)
    time.sleep(float(event or 0))
    return "done"


def pre_stop(context):
    print("goodbye from", context.function.handler, context.request_id, os.getpid())


def pre_freeze(context):
    print("good night from", context.function.handler)


def raises(context):
    raise ValueError("no goodbye")


def sleeps(context):
    print("asleep in the hook", flush=True)
    time.sleep(600)


def exits(context):
    sys.exit(3)
