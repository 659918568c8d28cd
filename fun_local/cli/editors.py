"""How a debugger is attached to a function that waits for one: in words, and as an editor's settings."""

from __future__ import annotations

import json
from collections.abc import Iterator

from fun_local.model.resources import Function
from fun_local.runtime.debugger import HOST, Debugger


def how_to_attach(function: Function, debugger: Debugger, editor: str | None = None) -> Iterator[str]:
    """Lines for people. ``editor`` is the one whose settings are shown, vscode or pycharm."""
    is_python = function.runtime.startswith("python")
    kind = "debugpy" if is_python else "the Node.js inspector"
    where = f"{HOST}:{debugger.port} ({kind})"
    yield f"Function {function.path} waits for a debugger at {where}; Ctrl-C gives up."
    if not is_python:
        yield "It pauses once before its code is loaded: set breakpoints, then continue."
    yield "Meanwhile its limits of time and memory are suspended."
    if editor == "vscode":
        yield "Add this to the configurations in .vscode/launch.json, then start it:"
        yield json.dumps(_vscode(function, debugger.port, is_python=is_python), indent=4)
    elif editor == "pycharm":
        wanted = "Attach to DAP (debugpy)" if is_python else "Attach to Node.js/Chrome"
        yield f"Add a run configuration of the kind '{wanted}', then debug with it:"
        yield f"    host {HOST}, port {debugger.port}; the paths are the same on both sides"
    elif editor is None:
        yield "See how your editor attaches: --config vscode, or --config pycharm."


def _vscode(function: Function, port: int, *, is_python: bool) -> dict[str, object]:
    """Code runs where it lies, so no paths are mapped."""
    named: dict[str, object] = {"name": f"fun local: {function.path}", "request": "attach"}
    if is_python:
        return named | {"type": "debugpy", "connect": {"host": HOST, "port": port}, "justMyCode": True}
    return named | {
        "type": "node",
        "address": HOST,
        "port": port,
        # Else one stands in a file of ours first.
        "continueOnAttach": True,
        "skipFiles": ["<node_internals>/**"],
    }
