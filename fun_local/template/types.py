"""Which resource types are run, which are accepted without effect, and which are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fun_local.template.problems import nearest

SERVICE = "ALIYUN::FC::Service"
FUNCTION = "ALIYUN::FC::Function"
TRIGGER = "ALIYUN::FC::Trigger"
VERSION = "ALIYUN::FC::Version"
ALIAS = "ALIYUN::FC::Alias"
INVOKER = "ALIYUN::FC::FunctionInvoker"
DOMAIN = "ALIYUN::FC::CustomDomain"
QUEUE = "ALIYUN::MNS::Queue"
TOPIC = "ALIYUN::MNS::Topic"
SUBSCRIPTION = "ALIYUN::MNS::Subscription"
ROLE = "ALIYUN::RAM::Role"

RUN = (SERVICE, FUNCTION, TRIGGER, VERSION, ALIAS, INVOKER, DOMAIN, QUEUE, TOPIC, SUBSCRIPTION)

#: Funcraft's own types, known where the template has its Transform.
PREFIX = "Aliyun::Serverless::"
EVENT = f"{PREFIX}Triggers::"
SERVERLESS_SERVICE = f"{PREFIX}Service"
SERVERLESS_FUNCTION = f"{PREFIX}Function"
SERVERLESS_DOMAIN = f"{PREFIX}CustomDomain"
SERVERLESS_TOPIC = f"{PREFIX}MNSTopic"

_SERVERLESS_RUN = (SERVERLESS_SERVICE, SERVERLESS_FUNCTION, SERVERLESS_DOMAIN, SERVERLESS_TOPIC)
_SERVERLESS_ACCEPTED = {
    f"{PREFIX}Log": "logs are kept by the emulator itself",
    f"{PREFIX}Log::Logstore": "logs are kept by the emulator itself",
    f"{PREFIX}TableStore": "there is no table store on this machine",
    f"{PREFIX}TableStore::Table": "there is no table store on this machine",
    f"{PREFIX}Api": "there is no API gateway on this machine",
    f"{PREFIX}Flow": "there are no flows on this machine",
}
#: What may stand in Resources, in the order in which messages list it.
_SERVERLESS = (
    *_SERVERLESS_RUN[:1],
    *_SERVERLESS_RUN[2:],
    *(t for t in _SERVERLESS_ACCEPTED if t.count("::") == 2),
)

# By the longest prefix that fits.
_ACCEPTED = {
    "ALIYUN::FC::ProvisionConfig": "instances are started when they are needed",
    "ALIYUN::FC::Layer": "layers are not loaded",
    "ALIYUN::FC::": "it has no counterpart on this machine",
    "ALIYUN::MNS::": "of MNS there are queues, topics and subscriptions only",
    "ALIYUN::RAM::": "there are no accounts or permissions on this machine",
    "ALIYUN::SLS::": "logs are kept by the emulator itself",
    "ALIYUN::ApiGateway::": "there is no API gateway on this machine",
    "ALIYUN::OTS::": "there is no table store on this machine",
    "ALIYUN::FNF::": "there are no flows on this machine",
    "ALIYUN::OSS::": "buckets here only hold code that was uploaded",
    "ALIYUN::ECS::": "there is no private network on this machine",
    "ALIYUN::VPC::": "there is no private network on this machine",
    "ALIYUN::NAS::": "there is no shared file system on this machine",
    "ALIYUN::ROS::WaitCondition": "nothing here has to be waited for",
    "ALIYUN::ROS::AutoEnableService": "nothing here has to be enabled",
}

_REFUSED = {"ALIYUN::ROS::Stack": "a stack inside a stack needs templates from elsewhere"}

#: For the nearest valid name when one is misspelt.
_KNOWN = [*RUN, ROLE, *(name for name in _ACCEPTED if not name.endswith("::"))]


@dataclass(frozen=True, slots=True)
class Decision:
    """``run``, or else why a type is only ``accepted`` or is ``refused``.

    ``is_known`` is False for a type that is accepted because its prefix is the vendor's.
    """

    action: str
    reason: str = ""
    hint: str = ""
    is_known: bool = True


def decide(resource_type: str, *, is_serverless: bool = False) -> Decision:
    """What becomes of a resource of this type; ``is_serverless``: the template has Funcraft's Transform."""
    if is_serverless and resource_type.startswith(PREFIX):
        return _decide_serverless(resource_type)
    return _decide_plain(resource_type) if resource_type else Decision("accepted", "it has no type")


def _decide_plain(resource_type: str) -> Decision:
    if resource_type in RUN:
        return Decision("run")
    if resource_type in _REFUSED:
        return Decision("refused", f"{resource_type} can't be deployed: {_REFUSED[resource_type]}")
    family, _, name = resource_type.rpartition("::")
    if resource_type not in _ACCEPTED:
        # So close to what is run that it is a slip rather than a wish for something else.
        siblings = [known.rpartition("::")[2] for known in RUN if known.startswith(f"{family}::")]
        meant = nearest(name, siblings, likeness=0.75)
        if meant:
            return Decision("refused", _not_a_type(resource_type), meant)
    if resource_type.startswith(("ALIYUN::", "DATASOURCE::")):
        fitting = [prefix for prefix in _ACCEPTED if resource_type.startswith(prefix)]
        if not fitting:
            return Decision("accepted", "it has no counterpart on this machine", is_known=False)
        return Decision("accepted", _ACCEPTED[max(fitting, key=len)])
    hint = nearest(resource_type, _KNOWN)
    if family == "Aliyun::Serverless":
        hint = "Types of this family need 'Transform: Aliyun::Serverless-2018-04-03' in the template."
    return Decision("refused", _not_a_type(resource_type), hint)


def _decide_serverless(resource_type: str) -> Decision:
    if resource_type in _SERVERLESS_RUN or resource_type.startswith(EVENT):
        return Decision("run")
    if resource_type in _SERVERLESS_ACCEPTED:
        return Decision("accepted", _SERVERLESS_ACCEPTED[resource_type])
    return Decision("refused", _not_a_type(resource_type, _SERVERLESS), nearest(resource_type, _SERVERLESS))


def _not_a_type(resource_type: str, known: Sequence[str] = RUN) -> str:
    valid = ", ".join(f'"{name}"' for name in known)
    found = resource_type[:128]
    return f'Value is not accepted. Found resource type "{found}". Valid values: {valid}'
