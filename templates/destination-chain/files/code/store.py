import logging

from outcome import result_of

log = logging.getLogger()


def handler(event, context):
    order = result_of(event)
    log.info("order stored: %d x %s for %d", order["pieces"], order["item"], order["total"])
    return order
