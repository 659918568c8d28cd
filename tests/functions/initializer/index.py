import os
import sys
import time

seen = []


def initialize(context):
    seen.append(context.function.handler)
    return object()


def fails(context):
    raise ValueError("not ready")


def sleeps(context):
    time.sleep(60)


def exits(context):
    sys.exit(1)


def handler(event, context):
    return [*seen, context.function.handler, os.getpid()]
