"""Running functions of a template here and now: no deploy, no daemon (`fun local`).

    code.py      where the code is: as it lies in the project, or unpacked
    run.py       one instance, one invocation, the end (`fun local invoke`)
    serving.py   functions behind their URLs, live as they are saved (`fun local start`)
    sources.py   which files of a project are looked at for changes
    live.py      the log, as it comes

Everything that a run leaves is in one folder, which its caller makes and removes.
"""
