"""RPC requests in, JSON out. Errors leave as ours: the endpoint words them for these APIs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import orjson
from aiohttp import web

from fun_local.errors import InvalidRequest, NotFound
from fun_local.http.pop import ram, ros, sts
from fun_local.http.pop.call import Action, Call, Context
from fun_local.http.pop.signature import parameters

#: Each API has a version of its own, so that says which one is meant.
VERSIONS: Mapping[str, Mapping[str, Action]] = {
    "2015-05-01": ram.ACTIONS,
    "2015-04-01": sts.ACTIONS,
    "2019-09-10": ros.ACTIONS,
}


class Api:
    """Answers requests for RAM, STS and ROS; who may ask, and how much, has been seen to."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Raises InvalidRequest and NotFound for what is no action, and whatever an action raises."""
        headers = request.headers
        given = parameters(request.rel_url.raw_query_string, headers, await request.read())
        _check_text(given)
        named = {"Action": headers.get("x-acs-action", ""), "Version": headers.get("x-acs-version", "")}
        for name, value in named.items():
            given[name] = given.get(name) or value
            if not given[name]:
                raise InvalidRequest("MissingParameter", f"the parameter {name} is missing")
        action = VERSIONS.get(given["Version"], {}).get(given["Action"])
        if action is None:
            message = f"there is no action {given['Action'][:80]!r} of version {given['Version'][:40]!r}"
            hint = "On this machine there are RAM 2015-05-01, STS 2015-04-01 and ROS 2019-09-10, in parts."
            raise NotFound("InvalidAction.NotFound", message, hint=hint)
        answer = {**await action(Call(self._context, given)), "RequestId": str(uuid.uuid4()).upper()}
        return web.Response(body=orjson.dumps(answer), content_type="application/json")


def _check_text(given: Mapping[str, str]) -> None:
    """What is no UTF-8 could be kept, but never be told of again."""
    try:
        "".join((*given, *given.values())).encode()
    except UnicodeEncodeError:
        raise InvalidRequest("InvalidParameter", "a parameter is not UTF-8") from None
