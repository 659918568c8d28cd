"""The operations on topics and subscriptions (mns section 13)."""

from __future__ import annotations

import contextlib

from fun_local.errors import InvalidRequest, NotFound
from fun_local.http.mns import reading, rendering
from fun_local.http.mns.call import NO_CONTENT, Answer, Call, created
from fun_local.http.mns.document import Tree
from fun_local.http.mns.paging import is_with_meta, page
from fun_local.mns.attributes import TOPIC
from fun_local.model.resources import Subscription, Topic, fields_of


async def put(call: Call) -> Answer:
    """CreateTopic and SetTopicAttributes."""
    changed = reading.attributes(call.body, "Topic", TOPIC)
    if call.is_override:
        await call.mns.topics.alter(call.topic, changed)
        return NO_CONTENT
    is_new = await call.mns.topics.create(Topic(**fields_of(Topic, {"name": call.topic, **changed})))
    return created(call, is_new, f"topics/{call.topic}")


async def get(call: Call) -> Answer:
    """GetTopicAttributes."""
    return Answer(200, ("Topic", rendering.topic(call.mns.topics.info(call.topic))))


async def list_(call: Call) -> Answer:
    """ListTopic."""
    names, marker = page(call.mns.topics.names(), call.headers)
    return Answer(200, ("Topics", [_listed(call, name) for name in names] + marker))


async def delete(call: Call) -> Answer:
    """DeleteTopic. As for queues, its page knows no error of its own."""
    with contextlib.suppress(NotFound):
        await call.mns.topics.delete(call.topic)
    return NO_CONTENT


async def publish(call: Call) -> Answer:
    """PublishMessage. What mail and SMS need, and properties, are passed over: they reach nobody here."""
    found = reading.fields(reading.root(call.body, "Message"))
    body = reading.body_of(found)
    tag = reading.text(found, "MessageTag")
    message_id = await call.mns.topics.publish(call.topic, body, tag=tag)
    tree = rendering.leaves(MessageId=message_id, MessageBodyMD5=rendering.md5(body.decode()))
    return Answer(201, ("Message", tree))


# --- subscriptions


async def put_subscription(call: Call) -> Answer:
    """Subscribe and SetSubscriptionAttributes."""
    found = reading.fields(reading.root(call.body, "Subscription"))
    topics = call.mns.topics
    if call.is_override:
        # Nothing else can be changed (mns section 13); an empty document is no reason not to look.
        strategy = reading.text(found, "NotifyStrategy")
        strategy = strategy or topics.subscription(call.topic, call.subscription).subscription.strategy
        await topics.set_strategy(call.topic, call.subscription, strategy)
        return NO_CONTENT
    endpoint = reading.text(found, "Endpoint").strip()
    if not endpoint:
        raise InvalidRequest(
            "InvalidArgument",
            "Subscription must hold an Endpoint",
            hint="Write http://HOST[:PORT][/PATH] or acs:mns:REGION:ACCOUNT:queues/NAME.",
        )
    given = {
        "strategy": reading.text(found, "NotifyStrategy"),
        "format": reading.text(found, "NotifyContentFormat"),
        "filter_tag": reading.text(found, "FilterTag"),
    }
    chosen = {field: value for field, value in given.items() if value}
    is_new = await topics.subscribe(Subscription(call.topic, call.subscription, endpoint, **chosen))
    return created(call, is_new, f"topics/{call.topic}/subscriptions/{call.subscription}")


async def get_subscription(call: Call) -> Answer:
    """GetSubscriptionAttributes."""
    topics = call.mns.topics
    info = topics.subscription(call.topic, call.subscription)
    return Answer(200, ("Subscription", rendering.subscription(info, topics.account_id)))


async def list_subscriptions(call: Call) -> Answer:
    """ListSubscriptionByTopic."""
    found = [info.subscription.name for info in call.mns.topics.subscriptions(call.topic)]
    names, marker = page(found, call.headers)
    url = f"{call.base_url}/topics/{call.topic}/subscriptions"
    items: list[Tree] = [("Subscription", [("SubscriptionURL", f"{url}/{name}")]) for name in names]
    return Answer(200, ("Subscriptions", items + marker))


async def unsubscribe(call: Call) -> Answer:
    """Unsubscribe. As for queues, its page knows no error of its own."""
    with contextlib.suppress(NotFound):
        await call.mns.topics.unsubscribe(call.topic, call.subscription)
    return NO_CONTENT


def _listed(call: Call, name: str) -> Tree:
    meta = rendering.topic(call.mns.topics.info(name)) if is_with_meta(call.headers) else []
    return "Topic", [("TopicURL", f"{call.base_url}/topics/{name}"), *meta]
