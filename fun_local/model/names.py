"""Names and addresses: functions as people write them, destinations as the vendor writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fun_local.errors import InvalidRequest

LATEST = "LATEST"

#: Where functions live that have no service: those of FC 3.0.
IMPLICIT_SERVICE = "_default"

# fc-api section 4 and 11.2; MNS: mns section 6.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_INVOCATION_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_QUEUE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,255}")
_MNS_ARN = re.compile(r"acs:mns:([^:]*):([^:]*):/(queues|topics)/([^/]+)/messages")
_FC_ARN = re.compile(
    r"acs:fc:([^:]*):([^:]*):services/(?P<service>[^/.]+)(\.(?P<qualifier>[^/]+))?"
    r"/functions/(?P<function>[^/]+)"
)
# FC 3.0 has no service; one page of the vendor's writes a slash before functions (fc-api 9.3).
_FC3_ARN = re.compile(r"acs:fc:([^:]*):([^:]*):/?functions/(?P<function>[^/.]+)(\.(?P<qualifier>[^/]+))?")
# How the vendor writes an event bus and a RocketMQ 4 topic elsewhere (EventBridge's API reference,
# "CreateEventBus" and "PutTargets"); its page on destinations shows neither.
_EVENT_BUS_ARN = re.compile(r"acs:eventbridge:([^:]*):([^:]*):/?eventbus/(?P<name>[^/]+)")
_ROCKETMQ_ARN = re.compile(
    r"acs:(mq|rocketmq):([^:]*):([^:]*):/?instances/(?P<instance>[^/]+)/topics?/(?P<topic>[^/]+)"
)

#: Kinds of destinations that are accepted and only recorded: outcomes for them are sent nowhere.
RECORDED_KINDS = ("eventbridge", "rocketmq")


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """A function as the queue and the records know it: its service, its name, the qualifier asked for."""

    service: str
    function: str
    qualifier: str = LATEST

    @property
    def path(self) -> str:
        """``service/function``: how people name it; the scope in which invocation ids are unique."""
        return f"{self.service}/{self.function}"

    @property
    def arn(self) -> str:
        """The address that destination messages carry: region and account empty (async-semantics 15)."""
        if self.service == IMPLICIT_SERVICE:
            # FC 3.0 has no service to name (fc-api 9.3), and writes a qualifier only where there is one.
            suffix = "" if self.qualifier == LATEST else f".{self.qualifier}"
            return f"acs:fc:::functions/{self.function}{suffix}"
        return f"acs:fc:::services/{self.service}.{self.qualifier}/functions/{self.function}"

    def __str__(self) -> str:
        if self.qualifier == LATEST:
            return self.path
        return f"{self.service}.{self.qualifier}/{self.function}"


def parse_function(text: str) -> tuple[str, str, str]:
    """Split ``service/function``, ``service.qualifier/function`` or ``function``.

    Returns (service, function, qualifier); service and qualifier are empty where not given.

    Raises:
        InvalidRequest: the text has none of these forms.
    """
    service, slash, function = text.rpartition("/")
    service, dot, qualifier = service.partition(".")
    is_bad_service = slash and not (_NAME.fullmatch(service) and bool(dot) == bool(qualifier))
    if is_bad_service or not _NAME.fullmatch(function):
        raise InvalidRequest(
            "InvalidArgument",
            f"{text!r} is not a function name",
            hint="Write service/function, service.qualifier/function, or function alone.",
        )
    return service, function, qualifier


def version_scope(service: str, function: str) -> str:
    """What versions and aliases belong to: the service, in FC 3.0, which has none, the function alone."""
    return f"{service}/{function}" if service == IMPLICIT_SERVICE else service


def check_name(kind: str, name: str) -> None:
    """Raise InvalidRequest unless ``name`` is a legal service or function name."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "InvalidArgument",
            f"{kind} name {name!r} is not valid",
            hint="Use 1 to 128 letters, digits, '_' and '-', starting with a letter or '_'.",
        )


def check_invocation_id(invocation_id: str) -> None:
    """Raise InvalidRequest unless a caller may choose this id (generated ones may start with a digit)."""
    if not _INVOCATION_ID.fullmatch(invocation_id):
        raise InvalidRequest(
            "InvalidArgument",
            f"invocation id {invocation_id!r} is not valid",
            hint="Use 1 to 128 letters, digits, '_' and '-', starting with a letter or '_'.",
        )


def check_queue_name(name: str) -> None:
    """Raise InvalidRequest unless ``name`` can name an MNS queue (codes: mns section 5)."""
    if not 1 <= len(name) <= 256:
        raise InvalidRequest("QueueNameLengthError", f"queue name {name!r} must have 1 to 256 characters")
    if not _QUEUE_NAME.fullmatch(name):
        raise InvalidRequest(
            "InvalidQueueName",
            f"queue name {name!r} is not valid",
            hint="Use letters, digits and '-', starting with a letter or digit.",
        )


@dataclass(frozen=True, slots=True)
class DestinationAddress:
    """Where an outcome goes. ``kind`` is ``queue``, ``topic``, ``function`` or one of RECORDED_KINDS."""

    kind: str
    name: str
    qualifier: str = ""


def parse_destination(arn: str) -> DestinationAddress:
    """Read a destination ARN, short (``acs:mns:::…``) or with region and account.

    Raises:
        InvalidRequest: empty or none of the forms of async-semantics section 14.
    """
    if match := _MNS_ARN.fullmatch(arn):
        return DestinationAddress(match[3].removesuffix("s"), match[4])
    if match := _FC_ARN.fullmatch(arn):
        name = f"{match['service']}/{match['function']}"
        return DestinationAddress("function", name, match["qualifier"] or LATEST)
    if match := _FC3_ARN.fullmatch(arn):
        name = f"{IMPLICIT_SERVICE}/{match['function']}"
        return DestinationAddress("function", name, match["qualifier"] or LATEST)
    if match := _EVENT_BUS_ARN.fullmatch(arn):
        return DestinationAddress("eventbridge", match["name"])
    if match := _ROCKETMQ_ARN.fullmatch(arn):
        return DestinationAddress("rocketmq", f"{match['instance']}/{match['topic']}")
    raise InvalidRequest(
        "InvalidDestinationResources",
        f"destination {arn!r} is not an address we know" if arn else "destination can't be empty",
        hint="Write acs:mns:::/queues/NAME/messages, acs:mns:::/topics/NAME/messages, "
        "acs:fc:::services/SERVICE/functions/FUNCTION, acs:fc:::functions/FUNCTION, "
        "acs:eventbridge:::eventbus/NAME or acs:mq:::/instances/INSTANCE/topic/TOPIC.",
    )


def queue_arn(name: str) -> str:
    """The destination address of an MNS queue."""
    return f"acs:mns:::/queues/{name}/messages"
