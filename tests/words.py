"""All that fun-local says to people, out of its source: what the Chinese catalogue has to have."""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

PACKAGE = ROOT / "fun_local"

#: Modules, or the beginnings of their paths, that say nothing to users of the command line: why.
ELSEWHERE = {
    "console/": "the console has a catalogue of its own",
    "http/": "answers for clients of the endpoint, which read English",
    "testing/": "failures of tests, for developers",
    "pytest_plugin": "as above",
    "model/outcome": "the vendor's words in records and logs",
    "model/web": "logs and answers of functions",
    "model/notification": "what subscribers get",
    "model/cbor": "answers of the API",
    "model/editing": "answers of the API",
    "model/permissions": "answers of the API",
    "model/stacks": "answers of the API",
    "stacks": "answers of the API",
    "template/sent": "answers of the API",
    "store/objects": "answers of the API",
    "store/permissions": "answers of the API",
    "runtime/": "logs of functions and the vendor's words",
    "mns/http": "why a push failed, in records",
    "mns/pushes": "why a push failed, in records",
    "dispatcher/delivery": "why a delivery failed, in records",
    "store/recorded": "kept in records",
    "emulator.recordings": "kept in records",
    "topic_triggers": "the daemon's log",
    "timers": "the daemon's log",
    "daemon_log": "the daemon's log",
    "cli/reference": "a document, which is in English",
}

#: … but these do.
EVEN_SO = (
    "http/endpoint",
    "http/errors",
    "http/server",
    "http/topic_operations",
    "model/web_routes",
    "runtime/debugger",
    "runtime/interpreters",
    "runtime/node.py",
    "runtime/process.py",
    "runtime/refusals",
    "runtime/spawn",
    "runtime/start_failures",
)

#: Functions of cli/output.py and cli/language.py whose every text is for people.
SPEAKERS = {"say", "hint", "warn", "field", "confirm", "said", "print_table"}

#: What gets texts that nobody reads: SQL, patterns, logs, errors that are bugs.
SILENT = {
    *("execute", "executemany", "executescript", "compile", "ValueError", "TypeError", "AssertionError"),
    *("RuntimeError", "debug", "info", "warning", "error", "exception", "critical", "log"),
}

#: Commands, SQL, markup, code, lines that scripts look for, and the vendor's words.
NOT_PROSE = re.compile(
    r"(fun|invk|mns|cd|export|set|pip) [\w{-][^:]*$|(--?\w+ )*\{\}=\{\}$|fun local: |eval|\$env:|"
    r"[A-Z]{5,} |WHERE |[\w, =]*(_ms|\?|seq)[\w, =?]*$|<|HTTP/1\.1|from \{\}|import |~/|%[Y(]|"
    r"FC Invoke|(methods|triggerName|url|domainName|address|RequestId): |sync #|"
    r"fun-local: \{\}|Billed Duration: |Memory Size: |Max Memory Used: |"
    r"Failed to start|Function instance|code \{\}|"
    r"Made by fun |npm (http|verbose|timing)|\"\$\(mktemp|\(\[A-Za-z|\{task\.",
    re.DOTALL,
)


def is_prose(text: str) -> bool:
    words = re.findall(r"[A-Za-z]+'?[a-z]*", text.replace("{}", ""))
    return (
        len(words) > 1
        and any(word.islower() for word in words)
        and " " in text
        and not NOT_PROSE.match(text.strip())
    )


def is_prose_with_gaps(text: str) -> bool:
    """One word is enough where something is filled in."""
    word = re.search("[A-Za-z]{3,}", text.replace("{}", ""))
    return bool(word) and " " in text.strip() and not NOT_PROSE.match(text.strip())


def texts(node: ast.expr) -> list[str]:
    """The texts that an expression may be, with ``{}`` for what is filled in."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    if not isinstance(node, ast.JoinedStr):
        return []
    parts = []
    for part in node.values:
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        chosen = texts(inner) if isinstance(inner, ast.Constant | ast.IfExp) else []
        parts.append(chosen or ["{}"])
    return ["".join(choice) for choice in itertools.product(*parts)]


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def is_command(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and any(
        isinstance(decorator, ast.Call) and name_of(decorator) in ("command", "group")
        for decorator in node.decorator_list
    )


def paragraphs(docstring: str) -> Iterator[str]:
    """What of a command's help is translated: paragraphs, meanings in lists, and one heading."""
    for paragraph in docstring.split("\n\n"):
        if not paragraph.lstrip().startswith("\b"):
            yield " ".join(paragraph.split())
            continue
        heading, *lines = paragraph.strip("\b \n").split("\n")
        yield heading.strip()
        if heading != "Examples:":
            yield from (re.sub(r"^ *\S+ {2,}", "", line).strip() for line in lines)


class Collector(ast.NodeVisitor):
    def __init__(self, *, has_tables: bool) -> None:
        self.found: list[tuple[int, str]] = []
        self._has_tables = has_tables

    def visit_Call(self, node: ast.Call) -> None:
        name = name_of(node)
        if name in SILENT and isinstance(node.func, ast.Attribute if name.islower() else ast.Name):
            return
        if name in SPEAKERS:
            spoken = [text for argument in node.args[:1] for text in texts(argument)]
            self.found += [(node.lineno, text) for text in spoken if re.search("[A-Za-z]{2}", text)]
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        self.found += [(node.lineno, text) for text in texts(node) if is_prose(text)]

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self.found += [(node.lineno, text) for text in texts(node) if is_prose_with_gaps(text)]
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and not texts(part.value):
                self.visit(part.value)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        """Headings of tables."""
        words = [item.value for item in node.elts if isinstance(item, ast.Constant)]
        if (
            self._has_tables
            and len(words) == len(node.elts) > 1
            and all(re.fullmatch("[A-Z][A-Z ]*", str(w)) for w in words)
        ):
            self.found += [(node.lineno, word) for word in words]
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if is_command(node):
            self.found += [(node.lineno, text) for text in paragraphs(ast.get_docstring(node) or "")]
        self._without_docstring(node)

    def visit_Module(self, node: ast.Module | ast.ClassDef | ast.AsyncFunctionDef) -> None:
        self._without_docstring(node)

    visit_ClassDef = visit_AsyncFunctionDef = visit_Module

    def _without_docstring(self, node: ast.AST) -> None:
        has_docstring = ast.get_docstring(node) is not None
        for child in ast.iter_child_nodes(node):
            if not (has_docstring and child is node.body[0]):
                self.visit(child)


def is_for_people(name: str) -> bool:
    return name.startswith(EVEN_SO) or not name.startswith(tuple(ELSEWHERE))


def in_source() -> Iterator[tuple[str, str]]:
    """Every message, and where it is said."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if is_for_people(name):
            collector = Collector(has_tables=name.startswith("cli/"))
            collector.visit(ast.parse(path.read_text()))
            yield from ((text.strip(), f"{name}:{line}") for line, text in collector.found)
    for path in sorted((ROOT / "templates").glob("*/template.toml")):
        template = tomllib.loads(path.read_text())
        yield template["description"], path.name
        for variable in template.get("variables", {}).values():
            yield from ((variable[key], path.name) for key in ("prompt", "expected") if key in variable)


def unspoken() -> Iterator[str]:
    """Messages that the command line prints without having them translated."""
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and name_of(node) in (
                "echo",
                "secho",
                "confirm",
                "prompt",
                "print",
            ):
                if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "output":
                    continue
                said = [text for argument in node.args[:1] for text in texts(argument)]
                yield from (f"{path.name}:{node.lineno}: {text}" for text in said if is_prose(text))


def is_composed(entry: str, said: set[str], pieces: set[str]) -> bool:
    """Whether an entry is a message with one of our own words filled in already."""
    for pattern in said:
        if "{}" in pattern and entry != pattern:
            gaps = r"(\{\}|.+)".join(map(re.escape, pattern.split("{}")))
            found = re.fullmatch(gaps, entry)
            if found and all(value == "{}" or value.strip() in said | pieces for value in found.groups()):
                return True
    return False


def fragments() -> set[str]:
    """Texts of any kind in the source: words that are filled into messages may be entries, too."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                found |= {text.strip() for text in texts(node)}
    for path in (PACKAGE / "template").glob("*.json"):
        found |= set(re.findall(r'"\$comment": "([^"]+)"', path.read_text()))
    return found


def is_from_click(entry: str) -> bool:
    """Whether Click says it: its words stand in one of Click's messages, or in two that it puts together."""
    said = "\n".join(_in_click())
    return all(piece.strip(" .:()") in said for piece in re.split(r"\{\}|: ", entry))


@cache
def _in_click() -> set[str]:
    import click

    found = set()
    for path in Path(click.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                found |= {re.sub(r"\{[^{}]*\}", "{}", text) for text in texts(node)}
    return found


#: Where an error's code is computed: what it may be. Those that are handed on come from elsewhere here.
COMPUTED_CODES = {
    "f'{kind.title()}NotFound'": {"StackNotFound", "ServiceNotFound", "FunctionNotFound"}
    | {"VersionNotFound", "AliasNotFound"},
    "f'{word}ConfigNotFound'": set(),  # for clients of the API alone
    "error.code": set(),
    "error['code']": set(),
    "problem['code']": set(),
    "NOT_READY": {"InstanceNotReady"},
    "RESOURCES": {"ResourceThrottled"},
    "STORAGE_FULL": {"StorageFull"},
}

_ERRORS = {"NotFound", "InvalidRequest", "Conflict", "Unavailable", "FunLocalError", "ServerExited"}


def codes() -> set[str]:
    """Every code of an error that the command line may end with."""
    # Those of errors that take no code, of wrong usage, and of what the daemon failed with itself.
    found = {"InvalidTemplate", "CorruptState", "Usage", "InternalServerError"}
    for path in PACKAGE.rglob("*.py"):
        if not is_for_people(path.relative_to(PACKAGE).as_posix()):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and name_of(node) in _ERRORS and node.args:
                code = node.args[0]
                is_text = isinstance(code, ast.Constant)
                found |= {code.value} if is_text else COMPUTED_CODES[ast.unparse(code)]
    return found


def main(*files: str) -> None:
    """Bring the catalogue up to date: ``python -m tests.words [FILE …]``.

    Entries that nobody says any more go, missing ones come from the files (JSON like the catalogue); what is
    still missing is printed, to be filled in and given as such a file.
    """
    path = PACKAGE / "cli" / "chinese.json"
    entries = json.loads(path.read_text())
    messages = {text for text, _ in in_source() if text}
    pieces = fragments()
    kept = {
        entry: chinese
        for entry, chinese in entries.items()
        if entry in messages | pieces or is_from_click(entry) or is_composed(entry, messages, pieces)
    }
    for file in files:
        given = json.loads(Path(file).read_text())
        kept |= {text: chinese for text, chinese in given.items() if text in messages and chinese}
    path.write_text(json.dumps(dict(sorted(kept.items())), ensure_ascii=False, indent=2) + "\n")
    missing = {text: "" for text, _ in in_source() if text and text not in kept}
    print(json.dumps(missing, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
