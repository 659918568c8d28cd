"""The operations on the account (mns section 15)."""

from __future__ import annotations

from fun_local.errors import InvalidRequest
from fun_local.http.mns import reading, rendering
from fun_local.http.mns.call import NO_CONTENT, Answer, Call

#: The order that opened the service: there is nothing to order here.
_ORDER_ID = "0"

_MAX_BUCKET = 256


async def get(call: Call) -> Answer:
    """GetAccountAttributes. The SDK insists on the element, and takes an empty one here."""
    _check(call)
    return Answer(200, ("Account", [("LoggingBucket", call.mns.logging_bucket())]))


async def put(call: Call) -> Answer:
    """SetAccountAttributes: only what is given changes."""
    _check(call)
    found = reading.fields(reading.root(call.body, "Account"))
    if "LoggingBucket" in found:
        bucket = reading.text(found, "LoggingBucket")
        if len(bucket) > _MAX_BUCKET:
            raise InvalidRequest("InvalidArgument", f"LoggingBucket has at most {_MAX_BUCKET} characters")
        await call.mns.set_logging_bucket(bucket)
    return NO_CONTENT


async def open_service(_: Call) -> Answer:
    """OpenService: it always is."""
    return Answer(200, ("OpenService", rendering.leaves(OrderId=_ORDER_ID)))


def _check(call: Call) -> None:
    if not call.is_true("accountmeta"):
        raise InvalidRequest("InvalidRequestURL", "the account's attributes are at /?accountmeta=true")
