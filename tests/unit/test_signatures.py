"""Signatures: what the vendor's own clients sent is let in, and nothing else is.

signed_requests.json holds requests as the named clients sent them to a recorder on this machine.
"""

import hashlib
import json
from calendar import timegm
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.http.refusals import Family, Refused, family_of
from fun_local.http.signatures import Signed, claimed_hash, verify
from tests import signing

RECORDED = json.loads((Path(__file__).parent / "signed_requests.json").read_text())
NOW = 1_795_000_000.0
KEY = {"key": "ak", "secret": "sk"}
SECRETS = {"other": "secret", "ak": "sk"}
FC_PATH = "/2016-08-15/services/svc/functions/fn"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()


def family(signed):
    return family_of(signed.path, signed.header("authorization"), "x-mns-version" in signed.headers)


def check(signed, *, secrets=SECRETS, now=NOW):
    return verify(signed, family(signed), secrets, now)


def refusal(signed, **options):
    with pytest.raises(Refused) as caught:
        check(signed, **options)
    return caught.value.status, caught.value.code


def signed_by(scheme, *, method="GET", at=NOW, **options):
    """One request of each scheme, signed with the key of these tests."""
    target = {"fc": FC_PATH, "acs3": "/2023-03-30/functions/fn?limit=5", "mns": "/queues/q"}[scheme]
    headers = getattr(signing, scheme)(method, target, at=at, **{**KEY, **options})
    return Signed(method, target, headers)


SCHEMES = ("fc", "acs3", "mns")
INVALID_KEY = {"fc": "InvalidAccessKeyID", "acs3": "InvalidAccessKeyID", "mns": "InvalidAccessKeyId"}
MISMATCH = {"fc": "SignatureNotMatch", "acs3": "SignatureNotMatch", "mns": "SignatureDoesNotMatch"}
STALE = {
    "fc": (403, "RequestTimeTooSkewed"),
    "acs3": (403, "RequestTimeTooSkewed"),
    "mns": (408, "TimeExpired"),
}
MALFORMED = {"fc": "InvalidArgument", "acs3": "InvalidArgument", "mns": "InvalidDateHeader"}


def recorded():
    for number, request in enumerate(RECORDED["requests"]):
        headers = {name.lower(): value for name, value in request["headers"]}
        signed = Signed(request["method"], request["target"], headers)
        yield pytest.param(signed, request["body"].encode("latin-1"), id=f"{number} {request['client']}")


@pytest.mark.parametrize(("signed", "body"), list(recorded()))
def test_what_the_vendors_clients_send_is_let_in(signed, body):
    secrets = {RECORDED["key_id"]: RECORDED["secret"]}
    assert check(signed, secrets=secrets, now=RECORDED["time"]) == RECORDED["key_id"]
    if claimed := claimed_hash(signed):
        assert claimed == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(("signed", "body"), list(recorded()))
def test_the_same_with_another_secret_is_not(signed, body):
    secrets = {RECORDED["key_id"]: RECORDED["secret"] + "x"}
    assert refusal(signed, secrets=secrets, now=RECORDED["time"])[0] == 403


FC_DATE = {"date": "Mon, 09 Nov 2020 09:46:33 GMT", "content-type": "application/json"}
ASYNC = {"x-fc-invocation-type": "Async", "x-fc-stateful-async-invocation-id": "job_1"}


@pytest.mark.parametrize(
    ("method", "target", "headers", "signature"),
    [
        ("GET", "/2016-08-15/services", {}, "vXNkmlVZ+MIIFIqufqmnAPfA0MlQKGxxJhqpSbK9Ukw="),
        (
            "POST",
            "/2016-08-15/services/svc.LATEST/functions/fn/invocations",
            ASYNC,
            "IwbwRhm04mrofDCyUgjm1pSL+XJjoky+mrU1SBOk5aI=",
        ),
        (
            "GET",
            "/2016-08-15/proxy/svc/fn/2/x%20y?a=1&b=2&b=1",
            {},
            "svRc6vLrbu2XE3P7U+Ou0Y4UeqP7Ar+o2OHUO1mgX9I=",
        ),
        ("GET", "/2016-08-15/proxy/svc/fn/", {}, "KeY2fmRP9Z6Q6b1TGvuy+DLI4yKi7efg9gYDtisAUcA="),
    ],
)
def test_the_vectors_of_the_fc_signature_are_let_in(method, target, headers, signature):
    """fc-api 2.2."""
    all_headers = {**FC_DATE, **headers, "authorization": f"FC ak:{signature}"}
    now = timegm((2020, 11, 9, 9, 46, 33))
    assert check(Signed(method, target, all_headers), now=now) == "ak"


def test_the_query_of_an_ordinary_fc_call_is_not_signed():
    signed = signed_by("fc")
    assert check(replace(signed, target=signed.target + "?limit=3")) == "ak"


def test_the_vector_of_acs3_is_let_in():
    """fc-api 2.3."""
    names = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
    signature = "b59decc34af48177a39059f0ee8b2f309eab0134d56df18630589ede87d927d7"
    headers = {
        "host": "127.0.0.1:9000",
        "x-acs-version": "2023-03-30",
        "x-acs-action": "ListAsyncTasks",
        "x-acs-date": "2020-11-09T09:46:33Z",
        "x-acs-signature-nonce": "n1",
        "x-acs-content-sha256": EMPTY_HASH,
        "authorization": f"ACS3-HMAC-SHA256 Credential=ak,SignedHeaders={names},Signature={signature}",
    }
    signed = Signed("GET", "/2023-03-30/functions/fn/async-tasks?limit=5&prefix=j", headers)
    assert check(signed, now=timegm((2020, 11, 9, 9, 46, 33))) == "ak"


@pytest.mark.parametrize(
    ("method", "target", "content_type", "signature"),
    [
        ("GET", "/MyQueue", None, "uwx3yeWoILzgmvesW0BQSgfM7b8="),
        ("GET", "/queues/dlq/messages?waitseconds=3", None, "oQcR86r22PEPqC4yJVqU4d6oP6A="),
        ("POST", "/queues/dlq/messages", "text/xml;charset=UTF-8", "6Ipjo+C9XcQBGuzsUgzG9JefkCk="),
    ],
)
def test_the_vectors_of_mns_are_let_in(method, target, content_type, signature):
    """mns section 4."""
    headers = {
        "date": "Thu, 09 Jul 2015 03:01:34 GMT",
        "x-mns-version": "2015-06-06",
        "authorization": f"MNS TestAccessID:{signature}",
    }
    if content_type:
        headers["content-type"] = content_type
    secrets = {"TestAccessID": "TestAccessSecret"}
    now = timegm((2015, 7, 9, 3, 1, 34))
    assert check(Signed(method, target, headers), secrets=secrets, now=now) == "TestAccessID"


@pytest.mark.parametrize(
    ("token", "signature"),
    [
        ("&x-fc-security-token=stsToken", "Yi0jCBQ6cTZc%2BtN8wtYUz9FbYNijx5jDiE3sVNW6XwA%3D"),
        ("", "6Rc4KxEAv3%2BlHpbNQWceIUqWVWq3ewxhadlJBRzZ0XQ%3D"),
    ],
)
def test_a_signed_url_is_let_in_until_it_expires(token, signature):
    """The vectors that the vendor's Go client is tested with."""
    query = f"x-fc-access-key-id=akid&x-fc-expires=1583339600{token}&x-fc-signature={signature}"
    signed = Signed("GET", f"/2016-08-15/proxy/service/func/?{query}", {})
    assert check(signed, secrets={"akid": "akSec"}, now=1_583_339_600) == "akid"
    assert refusal(signed, secrets={"akid": "akSec"}, now=1_583_339_600.5) == (403, "AccessDenied")


@pytest.mark.parametrize("change", ["1583339601", "1e99", "", "-1", "9" * 20])
def test_the_expiry_of_a_signed_url_is_signed(change):
    target = signing.fc_url("GET", FC_PATH, expires=int(NOW) + 60, **KEY)
    assert check(Signed("GET", target, {})) == "ak"
    changed = Signed("GET", target.replace(str(int(NOW) + 60), change), {})
    assert refusal(changed) == (403, "SignatureNotMatch")


def test_a_url_that_is_signed_for_one_method_is_not_for_another():
    target = signing.fc_url("GET", FC_PATH, expires=int(NOW) + 60, **KEY)
    assert refusal(Signed("DELETE", target, {})) == (403, "SignatureNotMatch")


@pytest.mark.parametrize("expires", ["never", "", "9" * 20])
def test_a_url_signed_for_no_time_is_refused(expires):
    target = signing.fc_url("GET", FC_PATH, expires=expires, **KEY)
    assert refusal(Signed("GET", target, {})) == (403, "AccessDenied")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("seconds", [-900, 0, 900])
def test_a_date_within_fifteen_minutes_is_let_in(scheme, seconds):
    assert check(signed_by(scheme), now=NOW + seconds) == "ak"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("seconds", [-901, 901, 86_400])
def test_a_date_beyond_fifteen_minutes_is_refused(scheme, seconds):
    assert refusal(signed_by(scheme), now=NOW + seconds) == STALE[scheme]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("date", ["yesterday", "2026-13-45T99:99:99Z", "Mon, 99 Nov 99999 09:46:33 GMT"])
def test_a_date_that_is_none_is_refused(scheme, date):
    name = "x-acs-date" if scheme == "acs3" else "date"
    assert refusal(signed_by(scheme, headers={name: date})) == (400, MALFORMED[scheme])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_date_at_all_is_refused(scheme):
    name = "x-acs-date" if scheme == "acs3" else "date"
    missing = "MissingDateHeader" if scheme == "mns" else "MissingRequiredHeader"
    assert refusal(signed_by(scheme, headers={name: ""})) == (400, missing)


def test_mns_takes_its_own_date_where_there_is_no_other():
    headers = {"x-mns-date": "Thu, 09 Jul 2015 03:01:34 GMT", "x-mns-version": "2015-06-06"}
    text = "GET\n\n\nThu, 09 Jul 2015 03:01:34 GMT\nx-mns-date:Thu, 09 Jul 2015 03:01:34 GMT\n"
    mac = signing._mac("sk", text + "x-mns-version:2015-06-06\n/queues/q", "sha1")
    signed = Signed("GET", "/queues/q", {**headers, "authorization": f"MNS ak:{mac}"})
    assert check(signed, now=timegm((2015, 7, 9, 3, 1, 34))) == "ak"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_unknown_key_is_refused_by_its_name(scheme):
    assert refusal(signed_by(scheme, key="nobody")) == (403, INVALID_KEY[scheme])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_secret_of_another_key_is_refused(scheme):
    assert refusal(signed_by(scheme, secret="secret")) == (403, MISMATCH[scheme])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_method_is_refused(scheme):
    assert refusal(replace(signed_by(scheme), method="DELETE")) == (403, MISMATCH[scheme])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_path_is_refused(scheme):
    signed = signed_by(scheme)
    moved = replace(signed, target=signed.target.replace(*{"mns": ("/q", "/p")}.get(scheme, ("fn", "fm")), 1))
    assert moved != signed
    assert refusal(moved) == (403, MISMATCH[scheme])


@pytest.mark.parametrize("scheme", ["acs3", "mns"])
def test_another_query_is_refused(scheme):
    signed = signed_by(scheme)
    assert refusal(replace(signed, target=signed.target + "&x=1")) == (403, MISMATCH[scheme])


@pytest.mark.parametrize("query", ["", "?a=1", "?b=2&a=1&a=3"])
def test_the_query_of_a_proxy_call_is_signed(query):
    target = f"/2016-08-15/proxy/svc/fn/x{query}"
    signed = Signed("GET", target, signing.fc("GET", target, at=NOW, **KEY))
    assert check(signed) == "ak"
    other = target + ("&c=1" if query else "?c=1")
    assert refusal(replace(signed, target=other)) == (403, "SignatureNotMatch")


@pytest.mark.parametrize(
    ("scheme", "name"),
    [
        ("fc", "x-fc-invocation-type"),
        ("fc", "content-type"),
        ("fc", "content-md5"),
        ("mns", "x-mns-with-meta"),
        ("mns", "content-md5"),
    ],
)
def test_a_header_that_is_added_later_is_refused(scheme, name):
    signed = signed_by(scheme)
    added = replace(signed, headers={**signed.headers, name: "x"})
    assert refusal(added) == (403, MISMATCH[scheme])


def test_acs3_signs_the_headers_that_it_names():
    signed = signed_by("acs3", headers={"x-fc-log-type": "Tail"})
    assert check(signed) == "ak"
    changed = replace(signed, headers={**signed.headers, "x-fc-log-type": "None"})
    assert refusal(changed) == (403, "SignatureNotMatch")


def test_acs3_must_sign_its_date():
    signed = signed_by("acs3")
    authorization = signed.header("authorization").replace(";x-acs-date", "")
    unsigned = replace(signed, headers={**signed.headers, "authorization": authorization})
    assert refusal(unsigned) == (403, "SignatureNotMatch")


def test_acs3_must_tell_the_hash_of_the_body():
    assert refusal(signed_by("acs3", headers={"x-acs-content-sha256": ""})) == (400, "MissingRequiredHeader")


def test_only_acs3_claims_a_hash():
    assert claimed_hash(signed_by("acs3")) == EMPTY_HASH
    assert claimed_hash(signed_by("fc", headers={"x-acs-content-sha256": "x"})) == ""


@pytest.mark.parametrize("header", ["x-fc-security-token", "x-acs-security-token", "security-token"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_token_of_temporary_keys_may_come_along(scheme, header):
    assert check(signed_by(scheme, headers={header: "token+/="})) == "ak"


@pytest.mark.parametrize(
    ("target", "version", "expected"),
    [
        (FC_PATH, None, (403, "MissingRequiredHeader")),
        ("/queues/q", "2015-06-06", (400, "MissingAuthorizationHeader")),
        ("/queues/q", None, (400, "MissingAuthorizationHeader")),
        ("/topics", None, (400, "MissingAuthorizationHeader")),
    ],
)
def test_no_signature_is_refused_in_the_words_of_the_api(target, version, expected):
    headers = {"x-mns-version": version} if version else {}
    assert refusal(Signed("GET", target, headers)) == expected


@pytest.mark.parametrize(
    ("target", "authorization"),
    [
        (FC_PATH, "FC"),
        (FC_PATH, "FC "),
        (FC_PATH, "FC ak"),
        (FC_PATH, "FC ak:"),
        (FC_PATH, "FC :x"),
        (FC_PATH, "Bearer x"),
        (FC_PATH, "acs ak:x"),
        (FC_PATH, "fc ak:x"),
        (FC_PATH, "ACS3-HMAC-SHA256"),
        (FC_PATH, "ACS3-HMAC-SHA256 Credential=ak"),
        (FC_PATH, "ACS3-HMAC-SHA256 Credential=ak,SignedHeaders=,Signature="),
        (FC_PATH, "MNS"),
        ("/queues/q", "MNS"),
        ("/queues/q", "MNS ak"),
        ("/queues/q", "MNS ak:"),
        ("/queues/q", "FC ak:x"),
    ],
)
def test_an_authorization_of_no_form_is_refused(target, authorization):
    assert refusal(Signed("GET", target, {"authorization": authorization, "date": "x"}))[0] in (400, 403)


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=60)
#: Bytes that are no UTF-8 come from the server as surrogates.
_WIRE = st.binary(max_size=60).map(lambda data: data.decode("utf-8", "surrogateescape"))
_AUTHORIZATION = st.sampled_from(
    ["FC ak:", "MNS ak:", "ACS3-HMAC-SHA256 Credential=ak,SignedHeaders=x-acs-date;host,Signature=", ""]
)


@given(
    authorization=st.tuples(_AUTHORIZATION, _TEXT | _WIRE).map("".join),
    path=st.sampled_from(["/2016-08-15/", "/2016-08-15/proxy/", "/2023-03-30/", "/queues/", "/"]),
    rest=_TEXT | _WIRE,
    headers=st.dictionaries(
        st.sampled_from(
            ["date", "x-acs-date", "x-acs-content-sha256", "host", "x-fc-a", "x-mns-a", "x-fc-date"]
        ),
        _TEXT | _WIRE,
    ),
)
def test_whatever_comes_is_refused_and_nothing_else_happens(authorization, path, rest, headers):
    signed = Signed("GET", path + rest, {**headers, "authorization": authorization})
    with pytest.raises(Refused) as caught:
        check(signed)
    assert caught.value.status in (400, 403)


@given(
    path=st.lists(_TEXT.filter(bool), min_size=1, max_size=3),
    query=st.dictionaries(_TEXT.filter(bool), _TEXT, max_size=4),
    scheme=st.sampled_from(["fc", "acs3"]),
)
def test_whatever_is_signed_is_let_in(path, query, scheme):
    target = "/2016-08-15/" + "/".join(quote(part, safe="") for part in path) + "?" + urlencode(query)
    signed = Signed("GET", target, getattr(signing, scheme)("GET", target, at=NOW, **KEY))
    assert verify(signed, Family.FC, SECRETS, NOW) == "ak"
