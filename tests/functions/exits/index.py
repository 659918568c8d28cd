import os
import signal
import sys


def handler(event, context):
    ways = {
        "sys.exit": lambda: sys.exit(3),
        "SystemExit": lambda: throw(SystemExit),
        "KeyboardInterrupt": lambda: throw(KeyboardInterrupt),
        "os._exit": lambda: os._exit(4),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "close": lambda: os.closerange(3, 100),
    }
    print("going")
    held = bytearray(int(os.environ.get("HELD_MB", "0")) * 1024 * 1024)
    held[::4096] = b"x" * len(held[::4096])
    ways[event.decode()]()


def throw(kind):
    raise kind("gone")
