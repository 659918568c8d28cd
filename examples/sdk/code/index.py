import json


def handler(event, context):
    text = json.loads(event)["text"]
    if not text.strip():
        raise ValueError("there is nothing to count")
    return {"words": len(text.split())}
