def handler(event, context):
    raise ValueError("shown")


def structured(event, context):
    import json
    import logging

    logging.getLogger().info("logged")
    return json.loads(event.decode())
