"""Settings: option > environment > settings.toml in the home > default.

Read by the faces and by wiring only; everything below receives plain values.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, fields

from fun_local.errors import CorruptState, InvalidRequest, Unavailable

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
    throttle_first_seconds: float = 0.5
    throttle_cap_seconds: float = 60.0
    throttle_limit_seconds: float = 18_000.0
    history_days: float = 7.0
    account_id: str = "1234567890123456"
    region: str = "cn-shanghai"
    host: str = "127.0.0.1"
    #: Below the ports that systems give to outgoing connections, assigned to nobody; its two bytes spell FC.
    port: int = 17987
    access_key_id: str = ""
    access_key_secret: str = ""
    insecure_no_auth: bool = False
    #: Outcomes travel to readers of queues as JSON text, not in the base64 that clients expect by default.
    raw_outcomes: bool = False
    #: Of messages: ``zh…`` is Chinese, anything else English, nothing the locale's (cli/language.py).
    lang: str = ""


#: Settings whose values are not shown.
SECRET = ("access_key_secret",)


def default_home(environ: Mapping[str, str] = os.environ) -> str:
    """The directory that holds everything: ``FUN_LOCAL_HOME``, else ``~/.fun-local``. It need not exist.

    Raises:
        Unavailable: there is something that can't be one: a file, or a folder that is closed to us.
    """
    home = os.path.abspath(environ.get("FUN_LOCAL_HOME") or os.path.expanduser("~/.fun-local"))
    try:
        is_folder = stat.S_ISDIR(os.stat(home).st_mode)
        problem = (
            "it is no folder" if not is_folder else "" if os.access(home, os.X_OK) else "Permission denied"
        )
    except FileNotFoundError:
        problem = ""
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        raise Unavailable(
            "HomeUnusable",
            f"the home {home} can't be used: {problem}",
            hint="Mend that, or choose another place: export FUN_LOCAL_HOME=FOLDER",
        )
    return home


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


def checked(name: str, text: str) -> object:
    """The value of a setting that somebody has written. Raises InvalidRequest for what is none."""
    return _convert(name, text, "as given")


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
        if wanted is bool:
            return _truth(value)
        if isinstance(value, bool):
            raise ValueError
        converted = wanted(value)
        # Neither negative, nor nan or inf, nor 2.7 where whole numbers are counted.
        if wanted is not str and not (0 <= converted < float("inf") and converted == float(str(value))):
            raise ValueError
    except (TypeError, ValueError):
        shown = "the value" if name in SECRET else repr(value)
        raise InvalidRequest(
            "InvalidArgument", f"setting {name} ({origin}): {shown} is not {_KINDS[wanted]}"
        ) from None
    if reason := _out_of_bounds(name, converted):
        raise InvalidRequest("InvalidArgument", f"setting {name} ({origin}): {reason}")
    return converted


_KINDS: Mapping[type, str] = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    found = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
    if found is None:
        raise ValueError
    return found


def _out_of_bounds(name: str, value: object) -> str:
    """Why a value of the right kind is refused; empty where it isn't."""
    if name == "max_instances" and value == 0:
        return "at least 1 is needed"
    if name == "port" and isinstance(value, int) and value > 65_535:
        return f"{value} is no port: 0 (any free one) to 65535"
    if name == "host" and value != "127.0.0.1" and not _is_loopback(str(value)):
        return f"{value!r} is not an address of this machine alone: 127.0.0.1, ::1 or localhost"
    return ""


def _is_loopback(host: str) -> bool:
    import ipaddress  # most homes have the default

    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
