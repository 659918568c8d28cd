"""What our own tools ask of the daemon beyond the vendor's API: JSON in, one use case, JSON out."""

from __future__ import annotations

import base64
import os
from collections.abc import Awaitable, Callable
from typing import Any

from fun_local import __version__
from fun_local.deployments import Deployment
from fun_local.emulator import Emulator
from fun_local.http.answers import accepted
from fun_local.http.topic_operations import TOPIC_OPERATIONS
from fun_local.imports import in_use
from fun_local.mns import QueueInfo, QueueMessage
from fun_local.model.faults import Fault
from fun_local.model.resources import AsyncConfig, Queue, Resources
from fun_local.store import exported

Json = dict[str, Any]


async def status(emulator: Emulator) -> Json:
    timer = emulator.timers.next()
    next_timer = {"trigger": timer[0], "time": timer[1]} if timer else None
    return {"pid": os.getpid(), "version": __version__, **emulator.counts(), "next_timer": next_timer}


async def look(emulator: Emulator) -> Json:
    emulator.look()
    return {}


async def deploy(
    emulator: Emulator,
    stack: str,
    resources: Json,
    *,
    create_queues: bool,
    dry_run: bool,
    only_config: bool = False,
) -> Json:
    deployment = await emulator.deployments.deploy(
        stack,
        Resources.from_dict(resources),
        create_queues=create_queues,
        only_config=only_config,
        dry_run=dry_run,
    )
    return _deployment(deployment)


async def remove(emulator: Emulator, name: str, kind: str, dry_run: bool) -> Json:
    return _deployment(await emulator.deployments.remove(name, kind=kind, dry_run=dry_run))


async def put_async_config(emulator: Emulator, function: str, qualifier: str, config: Json | None) -> Json:
    ref = emulator.deployed.resolve(function, qualifier)
    new = AsyncConfig.from_dict(config) if config is not None else None
    await emulator.deployments.set_async_config(ref, new)
    return {}


async def stop(emulator: Emulator, id: str) -> Json:
    return {"invocationId": await emulator.stop(id)}


async def retry(emulator: Emulator, id: str, payload: str | None = None) -> Json:
    message = await emulator.retry(id, payload=None if payload is None else base64.b64decode(payload))
    return accepted(message)


async def prune(emulator: Emulator, older_than_seconds: float) -> Json:
    return {"deleted": await emulator.prune(older_than_seconds)}


async def import_(emulator: Emulator, records: list[Json], skip_existing: bool) -> Json:
    executions = [exported.read(record) for record in records]
    left_out = await emulator.imports.add(executions)
    if left_out and not skip_existing:
        raise in_use(left_out)
    return {"imported": len(executions) - len(left_out), "skipped": len(left_out)}


async def fault_set(emulator: Emulator, function: str, fault: str, rate: float, seed: int) -> Json:
    ref = emulator.deployed.resolve(function)
    return emulator.faults.set(ref.path, Fault.parse(fault), rate=rate, seed=seed).to_dict()


async def fault_clear(emulator: Emulator, function: str = "") -> Json:
    # Of a function that has been removed, too: its faults would strike the next one of that name.
    if function and function not in {rule.function for rule in emulator.faults.rules}:
        function = emulator.deployed.resolve(function).path
    return {"cleared": emulator.faults.clear(function)}


async def queue_create(emulator: Emulator, attributes: Json) -> Json:
    return {"created": await emulator.mns.create(Queue.from_dict(attributes))}


async def queue_list(emulator: Emulator) -> Json:
    return {"queues": [_info(emulator.mns.info(name)) for name in emulator.mns.names()]}


async def queue_info(emulator: Emulator, name: str) -> Json:
    return _info(emulator.mns.info(name))


async def queue_delete(emulator: Emulator, name: str) -> Json:
    await emulator.mns.delete(name)
    return {}


async def queue_purge(emulator: Emulator, name: str) -> Json:
    return {"deleted": await emulator.mns.purge(name)}


async def queue_send(
    emulator: Emulator, name: str, body: str, delay_seconds: int | None, priority: int
) -> Json:
    message_id = await emulator.mns.send(
        name, base64.b64decode(body), delay_seconds=delay_seconds, priority=priority
    )
    return {"messageId": message_id}


async def queue_peek(emulator: Emulator, name: str, limit: int) -> Json:
    return {"messages": [_message(message) for message in emulator.mns.peek(name, limit=limit)]}


async def queue_receive(emulator: Emulator, name: str, limit: int, wait_seconds: int | None) -> Json:
    found = await emulator.mns.receive(name, limit=limit, wait_seconds=wait_seconds)
    return {"messages": [_message(message) for message in found]}


async def queue_delete_message(emulator: Emulator, name: str, receipt: str) -> Json:
    await emulator.mns.delete_message(name, receipt)
    return {}


def _deployment(deployment: Deployment) -> Json:
    return {
        "changes": [
            {"resource": c.resource, "type": c.type, "action": c.action, "properties": list(c.properties)}
            for c in deployment.changes
        ],
        "warnings": list(deployment.warnings),
        "functions": [function.to_dict() for function in deployment.functions],
        "unchanged": deployment.is_unchanged,
    }


def _info(info: QueueInfo) -> Json:
    """MNS's attributes in camelCase (mns section 8.3)."""
    queue = info.queue
    return {
        "queueName": queue.name,
        "createTime": info.created_ms // 1000,
        "lastModifyTime": info.modified_ms // 1000,
        "visibilityTimeout": queue.visibility_seconds,
        "maximumMessageSize": queue.max_message_bytes,
        "messageRetentionPeriod": queue.retention_seconds,
        "delaySeconds": queue.delay_seconds,
        "pollingWaitSeconds": queue.polling_wait_seconds,
        "activeMessages": info.active,
        "inactiveMessages": info.inactive,
        "delayMessages": info.delayed,
        "loggingEnabled": queue.logging_enabled,
    }


def _message(message: QueueMessage) -> Json:
    """A message in camelCase; bodies that are not text are replaced and given whole in base64."""
    body = message.readable
    answer: Json = {
        "messageId": message.message_id,
        "messageBody": body.decode(errors="replace"),
        "priority": message.priority,
        "enqueueTime": message.sent_ms,
        "firstDequeueTime": message.first_dequeue_ms,
        "dequeueCount": message.dequeue_count,
    }
    if message.receipt:
        answer["receiptHandle"] = message.receipt
        answer["nextVisibleTime"] = message.next_visible_ms
    try:
        body.decode()
    except UnicodeDecodeError:
        answer["messageBodyBase64"] = base64.b64encode(body).decode()
    return answer


OPERATIONS: dict[str, Callable[..., Awaitable[Json]]] = {
    "status": status,
    "look": look,
    "deploy": deploy,
    "remove": remove,
    "async-config": put_async_config,
    "stop": stop,
    "retry": retry,
    "prune": prune,
    "import": import_,
    "fault-set": fault_set,
    "fault-clear": fault_clear,
    "queue-create": queue_create,
    "queue-list": queue_list,
    "queue-info": queue_info,
    "queue-delete": queue_delete,
    "queue-purge": queue_purge,
    "queue-send": queue_send,
    "queue-peek": queue_peek,
    "queue-receive": queue_receive,
    "queue-delete-message": queue_delete_message,
    **TOPIC_OPERATIONS,
}
