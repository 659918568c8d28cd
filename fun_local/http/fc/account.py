"""What belongs to the account, and what a laptop has none of: lists of that are empty (fc-api 10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.listing import limit_of


async def settings(call: Call) -> Answer:
    return Answer({"availableAZs": [f"{call.context.region}-a"], "defaultRole": ""})


async def configs(call: Call) -> Answer:
    """One client asks for it, and no source says what for (fc-api 20)."""
    return Answer({})


async def regions(call: Call) -> Answer:
    """The one there is; of all answers this alone has capitals."""
    region = call.context.region
    one = {"RegionId": region, "LocalName": region, "RegionEndpoint": call.context.base_url()}
    return Answer({"Regions": {"Region": [one]}})


def nothing(name: str) -> Callable[[Call], Awaitable[Answer]]:
    """The list of something that there is none of."""

    async def list_all(call: Call) -> Answer:
        limit_of(call.query)
        return Answer({name: [], "nextToken": ""})

    return list_all
