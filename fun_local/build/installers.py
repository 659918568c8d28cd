"""Which programs install what a function's code asks for. Adding one is adding it to the tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from fun_local.build.files import Inputs
from fun_local.build.npm import Npm
from fun_local.build.pip import Pip
from fun_local.build.tools import Tools
from fun_local.errors import InvalidRequest
from fun_local.store.code_entries import Ignored
from fun_local.template.load import Path


@dataclass(frozen=True, slots=True)
class Target:
    """A folder with code of one runtime, and the functions whose code it is.

    ``places`` are where the template names the code, for each function; ``ignored`` says what is not part of
    it.
    """

    folder: str
    runtime: str
    functions: tuple[str, ...]
    places: tuple[Path, ...]
    ignored: Ignored | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """What to call it: by its first function."""
        return self.functions[0]


class Installer(Protocol):
    """Installs what ``manifest`` asks for into ``output``, both relative to a folder of code."""

    kind: str
    manifest: str
    output: str

    @property
    def version(self) -> str: ...

    @property
    def notice(self) -> str: ...

    def inputs(self, folder: str) -> Inputs: ...

    def install(self, function: str, folder: str, stage: str) -> None: ...

    def install_beside(self, function: str, folder: str) -> None: ...

    def add(self, function: str, folder: str, packages: Sequence[str], *, save: bool) -> None: ...


#: By the beginning of the runtime's name. A custom runtime may be written in either language.
_BY_RUNTIME: dict[str, tuple[Callable[[str, Tools], Installer], ...]] = {
    "python3": (Pip,),
    "nodejs": (Npm,),
    "custom": (Pip, Npm),
}


def of_runtime(runtime: str, tools: Tools) -> list[Installer]:
    """The installers for a runtime; none for those whose packages nothing here installs."""
    for beginning, kinds in _BY_RUNTIME.items():
        if runtime.startswith(beginning):
            return [kind(runtime, tools) for kind in kinds]
    return []


def asked(target: Target, tools: Tools) -> list[Installer]:
    """The installers that the code in a folder asks for, by having their manifests."""
    return [
        installer
        for installer in of_runtime(target.runtime, tools)
        if os.path.isfile(os.path.join(target.folder, installer.manifest))
    ]


@contextmanager
def about(function: str) -> Iterator[None]:
    """What is refused in the block is refused for this function: its name is said, too."""
    try:
        yield
    except InvalidRequest as error:
        if function in error.message:
            raise
        raise InvalidRequest(error.code, f"{function}: {error.message}", hint=error.hint) from None
