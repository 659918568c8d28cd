"""A home with functions behind a console."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fun_local.cli.client import Client
from fun_local.console.sessions import KEY_HEADER
from tests.conftest import Shell, wait_for

TEMPLATE = """\
ROSTemplateFormatVersion: '2015-09-01'
Resources:
  Letters: {Type: 'ALIYUN::MNS::Queue', Properties: {QueueName: letters}}
  Inbox: {Type: 'ALIYUN::MNS::Queue', Properties: {QueueName: inbox}}
  News: {Type: 'ALIYUN::MNS::Topic', Properties: {TopicName: news}}
  NewsToInbox:
    Type: ALIYUN::MNS::Subscription
    DependsOn: [News, Inbox]
    Properties:
      TopicName: news
      SubscriptionName: to-inbox
      Endpoint: 'acs:mns:::queues/inbox'
      NotifyContentFormat: SIMPLIFIED
  Shop: {Type: 'ALIYUN::FC::Service', Properties: {ServiceName: shop, Description: sells}}
  Work:
    Type: ALIYUN::FC::Function
    DependsOn: [Shop, Letters]
    Properties:
      ServiceName: shop
      FunctionName: work
      Runtime: python3
      Handler: index.handler
      CodeUri: ./code
      Timeout: 60
      AsyncConfiguration:
        StatefulInvocation: true
        MaxAsyncRetryAttempts: 1
        Destination: {OnFailure: 'acs:mns:::/queues/letters/messages'}
  Fast:
    Type: ALIYUN::FC::Function
    DependsOn: Shop
    Properties:
      ServiceName: shop
      FunctionName: fast
      Runtime: python3
      Handler: index.fast
      CodeUri: ./code
      AsyncConfiguration: {StatefulInvocation: true, MaxAsyncRetryAttempts: 0}
  Timer:
    Type: ALIYUN::FC::Trigger
    DependsOn: Fast
    Properties:
      ServiceName: shop
      FunctionName: fast
      TriggerName: nightly
      TriggerType: timer
      TriggerConfig: {CronExpression: '0 0 3 * * *', Enable: false, Payload: 'from the timer'}
"""

CODE = """\
import json
import os
import sys
import time


def handler(event, context):
    order = json.loads(event or b"{}")
    print("begin", order.get("name", ""), flush=True)
    for number in range(order.get("steps", 0)):
        print("step", number, order.get("say", ""), flush=True)
    # Until the test says so, that nothing depends on time.
    while order.get("until") and not os.path.exists(order["until"]):
        time.sleep(0.02)
        for _ in range(order.get("chatter", 0)):
            print("still here, and with a lot to say about everything that it does, again and again")
        sys.stdout.flush()
    if order.get("fail"):
        raise ValueError(order["fail"])
    return json.dumps({"done": order.get("name", "")})


def fast(event, context):
    return event
"""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Stand:
    """A daemon that serves the functions above."""

    shell: Shell
    url: str
    files: list[str] = field(default_factory=list)
    _session: dict[str, str] = field(default_factory=dict)

    def link(self):
        """A link such as `fun console` prints."""
        return Client(self.shell.home).call("console")["url"]

    @property
    def session(self):
        """The headers of a session."""
        if not self._session:
            token = self.link().rpartition("=")[2]
            opened = self.ask("POST", "/console/session", json={"token": token}, headers={})
            assert opened.status == 200, opened.body
            cookie = opened.headers["Set-Cookie"].partition(";")[0]
            self._session = {"Cookie": cookie, KEY_HEADER: opened.json["key"]}
        return self._session

    def ask(self, method, target, *, json=None, body=b"", headers=None):
        """A request to the endpoint, in a session unless headers are given."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            sent = dict(self.session if headers is None else headers)
            data = body if json is None else dumps(json)
            connection.request(method, target, data, sent)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    def get(self, target):
        answer = self.ask("GET", target)
        assert answer.status == 200, answer.body
        return answer.json

    def invoke(self, function="work", *, id="", body=None, **order):
        """Submit a call; its id."""
        headers = {
            **self.session,
            "X-Fc-Invocation-Type": "Async",
            **({"X-Fc-Stateful-Async-Invocation-Id": id} if id else {}),
        }
        data = dumps(order) if body is None else body
        path = f"/2016-08-15/services/shop/functions/{function}/invocations"
        answer = self.ask("POST", path, body=data, headers=headers)
        assert answer.status == 202, answer.body
        return answer.headers["X-Fc-Stateful-Async-Invocation-Id"]

    def invoke_with(self, fault, *, id="", **order):
        """Submit a call that is to fail on purpose; its id."""
        named = ["--invocation-id", id] if id else []
        call = ["shop/work", "-t", "Async", *named, "--fault", fault, "-s", json.dumps(order)]
        return self.shell.invk(*call).out.strip()

    def record(self, id, function="work"):
        return self.get(f"/local/execution?function=shop/{function}&id={id}")

    def reaches(self, id, *statuses, function="work"):
        """Wait until an execution has one of the statuses; its record."""

        def found():
            record = self.record(id, function)
            return record if record["status"] in statuses else None

        return wait_for(found)

    def settled(self, id, function="work"):
        """Wait until an execution has ended, and its outcome is where it belongs."""

        def found():
            record = self.record(id, function)
            is_delivered = not record["destination"] or record["destination"]["status"]
            return record if record["isFinal"] and is_delivered else None

        return wait_for(found)

    def send(self, queue, text):
        """Put a message into a queue."""
        headers = {**self.session, "x-mns-version": "2015-06-06"}
        body = f"<Message><MessageBody>{base64.b64encode(text.encode()).decode()}</MessageBody></Message>"
        answer = self.ask("POST", f"/queues/{queue}/messages", body=body.encode(), headers=headers)
        assert answer.status == 201, answer.body

    def alias(self, name):
        """An alias of the service, which leads to its only version; that is published when there is none."""
        api = "/2016-08-15/services/shop"
        if not self.get(f"{api}/versions")["versions"]:
            assert self.ask("POST", f"{api}/versions", json={"description": "first"}).status == 200
        number = self.get(f"{api}/versions")["versions"][0]["versionId"]
        assert self.ask("POST", f"{api}/aliases", json={"aliasName": name, "versionId": number}).status == 200

    def gate(self):
        """A file that functions wait for, not there yet."""
        path = os.path.join(self.shell.project, f"gate-{len(self.files)}")
        self.files.append(path)
        return path

    def open(self, gate):
        open(gate, "w").close()


def dumps(value):
    return json.dumps(value).encode()


@contextlib.contextmanager
def serving(template=TEMPLATE, code=CODE, retry_seconds=0.05):
    """A stand with an empty history."""
    # Not tmp_path: the address of a Unix socket has room for 100 characters only.
    root = tempfile.mkdtemp(prefix="fl-")
    project = os.path.join(root, "project")
    os.mkdir(project)
    shell = Shell(os.path.join(root, "home"), project)
    shell.environment["FUN_LOCAL_RETRY_FIRST_SECONDS"] = str(retry_seconds)
    shell.write("template.yml", template)
    shell.write("code/index.py", code)
    try:
        shell.fun("deploy")
        stand = Stand(shell, shell.fun("daemon", "status", "--json").json["endpoint"])
        yield stand
        for gate in stand.files:
            stand.open(gate)
    finally:
        shell.fun("daemon", "stop", check=None)
        shutil.rmtree(root, ignore_errors=True)
