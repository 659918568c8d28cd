"""The operations on the messages of a queue (mns section 9)."""

from __future__ import annotations

from fun_local.errors import FunLocalError, InvalidRequest, NotFound
from fun_local.http.mns import reading, rendering
from fun_local.http.mns.call import NO_CONTENT, Answer, Call
from fun_local.http.mns.document import Tree


async def send(call: Call) -> Answer:
    """SendMessage and BatchSendMessage, told apart by the root element (mns section 7)."""
    batch, is_batch = reading.new_messages(call.body)
    became = await call.mns.post(call.queue, batch)
    if not is_batch:
        if isinstance(became[0], FunLocalError):
            raise became[0]
        return Answer(201, ("Message", rendering.sent(batch[0], became[0], batch=False)))
    items: list[Tree] = [
        ("Message", rendering.sent(message, one, batch=True))
        for message, one in zip(batch, became, strict=True)
    ]
    # mns section 9.2: a batch of which something was refused is a 500, though the rest was sent.
    is_whole = not any(isinstance(one, FunLocalError) for one in became)
    return Answer(201 if is_whole else 500, ("Messages", items))


async def get(call: Call) -> Answer:
    """ReceiveMessage, PeekMessage, and their batches."""
    limit = reading.query_number(call.query, "numOfMessages")
    one = 1 if limit is None else limit
    if call.is_true("peekonly"):
        found = [rendering.peeked(message) for message in call.mns.peek(call.queue, limit=one)]
    else:
        messages = await call.mns.receive(
            call.queue,
            limit=one,
            wait_seconds=reading.query_number(call.query, "waitseconds"),
            is_wanted=call.is_wanted,
        )
        found = [rendering.received(message) for message in messages]
    if not found:
        # An empty queue is an error by design: consumers stop or wait on this code (mns section 2, rule 7).
        raise NotFound("MessageNotExist", f"queue '{call.queue}' has no message to receive")
    if limit is None:
        return Answer(200, ("Message", found[0]))
    return Answer(200, ("Messages", [("Message", item) for item in found]))


async def delete(call: Call) -> Answer:
    """DeleteMessage and BatchDeleteMessage: a handle in the query or handles in the body."""
    if "receipthandle" in call.query:
        await call.mns.delete_message(call.queue, call.query["receipthandle"])
        return NO_CONTENT
    if not call.body:
        raise _missing_receipt()
    receipts = reading.receipts(call.body)
    errors = await call.mns.delete_messages(call.queue, receipts)
    refused: list[Tree] = [
        ("Error", _refusal(receipt, error)) for receipt, error in zip(receipts, errors, strict=True) if error
    ]
    return Answer(404, ("Errors", refused)) if refused else NO_CONTENT


async def change_visibility(call: Call) -> Answer:
    """ChangeMessageVisibility."""
    receipt = call.query.get("receipthandle")
    if receipt is None:
        raise _missing_receipt()
    seconds = reading.query_number(call.query, "VisibilityTimeout")
    if seconds is None:
        raise InvalidRequest("MissingVisibilityTimeout", "the query must hold a VisibilityTimeout")
    new, visible_ms = await call.mns.change_visibility(call.queue, receipt, seconds)
    tree = rendering.leaves(ReceiptHandle=new, NextVisibleTime=visible_ms)
    return Answer(200, ("ChangeVisibility", tree))


def _refusal(receipt: str, error: FunLocalError) -> list[Tree]:
    return rendering.leaves(
        ErrorCode=error.code, ErrorMessage=rendering.message_of(error), ReceiptHandle=receipt
    )


def _missing_receipt() -> InvalidRequest:
    return InvalidRequest(
        "MissingReceiptHandle",
        "the query must hold a ReceiptHandle",
        hint="Give the one that came with the message.",
    )
