"""The files that a template's functions were made from, watched for changes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from types import TracebackType

from fun_local.watch import Changes

#: Folders that no function is made from, or that are too large to watch.
PASSED_OVER = frozenset({".git", ".svn", ".hg", "node_modules", "__pycache__"})
_OURS = frozenset(os.path.join(".fun", name) for name in ("build", "nas", "package", "tmp"))


class Sources:
    """Watches files and whole folders until ``wait`` has something to tell.

    ``home`` may lie in one of them: what we write there ourselves is no change.
    """

    def __init__(self, home: str, paths: Iterable[str]) -> None:
        self._home = os.path.realpath(home)
        self._changes = Changes()
        self._paths: tuple[str, ...] = ()
        self.follow(paths)

    def follow(self, paths: Iterable[str]) -> None:
        """Watch these as well; what is watched already stays."""
        self._paths = tuple(dict.fromkeys((*self._paths, *paths)))
        for path in self._paths:
            # A file's folder, too: editors put a new file in the place of the old one.
            if not os.path.isdir(path):
                self._changes.add(os.path.dirname(os.path.abspath(path)), contents=True)
            for folder in self._folders(path):
                self._changes.add(folder, contents=True)

    def wait(self) -> None:
        """Until something was saved. Folders that were made meanwhile are watched from then on."""
        self._changes.wait()
        self.follow(())

    def have_changed(self) -> bool:
        """Whether something was saved since this was last asked; where nobody can tell, perhaps: True."""
        if not self._changes.wait(0):
            return False
        self.follow(())
        return True

    def fileno(self) -> int:
        """A descriptor that can be read when something was saved; -1 where there is none."""
        return self._changes.fileno()

    def _folders(self, path: str) -> Iterator[str]:
        for folder, names, _ in os.walk(path):
            names[:] = [name for name in names if name not in PASSED_OVER]
            if os.path.realpath(folder) == self._home or folder.endswith(tuple(_OURS)):
                names.clear()
            else:
                yield folder

    def __enter__(self) -> Sources:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._changes.__exit__(kind, error, traceback)
