"""Funcraft's own dialect (``Transform: Aliyun::Serverless-2018-04-03``): the same resources, nested.

A service holds its functions and a function its events; a log project holds its stores, a table store its
tables. Here each becomes a resource of its own, still in its own words and at its own place in the file, so
that references, conditions and problems are the same for all dialects. Sources: Funcraft's specification of
2018-04-03 and the schema of its validator; for what others may refer to, the ROS documentation of Transform.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fun_local.template import types
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem, nearest
from fun_local.template.schema import check
from fun_local.template.triggers import EVENT_TYPES
from fun_local.template.types import EVENT, PREFIX
from fun_local.template.written import SHAPE, Context, Expansion, Written, sections, written

TRANSFORM = "Aliyun::Serverless-2018-04-03"

#: What stands inside another resource, and inside which.
_NESTED = {
    f"{PREFIX}Function": "service",
    f"{PREFIX}Log::Logstore": "log project",
    f"{PREFIX}TableStore::Table": "table store",
}

#: Types that nothing stands in, but whose shape lets other keys pass.
_TOLERANT = (f"{PREFIX}CustomDomain", f"{PREFIX}Flow")

#: What a resource may have besides what stands in it.
_ATTRIBUTES = frozenset(
    {
        "Type",
        "Properties",
        "DependsOn",
        "Condition",
        "Metadata",
        "DeletionPolicy",
        "UpdatePolicy",
        "Description",
        "Count",
    }
)


def is_serverless(document: Document) -> bool:
    """Whether the template is of this dialect."""
    return document.data.get("Transform") in (TRANSFORM, [TRANSFORM])


def service_name(context: Context, resource_id: str) -> str:
    """What a service is called: directly deployed as in the template, in a stack with a suffix of its own.

    How ROS derives the twelve digits is not documented, only that the same stack keeps them.
    """
    if not context.use_ros:
        return resource_id
    seed = f"{context.stack_name}\0{resource_id}".encode()
    return f"{context.stack_name}-{resource_id}-{hashlib.sha256(seed).hexdigest()[:12].upper()}"


def meant_service(document: Document, context: Context, name: str) -> str:
    """The service that a route names: by its id in the template, which packaging turns into its name."""
    if sections(document, "Resources").get(name, {}).get("Type") == types.SERVERLESS_SERVICE:
        return service_name(context, name)
    return name


def expand(document: Document, context: Context) -> Expansion:
    """The template's resources, those inside others after them."""
    found = _Found(document, context, set(sections(document, "Resources")))
    for name, body in sections(document, "Resources").items():
        found.add(name, body)
    return Expansion(tuple(found.resources), tuple(found.problems), tuple(found.warnings))


@dataclass(slots=True)
class _Found:
    document: Document
    context: Context
    taken: set[str]
    resources: list[Written] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, name: str, body: Mapping[str, Any]) -> None:
        """One resource with all that is in it."""
        kind, path = body.get("Type"), ("Resources", name)
        if not isinstance(kind, str) or not kind.startswith(PREFIX):
            resource, problems = written(self.document, name, body)
            self.resources.append(resource)
            self.problems += problems
        elif kind in _NESTED:
            message = f"Value is not accepted. Found resource type {kind}"
            hint = f"It stands inside its {_NESTED[kind]}, not beside it."
            self.problems.append(self.document.problem("value", (*path, "Type"), message, hint))
        elif kind == types.SERVERLESS_SERVICE:
            self._service(name, body, path)
        else:
            self.resources.append(Written(name, kind, body, path, names=(name,)))
            parts = {f"{PREFIX}Log": "Log::Logstore", f"{PREFIX}TableStore": "TableStore::Table"}
            if kind in parts:
                self._check("OpenShape", body, path)
                self._parts(name, body, path, PREFIX + parts[kind])
            elif kind in _TOLERANT:
                self._check("OpenShape", body, path)
                self._warn_of_rest(name, body, _ATTRIBUTES)
            else:
                self._check(SHAPE, body, path)

    def _check(self, shape: str, body: Any, path: Path) -> None:
        self.problems += check(self.document, shape, body, path)[1]

    def _service(self, name: str, body: Mapping[str, Any], path: Path) -> None:
        self._check("ServiceShape", body, path)
        service = service_name(self.context, name)
        self.resources.append(Written(name, types.SERVERLESS_SERVICE, body, path, names=(service,)))
        for key, inner in body.items():
            if key in _ATTRIBUTES:
                continue
            self._check("FunctionShape", inner, (*path, key))
            if not isinstance(inner, dict) or inner.get("Type") != types.SERVERLESS_FUNCTION:
                continue
            # ROS gives the function the two ids, one after the other.
            function = name + key if name + key not in self.taken else f"{name}/{key}"
            self.taken.add(function)
            at = (*path, key)
            names = (service, key)
            self.resources.append(Written(function, types.SERVERLESS_FUNCTION, inner, at, name, names))
            self._warn_of_rest(f"{name}/{key}", inner, {"Type", "Properties", "Events"})
            events = inner.get("Events")
            for trigger, event in events.items() if isinstance(events, dict) else ():
                word = event.get("Type") if isinstance(event, dict) else None
                if isinstance(word, str) and word in EVENT_TYPES:
                    where = (*at, "Events", trigger)
                    parts = (*names, trigger)
                    full = f"{name}/{key}/{trigger}"
                    self.resources.append(Written(full, EVENT + word, event, where, function, parts))

    def _parts(self, name: str, body: Mapping[str, Any], path: Path, kind: str) -> None:
        """The stores of a log project, the tables of a table store. Other keys pass with a warning."""
        for key, inner in body.items():
            if key in _ATTRIBUTES:
                continue
            if isinstance(inner, dict) and inner.get("Type") == kind:
                self._check(SHAPE, inner, (*path, key))
                self.resources.append(Written(f"{name}/{key}", kind, inner, (*path, key), name, (key,)))
            elif isinstance(inner, dict) and isinstance(inner.get("Type"), str):
                message = (
                    f'Value is not accepted. Found resource type "{inner["Type"]}". Valid values: "{kind}"'
                )
                where = (*path, key, "Type")
                hint = nearest(inner["Type"], [kind])
                self.problems.append(self.document.problem("value", where, message, hint))
            else:
                self._warn_of_rest(name, {key: inner}, ())

    def _warn_of_rest(self, name: str, body: Mapping[str, Any], known: Any) -> None:
        self.warnings += [f"{name}: {key} is not known and has no effect" for key in body if key not in known]
