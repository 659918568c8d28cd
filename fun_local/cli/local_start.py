"""`fun local start`: the functions of the template in this folder behind their URLs."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from fun_local import settings
from fun_local.cli import output, templates
from fun_local.cli.templates import Given
from fun_local.errors import FunLocalError, InvalidRequest, NotFound
from fun_local.model.selection import one_function
from fun_local.model.served import Route, routes, web_part

if TYPE_CHECKING:
    from fun_local.local.code import CodeInPlace
    from fun_local.model.changes import Change
    from fun_local.model.resources import Resources
    from fun_local.runtime.debugger import Debugger
    from fun_local.store.keys import KeyPair

#: Funcraft's (fun-cli 15).
_PORT = 8000


@click.command()
@click.argument("function", metavar="[[SERVICE/]FUNCTION]", required=False)
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65_535),
    default=_PORT,
    show_default=True,
    help="Where to listen on this machine (0: any free port).",
)
@templates.debug_options
@templates.layered_options_beside_port
@output.json_option
def start(
    function: str | None,
    given: Given,
    port: int,
    debug_port: int | None,
    editor: str | None,
    as_json: bool,
) -> None:
    """Serve the HTTP triggers and custom domains of the template in this folder, or of one FUNCTION.

    Nothing is deployed. The code runs where it lies, and what is saved is live at the next request. A
    template that is no good is shown, and what was served before stays. What is kept meanwhile, say a queue
    that a function makes, is gone at the end. Ctrl-C ends it.

    \b
    Examples:
      fun local start
      fun local start shop/page --port 8080
      fun local start page -d 5678 --config vscode
      fun local start -t template.yml -t local.yml --json
    """
    with tempfile.TemporaryDirectory(prefix="fun-local-") as folder:
        _serve(folder, given, function, port, debug_port, editor, as_json=as_json)


def _serve(
    folder: str,
    given: Given,
    function: str | None,
    port: int,
    debug_port: int | None,
    editor: str | None,
    *,
    as_json: bool,
) -> None:
    from fun_local.local.code import CodeInPlace
    from fun_local.local.serving import Stand, serve

    home = settings.default_home()
    code = CodeInPlace(os.path.join(folder, "code"), follows_changes=True)
    with _Project(home, given, function, code) as project:
        resources = project.read()
        output.hint(f"using template: {project.file}")
        for warning in project.warnings:
            output.warn(warning)
        debugger = None if debug_port is None else _debugger(resources, debug_port, editor)
        stand = Stand(
            folder=folder,
            settings=replace(_settings(home), port=port),
            environment={"PYTHONDONTWRITEBYTECODE": "1"},  # the code is the user's own folder
            code_path=code.path,
            debugger=debugger,
        )
        serve(stand, project, resources, _Audience(as_json=as_json))


def _settings(home: str) -> settings.Settings:
    """Those of the home, with its key if it has one: whoever can call what is deployed can call this."""
    from fun_local.store.keys import existing_pair, fixed_pair

    chosen, _ = settings.load(home)
    pair = fixed_pair(chosen.access_key_id, chosen.access_key_secret) or existing_pair(home)
    return replace(chosen, access_key_id=pair.id, access_key_secret=pair.secret) if pair else chosen


def _debugger(resources: Resources, port: int, editor: str | None) -> Debugger:
    from fun_local.cli import editors
    from fun_local.runtime.debugger import listening

    if len(resources.functions) > 1:
        names = ", ".join(f.path for f in resources.functions)
        raise InvalidRequest(
            "AmbiguousFunctionName",
            "one function at a time can be debugged, and the template has several",
            hint=f"Name it before --debug-port: {names}.",
        )
    (function,) = resources.functions
    debugger = listening(function, port)
    for line in editors.how_to_attach(function, debugger, editor):
        output.say(line, err=True)
    return debugger


class _Project:
    """The template in this folder, or one function of it (local.serving.Project)."""

    def __init__(self, home: str, given: Given, function: str | None, code: CodeInPlace) -> None:
        from fun_local.local.sources import Sources

        self._home = home
        self._given = given
        self._name = function
        self._code = code
        self._sources = Sources(home, ())
        self.file = ""
        self.warnings: list[str] = []

    def read(self) -> Resources:
        """What of it is served."""
        loaded = templates.load(self._home, self._given, kind="local", keep=self._code.keep)
        self.file = loaded.file
        # What was changed while it was read is seen again: folders are watched before the next look.
        self._sources.follow(loaded.sources)
        chosen = one_function(loaded.resources, self._name) if self._name else None
        part = web_part(loaded.resources, chosen)
        if not part.functions:
            raise NotFound("FunctionNotFound", "the template has no functions", hint="Add one to it.")
        about = tuple(f"function {f.path}:" for f in part.functions)
        self.warnings = [text for text in loaded.resources.warnings if text.startswith(about)]
        return part

    def have_changed(self) -> bool:
        return self._sources.have_changed()

    def fileno(self) -> int:
        return self._sources.fileno()

    def __enter__(self) -> _Project:
        return self

    def __exit__(self, *_: object) -> None:
        self._sources.__exit__(None, None, None)


class _Audience:
    """A terminal, or whoever reads what we print (local.serving.Audience)."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._shown: list[Route] = []

    def started(self, url: str, resources: Resources, key: KeyPair) -> None:
        self._shown = list(routes(resources, url))
        if self._as_json:
            output.print_json(
                {
                    "endpoint": url,
                    "routes": [_document(route) for route in self._shown],
                    "accessKeyId": key.id,
                    "accessKeySecret": key.secret,
                }
            )
        else:
            _print(self._shown)
            if not all(route.is_anonymous for route in self._shown):
                _say("What is signed takes the key of this home (fun env), or of this run (--json shows it).")
            _say("Ctrl-C ends it.")
        sys.stdout.flush()

    def reloaded(self, url: str, resources: Resources, changes: Sequence[Change]) -> None:
        for change in changes:
            what = ", ".join(change.properties)
            _say(f"{change.action} {change.resource}" + (f": {what}" if what else ""))
        before, self._shown = self._shown, list(routes(resources, url))
        if self._shown != before and not self._as_json:
            _print(self._shown)
            sys.stdout.flush()

    def failed(self, error: FunLocalError) -> None:
        output.print_error(error, as_json=False)
        _say("What was served before still is.")

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        colour = "green" if status < 400 else "yellow" if status < 500 else "red"
        _say(f"{method} {path} {output.painted(str(status), fg=colour)} {output.duration(seconds * 1000)}")

    def log(self, part: bytes) -> None:
        with contextlib.suppress(OSError):  # nobody reads it any more
            sys.stderr.buffer.write(part)
            sys.stderr.flush()


def _print(shown: Sequence[Route]) -> None:
    """A line per address. Not a table: terminals would break addresses, which are to be clicked."""
    rows = [
        (
            route.function,
            ", ".join(route.methods) or "any method",
            "anonymous" if route.is_anonymous else "signed",
            route.url,
        )
        for route in shown
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _document(route: Route) -> dict[str, object]:
    service, _, name = route.function.partition("/")
    return {
        "kind": route.kind,
        "name": route.name,
        "serviceName": service,
        "functionName": name,
        "url": route.url,
        "methods": list(route.methods),
        "authType": "anonymous" if route.is_anonymous else "function",
    }


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed must not end what is served
        click.echo(text, err=True)
