"""What the endpoint says to a request that it does not let in, or can't: a reason, in the words of each API.

Nothing here decides anything: signatures.py, origins.py and limits.py do, and raise ``Refused``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from xml.sax.saxutils import escape

import orjson

MNS_VERSION = "2015-06-06"
MNS_NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"

_MNS_PATH = re.compile(r"/(queues|topics)(/|$)")


class Family(Enum):
    """Whose words a request expects: its error bodies and its request id's header."""

    FC = "FC"
    MNS = "MNS"
    #: RAM, STS and ROS: the vendor calls the gateway of such APIs POP.
    POP = "POP"
    OSS = "OSS"


class Refused(Exception):
    """A request that is not let in: status, the code of its API, and a message for the one who reads it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer, before a server has sent it."""

    status: int
    headers: dict[str, str]
    body: bytes


def family_of(path: str, authorization: str, has_mns_version: bool) -> Family:
    """FC or MNS: an MNS request says so in one of two headers (mns 3), or by where it goes."""
    is_mns = has_mns_version or authorization.lstrip()[:4].upper() == "MNS "
    return Family.MNS if is_mns or _MNS_PATH.match(path) else Family.FC


def rendered(
    family: Family, status: int, code: str, message: str, *, request_id: str, host_id: str
) -> Rendered:
    """An error as the family's clients can read it."""
    # It may repeat what came, which need not have been UTF-8.
    message = message.encode(errors="replace").decode()
    if family is Family.MNS:
        return Rendered(status, _mns_headers(request_id), _xml(code, message, request_id, host_id))
    if family is Family.OSS:
        headers = {"Content-Type": "application/xml", "x-oss-request-id": request_id}
        return Rendered(status, headers, _xml(code, message, request_id, host_id, namespace=""))
    if family is Family.POP:
        said = {"RequestId": request_id, "HostId": host_id, "Code": code, "Message": message}
        return Rendered(status, {"Content-Type": "application/json"}, orjson.dumps(said))
    # Both spellings of both keys: each client reads one pair only (wire 1, rule 1).
    body = {
        "ErrorCode": code,
        "ErrorMessage": message,
        "Code": code,
        "Message": message,
        "RequestId": request_id,
    }
    headers = {"Content-Type": "application/json", "X-Fc-Request-Id": request_id}
    return Rendered(status, headers, orjson.dumps(body))


def _mns_headers(request_id: str) -> dict[str, str]:
    # Exactly lower case: one client looks the id up as it is spelled (mns 2, rule 2).
    return {
        "Content-Type": "text/xml;charset=utf-8",
        "x-mns-request-id": request_id,
        "x-mns-version": MNS_VERSION,
    }


def _xml(
    code: str, message: str, request_id: str, host_id: str, *, namespace: str = f' xmlns="{MNS_NAMESPACE}"'
) -> bytes:
    # All four, and none of them empty, or the client can't read it (mns 2, rules 3 and 6).
    parts = {"Code": code, "Message": message or code, "RequestId": request_id, "HostId": host_id}
    inner = "".join(f"<{name}>{escape(_printable(text))}</{name}>" for name, text in parts.items())
    return f'<?xml version="1.0" encoding="utf-8"?>\n<Error{namespace}>{inner}</Error>'.encode()


def _printable(text: str) -> str:
    """Without what XML can't hold."""
    return "".join(c if c.isprintable() else "?" for c in text)
