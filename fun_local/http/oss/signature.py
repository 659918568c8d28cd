"""What an OSS request is about, and whether it was signed with a key of this home (wire 2). Pure.

The signature covers bucket and object, wherever they stand: the bucket in the Host header or, where the
endpoint is an address, first in the path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from fun_local.http.refusals import Refused
from fun_local.http.signatures import (
    Signed,
    base64_mac,
    check_date,
    compare,
    head,
    http_time,
    items_of,
    secret_of,
)

_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9-]{1,61}[a-z0-9])\.)?oss-[a-z0-9-]+\.aliyuncs\.com(:[0-9]{1,5})?"
)

#: Parts of a query that say what of a bucket or object is meant, and are signed (OSS documentation: "Add
#: signatures to headers").
_SUB_RESOURCES = frozenset(
    {
        *("acl", "append", "bucketInfo", "callback", "callback-var", "comp", "cors", "delete", "encryption"),
        *("inventory", "inventoryId", "lifecycle", "live", "location", "logging", "metaQuery", "objectMeta"),
        *("partNumber", "policy", "position", "qos", "referer", "replication", "requestPayment", "restore"),
        *("security-token", "stat", "status", "style", "symlink", "tagging", "transferAcceleration"),
        *("uploadId", "uploads", "versionId", "versioning", "versions", "vod", "website", "worm"),
        *("x-oss-process", "x-oss-traffic-limit"),
        *(f"response-{name}" for name in ("cache-control", "content-disposition", "content-encoding")),
        *(f"response-{name}" for name in ("content-language", "content-type", "expires")),
    }
)


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket, or with a ``key`` the object in it; ``sub`` is what of it is meant, as it is signed."""

    bucket: str
    key: str
    sub: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        path = f"/{self.bucket}/{self.key}" if self.bucket else "/"
        return path + ("?" + "&".join(self.sub) if self.sub else "")


def is_meant(host: str, authorization: str) -> bool:
    """Whether a request is for OSS: it says so in one of two headers."""
    return authorization.lstrip().startswith("OSS ") or _HOST.fullmatch(host.lower()) is not None


def address_of(host: str, target: str) -> Address:
    """What a request is about; ``target`` is path and query as sent."""
    path, _, query = target.partition("?")
    name = unquote(path, errors="surrogateescape").removeprefix("/")
    by_host = _HOST.fullmatch(host.lower())
    bucket, key = (by_host["bucket"] or "", name) if by_host else ("", "")
    if not bucket:
        bucket, _, key = name.partition("/")
    sub = [
        item if value in (None, "") else f"{item}={value}"
        for item, value in items_of(query)
        if item in _SUB_RESOURCES
    ]
    return Address(bucket, key, tuple(sorted(sub)))


def verify(signed: Signed, secrets: Mapping[str, str], now: float) -> str:
    """The id of the key that signed a request. Raises Refused."""
    scheme, _, rest = signed.header("authorization").strip().partition(" ")
    if not scheme:
        raise Refused(403, "AccessDenied", "nobody may do this without a signature: see the key with fun env")
    key_id, colon, given = rest.strip().rpartition(":")
    if scheme != "OSS" or not colon:
        raise Refused(
            403,
            "InvalidArgument",
            "Authorization is not 'OSS KEY_ID:SIGNATURE': tell the client to use signature version 1",
        )
    secret = secret_of(secrets, key_id, "InvalidAccessKeyId")
    date = signed.header("x-oss-date") or signed.header("date")
    text = head(signed, date, prefix="x-oss-") + address_of(signed.header("host"), signed.target).resource
    compare(given, base64_mac(secret, text, "sha1"), code="SignatureDoesNotMatch")
    check_date(http_time, date, now, "Date", malformed="AccessDenied")
    return key_id
