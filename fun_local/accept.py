"""Whether an asynchronous invocation can be accepted: the rules that hold wherever it is handed in.

Used by the daemon and by an `invk` that finds no daemon, so that both refuse the same things.
"""

from __future__ import annotations

from fun_local.errors import InvalidRequest
from fun_local.model import kept
from fun_local.model.deployed import Deployed
from fun_local.model.faults import Fault
from fun_local.model.names import check_invocation_id
from fun_local.ports import Draft

#: async-semantics 13.
MAX_ASYNC_PAYLOAD = 128 * 1024
MAX_SYNC_PAYLOAD = 32 * 1024 * 1024
MAX_DELAY_SECONDS = 3600


def check_payload(payload: bytes, limit: int) -> None:
    """Raise InvalidRequest for a payload over the limit (words of fc-api 16.2)."""
    if len(payload) > limit:
        raise InvalidRequest(
            "EntityTooLarge",
            f"payload size exceeds maximum allowed size ({limit} bytes)",
            hint=f"It has {len(payload)} bytes. Put large data in a file and send its name.",
        )


def draft(
    deployed: Deployed,
    function: str,
    payload: bytes,
    *,
    now_ms: int,
    request_id: str,
    qualifier: str = "",
    invocation_id: str = "",
    delay_seconds: int = 0,
    rerun_of: str = "",
    stateful: bool | None = None,
    depth: int = 0,
    fault: str = "",
) -> Draft:
    """The message that an accepted invocation becomes.

    ``stateful`` says for this one whether it is to leave a record; None leaves that to the configuration.

    Raises:
        NotFound, InvalidRequest: unknown or ambiguous function, payload, id or delay out of bounds, no such
            fault.
    """
    ref = deployed.resolve(function, qualifier)
    kept.check_enabled(deployed, ref)
    check_payload(payload, MAX_ASYNC_PAYLOAD)
    if invocation_id:
        check_invocation_id(invocation_id)
    if not 0 <= delay_seconds <= MAX_DELAY_SECONDS:
        raise InvalidRequest(
            "InvalidArgument", f"delay {delay_seconds} is not between 0 and {MAX_DELAY_SECONDS} seconds"
        )
    config = deployed.async_config(ref)
    if stateful is None:
        stateful = config.stateful
    return Draft(
        # Without task mode the caller's id has no effect (async-semantics 17).
        invocation_id=(stateful and invocation_id) or request_id,
        request_id=request_id,
        function=ref,
        accepted_ms=now_ms,
        due_ms=now_ms + delay_seconds * 1000,
        payload=payload,
        stateful=stateful,
        rerun_of=rerun_of,
        depth=depth,
        on_failure=config.on_failure,
        fault=str(Fault.parse(fault)) if fault else "",
    )
