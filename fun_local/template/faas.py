"""Funcraft's first format, ``faas.yml``: told apart, not read. Funcraft gave it up for template.yml."""

from __future__ import annotations

import os

from fun_local.template.load import Document
from fun_local.template.problems import Problem

_HINT = (
    "Write it as template.yml: the head is ROSTemplateFormatVersion: '2015-09-01' and Transform: "
    "'Aliyun::Serverless-2018-04-03'. Under Resources each entry of services becomes a key with Type: "
    "'Aliyun::Serverless::Service', and inside it each of its functions a key with Type: "
    "'Aliyun::Serverless::Function' and Properties: Handler, Runtime and CodeUri (the folder that holds "
    "codes; several files share one folder). Triggers become Events. Leave out region and api-gateway."
)


def is_faas(document: Document) -> bool:
    """Whether a file is of this format, by what is in it or by its name."""
    return "function-compute" in document.data or os.path.basename(document.path) in ("faas.yml", "faas.yaml")


def problem(document: Document) -> Problem:
    """That such a file is not deployed, and how to convert it."""
    message = "this is an early Funcraft file (faas.yml), which has to be converted to a template.yml"
    at = ("function-compute",) if "function-compute" in document.data else ()
    return document.problem("value", at, message, _HINT)
