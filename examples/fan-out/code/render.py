import json
import time


def handler(event, context):
    """One page. Ten of these run at the same time, each in an instance of its own."""
    page = json.loads(event)["page"]
    if page == 13:
        raise ValueError("there is no page 13")
    time.sleep(0.3)  # the work
    return {"page": page, "picture": f"page-{page}.png"}
