"""Signs requests as the vendor's clients do: written from the fact sheets, not from what checks it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from email.utils import formatdate
from urllib.parse import parse_qsl, quote, unquote, urlencode


def fc(method, target, headers=None, *, key, secret, at=None, covers_query=False):
    """Headers with an FC signature (fc-api 2.1). ``target`` is path and query as sent.

    Calls of HTTP triggers sign the query, too; those by a domain's name can't be told by their path.
    """
    headers = {"date": formatdate(time.time() if at is None else at, usegmt=True), **(headers or {})}
    path, _, query = target.partition("?")
    resource = unquote(path)
    if covers_query or path.split("/")[2:3] == ["proxy"]:
        resource += "\n" + "\n".join(sorted(f"{k}={v}" for k, v in parse_qsl(query, keep_blank_values=True)))
    text = _text(method, headers, "x-fc-") + resource
    return {**headers, "authorization": f"FC {key}:{_mac(secret, text, 'sha256')}"}


def fc_url(method, path, *, key, secret, expires):
    """A target whose signature is in its query."""
    query = f"x-fc-access-key-id={key}&x-fc-expires={expires}"
    text = f"{method}\n\n\n{expires}\n{unquote(path)}\n" + query.replace("&", "\n")
    return f"{path}?{query}&" + urlencode({"x-fc-signature": _mac(secret, text, "sha256")})


def acs3(method, target, headers=None, body=b"", *, key, secret, at=None):
    """Headers with an ACS3 signature (fc-api 2.3)."""
    moment = time.gmtime(time.time() if at is None else at)
    headers = {
        "host": "127.0.0.1",
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment),
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        **(headers or {}),
    }
    path, _, query = target.partition("?")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical_query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    parts = [method, path, canonical_query, lines, ";".join(names), headers["x-acs-content-sha256"]]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    signature = hmac.new(secret.encode(), f"ACS3-HMAC-SHA256\n{digest}".encode(), hashlib.sha256).hexdigest()
    names_text = ";".join(names)
    authorization = f"ACS3-HMAC-SHA256 Credential={key},SignedHeaders={names_text},Signature={signature}"
    return {**headers, "authorization": authorization}


def mns(method, target, headers=None, *, key, secret, at=None):
    """Headers with an MNS signature (mns section 4)."""
    date = formatdate(time.time() if at is None else at, usegmt=True)
    headers = {"date": date, "x-mns-version": "2015-06-06", **(headers or {})}
    text = _text(method, headers, "x-mns-") + target
    return {**headers, "authorization": f"MNS {key}:{_mac(secret, text, 'sha1')}"}


def rpc(method, parameters, *, key, secret, at=None):
    """Parameters with an RPC signature (wire 2)."""
    moment = time.gmtime(time.time() if at is None else at)
    given = {
        "Format": "JSON",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": "x",
        "AccessKeyId": key,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment),
        **parameters,
    }
    text = "&".join(f"{_quoted(name)}={_quoted(given[name])}" for name in sorted(given))
    return {**given, "Signature": _mac(f"{secret}&", f"{method}&%2F&{_quoted(text)}", "sha1")}


def oss(method, bucket, key_, headers=None, *, key, secret, at=None, sub=""):
    """Headers with an OSS signature (wire 2); ``sub`` is a sub-resource."""
    date = formatdate(time.time() if at is None else at, usegmt=True)
    headers = {"x-oss-date": date, **(headers or {})}
    first = [method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    extra = sorted(f"{name}:{value}" for name, value in headers.items() if name.startswith("x-oss-"))
    text = "\n".join([*first, *extra, f"/{bucket}/{key_}" + (f"?{sub}" if sub else "")])
    return {**headers, "authorization": f"OSS {key}:{_mac(secret, text, 'sha1')}"}


def _quoted(text):
    return quote(text, safe="-_.~")


def _text(method, headers, prefix):
    first = [method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    extra = sorted((name, value) for name, value in headers.items() if name.startswith(prefix))
    return "".join(f"{part}\n" for part in first) + "".join(f"{name}:{value}\n" for name, value in extra)


def _mac(secret, text, algorithm):
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), algorithm).digest()).decode()
