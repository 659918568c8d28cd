"""`fun package` (fun-cli section 12): the archives that would be uploaded, and a template that has them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fun_local.build import relocation
from fun_local.build.files import ignoring, rules_of
from fun_local.build.installers import about
from fun_local.errors import storage_error
from fun_local.model.resources import Function
from fun_local.store.code_entries import folder_entries
from fun_local.store.files import write_atomically
from fun_local.store.package import Package, write_package
from fun_local.template import built
from fun_local.template.code import CodeSource
from fun_local.template.load import Document


@dataclass(frozen=True, slots=True)
class Packaged:
    """A function, and the archive of its code."""

    function: str
    package: Package


def stamps_now(
    document: Document,
    functions: Sequence[Function],
    sources: Sequence[CodeSource],
    *,
    without: Sequence[str],
) -> dict[str, Any]:
    """When everything that the archives are made from has changed last; to be asked before they are made.

    That includes what built code was built from.
    """
    template = os.path.abspath(document.path)
    outside = tuple(os.path.realpath(path) for path in without)
    files, folders = set(rules_of(document)), list[built.Folder]()
    for function in functions:
        source = sources[int(function.code)] if function.code else CodeSource()
        if source.folder is not None:
            folders.append(built.Folder(source.folder, template, function.runtime, outside))
            entries = folder_entries(source.folder, without="", ignored=ignoring(source, without))
            files |= {os.path.join(source.folder, entry.name) for entry in entries if entry.open}
        elif path := _file(document, source):
            files.add(path)
    is_built = built.is_built(document.path)
    # First, and so first to be told of: what people have changed, not what was made of it.
    sources_of_built = built.stamps_of(document.path) if is_built else {}
    folders += built.folders_of(document.path) if is_built else []
    stamps = sources_of_built | built.stamps(sorted(files - sources_of_built.keys()))
    return built.with_folders(built.meta((), {}, stamps), folders)


def _file(document: Document, source: CodeSource) -> str:
    """The archive or single file that the template names; empty where it names none in so many words."""
    value: object = document.data
    for part in source.at:
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, str) or source.at[-1] != "CodeUri":
        return ""
    path = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(document.path)), value))
    return path if os.path.isfile(path) else ""


def package(
    functions: Sequence[Function], sources: Sequence[CodeSource], folder: str, *, without: Sequence[str]
) -> list[Packaged]:
    """Write SERVICE/FUNCTION.zip into ``folder`` for each function whose code is here: all of them or none.

    What is in ``without`` is no part of anybody's code.

    Raises:
        InvalidRequest: there is no code, or none that could be deployed.
        Unavailable: the disk is full.
    """
    done: list[Packaged] = []
    made: dict[tuple[str | None, str], Package] = {}  # what functions may share
    try:
        os.makedirs(folder, exist_ok=True)
        stage = tempfile.mkdtemp(prefix=".new-", dir=folder)
    except OSError as error:
        raise storage_error(folder, error) from None
    try:
        for function in functions:
            source = sources[int(function.code)] if function.code else None
            if source is None or source.stored is not None:
                continue
            os.makedirs(os.path.join(stage, function.service), exist_ok=True)
            path = os.path.join(stage, f"{function.path}.zip")
            key = source.folder, function.runtime
            if source.folder is not None and (twin := made.get(key)):
                shutil.copyfile(twin.path, path)
                found = replace(twin, path=path)
            else:
                with about(function.path):
                    ours = replace(source, ignored=ignoring(source, [*without, stage]))
                    found = made[key] = write_package(ours, path)
            done.append(Packaged(function.path, found))
        return [_put(found, folder) for found in done]
    except OSError as error:
        raise storage_error(error.filename or folder, error) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _put(found: Packaged, folder: str) -> Packaged:
    path = os.path.join(folder, f"{found.function}.zip")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.rename(found.package.path, path)
    return replace(found, package=replace(found.package, path=path))


def write_template(
    document: Document,
    path: str,
    done: Sequence[Packaged],
    functions: Sequence[Function],
    sources: Sequence[CodeSource],
) -> None:
    """Write the template that takes the code of functions from their archives. Raises as write_atomically."""
    archives = {found.function: os.path.abspath(found.package.path) for found in done}
    code = {sources[int(f.code)].at: archives[f.path] for f in functions if f.path in archives}
    folder = os.path.dirname(os.path.abspath(path))
    data = relocation.relocated(document, folder, code)
    text = relocation.written(data, "Made by fun package, which makes it anew: changes here are lost.")
    _write(path, text)


def note_stamps(template: str, noted: Mapping[str, Any]) -> None:
    """Note beside a packaged template what it was made from. Raises as write_atomically."""
    path = os.path.join(os.path.dirname(os.path.abspath(template)), built.PACKAGES, built.META)
    _write(path, json.dumps(noted, indent=2).encode())


def _write(path: str, data: bytes) -> None:
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    except OSError as error:
        raise storage_error(path, error) from None
    write_atomically(path, data, mode=0o666)
