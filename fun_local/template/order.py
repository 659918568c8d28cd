"""Which resource needs which, and so the order in which they are evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from fun_local.template import types
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem, nearest, shown
from fun_local.template.written import Written

_VARIABLE = re.compile(r"\$\{([^!${}][^${}]{0,256})\}")


def in_order(
    document: Document, resources: Mapping[str, Written], odd: list[str] | None = None
) -> tuple[list[str], list[Problem]]:
    """The ids with every resource after those it needs, and a problem for each bad DependsOn or a cycle.

    ``resources`` are all of the template's, by their names. With a cycle the order is that of the template.
    With a list for what is ``odd``, a DependsOn of nothing is noted there and is no problem.
    """
    problems: list[Problem] = []
    needs: dict[str, dict[str, Path]] = {}
    # ROS makes a role of a service's policies, and one resource per policy; both end so (template.md 6).
    roles = tuple(f"{name}Role" for name, r in resources.items() if r.type == types.SERVERLESS_SERVICE)
    for name, resource in resources.items():
        path = resource.path
        found = dict(_references(resource.properties, (*path, "Properties")))
        needs[name] = {target: where for target, where in found.items() if target in resources}
        if resource.parent in resources:
            needs[name].setdefault(resource.parent, path)
        wanted = resource.body.get("DependsOn", [])
        for i, target in enumerate(wanted if isinstance(wanted, list) else [wanted]):
            where = (*path, "DependsOn", i) if isinstance(wanted, list) else (*path, "DependsOn")
            if isinstance(target, str) and target in resources:
                needs[name].setdefault(target, where)
            elif isinstance(target, str) and not target.endswith(roles):
                message = f"DependsOn: no resource is called {shown(target)}"
                hint = nearest(target, list(resources))
                problem = document.problem("value", where, message, hint)
                if odd is None:
                    problems.append(problem)
                else:
                    odd.append(f"{problem.path} (line {problem.line}): {message}. {hint}".rstrip(" ."))
    try:
        return list(TopologicalSorter(needs).static_order()), problems
    except CycleError as error:
        circle: list[str] = error.args[1]  # each is needed by the next, the first is also the last
        where = needs[circle[1]][circle[0]]
        text = " -> ".join(reversed(circle[-20:]))
        problems.append(document.problem("value", where, f"resources need each other in a circle: {text}"))
        return list(resources), problems


def _references(value: Any, path: Path) -> Iterator[tuple[str, Path]]:
    """The names that Ref, Fn::GetAtt and Fn::Sub mention anywhere in a value, and where."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from _references(item, (*path, i))
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = (*path, key)
            if key == "Ref" and isinstance(item, str):
                yield item, inner
            elif key == "Fn::GetAtt" and isinstance(item, list) and item and isinstance(item[0], str):
                yield item[0], inner
            elif key == "Fn::Sub":
                text = item[0] if isinstance(item, list) and item else item
                for match in _VARIABLE.finditer(text if isinstance(text, str) else ""):
                    yield match[1], inner
                    yield match[1].partition(".")[0], inner
            yield from _references(item, inner)
