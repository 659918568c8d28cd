"""The description at /openapi.json is true: requests made from it are answered as it says, and not by a 5xx.

A daemon of its own is asked over its real port, signed; its home has one of each thing, so that not all
that is asked for is missing.
"""

import json
from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fun_local.http.fc import described_answers, described_requests, document
from fun_local.http.fc.operations import OPERATIONS, rows
from tests import signing
from tests.fc_api import VERSIONS, zipped

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

#: What is there, and what is not, in the places of a path.
NAMES = {
    "service": ["svc", "svc.LATEST", "svc.1", "svc.a", "no", "svc.no"],
    "function": ["f", "f", "g", "no"],
    "version": ["1", "7"],
    "alias": ["a", "no"],
    "trigger": ["t", "no"],
    "id": ["done", "no"],
    "domain": ["shop.example.com", "no.example.com"],
}

#: A request must be answered within this.
_SECONDS = 20


class Signer(requests.auth.AuthBase):
    """Signs what is about to be sent, whatever has become of it."""

    def __init__(self, environment):
        self._keys = {"key": environment["ACCESS_KEY_ID"], "secret": environment["ACCESS_KEY_SECRET"]}

    def __call__(self, prepared):
        sent = {name.lower(): _text(value) for name, value in prepared.headers.items()}
        signed = signing.fc(prepared.method, prepared.path_url, sent, **self._keys)
        prepared.headers["Date"] = signed["date"]
        prepared.headers["Authorization"] = signed["authorization"]
        return prepared


def _text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


class Client:
    """A session with a daemon. A kept-alive connection, so that a request that breaks it shows."""

    def __init__(self, environment):
        self.url = environment["FC_ENDPOINT"]
        self.session = requests.Session()
        self.session.auth = Signer(environment)
        self.session.trust_env = False

    def furnish(self, version):
        """One of each, in a version's own words; again and again, as requests delete some of it."""
        base = f"/{version}"
        new = {"runtime": "python3", "handler": "index.handler", "code": {"zipFile": zipped()}, "timeout": 5}
        where = f"{base}/services/svc" if version != "2023-03-30" else base
        if version != "2023-03-30":
            self._put(f"{base}/services", {"serviceName": "svc"})
        for name in ("f", "g"):
            self._put(f"{where}/functions", {"functionName": name, **new})
        if version == "2023-03-30":
            self._put(f"{where}/functions/f/invoke/enable", {})
        scope = where if version != "2023-03-30" else f"{where}/functions/f"
        self._put(f"{scope}/versions", {})
        self._put(f"{scope}/aliases", {"aliasName": "a", "versionId": "1"})
        config = {"cronExpression": "@every 60m", "enable": False}
        self._put(
            f"{where}/functions/f/triggers",
            {"triggerName": "t", "triggerType": "timer", "triggerConfig": json.dumps(config)},
        )
        stateful = "asyncTask" if version == "2023-03-30" else "statefulInvocation"
        self.session.put(
            f"{self.url}{where}/functions/f/async-invoke-config", json={stateful: True}, timeout=_SECONDS
        )
        self._put(
            f"{where}/functions/f/invocations",
            b"{}",
            **{"X-Fc-Invocation-Type": "Async", "X-Fc-Stateful-Async-Invocation-Id": "done"},
        )
        self._put(f"{base}/custom-domains", {"domainName": "shop.example.com"})

    def _put(self, path, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body)
        answer = self.session.post(self.url + path, data=data, headers=headers, timeout=_SECONDS)
        assert answer.status_code < 300 or answer.status_code in (400, 409), answer.text


def described(operation):
    """Requests of an operation: from its description, mostly for things that are there."""

    @st.composite
    def made(draw):
        case = draw(operation.as_strategy())
        for name in case.path_parameters or {}:
            if name in NAMES and draw(st.integers(0, 9)):
                case.path_parameters[name] = draw(st.sampled_from(NAMES[name]))
        return case

    return made()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_described_is_what_is_served(shell, version):
    environment = shell.fun("env", "--json").json
    client = Client(environment)
    schema = schemathesis.openapi.from_dict(
        requests.get(f"{client.url}/openapi.json", timeout=_SECONDS).json()
    )
    asked = 0
    client.furnish(version)
    for result in schema.include(tag=version).get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=8,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=described(operation))
        def ask(case):
            answer = case.call(base_url=client.url, session=client.session, timeout=_SECONDS)
            case.validate_response(answer, checks=CHECKS)

        ask()
        asked += 1
        if operation.method != "get":
            client.furnish(version)
    assert asked == len([1 for dialect, _, _ in rows() if dialect.version == version])
    log = (Path(shell.home) / "daemon.log").read_text()
    assert "Traceback" not in log and " ERROR " not in log, log[-4000:]
    assert shell.fun("daemon", "status", "--json").code == 0


def test_every_operation_says_what_it_takes_and_what_it_answers():
    assert {operation.name for operation in OPERATIONS if operation.gives == "json"} == set(
        described_answers.ANSWERS
    )
    for operation in OPERATIONS:
        for name in operation.fields:
            assert name in described_requests.FIELDS, (operation.name, name)
        needed = described_requests.REQUIRED_FIELDS.get(operation.name, ())
        assert set(needed) <= set(operation.fields), operation.name
    assert set(described_requests.REQUIRED_FIELDS) <= {operation.name for operation in OPERATIONS}
    assert {name for name, _ in described_requests.REQUIRED_PARAMETERS} <= {o.name for o in OPERATIONS}


def test_every_header_that_is_read_is_bounded():
    headers = {name for operation in OPERATIONS for name in operation.headers}
    assert headers <= set(described_requests.PARAMETERS)


def test_every_error_of_an_operation_has_a_body_that_is_described():
    found = document()
    for path in found["paths"].values():
        for operation in path.values():
            refused = {status for status in operation["responses"] if status >= "400"}
            assert {"400", "403", "503"} <= refused
            for status in refused:
                answer = found["components"]["responses"][status]
                assert operation["responses"][status] == {"$ref": f"#/components/responses/{status}"}
                assert answer["content"]["application/json"]["schema"] == {
                    "$ref": "#/components/schemas/Error"
                }


def test_the_description_is_one_of_openapi():
    schemathesis.openapi.from_dict(document()).validate()
