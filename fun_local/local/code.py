"""The code of functions that are run without a deploy.

A folder is run where it lies: what is edited there is what runs next, and breakpoints need no mapping of
paths. So the function also sees the files that a deploy would leave out. Archives and code that is written in
the template are unpacked.
"""

from __future__ import annotations

import hashlib
import os

from fun_local.local.sources import PASSED_OVER
from fun_local.store.code import CodeStore
from fun_local.template.code import CodeSource
from fun_local.template.stored import on_this_machine


class CodeInPlace:
    """Remembers the code of a template's functions. ``folder`` is for what has to be unpacked.

    With ``follows_changes``, what stands for code is another one as soon as the code is.
    """

    def __init__(self, folder: str, *, follows_changes: bool = False) -> None:
        self._store = CodeStore(folder)
        self._follows_changes = follows_changes
        self._sources: dict[str, CodeSource] = {}

    def keep(self, source: CodeSource) -> str:
        """What stands for this code; it takes the place of a digest in the function."""
        name = _state(source) if self._follows_changes else str(len(self._sources))
        self._sources[name] = source
        return name

    def path(self, kept: str) -> str:
        """The folder to run it in.

        Raises:
            InvalidRequest: it is in OSS, or it is an archive that can't be unpacked.
            Unavailable: the disk is full.
        """
        if not kept:
            return ""  # an image, which nobody here can run
        source = self._sources[kept]
        if source.folder is not None:
            return source.folder
        return self._store.path(on_this_machine(self._store.add)(source))


def _state(source: CodeSource) -> str:
    """A digest of what the code is now: of a folder, of what the system tells of the files in it."""
    digest = hashlib.sha256(repr((source.folder, source.stored)).encode(errors="surrogateescape"))
    digest.update(source.archive or b"")
    for name, content in (source.files or {}).items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    if source.folder is not None:
        for line in _files(source, source.folder):
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(source: CodeSource, root: str) -> list[str]:
    """A line per file that is code, with all that changes when it does."""
    is_ignored = source.ignored or (lambda name, is_folder: False)
    found = []
    for folder, names, files in os.walk(root):
        prefix = "" if folder == root else os.path.relpath(folder, root) + "/"
        names[:] = [n for n in names if n not in PASSED_OVER and not is_ignored(prefix + n, True)]
        for name in (prefix + n for n in files if not is_ignored(prefix + n, False)):
            try:
                status = os.stat(os.path.join(root, name))
            except OSError:  # gone meanwhile: the next look tells
                continue
            state = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)
            found.append(f"{name}\0{state}\n")
    return sorted(found)
