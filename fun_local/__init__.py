"""Alibaba Cloud Function Compute on your own machine.

    template.yml -> template/ -> model -> registry (a file)
    fun, invk -> http/ -> emulator -> queue -> dispatcher -> runtime instance -> destination
                                         \\-> execution store (TinyDB buckets)

Read in this order: model/execution.py, ports.py, emulator.py, dispatcher/loop.py, store/queue.py,
runtime/python_worker.py. Imports point one way only; tests/test_floors.py holds the map.
"""

__version__ = "0.1.0"
