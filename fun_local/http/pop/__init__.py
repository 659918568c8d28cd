"""RAM, STS and ROS: RPC over HTTP, one action and its parameters per request (wire 2 and 3.1).

signature.py   the parameters, and their proof
call.py        a request as the actions see it
serving.py     the table of versions and actions; requests in, JSON out
ram.py  sts.py  ros.py    the actions
"""

from fun_local.http.pop.call import Context
from fun_local.http.pop.serving import Api

__all__ = ["Api", "Context"]
