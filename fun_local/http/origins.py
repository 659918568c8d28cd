"""Whether a request may come from where it says: what a browser can be tricked into sending is refused. Pure.

A page of somebody else's can send requests to this machine, and, once its name resolves to 127.0.0.1, read
the answers. It can't hide: its origin is in Origin, or in Sec-Fetch-Site, or its name in Host.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address

from fun_local.http.refusals import Refused

#: What a request says of a navigation by the user (none) and of our own pages.
_OWN_SITES = ("same-origin", "none")

#: Names of the cloud that a hosts entry may lead here (fc-api 1.1, mns 3, wire 3.1). Nobody else can make
#: them resolve.
_CLOUD_NAMES = re.compile(r"([a-z0-9-]+\.){1,4}aliyuncs\.com")


def check_sender(origin: str | None, fetch_site: str | None, port: int) -> None:
    """Raise Refused for a request that another site's page makes. There is no CORS: no page is let in."""
    if origin is not None and not _is_ours(origin, port):
        raise Refused(403, "AccessDenied", f"requests from pages of {origin[:128]!r} are not answered")
    if fetch_site is not None and fetch_site.lower() not in _OWN_SITES:
        raise Refused(403, "AccessDenied", "requests from pages of other sites are not answered")


def check_visitor(origin: str | None, fetch_site: str | None) -> None:
    """Raise Refused for a request to an anonymous function that a page makes which is not of this machine.

    Pages of this machine's other servers may call functions, as they may in the cloud; whether they may read
    the answers the functions say themselves (CORS).
    """
    if origin is not None:
        scheme, _, rest = origin.lower().partition("://")
        if scheme not in ("http", "https") or not _is_loopback(_split(rest)[0]):
            raise Refused(403, "AccessDenied", f"requests from pages of {origin[:128]!r} are not answered")
    elif fetch_site is not None and fetch_site.lower() not in (*_OWN_SITES, "same-site"):
        raise Refused(403, "AccessDenied", "requests from pages of other sites are not answered")


def sole(hosts: Sequence[str]) -> str:
    """What the Host header says; nothing where there is none, or several that may differ."""
    return hosts[0] if len(hosts) == 1 else ""


def check_host(host: str, port: int) -> None:
    """Raise Refused unless a Host header means this machine.

    Only where no signature proves who asks: the official clients write what they like into it, the bare name
    or a whole URL (wire 1, rule 8).
    """
    name, given_port = _split(host.strip().lower().removeprefix("http://").rstrip("/"))
    if given_port not in ("", str(port)) or not (_is_loopback(name) or _CLOUD_NAMES.fullmatch(name)):
        message = f"the host {host[:128]!r} is not this endpoint: use 127.0.0.1:{port} or localhost:{port}"
        raise Refused(403, "AccessDenied", message)


def _is_ours(origin: str, port: int) -> bool:
    name, given_port = _split(origin.lower().removeprefix("http://"))
    return origin.lower().startswith("http://") and given_port == str(port) and _is_loopback(name)


def _split(host: str) -> tuple[str, str]:
    """Name or address, and the port as text; an IPv6 address without its brackets."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name, rest.removeprefix(":")
    name, _, port = host.partition(":")
    return name.removesuffix("."), port


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
