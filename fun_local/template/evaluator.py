"""Evaluates what stands in a template: functions, references, conditions.

A mistake becomes a problem and the value INVALID, which whoever meets it passes on without another
problem; so one run finds all mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fun_local.template.intrinsics import RESOLVERS, UNSUPPORTED
from fun_local.template.load import Document, Path
from fun_local.template.markers import INVALID, NO_VALUE, Marker, function_name, is_invalid, size_of
from fun_local.template.problems import Problem, invalid_template, nearest, shown

#: Values a template may grow to while it is evaluated, 16 characters of text counting as one.
MAX_WORK = 3_000_000

#: Functions and values inside each other, counting through named conditions.
MAX_NESTING = 150


@dataclass(frozen=True, slots=True)
class Target:
    """What can be asked of a resource. An ``is_open`` one, not being run, answers every attribute."""

    ref: Any
    attributes: Mapping[str, Any]
    is_open: bool = False


@dataclass(slots=True)
class Evaluator:
    """Evaluates values of one document and collects the problems it meets.

    ``resources`` holds for each resource what it answers, a text that says why it can't, or None when
    that has been reported already. ``stack_outputs`` are those of deployed stacks by their names. A lenient
    evaluator, for resources that are not run, keeps only the problems with references.
    """

    document: Document
    pseudo: Mapping[str, Any]
    parameters: Mapping[str, Any]
    resources: dict[str, Target | str | None]
    stack_outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    is_lenient: bool = False
    _conditions: dict[str, Any] = field(default_factory=dict)
    _depth: int = 0
    _work: int = 0

    def value(self, value: Any, path: Path) -> Any:
        """The value with everything in it evaluated; entries and items that are NO_VALUE left out.

        Raises:
            InvalidTemplate: it grows beyond MAX_WORK. Everything else is collected.
        """
        self._depth += 1
        try:
            if self._depth > MAX_NESTING:
                return self.fail(path, f"functions nested more than {MAX_NESTING} deep")
            self.spend(1, path)
            if isinstance(value, dict):
                if name := function_name(value):
                    return self._call(name, value[name], (*path, name))
                return self._mapping(value, path)
            if isinstance(value, list):
                items = []
                for position, item in enumerate(value):
                    if (evaluated := self.value(item, (*path, position))) is not NO_VALUE:
                        items.append(evaluated)
                return items
            return value
        finally:
            self._depth -= 1

    def condition(self, name: Any, path: Path) -> Any:
        """Whether a named condition holds, or INVALID."""
        conditions = self.document.data.get("Conditions")
        if not isinstance(conditions, dict) or not isinstance(name, str) or name not in conditions:
            known = list(conditions) if isinstance(conditions, dict) else []
            hint = nearest(name, known) if isinstance(name, str) else ""
            return self.fail(path, f"no condition is called {shown(name)}", hint, is_reference=True)
        if name not in self._conditions:
            self._conditions[name] = None  # being evaluated: who comes by here again goes in a circle
            where = ("Conditions", name)
            self._conditions[name] = self.truth(conditions[name], where)
        elif self._conditions[name] is None:
            self._conditions[name] = self.fail(path, f"condition {name} depends on itself")
        return self._conditions[name]

    def fail(self, path: Path, message: str, hint: str = "", *, is_reference: bool = False) -> Marker:
        """Note a ``value`` problem; gives INVALID."""
        if is_reference or not self.is_lenient:
            self.problems.append(self.document.problem("value", path, message, hint))
        return INVALID

    def look_up(self, name: str, path: Path) -> Any:
        """What ``Ref`` gives: a pseudo parameter, a parameter's value or a resource's physical id."""
        for table in (self.pseudo, self.parameters):
            if name in table:
                self.spend(size_of(table[name]), path)
                return table[name]
        if name in self.resources:
            target = self._target(name, path)
            return target if isinstance(target, Marker) else target.ref
        known = [*self.pseudo, *self.parameters, *self.resources]
        message = f"nothing in this template is called {shown(name)}"
        return self.fail(path, message, nearest(name, known), is_reference=True)

    def attribute(self, name: str, attribute: str, path: Path) -> Any:
        """What ``Fn::GetAtt`` gives."""
        if name not in self.resources:
            message = f"no resource is called {shown(name)}"
            return self.fail(path, message, nearest(name, list(self.resources)), is_reference=True)
        target = self._target(name, path)
        if isinstance(target, Marker):
            return target
        if attribute in target.attributes:
            return target.attributes[attribute]
        if target.is_open:
            return f"not-emulated:{name}.{attribute}"
        known = list(target.attributes)
        hint = nearest(attribute, known) or f"It has {', '.join(known)}."
        return self.fail(path, f"{name} has no attribute {shown(attribute)}", hint, is_reference=True)

    def _target(self, name: str, path: Path) -> Target | Marker:
        found = self.resources[name]
        if isinstance(found, str):
            return self.fail(path, f"{name} can't be referred to: {found}", is_reference=True)
        return INVALID if found is None else found

    def _mapping(self, value: dict[str, Any], path: Path) -> Any:
        evaluated: dict[str, Any] = {}
        for key, item in value.items():
            if key.startswith("Fn::"):
                return self.fail((*path, key), f"{key} must be the only key of its mapping")
            if (result := self.value(item, (*path, key))) is not NO_VALUE:
                evaluated[key] = result
        return evaluated

    def _call(self, name: str, argument: Any, path: Path) -> Any:
        if name in RESOLVERS:
            result = RESOLVERS[name](self, argument, path)
            self.spend(size_of(result), path)
            return result
        if name in UNSUPPORTED:
            return self.fail(path, f"the function {name} is not supported")
        return self.fail(path, f"no function is called {shown(name)}", nearest(name, list(RESOLVERS)))

    def spend(self, work: int, path: Path) -> None:
        """Count what a value costs; InvalidTemplate when the template has cost too much."""
        self._work += work
        if self._work > MAX_WORK:
            problem = self.document.problem("value", path, "here the template has grown too large")
            raise invalid_template(self.document.path, [*self.problems, problem])

    def truth(self, value: Any, path: Path) -> Any:
        """A condition's name or expression as True, False or INVALID."""
        conditions = self.document.data.get("Conditions")
        is_name = isinstance(value, str) and isinstance(conditions, dict) and value in conditions
        is_word = isinstance(value, str) and value.lower() in ("true", "false")
        if isinstance(value, str) and (is_name or not is_word):
            return self._named(value, path)
        evaluated = self.value(value, path)
        if isinstance(evaluated, str) and evaluated.lower() in ("true", "false"):
            return evaluated.lower() == "true"
        if is_invalid(evaluated):
            return INVALID
        if isinstance(evaluated, bool):
            return evaluated
        return self.fail(path, f"a condition is expected, found {shown(evaluated)}")

    def _named(self, name: str, path: Path) -> Any:
        # Named conditions are followed here, not in ``value``: their depth has to be counted too.
        self._depth += 5
        try:
            if self._depth > MAX_NESTING:
                return self.fail(path, f"conditions refer to each other more than {MAX_NESTING} deep")
            return self.condition(name, path)
        finally:
            self._depth -= 5
