"""The modules of a Serverless Devs file: where they stand, what runs them, what of them is not known."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fun_local.template.load import Document, Path, path_text
from fun_local.template.problems import Problem, nearest, shown

#: Where a file of an edition has its modules, by the first figure of the edition.
_SECTIONS = {"1": "services", "3": "resources"}

#: Components that we stand in for. fc-deploy is what fc was called at first.
_RUN = {"fc": "fc", "fc-deploy": "fc", "fc3": "fc3", "fc3-domain": "fc3-domain"}

_REASONS = {
    "ros": "a ROS template is deployed directly, without this component",
    "oss": "buckets here only hold code that was uploaded",
    "website": "no bucket here shows a website",
    "sls": "logs are kept by the emulator itself",
    "fnf": "there are no flows on this machine",
    "nas": "there is no shared file system on this machine",
    "vpc": "there is no private network on this machine",
    "ram": "there are no accounts or permissions on this machine",
    "api-gateway": "there is no API gateway on this machine",
    "fgs": "it deploys to another vendor's cloud",
    "scf": "it deploys to another vendor's cloud",
}
#: How like a known name an unknown one is that must be a mistake.
_MISSPELT = 0.85

_VERSION = re.compile(r"@.*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a module's component comes to: ``fc``, ``fc3``, ``fc3-domain``, or empty when it is not run.

    ``is_guess`` when only the shape of the properties says so: the component is one that we don't know.
    """

    name: str
    is_guess: bool = False


def section(document: Document) -> tuple[str, list[Problem]]:
    """The key that the modules stand under, ``services`` or ``resources``; or why that can't be said."""
    data = document.data
    edition = data.get("edition")
    major = str(edition).partition(".")[0]
    if edition is None:
        found = "resources" if "resources" in data else "services"
    elif major in _SECTIONS:
        found = _SECTIONS[major]
    else:
        message = f'Value is not accepted. Found {shown(edition)}. Valid values: "1.0.0", "3.0.0"'
        return "", [document.problem("value", ("edition",), message)]
    if found in data:
        return found, []
    (other,) = set(_SECTIONS.values()) - {found}
    if other in data:
        wanted = "3.0.0" if other == "resources" else "1.0.0"
        message = f"edition {edition} has its modules under {found}, not under {other}"
        return "", [document.problem("value", (other,), message, f"Did you mean edition: {wanted}?")]
    hint = nearest(found, list(data)) or "A Serverless Devs file has an edition and resources (or services)."
    return "", [document.problem("required", (), f"Missing property {found}", hint)]


def kind(component: str, properties: Any) -> Kind:
    """What a component comes to. Of the properties only their names are looked at."""
    name = bare(component)
    if name in _RUN:
        return Kind(_RUN[name])
    keys = set(properties) if isinstance(properties, dict) else set()
    if name in _REASONS:
        return Kind("")
    inner = properties.get("function") if isinstance(properties, dict) else None
    if {"service", "function"} <= keys:
        return Kind("fc", is_guess=True)
    # Under function stood the properties of fc3 before its first release: see shape_problem.
    is_early = isinstance(inner, dict) and "functionName" in inner
    if ("functionName" in keys and keys & {"runtime", "code"}) or is_early:
        return Kind("fc3", is_guess=True)
    return Kind("fc3-domain", is_guess=True) if {"domainName", "routeConfig"} <= keys else Kind("")


def bare(component: str) -> str:
    """A component without who made it and its version: ``devsapp/fc@dev`` is ``fc``."""
    return _VERSION.sub("", component.strip()).removeprefix("devsapp/").lower()


def shape_problem(document: Document, kind_name: str, properties: Any, path: Path) -> Problem | None:
    """What is wrong when the properties are those of another generation of the component."""
    keys = set(properties) if isinstance(properties, dict) else set()
    if kind_name == "fc3" and "functionName" not in keys and {"function", "service"} & keys:
        key = "function" if "function" in keys else "service"
        hint = "The properties of fc3 are flat: move what is under function one level up."
        if "service" in keys:
            hint = "fc3 has no services. Did you mean component: fc?"
        return document.problem("additional", (*path, key), f"Unexpected property {key}", hint)
    if kind_name == "fc" and "functionName" in keys and not {"function", "service"} & keys:
        hint = "fc has a service and a function. Did you mean component: fc3?"
        return document.problem(
            "additional", (*path, "functionName"), "Unexpected property functionName", hint
        )
    return None


def why_not_run(document: Document, component: str, properties: Any) -> tuple[str, str]:
    """Why a module is not run, and what to do instead (or nothing)."""
    name = bare(component)
    reason = _REASONS.get(name, "it has no counterpart on this machine")
    template = properties.get("template") if isinstance(properties, dict) else None
    if not isinstance(template, str) or "${" in template or "://" in template:
        return reason, ""
    if name != "ros" and not template.strip().endswith((".yml", ".yaml", ".json")):
        return reason, ""
    path = os.path.normpath(os.path.join(os.path.dirname(document.path), template.strip()))
    command = ["fun", "deploy", "-t", path]
    parameters = properties.get("parameters")
    for key, value in parameters.items() if isinstance(parameters, dict) else ():
        is_known = isinstance(value, str | int | float) and "${" not in str(value)
        command += ["-p", f"{key}={value if is_known else 'VALUE'}"]
    return reason, f"Deploy its template itself: {shlex.join(command)}"


def present(properties: Any) -> Any:
    """Properties without the keys that have nothing behind them: the components take those as not there.

    Not so environment variables, which have a value or are a mistake (fun-cli 10).
    """
    if isinstance(properties, dict):
        return {
            key: value if key == "environmentVariables" else present(value)
            for key, value in properties.items()
            if value is not None
        }
    return [present(item) for item in properties] if isinstance(properties, list) else properties


def without_unknown(
    value: Any, problems: Sequence[Problem], path: Path
) -> tuple[Any, list[Problem], list[str]]:
    """The value at ``path`` without what its component does not know, what is wrong, and what is to be said.

    The components let unknown properties pass (fc3 checks against a schema that allows more and goes on
    whatever it says; fc takes what it knows), so they are no problem here either. A name that is almost a
    known one is a mistake all the same.
    """
    wrong, said = [], []
    for problem in problems:
        if problem.kind != "additional" or _is_misspelt(problem):
            wrong.append(problem)
            continue
        said.append(f"{problem.path} is not known and has no effect (line {problem.line})")
        value = _without(value, problem.path.removeprefix(path_text(path)).removeprefix("/"))
    return value, wrong, said


def _is_misspelt(problem: Problem) -> bool:
    words = problem.hint.removeprefix("Did you mean ").removeprefix("Known: ").rstrip("?.")
    return bool(nearest(problem.path.rpartition("/")[2], words.split(", "), likeness=_MISSPELT))


def _without(value: Any, inner: str) -> Any:
    """A copy of ``value`` without what stands at a path in it; keys may have slashes in them."""
    if isinstance(value, dict):
        return {
            key: _without(item, inner.removeprefix(f"{key}/")) if inner.startswith(f"{key}/") else item
            for key, item in value.items()
            if key != inner
        }
    if isinstance(value, list):
        return [
            _without(item, inner.removeprefix(f"{i}/")) if inner.startswith(f"{i}/") else item
            for i, item in enumerate(value)
        ]
    return value
