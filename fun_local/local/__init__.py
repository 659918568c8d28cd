"""Running one function of a template here and now: no deploy, no daemon (`fun local invoke`).

    code.py   where the code is: as it lies in the project, or unpacked
    run.py    one instance, one invocation, the end
    live.py   the log, as it comes

Everything that a run leaves is in one folder, which its caller makes and removes.
"""
