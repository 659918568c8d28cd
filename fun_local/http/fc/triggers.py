"""Triggers of a function (fc-api 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from fun_local.http.fc import rendering
from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.listing import page
from fun_local.http.fc.reading import Body, invalid
from fun_local.model import editing
from fun_local.model.resources import Trigger

FIELDS = (
    "triggerName",
    "triggerType",
    "triggerConfig",
    "qualifier",
    "sourceArn",
    "invocationRole",
    "description",
)
#: What only answers hold: clients send whole answers back.
_SHOWN = (
    *("triggerId", "createdTime", "lastModifiedTime", "urlInternet", "urlIntranet", "domainName"),
    *("httpTrigger", "status", "targetArn"),
)

#: Characters of a configuration that is text.
_MOST_TEXT = 65_536


async def create(call: Call) -> Answer:
    fields, function = call.fields, call.need_function()
    name = fields.required("triggerName", most=128)
    kind = fields.required("triggerType", most=64)
    trigger = _changed(Trigger(function.service, function.name, name, kind), fields)
    deployed = await call.edit(lambda old, now: editing.create_trigger(old, trigger, now))
    return _answer(call, deployed.triggers[trigger.path])


async def get(call: Call) -> Answer:
    path = call.need_function().path
    return _answer(call, editing.trigger_of(call.deployed, path, call.path["trigger"]))


async def update(call: Call) -> Answer:
    path, name, fields = call.need_function().path, call.path["trigger"], call.fields
    deployed = await call.edit(
        lambda old, now: editing.update_trigger(
            old, path, name, lambda trigger: _changed(trigger, fields), call.check, now_ms=now
        )
    )
    return _answer(call, deployed.triggers[f"{path}/{name}"])


async def delete(call: Call) -> Answer:
    path, name = call.need_function().path, call.path["trigger"]
    await call.edit(lambda old, now: editing.delete_trigger(old, path, name, call.check, now))
    return Answer(status=204)


async def list_all(call: Call) -> Answer:
    path = call.need_function().path
    triggers = [trigger for trigger in call.deployed.triggers.values() if trigger.function_path == path]
    return Answer(
        page(
            "triggers",
            triggers,
            call.query,
            key=lambda trigger: trigger.name,
            shown=lambda trigger: _shown(call, trigger),
        )
    )


def _answer(call: Call, trigger: Trigger) -> Answer:
    return Answer(_shown(call, trigger), headers={"ETag": editing.etag(trigger)})


def _shown(call: Call, trigger: Trigger) -> rendering.Json:
    return rendering.trigger(call.dialect, trigger, call.context.base_url(), call.arn_prefix)


def _changed(trigger: Trigger, fields: Body) -> Trigger:
    """A trigger with what was sent; the rest, its type included, as it was."""
    return replace(
        trigger,
        config=_config(fields, trigger.config),
        qualifier=fields.text("qualifier", trigger.qualifier, most=128) or trigger.qualifier,
        role=fields.text("invocationRole", trigger.role),
        source_arn=fields.text("sourceArn", trigger.source_arn),
        extra={**trigger.extra, **_kept(fields), **fields.rest((*FIELDS, *_SHOWN))},
    )


def _kept(fields: Body) -> dict[str, str]:
    """What is shown again only if it was sent."""
    texts = {name: fields.text(name) for name in ("description", "qualifier")}
    return {name: text for name, text in texts.items() if text}


def _config(fields: Body, old: dict[str, Any]) -> dict[str, Any]:
    """The configuration: an object in 2016, JSON text since then; whichever comes is taken."""
    if fields.is_text("triggerConfig"):
        try:
            sent = orjson.loads(fields.text("triggerConfig", most=_MOST_TEXT) or "{}")
        except ValueError as error:
            raise invalid(f"triggerConfig is not JSON: {error}") from None
        if sent is not None and not isinstance(sent, dict):
            raise invalid("triggerConfig must be a JSON object")
    else:
        sent = fields.plain("triggerConfig")
    return old if sent is None else sent
