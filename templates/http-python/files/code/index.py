import base64
import json


def handler(event, context):
    """Called once per request. `event` is the request as JSON; what is returned becomes the response."""
    request = json.loads(event)
    method = request["requestContext"]["http"]["method"]
    if method == "GET":
        who = request["queryParameters"].get("name", "world")
    else:
        try:
            who = json.loads(body_of(request))["name"]
        except (ValueError, KeyError, TypeError):
            return answer(400, {"error": 'send JSON such as {"name": "Ada"}'})
    return answer(200, {"message": f"Hello, {who}!"})


def body_of(request):
    """The body as bytes: what is not text comes in base64."""
    body = request.get("body", "")
    return base64.b64decode(body) if request.get("isBase64Encoded") else body.encode()


def answer(status, content):
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(content),
    }
