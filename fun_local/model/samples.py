"""An event such as a trigger's source would send, made from the trigger's configuration. Pure.

Fields and their order as on the vendor's page *Trigger event format* and in the types of its Go runtime
(fc-runtime-go-sdk, events); what a page of its own says is named at the function.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from fun_local.errors import InvalidRequest
from fun_local.model import cbor
from fun_local.model.events import compact, timer_event, topic_event, topic_of
from fun_local.model.names import IMPLICIT_SERVICE
from fun_local.model.occasion import Around, region_of, setting
from fun_local.model.resources import Trigger
from fun_local.model.topics import TopicMessage

#: Of what FC 2.0 hands to handlers of requests (runtime.md 2.10, 3.8).
_NOT_AN_EVENT = "functions with a service get requests themselves instead of events: call the function's URL"

_BEIJING = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Sample:
    """An event as a function receives it, and where that is no text, as people can read it.

    ``note`` says what is to be known about it.
    """

    payload: bytes
    shown: str = ""
    note: str = ""


def sample(trigger: Trigger, around: Around) -> Sample:
    """A sample event of a trigger.

    Raises:
        InvalidRequest: what such a trigger sends is not known.
    """
    make = _SAMPLES.get(trigger.type)
    if make is None:
        raise InvalidRequest(
            "InvalidArgument",
            f"there is no sample event for triggers of type {trigger.type!r} ({trigger.path})",
            hint="Give the event with -e or -f.",
        )
    return make(trigger, around)


def _timer(trigger: Trigger, around: Around) -> Sample:
    return Sample(timer_event(trigger, around.now_ms))


def _mns_topic(trigger: Trigger, around: Around) -> Sample:
    tag = str(setting(trigger, "filterTag") or "")
    name = topic_of(trigger) or "sample-topic"
    message_id = hashlib.md5(around.request_id.encode(), usedforsecurity=False).hexdigest().upper()
    message = TopicMessage(name, message_id, b"hello topic", tag, around.now_ms)
    return Sample(topic_event(trigger, message, around.account_id))


def _http(trigger: Trigger, around: Around) -> Sample:
    """The request as FC 3.0 hands it to event handlers (runtime.md 5.11)."""
    methods = setting(trigger, "methods")
    methods = methods if isinstance(methods, list) and methods else ["GET"]
    domain = f"{around.account_id}.{region_of(trigger, around)}.fc.aliyuncs.com"
    return Sample(
        compact(
            {
                "version": "v1",
                "rawPath": "/",
                "headers": {"Accept": "*/*", "Host": domain, "User-Agent": "fun-local"},
                "queryParameters": {},
                "body": "",
                # An empty body without a type is said to be in base64 as well.
                "isBase64Encoded": True,
                "requestContext": {
                    "accountId": around.account_id,
                    "domainName": domain,
                    "domainPrefix": around.account_id,
                    "requestId": around.request_id,
                    "time": f"{around.iso()[:19]}Z",
                    "timeEpoch": str(around.now_ms),
                    "http": {
                        "method": "GET" if "GET" in methods else str(methods[0]),
                        "path": "/",
                        "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1",
                        "userAgent": "fun-local",
                    },
                },
            }
        ),
        note="" if trigger.service == IMPLICIT_SERVICE else _NOT_AN_EVENT,
    )


def _oss(trigger: Trigger, around: Around) -> Sample:
    """An object that has been put, or what else the trigger waits for; its key passes the filter."""
    region = region_of(trigger, around)
    bucket = trigger.source_arn.rpartition(":")[2] or "sample-bucket"
    prefix, suffix = (str(setting(trigger, "filter", "key", end) or "") for end in ("prefix", "suffix"))
    size = 122_539
    oss = {
        "bucket": {
            "arn": f"acs:oss:{region}:{around.account_id}:{bucket}",
            "name": bucket,
            "ownerIdentity": around.account_id,
        },
        "object": {
            "deltaSize": size,
            "eTag": "688A7BF4F233DC9C88A80BF985AB7329",
            "key": f"{prefix}sample{suffix}",
            "size": size,
        },
        "ossSchemaVersion": "1.0",
        "ruleId": hashlib.sha1(trigger.path.encode(), usedforsecurity=False).hexdigest(),
    }
    event = {
        "eventName": _oss_event(trigger),
        "eventSource": "acs:oss",
        "eventTime": around.iso(),
        "eventVersion": "1.0",
        "oss": oss,
        "region": region,
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": around.request_id.replace("-", "")[:24].upper()},
        "userIdentity": {"principalId": around.account_id},
    }
    return Sample(compact({"events": [event]}))


def _oss_event(trigger: Trigger) -> str:
    """The first event a trigger waits for, one of the kind where it waits for all of a kind."""
    events = setting(trigger, "events")
    name = str(events[0]) if isinstance(events, list) and events else "oss:ObjectCreated:PutObject"
    kind, _, action = name.removeprefix("oss:").partition(":")
    if action in ("", "*"):
        action = "DeleteObject" if kind == "ObjectRemoved" else "PutObject"
    return f"{kind}:{action}"


def _log(trigger: Trigger, around: Around) -> Sample:
    """A range of a shard (the vendor's page *Create a custom function* of Simple Log Service)."""
    project = trigger.source_arn.partition("project/")[2] or str(
        setting(trigger, "logConfig", "project") or ""
    )
    cursor = around.now_ms * 1_000_000
    return Sample(
        compact(
            {
                "parameter": setting(trigger, "functionParameter") or {},
                "source": {
                    "endpoint": f"http://{region_of(trigger, around)}-intranet.log.aliyuncs.com",
                    "projectName": project or "sample-project",
                    "logstoreName": str(setting(trigger, "sourceConfig", "logstore") or "sample-logstore"),
                    "shardId": 0,
                    "beginCursor": base64.b64encode(str(cursor).encode()).decode(),
                    "endCursor": base64.b64encode(str(cursor + 2).encode()).decode(),
                },
                "jobName": hashlib.sha1(trigger.path.encode(), usedforsecurity=False).hexdigest(),
                "taskId": around.request_id,
                "cursorTime": around.seconds,
            }
        )
    )


def _tablestore(trigger: Trigger, around: Around) -> Sample:
    """A row that has been put, in CBOR; times in microseconds (the vendor's page *Tablestore triggers*)."""
    at_us = around.now_ms * 1000
    columns = [{"Type": "Put", "ColumnName": "attr_0", "Value": "sample", "Timestamp": at_us}]
    row = {
        "Type": "PutRow",
        "Info": {"Timestamp": at_us},
        "PrimaryKey": [{"ColumnName": "pk_0", "Value": 1}],
        "Columns": columns,
    }
    event = {"Version": "Sync-v1", "Records": [row]}
    return Sample(cbor.encode(event), json.dumps(event), "this event is in CBOR")


def _cdn_events(trigger: Trigger, around: Around) -> Sample:
    """Something that has happened to the first domain of the filter (page *CDN event triggers*)."""
    domains = setting(trigger, "filter", "domain")
    domain = str(domains[0]) if isinstance(domains, list) and domains else "example.com"
    name = str(setting(trigger, "eventName") or "CachedObjectsRefreshed")
    event = {
        "eventName": name,
        "eventVersion": str(setting(trigger, "eventVersion") or "1.0.0"),
        "eventSource": "cdn",
        "region": region_of(trigger, around),
        "eventTime": datetime.fromtimestamp(around.seconds, _BEIJING).isoformat(),
        "traceId": around.request_id,
        "resource": {"domain": domain},
        "eventParameter": _cdn_parameter(name, domain, around),
        "userIdentity": {"aliUid": around.account_id},
    }
    return Sample(compact({"events": [event]}))


def _cdn_parameter(name: str, domain: str, around: Around) -> dict[str, object]:
    end = around.seconds
    if name == "LogFileCreated":
        path = f"http://{domain}.log.example.com/sample.gz"
        return {
            "domain": domain,
            "endTime": end,
            "fileSize": 8192,
            "filePath": path,
            "startTime": end - 3600,
        }
    if name.startswith("CdnDomain"):
        is_up = name in ("CdnDomainStarted", "CdnDomainAdded")
        return {"domain": domain, "status": "online" if is_up else "offline"}
    return {
        "objectPath": ["/sample/1.mp4", "/sample/2.mp4"],
        "createTime": end - 8,
        "domain": domain,
        "completeTime": end,
        "objectType": "File",
        "taskId": 2089687230,
    }


def _rds(trigger: Trigger, around: Around) -> Sample:
    """A row that has been inserted into the first of the objects subscribed to."""
    if (chosen := str(setting(trigger, "eventFormat") or "json")) != "json":
        raise InvalidRequest(
            "InvalidArgument",
            f"there is no sample event in the format {chosen!r} of {trigger.path}",
            hint="Give the event with -e or -f.",
        )
    objects = setting(trigger, "subscriptionObjects")
    first = str(objects[0]) if isinstance(objects, list) and objects else "sample_db.sample_table"
    database, _, table = first.partition(".")
    event = {
        "instanceId": trigger.source_arn.rpartition("/")[2] or "rm-sample",
        "database": database,
        "table": table or "sample_table",
        "type": "INSERT",
        "timestamp": around.seconds,
        "data": [{"id": 1, "name": "sample"}],
    }
    note = "the service documents no event of RDS triggers: this one is a guess, give your own with -e or -f"
    return Sample(compact(event), note=note)


def _datahub(trigger: Trigger, around: Around) -> Sample:
    topic = str(setting(trigger, "topic") or "sample_topic")
    event = {
        "eventSource": "acs:datahub",
        "eventName": "acs:datahub:putRecord",
        "eventSourceARN": f"/projects/sample_project/topics/{topic}",
        "region": region_of(trigger, around),
        "records": [{"eventId": "0:12345", "systemTime": around.now_ms, "data": '["a","b"]'}],
    }
    return Sample(compact(event))


_SAMPLES: dict[str, Callable[[Trigger, Around], Sample]] = {
    "http": _http,
    "timer": _timer,
    "mns_topic": _mns_topic,
    "oss": _oss,
    "log": _log,
    "tablestore": _tablestore,
    "cdn_events": _cdn_events,
    "rds": _rds,
    "datahub": _datahub,
}

#: The types there is a sample for.
KINDS = tuple(_SAMPLES)
