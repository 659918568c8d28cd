"""What starts a function: events of Funcraft's dialect and triggers of plain ROS, in the service's words.

The configuration's keys start with a small letter for all types but ``mns_topic``, whose keys start with a
capital (how Funcraft sends them when it creates a trigger).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.model import schedule
from fun_local.model.names import LATEST
from fun_local.model.resources import Trigger
from fun_local.template import placeholders
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem
from fun_local.template.written import NEWEST, Context

#: Funcraft's words for the types, and the service's.
EVENT_TYPES = {
    "Timer": "timer",
    "HTTP": "http",
    "OSS": "oss",
    "Log": "log",
    "RDS": "rds",
    "MNSTopic": "mns_topic",
    "TableStore": "tablestore",
    "CDN": "cdn_events",
}

#: Where the event is looked for is the trigger's source, not a part of its configuration.
_NOT_CONFIGURATION = {
    "oss": ("BucketName", "bucketName"),
    "rds": ("InstanceId",),
    "tablestore": ("InstanceName", "TableName"),
    "mns_topic": ("TopicName", "Region"),
}

_NEVER_FIRED = {
    "oss": "buckets here only hold code that was uploaded, so it never fires",
    "log": "there is no log service on this machine, so it never fires",
    "rds": "there is no database of the vendor's on this machine, so it never fires",
    "tablestore": "there is no table store on this machine, so it never fires",
    "cdn_events": "there is no CDN on this machine, so it never fires",
    "eventbridge": "there is no event bus on this machine, so it never fires",
}
_FIRED = ("http", "timer", "mns_topic")

#: What an asynchronous invocation carries (async-semantics 13), less a little for the rest of the event.
_MAX_PAYLOAD_BYTES = 127 * 1024


def why_not_fired(trigger: Trigger) -> str:
    """Why a trigger never starts anything here by itself; empty for the types that do."""
    if trigger.type in _FIRED:
        return ""
    why = _NEVER_FIRED.get(trigger.type, "nothing on this machine makes such events, so it never fires")
    return f"{why}; by hand: fun invoke --trigger {trigger.path}"


def timer_problems(document: Document, config: object, path: Path) -> list[Problem]:
    """What is wrong with the configuration of a timer, which stands at ``path``."""
    if not isinstance(config, dict):
        return []
    given = {key[:1].lower() + key[1:]: (key, value) for key, value in config.items() if key}
    key, expression = given.get("cronExpression", ("", None))
    problems = []
    if isinstance(expression, str) and not placeholders.has_token(expression):
        try:
            schedule.parse(expression)
        except InvalidRequest as error:
            problems.append(document.problem("value", (*path, key), error.message, error.hint))
    key, payload = given.get("payload", ("", ""))
    if isinstance(payload, str) and len(payload.encode()) > _MAX_PAYLOAD_BYTES:
        message = f"the payload is over the {_MAX_PAYLOAD_BYTES} bytes that a timer can send"
        problems.append(document.problem("value", (*path, key), message))
    return problems


def qualifier(given: str | None) -> str:
    """A qualifier; empty for the number of a version that the same deployment publishes."""
    return "" if given == NEWEST else given or LATEST


def from_event(
    word: str, properties: Mapping[str, Any], names: tuple[str, str, str], context: Context
) -> Trigger:
    """An event of Funcraft's dialect. ``names``: service, function, trigger."""
    kind = EVENT_TYPES[word]
    service, function, name = names
    return Trigger(
        service=service,
        function=function,
        name=name,
        type=kind,
        config=_event_config(kind, properties),
        qualifier=qualifier(properties.get("Qualifier")),
        role=properties.get("InvocationRole", ""),
        source_arn=_source_arn(kind, properties, context),
    )


def config(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration, its keys spelled as the service spells them."""
    if kind == "mns_topic":
        return {key[:1].upper() + key[1:]: value for key, value in given.items()}
    if kind not in (*EVENT_TYPES.values(), "eventbridge"):
        return dict(given)
    spelled: dict[str, Any] = _lowered(given)
    if kind == "http" and isinstance(spelled.get("authType"), str):
        spelled["authType"] = spelled["authType"].lower()
    if isinstance(spelled.get("enable"), str) and spelled["enable"].lower() in ("true", "false"):
        spelled["enable"] = spelled["enable"].lower() == "true"
    return spelled


def _event_config(kind: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("InvocationRole", "Qualifier", *_NOT_CONFIGURATION.get(kind, ()))
    given = {key: value for key, value in properties.items() if key not in left_out}
    if kind == "mns_topic":
        given = {"NotifyContentFormat": "STREAM", "NotifyStrategy": "BACKOFF_RETRY"} | given
    elif kind == "log":
        log = dict(given.get("LogConfig", {}))
        # The validator knows the parameters in one place, the deployment looks in the other.
        inner = log.pop("FunctionParameter", {})
        given = {"FunctionParameter": inner, "Enable": True} | given | {"LogConfig": log}
    return config(kind, given)


def _lowered(value: Any) -> Any:
    if isinstance(value, Mapping):
        lowered = {}
        for key, item in value.items():
            name = key[:1].lower() + key[1:]
            # Its keys are the function's own.
            lowered[name] = item if name == "functionParameter" else _lowered(item)
        return lowered
    return value


def _source_arn(kind: str, properties: Mapping[str, Any], context: Context) -> str:
    """Where the events come from, as Funcraft writes it; timers and HTTP have no source."""
    region, account = context.region, context.account_id

    def text(key: str) -> str:
        return str(properties.get(key) or properties.get(key[:1].lower() + key[1:]) or "")

    if kind == "log":
        return f"acs:log:{region}:{account}:project/{properties['LogConfig']['Project']}"
    if kind == "rds":
        return f"acs:rds:{region}:{account}:dbinstance/{text('InstanceId')}"
    if kind == "mns_topic":
        return f"acs:mns:{text('Region') or region}:{account}:/topics/{text('TopicName')}"
    if kind == "tablestore":
        return f"acs:ots:{region}:{account}:instance/{text('InstanceName')}/table/{text('TableName')}"
    if kind == "oss":
        return f"acs:oss:{region}:{account}:{text('BucketName')}"
    return f"acs:cdn:*:{account}" if kind == "cdn_events" else ""
