"""Triggers from the command line: timers and topics that fire by themselves, and the others by hand."""

import json
import time

import pytest

from tests.conftest import wait_for

TEMPLATE = """ROSTemplateFormatVersion: '2015-09-01'
Transform: 'Aliyun::Serverless-2018-04-03'
Resources:
  shop:
    Type: 'Aliyun::Serverless::Service'
    orders:
      Type: 'Aliyun::Serverless::Function'
      Properties:
        Handler: app.handler
        Runtime: python3
        CodeUri: ./code
        AsyncConfiguration: {StatefulInvocation: true, MaxAsyncRetryAttempts: 0}
      Events:
        tick:
          Type: Timer
          Properties: {CronExpression: '@every 1s', Payload: hello, Enable: ENABLED}
        yearly:
          Type: Timer
          Properties: {CronExpression: 'CRON_TZ=Asia/Shanghai 0 0 4 1 1 *'}
        on-news:
          Type: MNSTopic
          Properties: {TopicName: news, NotifyContentFormat: JSON, FilterTag: a}
        on-upload:
          Type: OSS
          Properties:
            BucketName: photos
            Events: ['oss:ObjectCreated:*']
            Filter: {Key: {Prefix: source/, Suffix: .png}}
        on-row:
          Type: TableStore
          Properties: {InstanceName: i, TableName: t}
    other:
      Type: 'Aliyun::Serverless::Function'
      Properties: {Handler: app.handler, Runtime: python3, CodeUri: ./code}
      Events:
        yearly:
          Type: Timer
          Properties: {CronExpression: '@every 1h'}
"""

CODE = "def handler(event, context): return event\n"


@pytest.fixture
def shop(shell):
    """A shell with the template deployed, its fast timer switched off."""
    shell.write("code/app.py", CODE)
    shell.write("template.yml", TEMPLATE.replace("ENABLED", "false"))
    shell.fun("deploy")
    return shell


def finished(shell, count):
    """The results of executions, once there are at least so many."""

    def found():
        listed = shell.fun("executions", "list", "--status", "Succeeded", "--json").json["invocations"]
        return listed if len(listed) >= count else None

    ids = [invocation["invocationId"] for invocation in wait_for(found)]
    return [json.loads(shell.fun("executions", "get", one, "--result").out) for one in ids]


def test_a_timer_fires_while_the_daemon_runs(shop):
    shop.write("template.yml", TEMPLATE.replace("ENABLED", "true"))
    shop.fun("deploy")
    events = finished(shop, 2)
    assert {(event["triggerName"], event["payload"]) for event in events} == {("tick", "hello")}
    assert len({event["triggerTime"] for event in events}) == len(events)
    status = shop.fun("daemon", "status", "--json").json
    assert status["next_timer"]["trigger"] == "shop/orders/tick"


def test_the_next_firing_of_a_timer_is_shown(shop):
    triggers = {t["triggerName"]: t for t in shop.fun("info", "orders", "--json").json["triggers"]}
    assert triggers["yearly"]["nextFiringTime"] > time.time() * 1000
    assert triggers["tick"]["nextFiringTime"] is None
    assert triggers["on-news"]["nextFiringTime"] is None
    (line,) = [line for line in shop.fun("info").out.splitlines() if line.startswith("shop/other/yearly")]
    assert line.split()[-1].count(":") == 2
    status = shop.fun("daemon", "status").out
    assert "next_timer:         shop/other/yearly at 20" in status


def test_a_published_message_starts_a_function(shop):
    shop.fun("mns", "topic", "create", "news")
    shop.fun("mns", "topic", "publish", "news", "--body", "ignored")
    shop.fun("mns", "topic", "publish", "news", "--body", "hello", "--tag", "a")
    (event,) = finished(shop, 1)
    assert (event["Message"], event["MessageTag"], event["TopicName"]) == ("hello", "a", "news")


def test_any_trigger_can_be_fired_by_hand(shop):
    event = json.loads(shop.fun("invoke", "--trigger", "on-upload").out)["events"][0]
    assert event["eventName"] == "ObjectCreated:PutObject"
    assert event["oss"]["bucket"]["name"] == "photos"
    assert event["oss"]["object"]["key"] == "source/sample.png"
    fired = json.loads(shop.fun("invoke", "--trigger", "shop/orders/tick").out)
    assert (fired["triggerName"], fired["payload"]) == ("tick", "hello")


def test_a_trigger_can_be_fired_asynchronously(shop):
    invocation_id = shop.fun("invoke", "--trigger", "orders/on-upload", "-t", "async").out.strip()
    shop.wait(invocation_id)
    assert "photos" in shop.fun("executions", "get", invocation_id, "--result").out


def test_an_event_of_ones_own_takes_the_place_of_the_sample(shop):
    assert shop.fun("invoke", "--trigger", "on-upload", "-e", '"mine"').out == '"mine"'


def test_an_event_can_be_printed_only(shop):
    printed = shop.fun("invoke", "--trigger", "on-upload", "--print").out
    assert json.loads(printed)["events"][0]["oss"]["bucket"]["name"] == "photos"
    assert shop.fun("executions", "list", "--json").json["invocations"] == []


def test_bytes_arrive_as_they_are(shop):
    # A map of two, and what is first in it. --print writes into a pipe what would be sent.
    start = b"\xa2\x67Version\x67Sync-v1"
    printed, note = shop.start("fun", "invoke", "--trigger", "on-row", "--print").communicate()
    assert printed.startswith(start)
    assert b"note: this event is in CBOR" in note
    returned, _ = shop.start("fun", "invoke", "--trigger", "on-row").communicate()
    assert returned.startswith(start)


def test_a_trigger_that_is_not_there_is_answered_with_those_that_are(shop):
    missing = shop.fun("invoke", "orders", "--trigger", "nightly", check=1).err
    assert "trigger 'nightly' of function 'shop/orders' does not exist" in missing
    assert "shop/orders/on-upload" in missing
    assert "shop/other" not in missing


def test_a_name_of_several_triggers_is_answered_with_all_of_them(shop):
    several = shop.fun("invoke", "--trigger", "yearly", check=1).err
    assert "shop/orders/yearly, shop/other/yearly" in several
    assert shop.fun("invoke", "other", "--trigger", "yearly").out.startswith('{"triggerTime"')


def test_an_invocation_needs_a_function_or_a_trigger(shop):
    assert "name a function, or a trigger" in shop.fun("invoke", check=2).err
    assert "--print goes with --trigger" in shop.fun("invoke", "orders", "--print", check=2).err
