import datetime
import decimal


class Shown:
    def to_json(self):
        return {"shown": True}


class Hidden:
    def __repr__(self):
        return "<hidden>"


circle = []
circle.append(circle)


async def coroutine():
    pass


def handler(event, context):
    """Return what the event says, as Python."""
    names = {"datetime": datetime, "decimal": decimal, "Shown": Shown, "Hidden": Hidden, "circle": circle}
    return eval(event.decode(), names)


def describe(event, context):
    return type(event).__name__ + ":" + repr(event)
