"""Waits for a debugger, then is the worker: ``python python_debug.py DEBUGPY HOST PORT WORKER FD LEASH``.

As `python -m debugpy` would do it, but for one thing: the process through which editors talk to us is to
outlive us by a moment, in which it tells them that we have ended. So it must not bear the mark by which
everything that belongs to an instance is found and killed. It ends by itself when we and the editor are gone.

Runs in the function's interpreter: standard library and debugpy only, for CPython 3.8 and later.
"""

import importlib
import os
import runpy
import sys

#: What processes.kill_bearers looks for.
_MARK = "FC_INSTANCE_ID"


def main() -> None:
    folder, host, port, worker = sys.argv[1:5]
    # Neither what lies beside us nor what lies beside debugpy is the function's business.
    sys.path[0] = os.path.dirname(folder)
    debugpy = importlib.import_module("debugpy")
    del sys.path[0]
    unmarked = {name: value for name, value in os.environ.items() if name != _MARK}
    # What the function starts is not debugged: it would wait, too.
    debugpy.configure(subProcess=False, pythonEnv=unmarked)
    debugpy.listen((host, int(port)))
    # As Node.js says it: who attached before this moment would be hung up on.
    print(f"Debugger listening on {host}:{port}", flush=True)
    debugpy.wait_for_client()
    sys.argv[:] = [worker, *sys.argv[5:]]
    runpy.run_path(worker, run_name="__main__")


if __name__ == "__main__":
    main()
