import os

calls = []


def handler(event, context):
    calls.append(event)
    return f"{os.getpid()} {len(calls)}"
