"""Pages of lists: prefix, startKey, limit and nextToken, the same for every kind of resource (fc-api 4)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from fun_local.http.fc.reading import invalid, whole

T = TypeVar("T")

_PER_PAGE = 20
_MOST_PER_PAGE = 100


def limit_of(query: Mapping[str, str], default: int = _PER_PAGE) -> int:
    """How many are wanted. Raises InvalidRequest."""
    text = query.get("limit", "")
    return whole(text, "limit", 1, _MOST_PER_PAGE) if text else default


def page(
    name: str,
    items: Iterable[T],
    query: Mapping[str, str],
    *,
    key: Callable[[T], str],
    shown: Callable[[T], Any],
    order: Callable[[T], Any] | None = None,
    is_backward: bool = False,
) -> dict[str, Any]:
    """One page by ``key``, ascending unless told otherwise, under ``name`` and with the token of the next.

    ``order`` sorts where the text of the key does not (the numbers of versions). A token wins over startKey.

    Raises:
        InvalidRequest: a limit or token that is none.
    """
    sort = order or key
    limit = limit_of(query)
    ordered = sorted(items, key=sort, reverse=is_backward)
    kept = [item for item in ordered if key(item).startswith(query.get("prefix", ""))]
    token = query.get("nextToken", "")
    start = _key(token) if token else query.get("startKey", "")
    if start:
        kept = _from(kept, start, key, order, is_backward)
    rest = kept[limit:]
    return {name: [shown(item) for item in kept[:limit]], "nextToken": _token(key(rest[0])) if rest else ""}


def _from(
    items: list[T], start: str, key: Callable[[T], str], order: Callable[[T], Any] | None, is_backward: bool
) -> list[T]:
    """From a key on, which is included; it need not be there any more."""
    if order is None:
        return [item for item in items if (key(item) <= start if is_backward else key(item) >= start)]
    # Only numbers have an order of their own.
    number = whole(start, "startKey", 0, 10**10)
    return [item for item in items if (order(item) <= number if is_backward else order(item) >= number)]


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(f"key:{key}".encode()).decode()


def _key(token: str) -> str:
    try:
        kind, _, key = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except (ValueError, binascii.Error):
        kind = key = ""
    if kind != "key" or not key:
        raise invalid(f"nextToken is {token[:40]!r} and must be what the page before gave")
    return key
