"""Which resource types are run, which are accepted without effect, and which are refused."""

from __future__ import annotations

from dataclasses import dataclass

from fun_local.template.problems import nearest

SERVICE = "ALIYUN::FC::Service"
FUNCTION = "ALIYUN::FC::Function"
QUEUE = "ALIYUN::MNS::Queue"
ROLE = "ALIYUN::RAM::Role"

RUN = (SERVICE, FUNCTION, QUEUE)

# By the longest prefix that fits.
_ACCEPTED = {
    "ALIYUN::FC::Trigger": "triggers are not started",
    "ALIYUN::FC::Version": "versions are not published from a template",
    "ALIYUN::FC::Alias": "aliases are not made from a template",
    "ALIYUN::FC::FunctionInvoker": "functions are not invoked while they are deployed",
    "ALIYUN::FC::CustomDomain": "there are no domains on this machine",
    "ALIYUN::FC::ProvisionConfig": "instances are started when they are needed",
    "ALIYUN::FC::Layer": "layers are not loaded",
    "ALIYUN::FC::": "it has no counterpart on this machine",
    "ALIYUN::MNS::Topic": "of MNS, a template makes queues only",
    "ALIYUN::MNS::Subscription": "of MNS, a template makes queues only",
    "ALIYUN::MNS::": "of MNS, a template makes queues only",
    "ALIYUN::RAM::": "there are no accounts or permissions on this machine",
    "ALIYUN::SLS::": "logs are kept by the emulator itself",
    "ALIYUN::ApiGateway::": "there is no API gateway on this machine",
    "ALIYUN::OTS::": "there is no table store on this machine",
    "ALIYUN::FNF::": "there are no flows on this machine",
    "ALIYUN::OSS::": "there is no object storage on this machine",
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


def decide(resource_type: str) -> Decision:
    """What becomes of a resource of this type."""
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


def _not_a_type(resource_type: str) -> str:
    valid = ", ".join(f'"{name}"' for name in RUN)
    found = resource_type[:128]
    return f'Value is not accepted. Found resource type "{found}". Valid values: {valid}'
