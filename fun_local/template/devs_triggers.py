"""Triggers of Serverless Devs files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fun_local.model.names import LATEST
from fun_local.model.resources import Trigger
from fun_local.template import triggers
from fun_local.template.devs_convert import role
from fun_local.template.devs_functions import Surroundings
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem
from fun_local.template.schema import check, is_defined

_SPELLED = {
    "fc": ("name", "type", "config", "role"),
    "fc3": ("triggerName", "triggerType", "triggerConfig", "invocationRole"),
}

#: In fc, where events come from stands among the configuration; in fc3 it is the sourceArn.
_SOURCES = {
    "oss": ("bucketName",),
    "mns_topic": ("topicName", "region"),
    "tablestore": ("instanceName", "tableName"),
    "rds": ("instanceId",),
}
_DEFAULTS = {"mns_topic": {"notifyContentFormat": "STREAM", "notifyStrategy": "BACKOFF_RETRY"}}


def check_configs(
    document: Document, kind: str, properties: Any, path: Path
) -> tuple[dict[str, Any], list[Problem]]:
    """Properties with their triggers' configurations checked: those that mean something here closely."""
    given = properties.get("triggers")
    if not isinstance(given, list):
        return properties, []
    _, type_key, config_key, _ = _SPELLED[kind]
    problems: list[Problem] = []
    changed = []
    for position, trigger in enumerate(given):
        definition = f"Devs:config:{trigger.get(type_key)}" if isinstance(trigger, dict) else ""
        if is_defined(definition) and isinstance(trigger.get(config_key), dict):
            at = (*path, "triggers", position, config_key)
            config, found = check(document, definition, trigger[config_key], at)
            problems += found
            if definition == "Devs:config:timer" and not found:
                problems += triggers.timer_problems(document, config, at)
            changed.append({**trigger, config_key: config})
        else:
            changed.append(trigger)
    return {**properties, "triggers": changed}, problems


def trigger(kind: str, given: Mapping[str, Any], owner: tuple[str, str], around: Surroundings) -> Trigger:
    """A trigger of ``owner``: service and function."""
    name_key, type_key, config_key, role_key = _SPELLED[kind]
    word = given[type_key]
    left_out = _SOURCES.get(word, ()) if kind == "fc" else ()
    written = {key: value for key, value in given[config_key].items() if key not in left_out}
    return Trigger(
        service=owner[0],
        function=owner[1],
        name=given[name_key],
        type=word,
        config=triggers.config(word, {**_DEFAULTS.get(word, {}), **written}),
        qualifier=given.get("qualifier") or LATEST,
        role=role(given.get(role_key), around.account_id),
        source_arn=given.get("sourceArn") or _source_arn(word, given[config_key], around),
    )


def _source_arn(word: str, config: Mapping[str, Any], around: Surroundings) -> str:
    """Where the events come from, as the component writes it; empty for what has no source."""
    region, account = around.region, around.account_id

    def text(*keys: str) -> str:
        value: Any = config
        for key in keys:
            value = value.get(key, "") if isinstance(value, dict) else ""
        return str(value)

    if word == "oss" and text("bucketName"):
        return f"acs:oss:{region}:{account}:{text('bucketName')}"
    if word == "log" and text("logConfig", "project"):
        return f"acs:log:{region}:{account}:project/{text('logConfig', 'project')}"
    if word == "mns_topic" and text("topicName"):
        return f"acs:mns:{text('region') or region}:{account}:/topics/{text('topicName')}"
    if word == "tablestore" and text("tableName"):
        return f"acs:ots:{region}:{account}:instance/{text('instanceName')}/table/{text('tableName')}"
    return f"acs:cdn:*:{account}" if word == "cdn_events" else ""
