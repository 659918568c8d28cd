"""Which files of a code folder are not part of the code: `.funignore`, and what never is.

A file of Serverless Devs has `.fcignore` instead, and `.s` where Funcraft has `.fun`; the rest is the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from fun_local.errors import InvalidRequest
from fun_local.template.built import project_folder
from fun_local.template.ignore_patterns import Pattern, is_ignored, parse

FUNCRAFT = ".funignore"
DEVS = ".fcignore"

#: Never uploaded (fun-cli section 4), in git's spelling: with a slash inside, it is about one place only.
_ALWAYS = (
    ".git",
    ".svn",
    ".env",
    ".DS_Store",
    "template.packaged.yml",
    ".nas.yml",
    "{tool}/nas",
    "{tool}/tmp",
    "{tool}/package",
)

#: What Funcraft uploads and no function wants: what runs leave behind, and the built copies of the code.
_OURS = ("__pycache__", "{tool}/build")

#: Dependencies of other languages, by the beginning of the runtime's name (fun-cli section 4).
_BY_RUNTIME = {
    "nodejs": ("{tool}/python",),
    "php": ("node_modules", "{tool}/python"),
    "python": ("node_modules",),
}

#: Bytes of an ignore file.
_MAX_BYTES = 1_000_000


class Ignored:
    """Says of names in ``folder`` whether they are ignored. The rules are read at the first question.

    Nothing below an ignored folder is ever asked about: as in git, it can't be taken back in.
    """

    def __init__(self, folder: str, *, template: str, runtime: str, file: str = FUNCRAFT) -> None:
        self._folder, self._runtime = os.path.abspath(folder), runtime
        self._tool = ".fun" if file == FUNCRAFT else ".s"
        self._base = _base(self._folder, template, file)
        self._file = os.path.join(self._base, file) if self._base else ""
        relative = os.path.relpath(self._folder, self._base or self._folder)
        self._parts = () if relative == "." else tuple(relative.split(os.sep))
        self._prefix = "".join(f"{part}/" for part in self._parts)
        self._rules: Sequence[Pattern] | None = None

    def __call__(self, name: str, is_folder: bool) -> bool:
        """Whether ``name``, relative to the folder and with ``/``, is ignored.

        Raises:
            InvalidRequest: the ignore file can't be read, or the whole folder is ignored.
        """
        if self._rules is None:
            self._rules = self._compiled()
        return is_ignored(self._rules, self._prefix + name, is_folder)

    def _compiled(self) -> Sequence[Pattern]:
        # What is written comes last, so it can take back what never is uploaded: `!.env`.
        rules = [*_rules("", self._always()), *_rules(self._file, _lines(self._file))]
        rules.reverse()  # the last that matches decides
        for end in range(1, len(self._parts) + 1):
            if is_ignored(rules, "/".join(self._parts[:end]), True):
                raise InvalidRequest(
                    "InvalidCode",
                    f"the whole folder {self._folder} is ignored",
                    hint=f"Change the rules in {self._file} or the place of the code.",
                )
        return rules

    def _always(self) -> Iterator[str]:
        patterns = [*_ALWAYS, *_OURS]
        for beginning, more in _BY_RUNTIME.items():
            if self._runtime.startswith(beginning):
                patterns += more
        for pattern in (pattern.format(tool=self._tool) for pattern in patterns):
            if not self._prefix.startswith(f"{pattern}/"):  # who points the code there means it
                yield pattern


def _base(folder: str, template: str, file: str) -> str:
    """The folder that the rules are relative to and stand in; empty for code that lies elsewhere.

    That is the template's folder, as in Funcraft. What a build has left where it was belongs to the
    project, and FC 3.0 looks for the file beside the code.
    """
    if file == DEVS and os.path.isfile(os.path.join(folder, file)):
        return folder
    for base in (os.path.dirname(os.path.abspath(template)), project_folder(template)):
        if os.path.commonpath((base, folder)) == base:
            return base
    return ""


def _rules(path: str, lines: Iterable[str]) -> Iterator[Pattern]:
    for number, line in enumerate(lines, start=1):
        try:
            pattern = parse(line)
        except ValueError as error:
            raise _refused(path, f"line {number}: {line!r} is not a pattern: {error}") from None
        if pattern:
            yield pattern


def _lines(path: str) -> list[str]:
    """The lines of an ignore file; none when there is no such file."""
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise _refused(path, f"larger than {_MAX_BYTES // 1_000_000} MB")
        return [line.removesuffix("\r") for line in raw.decode("utf-8-sig").split("\n")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _refused(path, f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _refused(path, "not UTF-8 text") from None


def _refused(path: str, message: str) -> InvalidRequest:
    return InvalidRequest("InvalidIgnoreFile", f"{path}: {message}", hint="It has the syntax of .gitignore.")
