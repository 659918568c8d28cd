"""The attributes of queues and topics by the names that MNS gives them, and their bounds (mns section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from fun_local.errors import InvalidRequest
from fun_local.model.names import check_queue_name
from fun_local.model.resources import Queue

#: mns sections 6 and 9.7. Seconds.
MAX_DELAY = 604_800
MAX_VISIBILITY = 43_200


@dataclass(frozen=True, slots=True)
class Bounds:
    """A whole number: the field that holds it, and what it may be."""

    field: str
    low: int
    high: int
    unit: str = "seconds"

    def check(self, element: str, value: int) -> None:
        """Raise InvalidRequest unless the value is within the bounds."""
        if not self.low <= value <= self.high:
            raise InvalidRequest(
                "InvalidArgument", f"{element} must be {self.low} to {self.high} {self.unit}, not {value}"
            )


SIZE = Bounds("max_message_bytes", 1024, 65_536, "bytes")
QUEUE = {
    "DelaySeconds": Bounds("delay_seconds", 0, MAX_DELAY),
    "MaximumMessageSize": SIZE,
    "MessageRetentionPeriod": Bounds("retention_seconds", 60, 604_800),
    "VisibilityTimeout": Bounds("visibility_seconds", 1, MAX_VISIBILITY),
    "PollingWaitSeconds": Bounds("polling_wait_seconds", 0, 30),
}
TOPIC = {"MaximumMessageSize": SIZE}

#: mns section 9.7: no 0, though the service's own client would send it.
VISIBILITY = QUEUE["VisibilityTimeout"]


def check_queue(queue: Queue) -> None:
    """Raise InvalidRequest unless there may be such a queue."""
    check_queue_name(queue.name)
    for element, bounds in QUEUE.items():
        bounds.check(element, getattr(queue, bounds.field))
