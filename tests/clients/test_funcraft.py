"""The real Funcraft against a live daemon: validate, deploy, deploy again, invoke (wire 3.1)."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.clients.conftest import environment
from tests.conftest import ROOT

#: What Funcraft says of every deploy, here as in the cloud: it does not ask for the first two, and it adds
#: variables of its own to the third.
NEVER_COMPARED = {"CodeUri", "AsyncConfiguration", "EnvironmentVariables"}

EVERYTHING = """\
ROSTemplateFormatVersion: '2015-09-01'
Transform: Aliyun::Serverless-2018-04-03
Resources:
  shop:
    Type: Aliyun::Serverless::Service
    Properties:
      Description: sells things
      Role: acs:ram::1234567890123456:role/shop
      InternetAccess: false
      LogConfig: {Project: p, Logstore: l}
      VpcConfig: {VpcId: vpc-1, VSwitchIds: [vsw-1], SecurityGroupId: sg-1}
    order:
      Type: Aliyun::Serverless::Function
      Properties:
        Handler: index.handler
        Initializer: index.initialize
        InitializationTimeout: 5
        Description: takes orders
        Runtime: python3
        CodeUri: ./code
        Timeout: 30
        MemorySize: 256
        InstanceConcurrency: 2
        AsyncConfiguration:
          Destination: {OnSuccess: 'acs:mns:::/queues/good/messages'}
          StatefulInvocation: true
      Events:
        tick:
          Type: Timer
          Properties: {Payload: x, CronExpression: '@every 60m', Enable: false}
    web:
      Type: Aliyun::Serverless::Function
      Properties:
        Handler: index.handler
        Runtime: python3
        CodeUri: ./code
        EnvironmentVariables: {COLOUR: red}
        AsyncConfiguration:
          Destination: {}
          MaxAsyncRetryAttempts: 2
      Events:
        http:
          Type: HTTP
          Properties: {AuthType: ANONYMOUS, Methods: [GET, POST]}
"""


#: Leads what it asks of RAM, ROS and OSS to the daemon.
REDIRECTED = {"NODE_OPTIONS": f"--require {ROOT / 'examples' / 'sdk' / 'redirect.js'}"}

PLAIN = """\
ROSTemplateFormatVersion: '2015-09-01'
Parameters:
  Memory: {Type: Number, Default: 128}
Resources:
  Service:
    Type: ALIYUN::FC::Service
    Properties:
      ServiceName: {'Fn::Join': ['-', [shop, {Ref: 'ALIYUN::StackName'}]]}
  Function:
    Type: ALIYUN::FC::Function
    Properties:
      ServiceName: {'Fn::GetAtt': [Service, ServiceName]}
      FunctionName: order
      Runtime: python3
      Handler: index.handler
      MemorySize: {Ref: Memory}
      CodeUri: ./code
      AsyncConfiguration:
        StatefulInvocation: true
        Destination: {OnFailure: 'acs:mns:::/queues/good/messages'}
Outputs:
  Order: {Value: {'Fn::GetAtt': [Function, FunctionName]}}
"""


class Funcraft:
    """Funcraft in a project's folder."""

    def __init__(self, laptop, folder: str) -> None:
        self.laptop = laptop
        self.folder = folder
        self.program = environment("fun") / "node_modules" / "@alicloud" / "fun" / "bin" / "fun.js"

    def __call__(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Runs a command; what it says, without colours. ``code`` is how it must end."""
        done = self.laptop.run(
            *("node", self.program, *arguments),
            cwd=self.folder,
            check=False,
            # Ten times with growing pauses otherwise (wire 3.1); it waits for ROS and OSS three seconds only.
            **{"RETRIES": "1", "TIMEOUT": "60", "NODE_NO_WARNINGS": "1", **variables},
        )
        said = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
        assert done.returncode == code, said
        return said


def changes(said: str) -> set[str]:
    """The properties in the table of what a deploy is about to change."""
    rows = [line.split("│")[-2].strip() for line in said.splitlines() if line.count("│") > 1]
    return {row for row in rows if re.fullmatch(r"\w+", row)} - {"Property"}


@pytest.fixture
def project(laptop):
    """The example that is made for every tool, with its queues."""
    folder = os.path.join(laptop.shell.project, "library")
    shutil.copytree(ROOT / "examples" / "sdk", folder)
    for queue in ("counted", "not-counted"):
        laptop.shell.fun("mns", "queue", "create", queue)
    return Funcraft(laptop, folder)


@pytest.fixture
def shop(laptop):
    laptop.shell.write("template.yml", EVERYTHING)
    laptop.shell.write("code/index.py", "def initialize(c): pass\ndef handler(e, c): return e\n")
    return Funcraft(laptop, laptop.shell.project)


def test_funcraft_finds_our_example_valid(project):
    assert project("validate") == ""


def test_funcraft_deploys_our_example_and_runs_it(laptop, project):
    said = project("deploy", "-y")
    assert changes(said) >= {"Description", "Role", "Handler", "Timeout"}
    assert "service library deploy success" in said
    said = project("invoke", "library/count", "-e", '{"text": "one two three"}')
    assert '"words": 3' in said
    assert "FC Invoke Start RequestId" in said
    assert laptop.shell.invk("library/count", "-s", '{"text": "four"}').out


def test_an_asynchronous_call_of_funcrafts_leaves_a_record_and_an_outcome(laptop, project):
    project("deploy", "-y")
    assert "async invoke success" in project("invoke", "count", "-t", "async", "-e", '{"text": "one two"}')
    letter = laptop.shell.letter("counted")
    assert json.loads(letter["responsePayload"]) == {"words": 2}
    records = laptop.shell.fun("executions", "list", "library/count", "--json").json["invocations"]
    assert [record["status"] for record in records] == ["Succeeded"]
    project("invoke", "library/count", "-t", "async", "-e", '{"text": ""}')
    assert "nothing to count" in laptop.shell.letter("not-counted")["responsePayload"]


def test_a_second_deploy_of_funcrafts_shows_and_makes_no_change(laptop, shop):
    first = shop("deploy", "-y")
    assert changes(first) > NEVER_COMPARED
    before = laptop.shell.fun("info", "--json").json
    assert len(before["functions"]) == 2
    second = shop("deploy", "-y")
    assert changes(second) == NEVER_COMPARED
    assert laptop.shell.fun("info", "--json").json == before


def test_a_changed_property_is_the_only_other_one_that_funcraft_shows(laptop, shop):
    shop("deploy", "-y")
    laptop.shell.write("template.yml", EVERYTHING.replace("Timeout: 30", "Timeout: 40"))
    assert changes(shop("deploy", "-y")) == {*NEVER_COMPARED, "Timeout"}


def test_a_part_of_a_project_is_deployed_alone_and_its_configuration_without_its_code(laptop, shop):
    shop("deploy", "shop/web", "-y")
    functions = laptop.shell.fun("info", "--json").json["functions"]
    assert [function["functionName"] for function in functions] == ["web"]
    laptop.shell.write("template.yml", EVERYTHING.replace("COLOUR: red", "COLOUR: blue"))
    laptop.shell.write("code/index.py", "def handler(e, c): return 'new code'\n")
    shop("deploy", "shop/web", "--only-config", "-y")
    (web,) = laptop.shell.fun("info", "--json").json["functions"]
    assert web["environmentVariables"]["COLOUR"] == "blue"
    assert web["codeChecksum"] == functions[0]["codeChecksum"]


def test_what_a_function_raises_is_what_funcraft_shows(project):
    project("deploy", "-y")
    said = project("invoke", "library/count", "-e", '{"text": ""}')
    assert "there is nothing to count" in said
    assert "ValueError" in said


def test_a_project_of_fun_init_is_deployed_by_funcraft_without_a_role(laptop):
    choices = ("--no-input", "--var", "runtime=python3")
    laptop.shell.fun("init", "event-python", "-n", "greeter", *choices)
    funcraft = Funcraft(laptop, os.path.join(laptop.shell.project, "greeter"))
    funcraft("validate")
    funcraft("deploy", "-y")
    assert "Hello" in funcraft("invoke", "hello", "-e", "{}")


def test_what_funcraft_deployed_is_taken_over_by_a_deploy_of_ours_and_back(laptop, project):
    project("deploy", "-y")
    laptop.shell.project = project.folder
    laptop.shell.fun("deploy")
    assert changes(project("deploy", "-y")) <= NEVER_COMPARED
    assert laptop.shell.invk("library/count", "-s", '{"text": "four"}').out


def test_a_wrong_secret_ends_funcraft_with_what_is_wrong(project):
    said = project("deploy", "-y", code=255, ACCESS_KEY_SECRET="wrong")
    assert "403" in said
    assert "signature" in said


def test_a_function_that_is_not_there_ends_funcraft_with_its_name(project):
    project("deploy", "-y")
    assert "function 'nothing' does not exist" in project("invoke", "library/nothing", code=255)


def test_a_template_that_is_wrong_is_so_for_funcraft_too(laptop, shop):
    laptop.shell.write("template.yml", EVERYTHING.replace("python3", "cobol"))
    assert "Runtime" in shop("validate", code=255)


# With what it asks of others led to the daemon


def functions(laptop) -> list[tuple[str, str]]:
    found = laptop.shell.fun("info", "--json").json["functions"]
    return [(function["functionName"], function["stackName"]) for function in found]


def ros_changes(said: str) -> list[tuple[str, ...]]:
    """The rows of the table of a change set: resource, type, action, property."""
    return re.findall(r"│ (\S+) +│ (ALIYUN::\S+) +│ (\w+) +│ (\w*) +│", said)


def test_a_service_without_a_role_gets_one_and_keeps_it(laptop, shop):
    laptop.shell.write("template.yml", re.sub(r" +Role: .*\n", "", EVERYTHING))
    said = shop("deploy", "-y", **REDIRECTED)
    assert "role 'aliyunfcgeneratedrole-cn-shanghai-shop' is already exist" in said
    assert "attached police 'AliyunFCInvocationAccess'" in said
    assert "service shop deploy success" in said
    assert "retry" not in said
    before = laptop.shell.fun("info", "--json").json
    (service,) = before["services"]
    assert service["role"] == "acs:ram::1234567890123456:role/aliyunfcgeneratedrole-cn-shanghai-shop"
    said = shop("deploy", "-y", **REDIRECTED)
    assert "retry" not in said
    assert laptop.shell.fun("info", "--json").json == before


def test_a_package_is_uploaded_and_deployed(laptop, project):
    said = project("package", **REDIRECTED)
    assert "has been uploaded to OSS. objectName:" in said
    assert "using template: template.packaged.yml" in project("deploy", "-y")
    assert '"words": 2' in project("invoke", "library/count", "-e", '{"text": "one two"}')
    assert functions(laptop) == [("count", "")]
    assert "skiping" in project("package", "-t", "template.yml", **REDIRECTED)
    # Our own command finds the code where Funcraft has put it.
    laptop.shell.project = project.folder
    laptop.shell.fun("remove", "library", "-y")
    laptop.shell.fun("deploy")
    assert "words" in laptop.shell.invk("library/count", "-s", '{"text": "four"}').out


def test_a_stack_is_made_changed_and_left_alone_through_ros(laptop, project):
    ros = ("deploy", "--use-ros", "--stack-name", "demo-1", "-y")
    project("package", **REDIRECTED)
    said = project(*ros, **REDIRECTED)
    assert ros_changes(said) == [
        ("library", "ALIYUN::FC::Service", "Add", ""),
        ("librarycount", "ALIYUN::FC::Function", "Add", ""),
    ]
    assert re.search(r"librarycount +│ CREATE_COMPLETE", said)
    assert "Deploy success" in said
    assert functions(laptop) == [("count", "demo-1")]
    # It looks the real name of the service up in the template that ROS has given it.
    assert '"words": 3' in project("invoke", "library/count", "-e", '{"text": "one two three"}')
    before = laptop.shell.fun("info", "--json").json
    assert "your stack demo-1 is already latest" in project(*ros, code=255, **REDIRECTED)
    assert laptop.shell.fun("info", "--json").json == before
    packaged = Path(project.folder, "template.packaged.yml")
    packaged.write_text(packaged.read_text().replace("Timeout: 60", "Timeout: 61"))
    said = project(*ros, **REDIRECTED)
    assert ros_changes(said) == [("librarycount", "ALIYUN::FC::Function", "Modify", "Timeout")]
    assert "UPDATE_COMPLETE" in said
    (function,) = laptop.shell.fun("info", "--json").json["functions"]
    assert function["timeout"] == 61
    # It is the same stack for our own command.
    laptop.shell.project = project.folder
    assert laptop.shell.fun("deploy", "--use-ros", "--stack-name", "demo-1", "--json").json["unchanged"]


def test_code_that_was_not_packaged_is_refused_through_ros_with_the_way_out(project):
    said = project("deploy", "--use-ros", "--stack-name", "demo-1", "-y", code=255, **REDIRECTED)
    assert "Resources/library/count/Properties/CodeUri" in said
    assert "fun package" in said


def test_a_plain_template_of_ros_is_uploaded_and_deployed_at_once(laptop, shop):
    laptop.shell.write("template.yml", PLAIN)
    ros = ("deploy", "-t", "template.yml", "--use-ros", "--stack-name", "demo-2", "-y")
    said = shop(*ros, "-p", "Memory=256", **REDIRECTED)
    assert "has been uploaded to OSS" in said
    assert re.search(r"Memory +│ 256", said)
    assert re.search(r"Order +│ order", said)
    assert functions(laptop) == [("order", "demo-2")]
    assert json.loads(laptop.shell.invk("shop-demo-2/order", "-s", '{"a": 1}').out) == {"a": 1}
    laptop.shell.write("template.yml", PLAIN.replace("index.handler", "index.handler\n      Timeout: 9"))
    said = shop(*ros, **REDIRECTED)
    assert ros_changes(said) == [("Function", "ALIYUN::FC::Function", "Modify", "Timeout")]
    (function,) = laptop.shell.fun("info", "--json").json["functions"]
    assert (function["memorySize"], function["timeout"]) == (256, 9)


def test_a_stack_that_can_not_be_made_says_why(laptop, shop):
    """The deploy itself fails, after its change set was good: the call that it asks for."""
    laptop.shell.write("code/index.py", "def handler(e, c): raise ValueError('not today')\n")
    invoker = """\
  Call:
    Type: ALIYUN::FC::FunctionInvoker
    Properties:
      ServiceName: {'Fn::GetAtt': [Function, ServiceName]}
      FunctionName: {'Fn::GetAtt': [Function, FunctionName]}
      ExecuteVersion: 1
Outputs:
"""
    laptop.shell.write("template.yml", PLAIN.replace("Outputs:\n", invoker))
    said = shop("deploy", "--use-ros", "--stack-name", "demo-3", "-y", code=255, **REDIRECTED)
    assert "not today" in said
    assert functions(laptop) == []


def test_a_topic_of_the_template_is_made(laptop, shop):
    topic = "  letters:\n    Type: Aliyun::Serverless::MNSTopic\n    Properties: {Region: cn-shanghai}\n"
    laptop.shell.write("template.yml", EVERYTHING + topic)
    shop("deploy", "-y", **REDIRECTED)
    topics = laptop.shell.fun("mns", "topic", "list", "--json").json["topics"]
    assert [topic["topicName"] for topic in topics] == ["letters"]
