"""The endpoint as people meet it: `fun env`, `fun keys`, `fun daemon`, and programs that call it."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest

from tests import signing
from tests.conftest import Shell

SERVICES = "/2016-08-15/services"

FUNCTION = """\
ROSTemplateFormatVersion: '2015-09-01'
Resources:
  web:
    Type: ALIYUN::FC::Service
    Properties: {ServiceName: web}
  keys:
    Type: ALIYUN::FC::Function
    DependsOn: web
    Properties:
      ServiceName: web
      FunctionName: keys
      Runtime: python3
      Handler: index.handler
      Code:
        SourceCode: |
          import json
          import os

          def handler(event, context):
              names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "FUN_LOCAL_ENDPOINT")
              found = {name: os.environ[name] for name in names}
              keys = context.credentials
              found["credentials"] = [keys.access_key_id, keys.access_key_secret, keys.security_token]
              return json.dumps(found)
"""


@pytest.fixture
def other(shell):
    """A second home, served at the same time."""
    root = tempfile.mkdtemp(prefix="fl-")
    other = Shell(os.path.join(root, "home"), shell.project)
    try:
        yield other
    finally:
        other.fun("daemon", "stop", check=None)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def taken():
    """A port that some other program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def environment(shell):
    return shell.fun("env", "--json").json


def get(endpoint, target=SERVICES, *, key=None, secret=None, headers=None, sign=signing.fc):
    """Status, headers and body of a GET, signed where there is a key."""
    headers = sign("GET", target, headers, key=key, secret=secret) if key else headers or {}
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def status_with(variables, **options):
    keys = {"key": variables["ACCESS_KEY_ID"], "secret": variables["ACCESS_KEY_SECRET"]}
    return get(variables["FC_ENDPOINT"], **{**keys, **options})[0]


def test_a_shell_takes_up_what_env_prints(shell):
    names = ["FC_ENDPOINT", "MNS_ENDPOINT", "ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "ACCOUNT_ID", "REGION"]
    script = 'eval "$(fun env)"; for name in ' + " ".join(names) + '; do eval "echo \\$$name"; done'
    path = os.path.dirname(sys.executable)
    variables = {**shell.environment, "PATH": f"{path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script], env=variables, capture_output=True, text=True, timeout=60)
    found = dict(zip(names, done.stdout.split(), strict=True))
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", found["FC_ENDPOINT"])
    assert found["MNS_ENDPOINT"] == found["FC_ENDPOINT"]
    assert found["ACCESS_KEY_ID"].startswith("LTAI")
    assert (found["ACCOUNT_ID"], found["REGION"]) == ("1234567890123456", "cn-shanghai")
    assert found.items() <= environment(shell).items()
    assert status_with(found) == 200
    assert status_with(found, target="/queues", sign=signing.mns) == 200
    assert status_with(found, target="/2023-03-30/functions", sign=signing.acs3) == 200


def test_env_gives_the_sdks_own_names_too(shell):
    variables = environment(shell)
    assert variables["ALIBABA_CLOUD_ACCESS_KEY_ID"] == variables["ACCESS_KEY_ID"]
    assert variables["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] == variables["ACCESS_KEY_SECRET"]


def test_env_speaks_the_language_of_other_shells(shell):
    variables = environment(shell)
    endpoint = variables["FC_ENDPOINT"]
    assert f"set -gx FC_ENDPOINT '{endpoint}';" in shell.fun("env", "--shell", "fish").out.splitlines()
    assert f"$env:FC_ENDPOINT = '{endpoint}'" in shell.fun("env", "--shell", "powershell").out.splitlines()
    assert shell.fun("env", "--shell", "csh", check=2)


def test_env_warns_of_a_proxy_and_prints_the_same(shell):
    before = shell.fun("env")
    shell.environment["HTTP_PROXY"] = "http://proxy.example:3128"
    after = shell.fun("env")
    assert after.out == before.out
    assert "HTTP_PROXY is set" in after.err
    assert not before.err


def test_status_tells_the_endpoint(shell):
    assert shell.fun("daemon", "status", "--json").json["endpoint"] is None
    said = shell.fun("daemon", "start").out
    status = shell.fun("daemon", "status", "--json").json
    assert status["endpoint"] in said
    assert (status["signatures"], status["problem"]) == ("checked", None)
    assert get(status["endpoint"], "/health")[0] == 200
    document = json.loads(get(status["endpoint"], "/openapi.json")[2])
    assert f"{SERVICES}" in document["paths"]


def test_a_call_without_a_key_or_with_another_homes_is_refused(shell, other):
    ours, theirs = environment(shell), environment(other)
    assert ours["FC_ENDPOINT"] != theirs["FC_ENDPOINT"]
    assert get(ours["FC_ENDPOINT"])[0] == 403
    assert status_with({**theirs, "FC_ENDPOINT": ours["FC_ENDPOINT"]}) == 403
    assert status_with(ours) == status_with(theirs) == 200


def test_a_port_that_is_taken_ends_a_start_and_names_the_way_out(shell, taken):
    shell.environment["FUN_LOCAL_PORT"] = str(taken)
    done = shell.fun("daemon", "start", check=1)
    assert f"port {taken}" in done.err
    assert "fun config set port 0" in done.err
    assert shell.fun("daemon", "status", "--json").json["running"] is False
    assert shell.fun("daemon", "run", check=1).err.count(f"port {taken}")


def test_our_own_commands_need_no_port(shell, taken):
    shell.environment["FUN_LOCAL_PORT"] = str(taken)
    shell.fun("mns", "queue", "create", "q")
    status = shell.fun("daemon", "status", "--json").json
    assert (status["running"], status["endpoint"]) == (True, None)
    assert status["problem"]["code"] == "PortInUse"
    for command in (["env"], ["daemon", "start"]):
        error = shell.fun(*command, "--json", check=1).json["error"]
        assert error["code"] == "PortInUse"
        assert "fun daemon restart" in error["hint"]
    shell.environment["FUN_LOCAL_PORT"] = "0"
    assert shell.fun("daemon", "restart", "--json").json["endpoint"]
    assert status_with(environment(shell)) == 200


def test_a_running_daemon_is_not_taken_for_what_was_asked(shell, taken):
    endpoint = shell.fun("daemon", "start", "--json").json["endpoint"]
    port = endpoint.rpartition(":")[2]
    assert shell.fun("daemon", "start", "--port", port, "--json").json["endpoint"] == endpoint
    error = shell.fun("daemon", "start", "--port", str(taken), "--json", check=1).json["error"]
    assert (error["code"], error["hint"]) == ("DaemonRunning", f"fun daemon restart --port {taken}")
    error = shell.fun("daemon", "start", "--insecure-no-auth", "--json", check=1).json["error"]
    assert error["hint"] == "fun daemon restart --insecure-no-auth"


def test_a_port_goes_before_the_setting(shell, taken):
    shell.environment["FUN_LOCAL_PORT"] = str(taken)
    assert shell.fun("daemon", "start", "--port", "0", "--json").json["endpoint"]


def test_no_signatures_is_said_everywhere(shell):
    started = shell.fun("daemon", "start", "--insecure-no-auth")
    assert "warning: signatures are not checked" in started.err
    status = shell.fun("daemon", "status", "--json").json
    assert status["signatures"] == "NOT CHECKED"
    assert "NOT CHECKED" in shell.fun("daemon", "status").out
    assert "signatures are not checked" in shell.fun("daemon", "logs").out
    assert "signatures are not checked" in shell.fun("env").err
    code, headers, _ = get(status["endpoint"])
    assert code == 200
    assert "signatures are not checked" in headers["X-Fun-Local-Warning"]
    assert get(status["endpoint"], headers={"Host": "rebound.example"})[0] == 403
    again = shell.fun("daemon", "restart")
    assert "signatures" not in again.err
    assert get(environment(shell)["FC_ENDPOINT"])[0] == 403


def test_a_rotated_key_stays_valid_until_the_next_rotation(shell):
    first = environment(shell)
    done = shell.fun("keys", "rotate", "--json").json
    second = environment(shell)
    assert done["accessKeyId"] == second["ACCESS_KEY_ID"] != first["ACCESS_KEY_ID"]
    assert (done["previousAccessKeyId"], done["previousIsValid"]) == (first["ACCESS_KEY_ID"], True)
    assert status_with(first) == status_with(second) == 200
    shell.fun("daemon", "restart")
    endpoint = environment(shell)["FC_ENDPOINT"]
    first, second = ({**keys, "FC_ENDPOINT": endpoint} for keys in (first, second))
    assert status_with(first) == status_with(second) == 200
    assert shell.fun("keys", "rotate").out.startswith("LTAI")
    assert (status_with(first), status_with(second)) == (403, 200)
    shell.fun("keys", "rotate", "--revoke")
    assert status_with(second) == 403
    assert status_with(environment(shell)) == 200


def test_the_settings_can_fix_the_key(shell):
    shell.environment |= {"FUN_LOCAL_ACCESS_KEY_ID": "ci-key", "FUN_LOCAL_ACCESS_KEY_SECRET": "ci's secret"}
    variables = environment(shell)
    assert (variables["ACCESS_KEY_ID"], variables["ACCESS_KEY_SECRET"]) == ("ci-key", "ci's secret")
    assert "export ACCESS_KEY_SECRET='ci'\"'\"'s secret'" in shell.fun("env").out
    assert status_with(variables) == 200
    assert shell.fun("keys", "rotate", "--json", check=1).json["error"]["code"] == "KeysFixed"
    shown = shell.fun("config", "--json").json["settings"]["access_key_secret"]["value"]
    assert shown == "(set)"
    assert "secret'" not in shell.fun("config").out


def test_half_a_key_in_the_settings_is_refused(shell):
    shell.environment["FUN_LOCAL_ACCESS_KEY_ID"] = "ci-key"
    error = shell.fun("daemon", "start", "--json", check=1).json["error"]
    assert "access_key_secret is missing" in error["message"]


def test_an_address_that_others_can_reach_is_refused(shell):
    error = shell.fun("config", "set", "host", "0.0.0.0", check=1).err
    assert "of this machine alone" in error


def test_a_function_gets_a_key_that_works_where_it_is_told(shell):
    shell.write("template.yml", FUNCTION)
    shell.fun("deploy", "--use-ros", "--stack-name", "web", "-y")
    found = json.loads(shell.invk("keys").out)
    key, secret, token = found["credentials"]
    assert found["ALIBABA_CLOUD_ACCESS_KEY_ID"] == key
    assert key.startswith("STS.")
    assert found["FUN_LOCAL_ENDPOINT"] == environment(shell)["FC_ENDPOINT"]
    token_header = {"x-fc-security-token": token}
    endpoint = found["FUN_LOCAL_ENDPOINT"]
    assert get(endpoint, key=key, secret=secret, headers=token_header)[0] == 200
    assert get(endpoint, key=key, secret=secret, target="/queues", sign=signing.mns)[0] == 200
    shell.fun("keys", "rotate", "--revoke")
    assert get(endpoint, key=key, secret=secret)[0] == 200
