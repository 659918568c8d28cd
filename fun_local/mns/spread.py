"""What the publishing of a message writes: copies in queues, and pushes that are owed (mns section 14)."""

from __future__ import annotations

import sqlite3

from fun_local.errors import FunLocalError
from fun_local.mns import messages, pending, subscriptions
from fun_local.model import topics as model
from fun_local.model.notification import notification, retry_ms
from fun_local.model.topics import TopicMessage


def spread(connection: sqlite3.Connection, message: TopicMessage, account_id: str, draw: float) -> list[str]:
    """Copy a message into the queues that subscribe, and owe it to the others; the queues it is in."""
    reached: list[str] = []
    owed: list[tuple[str, int, int]] = []
    for subscription in subscriptions.all_of(connection, message.topic):
        endpoint = model.parse_endpoint(subscription.endpoint)
        if endpoint.kind == "idle" or not model.passes(subscription.filter_tag, message.tag):
            continue
        if endpoint.kind == "http":
            owed.append((subscription.name, message.published_ms, 0))
            continue
        body = notification(message, subscription, account_id)
        try:
            messages.copy(connection, endpoint.target, body, len(message.body), message.published_ms)
        except FunLocalError:
            # The first try has failed, as one over HTTP can: the strategy gives the queue time to appear.
            wait_ms = retry_ms(subscription.strategy, 1, draw) or 0
            owed.append((subscription.name, message.published_ms + wait_ms, 1))
        else:
            reached.append(endpoint.target)
    if owed:
        pending.insert(connection, message, owed)
    return reached
