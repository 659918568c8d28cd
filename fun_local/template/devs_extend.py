"""What a Serverless Devs file takes from elsewhere: from another file, and from its own templates.

``extend: s.base.yaml`` at the top puts another file under this one: mappings are merged, of all else this
file's own counts; the other's own ``extend`` is not followed. ``extend`` in a module does the same with one
of the file's templates. (The tool's source: toolkit, parse-spec.)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fun_local.errors import InvalidRequest, InvalidTemplate
from fun_local.template.load import Document, Path, load
from fun_local.template.markers import INVALID
from fun_local.template.nodes import Node
from fun_local.template.problems import Problem, nearest, shown


@dataclass(frozen=True, slots=True, eq=False)
class Extended(Document):
    """A document with another one under it. Problems name the file in which a value stands."""

    base: Document | None = None

    def problem(self, kind: str, path: Path, message: str, hint: str = "") -> Problem:
        if self.base is not None and self._is_from_base(path):
            return self.base.problem(kind, path, message, hint)
        return Document.problem(self, kind, path, message, hint)  # super() knows no classes with slots

    def file_at(self, path: Path) -> str:
        """The file in which the value at ``path`` stands."""
        return self.base.path if self.base is not None and self._is_from_base(path) else self.path

    def _is_from_base(self, path: Path) -> bool:
        return self.base is not None and _reach(self.base.root, path) > _reach(self.root, path)


def file_at(document: Document, path: Path) -> str:
    """The file in which the value at ``path`` stands: expressions in it see paths from there."""
    return document.file_at(path) if isinstance(document, Extended) else document.path


def with_base(document: Document) -> tuple[Document, list[Problem], list[str]]:
    """The document with the file that it extends under it; what is wrong with that, and what is odd."""
    given = document.data.get("extend")
    if given is None:
        return document, [], []
    if not isinstance(given, str):
        return document, [], ["extend has no effect: it is the name of the file to extend, as in the tool"]
    path = os.path.normpath(os.path.join(os.path.dirname(document.path), given))
    try:
        # Not to wait for a pipe.
        if not os.path.isfile(path):
            raise InvalidRequest("InvalidArgument", f"there is no file {path}")
        base = load(path)
    except InvalidTemplate as error:
        return document, list(error.problems), []
    except (InvalidRequest, ValueError) as error:  # ValueError: a zero byte in the name
        hint = "It is seen from the folder of the file that extends it."
        message = f"can't extend {shown(given)}: {error}"
        return document, [document.problem("value", ("extend",), message, hint)], []
    data = _merged(document.data, base.data)
    if "env" in data:
        at = ("env",) if "env" in document.data else ("extend",)
        message = "env and extend exclude each other: a file has environments, or it extends another"
        return document, [document.problem("value", at, message)], []
    odd = [f"{path}: its own extend is not followed"] if base.data.get("extend") is not None else []
    return Extended(document.path, data, document.root, base), [], odd


def _reach(root: Node | None, path: Path) -> int:
    """How many parts of a path lead to something."""
    for depth, part in enumerate(path):
        root = _inner(root, part)
        if root is None:
            return depth
    return len(path)


def _inner(node: Node | None, part: str | int) -> Node | None:
    if node is None:
        return None
    if isinstance(part, str):
        entry = node.entry(part) if node.entries is not None else None
        return entry[1] if entry else None
    return node.items[part] if node.items is not None and 0 <= part < len(node.items) else None


def with_templates(document: Document, where: str) -> tuple[Document, list[Problem]]:
    """A document where each module has what it takes from the file's templates.

    ``extend: {name: base, ignore: [vpcConfig]}`` puts the properties of ``template: {base: …}`` under those
    of the module.
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
        root = _inner(root, key)
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
