"""How accepted invocations move along, one story each:

    queue -> instance -> transition -> destination -> acknowledgement (always last)

loop.py       who is next, and who is stopped     backlogs.py   what is due, per function
attempts.py   one try to run, and what it means   runs.py       an invocation while it is worked on
settling.py   writing down, delivering, ending    delivery.py   the outcome's way to its destination
"""

from fun_local.dispatcher.loop import Dispatcher

__all__ = ["Dispatcher"]
