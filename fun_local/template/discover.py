"""Which file is the template: the one that is named, or the first that is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fun_local.errors import InvalidRequest
from fun_local.template.built import ARTIFACTS, is_built

#: What people write, in this order (fun-cli section 4; the last two are Serverless Devs').
CANDIDATES = ("template.yml", "template.yaml", "faas.yml", "faas.yaml", "s.yaml", "s.yml")

_PACKAGED = "template.packaged.yml"
_BUILT = tuple(os.path.join(ARTIFACTS, name) for name in ("template.yml", "template.yaml"))
_OVERRIDE = "template.override.yml"
#: JSON is YAML, and what other tools write is often JSON; Funcraft would refuse it.
_EXTENSIONS = (".yml", ".yaml", ".json")


class Kind(StrEnum):
    """What a command wants a template for; what `fun build` and `fun package` wrote suits some only."""

    DEPLOY = "deploy"
    LOCAL = "local"
    PACKAGE = "package"
    SOURCE = "source"  # build, install, validate, invoke

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names that are tried, the first that exists wins (fun-cli section 4)."""
        if self is Kind.DEPLOY:
            return (_PACKAGED, *_BUILT, *CANDIDATES)
        return CANDIDATES if self is Kind.SOURCE else (*_BUILT, *CANDIDATES)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The template to use. ``overrides`` are to be merged over it, one after the other.

    ``passed_over`` are the candidates that are there too, but come later; none when the file was named.
    """

    path: str
    overrides: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Everything to be read, in the order in which it is merged."""
        return (self.path, *self.overrides)

    @property
    def source(self) -> str:
        """What somebody wrote and this one was made from; empty when it is no such file."""
        if os.path.basename(self.path) != _PACKAGED and not is_built(self.path):
            return ""
        written = (path for path in self.passed_over if os.path.basename(path) != _PACKAGED)
        return next((path for path in written if not is_built(path)), "")


def choose(directory: str, explicit: str | Sequence[str] | None = None, *, kind: Kind) -> Chosen:
    """The template for a command: ``explicit`` (relative to ``directory``), or the first candidate there.

    Several may be named: the later are merged over the first. Local commands merge the override that
    stands beside a template, unless they were told which files to take (fun-cli section 4).

    Raises:
        InvalidRequest: there is none, or what was named is none.
    """
    named = (explicit,) if isinstance(explicit, str) else tuple(explicit or ())
    if named:
        first, *rest = (_named(os.path.join(directory, name)) for name in named)
        return Chosen(first, tuple(rest))
    paths = (os.path.join(directory, name) for name in kind.candidates)
    found = [path for path in paths if os.path.isfile(path)]
    if not found:
        raise InvalidRequest(
            "TemplateNotFound",
            f"no template in {os.path.abspath(directory)}",
            hint=f"Looked for {', '.join(CANDIDATES)}. Change to the project's folder or use --template.",
        )
    override = os.path.join(os.path.dirname(found[0]), _OVERRIDE)
    overrides = (override,) if kind is Kind.LOCAL and os.path.isfile(override) else ()
    return Chosen(found[0], overrides, tuple(found[1:]))


def check_deployable(
    chosen: Chosen, data: Mapping[str, Any], is_here: Callable[[str, str], bool] = lambda *_: False
) -> None:
    """Refuse a template that nobody has named and whose code `fun package` has put into object storage.

    ``is_here`` says of a bucket and a key whether they are in this home's.

    Raises:
        InvalidRequest: which one to name instead.
    """
    if not chosen.source or os.path.basename(chosen.path) != _PACKAGED:
        return
    if not all(is_here(*address) for address in _stored(data)):
        raise InvalidRequest(
            "CodeInStorage",
            f"the code of {chosen.path} is in object storage, and not in this home's",
            hint=f"Deploy what it was made from: -t {chosen.source} (or delete {chosen.path}).",
        )


def _named(path: str) -> str:
    if not os.path.isfile(path):
        what = "a folder, not a file" if os.path.isdir(path) else "not there"
        raise InvalidRequest(
            "TemplateNotFound", f"template {path} is {what}", hint="Give an existing file with --template."
        )
    if not path.lower().endswith(_EXTENSIONS):
        raise InvalidRequest(
            "InvalidArgument",
            f"template {path} is not called .yml, .yaml or .json",
            hint="Templates are YAML; rename the file if it is one.",
        )
    return path


def _stored(value: object) -> Iterator[tuple[str, str]]:
    """Bucket and key of all code in object storage; empty ones where they are not written as text."""
    inner: Iterable[object] = value if isinstance(value, list) else ()
    if isinstance(value, dict):
        uri = value.get("CodeUri")
        if isinstance(uri, str) and uri.startswith("oss://"):
            bucket, _, key = uri.removeprefix("oss://").partition("/")
            yield bucket, key
        if "OssBucketName" in value:
            parts = (value["OssBucketName"], value.get("OssObjectName"))
            bucket, key = (part if isinstance(part, str) else "" for part in parts)
            yield bucket, key
        inner = value.values()
    for item in inner:
        yield from _stored(item)
