"""`fun install`: packages beside the code, in the project's own folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fun_local.build.installers import Target, about, asked, of_runtime
from fun_local.build.tools import Tools, unwinding
from fun_local.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Installed:
    """What was installed for the code in a folder, which is ``path``: what is in these manifests."""

    function: str
    manifests: tuple[str, ...]
    path: str


def install(
    target: Target,
    packages: Sequence[str] = (),
    *,
    kind: str = "",
    save: bool = False,
    tools: Tools,
    on_start: Callable[[str, Sequence[str]], None],
) -> Installed:
    """Install what the code's manifests name, or the packages that are named here (with ``save``, there too).

    ``kind`` picks one of pip and npm. ``on_start`` is told what is worked on, and what there is to say of it.

    Raises:
        InvalidRequest: the runtime has no such packages, or they can't be installed. What was there before
            is still there.
        Unavailable: where packages come from does not answer, or the disk is full.
    """
    possible = of_runtime(target.runtime, tools) if packages else asked(target, tools)
    chosen = [installer for installer in possible if kind in ("", installer.kind)]
    if packages and len(chosen) != 1:
        raise _undecided(target, kind, several=len(chosen) > 1)
    with unwinding(), about(target.name):
        for installer in chosen:
            on_start(target.name, [notice] if (notice := installer.notice) else [])
            if packages:
                installer.add(target.name, target.folder, packages, save=save)
            else:
                installer.install_beside(target.name, target.folder)
    manifests = tuple(i.manifest for i in chosen) if save or not packages else ()
    return Installed(target.name, manifests, target.folder)


def _undecided(target: Target, kind: str, *, several: bool) -> InvalidRequest:
    if several:
        message = f"{target.name} has runtime {target.runtime}, which may have packages of pip's and of npm's"
        return InvalidRequest("InvalidArgument", message, hint="Say which: --package-type pip or npm.")
    what = f"packages of {kind}'s" if kind else "packages that can be installed here"
    message = f"{target.name} has runtime {target.runtime}, which has no {what}"
    return InvalidRequest(
        "InvalidArgument", message, hint="Leave --package-type out, or correct the template."
    )
