"""Links to code that need no signature of their own: each holds its proof, for a few minutes (fc-api 6.1)."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping

from fun_local.errors import InvalidRequest, NotFound
from fun_local.http.fc.call import Context

#: Not below a version: no client builds this address itself.
PATH = "/downloads/code/{digest}.zip"

_SECONDS = 600


def link(context: Context, digest: str) -> str:
    """The address of code, good for ten minutes."""
    expires = str(int(time.time()) + _SECONDS)
    path = PATH.format(digest=digest)
    return f"{context.base_url()}{path}?Expires={expires}&Signature={_proof(context, digest, expires)}"


def check(context: Context, digest: str, query: Mapping[str, str]) -> None:
    """Raise InvalidRequest or NotFound unless the address is one that ``link`` gave, and lately."""
    expires = query.get("Expires", "")
    given = query.get("Signature", "").encode()
    if not hmac.compare_digest(given, _proof(context, digest, expires).encode()):
        raise InvalidRequest("SignatureNotMatch", "this is not a download link as GetFunctionCode gives one")
    if int(expires) < time.time():
        raise NotFound(
            "AccessDenied", "this download link has expired", hint="Ask GetFunctionCode for another."
        )


def _proof(context: Context, digest: str, expires: str) -> str:
    return hmac.new(context.secret, f"{digest} {expires}".encode(), hashlib.sha256).hexdigest()
