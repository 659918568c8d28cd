"""Where and when a sample event happens, and what the trigger's configuration has to say of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fun_local.model.resources import Trigger


@dataclass(frozen=True, slots=True)
class Around:
    """Where and when an event happens, and a name for it (``request_id``, 36 characters)."""

    region: str
    account_id: str
    request_id: str
    now_ms: int

    @property
    def seconds(self) -> int:
        return self.now_ms // 1000

    def iso(self) -> str:
        """``2022-08-13T06:45:43.000Z``"""
        at = datetime.fromtimestamp(self.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{at}.{self.now_ms % 1000:03}Z"


def region_of(trigger: Trigger, around: Around) -> str:
    """The region of the source, where it has one."""
    parts = trigger.source_arn.split(":")
    return parts[2] if len(parts) > 4 and parts[2] not in ("", "*") else around.region


def setting(trigger: Trigger, *keys: str) -> object:
    """A value of the configuration, whatever the case of its keys; None when it is not there."""
    value: object = trigger.config
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = next((item for name, item in value.items() if name.lower() == key.lower()), None)
    return value
