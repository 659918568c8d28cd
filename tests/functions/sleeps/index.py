import time


def handler(event, context):
    """Sleep for as many seconds as the event says."""
    print("asleep")
    time.sleep(float(event))
    return "awake"


def holds_memory(event, context):
    held = bytearray(int(event) * 1024 * 1024)
    held[::4096] = b"x" * len(held[::4096])
    time.sleep(60)
    return str(len(held))


def torn_line(event, context):
    print("no end", end="")
    time.sleep(60)
