class Handler:
    """A class as a handler: called like a function, shown by to_json."""

    def __init__(self, event, context):
        self.text = event.decode()

    def to_json(self):
        return self.text


not_callable = 1
