"""`.fun/build/artifacts` (fun-cli section 4): built code by service and function, a template, and META.

A build prepares everything in a folder of its own, and then puts it all in place. Until then, what was built
before is untouched. While it puts things in place nothing is known of what is there: a build that is killed
at that instant is followed by one that does everything anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from fun_local.build.files import check_within, swap
from fun_local.errors import Conflict, InvalidRequest, storage_error
from fun_local.store.files import remove_temporaries, sync_folder, write_atomically
from fun_local.template import built

TEMPLATE = "template.yml"

_NEW = ".new-"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Digests:
    """What was built of a function: its code, and what decides which packages it gets."""

    code: str
    packages: str


class Artifacts:
    """What is built in the folder of a project."""

    def __init__(self, project: str) -> None:
        self._project = project
        self.folder = os.path.join(project, built.ARTIFACTS)
        self.template = os.path.join(self.folder, TEMPLATE)

    def code(self, function: str) -> str:
        """The folder of a function's built code."""
        return os.path.join(self.folder, *function.split("/"))

    def digests(self) -> dict[str, Digests]:
        """What is known of the functions whose built code is there."""
        noted = built.options_of(self.template).get("functions")
        found = {}
        for function, digests in noted.items() if isinstance(noted, dict) else ():
            with contextlib.suppress(TypeError):
                if os.path.isdir(self.code(function)):
                    found[function] = Digests(**digests)
        return found

    def stamps(self) -> dict[str, str]:
        """When the files that it was built from had changed last; nothing when that is not known."""
        try:
            return built.stamps_of(self.template)
        except InvalidRequest:  # damaged: this build mends it
            return {}

    @contextlib.contextmanager
    def stage(self) -> Iterator[str]:
        """A folder to prepare a build in, which is gone afterwards.

        Raises:
            Conflict: another build is at work.
            InvalidRequest: a link leads elsewhere.
            FunLocalError: the disk refuses.
        """
        check_within(self._project, self.folder)
        try:
            os.makedirs(self.folder, exist_ok=True)
            path = os.path.join(os.path.dirname(self.folder), _LOCK)
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise storage_error(self.folder, error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_temporaries(self.folder)
            for name in os.listdir(self.folder):
                if name.startswith(_NEW):  # of a build that was killed
                    shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)
            folder = tempfile.mkdtemp(prefix=_NEW, dir=self.folder)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            message = f"another build is at work in {self.folder}"
            raise Conflict("BuildRunning", message, hint="Wait until it has ended.") from None
        except OSError as error:
            raise storage_error(error.filename or self.folder, error) from None
        finally:
            os.close(lock)

    def replace(
        self,
        staged: Mapping[str, str],
        *,
        template: bytes,
        stamps: Mapping[str, str],
        folders: Sequence[built.Folder],
        digests: Mapping[str, Digests],
    ) -> None:
        """Put what was prepared in place: functions with the folders of their new code, and the template.

        ``digests`` are of all functions whose built code is to be there: that of others goes.
        """
        for function in digests:
            check_within(self.folder, self.code(function))
        meta = self._meta(stamps, folders, digests)
        old = self._read(TEMPLATE), self._read(built.META)
        if not staged and old == (template, meta) and not self._others(digests):
            return
        if staged:
            self._write(built.META, self._meta(self.stamps() or stamps, (), {}))
        for function, folder in staged.items():
            os.makedirs(os.path.dirname(self.code(function)), exist_ok=True)
            swap(folder, self.code(function))
        for folder in self._others(digests):
            shutil.rmtree(folder)
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(folder))  # a service whose last function it was
        if old[0] != template:
            self._write(TEMPLATE, template)
        self._write(built.META, meta)
        sync_folder(self.folder)

    def _others(self, functions: Collection[str]) -> Sequence[str]:
        """The folders of built code of other functions."""
        wanted = {self.code(function) for function in functions}
        services = [entry for entry in _folders_in(self.folder) if not entry.name.startswith(".")]
        found = [entry.path for service in services for entry in _folders_in(service.path)]
        return [path for path in found if path not in wanted]

    def _meta(
        self, stamps: Mapping[str, str], folders: Sequence[built.Folder], digests: Mapping[str, Digests]
    ) -> bytes:
        functions = {function: asdict(found) for function, found in sorted(digests.items())}
        content = built.meta((), {"functions": functions}, dict(sorted(stamps.items())))
        return json.dumps(built.with_folders(content, folders), indent=2).encode()

    def _write(self, name: str, data: bytes) -> None:
        write_atomically(os.path.join(self.folder, name), data, mode=0o666)

    def _read(self, name: str) -> bytes:
        try:
            with open(os.path.join(self.folder, name), "rb") as file:
                return file.read()
        except OSError:
            return b""


def _folders_in(path: str) -> list[os.DirEntry[str]]:
    """No links: what they lead to is not ours to remove."""
    with os.scandir(path) as entries:
        return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
