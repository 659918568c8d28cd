import json
import logging
import os

log = logging.getLogger()


def handler(event, context):
    """Called once per event. `event` is bytes; what is returned is the answer."""
    who = json.loads(event).get("name", "world")
    log.info("greeting %s", who)
    return {"message": f"{os.environ['GREETING']}, {who}!"}
