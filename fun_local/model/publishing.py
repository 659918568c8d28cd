"""Versions and aliases, one by one: the other half of editing.py, by the same rules. Pure.

A ``scope`` is what they belong to: a service, or a function of FC 3.0 (see names.version_scope).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model.changes import Changes
from fun_local.model.deployed import Deployed
from fun_local.model.editing import Check, already
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, check_name, version_scope
from fun_local.model.resources import Alias, Publication, Version


def publish(deployed: Deployed, scope: str, description: str, now_ms: int) -> Deployed:
    """The next version of a service, or of a function of FC 3.0; it is the newest of the scope then.

    Raises:
        InvalidRequest: nothing has changed since the last one (fc-api 7), or the scope is the service of
            functions that have versions of their own.
    """
    if scope == IMPLICIT_SERVICE:
        raise InvalidRequest(
            "InvalidArgument",
            f"functions of '{IMPLICIT_SERVICE}' are published one by one",
            hint="Use the API of 2023-03-30.",
        )
    changes = Changes(deployed, "", now_ms)
    changes.publish(Publication(scope, description))
    published = changes.so_far()
    if len(published.versions) == len(deployed.versions):
        newest = deployed.newest(scope)
        number = newest.number if newest else ""
        raise InvalidRequest("InvalidArgument", f"'{scope}' has not changed since version '{number}'")
    return published


def version_of(deployed: Deployed, scope: str, number: str) -> Version:
    """Raises NotFound."""
    found = deployed.versions.get(f"{scope}.{number}")
    if found is None:
        raise NotFound("VersionNotFound", f"version '{number}' of {_owner(scope)} does not exist")
    return found


def delete_version(deployed: Deployed, scope: str, number: str, now_ms: int) -> Deployed:
    """Raises NotFound, or Conflict while an alias or a trigger leads to it."""
    version_of(deployed, scope, number)
    _check_not_aimed_at(deployed, scope, number)
    changes = Changes(deployed, "", now_ms)
    changes.delete("Version", changes.versions, f"{scope}.{number}")
    return changes.plan().deployed


def alias_of(deployed: Deployed, scope: str, name: str) -> Alias:
    """Raises NotFound."""
    found = deployed.aliases.get(f"{scope}.{name}")
    if found is None:
        raise NotFound("AliasNotFound", f"alias '{name}' of {_owner(scope)} does not exist")
    return found


def create_alias(deployed: Deployed, alias: Alias, now_ms: int) -> Deployed:
    """Raises Conflict when there is one of that name, and otherwise as ``_check_alias``."""
    check_name("alias", alias.name)
    if alias.name == LATEST:
        raise InvalidRequest("InvalidArgument", f"alias name '{LATEST}' stands for what is not published yet")
    if alias.path in deployed.aliases:
        raise already("Alias", alias.name)
    _check_alias(deployed, alias)
    return _with_alias(deployed, replace(alias, created_ms=now_ms, modified_ms=now_ms))


def update_alias(
    deployed: Deployed, scope: str, name: str, change: Callable[[Alias], Alias], check: Check, *, now_ms: int
) -> Deployed:
    """Raises NotFound, what ``check`` raises, and otherwise as ``_check_alias``."""
    check(old := alias_of(deployed, scope, name))
    alias = change(old)
    _check_alias(deployed, alias)
    return _with_alias(deployed, replace(alias, modified_ms=now_ms))


def delete_alias(deployed: Deployed, scope: str, name: str, check: Check, now_ms: int) -> Deployed:
    """Raises NotFound, what ``check`` raises, or Conflict while a trigger leads to it."""
    check(alias_of(deployed, scope, name))
    _check_not_aimed_at(deployed, scope, name)
    changes = Changes(deployed, "", now_ms)
    changes.delete("Alias", changes.aliases, f"{scope}.{name}")
    return changes.plan().deployed


def _check_alias(deployed: Deployed, alias: Alias) -> None:
    """Raise NotFound or InvalidRequest unless it leads to versions that are there, in shares that add up."""
    for number in alias.targets:
        version_of(deployed, alias.scope, number)
    if alias.version in alias.additional_weights:
        raise InvalidRequest(
            "AdditionalVersionContainsMajorVersion",
            f"additional version '{alias.version}' of alias '{alias.name}' is its main version too",
        )
    weights = alias.additional_weights.values()
    if not all(0 <= weight <= 1 for weight in weights) or sum(weights) > 1:
        raise InvalidRequest(
            "InvalidArgument",
            f"the additional weights of alias '{alias.name}' must be from 0 to 1, also in sum",
        )


def _with_alias(deployed: Deployed, alias: Alias) -> Deployed:
    return replace(deployed, aliases={**deployed.aliases, alias.path: alias})


def _check_not_aimed_at(deployed: Deployed, scope: str, qualifier: str) -> None:
    for trigger in deployed.triggers.values():
        if (version_scope(trigger.service, trigger.function), trigger.qualifier) == (scope, qualifier):
            raise Conflict(
                "VersionInUse",
                f"'{scope}.{qualifier}' can't be deleted: trigger '{trigger.name}' leads to it",
                hint="Delete the trigger first.",
            )


def _owner(scope: str) -> str:
    service, slash, function = scope.partition("/")
    return f"function '{function}'" if slash else f"service '{service}'"
