"""Evaluates the expressions of a Serverless Devs file.

A mistake becomes a problem and the value INVALID, which whoever meets it passes on without another
problem; so one run finds all mistakes. What a name refers to is evaluated when it is asked for, once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fun_local.template import devs_functions
from fun_local.template.devs_expressions import BadExpression, Call, Embedded, Name, Text, parse
from fun_local.template.devs_extend import file_at
from fun_local.template.load import Document, Path, path_text
from fun_local.template.markers import INVALID, Marker, is_invalid, size_of
from fun_local.template.nodes import scalar
from fun_local.template.problems import Problem, invalid_template, nearest, shown

#: Values a file may grow to while it is evaluated, 16 characters of text counting as one.
MAX_WORK = 3_000_000

#: Values inside each other; following a name counts as several.
MAX_NESTING = 150
_NAME_NESTING = 6

_OWN = ("props", "output", "info", "name", "component", "access")


class Evaluator:
    """Evaluates values of one document. ``section`` is where its modules stand: services or resources."""

    def __init__(self, document: Document, section: str, around: devs_functions.Surroundings) -> None:
        self.problems: list[Problem] = []
        #: Outputs that something refers to, which are only a name here: module, text.
        self.outputs: dict[str, str] = {}
        self._document = document
        self._section = section
        self._around = around
        self._done: dict[Path, Any] = {}
        self._open: list[Path] = []
        self._depth = 0
        self._work = 0

    def value(self, value: Any, path: Path) -> Any:
        """The value that stands at ``path``, with everything in it evaluated.

        Raises:
            InvalidTemplate: it grows beyond MAX_WORK. Everything else is collected.
        """
        self._depth += 1
        try:
            if self._depth > MAX_NESTING:
                return self.fail(path, f"values and names nested more than {MAX_NESTING} deep")
            self._spend(1, path)
            if isinstance(value, dict):
                return {key: self.value(item, (*path, key)) for key, item in value.items()}
            if isinstance(value, list):
                return [self.value(item, (*path, i)) for i, item in enumerate(value)]
            return self._once(value, path) if isinstance(value, str) and "${" in value else value
        finally:
            self._depth -= 1

    def fail(self, path: Path, message: str, hint: str = "") -> Marker:
        """Note a ``value`` problem; gives INVALID."""
        self.problems.append(self._document.problem("value", path, message, hint))
        return INVALID

    def _once(self, value: Any, path: Path) -> Any:
        """What stands at a place of the document, evaluated when it is first asked for."""
        if path not in self._done:
            if path in self._open:
                circle = [path_text(each) for each in (*self._open[self._open.index(path) :], path)]
                return self.fail(path, f"depends on itself: {' -> '.join(circle)}")
            self._open.append(path)
            try:
                is_text = isinstance(value, str)
                self._done[path] = self._text(value, path) if is_text else self.value(value, path)
            finally:
                self._open.pop()
        return self._done[path]

    def _text(self, text: str, path: Path) -> Any:
        try:
            return self._pieces(parse(text), path)
        except BadExpression as error:
            hint = f"Names start with vars, this or a module; functions are {_listed()}."
            return self.fail(path, f"{shown(text)}: {error}", hint)

    def _pieces(self, pieces: Text, path: Path) -> Any:
        """One expression alone keeps the type of its value; in longer text it becomes text."""
        values = [self._embedded(p, path) if isinstance(p, Embedded) else p for p in pieces]
        if len(values) == 1:
            return values[0]
        texts = []
        for piece, value in zip(pieces, values, strict=True):
            if is_invalid(value):
                return INVALID
            if isinstance(value, dict | list) and isinstance(piece, Embedded):
                kind = "a mapping" if isinstance(value, dict) else "a list"
                return self.fail(path, f"{piece.source} is {kind}, which can't be put into a text")
            texts.append(value if isinstance(value, str) else "" if value is None else json.dumps(value))
        text = "".join(texts)
        self._spend(len(text) // 16, path)
        return text

    def _embedded(self, embedded: Embedded, path: Path) -> Any:
        self._depth += _NAME_NESTING
        try:
            if self._depth > MAX_NESTING:
                return self.fail(path, f"values and names nested more than {MAX_NESTING} deep")
            expression = embedded.expression
            if isinstance(expression, Call):
                value = self._call(expression, embedded.source, path)
            else:
                value = self._name(expression, embedded.source, path)
        finally:
            self._depth -= _NAME_NESTING
        self._spend(size_of(value), path)
        return value

    def _call(self, call: Call, source: str, path: Path) -> Any:
        if call.function not in devs_functions.FUNCTIONS:
            known = nearest(call.function, list(devs_functions.FUNCTIONS)) or f"Known: {_listed()}."
            return self.fail(path, f"{source}: no function is called {call.function}", known)
        function, most = devs_functions.FUNCTIONS[call.function]
        if not 1 <= len(call.arguments) <= most:
            wanted = "one argument" if most == 1 else f"one to {most} arguments"
            message = f"{source}: {call.function} takes {wanted}, not {len(call.arguments)}"
            return self.fail(path, message)
        arguments = []
        for position, argument in enumerate(call.arguments):
            value = self._pieces(argument.text, path)
            if is_invalid(value):
                return INVALID
            # A default without quotes is a number or a word; the first argument is always a text.
            is_bare = position > 0 and not argument.is_quoted and isinstance(value, str)
            arguments.append(scalar(value) if is_bare else value)
        # What comes from another file sees paths from there.
        folder = os.path.dirname(file_at(self._document, path))
        try:
            return function(replace(self._around, folder=folder), arguments)
        except devs_functions.Refused as error:
            return self.fail(path, f"{source}: {error.message}", error.hint)

    def _name(self, name: Name, source: str, path: Path) -> Any:
        parts = [self._pieces(part, path) for part in name.parts]
        if any(is_invalid(part) for part in parts):
            return INVALID
        words = [part if isinstance(part, str) else json.dumps(part) for part in parts]
        if words[0] == "vars" or self._is_section(words[0]):
            return self._follow((words[0],), words[1:], source, path)
        if words == ["aliyun-cli"]:
            return words[0]  # stands for the vendor's own configuration where an alias is expected
        is_inside = path[0] == self._section and len(path) > 1
        if words[0] == "this" and is_inside:
            return self._module(str(path[1]), words[1:], source, path)
        is_long = words[0] == "resources" and len(words) > 1
        module = words[1] if is_long else words[0]
        if module in self._modules():
            return self._module(module, words[2 if is_long else 1 :], source, path)
        return self._unknown(module, source, path)

    def _is_section(self, name: str) -> bool:
        """Whether a name is that of a section of the file: the first edition has names for all of them."""
        is_there = isinstance(self._document.data.get(name), dict)
        return is_there and self._section == "services" and name not in self._modules()

    def _unknown(self, first: str, source: str, path: Path) -> Marker:
        variables = self._document.data.get("vars")
        if first == "this":
            hint = "It means the module around it, and there is none."
        elif isinstance(variables, dict) and first in variables:
            hint = f"Did you mean ${{vars.{first}}}?"
        elif first in devs_functions.FUNCTIONS:
            hint = f"It is a function: ${{{first}(…)}}."
        elif first == "environment":
            hint = "Environments (env:) are not read here; use vars or env('NAME')."
        else:
            hint = nearest(first, ["vars", "this", "resources", *self._modules()])
        return self.fail(path, f"{source}: nothing is called {shown(first)}", hint)

    def _module(self, name: str, parts: Sequence[str], source: str, path: Path) -> Any:
        """``props.x``, ``output.x``, ``info.x``, ``name``, ``access`` or ``component`` of a module."""
        module, at = self._modules()[name], (self._section, name)
        wanted = parts[0] if parts else ""
        if wanted == "props":
            return self._follow((*at, "props"), parts[1:], source, path)
        if wanted in ("output", "info"):
            # Known only after the tool has deployed the module.
            text = ".".join((f"not-emulated:{name}", *parts[1:]))
            self.outputs[source] = text
            return text
        if wanted == "name":
            return name
        if wanted == "access" and "access" not in module:
            return self._document.data.get("access", "default")
        if wanted in _OWN and wanted in module:
            return self._once(module[wanted], (*at, wanted))
        hint = nearest(wanted, _OWN) if wanted else ""
        what = f"has no {shown(wanted)}" if wanted else "is no value"
        return self.fail(path, f"{source}: module {name} {what}", hint or f"It has {', '.join(_OWN)}.")

    def _follow(self, start: Path, parts: Sequence[str], source: str, path: Path) -> Any:
        """The value below ``start`` that the other parts of a name lead to."""
        value: Any = self._document.data
        for outer in start:
            value = value.get(outer) if isinstance(value, dict) else None
        at: Path | None = start
        for part in parts:
            if at is not None and isinstance(value, str) and "${" in value:
                # From here on it is a value, no longer a place in the document.
                value, at = self._once(value, at), None
            if value is INVALID:
                return INVALID
            key: str | int = part
            if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                key = int(part)
            elif not isinstance(value, dict) or part not in value:
                known = list(value) if isinstance(value, dict) else []
                hint = nearest(part, known) or (f"Known: {', '.join(known[:12])}." if known else "")
                return self.fail(path, f"{source}: there is no {shown(part)}", hint)
            value, at = value[key], None if at is None else (*at, key)
        return value if at is None else self._once(value, at)

    def _modules(self) -> dict[str, Any]:
        modules = self._document.data.get(self._section)
        entries = modules if isinstance(modules, dict) else {}
        return {name: module for name, module in entries.items() if isinstance(module, dict)}

    def _spend(self, amount: int, path: Path) -> None:
        """Refuse what grows without bound; such a file is refused at once, not collected."""
        self._work += amount
        if self._work > MAX_WORK:
            problem = self._document.problem("value", path, "with its expressions put in it is too large")
            raise invalid_template(self._document.path, [problem])


def _listed() -> str:
    return ", ".join(devs_functions.FUNCTIONS)
