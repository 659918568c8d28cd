"""MNS requests in, answers out; errors in MNS's words, whatever happens inside (mns sections 2, 5 and 7)."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from fun_local.emulator import Emulator
from fun_local.errors import FunLocalError, InvalidRequest
from fun_local.http.errors import status_of
from fun_local.http.mns import account, messages, queues, reading, topics
from fun_local.http.mns.call import Answer, Call, Operation
from fun_local.http.mns.document import write
from fun_local.http.mns.rendering import message_of
from fun_local.http.refusals import MNS_VERSION, Family, rendered

log = logging.getLogger(__name__)

#: mns section 7.
OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "/": {"GET": account.get, "PUT": account.put},
    "/commonbuy/openservice": {"POST": account.open_service},
    "/queues": {"GET": queues.list_},
    "/queues/{queue}": {"PUT": queues.put, "GET": queues.get, "DELETE": queues.delete},
    "/queues/{queue}/messages": {
        "POST": messages.send,
        "GET": messages.get,
        "DELETE": messages.delete,
        "PUT": messages.change_visibility,
    },
    "/topics": {"GET": topics.list_},
    "/topics/{topic}": {"PUT": topics.put, "GET": topics.get, "DELETE": topics.delete},
    "/topics/{topic}/messages": {"POST": topics.publish},
    "/topics/{topic}/subscriptions": {"GET": topics.list_subscriptions},
    "/topics/{topic}/subscriptions/{subscription}": {
        "PUT": topics.put_subscription,
        "GET": topics.get_subscription,
        "DELETE": topics.unsubscribe,
    },
}

#: A host that can be part of an address; anything else was not meant as one.
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


def routes(emulator: Emulator, context: object = None) -> list[web.RouteDef]:
    """The API's routes. Nothing of ``context`` is needed: addresses are made of the host that was called."""
    found = [
        web.route("*", path, _Resource(emulator, operations).answer)
        for path, operations in OPERATIONS.items()
        if path != "/"
    ]
    # The root is shared with whoever else is at home there: no other method of it is ours.
    root = _Resource(emulator, OPERATIONS["/"])
    found += [web.route(method, "/", root.answer) for method in OPERATIONS["/"]]
    nothing = _Resource(emulator, {})
    return found + [web.route("*", f"/{kind}/{{rest:.*}}", nothing.answer) for kind in ("queues", "topics")]


class _Resource:
    """What is at one path: an operation for each method."""

    def __init__(self, emulator: Emulator, operations: Mapping[str, Operation]) -> None:
        self._emulator = emulator
        self._operations = operations

    async def answer(self, request: web.Request) -> web.Response:
        request_id = secrets.token_hex(12).upper()
        base_url = _base_url(request)
        try:
            return _response(await self._run(request, base_url), request_id)
        except FunLocalError as error:
            status, code, message = status_of(error), error.code, message_of(error)
        except web.HTTPRequestEntityTooLarge as error:
            status, code, message = 400, "InvalidArgument", error.text or error.reason
        except (web.RequestPayloadError, BadHttpMessage) as error:
            status, code = 400, "InvalidArgument"
            message = f"the body is not as its headers say: {error}"
        except ConnectionError:
            raise  # nobody is there to answer
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            status, code = 500, "InternalError"
            message = "an internal error has occurred. See: fun daemon logs"
        error_ = rendered(Family.MNS, status, code, message, request_id=request_id, host_id=base_url)
        return web.Response(status=error_.status, headers=error_.headers, body=error_.body)

    async def _run(self, request: web.Request, base_url: str) -> Answer:
        operation = self._operations.get(request.method)
        if operation is None:
            raise InvalidRequest(
                "InvalidRequestURL", f"{request.method} {request.path} is no operation of MNS"
            )

        def is_wanted() -> bool:
            return request.transport is not None and not request.transport.is_closing()

        return await operation(
            Call(
                mns=self._emulator.mns,
                names={kind: _storable(name) for kind, name in request.match_info.items()},
                query=reading.query(request.rel_url.raw_query_string),
                headers=request.headers,
                body=await request.read(),
                base_url=base_url,
                is_wanted=is_wanted,
            )
        )


def _storable(name: str) -> str:
    """A name out of an address. What came as no UTF-8 is not the name of anything, and can't be looked up."""
    return name.encode(errors="replace").decode()


def _base_url(request: web.Request) -> str:
    """How the client has called us: what it finds in addresses it can call again (mns section 8.1)."""
    host = request.headers.get("Host", "")
    return f"{request.scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"


def _response(answer: Answer, request_id: str) -> web.Response:
    # The id in exactly lower case: the SDK looks it up as it is spelled (mns section 2, rule 2).
    headers = {"x-mns-request-id": request_id, "x-mns-version": MNS_VERSION}
    if answer.location:
        headers["Location"] = answer.location
    if answer.document is None:
        return web.Response(status=answer.status, headers=headers)
    headers["Content-Type"] = "text/xml;charset=utf-8"
    return web.Response(status=answer.status, headers=headers, body=write(answer.document))
