import json
import logging

log = logging.getLogger()


def handler(event, context):
    """Called with the outcome of each page that was rendered. The same one may come twice: bear it."""
    outcome = json.loads(event)
    rendered = json.loads(outcome["responsePayload"])
    log.info("page %d is in the album", rendered["page"])
    return rendered["picture"]
