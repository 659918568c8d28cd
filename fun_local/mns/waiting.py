"""Writing to the home's database, and waiting for a sign or a time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from fun_local.ports import Clock

Write = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]


async def woken(event: asyncio.Event, clock: Clock, seconds: float | None) -> None:
    """Until the event or for so long (None: for ever), whichever comes first."""
    if seconds is None:
        await event.wait()
        return
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    wake = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({sleep, wake}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleep.cancel()
        wake.cancel()
