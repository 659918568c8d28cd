"""Who may use the console: a link that works once, then a cookie and a key that the page keeps.

    fun console ─▶ link with a token ─▶ POST /console/session ─▶ cookie (HttpOnly) + key ─▶ requests with both

A browser sends cookies to every port of a machine: a program that listens on another one gets ours too. The
key is kept in the page's storage, which belongs to this port alone, and travels in a header, which other
sites' pages can't set. Either alone proves nothing. Both are derived from the home's access key, so that
sessions outlive the daemon and end when the key is revoked.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: Seconds that a link is good for.
LINK_SECONDS = 600.0

#: Seconds that a session lasts.
SESSION_SECONDS = 7 * 86_400

#: What the page sends its key in.
KEY_HEADER = "X-Fun-Local-Console"

#: Links that are open at a time; the oldest is dropped.
_MOST_LINKS = 50


@dataclass(frozen=True, slots=True)
class Session:
    """What the browser gets: a cookie it can't read, and a key for the page."""

    cookie: str
    key: str


class Sessions:
    """``pair`` gives the id and secret that new sessions are made from, ``all_secrets`` those still valid."""

    def __init__(
        self,
        *,
        port: int,
        pair: Callable[[], tuple[str, str]],
        all_secrets: Callable[[], Mapping[str, str]],
        now: Callable[[], float],
    ) -> None:
        # Cookies of two homes' consoles must not replace each other.
        self.cookie_name = f"fun-local-{port}"
        self._pair = pair
        self._secrets = all_secrets
        self._now = now
        self._links: dict[str, float] = {}

    def new_link(self) -> str:
        """A token that opens one session, soon."""
        token = secrets.token_urlsafe(24)
        self._links[token] = self._now() + LINK_SECONDS
        while len(self._links) > _MOST_LINKS:
            del self._links[next(iter(self._links))]
        return token

    def open(self, token: str) -> Session | None:
        """The session that a link opens; None where it was used, or is too old, or none of ours."""
        expires = self._links.pop(token, 0.0)
        if expires < self._now():
            return None
        key_id, secret = self._pair()
        body = f"{key_id}.{secrets.token_urlsafe(12)}.{int(self._now()) + SESSION_SECONDS}"
        return Session(f"{body}.{_sign(secret, 'cookie', body)}", _sign(secret, "page", body))

    def proves(self, cookie: str, key: str) -> bool:
        """Whether the two belong together, are ours and still valid."""
        body, _, signature = cookie.rpartition(".")
        key_id, _, rest = body.partition(".")
        expires = rest.rpartition(".")[2]
        secret = self._secrets().get(key_id)
        if secret is None or not expires.isdigit() or int(expires) < self._now():
            return False
        is_cookie = hmac.compare_digest(_sign(secret, "cookie", body), _ascii(signature))
        return hmac.compare_digest(_sign(secret, "page", body), _ascii(key)) and is_cookie


def _sign(secret: str, purpose: str, body: str) -> str:
    return hmac.new(secret.encode(), f"console {purpose} {body}".encode(), hashlib.sha256).hexdigest()


def _ascii(text: str) -> str:
    # compare_digest refuses other texts.
    return text if text.isascii() else ""
