"""Failures on purpose, as a test asks for them (see docs/faults.md)."""

from __future__ import annotations

from fun_local.cli.client import Client
from fun_local.model.faults import Fault, Rule
from fun_local.store import faults


class Faults:
    """The functions that fail on purpose."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def set(self, function: str, fault: str, *, rate: float = 1.0, seed: int = 0, attempts: int = 0) -> None:
        """Have calls of a function meet a failure from now on: ``crash``, ``timeout``, ``oom``, ``error``,
        ``error:TYPE``, ``throttle``, ``destination-down``.

        ``attempts`` strikes only so many of each call's first ones; ``rate`` a part of all, by ``seed``.
        """
        asked = Fault.parse(fault)
        text = str(Fault(asked.kind, asked.type, attempts or asked.attempts))
        self._client.call("fault-set", function=function, fault=text, rate=rate, seed=seed)

    def clear(self, function: str = "") -> None:
        """Have a function (or all) work again."""
        self._client.call("fault-clear", function=function)

    @property
    def all(self) -> list[Rule]:
        """What fails on purpose."""
        return faults.read(self._client.home)
