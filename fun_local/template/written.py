"""A template's resources as they are written, whatever the dialect: what is evaluated next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem
from fun_local.template.schema import check

#: The shape of a resource of plain ROS: Type, Properties, DependsOn and the like.
SHAPE = "Resource"

#: Stands for the number of a version that is published later, by the deployment. No name can be like it.
NEWEST = "(newest version)"


@dataclass(frozen=True, slots=True)
class Context:
    """What the template is deployed as and with. ``use_ros``: by way of a stack, not directly.

    ``stack_outputs`` are the outputs of the stacks that are deployed, by their names.
    """

    stack_name: str
    region: str
    account_id: str
    parameters: Mapping[str, str]
    replacements: Mapping[str, str]
    use_ros: bool = False
    stack_outputs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """One resource. ``body`` is the mapping that stands at ``path``.

    ``name`` is what others refer to it by, ``parent`` the name of what it stands in. ``names`` is what it
    will be called where its place says so: a service, its function, the function's trigger.
    """

    name: str
    type: str
    body: Mapping[str, Any]
    path: Path
    parent: str = ""
    names: tuple[str, ...] = ()

    @property
    def properties(self) -> Any:
        return self.body.get("Properties")


@dataclass(frozen=True, slots=True)
class Expansion:
    """All resources of a template, each after the one it stands in."""

    resources: tuple[Written, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def sections(document: Document, name: str) -> dict[str, dict[str, Any]]:
    """The entries of a section, without those that are no mappings: the check of the shapes reports them."""
    value = document.data.get(name)
    entries = value if isinstance(value, dict) else {}
    return {key: item for key, item in entries.items() if isinstance(item, dict)}


def written(document: Document, name: str, body: Mapping[str, Any]) -> tuple[Written, list[Problem]]:
    """A resource of plain ROS, and what is wrong with its shape."""
    path: Path = ("Resources", name)
    kind = body.get("Type")
    problems = check(document, SHAPE, body, path)[1]
    return Written(name, kind if isinstance(kind, str) else "", body, path), problems


def plain(document: Document) -> Expansion:
    """The resources of a plain ROS template."""
    resources, problems = [], []
    for name, body in sections(document, "Resources").items():
        resource, found = written(document, name, body)
        resources.append(resource)
        problems += found
    return Expansion(tuple(resources), tuple(problems))
