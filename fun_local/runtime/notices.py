"""What to say at a deploy about functions whose interpreter is another one than they name, or missing.

Runtimes that nothing here can run are told of when the template is read (template/convert.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from fun_local.errors import InvalidRequest
from fun_local.model.resources import Function
from fun_local.runtime import interpreters, node
from fun_local.runtime.interpreters import Interpreter

#: Finds the Python for a runtime's name.
FindPython = Callable[[str], Awaitable[Interpreter]]


async def runtime_notices(functions: Iterable[Function], find_python: FindPython) -> list[str]:
    """A line for each runtime that there is something to say about, with the functions that have it."""
    users: dict[str, list[str]] = {}
    for function in functions:
        users.setdefault(function.runtime, []).append(function.path)
    texts = {runtime: await notice(runtime, find_python) for runtime in users}
    return [f"runtime of {', '.join(users[runtime])}: {text}" for runtime, text in texts.items() if text]


async def notice(runtime: str, find_python: FindPython) -> str:
    """What there is to say about a runtime; empty when all is as its name says."""
    try:
        if runtime.startswith("python3"):
            return interpreters.notice(runtime, (await find_python(runtime)).version)
        if runtime.startswith("nodejs"):
            return await asyncio.to_thread(_node_notice, runtime)
    except InvalidRequest as error:
        return f"{error.message}. {error.hint}"
    return ""


def _node_notice(runtime: str) -> str:
    return node.notice(runtime, node.version_of(node.find(runtime)))
