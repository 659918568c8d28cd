"""What is deployed: services, functions and their asynchronous configuration."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from fun_local.model.names import LATEST, FunctionRef

#: async-semantics section 3: attempts after the first one, and seconds a message may wait.
DEFAULT_RETRIES = 3
DEFAULT_AGE_SECONDS = 86_400

#: mns section 6: messages in one receive, and seconds it may wait for the first.
MAX_BATCH = 16
MAX_WAIT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class AsyncConfig:
    """How asynchronous invocations of one function (and qualifier) are treated."""

    max_retries: int = DEFAULT_RETRIES
    max_age_seconds: int = DEFAULT_AGE_SECONDS
    stateful: bool = False
    on_success: str = ""
    on_failure: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The vendor's field names (fc-api 9.2)."""
        destination = {
            key: {"destination": arn}
            for key, arn in (("onSuccess", self.on_success), ("onFailure", self.on_failure))
            if arn
        }
        return {
            "statefulInvocation": self.stateful,
            "maxAsyncRetryAttempts": self.max_retries,
            "maxAsyncEventAgeInSeconds": self.max_age_seconds,
            "destinationConfig": destination,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AsyncConfig:
        destination = data.get("destinationConfig") or {}
        return cls(
            max_retries=data.get("maxAsyncRetryAttempts", DEFAULT_RETRIES),
            max_age_seconds=data.get("maxAsyncEventAgeInSeconds", DEFAULT_AGE_SECONDS),
            stateful=data.get("statefulInvocation", False),
            on_success=(destination.get("onSuccess") or {}).get("destination", ""),
            on_failure=(destination.get("onFailure") or {}).get("destination", ""),
        )


@dataclass(frozen=True, slots=True)
class Service:
    """A service: the container that functions live in (FC 2.0)."""

    name: str
    description: str = ""
    role: str = ""
    internet_access: bool = True
    log_project: str = ""
    log_store: str = ""
    stack: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Service:
        return cls(**_known(cls, data))


@dataclass(frozen=True, slots=True)
class Function:
    """A function: deployed code and its configuration. Sizes in MB, times in seconds.

    ``code`` is the digest of a folder in the code store. ``async_config`` is None where the template
    has none: asynchronous calls then use the defaults.
    """

    service: str
    name: str
    runtime: str
    handler: str
    code: str
    memory_mb: int = 128
    timeout_seconds: int = 3
    description: str = ""
    initializer: str = ""
    initialization_timeout_seconds: int = 3
    environment: dict[str, str] = field(default_factory=dict)
    instance_concurrency: int = 1
    ca_port: int = 9000
    async_config: AsyncConfig | None = None
    stack: str = ""

    @property
    def path(self) -> str:
        return f"{self.service}/{self.name}"

    @property
    def ref(self) -> FunctionRef:
        return FunctionRef(self.service, self.name, LATEST)

    @property
    def revision(self) -> str:
        """Changes with whatever a running instance can't take up: then a new instance is needed."""
        seen = [self.code, self.runtime, self.handler, self.initializer, self.memory_mb]
        seen += [self.initialization_timeout_seconds, self.ca_port, sorted(self.environment.items())]
        seen += [self.timeout_seconds]
        import hashlib  # 2 ms, and only the daemon asks

        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        data = asdict(self)
        data["async_config"] = self.async_config.to_dict() if self.async_config else None
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Function:
        known = _known(cls, data)
        config = known.get("async_config")
        known["async_config"] = AsyncConfig.from_dict(config) if config else None
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Queue:
    """An MNS queue's attributes. Times in seconds, size in bytes (mns section 6)."""

    name: str
    delay_seconds: int = 0
    max_message_bytes: int = 65_536
    retention_seconds: int = 345_600
    visibility_seconds: int = 30
    polling_wait_seconds: int = 0
    logging_enabled: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Queue:
        return cls(**_known(cls, data))


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a function. ``type`` is the vendor's word (http, timer, mns_topic, oss, …).

    ``qualifier`` empty means the newest version, as in ``Alias``.
    """

    service: str
    function: str
    name: str
    type: str
    config: dict[str, Any] = field(default_factory=dict)
    qualifier: str = LATEST
    role: str = ""
    source_arn: str = ""

    @property
    def path(self) -> str:
        return f"{self.service}/{self.function}/{self.name}"


@dataclass(frozen=True, slots=True)
class Version:
    """A service's state to be published under the next number, unless nothing changed since the last."""

    service: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a published version; ``version`` empty means the newest."""

    service: str
    name: str
    version: str = ""
    description: str = ""
    additional_weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic:
    """An MNS topic."""

    name: str
    max_message_bytes: int = 65_536
    logging_enabled: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told of a topic's messages. ``endpoint`` is a queue's address or an HTTP URL."""

    topic: str
    name: str
    endpoint: str
    strategy: str = "BACKOFF_RETRY"
    format: str = "XML"
    filter_tag: str = ""


@dataclass(frozen=True, slots=True)
class Domain:
    """A custom domain: paths to (service, function, qualifier)."""

    name: str
    protocol: str = "HTTP"
    routes: dict[str, tuple[str, str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """An invocation that is part of a deploy (ALIYUN::FC::FunctionInvoker).

    A later deploy of the same stack repeats it only when ``execute_version`` has changed. ``name`` is what
    the template calls it.
    """

    name: str
    service: str
    function: str
    event: str = ""
    is_async: bool = False
    qualifier: str = LATEST
    execute_version: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """A resource that a laptop can't provide: taken, listed, without effect."""

    name: str
    type: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resources:
    """What a template asks for, after everything in it has been resolved.

    ``outputs`` holds plain data by the names the template gives it.
    """

    services: tuple[Service, ...] = ()
    functions: tuple[Function, ...] = ()
    queues: tuple[Queue, ...] = ()
    not_emulated: tuple[Accepted, ...] = ()
    warnings: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    versions: tuple[Version, ...] = ()
    aliases: tuple[Alias, ...] = ()
    topics: tuple[Topic, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    domains: tuple[Domain, ...] = ()
    calls: tuple[Call, ...] = ()
    outputs: dict[str, object] = field(default_factory=dict)

    @property
    def without_effect(self) -> tuple[Accepted, ...]:
        """Everything that is taken but does nothing here: what can't be, and what can't be yet."""
        reason = "not emulated yet"
        known = {accepted.name for accepted in self.not_emulated}
        waiting = [Accepted(t.path, f"trigger {t.type}", reason) for t in self.triggers]
        waiting += [Accepted(v.service, "version", reason) for v in self.versions]
        waiting += [Accepted(f"{a.service}/{a.name}", "alias", reason) for a in self.aliases]
        waiting += [Accepted(t.name, "topic", reason) for t in self.topics]
        waiting += [Accepted(f"{s.topic}/{s.name}", "subscription", reason) for s in self.subscriptions]
        waiting += [Accepted(d.name, "custom domain", reason) for d in self.domains]
        waiting += [Accepted(c.name, "function invoker", reason) for c in self.calls]
        return (*self.not_emulated, *(w for w in waiting if w.name not in known))

    def to_dict(self) -> dict[str, Any]:
        plain = {name: [asdict(item) for item in getattr(self, name)] for name in _PLAIN}
        return {
            "services": [s.to_dict() for s in self.services],
            "functions": [f.to_dict() for f in self.functions],
            "queues": [q.to_dict() for q in self.queues],
            "notEmulated": [asdict(a) for a in self.not_emulated],
            "warnings": list(self.warnings),
            **plain,
            "outputs": dict(self.outputs),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Resources:
        plain: dict[str, Any] = {
            name: tuple(kind(**_known(kind, item)) for item in data.get(name, ()))
            for name, kind in _PLAIN.items()
        }
        # JSON has no tuples.
        plain["domains"] = tuple(
            replace(domain, routes={path: tuple(route) for path, route in domain.routes.items()})
            for domain in plain["domains"]
        )
        return cls(
            services=tuple(Service.from_dict(s) for s in data["services"]),
            functions=tuple(Function.from_dict(f) for f in data["functions"]),
            queues=tuple(Queue.from_dict(q) for q in data["queues"]),
            not_emulated=tuple(Accepted(**a) for a in data["notEmulated"]),
            warnings=tuple(data["warnings"]),
            outputs=dict(data.get("outputs", {})),
            **plain,
        )


#: The parts of ``Resources`` that are stored with the names of their fields.
_PLAIN: dict[str, type] = {
    "triggers": Trigger,
    "versions": Version,
    "aliases": Alias,
    "topics": Topic,
    "subscriptions": Subscription,
    "domains": Domain,
    "calls": Call,
}


def _known(cls: type, data: dict[str, Any]) -> dict[str, Any]:
    """Only the fields this version knows: a home written by a newer one stays readable."""
    fields: dict[str, Any] = cls.__dataclass_fields__  # type: ignore[attr-defined]
    return {key: value for key, value in data.items() if key in fields}
