"""What a function gets as the destination of another: a message about the other's invocation."""

import json


def result_of(event):
    """What the function before this one returned."""
    return json.loads(json.loads(event)["responsePayload"])


def request_of(event):
    """What the function before this one was called with."""
    return json.loads(json.loads(event)["requestPayload"])


def error_of(event):
    """Why the function before this one failed."""
    return result_of(event)["errorMessage"]
