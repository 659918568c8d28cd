from other import nothing


def handler(event, context):
    return nothing
