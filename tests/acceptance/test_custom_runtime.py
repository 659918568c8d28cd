"""A function that is a server of its own, from its template to its calls (runtime.md 4)."""

import json
import sys

SERVER = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        print("asked for", self.path, flush=True)
        failed = body == b"fail"
        self.send_response(404 if failed else 200)
        self.send_header("x-fc-status", "404" if failed else "200")
        self.end_headers()
        self.wfile.write(b"served " + body)

HTTPServer(("0.0.0.0", int(os.environ["FC_SERVER_PORT"])), Handler).serve_forever()
"""

TEMPLATE = """
ROSTemplateFormatVersion: '2015-09-01'
Transform: 'Aliyun::Serverless-2018-04-03'
Resources:
  shop:
    Type: 'Aliyun::Serverless::Service'
    order:
      Type: 'Aliyun::Serverless::Function'
      Properties:
        Runtime: custom
        Handler: any
        CodeUri: code
        CustomRuntimeConfig: {COMMAND}
        AsyncConfiguration: {StatefulInvocation: true, MaxAsyncRetryAttempts: 0}
"""


def deploy(shell, *command):
    words = json.dumps(list(command))
    shell.write("template.yml", TEMPLATE.replace("{COMMAND}", f"{{Command: {words}}}"))
    shell.write("code/server.py", SERVER)
    return shell.fun("deploy")


def test_a_server_is_deployed_called_and_waited_for(shell):
    assert "runtime of" not in deploy(shell, sys.executable, "/code/server.py").err
    assert shell.invk("shop/order", "-s", "hello").out.strip() == "served hello"
    assert "asked for /invoke" in shell.invk("shop/order", "-v", "-s", "hello").err
    record = shell.invk("shop/order", "-t", "async", "-s", "later", "--wait", "--json").json
    assert record["status"] == "Succeeded"
    record = shell.invk("shop/order", "-t", "async", "-s", "fail", "--wait", "--json", check=None).json
    assert (record["status"], record["invocationErrorMessage"]) == ("Failed", "InvocationError")


def test_a_server_that_does_not_start_is_told_and_the_execution_is_invalid(shell):
    deploy(shell, "/code/gone")
    done = shell.invk("shop/order", "-s", "hello", check=None)
    assert done.code
    assert "exited unexpectedly(code 2, message:no such file or directory)" in done.err
    record = shell.invk("shop/order", "-t", "async", "-s", "x", "--wait", "--json", check=None).json
    assert (record["status"], record["invocationErrorMessage"]) == ("Invalid", "CAExited")


def test_a_deploy_says_that_another_interpreter_will_run_a_function(shell):
    other = "python3.9" if sys.version_info[1] != 9 else "python3.10"
    shell.environment.update(PATH="/nowhere", PYENV_ROOT="/nowhere", VIRTUAL_ENV="")
    shell.write(
        "template.yml", TEMPLATE.replace("Runtime: custom", f"Runtime: {other}").replace("{COMMAND}", "{}")
    )
    shell.write("code/index.py", "")
    done = shell.fun("deploy")
    assert "runtime of shop/order: Python 3." in done.out + done.err
    assert f"declared for {other}" in done.out + done.err
