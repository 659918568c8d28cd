"""The parameters of an RPC request, and whether they were signed with a key of this home (wire 2). Pure.

Signed is what is asked, not how: the parameters of query and form together. So here alone the body has to be
read before it is known who sends it; limits.py keeps it small. Generated SDKs sign the same requests with
ACS3 instead, which signatures.py checks: in that case only the words of a refusal are made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fun_local.http.refusals import Refused
from fun_local.http.signatures import base64_mac, check_date, compare, encoded, iso_time, items_of, secret_of

FORM = "application/x-www-form-urlencoded"

#: How the gateway calls what the others call otherwise (Alibaba Cloud documentation: "Common error codes").
_WORDS = {
    "InvalidAccessKeyID": (404, "InvalidAccessKeyId.NotFound"),
    "SignatureNotMatch": (400, "SignatureDoesNotMatch"),
    "RequestTimeTooSkewed": (400, "InvalidTimeStamp.Expired"),
    "InvalidArgument": (400, "InvalidTimeStamp.Format"),
    "MissingRequiredHeader": (400, "MissingParameter"),
}


def is_meant(path: str, query: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is an RPC: it names its action, or brings a form, at a path where nothing else is."""
    if path != "/":
        return False
    names = {name for name, _ in items_of(query)}
    is_form = headers.get("Content-Type", "").lower().startswith(FORM)
    return bool(names & {"Action", "Signature"}) or "x-acs-action" in headers or is_form


def parameters(query: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """What a request says, from wherever it says it. Of a name that is there twice the last counts."""
    found = {name: value or "" for name, value in items_of(query)}
    if headers.get("Content-Type", "").lower().startswith(FORM):
        form = body.decode("utf-8", "surrogateescape")
        found |= {name: value or "" for name, value in items_of(form)}
    return found


def verify(method: str, given: Mapping[str, str], secrets: Mapping[str, str], now: float) -> str:
    """The id of the key that signed these parameters. Raises Refused."""
    for name in ("AccessKeyId", "Signature", "Timestamp"):
        if not given.get(name):
            raise Refused(400, "MissingParameter", f"the parameter {name} is missing")
    if given.get("SignatureMethod", "HMAC-SHA1") != "HMAC-SHA1":
        raise Refused(400, "InvalidParameter.SignatureMethod", "SignatureMethod must be HMAC-SHA1")
    pairs = sorted((name, value) for name, value in given.items() if name != "Signature")
    text = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in pairs)
    with in_our_words():
        secret = secret_of(secrets, given["AccessKeyId"], "InvalidAccessKeyID")
        compare(given["Signature"], base64_mac(f"{secret}&", f"{method}&%2F&{encoded(text)}", "sha1"))
        check_date(iso_time, given["Timestamp"], now, "Timestamp")
    return given["AccessKeyId"]


@contextmanager
def in_our_words() -> Iterator[None]:
    """Refusals inside get the statuses and codes of this gateway."""
    try:
        yield
    except Refused as error:
        status, code = _WORDS.get(error.code, (error.status, error.code))
        raise Refused(status, code, error.message) from None
