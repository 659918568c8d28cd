"""The Function Compute API as the vendor's clients speak it: three versions over one set of operations.

dialects.py     what the versions spell differently, as data
operations.py   every operation once, with its paths
call.py         a request as the operations see it, and their answer
routes.py       the web framework's side: requests in, answers out, errors in the vendor's words
"""

from __future__ import annotations

from fun_local.http.fc.call import Context
from fun_local.http.fc.openapi import document
from fun_local.http.fc.routes import routes

__all__ = ["Context", "document", "routes"]
