"""Sample events: the fields that the vendor's pages name, with the trigger's configuration in them."""

import base64
import json
import re
from dataclasses import replace

import pytest

from fun_local.errors import InvalidRequest
from fun_local.model import cbor
from fun_local.model.names import IMPLICIT_SERVICE
from fun_local.model.occasion import Around
from fun_local.model.resources import Trigger
from fun_local.model.samples import KINDS, sample

ACCOUNT = "1234567890123456"
REQUEST = "5f0e8a4c-7d59-4bb5-a33e-4c3d08e25acf"

#: 2022-08-13T06:45:43.120Z
NOW_MS = 1_660_373_143_120
AROUND = Around("cn-shanghai", ACCOUNT, REQUEST, NOW_MS)


def trigger(kind, config=None, source="", name="t"):
    return Trigger("svc", "f", name, kind, config or {}, source_arn=source)


def event(kind, config=None, source=""):
    return json.loads(sample(trigger(kind, config, source), AROUND).payload)


def shape(value):
    """The names in an event, and the types of what they stand for."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trigger_that_says_nothing_has_a_sample_all_the_same(kind):
    assert sample(trigger(kind), AROUND).payload


def test_a_timer_is_sampled_as_if_it_were_due_now():
    assert event("timer", {"payload": "p"}) == {
        "triggerTime": "2022-08-13T06:45:43Z",
        "triggerName": "t",
        "payload": "p",
    }


def test_an_object_event_has_the_shape_of_the_service():
    assert shape(event("oss")) == {
        "events": [
            {
                "eventName": str,
                "eventSource": str,
                "eventTime": str,
                "eventVersion": str,
                "oss": {
                    "bucket": {"arn": str, "name": str, "ownerIdentity": str},
                    "object": {"deltaSize": int, "eTag": str, "key": str, "size": int},
                    "ossSchemaVersion": str,
                    "ruleId": str,
                },
                "region": str,
                "requestParameters": {"sourceIPAddress": str},
                "responseElements": {"requestId": str},
                "userIdentity": {"principalId": str},
            }
        ]
    }


def test_an_object_event_is_of_the_bucket_and_passes_the_filter():
    config = {
        "events": ["oss:ObjectCreated:PostObject"],
        "filter": {"key": {"prefix": "source/", "suffix": ".png"}},
    }
    (found,) = event("oss", config, f"acs:oss:cn-hangzhou:{ACCOUNT}:photos")["events"]
    assert (found["eventName"], found["eventSource"]) == ("ObjectCreated:PostObject", "acs:oss")
    assert (found["eventTime"], found["region"]) == ("2022-08-13T06:45:43.120Z", "cn-hangzhou")
    assert found["oss"]["bucket"] == {
        "arn": f"acs:oss:cn-hangzhou:{ACCOUNT}:photos",
        "name": "photos",
        "ownerIdentity": ACCOUNT,
    }
    assert found["oss"]["object"]["key"] == "source/sample.png"


@pytest.mark.parametrize(
    ("waited_for", "sent"),
    [
        ("oss:ObjectCreated:*", "ObjectCreated:PutObject"),
        ("oss:ObjectRemoved:*", "ObjectRemoved:DeleteObject"),
        ("oss:ObjectRemoved:DeleteObjects", "ObjectRemoved:DeleteObjects"),
    ],
)
def test_an_object_event_is_one_that_the_trigger_waits_for(waited_for, sent):
    assert event("oss", {"events": [waited_for]})["events"][0]["eventName"] == sent


def test_a_log_event_names_a_range_of_a_shard():
    config = {
        "sourceConfig": {"logstore": "raw"},
        "logConfig": {"project": "other", "logstore": "out"},
        "functionParameter": {"Kind": 1},
    }
    found = event("log", config, f"acs:log:cn-beijing:{ACCOUNT}:project/shop")
    assert shape(found) == {
        "parameter": {"Kind": int},
        "source": {
            "endpoint": str,
            "projectName": str,
            "logstoreName": str,
            "shardId": int,
            "beginCursor": str,
            "endCursor": str,
        },
        "jobName": str,
        "taskId": str,
        "cursorTime": int,
    }
    source = found["source"]
    assert source["endpoint"] == "http://cn-beijing-intranet.log.aliyuncs.com"
    assert (source["projectName"], source["logstoreName"]) == ("shop", "raw")
    assert base64.b64decode(source["beginCursor"]) < base64.b64decode(source["endCursor"])
    assert found["parameter"] == {"Kind": 1}
    assert found["cursorTime"] == NOW_MS // 1000


def test_a_topic_event_carries_the_tag_that_its_filter_asks_for():
    config = {"NotifyContentFormat": "JSON", "FilterTag": "a"}
    found = event("mns_topic", config, f"acs:mns:cn-shanghai:{ACCOUNT}:/topics/news")
    assert (found["TopicName"], found["MessageTag"], found["SubscriptionName"]) == ("news", "a", "t")
    assert re.fullmatch("[0-9A-F]{32}", found["MessageMD5"])


def test_a_topic_event_in_the_other_format_is_a_body():
    assert sample(trigger("mns_topic"), AROUND).payload == b"hello topic"


def test_a_row_is_sent_in_cbor_and_shown_in_json():
    made = sample(trigger("tablestore"), AROUND)
    shown = json.loads(made.shown)
    assert made.payload == cbor.encode(shown)
    assert shape(shown) == {
        "Version": str,
        "Records": [
            {
                "Type": str,
                "Info": {"Timestamp": int},
                "PrimaryKey": [{"ColumnName": str, "Value": int}],
                "Columns": [{"Type": str, "ColumnName": str, "Value": str, "Timestamp": int}],
            }
        ],
    }
    assert shown["Version"] == "Sync-v1"
    assert shown["Records"][0]["Info"]["Timestamp"] == NOW_MS * 1000


CDN_PARAMETERS = {
    "CachedObjectsRefreshed": {"objectPath", "createTime", "domain", "completeTime", "objectType", "taskId"},
    "CachedObjectsBlocked": {"objectPath", "createTime", "domain", "completeTime", "objectType", "taskId"},
    "LogFileCreated": {"domain", "endTime", "fileSize", "filePath", "startTime"},
    "CdnDomainStopped": {"domain", "status"},
}


@pytest.mark.parametrize("name", CDN_PARAMETERS)
def test_a_cdn_event_tells_what_happened_to_the_domain_of_the_filter(name):
    config = {"eventName": name, "eventVersion": "1.0.1", "filter": {"domain": ["shop.test", "b.test"]}}
    (found,) = event("cdn_events", config, f"acs:cdn:*:{ACCOUNT}")["events"]
    assert list(found) == [
        "eventName",
        "eventVersion",
        "eventSource",
        "region",
        "eventTime",
        "traceId",
        "resource",
        "eventParameter",
        "userIdentity",
    ]
    assert (found["eventName"], found["eventVersion"], found["eventSource"]) == (name, "1.0.1", "cdn")
    assert (found["region"], found["eventTime"]) == ("cn-shanghai", "2022-08-13T14:45:43+08:00")
    assert found["resource"] == {"domain": "shop.test"}
    assert found["userIdentity"] == {"aliUid": ACCOUNT}
    assert set(found["eventParameter"]) == CDN_PARAMETERS[name]
    assert found["eventParameter"]["domain"] == "shop.test"


def test_an_http_trigger_is_sampled_by_a_get_if_it_takes_one():
    assert event("http", {"methods": ["POST", "GET"]})["requestContext"]["http"]["method"] == "GET"
    found = event("http", {"methods": ["POST", "PUT"]})
    assert found["requestContext"]["http"] == {
        "method": "POST",
        "path": "/",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "fun-local",
    }
    assert (found["version"], found["rawPath"], found["body"], found["isBase64Encoded"]) == (
        "v1",
        "/",
        "",
        True,
    )
    assert found["requestContext"]["requestId"] == REQUEST
    assert found["requestContext"]["timeEpoch"] == str(NOW_MS)


def test_only_functions_without_a_service_get_requests_as_events():
    assert "URL" in sample(trigger("http", {"methods": ["GET"]}), AROUND).note
    alone = replace(trigger("http", {"methods": ["GET"]}), service=IMPLICIT_SERVICE)
    assert sample(alone, AROUND).note == ""


def test_a_database_event_is_of_the_subscribed_table_and_says_that_it_is_a_guess():
    made = sample(
        trigger("rds", {"subscriptionObjects": ["shop.orders"]}, f"acs:rds:x:{ACCOUNT}:dbinstance/rm-1"),
        AROUND,
    )
    found = json.loads(made.payload)
    assert (found["instanceId"], found["database"], found["table"]) == ("rm-1", "shop", "orders")
    assert "guess" in made.note


@pytest.mark.parametrize("given", [trigger("rds", {"eventFormat": "protobuf"}), trigger("eventbridge")])
def test_what_no_sample_is_known_for_asks_for_an_event(given):
    with pytest.raises(InvalidRequest) as refused:
        sample(given, AROUND)
    assert "svc/f/t" in refused.value.message
    assert "-e" in refused.value.hint


def test_a_datahub_event_has_records_of_text():
    assert shape(event("datahub", {"topic": "clicks"})) == {
        "eventSource": str,
        "eventName": str,
        "eventSourceARN": str,
        "region": str,
        "records": [{"eventId": str, "systemTime": int, "data": str}],
    }


# Examples of RFC 8949, appendix A.
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (1000, "1903e8"),
        (1_000_000, "1a000f4240"),
        (1_000_000_000_000, "1b000000e8d4a51000"),
        (-1, "20"),
        (-1000, "3903e7"),
        (True, "f5"),
        (False, "f4"),
        (None, "f6"),
        (b"\x01\x02\x03\x04", "4401020304"),
        ("", "60"),
        ("IETF", "6449455446"),
        ("\u6c34", "63e6b0b4"),
        ([1, [2, 3], [4, 5]], "8301820203820405"),
        ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
        (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ],
)
def test_cbor_is_written_as_its_specification_shows(value, code):
    assert cbor.encode(value).hex() == code


@pytest.mark.parametrize("value", [1.5, {1, 2}, 1 << 64])
def test_what_cbor_is_not_needed_for_is_refused(value):
    with pytest.raises(TypeError):
        cbor.encode(value)
