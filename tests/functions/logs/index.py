import logging

logging.getLogger().info("while importing")


def handler(event, context):
    root = logging.getLogger()
    root.debug("too detailed")
    root.info("to the root")
    logging.getLogger("part").warning("from a part: %s", 7)
    context.getLogger().error("from the context")
    return f"{len(root.handlers)} {root.level} {context.logger}"


def fails(event, context):
    raise ValueError("logged")


def long_record(event, context):
    logging.getLogger().info("y" * 200000)


def silent(event, context):
    root = logging.getLogger()
    root.handlers[:] = []
    root.addHandler(logging.StreamHandler())
    raise ValueError("elsewhere")
