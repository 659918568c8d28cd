"""Folders that are replaced as a whole, and what is known of the files in them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from fun_local.errors import InvalidRequest, storage_error
from fun_local.store.code_entries import Ignored
from fun_local.template.built import project_folder
from fun_local.template.ignore import FUNCRAFT
from fun_local.template.load import Document

#: In the folder of a local package: what its building leaves there, and what is no part of it.
_NO_INPUT = ("__pycache__", "build", "node_modules")
_NO_INPUT_ENDS = (".egg-info", ".pyc")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What decides which packages a function gets: files that say so, local packages (files and folders), and
    with ``needs_code`` all of its code, which takes part in the installation.
    """

    files: tuple[str, ...]
    places: tuple[str, ...] = ()
    needs_code: bool = False

    def all_files(self) -> list[str]:
        """Every single file, those in the folders too."""
        return sorted({*self.files, *(path for place in self.places for path in _files_in(place))})


def digest_of(files: Iterable[str]) -> str:
    """One for the names and contents of files. One that can't be read counts as empty: pip or npm tells."""
    whole = hashlib.sha256()
    for path in files:
        content = hashlib.sha256()
        with contextlib.suppress(OSError), open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                content.update(chunk)
        whole.update(os.fsencode(path) + b"\0" + content.digest())
    return whole.hexdigest()


def _files_in(place: str) -> Iterator[str]:
    if not os.path.isdir(place):
        yield place
        return
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if _is_input(name)]
        yield from (os.path.join(folder, name) for name in names if _is_input(name))


def _is_input(name: str) -> bool:
    return not (name.startswith(".") or name in _NO_INPUT or name.endswith(_NO_INPUT_ENDS))


class HasCode(Protocol):
    """A folder with code, and what is ignored in it."""

    @property
    def folder(self) -> str | None: ...

    @property
    def ignored(self) -> Ignored | None: ...


def ignoring(code: HasCode, without: Iterable[str]) -> Ignored:
    """Says of names in a folder whether they are no part of the code, or among these paths."""
    root, ignored = os.path.realpath(code.folder or ""), code.ignored
    places = {os.path.realpath(path) for path in without}

    def is_left_out(name: str, is_folder: bool) -> bool:
        return os.path.join(root, name) in places or (ignored is not None and ignored(name, is_folder))

    return is_left_out


def rules_of(document: Document) -> list[str]:
    """The files that say what is code: the template, and beside it what is ignored."""
    template = os.path.abspath(document.path)
    rules = os.path.join(project_folder(template), FUNCRAFT)
    return [template, rules] if os.path.isfile(rules) else [template]


def linked_copy(source: str, target: str) -> None:
    """The same files under another name, as links where the disk has such: nobody changes them in place."""
    if os.path.isdir(source):
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def check_within(base: str, path: str) -> None:
    """Raises InvalidRequest where a link would have us replace something that is not below ``base``.

    Projects come from anywhere, and what is to be replaced is deleted.
    """
    found = os.path.realpath(path)
    if found != os.path.join(os.path.realpath(base), os.path.relpath(path, base)):
        raise InvalidRequest(
            "InvalidArgument",
            f"{path} leads to {found}, where nothing may be replaced",
            hint="Remove the symbolic link.",
        )


@contextlib.contextmanager
def replace_folder(base: str, name: str) -> Iterator[str]:
    """Gives a new folder, which takes the place of ``name`` in ``base`` when the block ends well.

    Raises:
        InvalidRequest: that place is elsewhere.
        FunLocalError: the disk refuses. What was there is still there.
    """
    path = os.path.join(base, name)
    parent = os.path.dirname(path)
    check_within(base, path)
    made = _missing_parents(parent)
    try:
        os.makedirs(parent, exist_ok=True)
        _sweep(path)
        new = tempfile.mkdtemp(prefix=f"{os.path.basename(path)}.", suffix=".new", dir=parent)
        os.chmod(new, 0o777 & ~_umask())
    except OSError as error:
        raise storage_error(path, error) from None
    try:
        yield new
        swap(new, path)
    except OSError as error:
        raise storage_error(path, error) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
        for folder in made:
            with contextlib.suppress(OSError):
                os.rmdir(folder)  # unless there is something in it now


def swap(new: str, path: str) -> None:
    """Put a folder in the place of another, or of nothing. Raises OSError; then the other is still there."""
    aside = f"{new}.old"
    is_there = os.path.lexists(path)
    if is_there:
        os.rename(path, aside)
    try:
        os.rename(new, path)
    except BaseException:
        if is_there:
            os.rename(aside, path)
        raise
    if os.path.islink(aside) or os.path.isfile(aside):
        os.unlink(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _sweep(path: str) -> None:
    """Remove what an installation that was killed has left."""
    parent, name = os.path.split(path)
    for other in os.listdir(parent):
        if other.startswith(f"{name}.") and ".new" in other:
            shutil.rmtree(os.path.join(parent, other), ignore_errors=True)


def _missing_parents(folder: str) -> list[str]:
    """The folders that are not there yet, innermost first."""
    missing = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    return missing


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
