"""Serverless Devs files (``s.yaml``): editions 1.0.0 with the component fc and 3.0.0 with fc3.

FC 3.0 has no services: its functions live in one that we imply. What the tool would run before and after it
deploys (``actions``) is not run. Sources: the tool's description of its YAML, the components' documentation
and schemas.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fun_local.model.names import IMPLICIT_SERVICE
from fun_local.model.resources import Accepted, Function, Service
from fun_local.template import (
    devs_code,
    devs_convert,
    devs_domains,
    devs_dotenv,
    devs_extend,
    devs_modules,
    devs_triggers,
    placeholders,
    triggers,
)
from fun_local.template.code import CodeSource
from fun_local.template.devs_evaluator import Evaluator
from fun_local.template.devs_functions import Surroundings
from fun_local.template.load import Document, Path, path_text
from fun_local.template.markers import INVALID, is_invalid
from fun_local.template.problems import Problem
from fun_local.template.readers import Found
from fun_local.template.schema import check


def is_devs(document: Document) -> bool:
    """Whether a file is of this dialect, by what is in it or by its name.

    One that extends another may leave everything but its differences to that.
    """
    data, name = document.data, os.path.basename(document.path)
    is_part = "extend" in data and not data.keys().isdisjoint(("resources", "services", "vars"))
    return "edition" in data or is_part or name in ("s.yaml", "s.yml")


def read(
    document: Document,
    *,
    stack_name: str,
    region: str,
    account_id: str,
    environ: Mapping[str, str],
    replacements: Mapping[str, str],
) -> Found:
    """What the file asks for, with all that is wrong with it.

    ``environ`` answers ``${env(NAME)}``; ``region`` and ``account_id`` are the emulator's, whatever region a
    module names.

    Raises:
        InvalidTemplate: with its expressions put in it is too large.
    """
    document, problems, odd = devs_extend.with_base(document)
    if problems:
        return Found(problems=problems)
    data, used = placeholders.fill(document.data, replacements)
    section, problems = devs_modules.section(document)
    if not section:
        return Found(problems=problems)
    document, problems = devs_extend.with_templates(document.with_data(data), section)
    wrong = check(document, f"Devs:{section}", document.data, ())[1]
    data, wrong, unknown = devs_modules.without_unknown(document.data, wrong, ())
    document, found = document.with_data(data), Found(problems=problems + wrong, warnings=odd + unknown)
    environ = devs_dotenv.environment(document, section, environ)
    around = Surroundings(os.path.dirname(document.path), region, account_id, environ)
    evaluator = Evaluator(document, section, around)
    reader = _Reader(document, evaluator, stack_name, around, replacements, used, found)
    modules = document.data[section]
    if isinstance(modules, dict):
        reader.read(section, {name: body for name, body in modules.items() if isinstance(body, dict)})
    reader.found.warnings += [
        f"--replace {name}: {document.path} has no placeholder {{{name}}} to fill in"
        for name in replacements
        if name not in used
    ]
    return reader.found


@dataclass(frozen=True, slots=True)
class _Module:
    """A module that is run, with its properties checked."""

    name: str
    kind: str
    path: Path
    properties: dict[str, Any]


@dataclass(slots=True)
class _Reader:
    """Reads modules, one after the other, into ``found``."""

    document: Document
    evaluator: Evaluator
    stack: str
    around: Surroundings
    replacements: Mapping[str, str]
    used: set[str]
    found: Found
    services: dict[str, dict[str, Any]] = field(default_factory=dict)

    def read(self, section: str, modules: Mapping[str, dict[str, Any]]) -> None:
        kinds = {name: self._kind((section, name), module) for name, module in modules.items()}
        for name, (component, kind) in kinds.items():
            module, path = modules[name], (section, name)
            if kind is None:
                continue
            if kind.name:
                if kind.is_guess:
                    message = (
                        f"module {name}: component {component} is not known, it is taken for {kind.name}"
                    )
                    self.found.warnings.append(message)
                self._run(name, kind.name, module, path)
            else:
                is_alone = not any(other and other.name for _, other in kinds.values())
                self._leave(name, component, module, path, is_alone=is_alone)
        for name, given in self.services.items():
            service = devs_convert.service(given, self.around.region, self.around.account_id, self.stack)
            self.found.services.append(service)
            self.found.warnings += devs_convert.service_warnings(name, given)
            if isinstance(given.get("role"), dict):
                reason = "there are no accounts or permissions on this machine"
                self.found.not_emulated.append(Accepted(given["role"]["name"], "role", reason))
        is_implied = any(function.service == IMPLICIT_SERVICE for function in self.found.functions)
        if is_implied and IMPLICIT_SERVICE not in self.services:
            self.found.services.append(Service(IMPLICIT_SERVICE, stack=self.stack))
        self._warn_of_file()
        self.found.problems += self.evaluator.problems

    def _kind(self, path: Path, module: Mapping[str, Any]) -> tuple[str, devs_modules.Kind | None]:
        component = self.evaluator.value(module.get("component"), (*path, "component"))
        if not isinstance(component, str) or not component:
            return "", None  # reported already
        return component, devs_modules.kind(component, module.get("props"))

    def _leave(self, name: str, component: str, module: Any, path: Path, *, is_alone: bool) -> None:
        """A module that is not run: accepted, unless there is nothing else."""
        reason, instead = devs_modules.why_not_run(self.document, component, module.get("props"))
        if is_alone:
            message = f"component {component} is not run here: {reason}; no function would be deployed"
            problem = self.document.problem("value", (*path, "component"), message, instead)
            self.found.problems.append(problem)
        else:
            reason = f"{reason}. {instead}" if instead else reason
            self.found.not_emulated.append(Accepted(name, component, reason))

    def _run(self, name: str, kind: str, module: Mapping[str, Any], at: Path) -> None:
        path: Path = (*at, "props")
        actions = module.get("actions")
        if isinstance(actions, dict) and actions:
            which = ", ".join(actions)
            self.found.warnings.append(f"module {name}: its actions are not run ({which}), run them yourself")
        written = module.get("props")
        properties = self.evaluator.value({} if written is None else written, path)
        if properties is INVALID:
            return
        properties, names = placeholders.fill(devs_modules.present(properties), self.replacements)
        self.used |= names
        if problem := devs_modules.shape_problem(self.document, kind, properties, path):
            self.found.problems.append(problem)
            return
        properties, problems = check(self.document, f"Devs:{kind}", properties, path)
        properties, problems, unknown = devs_modules.without_unknown(properties, problems, path)
        self.found.warnings += unknown
        if isinstance(properties, dict):
            problems += devs_convert.name_problems(self.document, kind, properties, path)
            problems += placeholders.unresolved(self.document, properties, path)
            if kind != "fc3-domain":
                properties, found = devs_triggers.check_configs(self.document, kind, properties, path)
                properties, found, unknown = devs_modules.without_unknown(properties, found, path)
                problems += found
                self.found.warnings += unknown
            problems += devs_code.missing(self.document, kind, properties, path)
            source = devs_code.find(self.document, kind, properties, path)
            if isinstance(source, Problem):
                problems.append(source)
            elif not problems and not is_invalid(properties):
                self._add(_Module(name, kind, path, properties), source)
        self.found.problems += problems

    def _add(self, module: _Module, source: CodeSource | None) -> None:
        properties = module.properties
        if module.kind == "fc":
            self._add_service(module, properties["service"])
        owner = ("", "")
        if module.kind == "fc3" or "function" in properties:
            function = devs_convert.function(module.kind, properties, self.stack)
            owner = (function.service, function.name)
            self._add_function(module, function, source)
        for position, given in enumerate(properties.get("triggers", ())):
            at: Path = (*module.path, "triggers", position)
            if not owner[1]:
                message = f"module {module.name} has a trigger but no function"
                self.found.problems.append(self.document.problem("value", at, message))
                break
            trigger = devs_triggers.trigger(module.kind, given, owner, self.around)
            self.found.triggers.append(trigger)
            if reason := triggers.why_not_fired(trigger):
                self.found.not_emulated.append(Accepted(trigger.path, f"{trigger.type} trigger", reason))
            self._claim("trigger", trigger.path, at)
        self._add_domains(module)

    def _add_service(self, module: _Module, given: Mapping[str, Any]) -> None:
        """Several modules may name one service; each deploys it, so what the last one says counts."""
        known = self.services.setdefault(given["name"], {})
        for key in given:
            if key in known and known[key] != given[key]:
                message = (
                    f"service {given['name']}: modules differ in its {key}, that of {module.name} counts"
                )
                self.found.warnings.append(message)
        known |= given

    def _add_function(self, module: _Module, function: Function, source: CodeSource | None) -> None:
        path = devs_code.function_path(module.kind, module.path)
        self.found.functions.append(function)
        self.found.code.append((source, path))
        self.found.warnings += devs_convert.function_warnings(function, module.kind, module.properties)
        self._claim("function", function.path, path)

    def _add_domains(self, module: _Module) -> None:
        for each in devs_domains.domains(
            self.document, module.kind, module.properties, module.path, around=self.around
        ):
            if isinstance(each, Problem):
                self.found.problems.append(each)
            elif isinstance(each, str):
                self.found.warnings.append(each)
            else:
                self.found.domains.append(each[0])
                self._claim("domain", each[0].name, each[1])

    def _claim(self, kind: str, name: str, path: Path) -> None:
        """Note that a name is taken; a problem when it was already."""
        if (first := self.found.names.setdefault((kind, name), path_text(path))) != path_text(path):
            message = f"{kind} {name} is there twice, the other is {first}"
            self.found.problems.append(self.document.problem("value", path, message))

    def _warn_of_file(self) -> None:
        data = self.document.data
        if data.get("actions"):
            self.found.warnings.append("the file's actions are not run")
        if data.get("env"):
            self.found.warnings.append("env has no effect: environments of Serverless Devs are not read")
        self.found.warnings += [
            f"{source} is known only after a real deployment, {text} stands for it"
            for source, text in self.evaluator.outputs.items()
        ]
