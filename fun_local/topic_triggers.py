"""MNS topic triggers: the asynchronous invocations that a published message becomes.

They are put into the queue by the transaction that publishes the message (mns/topics.py), so a message that
was published has started its functions, whatever crashes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from fun_local import accept
from fun_local.errors import FunLocalError
from fun_local.model.deployed import Deployed
from fun_local.model.events import takes, topic_event
from fun_local.model.topics import TopicMessage
from fun_local.ports import Draft

log = logging.getLogger(__name__)


def drafts(
    deployed: Deployed, message: TopicMessage, *, account_id: str, new_request_id: Callable[[], str]
) -> list[Draft]:
    """What a message starts: one invocation for each trigger that takes it.

    A function that can't be invoked is left out, and the log says so: the publisher can't help it.
    """
    found = []
    for trigger in deployed.triggers.values():
        if not takes(trigger, message):
            continue
        try:
            draft = accept.draft(
                deployed,
                trigger.function_path,
                topic_event(trigger, message, account_id),
                now_ms=message.published_ms,
                request_id=new_request_id(),
                qualifier=trigger.qualifier,
            )
        except FunLocalError as error:
            what = "trigger %s: message %s does not start its function: %s"
            log.error(what, trigger.path, message.message_id, error, extra={"action": "trigger-failed"})
        else:
            found.append(draft)
    return found
