"""`fun build` (fun-cli section 8): the functions of a template, each with its packages, in .fun/build."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from fun_local.build import artifacts, relocation
from fun_local.build.artifacts import Artifacts, Digests
from fun_local.build.files import digest_of, ignoring, linked_copy, rules_of
from fun_local.build.installers import Installer, Target, about, asked
from fun_local.build.tools import Tools, unwinding
from fun_local.errors import InvalidRequest
from fun_local.model.resources import Function
from fun_local.store.code import READABLE, read_code
from fun_local.store.code_entries import Entry, folder_entries
from fun_local.store.code_meter import Meter
from fun_local.template import built, devs
from fun_local.template.code import CodeSource
from fun_local.template.load import Document, Path

#: The built template, relative to the folder of the one that it was built from.
TEMPLATE = os.path.join(built.ARTIFACTS, artifacts.TEMPLATE)

#: What Funcraft builds from and nothing here does: why not.
_UNSUPPORTED = {
    "Funfile": "is a recipe for a container, of which there are none here; it has no effect",
    "fun.yml": "is a recipe for a container, of which there are none here; it has no effect",
    "pom.xml": "is for Maven, which is not run here; build the archive and have CodeUri lead to it",
    "composer.json": "is for Composer, which is not run here; run it beside the code",
}

#: Told of a function that packages are installed for, and what there is to say of it.
OnStart = Callable[[str, Sequence[str]], None]

BUILT, COPIED, UNCHANGED, SKIPPED = "Built", "Copied", "Unchanged", "Skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """What was done for a function, from which manifests, and where its code is now."""

    function: str
    action: str
    manifests: tuple[str, ...]
    path: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the code of a target is to become, and when the files that say so had changed last."""

    target: Target
    installers: Sequence[Installer]
    entries: Sequence[Entry]
    digests: Digests
    stamps: Mapping[str, str]


def is_foreign(document: Document) -> bool:
    """Whether a template is of a dialect in which nothing is built or packaged: Serverless Devs'."""
    return devs.is_devs(document) and "ROSTemplateFormatVersion" not in document.data


def targets(functions: Sequence[Function], sources: Sequence[CodeSource]) -> dict[Path, Target]:
    """The folders that hold code, by the first place in the template that names them.

    The code of a function is the number of its source. What is no folder is left out: archives, single files,
    text in the template, code in OSS and images are complete as they are.
    """
    sharing: dict[tuple[str, str], list[tuple[Function, CodeSource]]] = {}
    for function in functions:
        source = sources[int(function.code)] if function.code else CodeSource()
        if source.folder is not None:
            sharing.setdefault((source.folder, function.runtime), []).append((function, source))
    found = {}
    for (folder, runtime), users in sharing.items():
        paths = tuple(function.path for function, _ in users)
        places = tuple(source.at for _, source in users)
        found[places[0]] = Target(folder, runtime, paths, places, users[0][1].ignored)
    return found


def check_folder(found: Mapping[Path, Target], function: str) -> None:
    """Raises InvalidRequest for a function whose code is no folder."""
    if not any(function in target.functions for target in found.values()):
        raise InvalidRequest(
            "InvalidArgument",
            f"the code of {function} is no folder, so nothing can be installed for it",
            hint="Have CodeUri lead to a folder with requirements.txt or package.json.",
        )


def unsupported(target: Target) -> list[str]:
    """What there is to say of files in the folder that somebody may expect to have an effect."""
    reasons = dict(_UNSUPPORTED)
    if target.runtime.startswith("python2"):
        reasons["requirements.txt"] = f"is for {target.runtime}, which nothing here can run; it has no effect"
    names = [name for name in reasons if os.path.isfile(os.path.join(target.folder, name))]
    return [f"{target.name}: {name} {reasons[name]}" for name in names]


def build(
    document: Document,
    found: Mapping[Path, Target],
    *,
    only: str = "",
    anew: bool = False,
    without: str,
    tools: Tools,
    on_start: OnStart,
) -> list[Result]:
    """Build every function of a template, or ``only`` one; without ``anew`` only what has changed.

    ``without`` is a folder that is no part of any code. ``on_start`` is told of each function that packages
    are installed for, and what there is to say of it.

    Raises:
        InvalidRequest: something can't be built. All that was built before is still there.
        Unavailable: where packages come from does not answer, or the disk is full. Likewise.
        Conflict: another build is at work.
    """
    if is_foreign(document):
        raise InvalidRequest(
            "InvalidArgument",
            f"{document.path} is a file of Serverless Devs, of which nothing is built",
            hint="Install packages beside the code: fun install",
        )
    place = Artifacts(os.path.dirname(os.path.abspath(document.path)))
    with unwinding(), place.stage() as stage:
        work = _Build(document, place, stage, without=without, tools=tools, on_start=on_start)
        return work.run(found.values(), only, anew)


class _Build:
    """One build: what was there before, and what has been prepared so far."""

    def __init__(
        self,
        document: Document,
        place: Artifacts,
        stage: str,
        *,
        without: str,
        tools: Tools,
        on_start: OnStart,
    ) -> None:
        self._document, self._place, self._stage = document, place, stage
        self._without, self._tools, self._on_start = without, tools, on_start
        self._known, self._earlier = place.digests(), place.stamps()
        self._staged: dict[str, str] = {}
        self._digests: dict[str, Digests] = {}
        # Before anything is read: what is changed while we are at work is newer than its stamp.
        self._stamps = built.stamps(rules_of(document))
        self._kept: dict[str, str] = {}
        self._folders: list[built.Folder] = []

    def run(self, found: Iterable[Target], only: str, anew: bool) -> list[Result]:
        results: list[Result] = []
        code: dict[Path, str] = {}
        for target in found:
            installers = asked(target, self._tools)
            is_wanted = installers and (not only or only in target.functions)
            wanted = self._look(target, installers) if is_wanted else None
            for function, at in zip(target.functions, target.places, strict=True):
                if only and function != only:
                    code[at] = self._keep(target, installers, function)
                    continue
                action = self._build(wanted, function, anew) if wanted else SKIPPED
                code[at] = self._place.code(function) if wanted else target.folder
                manifests = tuple(installer.manifest for installer in installers)
                results.append(Result(function, action, manifests, code[at]))
        self._finish(code)
        return results

    def _keep(self, target: Target, installers: Sequence[Installer], function: str) -> str:
        """Leave a function as it was built before, if it was. Where its code is."""
        if not installers or function not in self._known:
            return target.folder
        self._digests[function] = self._known[function]
        self._folders.append(self._folder(target, installers))
        named: set[str] = set()
        for installer in installers:
            with suppress(InvalidRequest):  # a mistake that is not in what is built now
                named.update(installer.inputs(target.folder).all_files())
        inside = os.path.join(target.folder, "")
        self._kept |= {p: stamp for p, stamp in self._earlier.items() if p in named or p.startswith(inside)}
        return self._place.code(function)

    def _look(self, target: Target, installers: Sequence[Installer]) -> _Wanted:
        """What is to be built, which costs no more than reading it."""
        noted = self._folder(target, installers)
        self._folders.append(noted)
        with about(target.name):
            inputs = [installer.inputs(target.folder) for installer in installers]
            versions = [f"{installer.kind} {installer.version}" for installer in installers]
            entries = folder_entries(target.folder, without="", ignored=ignoring(target, noted.without))
        named = [input.all_files() for input in inputs]
        own = [os.path.join(target.folder, entry.name) for entry in entries if entry.open]
        stamps = built.stamps({*own, *chain.from_iterable(named)})
        code = read_code(entries, Meter(0))
        packages = [*versions, *map(digest_of, named), code if any(i.needs_code for i in inputs) else ""]
        return _Wanted(target, installers, entries, Digests(code, " ".join(packages)), stamps)

    def _folder(self, target: Target, installers: Sequence[Installer]) -> built.Folder:
        # What is installed beside the code is for development, and perhaps for another version.
        outputs = [os.path.join(target.folder, installer.output) for installer in installers]
        template = os.path.abspath(self._document.path)
        return built.Folder(
            target.folder, template, target.runtime, tuple(map(os.path.realpath, (self._without, *outputs)))
        )

    def _build(self, wanted: _Wanted, function: str, anew: bool) -> str:
        """Prepare the code of a function, as far as it is not there. What was done for it."""
        self._stamps |= wanted.stamps
        self._digests[function] = wanted.digests
        known = None if anew else self._known.get(function)
        if known == wanted.digests:
            return UNCHANGED
        is_copy = known is not None and known.packages == wanted.digests.packages
        folder = os.path.join(self._stage, str(len(self._staged)))
        twin = next((self._staged[name] for name in wanted.target.functions if name in self._staged), "")
        if twin:
            shutil.copytree(twin, folder, symlinks=True)
        else:
            os.mkdir(folder)
            read_code(wanted.entries, Meter(0), folder, modes=READABLE)
            if is_copy:
                self._take_over(wanted, function, folder)
            else:
                self._install(wanted, function, folder)
        self._staged[function] = folder
        return COPIED if is_copy else BUILT

    def _take_over(self, wanted: _Wanted, function: str, folder: str) -> None:
        """The packages of what was built before."""
        for installer in wanted.installers:
            source = os.path.join(self._place.code(function), installer.output)
            linked_copy(source, os.path.join(folder, installer.output))

    def _install(self, wanted: _Wanted, function: str, folder: str) -> None:
        with about(function):
            notices = [notice for installer in wanted.installers if (notice := installer.notice)]
            self._on_start(function, notices)
            for installer in wanted.installers:
                installer.install(function, wanted.target.folder, folder)

    def _finish(self, code: Mapping[Path, str]) -> None:
        data = relocation.relocated(self._document, self._place.folder, code)
        self._place.replace(
            self._staged,
            template=relocation.written(
                data, "Made by fun build, which makes it anew: changes here are lost."
            ),
            # Of files that also belong to what was not built now, what that was built from counts.
            stamps=self._stamps | self._kept,
            folders=self._folders,
            digests=self._digests,
        )
