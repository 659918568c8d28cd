"""What is in a dead letter. Knows nothing of queues, so it is easily tested."""

import json
from dataclasses import dataclass


@dataclass
class Letter:
    """An invocation that did not succeed: what was asked, what came of it, and how often it was tried."""

    request_id: str
    function: str
    event: str
    reason: str
    attempts: int


def read(body):
    """The letter in the body of a message."""
    message = json.loads(body)
    request = message["requestContext"]
    # acs:fc:::services/SERVICE.QUALIFIER/functions/FUNCTION
    function = request["functionArn"].rpartition("/")[2]
    return Letter(
        request_id=request["requestId"],
        function=function,
        event=message["requestPayload"],
        reason=_reason(message),
        attempts=request["approximateInvokeCount"],
    )


def _reason(message):
    """What the function raised; or, when it did not even run, the condition."""
    try:
        return json.loads(message["responsePayload"])["errorMessage"]
    except (ValueError, KeyError, TypeError):
        return message["requestContext"]["condition"]
