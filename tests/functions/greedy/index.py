import os
import subprocess
import sys
import threading
import time

HOLD = "held = b'x' * ({mb} << 20); import time; print('held', flush=True); time.sleep(600)"

#: Starts a process that nothing connects with us, and leaves it.
START = (
    "import subprocess, sys\n"
    "subprocess.Popen([sys.executable, '-c', {code!r}], env={{}}, start_new_session=True)"
)


def memory(event, context):
    held = b"x" * (int(event) << 20)
    print("holding", flush=True)
    time.sleep(600)
    return len(held)


def child_memory(event, context):
    """Its child is nobody's: in a session of its own, without our environment, its parent gone."""
    orphan(HOLD.format(mb=int(event)))
    time.sleep(600)


def leaves_child_memory(event, context):
    orphan(f"import time; time.sleep({float(event)}); " + HOLD.format(mb=200))
    return "left"


def orphan(code):
    subprocess.run([sys.executable, "-c", START.format(code=code)], check=True)
    print("started", flush=True)


def orphans_pid(event, context):
    code = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code += "; print(os.getpid(), flush=True); time.sleep(600)"
    command = [sys.executable, "-c", START.format(code=code)]
    # Neither does it print to the instance's log.
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.readline()


def shared_memory(event, context):
    """Eight processes with the same pages: much in sum, little in truth."""
    held = b"x" * (40 << 20)
    for _ in range(8):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(float(event))
    return len(held) and "shared"


def processes(event, context):
    """As many children as it can get, each in a session of its own."""
    for _ in range(int(event)):
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)
    print("all there", flush=True)
    time.sleep(600)


def threads(event, context):
    for _ in range(int(event)):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    time.sleep(600)


def flood(event, context):
    line = b"flood " * 10_000 + b"\n"
    until = time.monotonic() + float(event)
    while time.monotonic() < until:
        os.write(1, line)
    print("the last line")
    return "dry"


def scratch(event, context):
    import tempfile

    path = os.path.join(tempfile.gettempdir(), "mine")
    with open(path, "a") as file:
        file.write("x")
    return [path, os.path.getsize(path), oct(os.stat(tempfile.gettempdir()).st_mode & 0o777)]


def limits(event, context):
    import resource

    return [resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NOFILE)]
