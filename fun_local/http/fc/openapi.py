"""The API described in OpenAPI's words, made from the table of operations, so that it says what is served."""

from __future__ import annotations

import re
from typing import Any

from fun_local import __version__
from fun_local.http.fc.dialects import Dialect
from fun_local.http.fc.operations import Operation, rows

Json = dict[str, Any]

_ERROR = {
    "description": "An error, in the spellings of all versions",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
_ERROR_FIELDS = ("ErrorCode", "ErrorMessage", "Code", "Message", "RequestId")


def document() -> Json:
    """All operations of all versions."""
    paths: dict[str, Json] = {}
    for dialect, operation, path in rows():
        paths.setdefault(path, {})[operation.method.lower()] = _operation(dialect, operation, path)
    error = {"type": "object", "properties": {name: {"type": "string"} for name in _ERROR_FIELDS}}
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Function Compute on this machine",
            "version": __version__,
            "description": "Versions 2016-08-15, 2021-04-06 and 2023-03-30 over the same functions.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": error}},
    }


def _operation(dialect: Dialect, operation: Operation, path: str) -> Json:
    name = operation.name_in(dialect)
    parameters = [_parameter(name, "path") for name in re.findall(r"{(\w+)}", path)]
    parameters += [_parameter(dialect.named(name), "query") for name in operation.query]
    parameters += [_parameter(name, "header") for name in operation.headers]
    described: Json = {
        "operationId": f"{name}-{dialect.version}",
        "tags": [dialect.version],
        "parameters": parameters,
        "responses": {**_answers(operation), "default": _ERROR},
    }
    if operation.fields:
        names = [dialect.named(name) for name in operation.fields]
        schema = {"type": "object", "properties": {name: {} for name in names}}
        described["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    elif operation.gives == "bytes":
        described["requestBody"] = {"content": {"application/octet-stream": {"schema": _BYTES}}}
    return described


_BYTES = {"type": "string", "format": "binary"}


def _answers(operation: Operation) -> Json:
    if operation.gives == "nothing":
        return {"204": {"description": "Done"}}
    if operation.gives == "bytes":
        content = {"application/octet-stream": {"schema": _BYTES}}
        return {
            "200": {"description": "What the function returned, or its error", "content": content},
            "202": {"description": "Accepted, to be run later"},
        }
    return {"200": {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}}}


def _parameter(name: str, place: str) -> Json:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}
