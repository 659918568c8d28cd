"""The modules of a Serverless Devs file: where they stand, what they take from templates, what runs them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fun_local.template.load import Document, Path
from fun_local.template.markers import INVALID
from fun_local.template.nodes import Node
from fun_local.template.problems import Problem, nearest, shown

#: Where a file of an edition has its modules, by the first figure of the edition.
_SECTIONS = {"1": "services", "3": "resources"}

#: Components that we stand in for. fc-deploy is what fc was called at first.
_RUN = {"fc": "fc", "fc-deploy": "fc", "fc3": "fc3", "fc3-domain": "fc3-domain"}

_REASONS = {
    "ros": "a ROS template is deployed directly, without this component",
    "oss": "there is no object storage on this machine",
    "website": "there is no object storage on this machine",
    "sls": "logs are kept by the emulator itself",
    "fnf": "there are no flows on this machine",
    "nas": "there is no shared file system on this machine",
    "vpc": "there is no private network on this machine",
    "ram": "there are no accounts or permissions on this machine",
    "api-gateway": "there is no API gateway on this machine",
}
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
    hint = nearest(found, list(data))
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


def extended(document: Document, where: str) -> tuple[Document, list[Problem]]:
    """A document where each module has what it takes from the file's templates.

    ``extend: {name: base, ignore: [vpcConfig]}`` puts the properties of ``template: {base: …}`` under those
    of the module: mappings are merged, of all else the module's own counts (the tool's tests and code).
    """
    modules, templates = document.data.get(where), document.data.get("template")
    if not isinstance(modules, dict):
        return document, []
    known = templates if isinstance(templates, dict) else {}
    merged, problems = dict(modules), []
    entries: dict[str, Node] = {}
    for name, module in modules.items():
        extend = module.get("extend") if isinstance(module, dict) else None
        if not isinstance(extend, dict) or not isinstance(extend.get("name"), str):
            continue
        base: str = extend["name"]
        if not isinstance(known.get(base), dict):
            message = f"no template is called {shown(base)}"
            at = (where, name, "extend", "name")
            problems.append(document.problem("value", at, message, nearest(base, list(known))))
            merged[name] = {**module, "props": INVALID}  # what else is missing may stand in the template
            continue
        ignore = extend.get("ignore")
        left_out = ignore if isinstance(ignore, list) else [ignore]
        taken = {key: value for key, value in known[base].items() if key not in left_out}
        own = module.get("props")
        merged[name] = {**module, "props": _merged(own if isinstance(own, dict) else {}, taken)}
        if (node := _with_places(document.root, where, name, base)) is not None:
            entries[name] = node
    data = {**document.data, where: merged}
    return replace(document, data=data, root=_with_modules(document.root, where, entries)), problems


def _merged(own: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    result = {**base, **own}
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            result[key] = _merged(value, base[key])
    return result


# The places of what is taken from a template: problems then show the template's lines.


def _node(root: Node | None, *keys: str) -> Node | None:
    for key in keys:
        found = root.entry(key) if root is not None and root.entries is not None else None
        root = found[1] if found else None
    return root


def _with_places(root: Node | None, where: str, name: str, base: str) -> Node | None:
    module, template = _node(root, where, name), _node(root, "template", base)
    if module is None or template is None or module.entries is None:
        return None
    own = module.entry("props")
    props = template if own is None else _merged_node(own[1], template)
    key = own[0] if own else (module.entry("extend") or (module, module))[0]
    rest = [entry for entry in module.entries if entry[0].text != "props"]
    props_key = Node(key.line, key.column, None, text="props")
    return Node(module.line, module.column, module.tag, entries=[*rest, (props_key, props)])


def _merged_node(own: Node, base: Node) -> Node:
    if own.entries is None or base.entries is None:
        return own
    entries = []
    for key, value in own.entries:
        found = base.entry(key.text or "")
        entries.append((key, _merged_node(value, found[1]) if found else value))
    known = {key.text for key, _ in own.entries}
    entries += [entry for entry in base.entries if entry[0].text not in known]
    return Node(own.line, own.column, own.tag, entries=entries)


def _with_modules(root: Node | None, where: str, modules: Mapping[str, Node]) -> Node | None:
    section_node = _node(root, where)
    if not modules or root is None or section_node is None or section_node.entries is None:
        return root
    entries = [(key, modules.get(key.text or "", value)) for key, value in section_node.entries]
    changed = Node(section_node.line, section_node.column, section_node.tag, entries=entries)
    top = [(key, changed if key.text == where else value) for key, value in root.entries or ()]
    return Node(root.line, root.column, root.tag, entries=top)
