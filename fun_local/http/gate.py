"""Who is let in at the endpoint: pages of other sites never, others with a signature; then their body too.

In this order, so that a body is read only for somebody who has proved who it is. Forms are the exception:
their signature is one of their fields.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from fun_local.accept import MAX_SYNC_PAYLOAD
from fun_local.http import limits, origins, signatures
from fun_local.http.oss import signature as oss
from fun_local.http.pop import signature as pop
from fun_local.http.refusals import Family, Refused, family_of
from fun_local.http.web import Visit

_MOST_FORMS = 16


class ClientGone(Exception):
    """The client has closed its connection in the middle of a body: there is nobody to answer."""


@dataclass(frozen=True)
class Gate:
    """``secrets`` gives the secret of every key id that is valid now; ``now`` is Unix time.

    ``is_open`` tells the requests that need no signature, ``has_session`` those of the console, which prove
    in another way who asks; with ``checks_signatures`` off none needs one.
    """

    port: int
    secrets: Callable[[], Mapping[str, str]]
    now: Callable[[], float]
    limits: limits.Limits
    is_open: Callable[[web.Request], bool]
    has_session: Callable[[web.Request], bool]
    checks_signatures: bool = True
    #: So many are read at a time of bodies whose sender has not proved anything yet.
    forms: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_FORMS))

    async def admit(self, request: web.Request, visit: Visit | None = None) -> web.Request:
        """The request as its handler gets it, with its body read. ``visit``: it is for a function's URL.

        Raises:
            Refused: it is not let in, or its body is too large, too slow or another one than was signed.
            ClientGone: it ended before its body did.
        """
        headers = request.headers
        sender = headers.get("Origin"), headers.get("Sec-Fetch-Site")
        is_anonymous = visit is not None and visit.is_anonymous
        if is_anonymous:
            origins.check_visitor(*sender)
        elif not _is_followed_link(request):
            origins.check_sender(*sender, self.port)
        whose = Family.FC if visit else family(request)
        most = MAX_SYNC_PAYLOAD if visit else limits.body_limit(whose, request.path)
        is_free = is_anonymous or not self.checks_signatures
        # By their paths, which of buckets and of forms say nothing.
        may_be_open = visit is None and whose in (Family.FC, Family.MNS)
        if is_free or (may_be_open and (self.is_open(request) or self.has_session(request))):
            if visit is None or not visit.is_by_domain:
                origins.check_host(origins.sole(request.headers.getall("Host", [])), self.port)
            return await self._with_body(request, whose, most)
        signed = _signed(request, is_visit=visit is not None)
        claimed = signatures.claimed_hash(signed)
        if whose is Family.POP and not claimed:
            async with self.forms:
                admitted = await self._with_body(request, whose, most)
            given = pop.parameters(signed.query, headers, await admitted.read())
            pop.verify(request.method, given, self.secrets(), self.now())
            return admitted
        self._verify(signed, whose)
        admitted = await self._with_body(request, whose, most)
        if claimed and not hmac.compare_digest(
            hashlib.sha256(await admitted.read()).hexdigest(), claimed.lower()
        ):
            message = "the body's SHA-256 is not the one that x-acs-content-sha256 tells"
            raise Refused(403, "SignatureNotMatch", message)
        return admitted

    def _verify(self, signed: signatures.Signed, whose: Family) -> None:
        if whose is Family.OSS:
            oss.verify(signed, self.secrets(), self.now())
        elif whose is Family.POP:
            with pop.in_our_words():
                signatures.verify(signed, Family.FC, self.secrets(), self.now())
        else:
            signatures.verify(signed, whose, self.secrets(), self.now())

    async def _with_body(self, request: web.Request, family: Family, limit: int) -> web.Request:
        told = request.content_length
        if told is not None and told > limit:
            raise limits.too_large(family, limit)
        bounded = request.clone(client_max_size=limit)
        try:
            async with asyncio.timeout(limits.body_time(self.limits, limit if told is None else told)):
                await bounded.read()
        except TimeoutError:
            raise Refused(408, "RequestTimeout", "the body did not come in time") from None
        except web.HTTPRequestEntityTooLarge:
            raise limits.too_large(family, limit) from None
        except (web.RequestPayloadError, BadHttpMessage) as error:
            raise Refused(400, "InvalidArgument", f"the body is not as its headers say: {error}") from None
        except ConnectionError as error:
            raise ClientGone from error
        return bounded


def family(request: web.Request) -> Family:
    """Whose API a request means."""
    authorization = request.headers.get("Authorization", "")
    if oss.is_meant(origins.sole(request.headers.getall("Host", [])), authorization):
        return Family.OSS
    if pop.is_meant(request.path, request.rel_url.raw_query_string, request.headers):
        return Family.POP
    return family_of(request.path, authorization, "x-mns-version" in request.headers)


def _is_followed_link(request: web.Request) -> bool:
    """Whether somebody comes to the console from another site: to its page as such, which tells nothing."""
    headers = request.headers
    is_visit = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    return is_visit and request.method == "GET" and request.path.startswith("/console/")


def _signed(request: web.Request, *, is_visit: bool) -> signatures.Signed:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
    return signatures.Signed(request.method, request.raw_path, headers, covers_query=is_visit)
