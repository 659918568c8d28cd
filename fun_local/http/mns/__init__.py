"""The Message Service's API, 2015-06-06: XML over HTTP, as the official SDKs speak it.

    routing.py   requests in, answers out; errors in MNS's words
    call.py      what an operation is given and what it answers
    queues.py  messages.py  topics.py  account.py    the operations
    reading.py   elements, query and headers as values     document.py  XML itself
    rendering.py what we have as elements                   paging.py    lists

Who may call is decided before a request comes here.
"""

from fun_local.http.mns.routing import routes

__all__ = ["routes"]
