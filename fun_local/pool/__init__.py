"""Warm instances, shared out to invocations: sharing.py says to whom, places.py what a function has."""

from fun_local.pool.sharing import Pool, Slot

__all__ = ["Pool", "Slot"]
