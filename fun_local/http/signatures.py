"""Whether a request was signed with a key of this home: the vendor's schemes, checked for real. Pure.

    FC                  2016-08-15; HMAC-SHA256 over method, three headers, x-fc-* and the decoded path
    FC, in the query    the same with an expiry in place of the date: URLs that are handed on
    ACS3-HMAC-SHA256    2021-04-06, 2023-03-30; over a canonical form of the request and its body's hash
    MNS                 HMAC-SHA1 over method, three headers, x-mns-* and the target as sent

No scheme needs the body itself: ACS3 signs the hash that the client claims, and ``claimed_hash`` says what
the body, once read, must have. So nobody makes us read a body before it is known who sends it. (RAM, STS, ROS
and OSS have schemes of their own: pop/signature.py and oss/signature.py.)

Rules: fc-api 2, mns 4, wire 2. Codes and statuses are each API's own (fc-api 16.2, mns 5). Of two opinions
each: FC answers 403 where there is no signature at all (fc-api 2.1), MNS 408 where the date is old (mns 5).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_plus

from fun_local.http.refusals import Family, Refused

#: How far a request's date may be off, either way (fc-api 2.1, mns 4).
WINDOW_SECONDS = 15 * 60

_ACS3 = "ACS3-HMAC-SHA256"

#: Of the percent-encoding that ACS3 signs (wire 2).
_UNRESERVED = "-_.~"

_EXPIRES = "x-fc-expires"
_KEY_ID = "x-fc-access-key-id"
_SIGNATURE = "x-fc-signature"


@dataclass(frozen=True, slots=True)
class Signed:
    """What of a request its signature covers. ``target`` is path and query exactly as sent.

    ``headers`` has lower-case names; several of one name are joined by commas. ``covers_query``: it is for a
    function's URL, of which the FC scheme signs the query, too.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    covers_query: bool = False

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


def verify(signed: Signed, family: Family, secrets: Mapping[str, str], now: float) -> str:
    """The id of the key that signed a request. ``secrets`` maps ids to secrets, ``now`` is Unix time.

    Raises:
        Refused: no signature, one of another key, of another request or of another time.
    """
    authorization = signed.header("authorization").strip()
    if family is Family.MNS:
        return _verify_mns(signed, authorization, secrets, now)
    if not authorization and _SIGNATURE in dict(items_of(signed.query)):
        return _verify_url(signed, secrets, now)
    scheme = authorization.partition(" ")[0]
    if not authorization:
        raise Refused(403, "MissingRequiredHeader", "required HTTP header Authorization was not specified")
    if scheme == "FC":
        return _verify_fc(signed, authorization, secrets, now)
    if scheme == _ACS3:
        return _verify_acs3(signed, authorization, secrets, now)
    raise _mismatch(f"Authorization begins neither with FC nor with {_ACS3}.")


def claimed_hash(signed: Signed) -> str:
    """The hex SHA-256 that the body must have, empty where the scheme does not sign the body."""
    is_acs3 = signed.header("authorization").strip().startswith(_ACS3 + " ")
    return signed.header("x-acs-content-sha256") if is_acs3 else ""


# FC


def _verify_fc(signed: Signed, authorization: str, secrets: Mapping[str, str], now: float) -> str:
    key_id, _, given = authorization.removeprefix("FC ").strip().rpartition(":")
    secret = secret_of(secrets, key_id, "InvalidAccessKeyID")
    date = signed.header("date")
    expected = _fc_signature(secret, signed, date)
    compare(given, expected)
    check_date(http_time, date or signed.header("x-fc-date"), now, "Date")
    return key_id


def _verify_url(signed: Signed, secrets: Mapping[str, str], now: float) -> str:
    items = {name: value or "" for name, value in items_of(signed.query)}
    key_id, expires = items.get(_KEY_ID, ""), items.get(_EXPIRES, "")
    secret = secret_of(secrets, key_id, "InvalidAccessKeyID")
    compare(items[_SIGNATURE], _fc_signature(secret, signed, expires, is_url=True))
    if not (expires.isascii() and expires.isdigit() and len(expires) < 16 and now <= int(expires)):
        raise Refused(403, "AccessDenied", f"this URL was valid until {expires or 'no time'}, Unix seconds")
    return key_id


def _fc_signature(secret: str, signed: Signed, date: str, *, is_url: bool = False) -> str:
    text = head(signed, date, prefix="x-fc-") + _fc_resource(signed, is_url=is_url)
    return base64_mac(secret, text, "sha256")


def _fc_resource(signed: Signed, *, is_url: bool) -> str:
    """The decoded path; for calls of HTTP triggers and for signed URLs the query too, sorted (fc-api 2.1)."""
    path = unquote(signed.path)
    if not (is_url or signed.covers_query or path.split("/")[2:3] == ["proxy"]):
        return path
    items = [(name, value) for name, value in items_of(signed.query) if name != _SIGNATURE]
    texts = sorted(name if value is None else f"{name}={value}" for name, value in items)
    return path + "\n" + "\n".join(texts)


# ACS3


def _verify_acs3(signed: Signed, authorization: str, secrets: Mapping[str, str], now: float) -> str:
    pairs = (part.partition("=") for part in authorization.removeprefix(_ACS3).split(","))
    parts = {name.strip(): value.strip() for name, _, value in pairs}
    key_id = parts.get("Credential", "")
    secret = secret_of(secrets, key_id, "InvalidAccessKeyID")
    for name in ("x-acs-date", "x-acs-content-sha256"):
        if not signed.header(name):
            raise _missing(name)
    names = [name for name in parts.get("SignedHeaders", "").lower().split(";") if name]
    if "x-acs-date" not in names:
        raise _mismatch("SignedHeaders must name x-acs-date.")
    canonical = _canonical_request(signed, names)
    text = f"{_ACS3}\n{hashlib.sha256(_bytes(canonical)).hexdigest()}"
    expected = hmac.digest(secret.encode(), text.encode(), "sha256").hex()
    compare(parts.get("Signature", "").lower(), expected)
    check_date(iso_time, signed.header("x-acs-date"), now, "x-acs-date")
    return key_id


def _canonical_request(signed: Signed, names: list[str]) -> str:
    """As fc-api 2.3 has it: a space of the query is + on the wire and %20 in what is signed."""
    query = "&".join(
        f"{encoded(name)}={encoded(value or '')}"
        for name, value in sorted(items_of(signed.query), key=lambda item: item[0])
    )
    headers = "".join(f"{name}:{signed.header(name).strip()}\n" for name in sorted(names))
    content = signed.header("x-acs-content-sha256")
    return "\n".join([signed.method, signed.path, query, headers, ";".join(names), content])


# MNS


def _verify_mns(signed: Signed, authorization: str, secrets: Mapping[str, str], now: float) -> str:
    if not authorization:
        raise Refused(400, "MissingAuthorizationHeader", "the Authorization header is missing")
    scheme, _, rest = authorization.partition(" ")
    key_id, colon, given = rest.strip().rpartition(":")
    if scheme.upper() != "MNS" or not colon:
        raise Refused(400, "InvalidAuthorizationHeader", "Authorization is not 'MNS KEY_ID:SIGNATURE'")
    secret = secret_of(secrets, key_id, "InvalidAccessKeyId")
    # The node client sends both; a client that can't set Date sends the other one alone.
    date = signed.header("date") or signed.header("x-mns-date")
    text = head(signed, date, prefix="x-mns-") + signed.target
    compare(given, base64_mac(secret, text, "sha1"), code="SignatureDoesNotMatch")
    if not date:
        raise Refused(400, "MissingDateHeader", "the Date header is missing")
    stale = (408, "TimeExpired")
    check_date(http_time, date, now, "Date", stale=stale, malformed="InvalidDateHeader")
    return key_id


# What they share, with those of http/pop and http/oss as well


def head(signed: Signed, date: str, *, prefix: str) -> str:
    """Method, three headers as sent and those with the prefix, each with a line feed."""
    extra = "".join(f"{n}:{v}\n" for n, v in sorted(signed.headers.items()) if n.startswith(prefix))
    first = (signed.method, signed.header("content-md5"), signed.header("content-type"), date)
    return "".join(f"{part}\n" for part in first) + extra


def base64_mac(secret: str, text: str, algorithm: str) -> str:
    """The signature of all schemes but ACS3."""
    return base64.b64encode(hmac.digest(secret.encode(), _bytes(text), algorithm)).decode()


def _bytes(text: str) -> bytes:
    """Text of a request as it was sent: bytes that are not UTF-8 come as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def items_of(query: str) -> list[tuple[str, str | None]]:
    """A query's items, decoded; None is the value of one that has no equals sign."""
    items = []
    for part in query.split("&"):
        if part:
            name, equals, value = part.partition("=")
            items.append((unquote_plus(name), unquote_plus(value) if equals else None))
    return items


def encoded(text: str) -> str:
    """Percent-encoded as ACS3 and the RPC scheme sign it."""
    return quote(text, safe=_UNRESERVED, errors="surrogateescape")


def secret_of(secrets: Mapping[str, str], key_id: str, code: str) -> str:
    """The secret of a key id. Raises Refused with ``code`` for one that is not valid here."""
    secret = secrets.get(key_id)
    if secret is None:
        raise Refused(403, code, f"invalid access key ID '{key_id[:128]}': see this home's with fun env")
    return secret


def compare(given: str, expected: str, *, code: str = "SignatureNotMatch") -> None:
    """Takes as long however much of it is right: the time must not tell how close a guess was."""
    if not hmac.compare_digest(_bytes(given), expected.encode()):
        raise _mismatch("See them with: fun env", code)


def _mismatch(detail: str, code: str = "SignatureNotMatch") -> Refused:
    return Refused(
        403,
        code,
        "The request signature we calculated does not match the signature you provided. "
        f"Check your access key and signing method. {detail}",
    )


def _missing(header: str) -> Refused:
    return Refused(400, "MissingRequiredHeader", f"required HTTP header {header} was not specified")


def check_date(
    parse: Callable[[str], float],
    text: str,
    now: float,
    header: str,
    *,
    stale: tuple[int, str] = (403, "RequestTimeTooSkewed"),
    malformed: str = "InvalidArgument",
) -> None:
    """Raise Refused unless ``text`` is a time that is near enough; ``header`` is where it stands."""
    if not text:
        raise _missing(header)
    try:
        time = parse(text)
    except (ValueError, OverflowError, TypeError):
        raise Refused(400, malformed, f"{header} {text[:64]!r} is not a time of its form") from None
    if abs(now - time) > WINDOW_SECONDS:
        ours = datetime.fromtimestamp(now, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        message = f"the difference between the request time '{text[:64]}' and the current time '{ours}'"
        raise Refused(*stale, f"{message} is too large")


@lru_cache(maxsize=64)
def http_time(text: str) -> float:
    """Unix time of an HTTP date. Raises ValueError, OverflowError or TypeError, as iso_time does."""
    # Remembered: a client that asks often writes the same date for a second.
    return _utc(parsedate_to_datetime(text))


def iso_time(text: str) -> float:
    """Unix time of 2026-01-01T00:00:00Z."""
    return _utc(datetime.fromisoformat(text))


def _utc(time: datetime) -> float:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
