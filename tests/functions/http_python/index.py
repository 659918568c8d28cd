import json


def shows(environ, start_response):
    """What it was asked: all of the environment that JSON can hold."""
    context = environ["fc.context"]
    shown = {key: value for key, value in environ.items() if isinstance(value, (str, bool, tuple))}
    shown["read"] = environ["wsgi.input"].read().decode("latin-1")
    shown["request id"] = context.request_id
    shown["retries"] = context.retry_count
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(shown).encode()]


def cookies(environ, start_response):
    start_response(
        "418 I'm a teapot", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Name", "caf\u00c3\u00a9")]
    )
    return [b"bin\x00\xff"]


def writes(environ, start_response):
    write = start_response("200 OK", [])
    write(b"first ")
    write("second ")
    return iter(["third", b" fourth"])


def plain_bytes(environ, start_response):
    start_response("200 OK", [])
    return b"as it is"


def late(environ, start_response):
    """An application that says its status with its first part."""
    start_response("201 Created", [])
    yield b"made"


class Application:
    def __init__(self, environ, start_response):
        start_response("200 OK", [])
        self.closed = False

    def __iter__(self):
        return iter([b"by a class"])

    def close(self):
        print("closed")


def raises(environ, start_response):
    raise ValueError("no such page")


def no_iterable(environ, start_response):
    start_response("200 OK", [])
    return 42


def no_start(environ, start_response):
    return [b"body"]


def bad_status(environ, start_response):
    start_response("fine", [])
    return []


def long_headers(environ, start_response):
    start_response("200 OK", [("X-Long", "x" * 100_000)])
    return []


def big(environ, start_response):
    start_response("200 OK", [])
    return [b"x" * (33 * 1024 * 1024)]


def event(event, context):
    return event
