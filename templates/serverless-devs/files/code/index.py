import json
import logging
import os

log = logging.getLogger()


def handler(event, context):
    """Called with an event of yours, or by the timer, which puts its payload into a text of its own."""
    order = json.loads(event)
    if "triggerName" in order:
        order = json.loads(order["payload"])
    days = int(os.environ["KEEP_DAYS"])
    log.info("tidying %s: what is older than %d days goes", order["table"], days)
    return {"table": order["table"], "kept_days": days}
