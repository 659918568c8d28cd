"""Versions and aliases, of a service or, in FC 3.0, of a function (fc-api 7)."""

from __future__ import annotations

from dataclasses import replace

from fun_local.http.fc import rendering
from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.listing import page
from fun_local.http.fc.reading import Body, choice, invalid
from fun_local.model import editing, publishing
from fun_local.model.resources import Alias

#: What of an alias has a meaning here; 2021 knows more ways to share calls out, which are kept only.
ALIAS_FIELDS = ("aliasName", "versionId", "description", "additionalVersionWeight")
_SHOWN = ("createdTime", "lastModifiedTime")


async def publish(call: Call) -> Answer:
    scope, description = call.scope, call.fields.text("description")
    owner = (
        editing.service_of(call.deployed, call.service) if call.dialect.has_services else call.need_function()
    )
    call.check(owner)
    deployed = await call.edit(lambda old, now: publishing.publish(old, scope, description, now))
    number = str(deployed.published[scope])
    return Answer(rendering.version(deployed.versions[f"{scope}.{number}"]))


async def list_versions(call: Call) -> Answer:
    """The newest first unless told otherwise."""
    scope = call.scope
    direction = choice(call.query.get("direction") or "BACKWARD", "direction", ("BACKWARD", "FORWARD"))
    answer = page(
        "versions",
        [version for version in call.deployed.versions.values() if version.scope == scope],
        call.query,
        key=lambda version: version.number,
        order=lambda version: int(version.number),
        shown=rendering.version,
        is_backward=direction == "BACKWARD",
    )
    return Answer({**answer, "direction": direction})


async def delete_version(call: Call) -> Answer:
    scope, number = call.scope, call.path["version"]
    await call.edit(lambda old, now: publishing.delete_version(old, scope, number, now))
    return Answer(status=204)


async def create_alias(call: Call) -> Answer:
    scope, fields = call.scope, call.fields
    name = fields.required("aliasName", most=128)
    fields.required("versionId", most=10)
    alias = _changed(Alias(scope, name), fields)
    deployed = await call.edit(lambda old, now: publishing.create_alias(old, alias, now))
    return _answer(deployed.aliases[alias.path])


async def get_alias(call: Call) -> Answer:
    return _answer(publishing.alias_of(call.deployed, call.scope, call.path["alias"]))


async def update_alias(call: Call) -> Answer:
    scope, name, fields = call.scope, call.path["alias"], call.fields
    deployed = await call.edit(
        lambda old, now: publishing.update_alias(
            old, scope, name, lambda alias: _changed(alias, fields), call.check, now_ms=now
        )
    )
    return _answer(deployed.aliases[f"{scope}.{name}"])


async def delete_alias(call: Call) -> Answer:
    scope, name = call.scope, call.path["alias"]
    await call.edit(lambda old, now: publishing.delete_alias(old, scope, name, call.check, now))
    return Answer(status=204)


async def list_aliases(call: Call) -> Answer:
    scope = call.scope
    aliases = [alias for alias in call.deployed.aliases.values() if alias.scope == scope]
    return Answer(page("aliases", aliases, call.query, key=lambda alias: alias.name, shown=rendering.alias))


def _answer(alias: Alias) -> Answer:
    return Answer(rendering.alias(alias), headers={"ETag": editing.etag(alias)})


def _changed(alias: Alias, fields: Body) -> Alias:
    weights = alias.additional_weights
    sent = fields.plain("additionalVersionWeight")
    if sent is not None:
        weights = {number: _weight(number, weight) for number, weight in sent.items()}
    return replace(
        alias,
        version=fields.text("versionId", alias.version, most=10),
        description=fields.text("description", alias.description),
        additional_weights=weights,
        extra={**alias.extra, **fields.rest((*ALIAS_FIELDS, *_SHOWN))},
    )


def _weight(number: str, weight: object) -> float:
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise invalid(f"additionalVersionWeight.{number[:40]} must be a number from 0 to 1")
    return float(weight)
