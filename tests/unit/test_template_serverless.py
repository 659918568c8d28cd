"""Funcraft's dialect, and what both dialects have besides functions and queues."""

from __future__ import annotations

import copy
import json
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fun_local.errors import InvalidTemplate
from fun_local.model.resources import (
    Alias,
    AsyncConfig,
    Call,
    Domain,
    Publication,
    Resources,
    Subscription,
    Topic,
    Trigger,
)
from fun_local.template.build import build
from fun_local.template.load import parse_document

ACCOUNT = "1234567890123456"

HEAD = "ROSTemplateFormatVersion: '2015-09-01'\n"

BASE = f"""{HEAD}Transform: Aliyun::Serverless-2018-04-03
Resources:
  shop:
    Type: Aliyun::Serverless::Service
    Properties:
      Description: sells things
    buy:
      Type: Aliyun::Serverless::Function
      Properties:
        Handler: index.handler
        Runtime: python3
        CodeUri: code
"""

PLAIN = f"""{HEAD}Resources:
  Home:
    Type: ALIYUN::FC::Service
    Properties: {{ServiceName: shop}}
  Buy:
    Type: ALIYUN::FC::Function
    Properties:
      ServiceName: {{Ref: Home}}
      FunctionName: buy
      Handler: index.handler
      Runtime: python3
      Code: {{SourceCode: "def handler(event, context): return 1"}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("def handler(event, context): return 1")
    return tmp_path


@pytest.fixture
def make(folder):
    def make(text, *, replacements=(), parameters=(), stage=None, **options):
        return build(
            parse_document(str(folder / "template.yml"), text.encode()),
            stack_name="demo-1",
            region="cn-shanghai",
            account_id=ACCOUNT,
            parameters=dict(parameters),
            replacements=dict(replacements),
            stage=stage or (lambda source: "digest"),
            **options,
        )

    return make


@pytest.fixture
def refused(make):
    def refused(text, **options):
        staged = []
        with pytest.raises(InvalidTemplate) as error:
            make(text, stage=staged.append, **options)
        assert staged == []
        return {(problem.kind, problem.path): problem for problem in error.value.problems}

    return refused


@pytest.fixture
def only(refused):
    def only(text, **options):
        ((place, problem),) = refused(text, **options).items()
        return place, problem

    return only


def resource(name, kind, properties="{}", rest=""):
    return f"  {name}:\n    Type: {kind}\n    Properties: {properties}\n{rest}"


def function(*lines):
    """BASE with more properties of its function."""
    return BASE + "".join(f"        {line}\n" for line in lines)


def event(kind, properties):
    return f"{BASE}      Events:\n        it:\n          Type: {kind}\n          Properties: {properties}\n"


# --- services and functions --------------------------------------------------------------------


def test_a_service_and_its_function_arrive(make):
    sources = []
    resources = make(BASE, stage=lambda source: sources.append(source) or "digest")
    (service,), (found,) = resources.services, resources.functions
    assert (service.name, service.description, service.internet_access) == ("shop", "sells things", True)
    assert (found.path, found.runtime, found.handler) == ("shop/buy", "python3", "index.handler")
    assert (found.memory_mb, found.timeout_seconds, found.code) == (128, 3, "digest")
    assert found.stack == service.stack == "demo-1"
    assert found.async_config is None
    (source,) = sources
    assert source.folder.endswith("/code")
    assert (resources.warnings, resources.not_emulated) == ((), ())


def test_all_properties_of_a_function_arrive(make):
    (found,) = make(
        function(
            "Initializer: index.start",
            "InitializationTimeout: 7",
            "Description: d",
            "Timeout: 60",
            "MemorySize: 4096",
            "InstanceConcurrency: 10",
            "CAPort: 8080",
            "CustomRuntimeConfig: {Command: [run]}",
            "EnvironmentVariables: {A: 1, B: true, C: text, D: 1.5}",
            "AsyncConfiguration:",
            "  Destination: {OnSuccess: 'acs:mns:::/queues/good/messages'}",
            "  MaxAsyncEventAgeInSeconds: 600",
            "  MaxAsyncRetryAttempts: 1",
            "  StatefulInvocation: true",
        )
    ).functions
    assert (found.initializer, found.initialization_timeout_seconds) == ("index.start", 7)
    assert (found.timeout_seconds, found.memory_mb, found.instance_concurrency) == (60, 4096, 10)
    assert (found.ca_port, found.description) == (8080, "d")
    assert (found.custom_command, found.custom_args) == (("run",), ())
    assert found.environment == {"A": "1", "B": "true", "C": "text", "D": "1.5"}
    assert found.async_config == AsyncConfig(1, 600, True, "acs:mns:::/queues/good/messages", "")


def test_what_has_no_effect_is_said_once_each(make):
    text = BASE.replace(
        "      Description: sells things\n",
        "      VpcConfig: Auto\n      NasConfig: Auto\n      TracingConfig: Enable\n      LogConfig: Auto\n"
        "      Policies: [AliyunOSSFullAccess]\n",
    )
    text += "        Layers: [a]\n        InstanceType: c1\n      Extra: 1\n"
    resources = make(text)
    for word in ("VpcConfig", "NasConfig", "TracingConfig", "Layers", "InstanceType", "Extra"):
        assert sum(word in warning for warning in resources.warnings) == 1, word
    assert len(resources.warnings) == 6
    ((name, kind),) = [(a.name, a.type) for a in resources.not_emulated]
    assert (name, kind) == ("shopRole", "ALIYUN::RAM::Role")
    (service,) = resources.services
    assert service.log_project.startswith("aliyun-fc-cn-shanghai-")
    assert service.log_store == "function-log"


def test_numbers_and_booleans_may_be_written_as_text(make):
    # Also inside a property that may have one of several shapes.
    text = BASE.replace("Description: sells things", "NasConfig: {UserId: '1', GroupId: '2', Auto: 'true'}")
    resources = make(text + "        Timeout: '20'\n")
    assert resources.functions[0].timeout_seconds == 20


def test_a_custom_container_needs_an_image_instead_of_code(make, refused):
    text = BASE.replace("Runtime: python3", "Runtime: custom-container")
    text = text.replace("        Handler: index.handler\n        ", "        ").replace(
        "CodeUri: code", "CAPort: 80"
    )
    properties = "Resources/shop/buy/Properties"
    assert list(refused(text)) == [("required", properties)]
    resources = make(text + "        CustomContainerConfig: {Image: registry/image}\n")
    assert resources.functions[0].code == ""
    assert "custom-container can't be run here" in resources.warnings[0]


def test_missing_code_is_named_with_its_place(only):
    (kind, path), problem = only(BASE.replace("CodeUri: code", "CodeUri: nowhere"))
    assert (kind, path, problem.line) == ("value", "Resources/shop/buy/Properties/CodeUri", 13)


def test_a_key_with_nothing_behind_it_is_not_there(make, refused):
    assert make(function("Timeout:")).functions[0].timeout_seconds == 3
    assert ("required", "Resources/shop/buy/Properties") in refused(BASE.replace("python3", ""))


# --- names in a stack --------------------------------------------------------------------------


def test_in_a_stack_services_have_a_suffix(make):
    text = BASE + resource(
        "my.shop.com",
        "Aliyun::Serverless::CustomDomain",
        "{Protocol: HTTP, RouteConfig: {Routes: {/a: {ServiceName: shop, FunctionName: buy}}}}",
    )
    resources = make(text, use_ros=True)
    (service,), (found,) = resources.services, resources.functions
    # 12 digits of sha256("demo-1", zero byte, "shop"): they must never change, or services would.
    assert service.name == "demo-1-shop-851EA9C57416"
    assert found.path == f"{service.name}/buy"
    assert resources.domains[0].routes == {"/a": (service.name, "buy", "LATEST")}
    assert make(text).domains[0].routes == {"/a": ("shop", "buy", "LATEST")}


def test_plain_ros_names_are_the_same_either_way(make):
    assert make(PLAIN, use_ros=True) == make(PLAIN)


def test_a_name_the_service_would_not_take_is_a_problem(only):
    (kind, path), problem = only(BASE.replace("  shop:", "  a.b:"))
    assert (kind, path) == ("value", "Resources/a.b")
    assert "'a.b'" in problem.message


# --- references --------------------------------------------------------------------------------


def test_functions_are_referred_to_by_both_ids(make):
    text = f"""{BASE}
        EnvironmentVariables: {{FLOW: {{Fn::GetAtt: [steps, Name]}}, SIZE: {{Ref: Size}}}}
  steps:
    Type: Aliyun::Serverless::Flow
    DependsOn: [shop]
    Properties: {{Description: x}}
  watch:
    Type: Aliyun::Serverless::Service
    DependsOn: shopbuy
    Properties: {{Description: {{Fn::Sub: '${{shopbuy.ARN}}'}}, Role: {{Fn::GetAtt: [shop, ServiceName]}}}}
Parameters: {{Size: {{Type: Number, Default: 3}}}}
Outputs:
  Function: {{Value: {{Fn::GetAtt: [shopbuy, FunctionName]}}}}
  Flow: {{Value: {{Fn::GetAtt: [steps, Name]}}}}
"""
    resources = make(text)
    assert resources.functions[0].environment == {"FLOW": "steps", "SIZE": "3"}
    watch = resources.services[1]
    assert watch.description == f"acs:fc:cn-shanghai:{ACCOUNT}:services/shop/functions/buy"
    assert watch.role == "shop"
    assert resources.outputs == {"Function": "buy", "Flow": "steps"}
    assert make(text, use_ros=True).services[1].role == make(text, use_ros=True).services[0].name


def test_what_stands_in_a_service_goes_with_it(make):
    text = BASE.replace(
        "    Type: Aliyun::Serverless::Service\n",
        "    Type: Aliyun::Serverless::Service\n    Condition: Never\n",
    )
    text += "      Events: {t: {Type: Timer, Properties: {CronExpression: '@every 1m'}}}\n"
    text += "Conditions: {Never: {Fn::Equals: [a, b]}}\n"
    resources = make(text)
    assert (resources.services, resources.functions, resources.triggers) == ((), (), ())


def test_two_functions_whose_ids_read_the_same_are_two(make):
    text = f"""{HEAD}Transform: Aliyun::Serverless-2018-04-03
Resources:
"""
    for service, name in (("a", "bc"), ("ab", "c")):
        text += f"""  {service}:
    Type: Aliyun::Serverless::Service
    {name}:
      Type: Aliyun::Serverless::Function
      Properties: {{Handler: index.handler, Runtime: python3, CodeUri: code}}
"""
    assert [f.path for f in make(text).functions] == ["a/bc", "ab/c"]


def test_both_families_of_types_may_stand_together(make):
    text = BASE + resource("q", "ALIYUN::MNS::Queue", "{QueueName: letters}")
    assert make(text).queues[0].name == "letters"


# --- triggers ----------------------------------------------------------------------------------

EVENTS = [
    (
        "Timer",
        "{CronExpression: '@every 5m', Payload: p, Enable: false}",
        "timer",
        {"cronExpression": "@every 5m", "payload": "p", "enable": False},
        "",
    ),
    (
        "HTTP",
        "{AuthType: ANONYMOUS, Methods: [GET]}",
        "http",
        {"authType": "anonymous", "methods": ["GET"]},
        "",
    ),
    (
        "OSS",
        "{BucketName: b, Events: [e], Filter: {Key: {Prefix: p, Suffix: s}}}",
        "oss",
        {"events": ["e"], "filter": {"key": {"prefix": "p", "suffix": "s"}}},
        f"acs:oss:cn-shanghai:{ACCOUNT}:b",
    ),
    (
        "Log",
        "{SourceConfig: {Logstore: a}, JobConfig: {MaxRetryTime: 1, TriggerInterval: 30},"
        " LogConfig: {Project: p, Logstore: b, FunctionParameter: {Kept: 1}}}",
        "log",
        {
            "sourceConfig": {"logstore": "a"},
            "jobConfig": {"maxRetryTime": 1, "triggerInterval": 30},
            "logConfig": {"project": "p", "logstore": "b"},
            "functionParameter": {"Kept": 1},
            "enable": True,
        },
        f"acs:log:cn-shanghai:{ACCOUNT}:project/p",
    ),
    (
        "RDS",
        "{InstanceId: i, SubscriptionObjects: [db.t], Retry: 2, Concurrency: 1, EventFormat: json}",
        "rds",
        {"subscriptionObjects": ["db.t"], "retry": 2, "concurrency": 1, "eventFormat": "json"},
        f"acs:rds:cn-shanghai:{ACCOUNT}:dbinstance/i",
    ),
    (
        "MNSTopic",
        "{TopicName: news, NotifyContentFormat: JSON, FilterTag: t}",
        "mns_topic",
        {"NotifyContentFormat": "JSON", "NotifyStrategy": "BACKOFF_RETRY", "FilterTag": "t"},
        f"acs:mns:cn-shanghai:{ACCOUNT}:/topics/news",
    ),
    (
        "TableStore",
        "{InstanceName: i, TableName: t}",
        "tablestore",
        {},
        f"acs:ots:cn-shanghai:{ACCOUNT}:instance/i/table/t",
    ),
    (
        "CDN",
        "{EventName: n, EventVersion: '1', Notes: x, Filter: {Domain: [d]}}",
        "cdn_events",
        {"eventName": "n", "eventVersion": "1", "notes": "x", "filter": {"domain": ["d"]}},
        f"acs:cdn:*:{ACCOUNT}",
    ),
]


@pytest.mark.parametrize(("word", "properties", "kind", "config", "source"), EVENTS)
def test_events_become_triggers_in_the_services_words(make, word, properties, kind, config, source):
    resources = make(event(word, properties))
    (trigger,) = resources.triggers
    assert trigger == Trigger("shop", "buy", "it", kind, config, "LATEST", "", source)
    is_fired = kind in ("timer", "http", "mns_topic")
    accepted = [(a.name, a.type) for a in resources.not_emulated]
    assert accepted == ([] if is_fired else [("shop/buy/it", f"Aliyun::Serverless::Triggers::{word}")])


def test_triggers_have_a_role_a_qualifier_and_a_region(make):
    properties = "{TopicName: t, Region: eu-1, InvocationRole: r, Qualifier: prod}"
    (trigger,) = make(event("MNSTopic", properties)).triggers
    assert (trigger.role, trigger.qualifier) == ("r", "prod")
    assert trigger.source_arn == f"acs:mns:eu-1:{ACCOUNT}:/topics/t"


@pytest.mark.parametrize(
    ("kind", "given", "config"),
    [
        (
            "http",
            "{AuthType: ANONYMOUS, methods: [GET]}",
            {"authType": "anonymous", "methods": ["GET"]},
        ),
        (
            "timer",
            "{CronExpression: '@every 1m', Enable: 'False'}",
            {"cronExpression": "@every 1m", "enable": False},
        ),
        ("mns_topic", "{notifyStrategy: x}", {"NotifyStrategy": "x"}),
        ("something_new", "{AsIs: 1}", {"AsIs": 1}),
    ],
)
def test_triggers_of_plain_ros_are_spelled_the_same(make, kind, given, config):
    properties = (
        f"{{ServiceName: shop, FunctionName: {{Ref: Buy}}, TriggerName: it, TriggerType: {kind},"
        f" TriggerConfig: {given}, SourceArn: s}}"
    )
    resources = make(PLAIN + resource("T", "ALIYUN::FC::Trigger", properties))
    assert resources.triggers == (Trigger("shop", "buy", "it", kind, config, "LATEST", "", "s"),)
    assert len(resources.not_emulated) == (kind == "something_new")


# --- versions, aliases, calls ------------------------------------------------------------------


def test_an_alias_of_a_version_to_come_is_one_of_the_newest(make):
    text = (
        PLAIN
        + """
  V: {Type: ALIYUN::FC::Version, DependsOn: Buy, Properties: {ServiceName: {Ref: Home}, Description: d}}
  A:
    Type: ALIYUN::FC::Alias
    Properties:
      ServiceName: shop
      AliasName: prod
      VersionId: {Fn::GetAtt: [V, VersionId]}
      AdditionalVersion: '1'
      AdditionalWeight: 5
  B: {Type: ALIYUN::FC::Alias, Properties: {ServiceName: shop, AliasName: old, VersionId: '1'}}
  C:
    Type: ALIYUN::FC::FunctionInvoker
    Properties:
      {ServiceName: shop, FunctionName: buy, Async: true, Event: hi, ExecuteVersion: 2,
       Qualifier: {Ref: A}, CheckError: true}
  D:
    Type: ALIYUN::FC::FunctionInvoker
    Properties: {ServiceName: shop, FunctionName: buy, ExecuteVersion: 1, Qualifier: {Ref: V}}
  E: {Type: ALIYUN::FC::FunctionInvoker, Properties: {ServiceName: shop, FunctionName: buy}}
"""
    )
    resources = make(text)
    assert resources.publications == (Publication("shop", "d"),)
    assert resources.aliases == (
        Alias("shop", "prod", "", "", {"1": 0.05}),
        Alias("shop", "old", "1"),
    )
    assert resources.calls == (
        Call("C", "shop", "buy", "hi", True, "prod", 2),
        Call("D", "shop", "buy", "", False, "", 1),
    )
    (warning,) = resources.warnings
    assert "CheckError" in warning
    (accepted,) = resources.not_emulated
    assert (accepted.name, "ExecuteVersion" in accepted.reason) == ("E", True)


def test_no_alias_is_called_like_what_is_not_published(only):
    text = PLAIN + resource("A", "ALIYUN::FC::Alias", "{ServiceName: shop, AliasName: LATEST}")
    assert only(text)[0] == ("value", "Resources/A/Properties/AliasName")


# --- topics ------------------------------------------------------------------------------------


def test_topics_and_subscriptions_arrive(make):
    text = (
        PLAIN
        + """
  T: {Type: ALIYUN::MNS::Topic, Properties: {TopicName: news, MaximumMessageSize: 2048}}
  Q: {Type: ALIYUN::MNS::Queue, Properties: {QueueName: letters}}
  S:
    Type: ALIYUN::MNS::Subscription
    Properties:
      TopicName: {Ref: T}
      SubscriptionName: s
      Endpoint: {Fn::Sub: 'acs:mns:${ALIYUN::Region}:${ALIYUN::AccountId}:queues/${Q}'}
      NotifyContentFormat: JSON
      FilterTag: red
  M:
    Type: ALIYUN::MNS::Subscription
    Properties: {TopicName: news, SubscriptionName: m, Endpoint: 'mail:directmail:a@b.c'}
"""
    )
    resources = make(text)
    assert resources.topics == (Topic("news", 2048),)
    endpoint = f"acs:mns:cn-shanghai:{ACCOUNT}:queues/letters"
    assert resources.subscriptions[0] == Subscription("news", "s", endpoint, "BACKOFF_RETRY", "JSON", "red")
    assert [a.name for a in resources.not_emulated] == ["M"]


def test_a_topic_of_funcraft_is_called_as_in_the_template(make):
    text = BASE + resource("news", "Aliyun::Serverless::MNSTopic", "{Region: r, LoggingEnabled: true}")
    assert make(text).topics == (Topic("news", 65_536, True),)


@pytest.mark.parametrize("endpoint", ["queue", "ftp://x", "acs:mns:r:a:topics/t"])
def test_endpoints_must_be_of_a_known_form(only, endpoint):
    properties = f"{{TopicName: t, SubscriptionName: s, Endpoint: '{endpoint}'}}"
    (kind, path), _ = only(PLAIN + resource("S", "ALIYUN::MNS::Subscription", properties))
    assert (kind, path) == ("value", "Resources/S/Properties/Endpoint")


# --- domains -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "name"),
    [("", "my_shop"), ("DomainName: a.b,", "a.b"), ("DomainName: Auto,", "my-shop.test.functioncompute.com")],
)
def test_domains_have_routes(make, given, name):
    routes = (
        "{/*: {serviceName: shop, functionName: buy}, /b: {ServiceName: s, FunctionName: f, Qualifier: q}}"
    )
    for spelling in ("Routes", "routes"):
        properties = f"{{{given} Protocol: HTTP, RouteConfig: {{{spelling}: {routes}}}}}"
        (domain,) = make(BASE + resource("my_shop", "Aliyun::Serverless::CustomDomain", properties)).domains
        assert domain == Domain(name, "HTTP", {"/*": ("shop", "buy", "LATEST"), "/b": ("s", "f", "q")})


def test_domains_of_plain_ros_list_their_routes(make, only):
    properties = """
      DomainName: a.b
      Protocol: HTTP,HTTPS
      RouteConfig: {routes: [{Path: /x, ServiceName: shop, FunctionName: buy, Methods: [GET]}]}
"""
    resources = make(PLAIN + resource("D", "ALIYUN::FC::CustomDomain", properties))
    assert resources.domains == (Domain("a.b", "HTTP,HTTPS", {"/x": ("shop", "buy", "LATEST")}),)
    assert sum("certificate" in w for w in resources.warnings) == 1
    assert sum("Methods" in w for w in resources.warnings) == 1
    without = properties.replace("Path: /x, ", "")
    (kind, path), problem = only(PLAIN + resource("D", "ALIYUN::FC::CustomDomain", without))
    assert (kind, path) == ("required", "Resources/D/Properties/RouteConfig/routes/0")
    assert problem.message == "Missing property Path"
    route = "{Path: /x, ServiceName: shop, FunctionName: buy, Methods: [GET]}"
    twice = properties.replace(route, f"{route}, {route}")
    (kind, path), problem = only(PLAIN + resource("D", "ALIYUN::FC::CustomDomain", twice))
    assert (kind, path) == ("value", "Resources/D/Properties/RouteConfig/routes/1")
    assert "/x" in problem.message


# --- accepted without effect -------------------------------------------------------------------


def test_what_a_laptop_has_not_is_accepted_and_listed(make):
    text = (
        BASE
        + """
  logs:
    Type: Aliyun::Serverless::Log
    Properties: {Description: x}
    one: {Type: 'Aliyun::Serverless::Log::Logstore', Properties: {TTL: 10, ShardCount: 1}}
  tables:
    Type: Aliyun::Serverless::TableStore
    Properties: {ClusterType: HYBRID}
    two: {Type: 'Aliyun::Serverless::TableStore::Table', Properties: {PrimaryKeyList: []}}
  gate: {Type: 'Aliyun::Serverless::Api', Properties: {StageName: RELEASE, Cors: {AllowOrigin: x}}}
  steps: {Type: 'Aliyun::Serverless::Flow', Properties: {DefinitionUri: x.yml}, Other: 1}
"""
    )
    resources = make(text)
    assert [a.name for a in resources.not_emulated] == [
        "logs", "logs/one", "tables", "tables/two", "gate", "steps",
    ]  # fmt: skip
    assert all(a.reason for a in resources.not_emulated)
    assert resources.warnings == ("steps: Other is not known and has no effect",)


def test_sections_without_effect_are_let_pass(make):
    resources = make(BASE + "Metadata: {a: 1}\nRules: {b: 1}\nLocals: {c: 1}\nWorkspace: {d: 1}\n")
    assert [w.split(":")[0] for w in resources.warnings] == [
        "section Rules",
        "section Locals",
        "section Workspace",
    ]


# --- outputs -----------------------------------------------------------------------------------


def test_outputs_are_evaluated(make):
    text = (
        PLAIN
        + """
Conditions: {Never: {Fn::Equals: [a, b]}}
Outputs:
  Arn: {Value: {Fn::GetAtt: [Buy, ARN]}, Description: x}
  List: {Value: [1, {Ref: Home}]}
  Hidden: {Value: x, NoEcho: true}
  Absent: {Value: {Ref: Buy}, Condition: Never}
  Nothing: {Value: {Ref: 'ALIYUN::NoValue'}}
  Odd: {Value: {Fn::Cidr: [a, 1, 2]}}
"""
    )
    resources = make(text)
    assert resources.outputs == {
        "Arn": f"acs:fc:cn-shanghai:{ACCOUNT}:services/shop/functions/buy",
        "List": [1, "shop"],
        "Hidden": "******",
    }
    assert [w for w in resources.warnings if "Odd" in w]


def test_outputs_must_refer_to_what_is_there(only):
    (kind, path), _ = only(PLAIN + "Outputs: {X: {Value: {Ref: Byu}}}\n")
    assert (kind, path) == ("value", "Outputs/X/Value/Ref")


# --- problems in Funcraft's words --------------------------------------------------------------

BUY = "Resources/shop/buy"


@pytest.mark.parametrize(
    ("text", "kind", "path", "message", "hint"),
    [
        (
            BASE.replace("Service\n", "Servce\n", 1),
            "value",
            "Resources/shop/Type",
            '"Aliyun::Serverless::Service"',
            "Did you mean Aliyun::Serverless::Service?",
        ),
        (
            BASE.replace("::Function", "::Functoin"),
            "value",
            f"{BUY}/Type",
            'Valid values: "Aliyun::Serverless::Function"',
            "Did you mean",
        ),
        (
            BASE.replace("      Type: Aliyun::Serverless::Function\n", ""),
            "required",
            BUY,
            "Missing property Type",
            "",
        ),
        (
            BASE.replace("    buy:", "    TypeA:"),
            "additional",
            "Resources/shop/TypeA",
            "Unexpected",
            "A function's",
        ),
        (
            BASE.replace("Handler: index", "Hnadler: index"),
            "additional",
            f"{BUY}/Properties/Hnadler",
            "",
            "Handler?",
        ),
        (
            BASE.replace("Handler: index", "Hnadler: index"),
            "required",
            f"{BUY}/Properties",
            "Missing property Handler",
            "",
        ),
        (BASE.replace("python3", "pyton3"), "value", f"{BUY}/Properties/Runtime", '"python3.10"', "python3?"),
        (
            function("MemorySize: 3200"),
            "value",
            f"{BUY}/Properties/MemorySize",
            "Valid values: 4096, 8192",
            "",
        ),
        (function("MemorySize: 64"), "value", f"{BUY}/Properties/MemorySize", "at least 128", ""),
        (function("MemorySize: big"), "type", f"{BUY}/Properties/MemorySize", "Expected integer", ""),
        (function("FunctionName: x"), "additional", f"{BUY}/Properties/FunctionName", "Unexpected", ""),
        (
            function("EnvironmentVariables: {A: {}}"),
            "type",
            f"{BUY}/Properties/EnvironmentVariables/A",
            "",
            "",
        ),
        (
            function("AsyncConfiguration: {Destination: {OnFailure: x}}"),
            "value",
            f"{BUY}/Properties/AsyncConfiguration/Destination/OnFailure",
            "not an address",
            "",
        ),
        (event("Tmer", "{}"), "value", f"{BUY}/Events/it/Type", 'Valid values: "Timer", "HTTP"', "Timer?"),
        (event("Datahub", "{Topic: t}"), "value", f"{BUY}/Events/it/Type", "Found 'Datahub'", ""),
        (
            event("Timer", "{}"),
            "required",
            f"{BUY}/Events/it/Properties",
            "Missing property CronExpression",
            "",
        ),
        (
            event("HTTP", "{AuthType: open, Methods: [FETCH]}"),
            "value",
            f"{BUY}/Events/it/Properties/Methods/0",
            "'FETCH'",
            "",
        ),
        (
            BASE.replace("Description: sells things", "VpcConfig: Atuo"),
            "value",
            "Resources/shop/Properties/VpcConfig",
            'Valid values: "Auto"',
            "",
        ),
        (
            BASE.replace("Description: sells things", "VpcConfig: 1"),
            "type",
            "Resources/shop/Properties/VpcConfig",
            "Expected string or object, found integer 1",
            "",
        ),
        (
            BASE.replace("Description: sells things", "NasConfig: {UserId: 1}"),
            "required",
            "Resources/shop/Properties/NasConfig",
            "Missing property GroupId",
            "",
        ),
        (
            BASE.replace("Description: sells things", "Policies: [{Statement: [{Effect: Allow}]}]"),
            "required",
            "Resources/shop/Properties/Policies/0/Statement/0",
            "Missing property",
            "",
        ),
        (
            BASE
            + resource(
                "l", "Aliyun::Serverless::Log", "{}", "    s: {Type: 'Aliyun::Serverless::Log::Logstore'}\n"
            ),
            "required",
            "Resources/l/s/Properties",
            "Missing property",
            "",
        ),
        (
            BASE + resource("a", "Aliyun::Serverless::Api", "{}"),
            "required",
            "Resources/a/Properties",
            "StageName",
            "",
        ),
        (
            BASE + resource("f", "Aliyun::Serverless::Function"),
            "value",
            "Resources/f/Type",
            "Function",
            "inside",
        ),
        (
            BASE
            + resource(
                "d", "Aliyun::Serverless::CustomDomain", "{Protocol: HTTP, RouteConfig: {Routes: {a: {}}}}"
            ),
            "additional",
            "Resources/d/Properties/RouteConfig/Routes/a",
            "Unexpected",
            "starts with /",
        ),
        (
            BASE + resource("t", "Aliyun::Serverless::MNSTopic", "{}"),
            "required",
            "Resources/t/Properties",
            "Region",
            "",
        ),
        (BASE + "Other: 1\n", "additional", "Other", "Unexpected property Other", ""),
    ],
)
def test_problems_are_named_in_funcrafts_words_at_their_place(refused, text, kind, path, message, hint):
    problem = refused(text)[kind, path]
    assert message in problem.message
    assert hint in problem.hint
    assert problem.line > 1


def test_one_run_finds_all_problems(refused):
    text = event("Tmer", "{}").replace("python3", "pyton3").replace("  shop:", "  x: 1\n  shop:")
    found = refused(text + resource("t", "Aliyun::Serverless::MNSTopic", "{Rgion: x}"))
    assert {path for _, path in found} == {
        "Resources/x",
        f"{BUY}/Events/it/Type",
        f"{BUY}/Properties/Runtime",
        "Resources/t/Properties",
        "Resources/t/Properties/Rgion",
    }


def test_placeholders_are_filled_in_or_asked_for(make, only):
    text = function("AsyncConfiguration: {Destination: {OnFailure: 'acs:mns:::/queues/{my_queue}/messages'}}")
    (kind, path), problem = only(text)
    assert (kind, path) == ("placeholder", f"{BUY}/Properties/AsyncConfiguration/Destination/OnFailure")
    assert "--replace my_queue=VALUE" in problem.hint
    (found,) = make(text, replacements={"my_queue": "dlq"}).functions
    assert found.async_config.on_failure == "acs:mns:::/queues/dlq/messages"


# --- the whole ---------------------------------------------------------------------------------

FULL = yaml.safe_load(
    BASE
    + "      Events:\n"
    + "".join(
        f"        e{number}: {{Type: {word}, Properties: {properties}}}\n"
        for number, (word, properties, *_) in enumerate(EVENTS)
    )
    + """
  logs:
    Type: Aliyun::Serverless::Log
    one: {Type: 'Aliyun::Serverless::Log::Logstore', Properties: {TTL: 10, ShardCount: 1}}
  site:
    Type: Aliyun::Serverless::CustomDomain
    Properties:
      {DomainName: Auto, Protocol: HTTP, RouteConfig: {Routes: {/: {ServiceName: shop, FunctionName: buy}}}}
  news: {Type: 'Aliyun::Serverless::MNSTopic', Properties: {Region: r}}
  V: {Type: 'ALIYUN::FC::Version', Properties: {ServiceName: {Ref: shop}}}
  A: {Type: 'ALIYUN::FC::Alias', Properties: {ServiceName: shop, AliasName: a, VersionId: {Ref: V}}}
  T:
    Type: ALIYUN::FC::Trigger
    Properties:
      ServiceName: shop
      FunctionName: buy
      TriggerName: t
      TriggerType: timer
      TriggerConfig: {CronExpression: '@every 1m'}
  C:
    Type: ALIYUN::FC::FunctionInvoker
    Properties: {ServiceName: shop, FunctionName: buy, ExecuteVersion: 1}
  S: {Type: 'ALIYUN::MNS::Subscription', Properties: {TopicName: n, SubscriptionName: s, Endpoint: 'http://x'}}
Outputs: {X: {Value: {Fn::GetAtt: [shopbuy, ARN]}}}
"""
)


def test_resources_survive_being_sent_as_json(make):
    resources = make(yaml.safe_dump(FULL))
    for name in ("services", "functions", "triggers", "publications", "aliases", "topics", "subscriptions"):
        assert getattr(resources, name), name
    assert resources.domains
    assert resources.calls
    assert resources.outputs
    assert Resources.from_dict(json.loads(json.dumps(resources.to_dict()))) == resources


def test_resources_of_an_older_writer_are_read():
    older = {"services": [], "functions": [], "queues": [], "notEmulated": [], "warnings": []}
    assert Resources.from_dict(older) == Resources()


def places(value, path=()):
    """The places of all values in a document."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


JUNK = st.sampled_from(
    [
        *(None, True, 0, -1, 1.5, 10**20, "", "x", "/", "{a_b}", "Auto", "oss://b/c"),
        *([], [[]], ["x", None], {}, {"Type": "x"}, {"Type": []}, {"Ref": "Nope"}, {"Ref": "shop"}),
        *({"Fn::GetAtt": ["V", "VersionId"]}, {"Fn::Jq": 1}, {"Ref": "ALIYUN::NoValue"}),
    ]
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damaged_templates_are_built_or_refused_never_worse(make, data):
    damaged = copy.deepcopy(FULL)
    for _ in range(data.draw(st.integers(1, 3))):
        *above, last = data.draw(st.sampled_from(list(places(damaged))))
        target = damaged
        for key in above:
            target = target[key]
        how = data.draw(st.integers(0, 2))
        if how == 0:
            target[last] = copy.deepcopy(data.draw(JUNK))
        elif how == 1 and isinstance(target, dict):
            target[data.draw(st.sampled_from(["Type", "Count", "Events", "x", "Fn::If"]))] = target.pop(last)
        else:
            del target[last]
        if not damaged:
            return
    try:
        resources = make(yaml.safe_dump(damaged))
    except InvalidTemplate as error:
        assert error.problems
        assert "(invalid)" not in "".join(map(str, error.problems))
    else:
        json.dumps(resources.to_dict())
        assert "(invalid)" not in repr(resources)
        assert "NoValue" not in repr(resources)


def test_a_thousand_functions_are_read_in_seconds(make):
    text = BASE + "".join(
        f"    f{number}: {{Type: 'Aliyun::Serverless::Function', Properties: "
        f"{{Handler: index.handler, Runtime: python3, CodeUri: code}}}}\n"
        for number in range(1000)
    )
    started = time.monotonic()
    assert len(make(text).functions) == 1001
    assert time.monotonic() - started < 30


# --- DependsOn ---------------------------------------------------------------------------------


def dependent(name):
    return f"{BASE}  Group: {{Type: 'ALIYUN::ECS::SecurityGroup', DependsOn: {name}}}\n"


@pytest.mark.parametrize("name", ["shopRole", "AliyunECSNetworkInterfaceManagementAccessshopRole"])
@pytest.mark.parametrize("use_ros", [False, True])
def test_what_ros_makes_of_a_services_policies_may_be_depended_on(make, name, use_ros):
    assert not any("DependsOn" in warning for warning in make(dependent(name), use_ros=use_ros).warnings)


def test_depending_on_nothing_is_refused_by_a_stack_alone(make, refused):
    """Deployed directly, nothing looks at DependsOn, as in Funcraft."""
    text = dependent("shp")
    (warning,) = [warning for warning in make(text).warnings if "DependsOn" in warning]
    assert "no resource is called 'shp'. Did you mean shop?" in warning
    assert ("value", "Resources/Group/DependsOn") in refused(text, use_ros=True)
