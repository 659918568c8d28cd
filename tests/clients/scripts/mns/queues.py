"""Queues with the client for MNS: made, changed, listed, deleted, and refused."""

import time

from claims import claim, fresh, refused, run
from laptop import URL, account, attributes, here, queue
from mns.mns_exception import MNSServerException


@claim
def a_queue_is_made_once():
    made = here.get_queue(fresh("queue"))
    url = f"{URL}/queues/{made.queue_name}"
    assert made.create(attributes(visibilitytimeout=77)) == url
    assert made.create(attributes(visibilitytimeout=77)) == url
    error = refused(MNSServerException, lambda: made.create(attributes(visibilitytimeout=78)))
    assert error.type == "QueueAlreadyExist" and error.req_id and error.host_id


@claim
def a_queue_has_the_attributes_it_was_given():
    before = int(time.time())
    made = queue(visibilitytimeout=60, message_retention_period=3600, delay_seconds=5, polling_wait_seconds=2)
    found = made.get_attributes()
    assert (found.visibility_timeout, found.message_retention_period) == (60, 3600)
    assert (found.delay_seconds, found.polling_wait_seconds, found.maximum_message_size) == (5, 2, 65_536)
    assert (found.active_messages, found.inactive_messages, found.delay_messages) == (0, 0, 0)
    assert (found.queue_name, found.create_time >= before) == (made.queue_name, True)
    made.set_attributes(attributes(visibilitytimeout=90))
    assert made.get_attributes().visibility_timeout == 90


@claim
def queues_are_listed_a_page_at_a_time():
    for n in range(3):
        here.get_queue(f"paged-{n}").create(attributes())
    first, marker = here.list_queue(prefix="paged-", ret_number=2)
    rest, end = here.list_queue(prefix="paged-", ret_number=2, marker=marker)
    assert first + rest == [f"{URL}/queues/paged-{n}" for n in range(3)]
    assert not end


@claim
def a_deleted_queue_is_gone():
    made = queue()
    made.delete()
    made.delete()
    assert refused(MNSServerException, made.get_attributes).type == "QueueNotExist"
    assert refused(MNSServerException, lambda: made.receive_message(0)).type == "QueueNotExist"


@claim
def a_value_out_of_bounds_and_an_invalid_name_are_refused():
    error = refused(MNSServerException, queue, visibilitytimeout=43_201)
    assert error.type == "InvalidArgument" and "VisibilityTimeout" in error.message
    error = refused(MNSServerException, here.get_queue("under_score").create, attributes())
    assert error.type == "InvalidQueueName"


@claim
def a_wrong_secret_or_key_is_refused():
    name = queue().queue_name
    error = refused(MNSServerException, account(access_key="wrong").get_queue(name).get_attributes)
    assert error.type == "SignatureDoesNotMatch"
    error = refused(MNSServerException, account(access_id="nobody").get_queue(name).get_attributes)
    assert error.type == "InvalidAccessKeyId"


@claim
def a_token_does_no_harm():
    account(security_token="a+token/=").list_queue(prefix="nothing-")


run()
