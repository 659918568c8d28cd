"""Tags of services and functions: kept, listed, and without any other effect (fc-api 10).

FC 2.0 has one resource and a mapping (/tag), FC 3.0 lists of resources and of pairs (/tags-v2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.listing import page
from fun_local.http.fc.reading import Body, flag, invalid
from fun_local.http.fc.rendering import Json, function_arn
from fun_local.model import editing, kept
from fun_local.model.deployed import Deployed
from fun_local.model.kept import Kind
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, FunctionRef

FIELDS = ("resourceArn", "tags")
REMOVED_FIELDS = ("resourceArn", "tagKeys", "all")
LIST_FIELDS = ("resourceId", "resourceType", "tag")

#: Of one resource.
_MOST = 20

#: What a resource is called: with or without the account's part of the address.
_RESOURCE = re.compile(
    r"(acs:fc:[^:]*:[^:]*:)?/?(services/(?P<service>[^/.]+))?/?(functions/(?P<function>[^/]+?)(/[^/]+)?)?"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$-]*")


# --- FC 2.0


async def tag(call: Call) -> Answer:
    ref, tags = _found(call, call.fields.required("resourceArn")), call.fields.texts("tags")
    if not tags:
        raise invalid("tags is missing or empty")
    await call.edit(lambda old, now: _added(old, ref, tags, now))
    return Answer({})


async def get(call: Call) -> Answer:
    arn = call.query.get("resourceArn", "")
    return Answer({"resourceArn": arn, "tags": _tags(call.deployed, _found(call, arn))})


async def untag(call: Call) -> Answer:
    fields = call.fields
    ref = _found(call, fields.required("resourceArn"))
    keys = None if fields.flag("all", False) else fields.list_of_texts("tagKeys")
    if keys == ():
        raise invalid("tagKeys is missing or empty", hint="Send all: true to remove all tags.")
    await call.edit(lambda old, now: _removed(old, ref, keys, now))
    return Answer({})


# --- FC 3.0


async def tag_all(call: Call) -> Answer:
    fields = call.fields
    refs = [_found(call, text) for text in _wanted(fields.list_of_texts("resourceId"))]
    tags = dict(_pairs(fields.get("tag", list) or []))
    if not tags:
        raise invalid("Tag is missing or empty")

    def change(deployed: Deployed, now_ms: int) -> Deployed:
        for ref in refs:
            deployed = _added(deployed, ref, tags, now_ms)
        return deployed

    await call.edit(change)
    return Answer({"RequestId": call.request_id})


async def list_all(call: Call) -> Answer:
    query = call.query
    only = {_found(call, text) for text in _texts(query, "ResourceId")}
    wanted = wanted_in(query, "Tag")
    pairs = [
        (setting.ref, key, value)
        for setting in call.deployed.settings.values()
        if setting.kind == Kind.TAGS and setting.function and (not only or setting.ref in only)
        for key, value in setting.content.items()
        if not wanted or wanted.get(key) in ("", value)
    ]
    asked = {"limit": query.get("Limit", ""), "nextToken": query.get("NextToken", "")}
    found = page(
        "TagResources",
        pairs,
        asked,
        key=lambda pair: f"{pair[0]} {pair[1]}",
        shown=lambda pair: _shown(call, *pair),
    )
    return Answer(
        {"TagResources": found["TagResources"], "NextToken": found["nextToken"], "RequestId": call.request_id}
    )


async def untag_all(call: Call) -> Answer:
    query = call.query
    refs = [_found(call, text) for text in _wanted(_texts(query, "ResourceId"))]
    is_all = flag(query.get("All") or "false", "All")
    keys = None if is_all else _texts(query, "TagKey")
    if keys == ():
        raise invalid("TagKey is missing or empty", hint="Send All=true to remove all tags.")

    def change(deployed: Deployed, now_ms: int) -> Deployed:
        for ref in refs:
            deployed = _removed(deployed, ref, keys, now_ms)
        return deployed

    await call.edit(change)
    return Answer(status=204)


# --- what they share


def has(deployed: Deployed, ref: FunctionRef, wanted: Mapping[str, str]) -> bool:
    """Whether a resource has all of these tags; no value means whichever."""
    tags = _tags(deployed, ref) if wanted else {}
    return all(key in tags and value in ("", tags[key]) for key, value in wanted.items())


def wanted_in(query: Mapping[str, str], name: str) -> dict[str, str]:
    """The tags in a query, a list in JSON there."""
    return dict(_pairs(_listed(query, name)))


def with_sent(deployed: Deployed, ref: FunctionRef, fields: Body, now_ms: int) -> Deployed:
    """With the tags that came with a new function. Raises InvalidRequest."""
    tags = dict(_pairs(fields.get("tags", list) or []))
    return _added(deployed, ref, tags, now_ms) if tags else deployed


def shown(deployed: Deployed, ref: FunctionRef) -> list[Json]:
    """A function's tags as FC 3.0 shows them with it."""
    return [{"Key": key, "Value": value} for key, value in _tags(deployed, ref).items()]


def _tags(deployed: Deployed, ref: FunctionRef) -> dict[str, str]:
    setting = kept.find(deployed, Kind.TAGS, ref)
    return dict(setting.content) if setting else {}


def _added(deployed: Deployed, ref: FunctionRef, tags: Mapping[str, str], now_ms: int) -> Deployed:
    merged = {**_tags(deployed, ref), **tags}
    if len(merged) > _MOST:
        raise invalid(f"'{ref.path.rstrip('/')}' would have {len(merged)} tags, more than {_MOST}")
    return kept.put(deployed, Kind.TAGS, ref, merged, now_ms)


def _removed(deployed: Deployed, ref: FunctionRef, keys: Iterable[str] | None, now_ms: int) -> Deployed:
    """Without some of its tags; None: without all of them."""
    tags = _tags(deployed, ref)
    left = {} if keys is None else {key: value for key, value in tags.items() if key not in set(keys)}
    return kept.put(deployed, Kind.TAGS, ref, left, now_ms) if left else kept.drop(deployed, Kind.TAGS, ref)


def _found(call: Call, text: str) -> FunctionRef:
    """The resource of a name. Raises InvalidRequest for none, NotFound for one that is not there."""
    found = _RESOURCE.fullmatch(text)
    service, name = (found["service"], found["function"]) if found else (None, None)
    if not call.dialect.has_services and _NAME.fullmatch(text):
        name = text
    if not (service or name):
        raise invalid(f"{text[:200]!r} is not the name of a resource: services/NAME or functions/NAME")
    if name and not service:
        before, dollar, rest = name.partition("$")
        service, name = (before, rest) if dollar else (IMPLICIT_SERVICE, name)
    ref = FunctionRef(service or "", name or "", LATEST)
    if ref.function:
        editing.function_of(call.deployed, ref.path)
    else:
        editing.service_of(call.deployed, ref.service)
    return ref


def _wanted(ids: tuple[str, ...]) -> tuple[str, ...]:
    if not ids:
        raise invalid("ResourceId is missing or empty")
    return ids


def _listed(query: Mapping[str, str], name: str) -> list[Any]:
    """A list in a query: JSON, as the SDKs write it."""
    text = query.get(name, "")
    if not text:
        return []
    try:
        found = orjson.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise invalid(f"{name} must be a list in JSON")
    return found


def _texts(query: Mapping[str, str], name: str) -> tuple[str, ...]:
    found = _listed(query, name)
    if not all(isinstance(item, str) for item in found):
        raise invalid(f"{name} must be a list of texts")
    return tuple(found)


def _pairs(given: list[Any]) -> Iterable[tuple[str, str]]:
    for pair in given:
        if not isinstance(pair, dict):
            raise invalid("Tag must be a list of objects with Key and Value")
        fields = Body(pair, of="Tag")
        yield fields.required("Key", most=128), fields.text("Value", most=128)


def _shown(call: Call, ref: FunctionRef, key: str, value: str) -> Json:
    return {
        "ResourceId": function_arn(ref, call.arn_prefix),
        "ResourceType": "FUNCTION",
        "TagKey": key,
        "TagValue": value,
    }
