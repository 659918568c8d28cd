"""From plain ROS templates to the model, and what is refused on the way."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import time
import zipfile

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fun_local.errors import InvalidRequest, InvalidTemplate, Unavailable
from fun_local.model.resources import AsyncConfig, Queue
from fun_local.template import placeholders
from fun_local.template.build import CodeSource, build
from fun_local.template.load import load, parse_document
from tests.conftest import corpus_file

HEAD = "ROSTemplateFormatVersion: '2015-09-01'\n"

SERVICE = """
  Home:
    Type: ALIYUN::FC::Service
    Properties: {ServiceName: shop}
"""

FUNCTION = """
  Main:
    Type: ALIYUN::FC::Function
    Properties:
      ServiceName: {Ref: Home}
      FunctionName: main
      Handler: index.handler
      Runtime: python3
      Code: {SourceCode: "def handler(event, context): return 1"}
"""

BASE = f"{HEAD}Resources:{SERVICE}{FUNCTION}"


class Stage:
    """A code store that only remembers."""

    def __init__(self) -> None:
        self.sources: list[CodeSource] = []

    def __call__(self, source: CodeSource) -> str:
        self.sources.append(source)
        return f"digest-{len(self.sources)}"


def make(text, *, parameters=(), replacements=(), stage=None, path="t.yml", region="cn-shanghai"):
    document = text if not isinstance(text, str | bytes) else parse_document(path, _bytes(text))
    return build(
        document,
        stack_name="demo-1",
        region=region,
        account_id="1234567890123456",
        parameters=dict(parameters),
        replacements=dict(replacements),
        stage=stage or Stage(),
    )


def _bytes(text):
    return text.encode() if isinstance(text, str) else text


def refused(text, **options):
    """The problems of a template; nothing of it may have been staged."""
    stage = Stage()
    with pytest.raises(InvalidTemplate) as error:
        make(text, stage=stage, **options)
    assert stage.sources == []
    assert error.value.problems
    return error.value.problems


def only(text, **options):
    problems = refused(text, **options)
    assert len(problems) == 1, [str(p) for p in problems]
    return problems[0]


def with_properties(extra):
    """BASE with more properties of its function, each a line of YAML."""
    lines = extra if isinstance(extra, list) else [extra]
    return BASE + "".join(f"      {line}\n" for line in lines)


# --- the example that everything is aimed at ---------------------------------------------------


def test_the_seed_refuses_both_destinations_until_they_are_named():
    document = load(str(corpus_file("seed/template.a17dbe3.yml")))
    problems = refused(document)
    where = "Resources/Function/Properties/AsyncConfiguration/Destination"
    assert [p.kind for p in problems] == ["placeholder", "placeholder"]
    assert [p.path for p in problems] == [f"{where}/OnSuccess", f"{where}/OnFailure"]
    lines = corpus_file("seed/template.a17dbe3.yml").read_text().splitlines()
    for problem in problems:
        assert "{please_replace_me}" in lines[problem.line - 1]
        assert problem.hint == "Give its value with --replace please_replace_me=VALUE."
        assert f"{document.path}:{problem.line}:" in str(problem)
        assert problem.path in str(problem)
    assert [p.name for p in placeholders.find(document)] == ["please_replace_me"] * 2


def test_the_seed_becomes_what_it_says():
    stage = Stage()
    document = load(str(corpus_file("seed/template.a17dbe3.yml")))
    resources = make(document, replacements={"please_replace_me": "dlq"}, stage=stage)
    (service,) = resources.services
    (function,) = resources.functions
    assert service.name == "Stateful-Invocation-demo-1"
    assert service.role == "acs:ram::1234567890123456:role/Stateful-Invocation-demo-1"
    assert service.internet_access is True
    assert function.path == "Stateful-Invocation-demo-1/main"
    assert (function.runtime, function.handler) == ("python3", "index.handler")
    assert (function.memory_mb, function.timeout_seconds) == (128, 120)
    arn = "acs:mns:::/queues/dlq/messages"
    assert function.async_config == AsyncConfig(1, 172_800, True, arn, arn)
    assert function.stack == service.stack == "demo-1"
    (accepted,) = resources.not_emulated
    assert (accepted.name, accepted.type) == ("RAMRole", "ALIYUN::RAM::Role")
    assert accepted.reason
    assert resources.warnings == ()
    (source,) = stage.sources
    assert list(source.files) == ["index.py"]
    assert b"long running function started" in source.files["index.py"]


def test_the_file_with_placeholders_is_never_touched(tmp_path):
    text = with_properties(
        "AsyncConfiguration: {Destination: {OnFailure: 'acs:mns:::/queues/{my_queue}/messages'}}"
    )
    path = tmp_path / "template.yml"
    path.write_text(text)
    document = load(str(path))
    changed = placeholders.replace(document, {"my_queue": "dlq"})
    assert placeholders.find(changed) == []
    assert len(placeholders.find(document)) == 1
    assert path.read_text() == text


# --- placeholders ------------------------------------------------------------------------------


def test_braces_elsewhere_mean_something_else():
    text = with_properties(
        [
            "EnvironmentVariables: {NAME: '{not_a_placeholder}', RoleName: '{nor_this}'}",
            "Description: has {no_meaning} here",
            "Initializer: '{not_looked_at}.x'",
        ]
    ).replace("return 1", "return '{in_code}'")
    assert placeholders.find(parse_document("t.yml", text.encode())) == []
    assert make(text).functions[0].environment["NAME"] == "{not_a_placeholder}"


@pytest.mark.parametrize("token", ["{oneword}", "{Upper_Case}", "{_x}", "{a-b}", "${some_var}", "{}", "{x_}"])
def test_only_words_with_an_underscore_are_placeholders(token):
    document = parse_document("t.yml", f"a: {{Role: '{token}'}}".encode())
    assert placeholders.find(document) == []


def test_roles_and_names_may_hold_placeholders():
    text = BASE.replace(
        "ServiceName: shop", "ServiceName: 'shop-{my_suffix}', Role: 'acs:ram::1:role/{my_role}'"
    )
    problems = refused(text)
    assert {p.path.rpartition("/")[2] for p in problems} == {"ServiceName", "Role"}
    resources = make(text, replacements={"my_suffix": "x", "my_role": "r"})
    assert resources.services[0].name == "shop-x"
    assert resources.functions[0].service == "shop-x"


def test_a_placeholder_that_arrives_by_a_parameter_is_found_and_filled():
    text = "Parameters: {Q: {Type: String, Default: '{the_queue}'}}\n" + with_properties(
        "AsyncConfiguration: {Destination: {OnFailure: {Fn::Sub: 'acs:mns:::/queues/${Q}/messages'}}}"
    )
    problem = only(text)
    assert problem.kind == "placeholder"
    assert problem.path.endswith("Destination/OnFailure")
    config = make(text, replacements={"the_queue": "dlq"}).functions[0].async_config
    assert config.on_failure == "acs:mns:::/queues/dlq/messages"


def test_braces_that_fn_replace_fills_itself_are_no_placeholder():
    destination = "{Fn::Replace: [{'{my_queue}': dlq}, 'acs:mns:::/queues/{my_queue}/messages']}"
    text = with_properties(f"AsyncConfiguration: {{Destination: {{OnFailure: {destination}}}}}")
    assert placeholders.find(parse_document("t.yml", text.encode())) == []
    assert make(text).functions[0].async_config.on_failure == "acs:mns:::/queues/dlq/messages"


def test_placeholders_of_what_is_not_run_do_not_matter():
    text = BASE + "  R: {Type: 'ALIYUN::RAM::Role', Properties: {RoleName: '{my_role}'}}\n"
    assert make(text).not_emulated[0].name == "R"


def test_a_replacement_without_its_placeholder_is_a_warning():
    assert "nothing_like_it" in make(BASE, replacements={"nothing_like_it": "x"}).warnings[0]


# --- dialects ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "word"),
    [
        ("function-compute: {}", "template.yml", "early Funcraft"),
        ("x: {}", "faas.yml", "early Funcraft"),
        (f"Transform: Other\n{BASE}", "template.yml", "Other"),
    ],
)
def test_other_dialects_are_refused_by_their_name(text, path, word):
    problem = only(text, path=path)
    assert word in problem.message
    assert problem.line == 1


# --- shapes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "path", "message", "hint"),
    [
        ("Resources: {}", "required", "", "Missing property ROSTemplateFormatVersion", ""),
        (f"{HEAD}Resources: []", "type", "Resources", "Expected object, found array", ""),
        (
            f"{HEAD}Resource: {{}}\nResources:{SERVICE}",
            "additional",
            "Resource",
            "Unexpected property Resource",
            "",
        ),
        (BASE.replace("2015-09-01", "2016"), "value", "ROSTemplateFormatVersion", "'2016'", ""),
        (
            BASE.replace("Handler:", "Handlr:"),
            "additional",
            "{}/Handlr",
            "Unexpected",
            "Did you mean Handler?",
        ),
        (
            BASE.replace("      Handler: index.handler\n", ""),
            "required",
            "{}",
            "Missing property Handler",
            "",
        ),
        (BASE.replace("index.handler", "[a]"), "type", "{}/Handler", "Expected string, found array", ""),
        (with_properties("Timeout: soon"), "type", "{}/Timeout", "Expected integer, found string 'soon'", ""),
        (with_properties("Timeout: 0"), "value", "{}/Timeout", "Expected at least 1, found 0", ""),
        (with_properties("MemorySize: 100"), "value", "{}/MemorySize", "Expected", ""),
        (with_properties("MemorySize: 130"), "value", "{}/MemorySize", "a multiple of 64", ""),
        (BASE.replace("python3", "pyton3"), "value", "{}/Runtime", '"python3.10"', "Did you mean python3?"),
        (with_properties("InstanceType: e3"), "value", "{}/InstanceType", '"e1", "c1"', ""),
        (with_properties("EnvironmentVariables: {A: {}}"), "type", "{}/EnvironmentVariables/A", "object", ""),
        (with_properties("EnvironmentVariables: {A: ~}"), "type", "{}/EnvironmentVariables/A", "null", ""),
        (
            with_properties("AsyncConfiguration: {MaxAsyncRetryAttempts: 9}"),
            "value",
            "{}/AsyncConfiguration/MaxAsyncRetryAttempts",
            "at most 8, found 9",
            "",
        ),
        (
            with_properties("AsyncConfiguration: {Statefull: true}"),
            "additional",
            "{}/AsyncConfiguration/Statefull",
            "Unexpected",
            "Did you mean StatefulInvocation?",
        ),
        (
            with_properties("AsyncConfiguration: {Destination: {OnFailure: ''}}"),
            "value",
            "{}/AsyncConfiguration/Destination/OnFailure",
            "destination can't be empty",
            "",
        ),
        (
            with_properties("AsyncConfiguration: {Destination: {OnSuccess: queue}}"),
            "value",
            "{}/AsyncConfiguration/Destination/OnSuccess",
            "'queue' is not an address",
            "acs:mns:::/queues/NAME/messages",
        ),
        (
            BASE.replace("FunctionName: main", "FunctionName: 1main"),
            "value",
            "{}/FunctionName",
            "'1main'",
            "1 to 128",
        ),
        (
            f"{HEAD}Resources:\n  a/b: {{Type: ALIYUN::FC::Service}}",
            "additional",
            "Resources/a/b",
            "a/b",
            "An id is",
        ),
    ],
)
def test_misshapen_templates_are_refused_in_funcrafts_words(text, kind, path, message, hint):
    found = {(p.kind, p.path): p for p in refused(text)}
    problem = found[kind, path.format("Resources/Main/Properties")]
    assert message in problem.message
    assert hint in problem.hint


def test_all_problems_come_in_one_answer_in_the_order_of_lines():
    text = (
        with_properties(["Timeout: -1", "Colour: red", "EnvironmentVariables: {A: {Ref: Nope}}"])
        .replace("Runtime: python3", "Runtime: perl")
        .replace("ServiceName: shop", "ServiceName: sh op")
    )
    problems = refused(text)
    last = [p.path.rpartition("/")[2] for p in problems]
    assert last == ["ServiceName", "ServiceName", "Runtime", "Timeout", "Colour", "Ref"]
    assert [p.line for p in problems] == sorted(p.line for p in problems)


def test_numbers_and_booleans_may_be_written_as_text():
    text = with_properties(
        [
            "Timeout: '120'",
            "MemorySize: 256.0",
            "AsyncConfiguration: {StatefulInvocation: 'True', MaxAsyncRetryAttempts: '0'}",
        ]
    ).replace("ServiceName: shop", "ServiceName: shop, InternetAccess: 'false'")
    resources = make(text)
    function = resources.functions[0]
    assert (function.timeout_seconds, function.memory_mb) == (120, 256)
    assert function.async_config == AsyncConfig(max_retries=0, stateful=True)
    assert resources.services[0].internet_access is False


def test_what_is_left_out_has_the_models_defaults():
    function = make(BASE).functions[0]
    assert (function.memory_mb, function.timeout_seconds, function.instance_concurrency) == (128, 3, 1)
    assert function.async_config is None
    assert make(with_properties("AsyncConfiguration: {}")).functions[0].async_config == AsyncConfig()


def test_all_the_settings_of_a_function_arrive():
    text = with_properties(
        [
            "Description: d",
            "Initializer: index.init",
            "InitializationTimeout: 9",
            "InstanceConcurrency: 5",
            "CAPort: 8080",
            "CustomRuntimeConfig: {Command: [/code/run, a], Args: [b]}",
            "EnvironmentVariables: {A: 1, B: true, C: x, D: 1.5, E: 2020-01-01}",
        ]
    )
    function = make(text).functions[0]
    assert (function.description, function.initializer) == ("d", "index.init")
    assert (function.initialization_timeout_seconds, function.instance_concurrency) == (9, 5)
    assert function.ca_port == 8080
    assert (function.custom_command, function.custom_args) == (("/code/run", "a"), ("b",))
    assert function.environment == {"A": "1", "B": "true", "C": "x", "D": "1.5", "E": "2020-01-01"}


def test_the_hooks_of_an_instances_life_arrive():
    """runtime 2.7; a handler that is empty is no hook."""
    both = "InstanceLifecycleConfig: {PreStop: {Handler: index.stop, Timeout: 20}, PreFreeze: {Handler: a.b}}"
    (found,) = make(BASE.replace("Runtime: python3\n", f"Runtime: python3\n      {both}\n")).functions
    assert (found.pre_stop, found.pre_stop_timeout_seconds) == ("index.stop", 20)
    assert (found.pre_freeze, found.pre_freeze_timeout_seconds) == ("a.b", 3)
    none = "InstanceLifecycleConfig: {PreStop: {Handler: '', Timeout: 20}}"
    resources = make(BASE.replace("Runtime: python3\n", f"Runtime: python3\n      {none}\n"))
    (plain,) = resources.functions
    assert (plain.pre_stop, plain.pre_stop_timeout_seconds, resources.warnings) == ("", 3, ())
    assert plain.revision != found.revision


def test_queues_arrive_with_their_attributes():
    text = BASE + (
        "  Q:\n    Type: ALIYUN::MNS::Queue\n    Properties: {QueueName: dlq, VisibilityTimeout: '60',"
        " DelaySeconds: 1, MaximumMessageSize: 2048, MessageRetentionPeriod: 60, PollingWaitSeconds: 3}\n"
    )
    assert make(text).queues == (Queue("dlq", 1, 2048, 60, 60, 3),)
    assert only(text.replace("QueueName: dlq", "QueueName: d_q")).path == "Resources/Q/Properties/QueueName"


def test_properties_without_effect_are_warned_about_once_each():
    text = with_properties(["InstanceType: e1", "Layers: [a, b]", "Cpu: 0.5"])
    warnings = make(text).warnings
    assert len(warnings) == 3
    assert all("shop/main" in warning for warning in warnings)


@pytest.mark.parametrize("runtime", ["java11", "php7.2", "go1", "dotnetcore2.1"])
def test_runtimes_that_can_not_run_here_deploy_with_a_warning(tmp_path, runtime):
    (tmp_path / "index.x").write_text("")
    text = BASE.replace("python3", runtime).replace("Code: {SourceCode", "CodeUri: index.x #")
    resources = make(text, path=str(tmp_path / "t.yml"))
    assert runtime in resources.warnings[0]


def test_a_function_of_a_service_that_is_not_in_the_template_is_fine():
    text = f"{HEAD}Resources:{FUNCTION}".replace("{Ref: Home}", "deployed-before")
    resources = make(text)
    assert resources.functions[0].service == "deployed-before"
    assert resources.warnings == ()


def test_the_same_function_twice_is_a_problem():
    problem = only(BASE + FUNCTION.replace("Main:", "Again:"))
    assert "shop/main is there twice" in problem.message
    assert problem.path == "Resources/Again/Properties/FunctionName"


# --- resources and what they refer to ----------------------------------------------------------


def test_resources_answer_for_each_other_whatever_their_order():
    text = f"{HEAD}Resources:{FUNCTION}{SERVICE}" + (
        "  Q: {Type: 'ALIYUN::MNS::Queue', Properties: {QueueName: {Fn::Sub: '${Main}-q'}}}\n"
        "  R: {Type: 'ALIYUN::RAM::Role', Properties: {RoleName: r}}\n"
        "  B: {Type: 'ALIYUN::OSS::Bucket', Properties: {BucketName: b}}\n"
    ).replace("\n", "\n")
    text = text.replace(
        "      Handler:",
        "      EnvironmentVariables:\n"
        "        ROLE: {Fn::GetAtt: [R, Arn]}\n"
        "        ROLE_ID: {Fn::GetAtt: [R, RoleId]}\n"
        "        BUCKET: {Ref: B}\n"
        "        SERVICE: {Fn::GetAtt: [Home, ServiceName]}\n"
        "      Handler:",
    )
    resources = make(text)
    assert resources.queues[0].name == "main-q"
    assert resources.functions[0].service == "shop"
    assert resources.functions[0].environment == {
        "ROLE": "acs:ram::1234567890123456:role/r",
        "ROLE_ID": "not-emulated:R.RoleId",
        "BUCKET": "b",
        "SERVICE": "shop",
    }
    assert [a.name for a in resources.not_emulated] == ["R", "B"]


@pytest.mark.parametrize(
    ("resource_type", "message", "hint"),
    [
        ("ALIYUN::FC::Functon", "Functon", "Did you mean Function?"),
        ("ALIYUN::ROS::Stack", "a stack inside a stack", ""),
        ("Aliyun::Serverless::Service", "Aliyun::Serverless::Service", "Transform"),
        ("AWS::Lambda::Function", "AWS::Lambda::Function", ""),
    ],
)
def test_types_that_are_none_are_refused(resource_type, message, hint):
    problem = only(f"{BASE}  X: {{Type: '{resource_type}'}}\n")
    assert (problem.kind, problem.path) == ("value", "Resources/X/Type")
    assert message in problem.message
    assert hint in problem.hint


def test_other_types_of_the_vendor_are_accepted_next_to_a_function():
    text = BASE + "  X: {Type: 'ALIYUN::SLB::LoadBalancer', Properties: {A: {Fn::Jq: [1]}}}\n"
    assert make(text).not_emulated[0].type == "ALIYUN::SLB::LoadBalancer"
    alone = f"{HEAD}Resources: {{X: {{Type: 'ALIYUN::SLB::LoadBalancer'}}}}"
    assert "no function" in only(alone).message


def test_a_wrong_reference_is_a_problem_even_in_what_is_not_run():
    text = BASE + "  R: {Type: 'ALIYUN::RAM::Role', Properties: {RoleName: {Ref: Nope}}}\n"
    assert only(text).path == "Resources/R/Properties/RoleName/Ref"


def test_unsupported_functions_in_what_is_run_are_named():
    problem = only(with_properties("Description: {Fn::Contains: [a, b]}"))
    assert "Fn::Contains is not supported" in problem.message


def test_resources_that_need_each_other_in_a_circle_are_refused():
    text = f"""{HEAD}Resources:
  A: {{Type: ALIYUN::FC::Service, Properties: {{ServiceName: {{Ref: B}}}}}}
  B: {{Type: ALIYUN::FC::Service, Properties: {{ServiceName: {{Ref: C}}}}}}
  C: {{Type: ALIYUN::FC::Service, DependsOn: [A], Properties: {{ServiceName: c}}}}
"""
    problem = only(text)
    assert "circle" in problem.message
    assert all(name in problem.message for name in "ABC")


def test_depends_on_must_name_a_resource():
    problem = only(BASE.replace("Properties: {ServiceName", "DependsOn: Mian\n    Properties: {ServiceName"))
    assert problem.path == "Resources/Home/DependsOn"
    assert problem.hint == "Did you mean Main?"


def test_count_is_refused_on_what_is_run():
    text = BASE.replace("Properties: {ServiceName", "Count: 2\n    Properties: {ServiceName")
    assert any(p.path == "Resources/Home/Count" for p in refused(text))


# --- parameters, conditions, mappings ----------------------------------------------------------

PARAMETERS = """
Parameters:
  Name: {Type: String, Default: shop, AllowedPattern: '[a-z]+', MinLength: 2, MaxLength: 5}
  Memory: {Type: Number, AllowedValues: [128, 256], Default: 128}
  Seconds: {Type: Number, MinValue: 1, MaxValue: 60, Default: '10'}
  Stateful: {Type: Boolean, Default: 'true'}
  Zones: {Type: CommaDelimitedList, Default: 'a, b'}
  Extra: {Type: Json, Default: '{"A": "1"}'}
Mappings: {Sizes: {cn-shanghai: {s: 3}}}
Conditions:
  Big: {Fn::Equals: [{Ref: Memory}, 256]}
"""

PARAMETRISED = (
    with_properties(
        [
            "MemorySize: {Ref: Memory}",
            "Timeout: {Ref: Seconds}",
            "InstanceConcurrency: {Fn::FindInMap: [Sizes, {Ref: 'ALIYUN::Region'}, s]}",
            "AsyncConfiguration: {StatefulInvocation: {Ref: Stateful}}",
            "EnvironmentVariables: {Ref: Extra}",
            "Description: {Fn::Select: [1, {Ref: Zones}]}",
        ]
    ).replace("ServiceName: shop", "ServiceName: {Ref: Name}")
    + PARAMETERS
)


def test_parameters_have_their_defaults():
    resources = make(PARAMETRISED)
    function = resources.functions[0]
    assert resources.services[0].name == "shop"
    assert (function.memory_mb, function.timeout_seconds, function.instance_concurrency) == (128, 10, 3)
    assert function.async_config.stateful is True
    assert function.environment == {"A": "1"}
    assert function.description == "b"


def test_parameters_given_as_text_win():
    given = {"Memory": "256", "Seconds": "7", "Stateful": "False", "Zones": "x,y,z", "Extra": '{"B": 2}'}
    function = make(PARAMETRISED, parameters=given).functions[0]
    assert (function.memory_mb, function.timeout_seconds) == (256, 7)
    assert function.async_config.stateful is False
    assert function.environment == {"B": "2"}
    assert function.description == "y"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Name", "SHOP", "text like '[a-z]+'"),
        ("Name", "a", "at least 2"),
        ("Name", "abcdef", "at most 5"),
        ("Memory", "512", "one of 128, 256"),
        ("Memory", "much", "a number"),
        ("Seconds", "0", "at least 1"),
        ("Seconds", "61", "at most 60"),
        ("Stateful", "perhaps", "true or false"),
        ("Extra", "{", "JSON"),
    ],
)
def test_parameter_values_must_fit(name, value, expected):
    problem = only(PARAMETRISED, parameters={name: value})
    assert problem.kind == "value"
    assert problem.path == f"Parameters/{name}"
    assert expected in problem.message


def test_a_parameter_without_a_value_is_required():
    problem = only(BASE + "Parameters: {Size: {Type: Number}}\n")
    assert problem.kind == "required"
    assert problem.hint == "Give it with -p Size=VALUE."


def test_a_parameter_that_is_not_declared_is_a_problem():
    problem = only(PARAMETRISED, parameters={"Memori": "128"})
    assert problem.kind == "additional"
    assert problem.hint == "Did you mean Memory?"


def test_secret_values_are_not_shown():
    text = BASE + "Parameters: {Key: {Type: String, NoEcho: true, MaxLength: 3}}\n"
    assert "hunter2" not in str(only(text, parameters={"Key": "hunter2"}))


def test_a_bad_pattern_is_a_problem():
    text = BASE + "Parameters: {Key: {Type: String, AllowedPattern: '(', Default: x}}\n"
    assert "not a regular expression" in only(text).message


def test_resources_whose_condition_does_not_hold_are_left_out():
    extra = "  Q: {Type: ALIYUN::MNS::Queue, Condition: Big, Properties: {QueueName: q}}\n"
    text = f"{HEAD}Resources:{SERVICE}{FUNCTION}{extra}{PARAMETERS}"
    assert make(text).queues == ()
    assert len(make(text, parameters={"Memory": "256"}).queues) == 1
    using = text.replace("      Handler:", "      Description: {Ref: Q}\n      Handler:")
    assert "condition Big does not hold" in only(using).message
    assert "no condition" in only(text.replace("Condition: Big", "Condition: Bgi")).message


def test_conditions_can_not_refer_to_resources():
    assert (
        "nothing is deployed yet" in only(BASE + "Conditions: {C: {Fn::Equals: [{Ref: Home}, a]}}\n").message
    )


def test_no_value_leaves_a_property_out():
    text = with_properties("Timeout: {Fn::If: [Big, 30, {Ref: 'ALIYUN::NoValue'}]}") + PARAMETERS
    assert make(text).functions[0].timeout_seconds == 3
    assert make(text, parameters={"Memory": "256"}).functions[0].timeout_seconds == 30


# --- code --------------------------------------------------------------------------------------


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("runtime", "name"), [("nodejs12", "index.js"), ("php7.2", "index.php"), ("python3.9", "index.py")]
)
def test_source_code_is_a_file_called_index(runtime, name):
    stage = Stage()
    make(BASE.replace("python3", runtime), stage=stage)
    assert list(stage.sources[0].files) == [name]


def test_source_code_has_bounds():
    assert "4096" in only(BASE.replace("return 1", "return 1" + " " * 5000)).message
    assert "not for runtime 'java8'" in only(BASE.replace("python3", "java8")).message


def test_a_zip_file_in_the_template_goes_before_source_code():
    stage = Stage()
    archive = zipped(index__py="pass")
    code = f"Code: {{ZipFile: {base64.b64encode(archive).decode()}, "
    make(BASE.replace("Code: {", code), stage=stage)
    assert stage.sources == [CodeSource(archive=archive)]


@pytest.mark.parametrize("text", ["'***'", "aGVsbG8="])
def test_a_zip_file_must_be_one(text):
    problem = only(BASE.replace("Code: {", f"Code: {{ZipFile: {text}, "))
    assert problem.path == "Resources/Main/Properties/Code/ZipFile"


def with_uri(uri):
    return BASE.replace('Code: {SourceCode: "def handler(event, context): return 1"}', f"CodeUri: {uri}")


def test_code_uri_is_relative_to_the_template(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "one.py").write_text("x = 1")
    (tmp_path / "a.zip").write_bytes(zipped(index__py="pass"))
    path = str(tmp_path / "t.yml")
    for uri, expected in (
        ("src/", CodeSource(folder=str(tmp_path / "src"))),
        ("./", CodeSource(folder=str(tmp_path))),
        ("one.py", CodeSource(files={"one.py": b"x = 1"})),
        ("a.zip", CodeSource(archive=(tmp_path / "a.zip").read_bytes())),
    ):
        stage = Stage()
        make(with_uri(uri), path=path, stage=stage)
        assert stage.sources == [expected]


def test_missing_code_is_named_with_its_place(tmp_path):
    path = str(tmp_path / "t.yml")
    problem = only(with_uri("nowhere"), path=path)
    assert str(tmp_path / "nowhere") in problem.message
    assert str(problem).startswith(f"{path}:{problem.line}:")
    (tmp_path / "bad.jar").write_text("text")
    assert "not a zip archive" in only(with_uri("bad.jar"), path=path).message
    assert only(with_uri("'a\\0b'"), path=path).kind == "value"


def test_a_function_without_code_is_a_required_problem():
    problem = only(BASE.replace('      Code: {SourceCode: "def handler(event, context): return 1"}\n', ""))
    assert (problem.kind, problem.path) == ("required", "Resources/Main/Properties")


def test_code_the_store_refuses_is_a_problem_of_its_function():
    def stage(source):
        raise InvalidRequest("InvalidCode", "symbolic link x leads out of it", hint="Copy it.")

    with pytest.raises(InvalidTemplate) as error:
        make(BASE, stage=stage)
    (problem,) = error.value.problems
    assert problem.path.startswith("Resources/Main/Properties")
    assert "symbolic link" in problem.message


def test_a_full_disk_is_not_the_templates_fault():
    def stage(source):
        raise Unavailable("StorageFull", "no space")

    with pytest.raises(Unavailable):
        make(BASE, stage=stage)


# --- whatever comes ----------------------------------------------------------------------------

FULL = yaml.safe_load(
    PARAMETRISED.replace(
        "Description: {Fn::Select",
        "CustomDNS: {NameServers: [a]}\n      Tags: [{Key: k, Value: v}]\n      Description: {Fn::Select",
    )
)

JUNK = st.sampled_from(
    [
        *(None, True, 0, -1, 10**30, 1.5, "", "x" * 200, "\u0000", "\ud7ff", "12", "{a_b}", "Big"),
        *("ALIYUN::FC::Function", "ALIYUN::ROS::Stack", [], {}, [[]], {"a": {}}),
        *({"Ref": name} for name in ("Main", "Nope", "Zones", "Extra", "ALIYUN::NoValue")),
        {"Fn::GetAtt": ["Home", "ServiceName"]},
        {"Fn::Sub": "${Main.ARN}"},
        {"Fn::Join": [1]},
        {"Fn::X": 1},
        {"Fn::If": ["Big", 1, {"Ref": "Name"}]},
    ]
)


def damaged(data, choose):
    """A copy of a template's data in which one place holds something else, or nothing."""
    if isinstance(data, dict) and data and choose.draw(st.integers(0, 5)):
        key = choose.draw(st.sampled_from(sorted(data)))
        copy = dict(data)
        how = choose.draw(st.integers(0, 9))
        if how == 0:
            del copy[key]
        elif how == 1:
            copy[choose.draw(st.sampled_from(["Fn::Join", "Ref", "Type", "Count", "X", ""]))] = copy.pop(key)
        else:
            copy[key] = damaged(data[key], choose)
        return copy
    if isinstance(data, list) and data and choose.draw(st.integers(0, 5)):
        place = choose.draw(st.integers(0, len(data) - 1))
        return [*data[:place], damaged(data[place], choose), *data[place + 1 :]]
    return choose.draw(JUNK)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damaged_templates_are_built_or_refused_never_worse(choose):
    data = FULL
    for _ in range(choose.draw(st.integers(1, 3))):
        data = damaged(data, choose)
    text = yaml.safe_dump(data)
    try:
        resources = make(text)
    except InvalidTemplate as error:
        assert error.problems
        assert "(invalid)" not in "".join(map(str, error.problems))
    else:
        # Everything that is a function in the data must have become one: nothing is dropped in silence.
        written = data["Resources"].values()
        functions = [r for r in written if r["Type"] == "ALIYUN::FC::Function" and "Condition" not in r]
        assert len(resources.functions) >= len(functions)
        assert "(invalid)" not in repr(resources)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_text_is_built_or_refused_never_worse(choose):
    text = PARAMETRISED
    start = choose.draw(st.integers(0, len(text) - 1))
    end = choose.draw(st.integers(start, min(len(text), start + 20)))
    put = choose.draw(st.text(alphabet="ab:{}[]&*!- \n'\"", max_size=5))
    try:
        make(text[:start] + put + text[end:])
    except InvalidTemplate as error:
        assert error.problems


def test_real_templates_of_other_people_are_built_or_refused_with_a_place():
    folder = corpus_file("INDEX.md").parent
    paths = sorted(str(path) for path in folder.rglob("*.y*ml"))
    assert len(paths) > 100
    built = []
    for path in paths:
        try:
            make(load(path))
        except InvalidTemplate as error:
            assert all(problem.line >= 1 and problem.file == path for problem in error.problems)
        else:
            built.append(path)
    assert any(path.endswith("subflow-best-practice/ros.yml") for path in built)


def test_json_nested_beyond_reason_is_refused():
    text = BASE + "Parameters: {P: {Type: Json}}\nConditions: {C: {Fn::Equals: [{Ref: P}, 1]}}\n"
    assert refused(text, parameters={"P": "[" * 900 + "]" * 900})
    assert refused(text, parameters={"P": "[" * 100_000})


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys, fun_local.template.build; print([m for m in ('jsonschema', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_thousand_functions_are_read_in_seconds():
    functions = "".join(
        FUNCTION.replace("Main:", f"Main{i}:").replace("FunctionName: main", f"FunctionName: main{i}")
        for i in range(1000)
    )
    start = time.process_time()
    assert len(make(f"{HEAD}Resources:{SERVICE}{functions}").functions) == 1000
    assert time.process_time() - start < 10
