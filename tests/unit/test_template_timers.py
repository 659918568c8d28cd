"""Timers in templates of all dialects: what is wrong with one is said where it stands."""

import pytest

from fun_local.errors import InvalidTemplate
from fun_local.template.build import build
from fun_local.template.load import parse_document

FUNCRAFT = """ROSTemplateFormatVersion: '2015-09-01'
Transform: Aliyun::Serverless-2018-04-03
Resources:
  shop:
    Type: Aliyun::Serverless::Service
    buy:
      Type: Aliyun::Serverless::Function
      Properties: {Handler: index.handler, Runtime: python3, CodeUri: code}
      Events:
        it:
          Type: Timer
          Properties: CONFIG
"""

ROS = """ROSTemplateFormatVersion: '2015-09-01'
Parameters: {When: {Type: String, Default: '0 4 * * *'}}
Resources:
  Home:
    Type: ALIYUN::FC::Service
    Properties: {ServiceName: shop}
  Buy:
    Type: ALIYUN::FC::Function
    Properties:
      ServiceName: shop
      FunctionName: buy
      Handler: index.handler
      Runtime: python3
      Code: {SourceCode: "def handler(event, context): return 1"}
  It:
    Type: ALIYUN::FC::Trigger
    Properties:
      ServiceName: shop
      FunctionName: buy
      TriggerName: it
      TriggerType: timer
      TriggerConfig: CONFIG
"""

FC3 = """edition: 3.0.0
name: app
resources:
  one:
    component: fc3
    props:
      region: cn-shanghai
      functionName: buy
      handler: index.handler
      runtime: python3
      code: ./code
      triggers:
        - triggerName: it
          triggerType: timer
          triggerConfig: CONFIG
"""

FC = """edition: 1.0.0
name: app
services:
  one:
    component: fc
    props:
      region: cn-shanghai
      service: {name: shop}
      function: {name: buy, handler: index.handler, runtime: python3, codeUri: ./code}
      triggers:
        - name: it
          type: timer
          config: CONFIG
"""

PLACES = {
    FUNCRAFT: "Resources/shop/buy/Events/it/Properties",
    ROS: "Resources/It/Properties/TriggerConfig",
    FC3: "resources/one/props/triggers/0/triggerConfig",
    FC: "services/one/props/triggers/0/config",
}


def make(tmp_path, text):
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code" / "index.py").write_text("def handler(event, context): return 1")
    document = parse_document(str(tmp_path / "template.yml"), text.encode())
    return build(
        document,
        stack_name="demo",
        region="cn-shanghai",
        account_id="1234567890123456",
        parameters={},
        replacements={},
        stage=lambda source: "digest",
    )


def problem_of(tmp_path, text):
    with pytest.raises(InvalidTemplate) as refused:
        make(tmp_path, text)
    (problem,) = refused.value.problems
    return problem


def key_of(dialect, key):
    """A key as the dialect spells it."""
    return key if dialect in (FUNCRAFT, ROS) else key[:1].lower() + key[1:]


@pytest.mark.parametrize("dialect", PLACES)
def test_an_expression_that_is_none_is_refused_where_it_stands(tmp_path, dialect):
    key = key_of(dialect, "CronExpression")
    problem = problem_of(tmp_path, dialect.replace("CONFIG", f"{{{key}: '0 61 4 * * *'}}"))
    assert (problem.kind, problem.path) == ("value", f"{PLACES[dialect]}/{key}")
    assert "cron field minutes '61'" in problem.message
    assert "@every 5m" in problem.hint
    lines = dialect.split("CONFIG")[0].count("\n") + 1
    assert problem.line == lines


@pytest.mark.parametrize("dialect", PLACES)
def test_a_good_expression_becomes_a_timer(tmp_path, dialect):
    key = key_of(dialect, "CronExpression")
    made = make(tmp_path, dialect.replace("CONFIG", f"{{{key}: 'CRON_TZ=Asia/Shanghai 0 0 4 * * *'}}"))
    (trigger,) = made.triggers
    assert trigger.config["cronExpression"] == "CRON_TZ=Asia/Shanghai 0 0 4 * * *"
    assert made.not_emulated == ()


@pytest.mark.parametrize("dialect", PLACES)
def test_a_timer_needs_an_expression(tmp_path, dialect):
    problem = problem_of(tmp_path, dialect.replace("CONFIG", "{}"))
    assert (problem.kind, problem.path) == ("required", PLACES[dialect])


@pytest.mark.parametrize("dialect", PLACES)
def test_a_payload_that_no_invocation_can_carry_is_refused(tmp_path, dialect):
    payload = key_of(dialect, "Payload")
    config = f"{{{key_of(dialect, 'CronExpression')}: '@every 1m', {payload}: '{'x' * 131_072}'}}"
    problem = problem_of(tmp_path, dialect.replace("CONFIG", config))
    assert problem.path == f"{PLACES[dialect]}/{payload}"
    assert "bytes" in problem.message


def test_an_expression_from_a_parameter_is_checked_by_its_value(tmp_path):
    problem = problem_of(tmp_path, ROS.replace("CONFIG", "{cronExpression: {Ref: When}}"))
    assert "needs 6 fields and has 5" in problem.message


def test_what_never_fires_here_says_how_to_fire_it_by_hand(tmp_path):
    text = FUNCRAFT.replace("Type: Timer", "Type: OSS")
    config = "{BucketName: b, Events: ['oss:ObjectCreated:*'], Filter: {Key: {Prefix: p, Suffix: s}}}"
    (accepted,) = make(tmp_path, text.replace("CONFIG", config)).not_emulated
    assert accepted.name == "shop/buy/it"
    assert accepted.reason.endswith("by hand: fun invoke --trigger shop/buy/it")


def test_http_triggers_and_topic_triggers_are_said_to_work(tmp_path):
    text = FUNCRAFT.replace("Type: Timer", "Type: HTTP")
    config = "{AuthType: ANONYMOUS, Methods: [GET]}"
    assert make(tmp_path, text.replace("CONFIG", config)).not_emulated == ()
    text = FUNCRAFT.replace("Type: Timer", "Type: MNSTopic")
    assert make(tmp_path, text.replace("CONFIG", "{TopicName: news}")).not_emulated == ()
