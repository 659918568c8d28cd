import multiprocessing
import os
import time


def handler(event, context):
    """The child comes back from the handler too."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return "parent"
    return "child"


def child_raises(event, context):
    if os.fork() == 0:
        raise RuntimeError("child")
    os.wait()
    return "parent"


def terminates(event, context):
    """SIGTERM means to a forked child what it means to anybody."""
    reading, writing = os.pipe()
    child = multiprocessing.get_context("fork").Process(target=wait, args=(writing,))
    child.start()
    os.read(reading, 1)  # the interpreter drops signals that arrive while it starts after a fork
    child.terminate()
    child.join()
    return str(child.exitcode)


def wait(writing):
    os.write(writing, b"x")
    time.sleep(600)
