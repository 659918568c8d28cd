"""After a restart: how far each unsettled message had come.

The queue says what is owed, the records say what happened. Nothing is repaired here; the dispatcher goes
on from what the record says (a run that was cut off counts as a failed attempt).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fun_local.model.execution import Execution


def begun(
    unsettled: Iterable[int],
    bucket_of: Callable[[int], int],
    records: Callable[[int], Mapping[int, Execution]],
) -> dict[int, Execution]:
    """The records of the messages that have one, by seq.

    ``records(bucket)`` is asked once per bucket; a backlog that was never begun has no buckets.
    """
    by_bucket: dict[int, Mapping[int, Execution]] = {}
    found = {}
    for seq in unsettled:
        bucket = bucket_of(seq)
        if bucket not in by_bucket:
            by_bucket[bucket] = records(bucket)
        if (execution := by_bucket[bucket].get(seq)) is not None:
            found[seq] = execution
    return found
