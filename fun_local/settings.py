"""Settings: option > environment > settings.toml in the home > default.

Read by the faces and by wiring only; everything below receives plain values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from fun_local.errors import CorruptState, InvalidRequest

#: Every setting ``x`` is read from the environment variable ``FUN_LOCAL_X``.
PREFIX = "FUN_LOCAL_"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults. Times in seconds."""

    max_instances: int = 10
    idle_seconds: float = 300.0
    stop_grace_seconds: float = 1.0
    retry_first_seconds: float = 0.5
    retry_cap_seconds: float = 60.0
    history_days: float = 7.0
    account_id: str = "1234567890123456"
    region: str = "cn-shanghai"


def default_home(environ: Mapping[str, str] = os.environ) -> str:
    """The directory that holds everything: ``FUN_LOCAL_HOME``, else ``~/.fun-local``."""
    return os.path.abspath(environ.get("FUN_LOCAL_HOME") or os.path.expanduser("~/.fun-local"))


def load(home: str, environ: Mapping[str, str] = os.environ) -> tuple[Settings, dict[str, str]]:
    """The settings of a home, and for each one where its value came from.

    Raises:
        InvalidRequest: a value of the wrong type, or a name in settings.toml that is no setting.
        CorruptState: settings.toml is not TOML.
    """
    values: dict[str, object] = {}
    origins = {f.name: "default" for f in fields(Settings)}
    path = os.path.join(home, "settings.toml")
    for name, value in _read(path).items():
        if name not in origins:
            known = ", ".join(origins)
            raise InvalidRequest(
                "InvalidArgument", f"{path}: no setting is called {name!r}", hint=f"Known: {known}."
            )
        values[name], origins[name] = value, path
    for name in origins:
        if (text := environ.get(PREFIX + name.upper())) is not None:
            values[name], origins[name] = text, f"environment {PREFIX}{name.upper()}"
    converted = {name: _convert(name, value, origins[name]) for name, value in values.items()}
    return Settings(**converted), origins  # type: ignore[arg-type]


def _read(path: str) -> dict[str, object]:
    try:
        with open(path, "rb") as file:
            import tomllib  # most homes have no settings file

            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CorruptState(path, str(error), hint="Mend or remove the file.") from None


def _convert(name: str, value: object, origin: str) -> object:
    wanted = type(getattr(Settings(), name))
    try:
        if isinstance(value, bool):
            raise ValueError
        converted = wanted(value)
        # Neither negative, nor nan or inf, nor 2.7 where whole numbers are counted.
        if wanted is not str and not (0 <= converted < float("inf") and converted == float(str(value))):
            raise ValueError
    except (TypeError, ValueError):
        raise InvalidRequest(
            "InvalidArgument", f"setting {name} ({origin}): {value!r} is not a {wanted.__name__}"
        ) from None
    if name == "max_instances" and converted < 1:
        raise InvalidRequest("InvalidArgument", f"setting {name} ({origin}): at least 1 is needed")
    return converted
