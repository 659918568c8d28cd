"""What a custom runtime is: the command that is run, its environment, and what requests say of it."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping

from fun_local.model.resources import Function
from fun_local.runtime import start_failures
from fun_local.runtime.exchange import Headers

#: What only the built-in runtimes have (runtime.md 2.11).
_BUILT_IN = (
    "FC_VER_ID",
    "PYTHONIOENCODING",
    "accessKeyID",
    "accessKeySecret",
    "securityToken",
    "topic",
)

#: The code folder, as the words of a command name it. It is another one here.
_CODE = re.compile(r"(?<![\w./-])/code(?![\w.-])")


def command(function: Function, code: str) -> tuple[str, ...]:
    """What is run (runtime.md 4.1): the configured words, else the file ``bootstrap``.

    Raises:
        Conflict: there is no such file, or it may not be run.
    """
    words = (*function.custom_command, *function.custom_args)
    if words:
        return tuple(_CODE.sub(lambda _: code, word) for word in words)
    path = os.path.join(code, "bootstrap")
    if not os.path.isfile(path):
        raise start_failures.no_bootstrap(function.path)
    if not os.access(path, os.X_OK):
        raise start_failures.not_executable()
    return (path,)


def environment(base: Mapping[str, str], function: Function, code: str, port: int) -> dict[str, str]:
    """The variables of a custom runtime (runtime.md 2.11), from those of any runtime.

    PORT, which servers made for other places heed, is not set in the cloud: it is changed only where the
    function has set it to its own port.
    """
    changed = {name: value for name, value in base.items() if name not in _BUILT_IN}
    path = function.environment.get("PYTHONPATH", "/code")
    paths = [_CODE.sub(lambda _: code, part) for part in path.split(":")]
    # What was built for it: the python3 of its command may be a virtual environment's here, which doesn't
    # look into PYTHONUSERBASE.
    installed = os.path.join(glob.escape(code), ".fun", "python", "lib", "python3*", "site-packages")
    changed["PYTHONPATH"] = ":".join([*paths, *sorted(glob.glob(installed))])
    changed["FC_SERVER_PORT"] = changed["FC_CUSTOM_LISTEN_PORT"] = str(port)
    if function.environment.get("PORT") == str(function.ca_port):
        changed["PORT"] = str(port)
    return changed


def headers(function: Function, variables: Mapping[str, str], *, log: tuple[str, str] = ("", "")) -> Headers:
    """What every request says of the function (runtime.md 4.3)."""
    credentials = [
        ("x-fc-access-key-id", variables.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")),
        ("x-fc-access-key-secret", variables.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")),
        ("x-fc-security-token", variables.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")),
    ]
    if function.runtime in ("custom.debian11", "custom.debian12"):
        credentials = []  # 4.3: in the environment alone
    hooks = [
        ("x-fc-function-initializer", function.initializer),
        ("x-fc-instance-lifecycle-pre-stop-handler", function.pre_stop),
        ("x-fc-instance-lifecycle-pre-freeze-handler", function.pre_freeze),
    ]
    if function.initializer:
        hooks.append(("x-fc-initialization-timeout", str(function.initialization_timeout_seconds)))
    return (
        *credentials,
        ("x-fc-function-name", function.name),
        ("x-fc-function-handler", function.handler),
        ("x-fc-function-memory", str(function.memory_mb)),
        ("x-fc-function-timeout", str(function.timeout_seconds)),
        *(hook for hook in hooks if hook[1]),
        ("x-fc-region", variables["FC_REGION"]),
        ("x-fc-account-id", variables["FC_ACCOUNT_ID"]),
        ("x-fc-qualifier", function.qualifier),
        ("x-fc-version-id", function.version),
        ("x-fc-service-name", function.service),
        ("x-fc-service-logproject", log[0]),
        ("x-fc-service-logstore", log[1]),
    )
