"""The code of functions that are run without a deploy.

A folder is run where it lies: what is edited there is what runs next, and breakpoints need no mapping of
paths. So the function also sees the files that a deploy would leave out. Archives and code that is written in
the template are unpacked, those of the function that is run only.
"""

from __future__ import annotations

from fun_local.store.code import CodeStore
from fun_local.template.code import CodeSource
from fun_local.template.stored import on_this_machine


class CodeInPlace:
    """Remembers the code of a template's functions. ``folder`` is for what has to be unpacked."""

    def __init__(self, folder: str) -> None:
        self._store = CodeStore(folder)
        self._sources: list[CodeSource] = []

    def keep(self, source: CodeSource) -> str:
        """What stands for this code; it takes the place of a digest in the function."""
        self._sources.append(source)
        return str(len(self._sources) - 1)

    def path(self, kept: str) -> str:
        """The folder to run it in.

        Raises:
            InvalidRequest: it is in OSS, or it is an archive that can't be unpacked.
            Unavailable: the disk is full.
        """
        if not kept:
            return ""  # an image, which nobody here can run
        source = self._sources[int(kept)]
        if source.folder is not None:
            return source.folder
        return self._store.path(on_this_machine(self._store.add)(source))
