import os
import stat


def handler(event, context):
    """As many bytes as the event says."""
    return b"x" * int(event)


def forges(event, context):
    """Write the event, in hex, to the socket that is ours, then wait."""
    for fd in range(3, 100):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, bytes.fromhex(event.decode()))
        except OSError:
            pass
    import time

    time.sleep(600)
