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
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    child.start()
    child.terminate()
    child.join()
    return str(child.exitcode)
