"""Tests against a Function Compute of their own: what the fixture ``fc`` gives, for any test runner.

    with FunctionCompute.open() as fc:
        fc.deploy("template.yml")
        fc.invoke_async("main", {"k": 1}).wait(timeout=30)

It works through the daemon's socket and the home's files, as the command line does.
compute.py     what is deployed and called       executions.py  one asynchronous call
queues.py      queues, topics, messages          failures.py    what a failed test shows
rehearsals.py  failures on purpose               values.py      events and results
home.py, keeper.py   a home, and the process that ends it however the tests end
"""

from fun_local.testing.compute import FunctionCompute
from fun_local.testing.executions import Event, Execution
from fun_local.testing.failures import FunctionError, NotInTime, UnexpectedEnd
from fun_local.testing.queues import Message, Queue, Topic
from fun_local.testing.rehearsals import Faults
from fun_local.testing.values import Answer

__all__ = [
    "Answer",
    "Event",
    "Execution",
    "Faults",
    "FunctionCompute",
    "FunctionError",
    "Message",
    "NotInTime",
    "Queue",
    "Topic",
    "UnexpectedEnd",
]
