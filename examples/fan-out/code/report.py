import json
import logging

log = logging.getLogger()


def handler(event, context):
    """Called with the outcome of each page that could not be rendered, after its last attempt."""
    outcome = json.loads(event)
    page = json.loads(outcome["requestPayload"])["page"]
    reason = json.loads(outcome["responsePayload"])["errorMessage"]
    tried = outcome["requestContext"]["approximateInvokeCount"]
    log.error("page %d is missing after %d attempts: %s", page, tried, reason)
    return {"page": page, "reason": reason, "attempts": tried}
