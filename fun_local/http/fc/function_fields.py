"""The fields of a function in a request, those of all versions: each is read wherever it comes (fc-api 6)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from fun_local.http.fc.reading import Body, invalid
from fun_local.model.resources import Function

#: fc-api 6.4, and as in templates (template/schema.json).
RUNTIMES = (
    *(
        "nodejs20",
        "nodejs18",
        "nodejs16",
        "nodejs14",
        "nodejs12",
        "nodejs10",
        "nodejs8",
        "nodejs6",
        "nodejs4.4",
    ),
    *("python3.12", "python3.10", "python3.9", "python3", "python2.7", "java11", "java8", "go1", "php7.2"),
    *("dotnetcore3.1", "dotnetcore2.1", "custom.debian12", "custom.debian11", "custom.debian10", "custom"),
    "custom-container",
)

#: What is kept for its owner and has no meaning here, or not all of it.
KEPT: dict[str, type] = {
    "instanceType": str,
    "instanceSoftConcurrency": int,
    "gpuMemorySize": int,
    "gpuConfig": dict,
    "customContainerConfig": dict,
    "customRuntimeConfig": dict,
    "customHealthCheckConfig": dict,
    "customDNS": dict,
    "role": str,
    "internetAccess": bool,
    "logConfig": dict,
    "vpcConfig": dict,
    "nasConfig": dict,
    "ossMountConfig": dict,
    "tracingConfig": dict,
}
#: What has one.
READ = (
    *("functionName", "description", "runtime", "handler", "timeout", "memorySize", "environmentVariables"),
    *(
        "instanceConcurrency",
        "initializer",
        "initializationTimeout",
        "caPort",
        "instanceLifecycleConfig",
        "code",
        "layers",
        "cpu",
        "diskSize",
        "tags",
    ),
)
#: What only answers hold: clients send whole answers back.
_SHOWN = (
    *(
        "functionId",
        "functionArn",
        "codeSize",
        "codeChecksum",
        "createdTime",
        "lastModifiedTime",
        "layersArnV2",
    ),
    *("state", "stateReason", "stateReasonCode", "invocationRestriction"),
    *("lastUpdateStatus", "lastUpdateStatusReason", "lastUpdateStatusReasonCode"),
)

_MOST_ENVIRONMENT = 4096
_LEAST_CPU, _MOST_CPU = 0.05, 16
_DISKS = (512, 10_240)
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RESERVED = ("accessKeyID", "accessKeySecret", "securityToken", "topic")


def changed(function: Function, fields: Body) -> Function:
    """A function with what was sent; the rest as it was. Raises InvalidRequest."""
    extra = {**function.extra, **fields.rest((*READ, *_SHOWN), KEPT), **_sizes(fields), **_layers(fields)}
    runtime = fields.text("runtime", function.runtime)
    if runtime != function.runtime:
        _check_runtime(runtime)
    return replace(
        function,
        runtime=runtime,
        handler=fields.text("handler", function.handler, most=128),
        description=fields.text("description", function.description),
        timeout_seconds=fields.whole("timeout", function.timeout_seconds, 1, 86_400),
        memory_mb=fields.whole("memorySize", function.memory_mb, 128, 32_768, multiple_of=64),
        environment=_environment(fields.texts("environmentVariables"), function.environment),
        # runtime 5.4: how many calls an instance may take at once.
        instance_concurrency=fields.whole("instanceConcurrency", function.instance_concurrency, 1, 200),
        extra=extra,
        **_server(function, fields, extra),
        **_hooks(function, fields),
    )


def _check_runtime(name: str) -> None:
    if name not in RUNTIMES:
        listed = ", ".join(RUNTIMES)
        raise invalid(
            f"Runtime is set to an invalid value (allowed: {listed}, actual: '{name[:40]}')",
        )


def _sizes(fields: Body) -> dict[str, Any]:
    """Numbers that are kept only, and refused where the vendor would (fc-api 6.2)."""
    sizes: dict[str, Any] = {}
    if (cpu := fields.get("cpu", float)) is not None:
        if not _LEAST_CPU <= cpu <= _MOST_CPU or abs(cpu / _LEAST_CPU - round(cpu / _LEAST_CPU)) > 1e-6:
            raise invalid(f"cpu is {cpu} and must be from 0.05 to 16, a multiple of 0.05")
        sizes["cpu"] = cpu
    if (disk := fields.get("diskSize", int)) is not None:
        if disk not in _DISKS:
            raise invalid(f"diskSize is {disk} and must be 512 or 10240")
        sizes["diskSize"] = disk
    return sizes


def _layers(fields: Body) -> dict[str, Any]:
    """Layers as their addresses: FC 3.0 answers them as objects, and whole answers are sent back."""
    sent = fields.get("layers", list)
    if sent is None:
        return {}
    layers = [layer.get("arn") if isinstance(layer, dict) else layer for layer in sent]
    if not all(isinstance(layer, str) for layer in layers):
        raise invalid("layers must be a list of texts")
    return {"layers": layers}


def _environment(sent: dict[str, str] | None, old: dict[str, str]) -> dict[str, str]:
    """All variables are sent, or none is changed."""
    if sent is None:
        return old
    size = sum(len(key.encode()) + len(value.encode()) for key, value in sent.items())
    if size > _MOST_ENVIRONMENT:
        raise invalid(f"environmentVariables have {size} bytes, more than {_MOST_ENVIRONMENT}")
    for key, value in sent.items():
        if not _VARIABLE.fullmatch(key) or "\0" in value:
            raise invalid(
                f"environmentVariables: {key[:40]!r} is not a name for a variable, or its value not text"
            )
        if key.startswith("FC_") or key in _RESERVED:
            raise invalid(f"environmentVariables: the name {key!r} is reserved")
    return sent


def _server(function: Function, fields: Body, extra: dict[str, Any]) -> dict[str, Any]:
    """How a custom runtime is started and where it listens; what else there is about it goes to ``extra``.

    The port is a field of its own in FC 2.0 and a part of another in FC 3.0.
    """
    server: dict[str, Any] = {"ca_port": fields.whole("caPort", function.ca_port, 1, 65_535)}
    if container := fields.object("customContainerConfig"):
        server["ca_port"] = container.whole("port", server["ca_port"], 1, 65_535)
        extra["customContainerConfig"] = container.rest(("port",))
    if (config := fields.object("customRuntimeConfig")) is not None:
        server["ca_port"] = config.whole("port", server["ca_port"], 1, 65_535)
        server["custom_command"] = config.list_of_texts("command")
        server["custom_args"] = config.list_of_texts("args")
        extra["customRuntimeConfig"] = config.rest(("command", "args", "port"))
    return server


def _hooks(function: Function, fields: Body) -> dict[str, Any]:
    """The initializer, a field of its own in FC 2.0 and a hook in FC 3.0, and the two other hooks."""
    seconds = function.initialization_timeout_seconds
    hooks: dict[str, Any] = {
        "initializer": fields.text("initializer", function.initializer, most=128),
        "initialization_timeout_seconds": fields.whole("initializationTimeout", seconds, 1, 300),
    }
    sent = fields.object("instanceLifecycleConfig")
    if sent is None:
        return hooks
    if initializer := sent.object("initializer"):
        hooks["initializer"] = initializer.text("handler", most=128)
        hooks["initialization_timeout_seconds"] = initializer.whole("timeout", seconds, 1, 300)
    for name, attribute in (("preStop", "pre_stop"), ("preFreeze", "pre_freeze")):
        if hook := sent.object(name):
            old = getattr(function, f"{attribute}_timeout_seconds")
            # An empty handler means none (runtime 2.7); Funcraft always sends one.
            hooks[attribute] = hook.text("handler", most=128)
            hooks[f"{attribute}_timeout_seconds"] = hook.whole("timeout", old, 1, 90)
    return hooks
