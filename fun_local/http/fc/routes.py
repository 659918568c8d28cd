"""Routes for the table of operations: a web request becomes a call, an answer or error a web response.

Who may call has been seen to before, and so have the sizes of requests (http/endpoint.py).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import orjson
from aiohttp import web

from fun_local.emulator import Emulator
from fun_local.errors import FunLocalError, InvalidRequest
from fun_local.http.fc import downloads
from fun_local.http.fc.call import Answer, Call, Context, request_id_of
from fun_local.http.fc.dialects import DIALECTS, FC_2016, Dialect
from fun_local.http.fc.errors import message_of, status_and_code
from fun_local.http.fc.operations import Handler, rows
from fun_local.http.refusals import Family, Rendered, rendered

log = logging.getLogger(__name__)

_REQUEST_ID = "X-Fc-Request-Id"


def routes(emulator: Emulator, context: Context) -> list[web.RouteDef]:
    """Every operation of every version; what is below a version and none of them is refused in its words."""
    found = [
        web.route(operation.method, path, _serving(emulator, context, dialect, operation.serve))
        for dialect, operation, path in rows()
    ]
    # Last: aiohttp takes the first that fits.
    found += [
        web.route("*", f"/{dialect.version}{{rest:.*}}", _serving(emulator, context, dialect, _unknown))
        for dialect in DIALECTS
    ]
    found.append(web.get(downloads.PATH, partial(_download, context)))
    return found


def _serving(
    emulator: Emulator, context: Context, dialect: Dialect, handle: Handler
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        request_id = new_request_id(dialect)
        try:
            request_id = request_id_of(request.headers, lambda: request_id)
            call = Call(
                emulator=emulator,
                context=context,
                dialect=dialect,
                path={**request.match_info, "path": request.path, "method": request.method},
                query=request.query,
                headers=request.headers,
                body=await request.read(),
                request_id=request_id,
            )
            return _response(await handle(call), request_id)
        except FunLocalError as error:
            return _refused(dialect, error, request_id)
        except web.HTTPRequestEntityTooLarge as error:
            return _error(400, "EntityTooLarge", error.text or error.reason, request_id)
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            text = f"an internal error has occurred ({type(error).__name__}). See: fun daemon logs"
            return _error(500, "InternalServerError", text, request_id)

    return serve


def new_request_id(dialect: Dialect) -> str:
    """The 36 characters of FC 2.0, or the three parts of FC 3.0 (fc-api 1.3)."""
    new = uuid.uuid4()
    return str(new) if dialect.has_services else f"1-{new.hex[:8]}-{new.hex[8:16]}-{new.hex[16:28]}"


async def _unknown(call: Call) -> Answer:
    path, method = call.path["path"], call.path["method"]
    raise InvalidRequest("PathNotSupported", f"'{path}' against '{method}' is not supported")


def _response(answer: Answer, request_id: str) -> web.Response:
    headers = {_REQUEST_ID: request_id, **answer.headers}
    if answer.body is None:
        # A content type without a body would be read as one (wire 1, rule 2).
        return web.Response(status=answer.status, headers=headers)
    if isinstance(answer.body, Mapping):
        body, content_type = orjson.dumps(answer.body), "application/json"
    else:
        body, content_type = answer.body, answer.content_type
    return web.Response(body=body, status=answer.status, headers=headers, content_type=content_type)


def refusal(dialect: Dialect, error: FunLocalError, request_id: str) -> Rendered:
    """An error in the words of the version."""
    status, code = status_and_code(dialect, error)
    if status >= 500:
        log.error("%s: %s", code, error.message)
    message = message_of(dialect, error)
    return rendered(Family.FC, status, code, message, request_id=request_id, host_id="")


def _refused(dialect: Dialect, error: FunLocalError, request_id: str) -> web.Response:
    return _told(refusal(dialect, error, request_id))


def _error(status: int, code: str, message: str, request_id: str) -> web.Response:
    return _told(rendered(Family.FC, status, code, message, request_id=request_id, host_id=""))


def _told(answer: Rendered) -> web.Response:
    return web.Response(body=answer.body, status=answer.status, headers=answer.headers)


async def _download(context: Context, request: web.Request) -> web.StreamResponse:
    digest = request.match_info["digest"]
    try:
        downloads.check(context, digest, request.query)
        archive = context.archives.known(digest)
        if archive is None:
            raise InvalidRequest("CodeNotFound", "the code is gone")
    except FunLocalError as error:
        return _refused(FC_2016, error, new_request_id(FC_2016))
    # Never a page of ours to a browser, whatever is in it.
    return web.FileResponse(archive.path, headers={"Content-Type": "application/zip"})
