"""Functions behind URLs, from the template to the answer: real daemon, real instances."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlsplit

from tests import signing
from tests.conftest import wait_for

TEMPLATE = """\
ROSTemplateFormatVersion: '2015-09-01'
Transform: 'Aliyun::Serverless-2018-04-03'
Resources:
  shop:
    Type: 'Aliyun::Serverless::Service'
    page:
      Type: 'Aliyun::Serverless::Function'
      Properties: {Handler: index.handler, Runtime: python3, CodeUri: ./page}
      Events:
        web: {Type: HTTP, Properties: {AuthType: ANONYMOUS, Methods: [GET, POST]}}
    node:
      Type: 'Aliyun::Serverless::Function'
      Properties: {Handler: index.handler, Runtime: nodejs14, CodeUri: ./node}
      Events:
        web: {Type: HTTP, Properties: {AuthType: FUNCTION, Methods: [GET]}}
    server:
      Type: 'Aliyun::Serverless::Function'
      Properties: {Handler: x.y, Runtime: custom, CodeUri: ./server}
      Events:
        web: {Type: HTTP, Properties: {AuthType: ANONYMOUS, Methods: [GET]}}
  shop.example.com:
    Type: 'Aliyun::Serverless::CustomDomain'
    Properties:
      Protocol: HTTP
      RouteConfig:
        routes:
          '/*': {ServiceName: shop, FunctionName: page}
          '/server/*': {ServiceName: shop, FunctionName: server}
"""

PAGE = """\
import json

def handler(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json"), ("Set-Cookie", "a=1")])
    body = environ["wsgi.input"].read().decode()
    print("seen", body)
    return [json.dumps([environ["REQUEST_METHOD"], environ["PATH_INFO"], body]).encode()]
"""

NODE = """\
exports.handler = (req, resp, context) => resp.send(JSON.stringify([req.method, req.path, req.queries]));
"""

SERVER = """\
#!/usr/bin/env python3
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.path} {self.headers['x-fc-base-path']}".encode()
        self.send_response(203)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("127.0.0.1", int(os.environ["FC_SERVER_PORT"])), Handler).serve_forever()
"""


def ask(url, method="GET", body=None, headers=None):
    """Status, headers and body of what is at a URL."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=30)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, {"Host": parts.netloc, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def deploy(shell):
    shell.write("template.yml", TEMPLATE)
    shell.write("page/index.py", PAGE)
    shell.write("node/index.js", NODE)
    shell.write("server/bootstrap", SERVER).chmod(0o755)
    return shell.fun("deploy", "--json").json


def test_a_deploy_tells_the_addresses_of_functions_as_info_does(shell):
    deployed = deploy(shell)
    triggers = {one["trigger"]: one["urlInternet"] for one in deployed["triggers"]}
    base = shell.fun("env", "--json").json["FC_ENDPOINT"]
    assert triggers["shop/page/web"] == f"{base}/2016-08-15/proxy/shop/page/"
    (domain,) = deployed["customDomains"]
    assert domain["url"] == f"http://shop.example.com.localhost:{urlsplit(base).port}/"
    assert deployed["notEmulated"] == []

    again = shell.fun("deploy").out.splitlines()
    for line in ("triggerName: web", "methods: GET, POST", f"url: {triggers['shop/page/web']}"):
        assert line in again
    assert f"address: {domain['url']}" in again

    info = shell.fun("info", "--json").json
    assert {t["urlInternet"] for t in info["triggers"]} == set(triggers.values())
    assert info["customDomains"][0]["url"] == domain["url"]
    assert triggers["shop/node/web"] in shell.fun("info").out
    shell.fun("daemon", "stop")
    # Nobody listens, and which port it will be is not known.
    assert {t["urlInternet"] for t in shell.fun("info", "--json").json["triggers"]} == {None}


def test_functions_answer_at_their_addresses(shell):
    deployed = deploy(shell)
    urls = {one["trigger"].split("/")[1]: one["urlInternet"] for one in deployed["triggers"]}
    domain = deployed["customDomains"][0]["url"]

    status, headers, body = ask(f"{urls['page']}a%20b?x=1", "POST", b"hello")
    assert (status, json.loads(body)) == (200, ["POST", "/a b", "hello"])
    assert (headers["Set-Cookie"], headers["Content-Type"]) == ("a=1", "application/json")

    target = f"{urlsplit(urls['node']).path}a?x=1&x=2"
    assert ask(f"{urls['node']}a?x=1&x=2")[0] == 403
    keys = shell.fun("env", "--json").json
    signed = signing.fc(
        "GET", target, key=keys["ACCESS_KEY_ID"], secret=keys["ACCESS_KEY_SECRET"], at=time.time()
    )
    status, _, body = ask(f"{urls['node']}a?x=1&x=2", headers=signed)
    assert (status, json.loads(body)) == (200, ["GET", "/a", {"x": ["1", "2"]}])

    path = urlsplit(urls["server"]).path
    status, _, body = ask(f"{urls['server']}a?x")
    assert (status, body.decode()) == (203, f"{path}a?x {path}")

    status, _, body = ask(f"{domain}any/where")
    assert (status, json.loads(body)) == (200, ["GET", "/any/where", ""])
    status, _, body = ask(f"{domain}server/a")
    assert (status, body.decode()) == (203, "/server/a None")


def test_an_asynchronous_request_survives_the_daemon_and_leaves_a_record(shell):
    deployed = deploy(shell)
    urls = {one["trigger"].split("/")[1]: one["urlInternet"] for one in deployed["triggers"]}
    headers = {
        "X-Fc-Invocation-Type": "Async",
        "X-Fc-Stateful-Async-Invocation-Id": "page-1",
        "X-Fc-Stateful-Async-Invocation-Enable": "true",
        "X-Fc-Async-Delay": "1",
    }
    status, answered, _ = ask(f"{urls['page']}later", "POST", b"hello", headers)
    assert (status, answered["X-Fc-Stateful-Async-Invocation-Id"]) == (202, "page-1")
    shell.fun("daemon", "restart")
    record = wait_for(lambda: (r := shell.record("page-1"))["status"] == "Succeeded" and r)
    assert json.loads(record["returnPayload"]) == ["POST", "/later", "hello"]
