"""Functions behind URLs: HTTP triggers and custom domains.

visits.py    which requests are for a function, for which one, and whether they need a signature
serving.py   a request goes to its function, what the function answers to the client
"""

from __future__ import annotations

from fun_local.http.web.visits import Visit, Visits

__all__ = ["Visit", "Visits"]
