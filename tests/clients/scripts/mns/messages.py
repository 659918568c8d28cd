"""Messages with the client for MNS: sent, awaited, hidden, deleted, alone and in batches."""

import threading
import time

from claims import claim, refused, run
from laptop import OLD, account, here, queue, text
from mns.mns_exception import MNSServerException
from mns.queue import Message

BODY = "hello 你好 <&>\r\n\t' \""


def refusal(call, *arguments):
    return refused(MNSServerException, call, *arguments).type


@claim
def a_message_goes_in_and_out():
    made = queue()
    sent = made.send_message(Message(BODY))
    seen = made.peek_message()
    assert (seen.message_id, text(seen.message_body), seen.dequeue_count) == (sent.message_id, BODY, 0)
    got = made.receive_message(0)
    assert (got.message_id, text(got.message_body), got.dequeue_count) == (sent.message_id, BODY, 1)
    assert got.priority == 8 and got.next_visible_time > got.enqueue_time
    assert refusal(lambda: made.receive_message(0)) == "MessageNotExist"
    made.delete_message(got.receipt_handle)
    assert refusal(lambda: made.delete_message(got.receipt_handle)) == "MessageNotExist"
    assert refusal(lambda: made.delete_message("nonsense")) == "ReceiptHandleError"


@claim
def a_body_goes_as_it_is_when_asked_to():
    if OLD:
        return  # can't on Python 3 (wire 3.6)
    made = queue()
    made.set_encoding(False)
    made.send_message(Message(BODY.replace("\r", "")))
    assert text(made.receive_message(0).message_body) == BODY.replace("\r", "")


@claim
def a_message_that_nobody_deletes_is_there_again():
    made = queue(visibilitytimeout=1)
    made.send_message(Message("again"))
    first = made.receive_message(0)
    second = made.receive_message(10)
    assert (second.message_id, second.dequeue_count) == (first.message_id, 2)
    assert (second.receipt_handle == first.receipt_handle) is False
    assert second.first_dequeue_time == first.first_dequeue_time
    assert refusal(lambda: made.delete_message(first.receipt_handle)) == "MessageNotExist"


@claim
def a_reader_that_needs_longer_gets_longer():
    made = queue()
    made.send_message(Message("long work"))
    got = made.receive_message(0)
    longer = made.change_message_visibility(got.receipt_handle, 1000)
    assert int(longer.next_visible_time) > (time.time() + 900) * 1000
    assert refusal(lambda: made.delete_message(got.receipt_handle)) == "MessageNotExist"
    made.change_message_visibility(longer.receipt_handle, 1)
    assert made.receive_message(10).dequeue_count == 2
    assert refusal(lambda: made.change_message_visibility(longer.receipt_handle, 43_200)) == "MessageNotExist"


@claim
def a_reader_that_waits_is_woken():
    made = queue()
    sender = account().get_queue(made.queue_name)
    received = []
    reader = threading.Thread(target=lambda: received.append(made.receive_message(30)))
    reader.start()
    sender.send_message(Message("here it is"))
    reader.join(20)
    assert [text(message.message_body) for message in received] == ["here it is"]


@claim
def a_wait_for_nothing_ends():
    made = queue(polling_wait_seconds=1)
    start = time.monotonic()
    assert refusal(made.receive_message) == "MessageNotExist"
    assert time.monotonic() - start > 0.9
    assert refusal(lambda: made.receive_message(31)) == "InvalidArgument"


@claim
def messages_come_by_priority_and_after_their_delay():
    made = queue()
    for body, priority in (("later", 16), ("sooner", 1)):
        message = Message(body)
        message.set_priority(priority)
        made.send_message(message)
    assert [text(made.receive_message(0).message_body) for _ in range(2)] == ["sooner", "later"]
    delayed = Message("much later")
    delayed.set_delayseconds(600)
    made.send_message(delayed)
    assert made.get_attributes().delay_messages == 1
    assert refusal(lambda: made.receive_message(0)) == "MessageNotExist"


@claim
def a_batch_goes_in_and_out():
    made = queue()
    sent = made.batch_send_message([Message(f"m{n}") for n in range(16)])
    assert len({message.message_id for message in sent}) == 16
    assert len(made.batch_peek_message(16)) == 16
    got = made.batch_receive_message(16, 1)
    assert sorted(text(message.message_body) for message in got) == sorted(f"m{n}" for n in range(16))
    handles = [message.receipt_handle for message in got]
    stale = refused(MNSServerException, lambda: made.batch_delete_message(["1-1-00", *handles[:10]]))
    assert stale.type == "MessageNotExist"
    assert [one["ReceiptHandle"] for one in stale.sub_errors] == ["1-1-00"]
    made.batch_delete_message(handles[10:])
    assert made.get_attributes().inactive_messages == 0
    assert refusal(lambda: made.batch_receive_message(16, 0)) == "MessageNotExist"
    assert refusal(lambda: made.batch_send_message([Message("x")] * 17)) == "InvalidArgument"


@claim
def what_is_too_large_is_refused():
    made = queue(maximum_message_size=1024)
    assert refusal(lambda: made.send_message(Message("x" * 2000))) == "InvalidArgument"
    mixed = [Message("small"), Message("x" * 2000)]
    parts = refused(MNSServerException, made.batch_send_message, mixed).sub_errors
    assert "MessageId" in parts[0] and parts[1]["ErrorCode"] == "InvalidArgument"


@claim
def a_queue_that_is_not_there_takes_nothing():
    assert refusal(here.get_queue("nowhere").send_message, Message("x")) == "QueueNotExist"


run()
