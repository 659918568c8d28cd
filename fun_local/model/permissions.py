"""Roles and policies, as RAM has them, kept for their owner: here everybody may do everything. Pure.

A role need not be made to be there: templates and clients name roles of an account that this machine does not
know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model.resources import Record, fields_of

#: RAM documentation: CreateRole, CreatePolicy, "Limits".
_ROLE_NAME = re.compile(r"[A-Za-z0-9.@_-]{1,64}")
_POLICY_NAME = re.compile(r"[A-Za-z0-9-]{1,128}")
_MOST_ROLES = 1000
_MOST_POLICIES = 1500
_MOST_VERSIONS = 5
_MOST_ATTACHED = 20
_LONGEST_DOCUMENT = 6144

SYSTEM, CUSTOM = "System", "Custom"

#: What a role that nobody has made may do.
_EVERYTHING = f"{SYSTEM}/AdministratorAccess"


@dataclass(frozen=True, slots=True)
class Role(Record):
    """A role. ``attached`` are the policies it has, as ``TYPE/NAME``."""

    name: str
    description: str = ""
    document: str = ""
    attached: tuple[str, ...] = ()
    created_ms: int = 0

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Role:
        known = fields_of(cls, data)
        return cls(**{**known, "attached": tuple(known.get("attached", ()))})


@dataclass(frozen=True, slots=True)
class Policy(Record):
    """A policy. ``versions`` are documents by their numbers, ``default`` the number of the one in force."""

    name: str
    description: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    default: str = "v1"
    #: Versions ever made: a number is never given twice.
    count: int = 1
    created_ms: int = 0
    modified_ms: int = 0


@dataclass(frozen=True, slots=True)
class Permissions:
    """All roles and policies, by name. Each change gives what is there then, or raises."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)

    def role(self, name: str) -> Role:
        """A role, whether anybody has made it or not. Raises InvalidRequest for no name of one."""
        if not _ROLE_NAME.fullmatch(name):
            message = f"{name[:80]!r} is not the name of a role: 1 to 64 letters, digits, '.', '-' and '_'"
            raise InvalidRequest("InvalidParameter.RoleName", message)
        return self.roles.get(name) or Role(name, attached=(_EVERYTHING,))

    def create_role(self, name: str, description: str, document: str, now_ms: int) -> Permissions:
        self.role(name)
        if name in self.roles:
            raise Conflict("EntityAlreadyExists.Role", f"the role {name} already exists")
        _check_limit(len(self.roles), _MOST_ROLES, "Role", "roles")
        _check_document(document, "AssumeRolePolicyDocument")
        return self._with_role(Role(name, description, document, created_ms=now_ms))

    def delete_role(self, name: str) -> Permissions:
        if name not in self.roles:
            raise NotFound("EntityNotExist.Role", f"the role {name[:80]} does not exist")
        if self.roles[name].attached:
            message = f"the role {name} has policies: detach {', '.join(self.roles[name].attached)} first"
            raise Conflict("DeleteConflict.Role.Policy", message)
        return replace(self, roles={key: role for key, role in self.roles.items() if key != name})

    def attach(self, name: str, kind: str, policy: str) -> Permissions:
        role, entry = self.role(name), f"{kind}/{policy}"
        self.check_policy(kind, policy)
        if entry in role.attached:
            message = f"the policy {policy} is attached to the role {name} already"
            raise Conflict("EntityAlreadyExists.Role.Policy", message)
        _check_limit(len(role.attached), _MOST_ATTACHED, "Role.Policy", f"policies of the role {name}")
        if name not in self.roles:
            _check_limit(len(self.roles), _MOST_ROLES, "Role", "roles")
        return self._with_role(replace(role, attached=(*role.attached, entry)))

    def detach(self, name: str, kind: str, policy: str) -> Permissions:
        role, entry = self.role(name), f"{kind}/{policy}"
        if entry not in role.attached:
            message = f"the policy {policy[:160]} is not attached to the role {name}"
            raise NotFound("EntityNotExist.Role.Policy", message)
        return self._with_role(replace(role, attached=tuple(e for e in role.attached if e != entry)))

    def check_policy(self, kind: str, name: str) -> None:
        """Raise unless there is such a policy: those of the system are all there."""
        if kind not in (SYSTEM, CUSTOM):
            message = f"PolicyType is System or Custom, not {kind[:40]!r}"
            raise InvalidRequest("InvalidParameter.PolicyType", message)
        if not _POLICY_NAME.fullmatch(name):
            message = f"{name[:160]!r} is not the name of a policy: 1 to 128 letters, digits and hyphens"
            raise InvalidRequest("InvalidParameter.PolicyName", message)
        if kind == CUSTOM:
            self.policy(name)

    def policy(self, name: str) -> Policy:
        """A policy that somebody has made. Raises NotFound."""
        if name not in self.policies:
            raise NotFound("EntityNotExist.Policy", f"the policy {name[:160]} does not exist")
        return self.policies[name]

    def create_policy(self, name: str, description: str, document: str, now_ms: int) -> Permissions:
        self.check_policy(SYSTEM, name)
        if name in self.policies:
            raise Conflict("EntityAlreadyExists.Policy", f"the policy {name} already exists")
        _check_limit(len(self.policies), _MOST_POLICIES, "Policy", "policies")
        _check_document(document, "PolicyDocument")
        return self._with_policy(
            Policy(name, description, {"v1": document}, created_ms=now_ms, modified_ms=now_ms)
        )

    def delete_policy(self, name: str) -> Permissions:
        policy = self.policy(name)
        users = [role.name for role in self.roles.values() if f"{CUSTOM}/{name}" in role.attached]
        if users:
            message = f"the policy {name} is attached to {', '.join(users)}"
            raise Conflict("DeleteConflict.Policy.Role", message)
        if len(policy.versions) > 1:
            message = f"the policy {name} has other versions than its default: delete them first"
            raise Conflict("DeleteConflict.Policy.Version", message)
        return replace(self, policies={key: p for key, p in self.policies.items() if key != name})

    def create_version(self, name: str, document: str, *, is_default: bool, now_ms: int) -> Permissions:
        policy = self.policy(name)
        _check_limit(len(policy.versions), _MOST_VERSIONS, "Policy.Version", f"versions of {name}")
        _check_document(document, "PolicyDocument")
        number = f"v{policy.count + 1}"
        new = replace(
            policy,
            versions={**policy.versions, number: document},
            default=number if is_default else policy.default,
            count=policy.count + 1,
            modified_ms=now_ms,
        )
        return self._with_policy(new)

    def delete_version(self, name: str, number: str) -> Permissions:
        policy = self.policy(name)
        if number not in policy.versions:
            message = f"the policy {name} has no version {number[:40]}"
            raise NotFound("EntityNotExist.Policy.Version", message)
        if number == policy.default:
            message = f"{number} is the default version of the policy {name}"
            raise Conflict("DeleteConflict.Policy.Version.Default", message)
        versions = {key: document for key, document in policy.versions.items() if key != number}
        return self._with_policy(replace(policy, versions=versions))

    def _with_role(self, role: Role) -> Permissions:
        return replace(self, roles={**self.roles, role.name: role})

    def _with_policy(self, policy: Policy) -> Permissions:
        return replace(self, policies={**self.policies, policy.name: policy})


def _check_limit(there: int, most: int, what: str, named: str) -> None:
    if there >= most:
        raise Conflict(f"LimitExceeded.{what}", f"there are {there} {named} already, and no more may be")


def _check_document(document: str, parameter: str) -> None:
    if len(document) > _LONGEST_DOCUMENT:
        message = f"{parameter} has {len(document)} characters, more than {_LONGEST_DOCUMENT}"
        raise InvalidRequest(f"InvalidParameter.{parameter}.Length", message)
