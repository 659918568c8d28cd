"""The API described in OpenAPI's words, made from the table of operations, so that it says what is served.

What values may be is in described_requests.py and described_answers.py.
"""

from __future__ import annotations

import re
from typing import Any

from fun_local import __version__
from fun_local.http.fc import described_answers, described_requests
from fun_local.http.fc.dialects import Dialect
from fun_local.http.fc.operations import Operation, rows

Json = dict[str, Any]

_BYTES: Json = {"type": "string", "format": "binary"}
_REQUEST_ID: Json = {"X-Fc-Request-Id": {"required": True, "schema": {"type": "string"}}}

#: What an error means, by its status (fc-api 16.2). Each comes with the same body.
_ERRORS = {
    "400": "Something in the request is not as described",
    "403": "Not signed, or not with a key of this home; or the function is disabled",
    "404": "What is named is not there",
    "408": "The body did not come in time",
    "409": "It clashes with what is there",
    "412": "What must be so first is not so",
    "429": "There may be no instance",
    "503": "The disk is full, or the system has nothing left to start an instance with",
}
#: Of every operation.
_ALWAYS = ("400", "403", "408", "503")


def document() -> Json:
    """All operations of all versions."""
    paths: dict[str, Json] = {}
    for dialect, operation, path in rows():
        paths.setdefault(path, {})[operation.method.lower()] = _operation(dialect, operation, path)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Function Compute on this machine",
            "version": __version__,
            "description": "Versions 2016-08-15, 2021-04-06 and 2023-03-30 over the same functions.",
        },
        "security": [{"FC": []}, {"ACS3": []}],
        "paths": paths,
        "components": {
            "schemas": described_answers.SCHEMAS,
            "responses": {status: _error(description) for status, description in _ERRORS.items()},
            "securitySchemes": {
                "FC": _scheme("FC KEY_ID:SIGNATURE, HMAC-SHA256"),
                "ACS3": _scheme("ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…"),
            },
        },
    }


def _scheme(description: str) -> Json:
    return {"type": "apiKey", "in": "header", "name": "Authorization", "description": description}


def _operation(dialect: Dialect, operation: Operation, path: str) -> Json:
    name = operation.name_in(dialect)
    names = {
        "path": re.findall(r"{(\w+)}", path),
        "query": [dialect.named(name) for name in operation.query],
        "header": operation.headers,
    }
    described: Json = {
        "operationId": f"{name}-{dialect.version}",
        "tags": [dialect.version],
        "parameters": [
            _parameter(operation.name, name, place) for place, found in names.items() for name in found
        ],
        "responses": {**_answers(dialect, operation), **_errors(operation)},
    }
    if operation.fields:
        described["requestBody"] = _body(dialect, operation)
    elif operation.gives == "bytes":
        described["requestBody"] = {"content": {"application/octet-stream": {"schema": _BYTES}}}
    return described


def _parameter(operation: str, name: str, place: str) -> Json:
    needed = place == "path" or (operation, name) in described_requests.REQUIRED_PARAMETERS
    schema: Json = {"type": "string", "minLength": 1} if place == "path" else {"type": "string"}
    if place != "path":
        schema = described_requests.PARAMETERS.get(name, schema)
    return {"name": name, "in": place, "required": needed, "schema": schema}


def _body(dialect: Dialect, operation: Operation) -> Json:
    fields = {dialect.named(name): _field(dialect, operation, name) for name in operation.fields}
    schema: Json = {"type": "object", "properties": fields}
    needed = described_requests.REQUIRED_FIELDS.get(operation.name, ())
    if needed:
        schema["required"] = list(needed)
    # Read as JSON whatever it is called: clients differ in that (wire 1, rule 5).
    return {"required": bool(needed), "content": {"application/json": {"schema": schema}}}


def _field(dialect: Dialect, operation: Operation, name: str) -> Json:
    """A field; null means that it is not there, but for those that must be (fc-api 3.1)."""
    schema = described_requests.FIELDS[name]
    if name == "functionName":
        schema = {**schema, "maxLength": dialect.longest_function_name}
    elif name == "tags" and operation.name == "TagResource":
        schema = described_requests.TAGS_OF_A_SERVICE
    elif name == "triggerConfig":
        schema = {"type": "string"} if dialect.has_text_configs else {"type": "object"}
    is_needed = name in described_requests.REQUIRED_FIELDS.get(operation.name, ())
    return schema if is_needed else _or_null(schema)


def _or_null(schema: Json) -> Json:
    maybe = {**schema, "nullable": True}
    if "enum" in schema:
        maybe["enum"] = [*schema["enum"], None]
    return maybe


def _answers(dialect: Dialect, operation: Operation) -> Json:
    if operation.gives == "nothing":
        return {"204": {"description": "Done", "headers": _REQUEST_ID}}
    if operation.gives == "bytes":
        # JSON: the error of a function, which X-Fc-Error-Type tells from its result.
        content: Json = {
            "application/octet-stream": {"schema": _BYTES},
            "application/json": {"schema": {"type": "object"}},
        }
        return {
            "200": {"description": "What the function returned, or its error", "content": content},
            "202": {"description": "Accepted, to be run later", "headers": _REQUEST_ID},
        }
    content = {"application/json": {"schema": described_answers.answer(operation.name, dialect.named)}}
    return {"200": {"description": "Done", "headers": _REQUEST_ID, "content": content}}


def _errors(operation: Operation) -> Json:
    statuses = set(_ALWAYS)
    if any("{" in path for path in operation.paths) or operation.fields or operation.query:
        statuses.add("404")
    if operation.method != "GET":
        statuses.add("409")
    if "If-Match" in operation.headers or operation.name == "StopStatefulAsyncInvocation":
        statuses.add("412")
    if operation.gives == "bytes":
        # A custom runtime's program may not start (runtime 4.5).
        statuses |= {"412", "429"}
    return {status: {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)}


def _error(description: str) -> Json:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": description, "headers": _REQUEST_ID, "content": content}
