"""Answers that more than one face gives."""

from __future__ import annotations

from typing import Any

from fun_local.ports import Message


def accepted(message: Message) -> dict[str, Any]:
    """What is said of an accepted asynchronous invocation (contract of the command line, section 3)."""
    answer = {
        "statusCode": 202,
        "invocationId": message.invocation_id,
        "requestId": message.request_id,
        "serviceName": message.function.service,
        "functionName": message.function.function,
        "qualifier": message.function.qualifier,
    }
    if message.rerun_of:
        answer["rerunOf"] = message.rerun_of
    return answer
