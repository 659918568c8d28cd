"""Topics and subscriptions with the client for MNS."""

import base64

from claims import claim, fresh, refused, run
from laptop import URL, here, queue, text
from mns.mns_exception import MNSServerException
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta


def topic():
    made = here.get_topic(fresh("topic"))
    made.create(TopicMeta())
    return made


def subscribed(**options):
    """A topic with a queue that gets what is published to it, as it is."""
    made, to = topic(), queue()
    subscription = here.get_subscription(made.topic_name, "copies")
    meta = SubscriptionMeta(
        f"acs:mns:127:0:queues/{to.queue_name}", notify_content_format="SIMPLIFIED", **options
    )
    subscription.subscribe(meta)
    return made, to, subscription


def encoded(body):
    return base64.b64encode(body.encode()).decode()


@claim
def a_topic_is_made_changed_listed_and_deleted():
    made = here.get_topic(fresh("topic"))
    url = f"{URL}/topics/{made.topic_name}"
    assert [made.create(TopicMeta()), made.create(TopicMeta())] == [url, url]
    other = TopicMeta()
    other.set_maximum_message_size(2048)
    assert refused(MNSServerException, lambda: made.create(other)).type == "TopicAlreadyExist"
    made.set_attributes(other)
    assert made.get_attributes().maximum_message_size == 2048
    assert here.list_topic(prefix=made.topic_name)[0] == [url]
    made.delete()
    assert refused(MNSServerException, made.get_attributes).type == "TopicNotExist"


@claim
def what_is_published_is_in_the_subscribed_queue():
    made, to, _ = subscribed()
    sent = made.publish_message(TopicMessage(encoded("news 你好")))
    assert sent.message_id
    assert text(to.receive_message(10).message_body) == "news 你好"


@claim
def only_what_has_the_tag_is_in_the_queue():
    made, to, _ = subscribed(filter_tag="wanted")
    made.publish_message(TopicMessage(encoded("other"), "other"))
    made.publish_message(TopicMessage(encoded("this"), "wanted"))
    assert text(to.receive_message(10).message_body) == "this"
    assert refused(MNSServerException, lambda: to.receive_message(0)).type == "MessageNotExist"


@claim
def a_subscription_is_changed_listed_and_ended():
    made, to, subscription = subscribed()
    found = subscription.get_attributes()
    assert (found.notify_strategy, found.notify_content_format) == ("BACKOFF_RETRY", "SIMPLIFIED")
    change = SubscriptionMeta()
    change.set_notify_strategy("EXPONENTIAL_DECAY_RETRY")
    subscription.set_attributes(change)
    assert subscription.get_attributes().notify_strategy == "EXPONENTIAL_DECAY_RETRY"
    urls = made.list_subscription()[0]
    assert urls == [f"{URL}/topics/{made.topic_name}/subscriptions/copies"]
    subscription.unsubscribe()
    assert refused(MNSServerException, subscription.get_attributes).type == "SubscriptionNotExist"
    made.publish_message(TopicMessage(encoded("nobody hears it")))
    assert refused(MNSServerException, lambda: to.receive_message(0)).type == "MessageNotExist"


@claim
def a_topic_that_is_not_there_takes_nothing():
    nowhere = here.get_topic("nowhere")
    assert refused(MNSServerException, nowhere.publish_message, TopicMessage("x")).type == "TopicNotExist"


run()
