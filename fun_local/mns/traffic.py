"""The messages of all queues: sent, received, looked at, deleted (mns sections 9 and 10).

A message is visible when its ``visible_ms`` has come; receiving moves that into the future and gives a
receipt that is good until then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from fun_local.errors import FunLocalError, InvalidRequest
from fun_local.mns import messages
from fun_local.mns.attributes import SIZE, VISIBILITY
from fun_local.mns.message import (
    DEFAULT_PRIORITY,
    NewMessage,
    QueueMessage,
    Sent,
    check,
    check_receipt,
    check_size,
    new_id,
)
from fun_local.mns.polls import Poll, Polls
from fun_local.mns.waiting import Write, woken
from fun_local.model.resources import MAX_BATCH, MAX_WAIT_SECONDS
from fun_local.ports import Clock


class Traffic:
    """What goes through the queues of a home. Reads at once, writes in groups."""

    def __init__(self, reader: sqlite3.Connection, write: Write, clock: Clock) -> None:
        self.polls = Polls()
        self._reader = reader
        self._write = write
        self._clock = clock

    # --- in

    async def send(
        self,
        name: str,
        body: bytes,
        *,
        delay_seconds: int | None = None,
        priority: int = DEFAULT_PRIORITY,
        is_wire: bool = False,
        settles: int | None = None,
    ) -> str:
        """Put a message into a queue; its id.

        With ``settles``, the invocation of that seq is marked as delivered in the same transaction, so
        that it is delivered once whatever crashes; a second delivery of it does nothing.

        Raises:
            NotFound: no such queue.
            InvalidRequest: empty, too large, or a value out of bounds.
        """
        message = NewMessage(body, priority, delay_seconds, is_wire)
        now_ms = self._clock.now_ms()
        message_id = new_id()

        def send(connection: sqlite3.Connection) -> None:
            queue = messages.require(connection, name)
            check(message)
            check_size(queue, len(body))
            if settles is None or messages.settle(connection, settles):
                messages.insert(connection, queue, message, message_id=message_id, now_ms=now_ms)

        await self._write(send)
        self.polls.arrived(name)
        return message_id

    async def post(self, name: str, batch: Sequence[NewMessage]) -> list[Sent | FunLocalError]:
        """Put up to 16 messages into a queue at once; what became of each: the queue may refuse some.

        Raises:
            NotFound: no such queue.
            InvalidRequest: too many, too large together, or one that no queue would take.
        """
        _check_batch(len(batch))
        for message in batch:
            check(message)
        size = sum(len(message.body) for message in batch)
        if len(batch) > 1 and size > SIZE.high:
            raise InvalidRequest(
                "InvalidArgument",
                f"messages of {size} bytes together are over the {SIZE.high} that can be sent at once",
                hint="Send fewer at a time.",
            )
        now_ms = self._clock.now_ms()
        ids = [new_id() for _ in batch]

        def post(connection: sqlite3.Connection) -> list[Sent | FunLocalError]:
            queue = messages.require(connection, name)
            sent: list[Sent | FunLocalError] = []
            for message, message_id in zip(batch, ids, strict=True):
                try:
                    check_size(queue, len(message.body))
                except InvalidRequest as error:
                    sent.append(error)
                else:
                    sent.append(
                        messages.insert(connection, queue, message, message_id=message_id, now_ms=now_ms)
                    )
            return sent

        sent = list(await self._write(post))
        self.polls.arrived(name)
        return sent

    # --- out

    async def receive(
        self,
        name: str,
        *,
        limit: int = 1,
        wait_seconds: int | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> list[QueueMessage]:
        """Take up to ``limit`` messages; wait for the first one. Empty when none came.

        ``is_wanted`` says whether the caller still listens: who has gone takes nothing.

        Raises:
            NotFound: no such queue, or none any more.
            InvalidRequest: a bound is exceeded.
        """
        _check_batch(limit)
        queue = messages.require(self._reader, name)
        if wait_seconds is None:
            wait_seconds = queue.polling_wait_seconds
        if not 0 <= wait_seconds <= MAX_WAIT_SECONDS:
            raise InvalidRequest(
                "InvalidArgument", f"wait must be 0 to {MAX_WAIT_SECONDS} seconds, not {wait_seconds}"
            )
        deadline_ms = self._clock.now_ms() + wait_seconds * 1000
        if not wait_seconds:
            return await self._take(name, limit)
        with self.polls.place(name, is_wanted) as poll:
            if poll is None:
                return await self._take(name, limit)
            return await self._wait(name, limit, poll, deadline_ms)

    async def _wait(self, name: str, limit: int, poll: Poll, deadline_ms: int) -> list[QueueMessage]:
        while poll.is_wanted():
            poll.wake.clear()
            if found := await self._take(name, limit):
                return found
            now_ms = self._clock.now_ms()
            if now_ms >= deadline_ms or self.polls.is_ended:
                break
            wake_ms = min(deadline_ms, messages.next_visible_ms(self._reader, name, now_ms) or deadline_ms)
            await woken(poll.wake, self._clock, (wake_ms - now_ms) / 1000)
            messages.require(self._reader, name)
        return []

    async def _take(self, name: str, limit: int) -> list[QueueMessage]:
        now_ms = self._clock.now_ms()

        # Looking costs nothing, taking a sync: an empty queue is found empty without one.
        if not messages.is_any_visible(self._reader, name, now_ms):
            return []
        return list(await self._write(lambda connection: messages.take(connection, name, now_ms, limit)))

    def peek(self, name: str, *, limit: int = 1) -> list[QueueMessage]:
        """The next messages, left as they are. Raises NotFound, InvalidRequest."""
        _check_batch(limit)
        messages.require(self._reader, name)
        found = messages.visible(self._reader, name, self._clock.now_ms(), limit)
        return [message for _, message in found]

    # --- what was received

    async def delete_message(self, name: str, receipt: str) -> None:
        """Delete a received message.

        Raises:
            NotFound: the queue is gone, or the receipt has been used or has lapsed.
            InvalidRequest: that is no receipt.
        """
        (error,) = await self.delete_messages(name, [receipt])
        if error:
            raise error

    async def delete_messages(self, name: str, receipts: Sequence[str]) -> list[FunLocalError | None]:
        """Delete up to 16 received messages; why each could not be. Raises NotFound, InvalidRequest."""
        _check_batch(len(receipts))
        now_ms = self._clock.now_ms()

        def delete(connection: sqlite3.Connection) -> list[FunLocalError | None]:
            messages.require(connection, name)
            return [_refusal(connection, name, receipt, now_ms) for receipt in receipts]

        return list(await self._write(delete))

    async def change_visibility(self, name: str, receipt: str, seconds: int) -> tuple[str, int]:
        """Hide a received message for so long, from now; its new receipt and when it will be visible.

        Raises:
            NotFound: the queue is gone, or the receipt has been used or has lapsed.
            InvalidRequest: that is no receipt, or a bound is exceeded.
        """
        check_receipt(receipt)
        VISIBILITY.check("VisibilityTimeout", seconds)
        now_ms = self._clock.now_ms()
        until_ms = now_ms + seconds * 1000

        def hide(connection: sqlite3.Connection) -> str:
            messages.require(connection, name)
            return messages.hide(connection, name, receipt, now_ms, until_ms)

        new = str(await self._write(hide))
        self.polls.arrived(name)  # it may come sooner than those who wait expect
        return new, until_ms


def _check_batch(count: int) -> None:
    if not 1 <= count <= MAX_BATCH:
        raise InvalidRequest("InvalidArgument", f"1 to {MAX_BATCH} messages at a time, not {count}")


def _refusal(connection: sqlite3.Connection, name: str, receipt: str, now_ms: int) -> FunLocalError | None:
    """Delete a message, or say why it can't be."""
    try:
        check_receipt(receipt)
        messages.delete(connection, name, receipt, now_ms)
    except FunLocalError as error:
        return error
    return None
