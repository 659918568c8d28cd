class Refused(Exception):
    pass


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no words for it")


def handler(event, context):
    raise Refused("not today")


def nested(event, context):
    return inner(event.decode())


def inner(text):
    try:
        int(text)
    except ValueError as error:
        raise RuntimeError("no number: " + text) from error


def unprintable(event, context):
    raise Unprintable


def no_arguments():
    pass


def recursive(event, context):
    return recursive(event, context)
