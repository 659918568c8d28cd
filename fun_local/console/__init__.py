"""The console: a web page that watches and steers executions, served by the daemon at its endpoint.

static/       the page: no build step, no request to any other host
pages.py      serves it, with the headers that keep it to itself
sessions.py   who may use it: a link from `fun console`, then a cookie and a key
routes.py     what the page asks beyond the vendor's APIs, as anybody may who signs (docs/console.md)
records.py  health.py  logs.py  samples.py    what these answer
stream.py     what happens, as it happens
"""

from fun_local.console.routes import routes, session_checker
from fun_local.console.sessions import Sessions

__all__ = ["Sessions", "routes", "session_checker"]
