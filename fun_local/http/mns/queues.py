"""The operations on queues (mns section 8)."""

from __future__ import annotations

import contextlib

from fun_local.errors import NotFound
from fun_local.http.mns import reading, rendering
from fun_local.http.mns.call import NO_CONTENT, Answer, Call, created
from fun_local.http.mns.document import Tree
from fun_local.http.mns.paging import is_with_meta, page
from fun_local.mns.attributes import QUEUE
from fun_local.model.names import check_queue_name
from fun_local.model.resources import Queue


async def put(call: Call) -> Answer:
    """CreateQueue and SetQueueAttributes."""
    check_queue_name(call.queue)
    changed = reading.attributes(call.body, "Queue", QUEUE)
    if call.is_override:
        await call.mns.alter(call.queue, changed)
        return NO_CONTENT
    # mns section 8.1: alike is what is alike when the defaults are filled in.
    is_new = await call.mns.create(Queue.from_dict({"name": call.queue, **changed}))
    return created(call, is_new, f"queues/{call.queue}")


async def get(call: Call) -> Answer:
    """GetQueueAttributes."""
    return Answer(200, ("Queue", rendering.queue(call.mns.info(call.queue))))


async def list_(call: Call) -> Answer:
    """ListQueue."""
    names, marker = page(call.mns.names(), call.headers)
    return Answer(200, ("Queues", [_listed(call, name) for name in names] + marker))


async def delete(call: Call) -> Answer:
    """DeleteQueue. That a queue is not there is no error of this operation (mns section 8.5)."""
    with contextlib.suppress(NotFound):
        await call.mns.delete(call.queue)
    return NO_CONTENT


def _listed(call: Call, name: str) -> Tree:
    meta = rendering.queue(call.mns.info(name)) if is_with_meta(call.headers) else []
    return "Queue", [("QueueURL", f"{call.base_url}/queues/{name}"), *meta]
