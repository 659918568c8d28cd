import os
import subprocess
import sys


def handler(event, context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    os.write(1, b"raw bytes\n")
    sys.stdout.buffer.write(b"binary\n")
    print("\u4f60\u597d")
    return "printed"


def long_write(event, context):
    sys.stdout.write("x" * 200000)
    sys.stdout.write("\n")


def replaced(event, context):
    """What functions do to their streams must not keep us from answering."""
    sys.stdout.close()
    sys.stderr = None
    return "still here"
