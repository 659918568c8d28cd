import logging

from outcome import error_of, request_of

log = logging.getLogger()


def handler(event, context):
    """Gets what failed: the order as it came in, and the reason."""
    log.warning("order rejected: %s", error_of(event))
    return {"order": request_of(event), "reason": error_of(event)}
