"""Serverless Devs files to the model: both generations, their expressions, and what is refused."""

from __future__ import annotations

import os
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fun_local.errors import InvalidTemplate
from fun_local.model.names import IMPLICIT_SERVICE, check_name
from fun_local.model.resources import AsyncConfig, Domain, Service, Trigger
from fun_local.template import devs, faas
from fun_local.template.code import CodeSource
from fun_local.template.devs_expressions import BadExpression, parse
from fun_local.template.load import load, parse_document
from tests.conftest import corpus_file

REGION, ACCOUNT = "cn-shanghai", "1234567890123456"

FC = """
edition: 1.0.0
name: app
access: mine
vars:
  region: cn-hangzhou
  limits: {memory: 256, seconds: 20, is_big: true, share: 0.5}
  service: {name: shop, description: a shop}
services:
  one:
    component: fc
    props:
      region: ${vars.region}
      service: ${vars.service}
      function:
        name: main
        runtime: python3
        handler: index.handler
        codeUri: ./code
"""

FC3 = """
edition: 3.0.0
name: app
vars:
  region: cn-hangzhou
resources:
  one:
    component: fc3
    props:
      region: ${vars.region}
      functionName: main
      runtime: python3.10
      handler: index.handler
      code: ./code
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("def handler(event, context): return 1\n")
    return tmp_path


@pytest.fixture
def make(project):
    def read(text, *, environ=(), replacements=(), name="s.yaml"):
        document = text if not isinstance(text, str) else parse_document(str(project / name), text.encode())
        return devs.read(
            document,
            stack_name="demo-1",
            region=REGION,
            account_id=ACCOUNT,
            environ=dict(environ),
            replacements=dict(replacements),
        )

    return read


@pytest.fixture
def good(make):
    def read(text, **options):
        found = make(text, **options)
        assert [str(problem) for problem in found.problems] == []
        return found

    return read


@pytest.fixture
def refused(make):
    def read(text, **options):
        found = make(text, **options)
        assert found.problems
        for problem in found.problems:
            assert problem.line >= 1
            assert problem.column >= 1
        return found.problems

    return read


@pytest.fixture
def only(refused):
    def read(text, **options):
        problems = refused(text, **options)
        assert len(problems) == 1, [str(p) for p in problems]
        return problems[0]

    return read


@pytest.fixture
def evaluated(good):
    """The value of an expression: it is put into an environment variable next to others."""

    def read(expression, *, more="", **options):
        text = f"{FC}        environmentVariables:\n          VALUE: {expression}\n{more}"
        (function,) = good(text, **options).functions
        return function.environment["VALUE"]

    return read


@pytest.fixture
def unclear(only):
    """The problem with an expression that stands in an environment variable."""

    def read(expression, *, more="", **options):
        text = f"{FC}        environmentVariables:\n          VALUE: {expression}\n{more}"
        problem = only(text, **options)
        lines = text.splitlines()
        assert lines[problem.line - 1].strip() == f"VALUE: {expression}"
        assert problem.column == 11
        assert problem.path == "services/one/props/function/environmentVariables/VALUE"
        assert problem.kind == "value"
        return problem

    return read


def add(text, *lines, indent=6):
    return text + "".join(f"{' ' * indent}{line}\n" for line in lines)


# --- fc, edition 1.0.0 -------------------------------------------------------------------------


def test_the_seed_becomes_what_it_says_once_its_placeholder_is_filled_in(tmp_path):
    path = tmp_path / "s.yml"
    path.write_text(corpus_file("seed/s.77cf135.yml").read_text())
    (tmp_path / "code").mkdir()

    def read(**replacements):
        return devs.read(
            load(str(path)),
            stack_name="demo-1",
            region=REGION,
            account_id=ACCOUNT,
            environ={},
            replacements=replacements,
        )

    problems = read().problems
    assert [p.kind for p in problems] == ["placeholder"] * 3
    assert [p.path.removeprefix("services/fc-job/props/") for p in problems] == [
        "service/role",
        "function/asyncConfiguration/destination/onSuccess",
        "function/asyncConfiguration/destination/onFailure",
    ]
    lines = path.read_text().splitlines()
    for problem in problems:
        assert "{please_replace_me}" in lines[problem.line - 1]
        assert problem.hint == "Give its value with --replace please_replace_me=VALUE."
    found = read(please_replace_me="dlq")
    assert found.problems == []
    (service,) = found.services
    (function,) = found.functions
    assert (service.name, service.description) == ("fc-job", "demo for fc-job")
    assert service.role == "acs:ram::dlq:role/aliyunfcdefaultrole"
    assert (function.path, function.runtime, function.handler) == (
        "fc-job/fc-job-function",
        "python3",
        "index.handler",
    )
    assert (function.memory_mb, function.timeout_seconds) == (128, 60)
    assert function.async_config == AsyncConfig(
        max_retries=1,
        max_age_seconds=172_800,
        stateful=True,
        on_success="acs:mns:::/queues/dlq/messages",
        on_failure="acs:mns:::/queues/dlq/messages",
    )
    assert function.stack == service.stack == "demo-1"
    assert found.code == [
        (CodeSource(folder=str(tmp_path / "code")), ("services", "fc-job", "props", "function"))
    ]
    assert found.warnings == []


def test_defaults_are_those_of_the_component(good):
    text = FC.replace("        handler: index.handler\n", "")
    (function,) = good(text).functions
    assert (function.handler, function.memory_mb, function.timeout_seconds) == ("index.handler", 128, 3)
    assert (function.initializer, function.instance_concurrency, function.ca_port) == ("", 1, 9000)
    assert function.async_config is None


def test_all_of_a_function_arrives(good):
    text = add(
        FC,
        "description: what it does",
        "memorySize: 512",
        "timeout: 120",
        "initializer: index.start",
        "initializationTimeout: 30",
        "caPort: 8080",
        "instanceConcurrency: 5",
        "environmentVariables: {A: text, B: 12, C: true, D: 1.5}",
        "asyncConfiguration: {maxAsyncRetryAttempts: 0}",
        indent=8,
    )
    (function,) = good(text).functions
    assert function.description == "what it does"
    assert (function.memory_mb, function.timeout_seconds) == (512, 120)
    assert (function.initializer, function.initialization_timeout_seconds) == ("index.start", 30)
    assert (function.ca_port, function.instance_concurrency) == (8080, 5)
    assert function.environment == {"A": "text", "B": "12", "C": "true", "D": "1.5"}
    assert function.async_config == AsyncConfig(max_retries=0)


def test_modules_of_one_service_share_it_and_the_last_word_counts(good):
    text = f"""{FC}
  two:
    component: devsapp/fc@0.1.35
    props:
      region: cn-hangzhou
      service: {{name: shop, description: another, internetAccess: false}}
      function: {{name: second, runtime: nodejs14, handler: a.b, codeUri: ./code}}
"""
    found = good(text)
    assert found.services == [
        Service("shop", description="another", internet_access=False, stack="demo-1"),
    ]
    assert [f.path for f in found.functions] == ["shop/main", "shop/second"]
    assert found.warnings == ["service shop: modules differ in its description, that of two counts"]


def test_a_service_may_be_alone(good):
    text = """
edition: 1.0.0
services:
  one:
    component: fc
    props: {region: cn-hangzhou, service: {name: shop, logConfig: auto, role: {name: MyRole}}}
"""
    found = good(text)
    assert found.functions == []
    (service,) = found.services
    assert service.log_project == f"{ACCOUNT}-{REGION}-logproject"
    assert service.log_store == "fc-service-shop-logstore"
    assert service.role == f"acs:ram::{ACCOUNT}:role/myrole"
    assert [(a.name, a.type) for a in found.not_emulated] == [("MyRole", "role")]


def test_code_is_found_next_to_the_file(good, only, project):
    with zipfile.ZipFile(project / "app.jar", "w") as archive:
        archive.writestr("a", "b")
    ((source, _),) = good(FC.replace("./code", "app.jar")).code
    assert source is not None
    assert source.archive == (project / "app.jar").read_bytes()
    problem = only(FC.replace("./code", "./nowhere"))
    assert problem.path == "services/one/props/function/codeUri"
    assert problem.message == f"there is no file or folder {project / 'nowhere'}"
    assert problem.line == FC.splitlines().index("        codeUri: ./code") + 1


def test_code_in_object_storage_is_found(good, only):
    at = ("services", "one", "props", "function")
    found = good(FC.replace("codeUri: ./code", "ossBucket: b\n        ossKey: k"))
    assert found.code == [(CodeSource(stored=("b", "k")), at)]
    assert found.code[0][0].at == (*at, "ossKey")
    found = good(FC.replace("./code", "oss://b/k"))
    assert found.code == [(CodeSource(stored=("b", "k")), at)]
    assert found.code[0][0].at == (*at, "codeUri")
    problem = only(FC.replace("codeUri: ./code", "ossBucket: b"))
    assert (problem.kind, problem.message) == ("required", "Missing property codeUri")
    assert problem.hint


def test_a_container_needs_no_code_but_an_image(good, only):
    text = FC.replace("python3", "custom-container").replace("        codeUri: ./code\n", "")
    assert only(text).message == "Missing property customContainerConfig"
    found = good(add(text, "customContainerConfig: {image: i, command: '[\"node\"]'}", indent=8))
    assert found.code[0][0] is None
    assert found.warnings == [
        "function shop/main: runtime custom-container can't be run here, calls will fail"
    ]


def test_triggers_arrive_in_the_words_of_the_service(good):
    text = add(
        FC,
        "triggers:",
        "  - {name: web, type: http, config: {authType: anonymous, methods: [GET, POST]}}",
        "  - name: clock",
        "    type: timer",
        "    qualifier: prod",
        "    config: {cronExpression: '0 0 8 * * *', enable: 'true', payload: hello}",
        "  - {name: topic, type: mns_topic, config: {topicName: news, filterTag: x}}",
        "  - name: files",
        "    type: oss",
        "    role: {name: reader}",
        "    config: {bucketName: b, events: ['oss:ObjectCreated:*'], filter: {Key: {Prefix: a, Suffix: z}}}",
        "  - {name: table, type: tablestore, config: {instanceName: i, tableName: t}}",
        "  - name: logs",
        "    type: log",
        "    config:",
        "      logConfig: {project: p, logstore: s}",
        "      functionParameter: {Key: Val}",
        "  - {name: cdn, type: cdn_events, sourceArn: 'acs:cdn:*:1', config: {eventName: e}}",
    )
    found = good(text)
    here = {"service": "shop", "function": "main"}
    assert found.triggers == [
        Trigger(
            **here, name="web", type="http", config={"authType": "anonymous", "methods": ["GET", "POST"]}
        ),
        Trigger(
            **here,
            name="clock",
            type="timer",
            config={"cronExpression": "0 0 8 * * *", "enable": True, "payload": "hello"},
            qualifier="prod",
        ),
        Trigger(
            **here,
            name="topic",
            type="mns_topic",
            config={"NotifyContentFormat": "STREAM", "NotifyStrategy": "BACKOFF_RETRY", "FilterTag": "x"},
            source_arn=f"acs:mns:{REGION}:{ACCOUNT}:/topics/news",
        ),
        Trigger(
            **here,
            name="files",
            type="oss",
            config={"events": ["oss:ObjectCreated:*"], "filter": {"key": {"prefix": "a", "suffix": "z"}}},
            role=f"acs:ram::{ACCOUNT}:role/reader",
            source_arn=f"acs:oss:{REGION}:{ACCOUNT}:b",
        ),
        Trigger(
            **here,
            name="table",
            type="tablestore",
            source_arn=f"acs:ots:{REGION}:{ACCOUNT}:instance/i/table/t",
        ),
        Trigger(
            **here,
            name="logs",
            type="log",
            config={"logConfig": {"project": "p", "logstore": "s"}, "functionParameter": {"Key": "Val"}},
            source_arn=f"acs:log:{REGION}:{ACCOUNT}:project/p",
        ),
        Trigger(
            **here,
            name="cdn",
            type="cdn_events",
            config={"eventName": "e"},
            source_arn="acs:cdn:*:1",
        ),
    ]
    assert [a.name for a in found.not_emulated] == [
        "shop/main/files",
        "shop/main/table",
        "shop/main/logs",
        "shop/main/cdn",
    ]


def test_what_is_wrong_with_triggers(refused, only):
    text = add(
        FC,
        "triggers:",
        "  - {name: a, type: http, config: {autType: anonymous, methods: [FETCH]}}",
        "  - {name: b, type: tymer, config: {}}",
        "  - {name: c, type: timer, config: {enable: perhaps}}",
        "  - {name: 9lives, type: http, config: {methods: [GET]}}",
    )
    assert [(p.kind, p.path.removeprefix("services/one/props/triggers/"), p.hint) for p in refused(text)] == [
        ("value", "1/type", "Did you mean timer?"),
        ("value", "3/name", "Use 1 to 128 letters, digits, '_' and '-', starting with a letter or '_'."),
        ("additional", "0/config/autType", "Did you mean authType?"),
        ("value", "0/config/methods/0", "Did you mean PATCH?"),
        ("required", "2/config", ""),
        ("type", "2/config/enable", ""),
    ]
    twice = add(
        FC,
        "triggers:",
        "  - {name: a, type: http, config: {methods: [GET]}}",
        "  - {name: a, type: http, config: {methods: [GET]}}",
    )
    assert only(twice).message.startswith("trigger shop/main/a is there twice")
    alone = FC.partition("      function:")[0]
    alone = add(alone, "triggers:", "  - {name: a, type: http, config: {methods: [GET]}}")
    assert only(alone).message == "module one has a trigger but no function"


def test_domains_lead_to_functions(good, only):
    text = add(
        FC,
        "customDomains:",
        "  - domainName: shop.example.com",
        "    protocol: HTTP, HTTPS",
        "    certId: 12",
        "    routeConfigs:",
        "      - {path: /*, methods: [GET]}",
        "      - {path: /a, serviceName: s, functionName: f, qualifier: prod}",
        "  - {domainName: auto, protocol: HTTP, routeConfigs: [{path: /*}]}",
    )
    found = good(text)
    auto = f"main.shop.{ACCOUNT}.{REGION}.fc.devsapp.net"
    assert found.domains == [
        Domain(
            "shop.example.com",
            "HTTP,HTTPS",
            {"/*": ("shop", "main", "LATEST"), "/a": ("s", "f", "prod")},
        ),
        Domain(auto, "HTTP", {"/*": ("shop", "main", "LATEST")}),
    ]
    assert found.warnings == [
        "domain shop.example.com: served by HTTP only, its certificate is not used",
        "domain shop.example.com: methods of its routes has no effect",
    ]
    twice = add(
        FC,
        "customDomains:",
        "  - {domainName: d, protocol: HTTP, routeConfigs: [{path: /}, {path: /}]}",
    )
    problem = only(twice)
    assert problem.message == "path / has two routes"
    assert problem.path == "services/one/props/customDomains/0/routeConfigs/1"
    alone = add(
        FC.partition("      function:")[0],
        "customDomains: [{domainName: d, protocol: HTTP, routeConfigs: [{path: /}]}]",
    )
    assert only(alone).message == "Missing property functionName"


def test_what_has_no_effect_is_said(good):
    text = FC.replace("a shop}", "a shop, vpcConfig: auto, nasConfig: {userId: 1}}")
    text = text.replace(
        "    component: fc\n", "    component: fc\n    actions: {pre-deploy: [{run: make}]}\n"
    )
    text = add(text, "layers: [a]", "cpu: 0.5", indent=8)
    assert good(text).warnings == [
        "module one: its actions are not run (pre-deploy), run them yourself",
        "function shop/main: layers has no effect: layers are not loaded",
        "function shop/main: cpu has no effect: processors are not limited",
        "service shop: vpcConfig has no effect: there is no private network here",
        "service shop: nasConfig has no effect: there is no shared file system here",
    ]
    head = FC.replace("access: mine", "access: mine\nactions: {pre-deploy: []}\nenv: e.yaml")
    assert good(head).warnings == [
        "the file's actions are not run",
        "env has no effect: environments of Serverless Devs are not read",
    ]
    assert good(FC, replacements={"nobody": "x"}).warnings[0].startswith("--replace nobody: ")


# --- fc3, edition 3.0.0 ------------------------------------------------------------------------


def test_functions_without_a_service_live_in_the_one_that_is_implied(good):
    check_name("service", IMPLICIT_SERVICE)
    text = add(
        FC3,
        "description: what it does",
        "memorySize: 1024",
        "timeout: 60",
        "cpu: 0.5",
        "instanceConcurrency: 20",
        "environmentVariables: {A: 1}",
        "role: acs:ram::1:role/r",
        "logConfig: auto",
        "internetAccess: true",
        "instanceLifecycleConfig:",
        "  initializer: {handler: index.start, timeout: 60}",
        "  preStop: {handler: index.stop}",
        "  preFreeze: {handler: index.freeze, timeout: 9}",
        "customRuntimeConfig: {command: [python3], port: 8000}",
        "asyncInvokeConfig:",
        "  destinationConfig:",
        "    onSuccess: {destination: 'acs:mns:::/queues/q/messages'}",
        "    onFailure: {destination: 'acs:fc:cn-hangzhou::functions/other'}",
        "  maxAsyncEventAgeInSeconds: 360",
        "  maxAsyncRetryAttempts: 2",
        "  asyncTask: true",
    )
    found = good(text)
    assert found.services == [Service("_default", stack="demo-1")]
    (function,) = found.functions
    assert function.path == "_default/main"
    assert (function.runtime, function.handler) == ("python3.10", "index.handler")
    assert (function.memory_mb, function.timeout_seconds) == (1024, 60)
    assert (function.initializer, function.initialization_timeout_seconds) == ("index.start", 60)
    assert (function.pre_stop, function.pre_stop_timeout_seconds) == ("index.stop", 3)
    assert (function.pre_freeze, function.pre_freeze_timeout_seconds) == ("index.freeze", 9)
    assert (function.ca_port, function.instance_concurrency) == (8000, 20)
    assert (function.custom_command, function.custom_args) == (("python3",), ())
    assert function.environment == {"A": "1"}
    assert function.async_config == AsyncConfig(
        max_retries=2,
        max_age_seconds=360,
        stateful=True,
        on_success="acs:mns:::/queues/q/messages",
        on_failure="acs:fc:cn-hangzhou::functions/other",
    )
    assert found.warnings == [
        "function _default/main: cpu has no effect: processors are not limited",
    ]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("[python3, -u, server.py]", ("python3", "-u", "server.py")),
        ("'python3 -u \"my server.py\"'", ("python3", "-u", "my server.py")),
        ("""'["python3", "a b"]'""", ("python3", "a b")),
        ("""'["python3"'""", ('["python3"',)),
        ('"it\'s"', ("it's",)),
    ],
)
def test_a_start_command_is_a_list_or_text(good, written, words):
    (function,) = good(add(FC3, f"customRuntimeConfig: {{command: {written}, args: {written}}}")).functions
    assert function.custom_command == function.custom_args == words


def test_a_health_check_of_a_custom_runtime_is_said_to_have_no_effect(good):
    found = good(add(FC3, "customRuntimeConfig: {command: [a], healthCheckConfig: {httpGetUrl: /}}"))
    assert found.warnings == [
        "function _default/main: healthCheckConfig in customRuntimeConfig has no effect:"
        " instances are not probed"
    ]


def test_fc3_has_defaults_of_its_own(good):
    (function,) = good(FC3).functions
    assert (function.memory_mb, function.timeout_seconds, function.async_config) == (512, 3, None)


def test_an_asynchronous_configuration_is_for_the_latest_whatever_qualifier_it_names(good):
    """As the component does it."""
    found = good(add(FC3, "asyncInvokeConfig: {qualifier: prod, asyncTask: true}"))
    assert found.functions[0].async_config == AsyncConfig(stateful=True)
    assert "qualifier prod of asyncInvokeConfig has no effect" in found.warnings[0]
    found = good(add(FC3, "asyncInvokeConfig: {qualifier: LATEST, asyncTask: true}"))
    assert found.functions[0].async_config == AsyncConfig(stateful=True)
    assert found.warnings == []


def test_destinations_of_fc_may_be_written_as_the_service_has_them(good, only):
    destination = "{onFailure: {destination: 'acs:mns:::/queues/q/messages'}}"
    written = f"asyncConfiguration: {{destinationConfig: {destination}}}"
    (function,) = good(add(FC, written, indent=8)).functions
    assert function.async_config == AsyncConfig(on_failure="acs:mns:::/queues/q/messages")
    problem = only(add(FC, written.replace("acs:mns:::/queues/q/messages", "nowhere"), indent=8))
    assert problem.path.endswith("asyncConfiguration/destinationConfig/onFailure/destination")


def test_a_function_of_fc3_may_bring_its_domain(good, only):
    text = add(
        FC3,
        "customDomain:",
        "  domainName: auto",
        "  protocol: HTTP",
        "  route: {path: /*, qualifier: prod, methods: [GET]}",
    )
    found = good(text)
    name = f"main.fcv3.{ACCOUNT}.{REGION}.fc.devsapp.net"
    assert found.domains == [Domain(name, "HTTP", {"/*": ("_default", "main", "prod")})]
    assert only(text.replace("path: /*, ", "")).message == "Missing property path"


def test_a_hook_that_is_a_command_is_said_to_have_no_effect(good):
    found = good(add(FC3, "instanceLifecycleConfig: {initializer: {command: [./start]}}"))
    assert found.functions[0].initializer == ""
    assert "command of initializer" in found.warnings[0]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("code: {src: ./code}", ""),
        ("code: {ossBucketName: b, ossObjectName: o}", ""),
        ("code: {ossBucketName: b}", "Missing property src"),
        ("tags: []", "Missing property code"),
    ],
)
def test_code_of_fc3(make, code, message):
    found = make(FC3.replace("code: ./code", code))
    assert [p.message for p in found.problems] == ([message] if message else [])


def test_a_handler_is_needed_but_for_custom_runtimes(good, only):
    text = FC3.replace("      handler: index.handler\n", "")
    assert (only(text).kind, only(text).message) == ("required", "Missing property handler")
    assert good(text.replace("python3.10", "custom.debian11")).functions[0].handler == "index.handler"


def test_triggers_and_domains_of_fc3(good, refused):
    text = add(
        FC3,
        "triggers:",
        "  - {triggerName: web, triggerType: http, qualifier: LATEST, description: d,",
        "     triggerConfig: {authType: function, methods: [GET]}}",
        "  - triggerName: files",
        "    triggerType: oss",
        "    invocationRole: acs:ram::1:role/r",
        "    sourceArn: acs:oss:a:b:c",
        "    triggerConfig: {events: [e], filter: {key: {prefix: a}}}",
    )
    text = add(
        text,
        "two:",
        "  component: fc3-domain",
        "  props:",
        "    region: ${vars.region}",
        "    domainName: auto",
        "    protocol: HTTP",
        "    routeConfig: {routes: [{path: /*, functionName: '${resources.one.props.functionName}'}]}",
        indent=2,
    )
    found = good(text)
    assert [(t.path, t.type, t.role, t.source_arn) for t in found.triggers] == [
        ("_default/main/web", "http", "", ""),
        ("_default/main/files", "oss", "acs:ram::1:role/r", "acs:oss:a:b:c"),
    ]
    name = f"main.fcv3.{ACCOUNT}.{REGION}.fc.devsapp.net"
    assert found.domains == [Domain(name, "HTTP", {"/*": ("_default", "main", "LATEST")})]
    problems = refused(text.replace("functionName: '${resources.one.props.functionName}'", "function: x"))
    assert [(p.kind, p.path.removeprefix("resources/two/props/")) for p in problems] == [
        ("required", "routeConfig/routes/0"),
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            FC3.replace("functionName: main", "function: {functionName: main}"),
            "The properties of fc3 are flat: move what is under function one level up.",
        ),
        (
            FC.replace("component: fc\n", "component: fc3\n"),
            "fc3 has no services. Did you mean component: fc?",
        ),
        (
            FC3.replace("component: fc3\n", "component: fc\n"),
            "fc has a service and a function. Did you mean component: fc3?",
        ),
    ],
)
def test_properties_of_the_other_generation_are_one_problem(only, text, hint):
    problem = only(text)
    assert (problem.kind, problem.hint) == ("additional", hint)


EXTENDED = """
edition: 3.0.0
template:
  base:
    region: cn-hangzhou
    runtime: python3
    handler: index.handler
    code: ./code
    memorySize: 1024
    vpcConfig: auto
    layers: [a, b]
    environmentVariables: {A: base, B: "${this.name}-${this.props.functionName}"}
resources:
  one:
    component: fc3
    extend: {name: base, ignore: [vpcConfig]}
    props:
      functionName: first
      layers: [c]
      environmentVariables: {A: own}
  two:
    component: fc3
    extend: {name: base, ignore: vpcConfig}
    props: {functionName: second, memorySize: 128}
"""


def test_modules_take_properties_from_templates(good):
    one, two = good(EXTENDED).functions
    assert (one.memory_mb, two.memory_mb) == (1024, 128)
    assert one.environment == {"A": "own", "B": "one-first"}
    assert two.environment == {"A": "base", "B": "two-second"}
    assert not any("vpcConfig" in warning for warning in good(EXTENDED).warnings)


def test_problems_with_what_is_taken_show_the_templates_lines(refused, only):
    text = EXTENDED.replace("memorySize: 1024", "memorySize: 100").replace("-${this", "-${that")
    lines = text.splitlines()
    found = {(p.path, lines[p.line - 1].strip().partition(":")[0]) for p in refused(text)}
    assert found == {
        ("resources/one/props/memorySize", "memorySize"),
        ("resources/one/props/environmentVariables/B", "environmentVariables"),
        ("resources/two/props/environmentVariables/B", "environmentVariables"),
    }
    problem = only(
        EXTENDED.replace("extend: {name: base, ignore: vpc", "extend: {name: bas, ignore: vpc"),
    )
    assert problem.hint == "Did you mean base?"


# --- expressions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${vars.region}", "cn-hangzhou"),
        ("${ vars.region }", "cn-hangzhou"),
        ("a-${vars.region}-${vars.limits.memory}-b", "a-cn-hangzhou-256-b"),
        ("${vars.limits.is_big}/${vars.limits.share}", "true/0.5"),
        ("${env(STAGE)}", "dev"),
        ("${env('STAGE')}", "dev"),
        ("${env(\"STAGE\", 'other')}", "dev"),
        ("${env('NONE', 'other')}", "other"),
        ("${env('EMPTY', 'other')}", "other"),
        ("${env('EMPTY')}", ""),
        ("${env('NONE', '')}", ""),
        ("${env('NONE', vars.region)}", "cn-hangzhou"),
        ("${env('NONE', env('STAGE'))}", "dev"),
        ("${env('NONE', env('NEITHER', 'last'))}", "last"),
        ("${env('NONE', '${vars.region}!')}", "cn-hangzhou!"),
        ("${env('NONE', 12)}", "12"),
        ("${env('NONE', true)}", "true"),
        ("${config(AccountID)}", ACCOUNT),
        ("${config('AccountID')}", ACCOUNT),
        ('${config("Region")}', REGION),
        ("${config(AccessKeyID)}", "not-emulated:AccessKeyID"),
        ("${this.name}", "one"),
        ("${this.component}", "fc"),
        ("${this.access}", "mine"),
        ("${this.props.function.name}", "main"),
        ("${this.props.region}", "cn-hangzhou"),
        ("${this.props.service.name}", "shop"),
        ("${one.props.service.description}", "a shop"),
        ("${resources.one.props.function.codeUri}", "./code"),
        ("${vars.${env(WHICH)}}", "cn-hangzhou"),
        ("${vars.list[1]}", "second"),
        ("${vars.list.0.name}", "first"),
        ("${vars.indirect}", "cn-hangzhou!"),
        ("${vars.copy.name}", "shop"),
        ("${json('{\"a\": 1}')}", None),
        ("${aliyun-cli}", "aliyun-cli"),
        ("$HOME {x} $ {y} ${vars.region}", "$HOME {x} $ {y} cn-hangzhou"),
        ("äö ${vars.region} 你好", "äö cn-hangzhou 你好"),
    ],
)
def test_values_of_expressions(make, expression, value):
    lists = "  list: [{name: first}, second]\n  indirect: ${vars.region}!\n  copy: ${vars.service}\n"
    text = FC.replace("vars:\n", f"vars:\n{lists}")
    text = add(text, "environmentVariables:", f"  VALUE: {yaml_text(expression)}", indent=8)
    found = make(text, environ={"STAGE": "dev", "WHICH": "region", "EMPTY": ""})
    if value is None:  # a mapping is no environment variable
        assert [p.kind for p in found.problems] == ["type"]
    else:
        assert [str(p) for p in found.problems] == []
        assert found.functions[0].environment["VALUE"] == value


def yaml_text(text):
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


def test_the_first_edition_has_names_for_any_section_of_the_file(good, only):
    text = FC.replace("vars:", "config: {name: main-dev}\nvars:").replace(
        "name: main\n", "name: ${config.name}\n"
    )
    assert good(text).functions[0].name == "main-dev"
    assert "there is no 'nme'" in only(text.replace("config.name", "config.nme")).message
    third = FC3.replace("vars:", "config: {name: main-dev}\nvars:")
    third = third.replace("functionName: main", "functionName: ${config.name}")
    assert "nothing is called 'config'" in only(third).message


def test_an_expression_alone_keeps_the_type_of_its_value(good):
    text = add(
        FC,
        "memorySize: ${vars.limits.memory}",
        "timeout: ${env('SECONDS', '40')}",
        "environmentVariables: ${vars.limits}",
        indent=8,
    )
    (function,) = good(text).functions
    assert (function.memory_mb, function.timeout_seconds) == (256, 40)
    assert function.environment == {"memory": "256", "seconds": "20", "is_big": "true", "share": "0.5"}
    assert good(text, environ={"SECONDS": "50"}).functions[0].timeout_seconds == 50


def test_path_gives_an_absolute_path(evaluated, project):
    assert evaluated("${path(./code)}") == str(project / "code")
    assert evaluated("${path('..')}") == str(project.parent)
    assert evaluated("${path(/somewhere/../else)}") == "/else"


def test_file_gives_the_text_of_a_file_in_the_project(evaluated, project):
    (project / "a b.txt").write_text("héllo\n${vars.region}")
    assert evaluated("${file('./a b.txt')}") == "héllo\n${vars.region}"
    assert evaluated("${file(a b.txt)}") == "héllo\n${vars.region}"
    assert evaluated("${file('code/../a b.txt')}") == "héllo\n${vars.region}"


def test_json_of_a_file_is_a_value(good, project):
    (project / "v.json").write_text('{"A": 1, "B": "two"}')
    text = add(FC, "environmentVariables: ${json(file('v.json'))}", indent=8)
    assert good(text).functions[0].environment == {"A": "1", "B": "two"}


@pytest.mark.parametrize("depth", [101, 500, 100_000])
def test_json_that_is_too_deep_is_refused(unclear, project, depth):
    (project / "v.json").write_text("[" * depth + "]" * depth)
    assert "${json(file('v.json'))}: " in unclear("${json(file('v.json'))}").message


@pytest.fixture
def outside(project):
    """Things that ``file`` must not read."""
    folder = project.parent / f"{project.name}-other"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    (project / "link").symlink_to(folder / "secret")
    (project / "folder-link").symlink_to(folder)
    (project / "loop").symlink_to("loop")
    (project / "large").write_bytes(b"x" * 1_000_001)
    (project / "binary").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(project / "pipe")
    return folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../{other}/secret", "is outside the project's folder"),
        ("{folder}/secret", "is outside the project's folder"),
        ("link", "is outside the project's folder"),
        ("folder-link/secret", "is outside the project's folder"),
        ("code/../../{other}/secret", "is outside the project's folder"),
        ("~/secret", "is outside the project's folder"),
        ("loop", "can't read file"),
        ("large", "is larger than 1000000 bytes"),
        ("binary", "is not UTF-8 text"),
        ("pipe", "is not a file"),
        ("code", "is not a file"),
        ("nowhere", "can't read file 'nowhere': No such file or directory"),
    ],
)
def test_file_stays_inside_the_project(unclear, outside, name, message):
    name = name.format(folder=outside, other=outside.name)
    problem = unclear(f"${{file({name})}}")
    assert message in problem.message


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("${vars.regoin}", "${vars.regoin}: there is no 'regoin'", "Did you mean region?"),
        ("${vars.limits.memory.x}", "${vars.limits.memory.x}: there is no 'x'", ""),
        ("${var.region}", "${var.region}: nothing is called 'var'", "Did you mean vars?"),
        ("${region}", "${region}: nothing is called 'region'", "Did you mean ${vars.region}?"),
        ("${env}", "${env}: nothing is called 'env'", "It is a function: ${env(…)}."),
        ("${on.props.region}", "${on.props.region}: nothing is called 'on'", "Did you mean one?"),
        ("${resources.on.props.x}", "${resources.on.props.x}: nothing is called 'on'", "Did you mean one?"),
        ("${one.prop.region}", "${one.prop.region}: module one has no 'prop'", "Did you mean props?"),
        ("${one}", "${one}: module one is no value", "It has props, output, info, name, component, access."),
        (
            "${this.props.functoin}",
            "${this.props.functoin}: there is no 'functoin'",
            "Did you mean function?",
        ),
        ("${evn(X)}", "${evn(X)}: no function is called evn", "Did you mean env?"),
        ("${env()}", "${env()}: env takes one to 2 arguments, not 0", ""),
        ("${config(a, b)}", "${config(a, b)}: config takes one argument, not 2", ""),
        (
            "${env(NOBODY)}",
            "${env(NOBODY)}: environment variable NOBODY is not set",
            "Set it: export NOBODY=VALUE; or give a default: ${env('NOBODY', 'VALUE')}.",
        ),
        (
            "${config(AccountId)}",
            "${config(AccountId)}: a credential has no field 'AccountId'",
            "Did you mean AccountID?",
        ),
        ("a ${vars.limits}", "${vars.limits} is a mapping, which can't be put into a text", ""),
        ("${env('')}", "${env('')}: its argument is a text, not ''", ""),
        ("${json('{')}", None, ""),
        ("${this.props.function.environmentVariables.VALUE}", None, ""),
        ("${environment.name}", "${environment.name}: nothing is called 'environment'", None),
    ],
)
def test_expressions_without_a_value(unclear, expression, message, hint):
    problem = unclear(expression)
    if message is not None:
        assert problem.message == message
    if hint is not None:
        assert problem.hint == hint


@pytest.mark.parametrize(
    "expression",
    [
        "${}",
        "${vars.region",
        "${vars.}",
        "${vars..a}",
        "${vars.a + 1}",
        "${a || b}",
        "${env('A}",
        "${env('A'",
        "${env('A' 'B')}",
        "${(1)}",
        "${'a'}",
        "${vars['a']}",
        "${" * 30,
        "${env(" * 30,
    ],
)
def test_what_is_no_expression(unclear, expression):
    problem = unclear(yaml_text(expression))
    assert (
        problem.hint
        == "Names start with vars, this or a module; functions are env, config, file, path, json."
    )


def test_names_that_go_in_circles(only, refused):
    text = FC.replace("  region: cn-hangzhou", "  region: ${vars.other}\n  other: a${vars.region}")
    problem = only(text)
    assert problem.message == "depends on itself: vars/region -> vars/other -> vars/region"
    own = FC.replace("region: ${vars.region}", "region: ${this.props.region}")
    assert "depends on itself" in only(own).message
    whole = FC.replace("service: {name: shop, description: a shop}", "service: {name: '${vars.service}'}")
    assert "depends on itself" in only(whole).message
    module = FC.replace("description: a shop", "description: '${one.props}'")
    assert any("depends on itself" in p.message for p in refused(module))


def test_every_mistake_is_reported_once(refused):
    text = FC.replace("region: cn-hangzhou", "region: ${env(NOBODY)}")
    text = add(text, "description: ${vars.region}${vars.region}", "timeout: ${vars.nothing}", indent=8)
    assert [(p.path, p.line) for p in refused(text)] == [
        ("vars/region", 6),
        ("services/one/props/function/timeout", len(text.splitlines())),
    ]


def test_outputs_are_a_name_and_a_warning(good):
    text = f"""{FC3}
      environmentVariables: {{BUCKET: "${{resources.storage.output.name}}", ALL: "${{storage.output}}"}}
  storage:
    component: oss
    props: {{region: cn-hangzhou}}
"""
    found = good(text)
    assert found.functions[0].environment == {
        "BUCKET": "not-emulated:storage.name",
        "ALL": "not-emulated:storage",
    }
    assert found.warnings == [
        "${resources.storage.output.name} is known only after a real deployment, "
        "not-emulated:storage.name stands for it",
        "${storage.output} is known only after a real deployment, not-emulated:storage stands for it",
    ]
    assert [(a.name, a.type, a.reason) for a in found.not_emulated] == [
        ("storage", "oss", "buckets here only hold code that was uploaded")
    ]


def test_what_grows_without_bound_is_refused(make):
    lines = ["  a0: " + "a" * 60]
    lines += [f"  a{i}: " + f"${{vars.a{i - 1}}}" * 10 for i in range(1, 12)]
    text = FC.replace("vars:\n", "vars:\n" + "\n".join(lines) + "\n")
    with pytest.raises(InvalidTemplate, match="too large"):
        make(add(text, "description: ${vars.a11}", indent=8))


def test_long_chains_of_names_are_refused_not_crashed(make):
    lines = [f"  a{i}: ${{vars.a{i + 1}}}" for i in range(500)]
    text = FC.replace("vars:\n", "vars:\n" + "\n".join(lines) + "\n  a500: x\n")
    found = make(add(text, "description: ${vars.a0}", indent=8))
    assert "nested more than 150 deep" in found.problems[0].message
    assert make(add(text, "description: ${vars.a485}", indent=8)).functions[0].description == "x"
    deep = "{a: " * 90 + "'${vars.region}'" + "}" * 90
    text = FC.replace("vars:\n", f"vars:\n  deep: {deep}\n")
    text = add(text, "environmentVariables: ${vars.deep}", indent=8)
    assert [p.kind for p in make(text).problems] == ["type"]


@given(st.text(alphabet="${}()[].,'\"\\ \nabcvars", max_size=40))
@settings(max_examples=300)
def test_any_text_is_parsed_or_refused(text):
    try:
        pieces = parse(text)
    except BadExpression:
        return
    rebuilt = "".join(piece if isinstance(piece, str) else piece.source for piece in pieces)
    assert rebuilt == text


# --- what is refused ---------------------------------------------------------------------------


def test_all_problems_come_at_once_with_the_nearest_name(refused):
    text = """
edition: 1.0.0
services:
  one:
    componet: fc
    component: fc
    props:
      region: cn-hangzhou
      servce: {name: shop}
      service: {name: 1shop}
      function:
        name: main
        runtime: pyhton3
        handlr: index.handler
        memorySize: 100
        timeout: abc
        codeUri: ./code
        environmentVariables: {A: [1]}
        asyncConfiguration:
          destination: {onSucces: x, onFailure: nowhere}
          maxAsyncEventAgeInSeconds: 0
          maxAsyncRetryAttempts: 9
          statefulInvocation: perhaps
"""
    lines = text.splitlines()
    found = {}
    for problem in refused(text):
        assert lines[problem.line - 1][problem.column - 1 :]
        found.setdefault(problem.path.removeprefix("services/one/"), []).append((problem.kind, problem.hint))
    hints = {path: hint for path, [(_, hint), *_] in found.items()}
    inner = "props/function"
    assert {path: sorted({kind for kind, _ in kinds}) for path, kinds in found.items()} == {
        "componet": ["additional"],
        "props/servce": ["additional"],
        "props/service/name": ["value"],
        f"{inner}/runtime": ["value"],
        f"{inner}/handlr": ["additional"],
        f"{inner}/memorySize": ["value"],
        f"{inner}/timeout": ["type"],
        f"{inner}/environmentVariables/A": ["type"],
        f"{inner}/asyncConfiguration/destination/onSucces": ["additional"],
        f"{inner}/asyncConfiguration/destination/onFailure": ["value"],
        f"{inner}/asyncConfiguration/maxAsyncEventAgeInSeconds": ["value"],
        f"{inner}/asyncConfiguration/maxAsyncRetryAttempts": ["value"],
        f"{inner}/asyncConfiguration/statefulInvocation": ["type"],
    }
    assert hints[f"{inner}/runtime"] == "Did you mean python3?"
    assert hints[f"{inner}/handlr"] == "Did you mean handler?"
    assert hints[f"{inner}/asyncConfiguration/destination/onSucces"] == "Did you mean onSuccess?"


def test_what_is_missing_is_named(refused):
    text = "edition: 3.0.0\nresources:\n  one: {component: fc3, props: {}}\n  two: {component: fc}\n"
    messages = {p.message.removeprefix("Missing property ") for p in refused(text)}
    assert messages == {"region", "functionName", "runtime", "service"}
    (problem,) = refused("edition: 3.0.0\nresources: {one: {props: {}}}\n")
    assert (problem.path, problem.message) == ("resources/one", "Missing property component")


@pytest.mark.parametrize(
    ("text", "kind", "path", "hint"),
    [
        ("edition: 2.0.0\nservices: {}\n", "value", "edition", ""),
        ("edition: 1.0.0\nservces: {}\n", "required", "", "Did you mean servces?"),
        ("edition: 1.0.0\nresources: {}\n", "value", "resources", "Did you mean edition: 3.0.0?"),
        ("edition: 3.0.0\nservices: {}\n", "value", "services", "Did you mean edition: 1.0.0?"),
        ("edition: 3.0.0\nresources: []\n", "type", "resources", ""),
        ("edition: 3.0.0\nresources: {}\n", "value", "resources", ""),
        ("edition: 3.0.0\nresources: {one: text}\n", "type", "resources/one", ""),
        ("name: x\n", "required", "", "A Serverless Devs file has an edition and resources (or services)."),
        ("edition: 1.0.0\nvars: [a]\nservices: {a: {component: fc-x}}\n", "type", "vars", ""),
    ],
)
def test_files_without_modules(refused, text, kind, path, hint):
    problem = refused(text)[0]
    assert (problem.kind, problem.path, problem.hint) == (kind, path, hint)


def test_the_edition_may_be_left_out_or_be_a_number(good):
    assert good(FC.replace("edition: 1.0.0\n", "")).functions
    assert good(FC3.replace("edition: 3.0.0\n", "")).functions
    assert good(FC3.replace("edition: 3.0.0\n", "edition: 3.0\n")).functions


def test_one_name_for_two_functions(only):
    text = FC + FC.partition("services:\n")[2].replace("  one:", "  two:")
    problem = only(text)
    assert problem.message == "function shop/main is there twice, the other is services/one/props/function"
    assert problem.path == "services/two/props/function"


def test_components_are_told_by_their_names_and_else_by_the_shape_of_their_properties(good):
    for component in ("fc", "devsapp/fc", "fc@0.1.2", "devsapp/fc@dev", "fc-deploy"):
        assert good(FC.replace("component: fc\n", f"component: {component}\n")).warnings == []
    for component in ("fc3", "devsapp/fc3", "fc3@0.0.30", "${env('C', 'fc3')}"):
        assert good(FC3.replace("component: fc3\n", f"component: {component}\n")).warnings == []
    found = good(FC3.replace("component: fc3\n", "component: my-own\n"))
    assert found.functions
    assert found.warnings == ["module one: component my-own is not known, it is taken for fc3"]
    found = good(FC.replace("component: fc\n", "component: ${path(../..)}\n"))
    assert found.functions
    assert "is taken for fc" in found.warnings[0]


def test_components_that_are_not_run_are_refused_when_there_is_nothing_else(refused, good):
    alone = "edition: 1.0.0\nservices:\n  a: {component: oss, props: {region: x}}\n  b: {component: what}\n"
    problems = refused(alone)
    assert [(p.kind, p.path) for p in problems] == [
        ("value", "services/a/component"),
        ("value", "services/b/component"),
    ]
    assert "buckets here only hold code that was uploaded" in problems[0].message
    found = good(f"{FC}  a: {{component: oss, props: {{region: x, wrong: '${{vars.nothing}}'}}}}\n")
    assert [a.name for a in found.not_emulated] == ["a"]


def test_a_ros_module_says_how_to_deploy_its_template(only, good, project, monkeypatch):
    monkeypatch.chdir(project)
    module = (
        "  stack: {component: devsapp/ros, props: {region: x, template: ./ros dir/t.yml, "
        "parameters: {A: a b, B: '${vars.x}', C: 3}}}\n"
    )
    command = "fun deploy -t 'ros dir/t.yml' -p 'A=a b' -p B=VALUE -p C=3"
    document = parse_document("s.yaml", f"edition: 1.0.0\nservices:\n{module}".encode())
    assert only(document).hint == f"Deploy its template itself: {command}"
    document = parse_document("s.yaml", f"{FC}{module}".encode())
    (accepted,) = good(document).not_emulated
    assert command in accepted.reason


def test_placeholders_are_filled_in_wherever_their_text_comes_from(good, refused):
    text = FC.replace("vars:\n", "vars:\n  target: 'acs:mns:::/queues/{my_queue}/messages'\n")
    text = add(text, "asyncConfiguration: {destination: {onFailure: '${vars.target}'}}", indent=8)
    assert [p.kind for p in refused(text)] == ["placeholder"]
    found = good(text, replacements={"my_queue": "q"})
    assert found.functions[0].async_config.on_failure == "acs:mns:::/queues/q/messages"
    assert found.warnings == []


def test_the_file_is_told_by_what_is_in_it_or_by_its_name():
    assert devs.is_devs(parse_document("x.yml", b"edition: 1.0.0"))
    assert devs.is_devs(parse_document("a/s.yaml", b"services: {}"))
    assert not devs.is_devs(parse_document("template.yml", b"services: {}"))


RICH_FC = f"""{FC}        customContainerConfig: {{image: i}}
        customRuntimeConfig: {{port: 1}}
        instanceLifecycleConfig:
          preStop:
            handler: a.b
        environmentVariables:
          A: x
        asyncConfiguration:
          destination:
            onSuccess: acs:mns:::/queues/q/messages
          maxAsyncRetryAttempts: 1
      triggers:
        - name: a
          type: http
          config:
            methods: [GET]
        - name: b
          type: log
          config:
            logConfig:
              project: p
      customDomains:
        - domainName: auto
          protocol: HTTP
          routeConfigs:
            - path: /
    actions:
      pre-deploy: []
  two:
    component: ros
    props:
      template: t.yml
      parameters:
        A: b
actions:
  pre-deploy: []
env: e.yaml
"""
RICH_FC3 = f"""{EXTENDED}      code:
        src: ./code
      asyncInvokeConfig:
        qualifier: LATEST
        destinationConfig:
          onFailure:
            destination: acs:fc:::functions/f
      instanceLifecycleConfig:
        initializer:
          handler: a.b
      triggers:
        - triggerName: a
          triggerType: oss
          triggerConfig:
            events: []
  domain:
    component: fc3-domain
    props:
      region: x
      domainName: auto
      protocol: HTTP
      routeConfig:
        routes:
          - path: /
            functionName: first
""".replace("    props: {functionName: second, memorySize: 128}", "    props:\n      functionName: second")
ODD = [
    "null",
    "[]",
    "{}",
    "12",
    "true",
    "text",
    "[{}]",
    "[[1]]",
    "{a: [1]}",
    "''",
    "${vars}",
    "${this.props}",
    "{b}",
]


@given(text=st.sampled_from([RICH_FC, RICH_FC3]), data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_odd_values_are_problems_not_tracebacks(make, text, data):
    """Whatever stands where something else is expected."""
    lines = text.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[number].partition(":")
    if colon:
        lines[number] = f"{key}: {data.draw(st.sampled_from(ODD))}"
        indent = len(key) - len(key.lstrip(" -"))
        rest = lines[number + 1 :]
        while rest and len(rest[0]) - len(rest[0].lstrip(" -")) > indent:
            rest.pop(0)
        lines = [*lines[: number + 1], *rest]
    for problem in make("\n".join(lines)).problems:
        assert problem.line >= 1


def test_the_rich_files_are_good(good):
    assert len(good(RICH_FC).triggers) == 2
    assert len(good(RICH_FC3).domains) == 1


# --- faas.yml ----------------------------------------------------------------------------------


def test_funcrafts_first_format_says_how_to_convert_it():
    document = parse_document("faas.yml", b"function-compute:\n  services: []\n")
    assert faas.is_faas(document)
    assert faas.is_faas(parse_document("a/faas.yaml", b"x: 1"))
    assert not faas.is_faas(parse_document("template.yml", b"x: 1"))
    problem = faas.problem(document)
    assert (problem.kind, problem.line, problem.path) == ("value", 1, "function-compute")
    assert "template.yml" in problem.message
    for word in ("Transform", "Aliyun::Serverless-2018-04-03", "CodeUri", "Events"):
        assert word in problem.hint
    assert faas.problem(parse_document("faas.yml", b"x: 1")).path == ""
