"""What is deployed: services, functions and their asynchronous configuration."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from fun_local.model.names import LATEST, FunctionRef, version_scope

#: async-semantics section 3: attempts after the first one, and seconds a message may wait.
DEFAULT_RETRIES = 3
DEFAULT_AGE_SECONDS = 86_400

#: template.md 3.4: the bounds of both.
MAX_RETRIES = 8
MAX_AGE_SECONDS = 2_592_000

#: mns section 6: messages in one receive, and seconds it may wait for the first.
MAX_BATCH = 16
MAX_WAIT_SECONDS = 30


def _when() -> Any:
    """A time in milliseconds that says nothing about what a resource is: left out of comparisons."""
    return field(default=0, compare=False)


class Record:
    """A dataclass that is stored as plain data, by the names of its fields."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload,no-any-return]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**fields_of(cls, data))


@dataclass(frozen=True, slots=True)
class AsyncConfig:
    """How asynchronous invocations of one function (and qualifier) are treated.

    ``written`` is what a client of the API sent, to be given back as it came: Funcraft takes a value that it
    did not send for a change (wire 3.1). None where it was not made by that API.
    """

    max_retries: int = DEFAULT_RETRIES
    max_age_seconds: int = DEFAULT_AGE_SECONDS
    stateful: bool = False
    on_success: str = ""
    on_failure: str = ""
    written: dict[str, Any] | None = field(default=None, compare=False)
    created_ms: int = _when()
    modified_ms: int = _when()

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

    def stored(self) -> dict[str, Any]:
        """All of it, for the registry."""
        ours = {"written": self.written, "createdMs": self.created_ms, "modifiedMs": self.modified_ms}
        return {**self.to_dict(), **ours} if self.created_ms else self.to_dict()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AsyncConfig:
        destination = data.get("destinationConfig") or {}
        return cls(
            max_retries=data.get("maxAsyncRetryAttempts", DEFAULT_RETRIES),
            max_age_seconds=data.get("maxAsyncEventAgeInSeconds", DEFAULT_AGE_SECONDS),
            stateful=data.get("statefulInvocation", False),
            on_success=(destination.get("onSuccess") or {}).get("destination", ""),
            on_failure=(destination.get("onFailure") or {}).get("destination", ""),
            written=data.get("written"),
            created_ms=data.get("createdMs", 0),
            modified_ms=data.get("modifiedMs", 0),
        )


@dataclass(frozen=True, slots=True)
class Service(Record):
    """A service: the container that functions live in (FC 2.0).

    ``extra``, here and below: what a client of the API sent that has no meaning on this machine, by the
    vendor's names, to be given back as it came.
    """

    name: str
    description: str = ""
    role: str = ""
    internet_access: bool = True
    log_project: str = ""
    log_store: str = ""
    stack: str = ""
    created_ms: int = _when()
    modified_ms: int = _when()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Function(Record):
    """A function: deployed code and its configuration. Sizes in MB, times in seconds.

    ``code`` is the digest of a folder in the code store. ``async_config`` is the one of the qualifier, None
    where there is none: asynchronous calls then use the defaults. ``version`` is the number of the published
    version that this is a part of (empty: what was deployed last); ``qualifier`` what its caller asked for.
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
    pre_stop: str = ""
    pre_stop_timeout_seconds: int = 3
    pre_freeze: str = ""
    pre_freeze_timeout_seconds: int = 3
    custom_command: tuple[str, ...] = ()
    custom_args: tuple[str, ...] = ()
    async_config: AsyncConfig | None = None
    stack: str = ""
    version: str = ""
    qualifier: str = LATEST
    created_ms: int = _when()
    modified_ms: int = _when()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"{self.service}/{self.name}"

    @property
    def ref(self) -> FunctionRef:
        return FunctionRef(self.service, self.name, self.qualifier)

    @property
    def key(self) -> tuple[str, str, str]:
        """Which of its kind it is: the same function may be called as several versions and aliases."""
        return self.path, self.qualifier, self.version

    @property
    def is_custom(self) -> bool:
        """Whether it brings a server of its own. ``custom-container`` is another matter: that is an image."""
        return self.runtime == "custom" or self.runtime.startswith("custom.")

    @property
    def concurrency(self) -> int:
        """How many invocations an instance runs at a time (runtime.md 5.4: only servers run several)."""
        return self.instance_concurrency if self.is_custom else 1

    @property
    def scope(self) -> str:
        """What its versions and aliases belong to."""
        return version_scope(self.service, self.name)

    @property
    def revision(self) -> str:
        """Changes with whatever a running instance can't take up: then a new instance is needed."""
        seen = [self.code, self.runtime, self.handler, self.initializer, self.memory_mb]
        seen += [self.initialization_timeout_seconds, self.ca_port, sorted(self.environment.items())]
        seen += [self.timeout_seconds]
        seen += [self.pre_stop, self.pre_stop_timeout_seconds]
        seen += [self.pre_freeze, self.pre_freeze_timeout_seconds]
        seen += [self.custom_command, self.custom_args, self.concurrency]
        import hashlib  # 2 ms, and only the daemon asks

        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        data = asdict(self)
        data["async_config"] = self.async_config.stored() if self.async_config else None
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Function:
        known = fields_of(cls, data)
        config = known.get("async_config")
        known["async_config"] = AsyncConfig.from_dict(config) if config else None
        # JSON has no tuples.
        words = ("custom_command", "custom_args")
        known.update({name: tuple(known[name]) for name in words if name in known})
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Queue(Record):
    """An MNS queue's attributes. Times in seconds, size in bytes (mns section 6)."""

    name: str
    delay_seconds: int = 0
    max_message_bytes: int = 65_536
    retention_seconds: int = 345_600
    visibility_seconds: int = 30
    polling_wait_seconds: int = 0
    logging_enabled: bool = False
    # Whose it is says nothing about what it is. Empty: made by hand.
    stack: str = field(default="", compare=False)

    @property
    def path(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Trigger(Record):
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
    stack: str = ""
    created_ms: int = _when()
    modified_ms: int = _when()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"{self.service}/{self.function}/{self.name}"

    @property
    def function_path(self) -> str:
        return f"{self.service}/{self.function}"


@dataclass(frozen=True, slots=True)
class Publication:
    """The wish to publish a version, unless nothing has changed since the last one.

    ``scope`` is a service, or a function of FC 3.0 (see names.version_scope).
    """

    scope: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Version(Record):
    """What a service and its functions were like when they were published. Never changes."""

    scope: str
    number: str
    description: str
    created_ms: int
    service: Service
    functions: tuple[Function, ...]
    stack: str = ""

    @property
    def path(self) -> str:
        return f"{self.scope}.{self.number}"

    def function(self, path: str) -> Function | None:
        """The function ``service/function`` as it was then; None when there was none."""
        return next((function for function in self.functions if function.path == path), None)

    def to_dict(self) -> dict[str, Any]:
        data = {name: getattr(self, name) for name in ("scope", "number", "description", "created_ms")}
        functions = [function.to_dict() for function in self.functions]
        return {**data, "stack": self.stack, "service": self.service.to_dict(), "functions": functions}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Version:
        known = fields_of(cls, data)
        known["service"] = Service.from_dict(data["service"])
        known["functions"] = tuple(Function.from_dict(function) for function in data["functions"])
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Alias(Record):
    """A name for a published version; ``version`` empty means the newest.

    ``additional_weights`` sends a share of the calls, from 0 to 1, to another version.
    """

    scope: str
    name: str
    version: str = ""
    description: str = ""
    additional_weights: dict[str, float] = field(default_factory=dict)
    stack: str = ""
    created_ms: int = _when()
    modified_ms: int = _when()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"{self.scope}.{self.name}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The numbers of all versions that it can lead to."""
        return (self.version, *self.additional_weights)


@dataclass(frozen=True, slots=True)
class Topic(Record):
    """An MNS topic."""

    name: str
    max_message_bytes: int = 65_536
    logging_enabled: bool = False
    stack: str = field(default="", compare=False)

    @property
    def path(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Subscription(Record):
    """Who is told of a topic's messages. ``endpoint`` is a queue's address or an HTTP URL."""

    topic: str
    name: str
    endpoint: str
    strategy: str = "BACKOFF_RETRY"
    format: str = "XML"
    filter_tag: str = ""
    stack: str = field(default="", compare=False)

    @property
    def path(self) -> str:
        return f"{self.topic}/{self.name}"


@dataclass(frozen=True, slots=True)
class Domain(Record):
    """A custom domain: paths to (service, function, qualifier). ``extra["routes"]``: more, by path."""

    name: str
    protocol: str = "HTTP"
    routes: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    stack: str = ""
    created_ms: int = _when()
    modified_ms: int = _when()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.name

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Domain:
        known = fields_of(cls, data)
        # JSON has no tuples.
        known["routes"] = {path: tuple(route) for path, route in known.get("routes", {}).items()}
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Call(Record):
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
class Stack(Record):
    """What is known of a stack beyond its resources, which name it themselves.

    ``calls`` are the ``execute_version`` of the calls it has made, by their names in the template;
    ``parameters`` those that were given, which an update through ROS may leave out. ``names`` are what the
    template calls resources, by ``kind/path``.
    """

    name: str
    outputs: dict[str, object] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    created_ms: int = _when()
    modified_ms: int = _when()

    @property
    def path(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Accepted:
    """A resource that a laptop can't provide: taken, listed, without effect."""

    name: str
    type: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resources:
    """What a template asks for, after everything in it has been resolved.

    ``outputs`` holds plain data by the names the template gives it, ``parameters`` what it was given;
    ``names`` as in ``Stack``.
    """

    services: tuple[Service, ...] = ()
    functions: tuple[Function, ...] = ()
    queues: tuple[Queue, ...] = ()
    not_emulated: tuple[Accepted, ...] = ()
    warnings: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    publications: tuple[Publication, ...] = ()
    aliases: tuple[Alias, ...] = ()
    topics: tuple[Topic, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    domains: tuple[Domain, ...] = ()
    calls: tuple[Call, ...] = ()
    outputs: dict[str, object] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

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
            "parameters": dict(self.parameters),
            "names": dict(self.names),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Resources:
        plain: dict[str, Any] = {
            name: tuple(kind(**fields_of(kind, item)) for item in data.get(name, ()))
            for name, kind in _PLAIN.items()
        }
        plain["domains"] = tuple(Domain.from_dict(item) for item in data.get("domains", ()))
        return cls(
            services=tuple(Service.from_dict(s) for s in data["services"]),
            functions=tuple(Function.from_dict(f) for f in data["functions"]),
            queues=tuple(Queue.from_dict(q) for q in data["queues"]),
            not_emulated=tuple(Accepted(**a) for a in data["notEmulated"]),
            warnings=tuple(data["warnings"]),
            outputs=dict(data.get("outputs", {})),
            parameters=dict(data.get("parameters", {})),
            names=dict(data.get("names", {})),
            **plain,
        )


#: The parts of ``Resources`` that are stored with the names of their fields.
_PLAIN: dict[str, type] = {
    "triggers": Trigger,
    "publications": Publication,
    "aliases": Alias,
    "topics": Topic,
    "subscriptions": Subscription,
    "domains": Domain,
    "calls": Call,
}


def fields_of(cls: type, data: dict[str, Any]) -> dict[str, Any]:
    """Only the fields this version knows: a home written by a newer one stays readable."""
    fields: dict[str, Any] = cls.__dataclass_fields__  # type: ignore[attr-defined]
    return {key: value for key, value in data.items() if key in fields}
