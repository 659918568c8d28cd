"""Deploying as people do it: stacks, parts, versions, removal, and a project that is being worked on."""

import json
import os
import signal

import pytest

from tests.acceptance.templates import template
from tests.conftest import wait_for

FUNCRAFT = """\
ROSTemplateFormatVersion: '2015-09-01'
Transform: Aliyun::Serverless-2018-04-03
Resources:
  shop:
    Type: Aliyun::Serverless::Service
    Properties: {Description: things}
    order:
      Type: Aliyun::Serverless::Function
      Properties:
        Handler: index.handler
        Runtime: python3
        CodeUri: order/
        EnvironmentVariables: {PRICE: 12, OPEN: true}
      Events:
        every: {Type: Timer, Properties: {CronExpression: '@every 60m', Enable: false}}
    bill:
      Type: Aliyun::Serverless::Function
      Properties: {Handler: index.handler, Runtime: python3, CodeUri: bill/}
  domain:
    Type: Aliyun::Serverless::CustomDomain
    Properties:
      DomainName: shop.example.com
      Protocol: HTTP
      RouteConfig: {Routes: {'/*': {ServiceName: shop, FunctionName: order}}}
"""

WHO = "def handler(event, context):\n    return '{}'\n"


@pytest.fixture
def shop(shell):
    shell.write("template.yml", FUNCRAFT)
    for name in ("order", "bill"):
        shell.write(f"{name}/index.py", WHO.format(name))
    return shell


def actions(document, key, name):
    return {item[name]: item["action"] for item in document[key]}


# --- parts


def test_one_function_can_be_deployed_alone_with_its_service_and_triggers(shop):
    done = shop.fun("deploy", "shop/order", "--json").json
    assert actions(done, "functions", "functionName") == {"order": "Add"}
    assert actions(done, "services", "serviceName") == {"shop": "Add"}
    assert actions(done, "triggers", "trigger") == {"shop/order/every": "Add"}
    assert done["customDomains"] == []
    assert done["functions"][0]["environmentVariables"] == {"PRICE": "12", "OPEN": "true"}
    assert actions(shop.fun("deploy", "bill", "--json").json, "functions", "functionName") == {"bill": "Add"}
    assert shop.fun("deploy", "shop", "--json").json["unchanged"] is True
    assert len(shop.fun("info", "--json").json["functions"]) == 2


@pytest.mark.parametrize(
    ("name", "needle"),
    [
        ("gone", "shop, shop/order, shop/bill"),
        ("shop/gone", "shop/order"),
        ("domain", "no service or function 'domain'"),
        ("shop.example.com", "can't be deployed alone"),
        ("a/b/c", "service/function"),
    ],
)
def test_a_part_that_is_not_there_is_refused(shop, name, needle):
    done = shop.fun("deploy", name, check=1)
    assert needle in done.err
    assert shop.fun("info", "--json").json["functions"] == []


def test_a_stack_is_deployed_as_a_whole(shop):
    done = shop.fun("deploy", "order", "--use-ros", "--stack-name", "s", "--json")
    assert "'order' is ignored" in done.err
    assert len(done.json["functions"]) == 2


def test_only_the_configuration_is_deployed(shop):
    refused = shop.fun("deploy", "-c", check=1)
    assert "has no code to keep" in refused.err and "--only-config" in refused.err
    shop.fun("deploy")
    shop.write("order/index.py", WHO.format("changed"))
    shop.write("template.yml", FUNCRAFT.replace("PRICE: 12", "PRICE: 13"))
    done = shop.fun("deploy", "--only-config", "--json").json
    assert done["functions"][0]["changedProperties"] == ["environment"]
    assert shop.invk("order").out == "order"
    shop.fun("deploy")
    assert shop.invk("order").out == "changed"


# --- stacks


def test_a_stack_comes_changes_and_goes_with_all_it_owns(shell):
    document = json.loads(template(WHO.format(1), queue="own"))
    document["Resources"] |= {
        "Queue": {"Type": "ALIYUN::MNS::Queue", "Properties": {"QueueName": "own"}},
        "Topic": {"Type": "ALIYUN::MNS::Topic", "Properties": {"TopicName": "news"}},
        "Told": {
            "Type": "ALIYUN::MNS::Subscription",
            "DependsOn": ["Queue", "Topic"],
            "Properties": {
                "TopicName": "news",
                "SubscriptionName": "told",
                "Endpoint": "acs:mns:::queues/own",
                "NotifyContentFormat": "SIMPLIFIED",
            },
        },
    }
    document["Outputs"] = {"Arn": {"Value": {"Fn::GetAtt": ["Function", "ARN"]}}}
    shell.write("template.yml", json.dumps(document))
    first = shell.fun("deploy", "--stack-name", "s", "--json").json
    assert first["warnings"] == []
    assert actions(first, "queues", "queueName") == {"own": "Add"}
    assert actions(first, "topics", "topicName") == {"news": "Add"}
    assert actions(first, "subscriptions", "subscription") == {"news/told": "Add"}
    shell.fun("mns", "topic", "publish", "news", "-s", "hello")
    assert shell.fun("mns", "queue", "receive", "own", "--wait", "5", "--delete").out == "hello\n"
    info = shell.fun("info", "s", "--json").json
    assert info["stacks"] == [{"stackName": "s", "outputs": first["outputs"]}]
    del document["Resources"]["Told"], document["Resources"]["Topic"]
    shell.write("template.yml", json.dumps(document))
    second = shell.fun("deploy", "--stack-name", "s", "--json").json
    assert {(d["type"], d["resource"]) for d in second["deleted"]} == {
        ("Topic", "news"),
        ("Subscription", "news/told"),
    }
    refused = shell.fun("remove", "s", check=1)
    assert "-y" in refused.err
    gone = shell.fun("remove", "s", "-y", "--json").json
    assert {d["resource"] for d in gone["removed"]} == {"s", "demo", "demo/main", "own"}
    assert shell.fun("info", "--json").json["functions"] == []
    assert shell.fun("mns", "queue", "list", "--json").json == {"queues": []}
    assert "nothing deployed" in shell.fun("info", "s", check=1).err


def test_a_deploy_whose_own_call_fails_leaves_the_previous_state(shell):
    shell.write("template.yml", template(WHO.format("good")))
    shell.fun("deploy", "--stack-name", "s")
    before = shell.fun("info", "--json").json
    document = json.loads(template("def handler(event, context):\n    raise KeyError('broken')\n"))
    document["Resources"]["Setup"] = {
        "Type": "ALIYUN::FC::FunctionInvoker",
        "DependsOn": "Function",
        "Properties": {"ServiceName": "demo", "FunctionName": "main", "ExecuteVersion": 1},
    }
    shell.write("template.yml", json.dumps(document))
    failed = shell.fun("deploy", "--stack-name", "s", check=1)
    assert "'Setup' invokes demo/main" in failed.err and "broken" in failed.err
    assert shell.fun("info", "--json").json == before
    assert shell.invk("main").out == "good"


# --- versions, aliases, configurations


def test_versions_and_aliases_are_called_by_qualifier(shell):
    def deploy(answer):
        document = json.loads(template(WHO.format(answer)))
        document["Resources"] |= {
            "V": {
                "Type": "ALIYUN::FC::Version",
                "DependsOn": "Function",
                "Properties": {"ServiceName": "demo", "Description": "first"},
            },
            "Prod": {
                "Type": "ALIYUN::FC::Alias",
                "Properties": {"ServiceName": "demo", "AliasName": "prod", "VersionId": "1"},
                "DependsOn": "V",
            },
        }
        shell.write("template.yml", json.dumps(document))
        return shell.fun("deploy", "--stack-name", "s", "--json").json

    first = deploy("old")
    assert actions(first, "versions", "version") == {"demo.1": "Add"}
    assert actions(first, "aliases", "alias") == {"demo.prod": "Add"}
    assert deploy("old")["unchanged"] is True
    assert actions(deploy("new"), "versions", "version") == {"demo.2": "Add"}
    answers = [shell.invk("main", *which).out for which in ((), ("-q", "1"), ("-q", "prod"), ("-q", "2"))]
    assert answers == ["new", "old", "old", "new"]
    assert shell.invk("demo.prod/main").out == "old"
    missing = shell.invk("main", "-q", "3", check=1).err
    assert "version '3' of service 'demo' does not exist" in missing and "LATEST, 1, 2, prod" in missing
    info = shell.fun("info", "demo", "--json").json
    assert [(v["versionId"], v["functions"]) for v in info["versions"]] == [("1", ["main"]), ("2", ["main"])]
    assert "demo.prod" in shell.fun("info").out


def test_each_qualifier_has_its_own_asynchronous_configuration(shell):
    document = json.loads(template("def handler(event, context):\n    raise ValueError('x')\n", queue="dlq"))
    document["Resources"]["V"] = {
        "Type": "ALIYUN::FC::Version",
        "DependsOn": "Function",
        "Properties": {"ServiceName": "demo"},
    }
    shell.write("template.yml", json.dumps(document))
    shell.fun("deploy", "--stack-name", "s", "--create-queues")
    none = shell.fun("async-config", "main", "-q", "1", check=1)
    assert "the defaults count" in none.err
    options = ("--stateful", "--retries", "0", "--on-failure", "acs:mns:::/queues/own/messages")
    shell.fun("mns", "queue", "create", "own")
    given = shell.fun("async-config", "main", "-q", "1", *options, "--json").json
    assert given["asyncConfig"]["maxAsyncRetryAttempts"] == 0
    id = shell.invk("main", "-q", "1", "-t", "Async", "-s", "{}").out.strip()
    shell.wait(id, expect="Failed")
    letter = shell.letter("own")
    assert letter["requestContext"]["functionArn"] == "acs:fc:::services/demo.1/functions/main"
    assert shell.fun("deploy", "--stack-name", "s", "--json").json["unchanged"], (
        "the template has no say in it"
    )
    assert "stateful, retries 0" in shell.fun("info").out
    shell.fun("async-config", "main", "-q", "1", "--delete")
    assert shell.fun("info", "--json").json["asyncConfigs"] == []
    bad = shell.fun("async-config", "main", "--on-failure", "nowhere", check=1)
    assert "acs:mns:::/queues/NAME/messages" in bad.err


# --- removal


def test_a_service_or_a_function_is_removed(shop):
    shop.fun("deploy")
    done = shop.fun("remove", "bill", "-y")
    assert "shop/bill" in done.out and "Delete" in done.out
    assert "function 'bill' does not exist" in shop.invk("bill", check=1).err
    shop.fun("remove", "shop", "-y")
    assert shop.fun("info", "--json").json["services"] == []
    assert "'shop' does not exist" in shop.fun("remove", "shop", "-y", check=1).err


# --- watching


def test_what_is_saved_is_live_at_the_next_call(shop):
    watching = shop.start("fun", "deploy", "--watch")
    try:
        wait_for(lambda: shop.invk("order", check=None).out == "order")
        shop.write("order/index.py", WHO.format("second"))
        wait_for(lambda: shop.invk("order").out == "second")
        # As editors save: a new file in the place of the old one.
        new = shop.write("order/.index.py.swp", WHO.format("third"))
        os.replace(new, new.with_name("index.py"))
        wait_for(lambda: shop.invk("order").out == "third")
        shop.write("order/deep/er.py", "WHO = 'fourth'\n")
        shop.write("order/index.py", "from deep.er import WHO\ndef handler(e, c):\n    return WHO\n")
        wait_for(lambda: shop.invk("order", check=None).out == "fourth")
        shop.write("order/deep/er.py", "WHO = 'fifth'\n")
        wait_for(lambda: shop.invk("order").out == "fifth")
        shop.write("template.yml", FUNCRAFT.replace("Handler: index.handler", "Handlr: x", 1))
        shop.write("order/deep/er.py", "WHO = 'sixth'\n")
        shop.write("template.yml", FUNCRAFT.replace("order/", "bill/"))
        wait_for(lambda: shop.invk("order").out == "bill")
        assert watching.poll() is None
    finally:
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=30)
    assert watching.returncode == 130
    assert b"Watching for changes" in err and b"Traceback" not in err
    assert out.count(b"Modify") >= 4


def test_nothing_is_deployed_while_nothing_is_saved(shop):
    shop.environment["FUN_LOCAL_HOME"] = os.path.join(shop.project, ".state")
    shop.write("template.yml", FUNCRAFT.replace("order/", "."))
    watching = shop.start("fun", "deploy", "--watch")
    try:
        wait_for(lambda: shop.invk("bill", check=None).out == "bill")
        shop.write("bill/index.py", WHO.format("second"))
        wait_for(lambda: shop.invk("bill").out == "second")
    finally:
        watching.send_signal(signal.SIGINT)
        out, _ = watching.communicate(timeout=30)
        shop.fun("daemon", "stop")
    assert out.count(b"Modify") == 2, "one for each function that has the file"


def test_a_stack_reads_the_outputs_of_another(shell):
    head = "ROSTemplateFormatVersion: '2015-09-01'\nResources:\n"
    service = "  S: {{Type: 'ALIYUN::FC::Service', Properties: {{ServiceName: {}}}}}\n"
    shell.write("one.yml", head + service.format("one") + "Outputs: {Name: {Value: two}}\n")
    shell.write("two.yml", head + service.format("{Fn::GetStackOutput: [first, Name]}"))
    refused = shell.fun("deploy", "-t", "two.yml", "--stack-name", "second", check=1)
    assert "no stack 'first' is deployed" in refused.err
    shell.fun("deploy", "-t", "one.yml", "--stack-name", "first")
    shell.fun("deploy", "-t", "two.yml", "--stack-name", "second")
    assert [s["serviceName"] for s in shell.fun("info", "--json").json["services"]] == ["one", "two"]
