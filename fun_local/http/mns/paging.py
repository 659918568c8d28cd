"""Lists by pages: prefix, size and marker travel in headers (mns section 8.4)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

from fun_local.errors import InvalidRequest
from fun_local.http.mns.document import Tree

_MOST = 1000


def page(names: Sequence[str], headers: Mapping[str, str]) -> tuple[list[str], list[Tree]]:
    """The names of one page, of all of them in order; and the marker of the next, if there is one.

    The marker is the last name that was given, so that what comes and goes meanwhile moves nothing.
    """
    prefix = headers.get("x-mns-prefix", "")
    size = _size(headers.get("x-mns-ret-number", ""))
    last = _name(headers.get("x-mns-marker", ""))
    left = [name for name in names if name.startswith(prefix) and name > last]
    found = left[:size]
    # No empty element where there is no more (mns section 2, rule 6).
    return found, [("NextMarker", _marker(found[-1]))] if len(left) > size else []


def is_with_meta(headers: Mapping[str, str]) -> bool:
    return headers.get("x-mns-with-meta", "").lower() == "true"


def _size(text: str) -> int:
    if not text:
        return _MOST
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= _MOST:
        raise InvalidRequest("InvalidArgument", f"x-mns-ret-number must be 1 to {_MOST}, not {text[:50]!r}")
    return int(text)


def _marker(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _name(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidRequest(
            "InvalidArgument",
            f"x-mns-marker {marker[:50]!r} is none that was given out",
            hint="Give the NextMarker of the page before.",
        ) from None
